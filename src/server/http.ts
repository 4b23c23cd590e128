import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import fastify, { type FastifyInstance, type FastifyRequest } from "fastify";
import { REVOCATION_PATH, TOKEN_PATH } from "../identity/assertions/service.js";
import { newNonce } from "../identity/nonces/service.js";
import { CALLBACK_PATH } from "../identity/provider-sign-ins/service.js";
import { newId, newTraceparent } from "../kernel/ids.js";
import type { App } from "../platform/app.js";
import { registerIntakeGauges, registerProcessGauges } from "./gauges.js";
import { registerActExports } from "./http/act-exports.js";
import { isTrustedProxy } from "./http/address.js";
import { guardBodies } from "./http/bodies.js";
import { chargeAddress } from "./http/charges.js";
import { limitConnections } from "./http/connections.js";
import { limitAnswers } from "./http/deadline.js";
import { registerDownloads } from "./http/downloads.js";
import { openErrorDoor } from "./http/errors.js";
import { registerGraphiql } from "./http/graphiql.js";
import { startGraphql } from "./http/graphql.js";
import { registerHealth } from "./http/health.js";
import { startLive } from "./http/live.js";
import { registerLog } from "./http/log.js";
import { allowOrigins } from "./http/origins.js";
import { registerPayoutFiles } from "./http/payout-files.js";
import { registerRenditions } from "./http/renditions.js";
import { registerStatements } from "./http/statements.js";
import { registerOauth } from "./oauth.js";
import { registerPeople } from "./people/routes.js";

/** The HTTP server of this process, listening. */
export interface HttpServer {
  /** Where callers reach it; no slash at its end. */
  readonly url: string;
  /** Ends subscriptions, answers what is under way, then stops listening. */
  close(): Promise<void>;
}

const BODY_BYTES_MAX = 100_000; // more only where an operation is expected, from somebody who signed in
const REQUEST_TIMEOUT_MS = 90_000; // no body takes longer at the slowest it may come
const HEADERS = { bytesMax: 16 * 1024, countMax: 100, msMax: 10_000 } as const;
const CHECK_MS = 2_000;
const DRAIN_MS = 250;
const DRAINS_MAX = 8;
const CLOSE_MS_MAX = 5_000;
const REQUEST_ID = /^[A-Za-z0-9._:-]{1,64}$/;
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Starts everything that this process serves over HTTP, on the configuration's host and port. */
export async function startHttp(app: App): Promise<HttpServer> {
  const server = openServer(app);
  let isClosing = false;
  let arrivals = 0;
  server.server.on("connection", () => {
    arrivals += 1;
  });
  server.addHook("onRequest", async () => {
    arrivals += 1;
  });
  // While closing every answer ends its connection, so that none is cut when the last of them are closed.
  server.addHook("onSend", async (_request, reply) => {
    if (isClosing) void reply.header("connection", "close");
  });
  registerProcessGauges(app);
  registerIntakeGauges(app);
  registerHealth(server, app, () => isClosing);
  registerOauth(server, app);
  if (app.config.http.hasGraphiql) registerGraphiql(server);
  registerPeople(server, app);
  registerDownloads(server, app);
  registerActExports(server, app);
  registerRenditions(server, app);
  registerStatements(server, app);
  registerPayoutFiles(server, app);
  registerLog(server, app);
  const graphql = await startGraphql(server, app);
  const live = startLive(server, app);
  await server.listen({ host: app.config.host, port: app.config.port });
  return {
    url: app.config.publicUrl,
    async close() {
      isClosing = true;
      await live.close();
      await quiet(() => arrivals);
      await closeServer(server);
      await graphql.close();
    },
  };
}

/** Closes the port; connections go as their answers end, and what has not ended after some seconds goes with them. */
async function closeServer(server: FastifyInstance): Promise<void> {
  const sweep = setInterval(() => server.server.closeIdleConnections(), DRAIN_MS);
  const end = setTimeout(() => server.server.closeAllConnections(), CLOSE_MS_MAX);
  await server.close();
  clearInterval(sweep);
  clearTimeout(end);
}

