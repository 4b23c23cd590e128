import { createPublicKey } from "node:crypto";
import { parseStrictJson, StrictJsonFault } from "../../kernel/strict-json.js";
import type { KeyPurpose } from "../entities.js";
import { identityError } from "../errors.js";
import { KeyFault } from "../key-material/rules.js";
import { jwksOf, type PublicKey, readPublicJwk } from "../keys/rules.js";

/** Keys that may be registered at once, and that a client may have. */
export const KEYS_MAX = 10;

const TEXT_LENGTH_MAX = 20_000;
const PEM = /^\s*-----BEGIN ([A-Z0-9 ]{1,40})-----/;
const PUBLIC_LABELS = ["PUBLIC KEY", "RSA PUBLIC KEY"];

const FAULTS: Readonly<Record<KeyFault, string>> = {
  [KeyFault.MALFORMED]: "is not a JWK (RFC 7517) or a PEM of a public key",
  [KeyFault.PRIVATE]: "is a private key: throw it away, make another and send its public half",
  [KeyFault.UNSUPPORTED]: "is of another kind than Ed25519, X25519, P-256, P-384 or RSA",
  [KeyFault.PURPOSE]:
    "is for something else, as its kind, `use`, `alg` or `key_ops` says: one key signs, another encrypts",
  [KeyFault.WEAK]: "is weak: RSA keys have 2048 to 4096 bits and an exponent of 65537 or more",
  [KeyFault.INVALID_POINT]: "is not a point of its curve",
};

/**
 * The public keys of a JWK, a JWK Set or a PEM (SPKI, RFC 7468; or PKCS #1): 1 to 10, for the purposes asked or, with
 * null, for what each says of itself. Refused with a path when one may not be registered (`VALIDATION`).
 */
export function readKeys(text: string, purposes: readonly KeyPurpose[] | null = null): PublicKey[] {
  if (text.length > TEXT_LENGTH_MAX) {
    throw identityError("VALIDATION", { path: "/jwks", reason: "The keys are too long." });
  }
  const label = PEM.exec(text)?.[1];
  const members = label === undefined ? jwksOf(parsedJson(text)) : [jwkOfPem(text, label)];
  if (members === null || members.length < 1 || members.length > KEYS_MAX) {
    throw identityError("VALIDATION", {
      path: "/jwks",
      reason: `Send a JWK, a JWK Set of 1 to ${KEYS_MAX}, or a PEM.`,
    });
  }
  return members.map((member, index) => {
    const key = isFault(member) ? member : readPublicJwk(member, purposes);
    if (typeof key !== "string") return key;
    throw identityError("VALIDATION", { path: `/jwks/keys/${index}`, fault: key, reason: `The key ${FAULTS[key]}.` });
  });
}

/** The key of a PEM as a JWK, or why not; a private one is never even read. */
function jwkOfPem(text: string, label: string): unknown {
  if (label.endsWith("PRIVATE KEY")) return KeyFault.PRIVATE;
  if (!PUBLIC_LABELS.includes(label)) return KeyFault.MALFORMED;
  try {
    return createPublicKey(text).export({ format: "jwk" });
  } catch {
    return KeyFault.MALFORMED; // whatever OpenSSL has against it
  }
}

function isFault(value: unknown): value is KeyFault {
  return Object.values<unknown>(KeyFault).includes(value);
}

function parsedJson(text: string): unknown {
  try {
    return parseStrictJson(text);
  } catch (error) {
    if (!(error instanceof StrictJsonFault)) throw error;
    throw identityError("VALIDATION", { path: "/jwks", reason: "The keys are not JSON, or a name occurs twice." });
  }
}
