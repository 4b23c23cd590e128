import type { FastifyInstance, FastifyRequest } from "fastify";
import type { App } from "../../platform/app.js";
import { FORMATS, LANGUAGES, type Language } from "../../settlement/renditions/entities.js";
import { renderOwn } from "../../settlement/renditions/service.js";
import { encryptedStatement, statementOf } from "../../settlement/statements/service.js";
import { serverError } from "../errors.js";
import { preferredLanguage } from "./language.js";
import { readerOf } from "./reader.js";
import { keyIn, sendEncrypted } from "./statements.js";

type Asked = { Params: { statementId: string }; Querystring: { lang?: unknown; key?: unknown } };

/**
 * Serves a statement as `/statements/{statementId}.csv`, `.xlsx` and `.pdf` to whoever may read it, in the language of
 * `?lang`, else the one that `Accept-Language` likes best. With `.jwe` behind, the same file encrypted for the
 * statement's partner (compact JWE, `cty` the file's media type): for the key `?key=key_…`, else for the newest.
 */
export function registerRenditions(server: FastifyInstance, app: App): void {
  for (const format of FORMATS) {
    server.get<Asked>(
      `/statements/:statementId.${format}`,
      { exposeHeadRoute: false }, // it would write the whole file to answer nothing
      async (request, reply) => {
        const actor = await readerOf(app, request, "settlements:read");
        const language = languageOf(request.query.lang, request);
        const { jws } = await statementOf(app, actor, request.params.statementId);
        const { bytes, fileName, type } = await renderOwn(app, jws, { format, language });
        return reply
          .type(type)
          .headers({ "content-language": language, vary: "accept-language" })
          .header("content-disposition", `attachment; filename="${fileName}"`)
          .send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
      },
    );
    server.get<Asked>(`/statements/:statementId.${format}.jwe`, {
      exposeHeadRoute: false,
      handler: async (request, reply) => {
        const actor = await readerOf(app, request, "settlements:read");
        const [language, keyId] = [languageOf(request.query.lang, request), keyIn(request.query.key)];
        const statement = await statementOf(app, actor, request.params.statementId);
        const { bytes: content, fileName, type } = await renderOwn(app, statement.jws, { format, language });
        const jwe = await encryptedStatement(app, actor, statement, { keyId, content, cty: ctyOf(type) });
        return sendEncrypted(
          reply.headers({ "content-language": language, vary: "accept-language" }),
          jwe,
          `${fileName}.jwe`,
        );
      },
    });
  }
}

/** A media type as `cty` has it: `application/` may be left out where nothing else has a slash (RFC 7516, 4.1.12). */
function ctyOf(type: string): string {
  const [media = ""] = type.split(";");
  return media.replace(/^application\/(?=[^/]+$)/, "");
}

function languageOf(asked: unknown, { headers }: FastifyRequest): Language {
  if (asked === undefined) return preferredLanguage(headers["accept-language"]);
  const known = LANGUAGES.find((language) => language === asked);
  if (known !== undefined) return known;
  throw serverError("VALIDATION", { reason: `lang is one of ${LANGUAGES.join(", ")}.` });
}
