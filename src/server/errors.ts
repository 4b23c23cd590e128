import { defineErrors } from "../kernel/errors.js";

/** Refusals of registered documents. */
export const documentError = defineErrors({
  FORBIDDEN: { message: "This client may run registered documents only." },
  NOT_FOUND: { message: "There is no such registered document." },
  VALIDATION: { message: "A registered document is named by the SHA-256 of its text, 64 hexadecimal digits." },
});

/** Refusals of the server itself, before any domain is asked. */
export const serverError = defineErrors({
  UNAUTHENTICATED: { message: "Sign in: send an access token of ours as `Authorization: Bearer …`." },
  FORBIDDEN: { message: "The access token lacks the scope {scope}." },
  NOT_FOUND: { message: "There is no such {what}." },
  VALIDATION: { message: "{reason}" },
  LIMIT_EXCEEDED: { message: "The request is over a limit: {reason}" },
  UNAVAILABLE: { message: "{reason}", retryable: true },
  INTERNAL: { message: "Something went wrong on our side; the request id names it." },
});
