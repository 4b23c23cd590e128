import { defineErrors } from "../kernel/errors.js";

/** What the ledger refuses. */
export const ledgerError = defineErrors({
  VALIDATION: { message: "{reason}" },
});
