/**
 * Every code that an answer of ours may carry; a closed list, published in the schema and extended only with a
 * changelog line.
 */
export enum ErrorCode {
  UNAUTHENTICATED = "UNAUTHENTICATED",
  FORBIDDEN = "FORBIDDEN",
  NOT_FOUND = "NOT_FOUND",
  VALIDATION = "VALIDATION",
  IDEMPOTENCY_CONFLICT = "IDEMPOTENCY_CONFLICT",
  SIGNATURE_INVALID = "SIGNATURE_INVALID",
  ENCRYPTION_INVALID = "ENCRYPTION_INVALID",
  ENCRYPTION_REQUIRED = "ENCRYPTION_REQUIRED",
  KEY_UNKNOWN = "KEY_UNKNOWN",
  KEY_REVOKED = "KEY_REVOKED",
  KEY_NOT_USABLE = "KEY_NOT_USABLE",
  KEY_NOT_OWNED = "KEY_NOT_OWNED",
  REPLAY_DETECTED = "REPLAY_DETECTED",
  CLOCK_SKEW = "CLOCK_SKEW",
  PERIOD_CLOSED = "PERIOD_CLOSED",
  PERIOD_UNKNOWN = "PERIOD_UNKNOWN",
  VERSION_CONFLICT = "VERSION_CONFLICT",
  DISPUTE_WINDOW_CLOSED = "DISPUTE_WINDOW_CLOSED",
  INSUFFICIENT_CREDIT = "INSUFFICIENT_CREDIT",
  RATE_MISSING = "RATE_MISSING",
  RULE_FAILED = "RULE_FAILED",
  LIMIT_EXCEEDED = "LIMIT_EXCEEDED",
  RATE_LIMITED = "RATE_LIMITED",
  QUARANTINED = "QUARANTINED",
  CURRENCY_UNKNOWN = "CURRENCY_UNKNOWN",
  KIND_NOT_ALLOWED = "KIND_NOT_ALLOWED",
  ROLLBACK_MISMATCH = "ROLLBACK_MISMATCH",
  ALREADY_REVERSED = "ALREADY_REVERSED",
  BATCH_ABORTED = "BATCH_ABORTED",
  REMOVED = "REMOVED",
  CURSOR_EXPIRED = "CURSOR_EXPIRED",
  UNAVAILABLE = "UNAVAILABLE",
  INTERNAL = "INTERNAL",
}

/**
 * What a refusal adds to its code: where in the input, and facts safe to show (never the input itself, never a secret).
 */
export interface RefusalDetails {
  readonly path?: string;
  readonly retryAfterMs?: number;
  readonly [name: string]: string | number | boolean | readonly string[] | undefined;
}

/** A refusal with a code of the closed list; its message is fit for the caller to read. */
export class CodedError extends Error {
  override readonly name = "CodedError";
  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly details: RefusalDetails = {},
    readonly retryable = false,
  ) {
    super(message);
  }
}

/** A refusal as plain data, for places that no class reaches: other threads. */
export interface RefusalRecord {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: RefusalDetails;
  readonly retryable: boolean;
}

/** A refusal as plain data; `codedError` makes the same of it again. */
export function refusalRecord({ code, message, details, retryable }: CodedError): RefusalRecord {
  return { code, message, details, retryable };
}

/** The refusal that was made plain data. */
export function codedError({ code, message, details, retryable }: RefusalRecord): CodedError {
  return new CodedError(code, message, details, retryable);
}

/** One row of a domain's table of refusals. */
export interface Refusal {
  /** The sentence for the caller; `{name}` is replaced by that detail. */
  readonly message: string;
  /** Whether the very same request may succeed later. */
  readonly retryable?: boolean;
}

/** The maker of a domain's refusals from its closed table: code and details in, `CodedError` out. */
export function defineErrors<C extends keyof typeof ErrorCode>(
  table: Readonly<Record<C, Refusal>>,
): (code: C, details?: RefusalDetails) => CodedError {
  return (code, details = {}) => {
    const { message, retryable = false } = table[code];
    const text = message.replace(/\{(\w+)\}/g, (_, name: string) => String(details[name] ?? ""));
    return new CodedError(ErrorCode[code], text, details, retryable);
  };
}

/** What was thrown, as an error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
