import { defineErrors } from "../kernel/errors.js";

/** What identity refuses; the token endpoint has OAuth's own table. */
export const identityError = defineErrors({
  UNAUTHENTICATED: { message: "A valid access token is needed." },
  FORBIDDEN: { message: "{reason}" },
  NOT_FOUND: { message: "There is no such {what}." },
  KEY_REVOKED: { message: "The key is revoked." },
  KEY_NOT_USABLE: { message: "Nothing may be encrypted for the key now: {obstacle}." },
  VALIDATION: { message: "{reason}" },
  UNAVAILABLE: { message: "Access cannot be checked at the moment.", retryable: true },
  VERSION_CONFLICT: { message: "{reason}" },
  LIMIT_EXCEEDED: { message: "A client has at most {max} active keys." },
});
