import { defineErrors } from "../kernel/errors.js";

/** What periods refuse. */
export const periodError = defineErrors({
  NOT_FOUND: { message: "There is no such period." },
  PERIOD_CLOSED: { message: "A period after that instant is closed; closed periods never change." },
  VALIDATION: { message: "{reason}" },
});
