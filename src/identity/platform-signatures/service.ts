import { createPublicKey, verify } from "node:crypto";
import { z } from "zod";
import { parseStrictJson, StrictJsonFault } from "../../kernel/strict-json.js";

/** Which keys may have signed, and as what. */
export interface Expected {
  /** A JWK Set (RFC 7517), as parsed JSON. */
  readonly jwks: unknown;
  /** The `typ` that the header must have. */
  readonly typ: string;
  /** When it is proven to have existed, by other than what it says; null where nothing proves that. */
  readonly provenAt?: Date | null;
}

/** Which check failed. */
export type SignatureFault =
  | "JWKS_INVALID"
  | "MALFORMED"
  | "TYPE_MISMATCH"
  | "ALGORITHM_REFUSED"
  | "KEY_UNKNOWN"
  | "SIGNATURE_INVALID"
  /** Signed, by a key that somebody else may have had; nothing proves that it was signed before. */
  | "KEY_REVOKED";

const Header = z.strictObject({ alg: z.string(), kid: z.string(), typ: z.string() });
const Ed25519Jwk = z.object({
  kid: z.string(),
  kty: z.literal("OKP"),
  crv: z.literal("Ed25519"),
  x: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  revoked: z.unknown().optional(),
});
const Revoked = z.object({ revoked_at: z.number() });
/** Twice what the platform lists, of signing keys and of encryption keys. */
const KEYS_MAX = 40_000;
const Jwks = z.object({ keys: z.array(z.unknown()).max(KEYS_MAX) });
const ALGORITHMS = ["EdDSA", "Ed25519"];
const COMPACT = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{86})$/;

/**
 * Checks what the platform signed (compact JWS, RFC 7515, by Ed25519, RFC 8037) with nothing but its public keys, and
 * answers the payload as parsed JSON, or the first check that failed. What a key signed that the set marks as revoked
 * (`revoked.revoked_at`, as in OpenID Federation 1.0, section 8.7) holds only where it is proven to be older.
 */
export function readSigned(
  jws: string,
  { jwks, typ, provenAt = null }: Expected,
): { readonly payload: unknown } | { readonly fault: SignatureFault } {
  const keys = Jwks.safeParse(jwks);
  if (!keys.success) return { fault: "JWKS_INVALID" };
  const [, head = "", body = "", signature = ""] = COMPACT.exec(jws) ?? [];
  const header = Header.safeParse(parsed(head));
  const payload = parsed(body);
  if (!header.success || payload === undefined) return { fault: "MALFORMED" };
  if (header.data.typ !== typ) return { fault: "TYPE_MISMATCH" };
  if (!ALGORITHMS.includes(header.data.alg)) return { fault: "ALGORITHM_REFUSED" };
  const key = keyNamed(keys.data.keys, header.data.kid);
  if (key === null) return { fault: "KEY_UNKNOWN" };
  if (!isSignedBy(key, `${head}.${body}`, signature)) return { fault: "SIGNATURE_INVALID" };
  return isGoodThen(key, provenAt) ? { payload } : { fault: "KEY_REVOKED" };
}

/** The set's Ed25519 key of that name; keys of other kinds may stand in it too. */
function keyNamed(keys: readonly unknown[], kid: string): z.infer<typeof Ed25519Jwk> | null {
  for (const candidate of keys) {
    const { data } = Ed25519Jwk.safeParse(candidate);
    if (data?.kid === kid) return data;
  }
  return null;
}

/** A mark that says no instant is taken to mean ever. */
function isGoodThen({ revoked }: z.infer<typeof Ed25519Jwk>, provenAt: Date | null): boolean {
  if (revoked === undefined) return true;
  const { data: mark } = Revoked.safeParse(revoked);
  return mark !== undefined && provenAt !== null && provenAt.getTime() < mark.revoked_at * 1_000;
}

function isSignedBy(key: z.infer<typeof Ed25519Jwk>, text: string, signature: string): boolean {
  const bytes = Buffer.from(signature, "base64url");
  if (bytes.toString("base64url") !== signature) return false; // other bits that decode to the same bytes
  const publicKey = createPublicKey({ key, format: "jwk" });
  return verify(null, Buffer.from(text), publicKey, bytes);
}

/** The JSON that base64url text holds; undefined where it holds none, or the text is spelled in another way. */
function parsed(text: string): unknown {
  const bytes = Buffer.from(text, "base64url");
  if (bytes.length === 0 || bytes.toString("base64url") !== text) return undefined;
  try {
    return parseStrictJson(bytes.toString("utf8"));
  } catch (error) {
    if (error instanceof StrictJsonFault) return undefined;
    throw error;
  }
}
