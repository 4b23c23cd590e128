import { defineErrors } from "../kernel/errors.js";

/** What transparency refuses. */
export const transparencyError = defineErrors({
  INTERNAL: { message: "A part of the log is missing." },
  NOT_FOUND: { message: "There is no such {what}." },
  VERSION_CONFLICT: { message: "The witness is not away; only what is not heard can be waived." },
  VALIDATION: {
    message: "Sizes are whole numbers, 0 <= from <= to, and no checkpoint covers more than {signed} leaves.",
  },
});
