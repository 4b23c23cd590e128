import { createPublicKey } from "node:crypto";
import { canonicalJson } from "../../kernel/canonical-json.js";
import { sha256 } from "../../kernel/digest.js";

/**
 * JWS algorithms that a client's key may be of (RFC 7518, RFC 8037); `EdDSA` stands for `Ed25519` (RFC 9864) as well.
 */
export const KEY_ALGORITHMS = ["EdDSA", "ES256", "ES384", "PS256"] as const;

/** One algorithm of the closed list. */
export type KeyAlgorithm = (typeof KEY_ALGORITHMS)[number];

/** Why a JWK cannot be registered. */
export enum KeyFault {
  /** Not a JWK of a public key at all. */
  MALFORMED = "MALFORMED",
  /** It holds private members; whoever sent it must throw the key away. */
  PRIVATE = "PRIVATE",
  /** A kind of key, curve or algorithm outside the closed list. */
  UNSUPPORTED = "UNSUPPORTED",
  /** `alg`, `use` or `key_ops` says that it is for something else. */
  PURPOSE = "PURPOSE",
  /** RSA under 2048 or over 4096 bits, a small exponent, a modulus known to be guessable, a point of small order. */
  WEAK = "WEAK",
  /** Not a point of its curve. */
  INVALID_POINT = "INVALID_POINT",
}

/** A public key that may be registered; `jwk` holds only what is needed to verify, with `kid`, `alg` and `use`. */
export interface PublicKey {
  readonly kid: string;
  readonly alg: KeyAlgorithm;
  readonly jwk: Readonly<Record<string, string>>;
  /** SHA-256 thumbprint (RFC 7638): 32 bytes. */
  readonly thumbprint: Buffer;
}

interface KeyKind {
  readonly kty: string;
  readonly crv: string | undefined;
  readonly alg: KeyAlgorithm;
  /** What `alg` may say. */
  readonly spellings: readonly string[];
  /** The members that make the key (RFC 7638, section 3.2). */
  readonly members: readonly string[];
  readonly fault: (jwk: Readonly<Record<string, string>>) => KeyFault | null;
}

const KINDS: readonly KeyKind[] = [
  {
    ...{ kty: "OKP", crv: "Ed25519", alg: "EdDSA", spellings: ["EdDSA", "Ed25519"], members: ["crv", "kty", "x"] },
    fault: ed25519Fault,
  },
  {
    ...{ kty: "EC", crv: "P-256", alg: "ES256", spellings: ["ES256"], members: ["crv", "kty", "x", "y"] },
    fault: (jwk) => curveFault(jwk, 32),
  },
  {
    ...{ kty: "EC", crv: "P-384", alg: "ES384", spellings: ["ES384"], members: ["crv", "kty", "x", "y"] },
    fault: (jwk) => curveFault(jwk, 48),
  },
  {
    ...{ kty: "RSA", crv: undefined, alg: "PS256", spellings: ["PS256"], members: ["e", "kty", "n"] },
    fault: rsaFault,
  },
];

const PRIVATE_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];
const KID_PATTERN = /^[A-Za-z0-9._:-]{1,128}$/;
const MEMBER_LENGTH_MAX = 1_024;
const RSA_BITS_MIN = 2_048;
const RSA_BITS_MAX = 4_096;
const RSA_EXPONENT_MIN = 65_537n;
const RSA_EXPONENT_MAX = 2n ** 32n;

/**
 * A JWK (RFC 7517) as a key that may be registered, or why not. `kid` defaults to the thumbprint in base64url; `alg` to
 * the one algorithm of that kind of key.
 */
export function readPublicJwk(value: unknown): PublicKey | KeyFault {
  if (!isRecord(value)) return KeyFault.MALFORMED;
  if (PRIVATE_MEMBERS.some((member) => Object.hasOwn(value, member))) return KeyFault.PRIVATE;
  const kind = KINDS.find(({ kty, crv }) => value["kty"] === kty && (crv === undefined || value["crv"] === crv));
  if (kind === undefined) return typeof value["kty"] === "string" ? KeyFault.UNSUPPORTED : KeyFault.MALFORMED;
  if (!isForSigning(value, kind)) return KeyFault.PURPOSE;
  const material = materialOf(value, kind.members);
  if (material === null) return KeyFault.MALFORMED;
  const fault = kind.fault(material);
  if (fault !== null) return fault;
  const thumbprint = sha256(canonicalJson(material));
  const kid = value["kid"] ?? thumbprint.toString("base64url");
  if (typeof kid !== "string" || !KID_PATTERN.test(kid)) return KeyFault.MALFORMED;
  return { kid, alg: kind.alg, jwk: { ...material, kid, alg: kind.alg, use: "sig" }, thumbprint };
}

/** The members of a JWK or a JWK Set (RFC 7517, section 5), one by one; null when it is neither. */
export function jwksOf(value: unknown): readonly unknown[] | null {
  if (!isRecord(value)) return null;
  if (!Object.hasOwn(value, "keys")) return [value];
  return Array.isArray(value["keys"]) ? value["keys"] : null;
}

