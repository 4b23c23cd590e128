import { GraphQLError, type GraphQLFormattedError } from "graphql";
import { ArgumentValidationError } from "type-graphql";
import { CodedError, ErrorCode } from "../kernel/errors.js";
import { CommitOutcomeUnknown, isBusy, isConnectionLoss } from "../platform/database.js";
import { ERRORS_MAX } from "../platform/documents.js";
import type { Log } from "../platform/log.js";
import { serverError } from "./errors.js";
import { messageWithoutInput, pathInVariables, withoutSuggestion } from "./graphql-message.js";
import { InvalidDocument } from "./http/guard.js";

/** Which request an error answers, and where its code is explained. */
export interface ErrorFrame {
  readonly requestId: string;
  readonly publicUrl: string;
  /** Whether names of the schema that a wrong one resembles may be told. */
  readonly showsSchema?: boolean;
}

const TOO_MANY_TOKENS = /tokens\. Parsing aborted/;
/** Apollo's codes for requests that are wrong in form. */
const REQUEST_FAULTS = new Set([
  ...["BAD_REQUEST", "BAD_USER_INPUT", "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED"],
  ...["OPERATION_RESOLUTION_FAILURE", "PERSISTED_QUERY_NOT_SUPPORTED", "PERSISTED_QUERY_NOT_FOUND"],
]);

const HTTP_STATUS: Partial<Readonly<Record<ErrorCode, number>>> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  QUARANTINED: 403,
  NOT_FOUND: 404,
  REMOVED: 410,
  RATE_LIMITED: 429,
  UNAVAILABLE: 503,
  INTERNAL: 500,
};

/** Errors as an answer shows them, five at most: message, place, and `extensions` as the contract lists them. */
export function publicErrors(errors: readonly GraphQLError[], frame: ErrorFrame): GraphQLFormattedError[] {
  const each = errors.flatMap((error) => faultsOf(error) ?? [error]);
  return each.slice(0, ERRORS_MAX).map((error) => publicError(error, frame));
}

/** One error as an answer shows it; whatever is not a refusal becomes `INTERNAL` and says nothing more. */
export function publicError(error: unknown, frame: ErrorFrame): GraphQLFormattedError {
  const { requestId, publicUrl, showsSchema = false } = frame;
  const { code, message: whole, retryable, details } = refusalOf(error);
  const message = showsSchema ? whole : withoutSuggestion(whole);
  // `reason` and `what` are already in the message.
  const { path, retryAfterMs, reason: _reason, what: _what, ...facts } = details;
  const extensions = {
    ...facts,
    code,
    retryable,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(path === undefined ? {} : { path }),
    requestId,
    docUrl: `${publicUrl}/docs/errors#${code}`,
  };
  if (!(error instanceof GraphQLError)) return { message, extensions };
  return {
    message,
    ...(error.locations === undefined ? {} : { locations: error.locations }),
    ...(error.path === undefined ? {} : { path: error.path }),
    extensions,
  };
}

/** The refusal behind whatever was thrown: a domain's own, the database's trouble, a wrong request, or `INTERNAL`. */
export function refusalOf(error: unknown): CodedError {
  const cause = causeOf(error);
  if (cause instanceof CodedError) return cause;
  if (cause instanceof InvalidDocument) return requestRefusal(cause.faults[0]?.message ?? "");
  if (cause instanceof ArgumentValidationError) return argumentRefusal(cause);
  if (cause instanceof CommitOutcomeUnknown) {
    const reason = "It is not known whether this was stored; ask again with the same idempotency key.";
    return serverError("UNAVAILABLE", { reason });
  }
  if (isConnectionLoss(cause)) return serverError("UNAVAILABLE", { reason: "The database cannot be reached." });
  if (isBusy(cause)) return serverError("UNAVAILABLE", { reason: "The database is too busy; nothing was stored." });
  if (error instanceof GraphQLError && isRequestFault(error, cause)) return requestRefusal(error.message);
  return serverError("INTERNAL");
}

/** Writes the errors of an answer that are faults of ours to the log, under its request id. */
export function logFaults(log: Log, requestId: string, errors: readonly unknown[]): void {
  for (const error of errors) {
    if (refusalOf(error).code === ErrorCode.INTERNAL) log.error({ requestId, err: causeOf(error) }, "request failed");
  }
}

/** The HTTP status of a request that was refused as a whole, for its code. */
export function httpStatusOf(code: ErrorCode): number {
  return HTTP_STATUS[code] ?? 400;
}

/** `Retry-After` (RFC 9110, section 10.2.3) of a request that was refused as a whole: whole seconds; null for none. */
export function retryAfterOf({ details: { retryAfterMs } }: CodedError): string | null {
  return retryAfterMs === undefined ? null : String(Math.ceil(retryAfterMs / 1_000));
}

/** What is wrong with a document, where that is the error; null for any other. */
export function faultsOf(error: unknown): readonly GraphQLError[] | null {
  const cause = causeOf(error);
  return cause instanceof InvalidDocument ? cause.faults : null;
}

/** What a resolver threw: the innermost of the errors that GraphQL wrapped around it. */
function causeOf(error: unknown): unknown {
  let cause = error;
  while (cause instanceof GraphQLError && cause.originalError !== undefined) cause = cause.originalError;
  return cause;
}

/** Whether GraphQL itself refused the request: document, variables or arguments, not a resolver. */
function isRequestFault(error: GraphQLError, cause: unknown): boolean {
  if (REQUEST_FAULTS.has(String(error.extensions["code"]))) return true;
  // Below a path only arguments are still the caller's; a value that cannot be written out is a fault of ours.
  if (error.path !== undefined) return cause instanceof GraphQLError && cause.message.startsWith("Argument ");
  return error.locations !== undefined;
}

function requestRefusal(message: string): CodedError {
  if (TOO_MANY_TOKENS.test(message))
    return serverError("LIMIT_EXCEEDED", { reason: "the document has too many tokens." });
  const path = pathInVariables(message);
  return serverError("VALIDATION", { ...(path === undefined ? {} : { path }), reason: messageWithoutInput(message) });
}

/** class-validator's first complaint, with the path to it. */
function argumentRefusal(error: ArgumentValidationError): CodedError {
  let [fault] = error.extensions.validationErrors;
  let path = "";
  while (fault !== undefined) {
    path += `/${fault.property}`;
    const [reason] = Object.values(fault.constraints ?? {});
    if (reason !== undefined) return serverError("VALIDATION", { path, reason: `${reason}.` });
    fault = fault.children?.[0];
  }
  return serverError("VALIDATION", { reason: "An argument is not valid." });
}
