import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type CodedError, ErrorCode } from "../../kernel/errors.js";
import type { App } from "../../platform/app.js";
import { LANGUAGES, type Language } from "../../settlement/renditions/entities.js";
import { serverError } from "../errors.js";
import { httpStatusOf, logFaults, refusalOf, retryAfterOf } from "../format-error.js";
import { foreignPage } from "../http/context.js";
import { cookieIn, isFromOurPage, setCookie } from "../http/cookies.js";
import { preferredLanguage } from "../http/language.js";
import { type PageFacts, refusalPage } from "./pages.js";
import type { RefusalText } from "./texts.js";

const FORM = "application/x-www-form-urlencoded";
const FORM_BYTES_MAX = 16 * 1024;
const FIELDS_MAX = 20;
const HTML = "text/html; charset=utf-8";
const LANGUAGE_COOKIE_SECONDS = 365 * 86_400;

/** No script, nothing from elsewhere, nothing inline; forms go to ourselves, and nobody frames it. */
const POLICY = [
  ...["default-src 'none'", "style-src 'self'", "img-src data:", "form-action 'self'", "base-uri 'none'"],
  "frame-ancestors 'none'",
].join("; ");

/** The fields of a form that was sent. */
export type Form = ReadonlyMap<string, string>;

/**
 * Prepares a scope of the server for pages and their forms. A form that another site's page sent is refused
 * (`FORBIDDEN`) before it is read; what a handler refuses becomes a page that says so.
 */
export function openForms(scope: FastifyInstance, app: App): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser(
    FORM,
    { parseAs: "string", bodyLimit: FORM_BYTES_MAX },
    async (_request: FastifyRequest, body: string) => readForm(body),
  );
  scope.addHook("onRequest", async (request) => {
    if (request.method === "POST" && !isFromOurPage(app, request.raw)) throw foreignPage();
  });
  // Whoever chose a language keeps it behind the next form, and the next time.
  scope.addHook("onRequest", async (request, reply) => {
    const chosen = languageNamed(parameter(request, "lang"));
    if (chosen !== null) setCookie(app, reply, "language", { value: chosen, seconds: LANGUAGE_COOKIE_SECONDS });
  });
  scope.setErrorHandler((error, request, reply) => {
    logFaults(app.log, request.id, [error]);
    const refusal = refusalOf(error);
    return sendPage(
      reply,
      refusal,
      refusalPage({ ...pageFacts(app, request), refusal: refusalText(refusal, "notHolding") }),
    );
  });
}

/** The fields of the form that a request sent; empty for anything else. */
export function formOf(request: FastifyRequest): Form {
  return request.body instanceof Map ? request.body : new Map();
}

/** In which language a page is wanted: as `?lang` says or last said in this browser, else as the browser does. */
export function pageFacts(app: App, request: FastifyRequest): PageFacts {
  const chosen = languageNamed(parameter(request, "lang")) ?? languageNamed(cookieIn(app, request.raw, "language"));
  return { language: chosen ?? preferredLanguage(request.headers["accept-language"]), refusal: null };
}

/** A parameter of the address; undefined where it is not there, or there twice. */
export function parameter({ query }: FastifyRequest, name: string): string | undefined {
  if (typeof query !== "object" || query === null) return undefined;
  const value = Object.entries(query).find(([key]) => key === name)?.[1];
  return typeof value === "string" ? value : undefined;
}

/** Answers a page, with the status of what was refused on it. */
export function sendPage(reply: FastifyReply, refusal: CodedError | null, text: string): FastifyReply {
  const retryAfter = refusal === null ? null : retryAfterOf(refusal);
  if (retryAfter !== null) void reply.header("retry-after", retryAfter);
  // Under the API's own `no-referrer` browsers would send forms with `Origin: null`.
  void reply.headers({ "content-security-policy": POLICY, "referrer-policy": "same-origin" });
  return reply
    .code(refusal === null ? 200 : httpStatusOf(refusal.code))
    .type(HTML)
    .send(text);
}

/** What a page says about a refusal; `unauthenticated` is what that means where it happened. */
export function refusalText({ code, details }: CodedError, unauthenticated: RefusalText): RefusalText {
  const byFault = TEXT_OF_FAULT[String(details["fault"])];
  if (byFault !== undefined) return byFault;
  return code === ErrorCode.UNAUTHENTICATED ? unauthenticated : (TEXT_OF_CODE[code] ?? "broken");
}

const TEXT_OF_FAULT: Readonly<Record<string, RefusalText>> = {
  ...{ STRANGER: "stranger", LENGTH: "length", GUESSABLE: "guessable", PROVIDER_ONLY: "onlyProvider" },
};

const TEXT_OF_CODE: Partial<Readonly<Record<ErrorCode, RefusalText>>> = {
  ...{ RATE_LIMITED: "tooMany", UNAVAILABLE: "away", FORBIDDEN: "elsewhere", NOT_FOUND: "noProvider" },
};

function languageNamed(name: string | undefined): Language | null {
  return LANGUAGES.find((each) => each === name) ?? null;
}

function readForm(text: string): Form {
  const pairs = [...new URLSearchParams(text)];
  if (pairs.length <= FIELDS_MAX) return new Map(pairs);
  throw serverError("VALIDATION", { reason: "The form has too many fields." });
}