/** Waits until nothing new arrives: what waits in the system's queue of connections is lost when the port is closed. */
async function quiet(arrivals: () => number): Promise<void> {
  for (let drains = 0; drains < DRAINS_MAX; drains++) {
    const before = arrivals();
    await sleep(DRAIN_MS);
    await setImmediate(); // the network is read between timers
    if (arrivals() === before) return;
  }
}

function openServer(app: App): FastifyInstance {
  const server = fastify({
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: {
      ...{ maxHeaderSize: HEADERS.bytesMax, headersTimeout: HEADERS.msMax },
      connectionsCheckingInterval: CHECK_MS,
    },
    trustProxy: (address) => isTrustedProxy(app, address),
    return503OnClosing: false,
    forceCloseConnections: "idle",
    genReqId: (raw) => takenOr(raw.headers["x-request-id"], REQUEST_ID, () => newId("req", app.clock)),
  });
  server.server.maxHeadersCount = HEADERS.countMax;
  limitConnections(server.server, app);
  server.removeContentTypeParser("text/plain");
  server.decorateRequest("traceparent", "");
  const secure = securityHeaders(app);
  server.addHook("onRequest", async (request, reply) => {
    request.traceparent = takenOr(request.headers["traceparent"], TRACEPARENT, newTraceparent);
    void reply.headers(secure).headers({ "x-request-id": request.id, traceparent: request.traceparent });
  });
  server.addHook("onResponse", async (request, reply) => {
    const labels = { method: request.method, route: routeOf(request), status: String(reply.statusCode) };
    app.metrics.time("http_request", reply.elapsedTime / 1_000, labels);
  });
  limitAnswers(server, app);
  allowOrigins(server, app);
  chargeRoutes(server, app);
  guardBodies(server, app);
  server.addHook("onSend", async (request, reply) => {
    // Whoever sends proofs gets the next one's nonce with every answer (RFC 9449, section 8).
    if (request.headers["dpop"] !== undefined) void reply.header("dpop-nonce", newNonce(app));
  });
  openErrorDoor(server, app);
  return server;
}

/** Points of an address for what is asked without a token; whatever is not named is one. */
const PRICES: Readonly<Record<string, number>> = {
  ...{ "/healthz": 0, "/readyz": 0, "/metrics": 0 }, // probes of ours
  ...{ "/graphql": 0, "/graphql/stream": 0 }, // counted where it is known who asks
  ...{ [TOKEN_PATH]: 20, [REVOCATION_PATH]: 20 },
  ...{ "/sign-in": 500, "/join": 500, "/account/password": 500, [CALLBACK_PATH]: 100 }, // a password takes long to hash
};

/** Counts what is asked without a token against its address. */
function chargeRoutes(server: FastifyInstance, app: App): void {
  server.addHook("onRequest", async (request) => {
    const points = PRICES[request.routeOptions.url ?? ""] ?? 1;
    if (points > 0) await chargeAddress(app, request.ip, points);
  });
}

/** Labels name routes, not addresses, so that callers cannot make new ones without end. */
function routeOf(request: FastifyRequest): string {
  return request.routeOptions.url ?? "unknown";
}

function takenOr(header: string | string[] | undefined, form: RegExp, make: () => string): string {
  return typeof header === "string" && form.test(header) ? header : make();
}

/** What OWASP's secure headers say for an API that serves no pages; pages of ours relax the policy for themselves. */
function securityHeaders(app: App): Record<string, string> {
  const isHttps = app.config.publicUrl.startsWith("https:");
  return {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "x-permitted-cross-domain-policies": "none",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    ...(isHttps ? { "strict-transport-security": "max-age=31536000; includeSubDomains" } : {}),
  };
}
