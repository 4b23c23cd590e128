import type { PrincipalRef } from "../../kernel/actor.js";

/** What the endpoints of OAuth refuse (RFC 6749, section 5.2; RFC 9449, sections 5 and 8), with the answer's status. */
const REFUSALS = {
  INVALID_REQUEST: { error: "invalid_request", status: 400 },
  INVALID_CLIENT: { error: "invalid_client", status: 401 },
  INVALID_GRANT: { error: "invalid_grant", status: 400 },
  INVALID_SCOPE: { error: "invalid_scope", status: 400 },
  UNSUPPORTED_GRANT_TYPE: { error: "unsupported_grant_type", status: 400 },
  INVALID_DPOP_PROOF: { error: "invalid_dpop_proof", status: 400 },
  USE_DPOP_NONCE: { error: "use_dpop_nonce", status: 400 },
} as const;

/** A refusal of an endpoint of OAuth; its message is fit for the caller to read. */
export class OauthRefusal extends Error {
  override readonly name = "OauthRefusal";
  /** The code as the RFC spells it. */
  readonly error: string;
  /** HTTP status of the answer. */
  readonly status: number;

  constructor(
    refusal: keyof typeof REFUSALS,
    description: string,
    /** The client that was named and is known: for us to count, not for the caller to read. */
    readonly named: PrincipalRef | null = null,
  ) {
    super(description);
    this.error = REFUSALS[refusal].error;
    this.status = REFUSALS[refusal].status;
  }
}
