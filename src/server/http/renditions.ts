import type { FastifyInstance, FastifyRequest } from "fastify";
import type { App } from "../../platform/app.js";
import { FORMATS, LANGUAGES, type Language } from "../../settlement/renditions/entities.js";
import { openRenderer } from "../../settlement/renditions/service.js";
import { statementOf } from "../../settlement/statements/service.js";
import { serverError } from "../errors.js";
import { readerOf } from "./reader.js";

/** Where nobody says which language. */
const LANGUAGE_DEFAULT: Language = "en";

/**
 * Serves a statement as `/statements/{statementId}.csv`, `.xlsx` and `.pdf` to whoever may read it, in the language of
 * `?lang`, else the one that `Accept-Language` likes best. Threads of their own write the files.
 */
export function registerRenditions(server: FastifyInstance, app: App): void {
  const renderer = openRenderer();
  server.addHook("onClose", () => renderer.close());
  for (const format of FORMATS) {
    server.get<{ Params: { statementId: string }; Querystring: { lang?: unknown } }>(
      `/statements/:statementId.${format}`,
      { exposeHeadRoute: false }, // it would write the whole file to answer nothing
      async (request, reply) => {
        const actor = await readerOf(app, request, "settlements:read");
        const language = languageOf(request.query.lang, request);
        const { jws } = await statementOf(app, actor, request.params.statementId);
        const { bytes, fileName, type } = await renderer.render(app, jws, { format, language });
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
  if (asked === undefined) return preferred(headers["accept-language"] ?? "");
  const known = LANGUAGES.find((language) => language === asked);
  if (known !== undefined) return known;
  throw serverError("VALIDATION", { reason: `lang is one of ${LANGUAGES.join(", ")}.` });
}

/** Which of ours has the greatest weight in an `Accept-Language` header (RFC 9110, 12.5.4), the first of equals. */
function preferred(header: string): Language {
  const liked = header.split(",").flatMap((range) => {
    const [tag = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    const language = LANGUAGES.find((known) => tag === known || tag.startsWith(`${known}-`));
    const weight = /^q=([01](?:\.\d{0,3})?)$/.exec(parameters.find((each) => each.startsWith("q=")) ?? "q=1")?.[1];
    return language === undefined || weight === undefined ? [] : [{ language, weight: Number(weight) }];
  });
  const [best] = liked.filter(({ weight }) => weight > 0).sort((a, b) => b.weight - a.weight);
  return best?.language ?? LANGUAGE_DEFAULT;
}
