import { defineErrors } from "../kernel/errors.js";

/** What tenancy refuses. */
export const tenancyError = defineErrors({
  NOT_FOUND: { message: "There is no such {what}." },
  VALIDATION: { message: "{reason}" },
  CURRENCY_UNKNOWN: { message: "A currency is not known." },
});
