import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { App } from "../../platform/app.js";
import { serverError } from "../errors.js";
import { PLAIN_BYTES_MAX } from "./admission.js";

/** A body at least so fast is never too slow. */
const BYTES_PER_MS = 200;
const [COMMA, OPENING] = [",", ["{", "["]] as const;
/** What separates values in a large body; one that carries a batch has a handful. */
const PARTS_MAX = 20_000;

declare module "fastify" {
  interface FastifyRequest {
    /** Runs until the body is there; null where nobody waits for one. */
    bodyTimer: NodeJS.Timeout | null;
  }
}

/**
 * Ends requests whose bodies dribble in (408), so that nobody holds connections and places by sending slowly; headers
 * that do are ended by the server itself. Reads JSON, but no large body that is a heap of small values instead of a
 * batch: parsing it would hold up everybody.
 */
export function guardBodies(server: FastifyInstance, app: App): void {
  const { bodyMsMax } = app.config.http;
  server.decorateRequest("bodyTimer", null);
  server.addHook("onRequest", async (request, reply) => {
    const bytes = Number(request.headers["content-length"] ?? 0);
    if (bytes === 0 && request.headers["transfer-encoding"] === undefined) return;
    const ms = bodyMsMax + bytes / BYTES_PER_MS;
    request.bodyTimer = setTimeout(() => endSlow(app, request, reply), ms).unref();
  });
  server.addHook("preValidation", async (request) => stopTimer(request));
  server.addHook("onResponse", async (request) => {
    if (request.raw.complete) stopTimer(request); // else whoever was answered early may go on sending, and no longer
  });
  const parseJson = server.getDefaultJsonParser("error", "error");
  server.addContentTypeParser("application/json", { parseAs: "buffer" }, (request, body: Buffer, done) => {
    if (body.length > PLAIN_BYTES_MAX && isHeap(body)) {
      return done(serverError("LIMIT_EXCEEDED", { reason: "a large body carries a batch and nothing else." }));
    }
    return parseJson(request, body.toString("utf8"), done);
  });
}

function stopTimer(request: FastifyRequest): void {
  if (request.bodyTimer === null) return;
  clearTimeout(request.bodyTimer);
  request.bodyTimer = null;
}

function endSlow(app: App, request: FastifyRequest, reply: FastifyReply): void {
  if (request.raw.complete) return;
  app.metrics.count("slow_bodies");
  if (reply.sent) request.raw.destroy();
  else {
    void reply.header("connection", "close");
    reply.raw.once("finish", () => request.raw.destroy());
    void reply.send(Object.assign(new Error("the body is too slow"), { statusCode: 408 }));
  }
}

/** Counts with the speed of a search, and no further than it must. */
function isHeap(body: Buffer): boolean {
  return [COMMA, ...OPENING].some((mark) => {
    let at = -1;
    for (let parts = 0; parts <= PARTS_MAX; parts++) {
      at = body.indexOf(mark, at + 1);
      if (at < 0) return false;
    }
    return true;
  });
}
