import type { FastifyInstance, FastifyReply } from "fastify";
import type { App } from "../../platform/app.js";
import { encryptedStatement, statementOf } from "../../settlement/statements/service.js";
import { serverError } from "../errors.js";
import { readerOf } from "./reader.js";

/**
 * Serves a statement encrypted for its partner as `/statements/{statementId}.jwe` (compact JWE, `application/jose`) to
 * whoever may read it: for the key `?key=key_…`, else for the partner's newest.
 */
export function registerStatements(server: FastifyInstance, app: App): void {
  server.get<{ Params: { statementId: string }; Querystring: { key?: unknown } }>("/statements/:statementId.jwe", {
    exposeHeadRoute: false,
    handler: async (request, reply) => {
      const actor = await readerOf(app, request, "settlements:read");
      const keyId = keyIn(request.query.key);
      const statement = await statementOf(app, actor, request.params.statementId);
      const jwe = await encryptedStatement(app, actor, statement, { keyId });
      return sendEncrypted(reply, jwe, `${statement.id}.jwe`);
    },
  });
}

/** The id of a key that a query names; null where it names none. */
export function keyIn(key: unknown): string | null {
  if (key === undefined || typeof key === "string") return key ?? null;
  throw serverError("VALIDATION", { reason: "key is one key's id." });
}

/** Sends a compact JWE as a file; refused (`NOT_FOUND`) where there is no key to encrypt for. */
export function sendEncrypted(reply: FastifyReply, jwe: string | null, fileName: string): FastifyReply {
  if (jwe === null) throw serverError("NOT_FOUND", { what: "encryption key of the partner" });
  void reply.header("content-disposition", `attachment; filename="${fileName}"`);
  return reply.type("application/jose").send(jwe);
}
