import type { FastifyInstance } from "fastify";
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
      const { key: keyId = null } = request.query;
      if (keyId !== null && typeof keyId !== "string")
        throw serverError("VALIDATION", { reason: "key is one key's id." });
      const statement = await statementOf(app, actor, request.params.statementId);
      const jwe = await encryptedStatement(app, actor, statement, keyId);
      if (jwe === null) throw serverError("NOT_FOUND", { what: "encryption key of the partner" });
      void reply.header("content-disposition", `attachment; filename="${statement.id}.jwe"`);
      return reply.type("application/jose").send(jwe);
    },
  });
}