/** Whether a JWS header's `alg` is that of a registered key (RFC 8725, section 3.1). */
export function isAlgorithmOf(headerAlg: string, keyAlg: string): boolean {
  return (headerAlg === "Ed25519" ? "EdDSA" : headerAlg) === keyAlg;
}

function isForSigning(jwk: Readonly<Record<string, unknown>>, kind: KeyKind): boolean {
  const { alg, use, key_ops: operations } = jwk;
  const isAlgorithm = alg === undefined || (typeof alg === "string" && kind.spellings.includes(alg));
  const isUse = use === undefined || use === "sig";
  return isAlgorithm && isUse && (operations === undefined || isVerifyAlone(operations));
}

function isVerifyAlone(operations: unknown): boolean {
  return Array.isArray(operations) && operations.length === 1 && operations[0] === "verify";
}

/** The key's own members as strict base64url (RFC 7515, section 2); null when one is missing or spelt otherwise. */
function materialOf(jwk: Readonly<Record<string, unknown>>, members: readonly string[]): Record<string, string> | null {
  const material: Record<string, string> = {};
  for (const member of members) {
    const text = jwk[member];
    if (typeof text !== "string" || text.length > MEMBER_LENGTH_MAX) return null;
    if (member !== "kty" && member !== "crv" && decoded(text) === null) return null;
    material[member] = text;
  }
  return material;
}

function decoded(text: string): Buffer | null {
  const bytes = Buffer.from(text, "base64url");
  return bytes.length > 0 && bytes.toString("base64url") === text ? bytes : null;
}

function bytesOf(jwk: Readonly<Record<string, string>>, member: string): Buffer {
  return Buffer.from(jwk[member] ?? "", "base64url");
}

function numberOf(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString("hex") || "0"}`);
}

function curveFault(jwk: Readonly<Record<string, string>>, coordinateBytes: number): KeyFault | null {
  if (["x", "y"].some((member) => bytesOf(jwk, member).length !== coordinateBytes)) return KeyFault.MALFORMED;
  try {
    createPublicKey({ key: jwk, format: "jwk" }); // OpenSSL refuses what is not on the curve
    return null;
  } catch {
    return KeyFault.INVALID_POINT;
  }
}

function rsaFault(jwk: Readonly<Record<string, string>>): KeyFault | null {
  const [modulusBytes, exponentBytes] = [bytesOf(jwk, "n"), bytesOf(jwk, "e")];
  // RFC 7518, section 6.3.1: no leading zeros.
  if (modulusBytes[0] === 0 || exponentBytes[0] === 0) return KeyFault.MALFORMED;
  const modulus = numberOf(modulusBytes);
  const exponent = numberOf(exponentBytes);
  const bits = modulus.toString(2).length;
  const isStrong =
    bits >= RSA_BITS_MIN &&
    bits <= RSA_BITS_MAX &&
    exponent >= RSA_EXPONENT_MIN &&
    exponent < RSA_EXPONENT_MAX &&
    exponent % 2n === 1n &&
    modulus % 2n === 1n;
  return isStrong && !hasRocaMark(modulus) ? null : KeyFault.WEAK;
}

/** Small primes modulo which moduli of the broken Infineon library are always powers of 65537 (CVE-2017-15361). */
const ROCA_PRIMES = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];

function hasRocaMark(modulus: bigint): boolean {
  return ROCA_PRIMES.every((prime) => {
    const remainder = Number(modulus % BigInt(prime));
    let power = 1;
    do {
      if (power === remainder) return true;
      power = (power * 65_537) % prime;
    } while (power !== 1);
    return false;
  });
}

const FIELD = 2n ** 255n - 19n;
const D = modulo(-121_665n * inverse(121_666n));
/** A y coordinate of the points of order eight; the other one is its negative. */
const ORDER_EIGHT_Y = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n;
const SMALL_ORDER_YS = [0n, 1n, FIELD - 1n, ORDER_EIGHT_Y, FIELD - ORDER_EIGHT_Y];

/** Decoding as RFC 8032, section 5.1.3: y below the prime, and a square x² = (y² − 1) / (dy² + 1). */
function ed25519Fault(jwk: Readonly<Record<string, string>>): KeyFault | null {
  const bytes = bytesOf(jwk, "x");
  if (bytes.length !== 32) return KeyFault.MALFORMED;
  const y = numberOf(Buffer.from(bytes).reverse()) & (2n ** 255n - 1n);
  if (y >= FIELD) return KeyFault.INVALID_POINT;
  if (SMALL_ORDER_YS.includes(y)) return KeyFault.WEAK;
  const xSquared = modulo((y * y - 1n) * inverse(modulo(D * y * y + 1n)));
  return power(xSquared, (FIELD - 1n) / 2n) === 1n ? null : KeyFault.INVALID_POINT;
}

function modulo(value: bigint): bigint {
  return ((value % FIELD) + FIELD) % FIELD;
}

function inverse(value: bigint): bigint {
  return power(value, FIELD - 2n);
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = base % FIELD;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % FIELD;
    square = (square * square) % FIELD;
  }
  return result;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
