import { constants, type KeyObject, verify } from "node:crypto";
import { present } from "./assert.js";

/** JWS algorithms that a signature may be made with; a closed list (RFC 8725, section 3.1). */
export const SIGNATURE_ALGORITHMS = ["EdDSA", "Ed25519", "ES256", "ES384", "PS256"] as const;

/** What is signed, and the signature over it. */
export interface Signed {
  readonly signed: string | Uint8Array;
  readonly signature: Uint8Array;
}

/** What Node's crypto is to do for an algorithm (RFC 7518, sections 3.4 and 3.5; RFC 8037, section 3.1). */
const VERIFIERS: Readonly<Record<string, { readonly hash: string | null; readonly options: object }>> = {
  EdDSA: { hash: null, options: {} },
  Ed25519: { hash: null, options: {} },
  ES256: { hash: "sha256", options: { dsaEncoding: "ieee-p1363" } },
  ES384: { hash: "sha384", options: { dsaEncoding: "ieee-p1363" } },
  PS256: { hash: "sha256", options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } },
};

/**
 * Whether a signature of an algorithm of the list is the key's over these bytes. That the key is one of that algorithm,
 * and nobody else's, is for the caller to know.
 */
export function isSignedBy(alg: string, key: KeyObject, { signed, signature }: Signed): boolean {
  const { hash, options } = present(VERIFIERS[alg], "an algorithm of the list");
  const bytes = typeof signed === "string" ? Buffer.from(signed, "ascii") : signed;
  return verify(hash, bytes, { key, ...options }, signature);
}
