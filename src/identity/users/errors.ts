import { defineErrors } from "../../kernel/errors.js";

/** What is refused about people, their sign-in and their sessions. */
export const userError = defineErrors({
  UNAUTHENTICATED: { message: "{reason}" },
  FORBIDDEN: { message: "{reason}" },
  NOT_FOUND: { message: "There is no such {what}." },
  VALIDATION: { message: "{reason}" },
  VERSION_CONFLICT: { message: "{reason}" },
  RATE_LIMITED: { message: "There were too many attempts; wait and try again.", retryable: true },
  UNAVAILABLE: { message: "{reason}", retryable: true },
});
