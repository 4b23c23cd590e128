import { canonicalJson } from "../../kernel/canonical-json.js";
import { sha256 } from "../../kernel/digest.js";
import { type ClientKey, KeyPurpose, KeyState } from "../entities.js";
import { curveFault, ed25519Fault, KeyFault, rsaFault, x25519Fault } from "../key-material/rules.js";

/** What a key is for when nobody says: what every key of a client was before there were others. */
const SIGNING_PURPOSES: readonly KeyPurpose[] = [KeyPurpose.CLIENT_AUTHENTICATION, KeyPurpose.BATCH_SIGNING];

/** A public key that may be registered; `jwk` holds only what is needed to use it, with `kid`, `alg` and `use`. */
export interface PublicKey {
  readonly kid: string;
  readonly alg: string;
  readonly purposes: readonly KeyPurpose[];
  readonly jwk: Readonly<Record<string, string>>;
  /** SHA-256 thumbprint (RFC 7638): 32 bytes. */
  readonly thumbprint: Buffer;
}

interface KeyKind {
  readonly kty: string;
  readonly crv: string | undefined;
  readonly use: "sig" | "enc";
  /** What `alg` may say; the first is what it stands for, unless each is an algorithm of its own. */
  readonly spellings: readonly string[];
  /** The members that make the key (RFC 7638, section 3.2). */
  readonly members: readonly string[];
  readonly fault: (jwk: Readonly<Record<string, string>>) => KeyFault | null;
}

const OKP = ["crv", "kty", "x"];
const EC = ["crv", "kty", "x", "y"];
const RSA = ["e", "kty", "n"];
const ECDH = ["ECDH-ES+A256KW", "ECDH-ES"];
const p256Fault = (jwk: Readonly<Record<string, string>>) => curveFault(jwk, 32);
const p384Fault = (jwk: Readonly<Record<string, string>>) => curveFault(jwk, 48);

/** The closed list: JWS by RFC 7518, RFC 8037 and RFC 9864, JWE by RFC 7518 and RFC 8037. */
const KINDS: readonly KeyKind[] = [
  { kty: "OKP", crv: "Ed25519", use: "sig", spellings: ["EdDSA", "Ed25519"], members: OKP, fault: ed25519Fault },
  { kty: "EC", crv: "P-256", use: "sig", spellings: ["ES256"], members: EC, fault: p256Fault },
  { kty: "EC", crv: "P-384", use: "sig", spellings: ["ES384"], members: EC, fault: p384Fault },
  { kty: "RSA", crv: undefined, use: "sig", spellings: ["PS256"], members: RSA, fault: rsaFault },
  { kty: "OKP", crv: "X25519", use: "enc", spellings: ECDH, members: OKP, fault: x25519Fault },
  { kty: "EC", crv: "P-256", use: "enc", spellings: ECDH, members: EC, fault: p256Fault },
  { kty: "EC", crv: "P-384", use: "enc", spellings: ECDH, members: EC, fault: p384Fault },
  { kty: "RSA", crv: undefined, use: "enc", spellings: ["RSA-OAEP-256"], members: RSA, fault: rsaFault },
];

/** What `key_ops` may say of a public key (RFC 7517, section 4.3), by what it is for. */
const OPERATIONS: Readonly<Record<KeyKind["use"], readonly string[]>> = {
  sig: ["verify"],
  enc: ["encrypt", "wrapKey", "deriveKey", "deriveBits"],
};

const PRIVATE_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];
const KID_PATTERN = /^[A-Za-z0-9._:-]{1,128}$/;
const MEMBER_LENGTH_MAX = 1_024;

/**
 * A JWK (RFC 7517) as a key that may be registered, or why not. `kid` defaults to the thumbprint in base64url; `alg` to
 * the first algorithm of that kind of key; what it is for to what its `use` and `alg` say, and to signing where they do
 * not.
 */
