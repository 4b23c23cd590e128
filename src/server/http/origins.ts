import type { IncomingMessage } from "node:http";
import type { FastifyInstance } from "fastify";
import type { App } from "../../platform/app.js";

const METHODS = "GET, POST, OPTIONS";
const REQUEST_HEADERS =
  "authorization, content-type, dpop, x-request-id, traceparent, accept, apollo-require-preflight";
const ANSWER_HEADERS = "x-request-id, traceparent, retry-after, www-authenticate, dpop-nonce, content-disposition";
const KEPT_SECONDS = 600;

/**
 * Lets pages of the configured origins call us from a browser (CORS), and answers what browsers ask beforehand. No
 * cookie is ever allowed: a caller from elsewhere brings a token. Without origins nothing is said, which is a no.
 */
export function allowOrigins(server: FastifyInstance, app: App): void {
  const origins = new Set(app.config.http.origins);
  if (origins.size === 0) return;
  server.addHook("onRequest", async (request, reply) => {
    void reply.header("vary", "origin");
    const { origin } = request.headers;
    if (origin === undefined || !origins.has(origin)) return;
    void reply.headers({ "access-control-allow-origin": origin, "access-control-expose-headers": ANSWER_HEADERS });
  });
  server.options("/*", async (_request, reply) => {
    if (reply.getHeader("access-control-allow-origin") !== undefined) {
      void reply.headers({
        ...{ "access-control-allow-methods": METHODS, "access-control-allow-headers": REQUEST_HEADERS },
        "access-control-max-age": KEPT_SECONDS,
      });
    }
    return reply.code(204).send();
  });
}

/** Whether a page that opens a WebSocket, which browsers do without asking, is ours or of a configured origin. */
export function isOriginAllowed({ config }: App, { headers }: IncomingMessage): boolean {
  const { origin, host } = headers;
  if (origin === undefined) return true; // no browser
  const isOwn =
    origin === new URL(config.publicUrl).origin || origin === `http://${host}` || origin === `https://${host}`;
  return isOwn || config.http.origins.includes(origin);
}
