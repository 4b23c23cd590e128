import type { FastifyInstance, FastifyRequest } from "fastify";
import type { App } from "../../platform/app.js";
import { FORMATS, LANGUAGES, type Language } from "../../settlement/renditions/entities.js";
import { renderOwn } from "../../settlement/renditions/service.js";
import { statementOf } from "../../settlement/statements/service.js";
import { serverError } from "../errors.js";
import { preferredLanguage } from "./language.js";
import { readerOf } from "./reader.js";

/**
 * Serves a statement as `/statements/{statementId}.csv`, `.xlsx` and `.pdf` to whoever may read it, in the language of
 * `?lang`, else the one that `Accept-Language` likes best.
 */
export function registerRenditions(server: FastifyInstance, app: App): void {
  for (const format of FORMATS) {
    server.get<{ Params: { statementId: string }; Querystring: { lang?: unknown } }>(
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
  }
}

function languageOf(asked: unknown, { headers }: FastifyRequest): Language {
  if (asked === undefined) return preferredLanguage(headers["accept-language"]);
  const known = LANGUAGES.find((language) => language === asked);
  if (known !== undefined) return known;
  throw serverError("VALIDATION", { reason: `lang is one of ${LANGUAGES.join(", ")}.` });
}