export function readPublicJwk(value: unknown, asked: readonly KeyPurpose[] | null = null): PublicKey | KeyFault {
  if (!isRecord(value)) return KeyFault.MALFORMED;
  if (PRIVATE_MEMBERS.some((member) => Object.hasOwn(value, member))) return KeyFault.PRIVATE;
  const kinds = KINDS.filter(({ kty, crv }) => value["kty"] === kty && (crv === undefined || value["crv"] === crv));
  if (kinds.length === 0) return typeof value["kty"] === "string" ? KeyFault.UNSUPPORTED : KeyFault.MALFORMED;
  const kind = kinds.find((each) => isOfKind(value, each) && (asked === null || isForAll(each, asked)));
  if (kind === undefined) return KeyFault.PURPOSE;
  const material = materialOf(value, kind.members);
  if (material === null) return KeyFault.MALFORMED;
  const fault = kind.fault(material);
  if (fault !== null) return fault;
  const thumbprint = sha256(canonicalJson(material));
  const kid = value["kid"] ?? thumbprint.toString("base64url");
  if (typeof kid !== "string" || !KID_PATTERN.test(kid)) return KeyFault.MALFORMED;
  const { use } = kind;
  const alg = algorithmOf(kind, value["alg"]);
  const purposes = asked ?? (use === "sig" ? SIGNING_PURPOSES : [KeyPurpose.ENCRYPTION]);
  return { kid, alg, purposes, jwk: { ...material, kid, alg, use }, thumbprint };
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

/** Why a key may not be used for something now. */
export enum KeyObstacle {
  REVOKED = "REVOKED",
  /** It is for something else. */
  PURPOSE = "PURPOSE",
  PENDING_APPROVAL = "PENDING_APPROVAL",
  SUSPENDED = "SUSPENDED",
  EXPIRED = "EXPIRED",
  NOT_YET_VALID = "NOT_YET_VALID",
}

const OBSTACLES: Readonly<Record<KeyState, KeyObstacle | null>> = {
  [KeyState.PENDING_APPROVAL]: KeyObstacle.PENDING_APPROVAL,
  [KeyState.ACTIVE]: null,
  [KeyState.SUSPENDED]: KeyObstacle.SUSPENDED,
  [KeyState.EXPIRED]: KeyObstacle.EXPIRED,
  [KeyState.REVOKED]: KeyObstacle.REVOKED,
};

/** What decides whether a key may be used. */
export type KeyStanding = Pick<ClientKey, "state" | "purposes" | "notBefore" | "expiresAt">;

/** What keeps a key from being used for a purpose at an instant, the lasting first; null when nothing does. */
export function keyObstacle(key: KeyStanding, purpose: KeyPurpose, at: Date): KeyObstacle | null {
  const { state, purposes, notBefore, expiresAt } = key;
  if (state === KeyState.REVOKED) return KeyObstacle.REVOKED;
  if (!purposes.includes(purpose)) return KeyObstacle.PURPOSE;
  if (expiresAt !== null && expiresAt <= at) return KeyObstacle.EXPIRED;
  if (notBefore !== null && notBefore > at) return OBSTACLES[state] ?? KeyObstacle.NOT_YET_VALID;
  return OBSTACLES[state];
}

function isOfKind(jwk: Readonly<Record<string, unknown>>, { use, spellings }: KeyKind): boolean {
  const { alg, use: says, key_ops: operations } = jwk;
  const isAlgorithm = alg === undefined || (typeof alg === "string" && spellings.includes(alg));
  return isAlgorithm && (says === undefined || says === use) && isOperations(operations, OPERATIONS[use]);
}

function isOperations(operations: unknown, allowed: readonly string[]): boolean {
  if (operations === undefined) return true;
  return Array.isArray(operations) && operations.length > 0 && operations.every((each) => allowed.includes(each));
}

/** Whether a kind of key serves every one of these purposes; one that encrypts serves no other. */
function isForAll({ use }: KeyKind, purposes: readonly KeyPurpose[]): boolean {
  return purposes.length > 0 && purposes.every((purpose) => (purpose === KeyPurpose.ENCRYPTION) === (use === "enc"));
}

/** `Ed25519` is another name of `EdDSA`; each of the others is an algorithm of its own. */
function algorithmOf({ use, spellings: [first = ""] }: KeyKind, named: unknown): string {
  return use === "enc" && typeof named === "string" ? named : first;
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

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
