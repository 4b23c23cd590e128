/** How the key of the content comes to its reader (RFC 7518, section 4.1); a closed list. */
export const KEY_ENCRYPTIONS = ["ECDH-ES", "ECDH-ES+A256KW", "RSA-OAEP-256"] as const;
/** How the content is encrypted (RFC 7518, section 5.1); a closed list. */
export const CONTENT_ENCRYPTIONS = ["A256GCM", "A256CBC-HS512"] as const;

/** One `alg` of the closed list. */
export type KeyEncryption = (typeof KEY_ENCRYPTIONS)[number];
/** One `enc` of the closed list. */
export type ContentEncryption = (typeof CONTENT_ENCRYPTIONS)[number];

/** The check that an encrypted document did not pass. All but the last look at what anybody can read. */
export enum EncryptionCheck {
  /** Not five parts (RFC 7516, section 7.1), or a header longer than any of ours. */
  PARTS = "PARTS",
  /** A part is not unpadded base64url in its one canonical spelling. */
  BASE64URL = "BASE64URL",
  /** The header is not one JSON object without repeated names. */
  HEADER_JSON = "HEADER_JSON",
  /** The header has a member of no use here, such as zip, crit, p2c, jwk or x5u; `member` names it. */
  HEADER_MEMBER = "HEADER_MEMBER",
  /** `alg` is outside the closed list: `dir`, PBES2, RSA1_5 and SHA-1 are. */
  ALG = "ALG",
  /** `enc` is outside the closed list. */
  ENC = "ENC",
  /** No usable key id. */
  KID = "KID",
  /** Something else than what is expected here is inside, or `cty` does not say what. */
  CTY = "CTY",
  /** `epk` is no public key on P-256, P-384 or X25519, or stands where there may be none. */
  EPK = "EPK",
  /** It does not open: key, padding, tag or anything else, untold which. */
  DECRYPTION = "DECRYPTION",
}

/** Why an encrypted document is refused; `member` is the header's member, where its name may be repeated. */
export interface EncryptionFault {
  readonly check: EncryptionCheck;
  readonly kid?: string;
  readonly member?: string;
}

/** The protected header of a compact JWE (RFC 7516) in form. */
export interface EncryptedHeader {
  readonly alg: KeyEncryption;
  readonly enc: ContentEncryption;
  readonly kid: string;
}

/** A public key that a document is encrypted for: a JWK (RFC 7517) with its `kid`. */
export interface RecipientKey {
  readonly kid: string;
  readonly publicJwk: Readonly<Record<string, unknown>>;
}

/** What the header of an encrypted document says besides the key: what is inside, and how both are encrypted. */
export interface Encryption {
  /** Media type of the content without `application/` (RFC 7515, section 4.1.10). */
  readonly cty: string;
  /** The strongest that the kind of key has, where nobody says. */
  readonly alg?: KeyEncryption;
  readonly enc?: ContentEncryption;
}
