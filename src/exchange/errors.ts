import { defineErrors } from "../kernel/errors.js";

/** What the exchange refuses: a whole batch, or a read. */
export const exchangeError = defineErrors({
  LIMIT_EXCEEDED: { message: "A batch has at most {max} {unit}." },
  SIGNATURE_INVALID: { message: "The signature is refused; the check that failed is {check}." },
  ENCRYPTION_INVALID: { message: "The encrypted batch is refused; the check that failed is {check}." },
  ENCRYPTION_REQUIRED: { message: "This partner's batches are taken encrypted only." },
  VALIDATION: { message: "The batch is refused: {path} {reason}." },
  CLOCK_SKEW: { message: "`iat` is more than {maxMs} ms away from our time." },
  KEY_UNKNOWN: { message: "The signer has no such key." },
  KEY_REVOKED: { message: "The key is revoked." },
  KEY_NOT_USABLE: { message: "The key may not sign this now: {obstacle}." },
  KEY_NOT_OWNED: { message: "The batch is not signed by the caller." },
  IDEMPOTENCY_CONFLICT: { message: "Another payload was accepted under this `jti`." },
  RATE_LIMITED: { message: "The batch is not taken now and was not looked at: {reason}", retryable: true },
  FORBIDDEN: { message: "{reason}" },
  NOT_FOUND: { message: "There is no such {what}." },
  REMOVED: { message: "It was exported and removed after the tenant's retention." },
});
