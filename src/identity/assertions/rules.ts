import { SIGNATURE_ALGORITHMS } from "../../kernel/signature.js";
import { parseStrictJson, StrictJsonFault } from "../../kernel/strict-json.js";

/** The longest compact JWS that is looked at: characters. */
const TOKEN_LENGTH_MAX = 8_192;
/** JWS algorithms that an assertion may be signed with; a closed list (RFC 8725, section 3.1). */
export const ASSERTION_ALGORITHMS: readonly string[] = SIGNATURE_ALGORITHMS;
/** How far ahead an assertion may end. */
const ASSERTION_LIFE_MAX_SECONDS = 300;
/** How far two clocks may be apart. */
export const CLOCK_LEEWAY_SECONDS = 30;

/** A compact JWS taken apart, nothing verified. */
export interface OpenedJws {
  readonly header: Readonly<Record<string, unknown>>;
  readonly payload: Buffer;
  /** What was signed: header and payload as they were sent. */
  readonly signed: string;
  readonly signature: Buffer;
}

/** A JWT taken apart, nothing verified. */
export interface OpenedToken extends OpenedJws {
  readonly claims: Readonly<Record<string, unknown>>;
}

/** The header of a client assertion, in form. */
export interface AssertionHeader {
  readonly alg: string;
  readonly kid: string;
}

/** A client assertion in form (RFC 7523, section 3): `iss` is `sub` is the client. Times in seconds since 1970. */
export interface Assertion {
  readonly clientId: string;
  readonly audiences: readonly string[];
  readonly expiresAt: number;
  readonly issuedAt: number | null;
  readonly notBefore: number | null;
  readonly jti: string;
}

const HEADER_MEMBERS = ["alg", "kid", "typ"];
/** Types an assertion may carry: none at all is what most libraries send (RFC 7523 names none). */
const ASSERTION_TYPES = [undefined, "JWT", "jwt", "client-authentication+jwt"];
const NAME = /^[\x21-\x7e]{1,128}$/;
const AUDIENCES_MAX = 5;
const LOOPBACK_HOSTS = ["localhost", "127.0.0.1", "[::1]"];

/** Takes a JWT apart: a compact JWS whose payload is a JSON object without repeated names. Null for anything else. */
export function openToken(text: string): OpenedToken | null {
  const opened = openJws(text);
  const claims = opened && objectOf(opened.payload);
  return opened === null || claims === null ? null : { ...opened, claims };
}

/**
 * Takes a compact JWS (RFC 7515, section 7.1) apart: three parts in strict base64url, the header a JSON object without
 * repeated names. Null for anything else.
 */
export function openJws(text: string): OpenedJws | null {
  if (text.length > TOKEN_LENGTH_MAX) return null;
  const [head, body, tail, ...more] = text.split(".");
  if (head === undefined || body === undefined || tail === undefined || more.length > 0) return null;
  const [header, payload, signature] = [objectOf(decoded(head)), decoded(body), decoded(tail)];
  if (header === null || payload === null || signature === null) return null;
  return { header, payload, signed: `${head}.${body}`, signature };
}

/**
 * The header of an assertion when nothing else is in it (RFC 8725): no `jwk`, `jku`, `x5u`, `crit`, `b64`; null
 * otherwise.
 */
export function assertionHeader({ header }: OpenedToken): AssertionHeader | null {
  const { alg, kid, typ } = header;
  if (Object.keys(header).some((member) => !HEADER_MEMBERS.includes(member))) return null;
  if (typeof alg !== "string" || !ASSERTION_ALGORITHMS.includes(alg) || !isName(kid)) return null;
  return ASSERTION_TYPES.some((type) => type === typ) ? { alg, kid } : null;
}

/** The claims of an assertion, in form; null when one is missing or of another type. */
export function assertionClaims({ claims }: OpenedToken): Assertion | null {
  const { iss, sub, aud, exp, iat = null, nbf = null, jti } = claims;
  const audiences = Array.isArray(aud) ? aud : [aud];
  const isFewAudiences = audiences.length >= 1 && audiences.length <= AUDIENCES_MAX && audiences.every(isShortText);
  if (!isName(iss) || iss !== sub || !isFewAudiences || !isShortText(jti)) return null;
  if (!isTime(exp) || (iat !== null && !isTime(iat)) || (nbf !== null && !isTime(nbf))) return null;
  return { clientId: iss, audiences, expiresAt: exp, issuedAt: iat, notBefore: nbf, jti };
}

/** What is wrong with an assertion at an instant (seconds since 1970), as a sentence; null when nothing is. */
export function assertionFault(assertion: Assertion, now: number, accepted: readonly string[]): string | null {
  const { expiresAt, issuedAt, notBefore, audiences } = assertion;
  if (!audiences.some((audience) => accepted.includes(audience))) return "The assertion is not for this server (aud).";
  if (expiresAt + CLOCK_LEEWAY_SECONDS <= now) return "The assertion has expired (exp).";
  if (expiresAt > now + ASSERTION_LIFE_MAX_SECONDS + CLOCK_LEEWAY_SECONDS) {
    return `The assertion lives longer than ${ASSERTION_LIFE_MAX_SECONDS} seconds (exp).`;
  }
  if (notBefore !== null && notBefore > now + CLOCK_LEEWAY_SECONDS) return "The assertion is not valid yet (nbf).";
  if (issuedAt === null) return null;
  const isTimely = issuedAt <= now + CLOCK_LEEWAY_SECONDS && issuedAt >= now - 2 * ASSERTION_LIFE_MAX_SECONDS;
  return isTimely ? null : "The assertion was made at another time (iat).";
}

/**
 * Every accepted spelling of our own addresses. On the loopback interface of a development machine its names mean the
 * same; elsewhere an address is spelt one way.
 */
export function audienceSpellings(addresses: readonly string[], isProduction: boolean): string[] {
  return addresses.flatMap((address) => {
    const url = new URL(address);
    if (isProduction || !LOOPBACK_HOSTS.includes(url.hostname)) return [address];
    return LOOPBACK_HOSTS.map((host) => address.replace(`//${url.host}`, `//${host}${url.port && `:${url.port}`}`));
  });
}

/** Names are looked up in ASCII columns, which cannot be compared with anything else. */
function isName(value: unknown): value is string {
  return typeof value === "string" && NAME.test(value);
}

/** Whether a claim is a text of 1 to 256 characters. */
export function isShortText(value: unknown): value is string {
  return typeof value === "string" && value.length >= 1 && value.length <= 256;
}

/** NumericDate (RFC 7519, section 2) within what a Date can hold. */
export function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 && value < 1e11;
}

function decoded(part: string): Buffer | null {
  const bytes = Buffer.from(part, "base64url");
  return part !== "" && bytes.toString("base64url") === part ? bytes : null; // Buffer forgives spaces and stray bits
}

function objectOf(bytes: Buffer | null): Readonly<Record<string, unknown>> | null {
  if (bytes === null) return null;
  try {
    const value = parseStrictJson(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
    return isRecord(value) ? value : null;
  } catch (error) {
    if (error instanceof StrictJsonFault || error instanceof TypeError) return null;
    throw error;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
