import { present } from "../kernel/assert.js";
import { defineErrors } from "../kernel/errors.js";

/** What settlement refuses. */
export const settlementError = defineErrors({
  NOT_FOUND: { message: "There is no such {what}." },
  FORBIDDEN: { message: "{reason}" },
  VALIDATION: { message: "{reason}" },
  PERIOD_CLOSED: { message: "The period is closed; closed periods never change." },
  VERSION_CONFLICT: { message: "{reason}" },
  DISPUTE_WINDOW_CLOSED: { message: "{reason}" },
  IDEMPOTENCY_CONFLICT: { message: "Another document was taken under this `jti`." },
  KEY_REVOKED: { message: "The key is revoked." },
  PERIOD_UNKNOWN: { message: "No period of the partner is open to take the adjustment." },
  RATE_MISSING: {
    message: "No {type} rate of {source} from {base} to {quote} was entered for {from} to {through}.",
    retryable: true,
  },
  RULE_FAILED: { message: "The rule of the configuration gives no answer about {about}: {reason}." },
  CURRENCY_UNKNOWN: { message: "The partner does not list the currency, or banks do not transfer it." },
  LIMIT_EXCEEDED: { message: "{reason}" },
  UNAVAILABLE: { message: "{reason}", retryable: true },
});

/** What is wrong with a configuration document, and where. */
export interface DocumentProblem {
  /** JSON pointer. */
  readonly path: string;
  /** Follows the path in a sentence. */
  readonly reason: string;
}

const PROBLEMS_MAX = 20;

const documentError = defineErrors({
  VALIDATION: { message: "The configuration is refused: {path} {reason}." },
});

/** The refusal of a document (`VALIDATION`): its first problem, and at most 20 of them in words. */
export function documentRefusal(problems: readonly DocumentProblem[]): Error {
  const [first] = problems;
  const { path, reason } = present(first, "a problem");
  const listed = problems.slice(0, PROBLEMS_MAX).map((problem) => `${problem.path} ${problem.reason}`);
  return documentError("VALIDATION", { path, reason, problems: listed });
}
