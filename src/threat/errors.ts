import { defineErrors } from "../kernel/errors.js";

/** What threat detection refuses. */
export const threatError = defineErrors({
  NOT_FOUND: { message: "There is no such {what}." },
  FORBIDDEN: { message: "{reason}" },
  VALIDATION: { message: "{reason}" },
  VERSION_CONFLICT: { message: "{reason}" },
  UNAVAILABLE: { message: "Redis, which knows of them, is away; ask again.", retryable: true },
  QUARANTINED: { message: "The client is blocked; its tenant's administration knows why.", retryable: true },
});
