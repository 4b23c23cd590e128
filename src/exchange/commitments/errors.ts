import { defineErrors } from "../../kernel/errors.js";

/** What is refused of proofs. */
export const commitmentError = defineErrors({
  LIMIT_EXCEEDED: { message: "A request asks for the proofs of at most {max} batches." },
});
