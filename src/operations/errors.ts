import { defineErrors } from "../kernel/errors.js";

/** What operations refuse. */
export const operationsError = defineErrors({
  NOT_FOUND: { message: "There is no such {what}." },
  FORBIDDEN: { message: "{reason}" },
  VALIDATION: { message: "{reason}" },
  VERSION_CONFLICT: { message: "{reason}" },
});
