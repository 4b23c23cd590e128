import { defineErrors } from "../../kernel/errors.js";

/** What is refused of a signed document that is not a batch. */
export const documentError = defineErrors({
  LIMIT_EXCEEDED: { message: "A signed document has at most {max} {unit}." },
  VALIDATION: { message: "The document is refused: {path} {reason}." },
  KEY_NOT_OWNED: { message: "The document is not signed by the caller." },
  NOT_FOUND: { message: "There is no such {what}." },
});
