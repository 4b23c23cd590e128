import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { OauthRefusal } from "../identity/assertions/errors.js";
import { REVOCATION_PATH, TOKEN_PATH } from "../identity/assertions/service.js";
import { jwkSetOf, publishedJwkSet } from "../identity/jwk-set/service.js";
import { JWKS_PATH, serverMetadata } from "../identity/metadata/service.js";
import { revokeToken } from "../identity/revocations/service.js";
import { issueToken } from "../identity/tokens/service.js";
import { defineErrors, ErrorCode } from "../kernel/errors.js";
import type { App } from "../platform/app.js";
import { countFailedAttempt } from "../threat/attempts/service.js";
import { httpStatusOf, logFaults, refusalOf, retryAfterOf } from "./format-error.js";
import { factsOf, proofOf } from "./http/facts.js";

const FORM = "application/x-www-form-urlencoded";
const FORM_BYTES_MAX = 32 * 1024;
const PARAMETERS_MAX = 20;
const PUBLIC_FOR_A_MINUTE = "public, max-age=60";

const oauthError = defineErrors({
  RATE_LIMITED: {
    message: "Too many requests of this network did not authenticate; ask again later.",
    retryable: true,
  },
});

/**
 * The endpoints for tokens (RFC 6749) and their revocation (RFC 7009), their metadata (RFC 8414) and the platform's
 * public keys (RFC 7517). Errors have the form of RFC 6749, section 5.2; nothing that they answer may be stored.
 */
export function registerOauth(server: FastifyInstance, app: App): void {
  server.get("/.well-known/oauth-authorization-server", async (_request, reply) => {
    void reply.header("cache-control", PUBLIC_FOR_A_MINUTE);
    return serverMetadata(app);
  });
  server.get<{ Querystring: { kid?: unknown } }>(JWKS_PATH, async ({ query: { kid } }, reply) => {
    void reply.header("cache-control", PUBLIC_FOR_A_MINUTE);
    void reply.type("application/json; charset=utf-8");
    return typeof kid === "string" ? jwkSetOf(app, kid) : publishedJwkSet(app);
  });
  void server.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      FORM,
      { parseAs: "string", bodyLimit: FORM_BYTES_MAX },
      async (_request: FastifyRequest, body: string) => readForm(body),
    );
    scope.setErrorHandler((error, request, reply) => answerError(app, error, request, reply));
    scope.addHook("onSend", async (_request, reply) => {
      void reply.headers({ "cache-control": "no-store", pragma: "no-cache" });
    });
    scope.post<FormRequest>(TOKEN_PATH, async (request) => {
      const proof = proofOf(request);
      return authenticating(app, request, () =>
        issueToken(app, formOf(request), proof.text === undefined ? null : proof),
      );
    });
    scope.post<FormRequest>(REVOCATION_PATH, async (request, reply) => {
      await authenticating(app, request, () => revokeToken(app, formOf(request), factsOf(app, request)));
      return reply.send(); // what counts is the status (RFC 7009, section 2.2)
    });
  });
}

interface FormRequest {
  Body: ReadonlyMap<string, string> | undefined;
}

/**
 * Does what a client asks for once it has proved who it is. Who does not is counted; a network that does not too often
 * is told to wait instead of why (`RATE_LIMITED`), whoever it named. What is proved is answered in any case: else
 * anybody could shut out whom he names, or who is his neighbour.
 */
async function authenticating<T>(app: App, request: FastifyRequest, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof OauthRefusal) || error.error !== "invalid_client") throw error;
    const { ip: address, id: requestId } = request;
    const retryAfterMs = countFailedAttempt(app, { address, requestId, named: error.named });
    throw retryAfterMs === null ? error : oauthError("RATE_LIMITED", { retryAfterMs });
  }
}

/** A client authenticates by one method only (RFC 6749, section 2.3), and that is by assertion. */
function formOf({ body = new Map(), headers }: FastifyRequest<FormRequest>): ReadonlyMap<string, string> {
  if (headers.authorization === undefined) return body;
  if (!body.has("client_assertion")) throw new OauthRefusal("INVALID_CLIENT", "Authenticate with private_key_jwt.");
  throw new OauthRefusal("INVALID_REQUEST", "Authenticate by client_assertion alone.");
}

/**
 * Parameters of a form; one that is empty counts as missing, one that comes twice is refused (RFC 6749, section 3.2).
 */
function readForm(text: string): ReadonlyMap<string, string> {
  const form = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text)) {
    if (form.has(name)) throw new OauthRefusal("INVALID_REQUEST", "A parameter comes twice.");
    if (form.size >= PARAMETERS_MAX) throw new OauthRefusal("INVALID_REQUEST", "There are too many parameters.");
    if (value !== "") form.set(name, value);
  }
  return form;
}

async function answerError(
  app: App,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<{ error: string; error_description: string }> {
  if (error instanceof OauthRefusal) {
    void reply.code(error.status);
    const scheme = error.status === 401 ? schemeOf(request.headers.authorization) : null;
    if (scheme !== null) void reply.header("www-authenticate", `${scheme} realm="Quittance"`);
    return { error: error.error, error_description: described(error.message) };
  }
  if (isRequestFault(error) && error.statusCode === 408) {
    void reply.code(408);
    return { error: "invalid_request", error_description: "The form did not come in time." };
  }
  if (isRequestFault(error)) {
    void reply.code(error.statusCode === 413 ? 413 : 400);
    return { error: "invalid_request", error_description: `The request is a form (${FORM}) of at most 32 kB.` };
  }
  const refusal = refusalOf(error);
  logFaults(app.log, request.id, [error]);
  void reply.code(httpStatusOf(refusal.code));
  const retryAfter = retryAfterOf(refusal);
  if (retryAfter !== null) void reply.header("retry-after", retryAfter);
  const isAway = [ErrorCode.UNAVAILABLE, ErrorCode.RATE_LIMITED].includes(refusal.code);
  const told = isAway ? "temporarily_unavailable" : "server_error";
  return { error: told, error_description: described(refusal.message) };
}

/** In the characters that a description may have (RFC 6749, section 5.2). */
function described(text: string): string {
  return text.replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, "'");
}

/**
 * The scheme that a client tried in the header, which a challenge must then name (RFC 6749, section 5.2); null for
 * none. Who authenticates as we want it sends no such header, and there is no scheme to name.
 */
function schemeOf(authorization: string | undefined): string | null {
  return authorization === undefined ? null : (SCHEME.exec(authorization)?.[0] ?? "Basic");
}

/** A token of RFC 9110, section 5.6.2. */
const SCHEME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,32}(?= |$)/;

/** Fastify's own refusals of a body: of another type, too large, or cut off. */
function isRequestFault(error: unknown): error is Error & { statusCode: number } {
  return error instanceof Error && "statusCode" in error && Number(error.statusCode) < 500;
}
