import { SIGNATURE_ALGORITHMS } from "../../kernel/signature.js";
import { CLOCK_LEEWAY_SECONDS, isShortText, isTime, type OpenedToken } from "../assertions/rules.js";
import { KeyFault } from "../key-material/rules.js";
import { isAlgorithmOf, type PublicKey, readPublicJwk } from "../keys/rules.js";

/** How long a proof is good for after `iat`, besides the leeway. */
const PROOF_LIFE_SECONDS = 60;

/** The key of a proof's header, and the algorithm that it signs with. */
export interface ProofKey {
  readonly alg: string;
  readonly key: PublicKey;
}

/** The claims of a DPoP proof in form (RFC 9449, section 4.2); times in seconds since 1970. */
export interface ProofClaims {
  readonly jti: string;
  readonly method: string;
  readonly target: string;
  readonly issuedAt: number;
  readonly expiresAt: number | null;
  readonly notBefore: number | null;
  /** SHA-256 of the access token in base64url; null where the proof goes with none. */
  readonly tokenHash: string | null;
  readonly nonce: string | null;
}

/** What a proof must speak of. */
export interface ProvenRequest {
  readonly method: string;
  /** Every accepted spelling of the address, without query. */
  readonly targets: readonly string[];
  /** SHA-256 of the access token beside it, in base64url; null at the token endpoint. */
  readonly tokenHash: string | null;
}

const PROOF_TYPE = "dpop+jwt";
const HEADER_MEMBERS = ["typ", "alg", "jwk"];

/** Why the key of a proof is none to trust. */
const KEY_FAULTS: Readonly<Record<KeyFault, string>> = {
  [KeyFault.MALFORMED]: "is not a JWK",
  [KeyFault.PRIVATE]: "is a private or symmetric key",
  [KeyFault.UNSUPPORTED]: "is of an unsupported kind",
  [KeyFault.PURPOSE]: "is for something else",
  [KeyFault.WEAK]: "is weak",
  [KeyFault.INVALID_POINT]: "is not a point of its curve",
};

/**
 * The key of a proof whose header holds `typ`, `alg` and `jwk` and nothing else (RFC 9449, section 4.3, checks 2 to 7),
 * or what is wrong with it as a sentence.
 */
export function proofKey({ header }: Pick<OpenedToken, "header">): ProofKey | string {
  const { typ, alg, jwk } = header;
  if (typ !== PROOF_TYPE) return `The DPoP proof is not a ${PROOF_TYPE} (typ).`;
  if (Object.keys(header).some((member) => !HEADER_MEMBERS.includes(member))) {
    return "The header of the DPoP proof holds more than typ, alg and jwk.";
  }
  if (typeof alg !== "string" || !SIGNATURE_ALGORITHMS.some((known) => known === alg)) {
    return "The algorithm of the DPoP proof is not supported (alg).";
  }
  // Whatever the key calls itself, its name here is its thumbprint.
  const key = readPublicJwk(typeof jwk === "object" ? { ...jwk, kid: undefined } : jwk);
  if (typeof key === "string") return `The key of the DPoP proof ${KEY_FAULTS[key]} (jwk).`;
  return isAlgorithmOf(alg, key.alg) ? { alg, key } : "The algorithm of the DPoP proof is not its key's (alg).";
}

/** The claims of a proof, in form; null when one is missing or of another type. */
export function proofClaims({ claims }: Pick<OpenedToken, "claims">): ProofClaims | null {
  const { jti, htm, htu, iat, exp = null, nbf = null, ath = null, nonce = null } = claims;
  if (!isShortText(jti) || !isShortText(htm) || typeof htu !== "string" || !isTime(iat)) return null;
  if ((exp !== null && !isTime(exp)) || (nbf !== null && !isTime(nbf))) return null;
  if ((ath !== null && !isShortText(ath)) || (nonce !== null && !isShortText(nonce))) return null;
  const times = { issuedAt: iat, expiresAt: exp, notBefore: nbf };
  return { jti, method: htm, target: htu, ...times, tokenHash: ath, nonce };
}

/**
 * What is wrong with a proof for a request at an instant (seconds since 1970), as a sentence; null when nothing is (RFC
 * 9449, section 4.3, checks 8, 9, 11 and 12).
 */
export function proofFault(claims: ProofClaims, request: ProvenRequest, now: number): string | null {
  if (claims.method !== request.method) return "The DPoP proof is for another method (htm).";
  if (!isTarget(claims.target, request.targets)) return "The DPoP proof is for another address (htu).";
  if (claims.issuedAt > now + CLOCK_LEEWAY_SECONDS || proofEnd(claims) <= now) {
    return "The DPoP proof was made at another time (iat).";
  }
  if (claims.notBefore !== null && claims.notBefore > now + CLOCK_LEEWAY_SECONDS) {
    return "The DPoP proof is not valid yet (nbf).";
  }
  if (request.tokenHash === null || claims.tokenHash === request.tokenHash) return null;
  return "The DPoP proof is not for this access token (ath).";
}

/** When a proof ends, leeway included: seconds since 1970. */
export function proofEnd({ issuedAt, expiresAt }: ProofClaims): number {
  return Math.min(issuedAt + PROOF_LIFE_SECONDS, expiresAt ?? Number.POSITIVE_INFINITY) + CLOCK_LEEWAY_SECONDS;
}

/**
 * Whether an `htu` means one of the addresses, its query and fragment aside (RFC 9449, section 4.3; RFC 3986, section
 * 6.2). A WebSocket is opened by a GET of the address that its clients spell `ws:` (RFC 6455, section 4.1).
 */
function isTarget(text: string, targets: readonly string[]): boolean {
  if (targets.includes(text)) return true;
  const http = text.replace(/^ws/i, "http");
  const url = URL.canParse(http) ? new URL(http) : null;
  if (url === null || url.username !== "" || url.password !== "") return false;
  return targets.some((target) => new URL(target).href === `${url.protocol}//${url.host}${url.pathname}`);
}
