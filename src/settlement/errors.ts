import { defineErrors } from "../kernel/errors.js";

/** What settlement refuses. */
export const settlementError = defineErrors({
  NOT_FOUND: { message: "There is no such {what}." },
  FORBIDDEN: { message: "{reason}" },
  VALIDATION: { message: "{reason}" },
  PERIOD_CLOSED: { message: "The period is closed; closed periods never change." },
  VERSION_CONFLICT: { message: "{reason}" },
  UNAVAILABLE: { message: "{reason}", retryable: true },
});
