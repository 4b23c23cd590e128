/** What the token endpoint refuses (RFC 6749, section 5.2), with the status of its answer. */
const REFUSALS = {
  INVALID_REQUEST: { error: "invalid_request", status: 400 },
  INVALID_CLIENT: { error: "invalid_client", status: 401 },
  INVALID_SCOPE: { error: "invalid_scope", status: 400 },
  UNSUPPORTED_GRANT_TYPE: { error: "unsupported_grant_type", status: 400 },
} as const;

/** A refusal of the token endpoint; its message is fit for the caller to read. */
export class OauthRefusal extends Error {
  override readonly name = "OauthRefusal";
  /** The code of RFC 6749, section 5.2. */
  readonly error: string;
  /** HTTP status of the answer. */
  readonly status: number;

  constructor(refusal: keyof typeof REFUSALS, description: string) {
    super(description);
    this.error = REFUSALS[refusal].error;
    this.status = REFUSALS[refusal].status;
  }
}
