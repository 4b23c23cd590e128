import { defineErrors } from "../kernel/errors.js";

/** What subscriptions refuse. */
export const eventError = defineErrors({
  VALIDATION: { message: "{reason}" },
});
