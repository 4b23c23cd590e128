import { defineErrors } from "../kernel/errors.js";

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
