import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { App } from "../../platform/app.js";
import { publishedBundle, publishedNote, publishedTile } from "../../transparency/serving/service.js";
import { serverError } from "../errors.js";
import { readerOf } from "./reader.js";

const BINARY = "application/octet-stream";
/** A checkpoint is another a second later. */
const FOR_A_MOMENT = "public, max-age=1";
/** A tile of one width never changes. */
const FOR_EVER = "max-age=31536000, immutable";

interface LogRoute {
  readonly Params: { readonly tenant: string; readonly "*": string };
}

/**
 * Serves tenants' logs as C2SP tlog-tiles: `/log/{tenant}/checkpoint` and hash tiles to everybody, since hashes tell
 * nothing of what they are of; entry bundles, which tell who did what, to the tenant's own with `audit:read`.
 */
export function registerLog(server: FastifyInstance, app: App): void {
  server.get<LogRoute>("/log/:tenant/checkpoint", async (request, reply) => {
    const note = await publishedNote(app, request.params.tenant);
    void reply.type("text/plain; charset=utf-8").header("cache-control", FOR_A_MOMENT);
    return note;
  });
  server.get<LogRoute>("/log/:tenant/tile/entries/*", async (request, reply) => {
    const { tenant } = request.params;
    const actor = await readerOf(app, request, "audit:read");
    if (actor.tenantId !== tenant || actor.partnerId !== null) throw serverError("NOT_FOUND", { what: "bundle" });
    const bundle = await publishedBundle(app, tenant, `tile/entries/${request.params["*"]}`);
    return sendBundle(request, reply, bundle);
  });
  server.get<LogRoute>("/log/:tenant/tile/*", async (request, reply) => {
    const tile = await publishedTile(app, request.params.tenant, `tile/${request.params["*"]}`);
    void reply.type(BINARY).header("cache-control", `public, ${FOR_EVER}`);
    return tile;
  });
}

/** Leaves are much alike: they shrink to a third. */
async function sendBundle(request: FastifyRequest, reply: FastifyReply, bundle: Buffer): Promise<Buffer> {
  void reply.type(BINARY).headers({ "cache-control": `private, ${FOR_EVER}`, vary: "accept-encoding, authorization" });
  if (!/\bgzip\b/.test(String(request.headers["accept-encoding"] ?? ""))) return bundle;
  void reply.header("content-encoding", "gzip");
  return promisify(gzip)(bundle);
}
