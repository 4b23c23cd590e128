import type { FastifyError, FastifyInstance } from "fastify";
import type { CodedError } from "../../kernel/errors.js";
import type { App } from "../../platform/app.js";
import { challengeOf } from "../challenge.js";
import { serverError } from "../errors.js";
import { httpStatusOf, logFaults, publicError, refusalOf, retryAfterOf } from "../format-error.js";

/** A refusal with the HTTP status it has where the code alone does not say it. */
interface Answer {
  readonly refusal: CodedError;
  readonly status: number;
}

/** Answers every request that fails outside GraphQL with the same shape of errors, and nothing internal in it. */
export function openErrorDoor(server: FastifyInstance, app: App): void {
  const { publicUrl } = app.config;
  server.setErrorHandler((error, request, reply) => {
    const { refusal, status } = answerFor(error);
    logFaults(app.log, request.id, [isFastifyError(error) ? refusal : error]);
    const retryAfter = retryAfterOf(refusal);
    if (retryAfter !== null) void reply.header("retry-after", retryAfter);
    const challenge = challengeOf(refusal, request.headers.authorization);
    if (challenge !== null) void reply.header("www-authenticate", challenge);
    void reply.code(status).send({ errors: [publicError(refusal, { requestId: request.id, publicUrl })] });
  });
  server.setNotFoundHandler((request, reply) => {
    const refusal = serverError("NOT_FOUND", { what: "page" });
    void reply.code(404).send({ errors: [publicError(refusal, { requestId: request.id, publicUrl })] });
  });
}

function answerFor(error: unknown): Answer {
  if (isFastifyError(error)) {
    switch (error.statusCode) {
      case 408:
        return { refusal: serverError("UNAVAILABLE", { reason: "The body came too slowly." }), status: 408 };
      case 413:
        return { refusal: serverError("LIMIT_EXCEEDED", { reason: "the body is too large." }), status: 413 };
      case 415:
        return { refusal: serverError("VALIDATION", { reason: "The media type is not supported." }), status: 415 };
      default:
        if (error.statusCode !== undefined && error.statusCode < 500) {
          const reason = "The request cannot be read.";
          return { refusal: serverError("VALIDATION", { reason }), status: error.statusCode };
        }
    }
  }
  const refusal = refusalOf(error);
  return { refusal, status: httpStatusOf(refusal.code) };
}

/** Fastify's own refusals: bodies too large, of another type, or not JSON. */
function isFastifyError(error: unknown): error is FastifyError {
  return error instanceof Error && "statusCode" in error;
}
