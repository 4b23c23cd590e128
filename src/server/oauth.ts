import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { OauthRefusal } from "../identity/assertions/errors.js";
import { TOKEN_PATH } from "../identity/assertions/service.js";
import { encryptionJwksForAllTenants } from "../identity/encryption-keys/service.js";
import { publicKeysForAllTenants } from "../identity/platform-keys/service.js";
import { issueToken, JWKS_PATH, serverMetadata } from "../identity/tokens/service.js";
import { ErrorCode } from "../kernel/errors.js";
import type { App } from "../platform/app.js";
import { httpStatusOf, logFaults, refusalOf, retryAfterOf } from "./format-error.js";

const FORM = "application/x-www-form-urlencoded";
const FORM_BYTES_MAX = 32 * 1024;
const PARAMETERS_MAX = 20;
const PUBLIC_FOR_A_MINUTE = "public, max-age=60";

/**
 * The token endpoint (RFC 6749), its metadata (RFC 8414) and the platform's public keys (RFC 7517). Errors of the token
 * endpoint have the form of RFC 6749, section 5.2; nothing that it answers may be stored.
 */
export function registerOauth(server: FastifyInstance, app: App): void {
  server.get("/.well-known/oauth-authorization-server", async (_request, reply) => {
    void reply.header("cache-control", PUBLIC_FOR_A_MINUTE);
    return serverMetadata(app);
  });
  server.get(JWKS_PATH, async (_request, reply) => {
    void reply.header("cache-control", PUBLIC_FOR_A_MINUTE);
    return { keys: [...(await publicKeysForAllTenants(app)), ...(await encryptionJwksForAllTenants(app))] };
  });
  void server.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      FORM,
      { parseAs: "string", bodyLimit: FORM_BYTES_MAX },
      async (_request: FastifyRequest, body: string) => readForm(body),
    );
    scope.setErrorHandler((error, request, reply) => answerError(app, error, request, reply));
    scope.post<{ Body: ReadonlyMap<string, string> | undefined }>(TOKEN_PATH, async (request, reply) => {
      // A client authenticates by one method only (RFC 6749, section 2.3).
      if (request.headers.authorization !== undefined) {
        throw new OauthRefusal("INVALID_REQUEST", "Authenticate by client_assertion alone.");
      }
      void reply.headers({ "cache-control": "no-store", pragma: "no-cache" });
      return issueToken(app, request.body ?? new Map());
    });
  });
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
  void reply.headers({ "cache-control": "no-store", pragma: "no-cache" });
  if (error instanceof OauthRefusal) {
    void reply.code(error.status);
    return { error: error.error, error_description: error.message };
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
  return { error: isAway ? "temporarily_unavailable" : "server_error", error_description: refusal.message };
}

/** Fastify's own refusals of a body: of another type, too large, or cut off. */
function isRequestFault(error: unknown): error is Error & { statusCode: number } {
  return error instanceof Error && "statusCode" in error && Number(error.statusCode) < 500;
}
