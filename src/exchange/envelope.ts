import { isUtf8 } from "node:buffer";
import { constants, createPublicKey, type KeyObject, verify } from "node:crypto";
import { assert, present } from "../kernel/assert.js";
import { BoundedMap } from "../kernel/bounded-map.js";
import { sha256 } from "../kernel/digest.js";
import { CodedError, ErrorCode } from "../kernel/errors.js";
import { parseStrictJson, StrictJsonFault } from "../kernel/strict-json.js";
import type { BatchMode } from "./entities.js";
import { exchangeError } from "./errors.js";

/** How large a batch may be: characters of the compact JWS, and transactions in it. */
export interface BatchLimits {
  readonly bytesMax: number;
  readonly itemsMax: number;
}

/** The limits of the contract: 8 MB (2^23 bytes) and 10,000 transactions. */
export const BATCH_LIMITS: BatchLimits = { bytesMax: 8 * 1024 * 1024, itemsMax: 10_000 };

/** The check that a signature did not pass; `details.check` of `SIGNATURE_INVALID`. */
enum SignatureCheck {
  /** Not three parts (RFC 7515, section 7.1). */
  PARTS = "PARTS",
  /** A part is not unpadded base64url in its one canonical spelling (RFC 7515, section 2; RFC 4648, section 3.5). */
  BASE64URL = "BASE64URL",
  /** The header is not one JSON object without repeated names. */
  HEADER_JSON = "HEADER_JSON",
  /**
   * The header has a member besides alg, kid and typ, such as jwk, jku, x5u, crit or b64; `details.member` names it.
   */
  HEADER_MEMBER = "HEADER_MEMBER",
  /** An algorithm outside the closed list. */
  ALG = "ALG",
  /** No usable key id. */
  KID = "KID",
  /** Another type of token (RFC 8725, section 3.11). */
  TYP = "TYP",
  /** The algorithm is not the key's own (RFC 8725, section 3.1). */
  KEY_ALG = "KEY_ALG",
  /** The signature is missing, or is not the key's over these bytes. */
  SIGNATURE = "SIGNATURE",
}

/** The protected header of a batch. */
export interface BatchHeader {
  readonly alg: string;
  readonly kid: string;
}

/**
 * Who says what: the members of the payload beside the transactions, defaults filled in. `iat` is in seconds since
 * 1970.
 */
export interface BatchClaims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: string;
  readonly jti: string;
  readonly iat: number;
  readonly mode: keyof typeof BatchMode;
}

/** A payload whose frame is in order; nothing is said about the transactions but that there are 1 to 10,000. */
export interface BatchPayload {
  readonly claims: BatchClaims;
  readonly transactions: readonly unknown[];
}

/**
 * What a batch says before anybody has looked inside: good for finding a replay and the key, nothing else. `stated` is
 * what it claims, null when the payload cannot be read; why, is said to those whose signature holds.
 */
export interface EnvelopeCover {
  readonly header: BatchHeader;
  readonly stated: BatchClaims | null;
  /** SHA-256 of the decoded payload; a payload signed again is still the same batch. */
  readonly payloadSha256: Buffer;
  readonly payloadBytes: number;
}

/** A batch taken apart, not verified. */
export interface Envelope extends EnvelopeCover {
  /** The bytes received, all ASCII. */
  readonly jws: string;
  /** The payload, or its refusal; `verifyEnvelope` hands it out. */
  readonly payload: BatchPayload | CodedError;
}

/** A registered key: `alg` is the one algorithm it may be used with, `publicJwk` its JWK (RFC 7517) as JSON text. */
export interface VerificationKey {
  readonly kid: string;
  readonly alg: string;
  readonly publicJwk: string;
}

/**
 * Takes a compact JWS (RFC 7515) apart by the contract's rules. Refuses at once what is too large (`LIMIT_EXCEEDED`) or
 * not in form (`SIGNATURE_INVALID` with the `SignatureCheck`); what is wrong inside the payload waits for the
 * signature.
 */
export function readEnvelope(jws: string, limits: BatchLimits = BATCH_LIMITS): Envelope {
  if (jws.length > limits.bytesMax) throw exchangeError("LIMIT_EXCEEDED", { unit: "bytes", max: limits.bytesMax });
  const [headerPart, payloadPart, signaturePart, ...more] = jws.split(".", 4);
  if (headerPart === undefined || payloadPart === undefined || signaturePart === undefined || more.length > 0) {
    throw signatureRefusal(SignatureCheck.PARTS);
  }
  if (headerPart.length > HEADER_CHARS_MAX) throw signatureRefusal(SignatureCheck.HEADER_JSON);
  const [headerBytes, payloadBytes] = [decodePart(headerPart), decodePart(payloadPart)];
  const signatureBytes = decodePart(signaturePart);
  const header = readHeader(headerBytes);
  if (signatureBytes.length === 0) throw signatureRefusal(SignatureCheck.SIGNATURE, { kid: header.kid });
  const payload = readPayload(payloadBytes, limits);
  if (payload instanceof CodedError && payload.code === ErrorCode.LIMIT_EXCEEDED) throw payload;
  const stated = payload instanceof CodedError ? null : payload.claims;
  return { jws, header, stated, payloadSha256: sha256(payloadBytes), payloadBytes: payloadBytes.length, payload };
}

/**
 * Verifies the signature with the signer's key and that algorithm alone, then `iat` (five minutes both ways,
 * `CLOCK_SKEW`), and answers the payload. Refuses with `SIGNATURE_INVALID` (`check`, `kid`) before it says anything
 * about the payload (`VALIDATION` with a path). Whether the key is the signer's and still good is for the caller to
 * know.
 */
export function verifyEnvelope(envelope: Envelope, key: VerificationKey, now: Date): BatchPayload {
  verifySignature(envelope, key);
  return timelyPayload(envelope.payload, now);
}

/** The first half of `verifyEnvelope`. */
export function verifySignature({ jws, header }: Pick<Envelope, "jws" | "header">, key: VerificationKey): void {
  assert(header.kid === key.kid, "the key is the one that the header names");
  if (familyOf(header.alg) !== familyOf(key.alg)) throw signatureRefusal(SignatureCheck.KEY_ALG, { kid: key.kid });
  if (!isSignedBy(jws, header.alg, key)) throw signatureRefusal(SignatureCheck.SIGNATURE, { kid: key.kid });
}

/** The second half of `verifyEnvelope`: the payload, whatever is known of it, unless it is refused. */
export function timelyPayload<P extends Pick<BatchPayload, "claims">>(payload: P | CodedError, now: Date): P {
  if (payload instanceof CodedError) throw payload;
  if (Math.abs(payload.claims.iat * 1000 - now.getTime()) > IAT_SKEW_MAX_MS) {
    throw exchangeError("CLOCK_SKEW", { path: "/iat", maxMs: IAT_SKEW_MAX_MS });
  }
  return payload;
}

const HEADER_CHARS_MAX = 1024;
const KEYS_KEPT_MAX = 1000;
const IAT_SKEW_MAX_MS = 5 * 60_000;
const BATCH_TYP = "quittance-batch+jws";
const ALGORITHMS: ReadonlySet<unknown> = new Set(["EdDSA", "Ed25519", "ES256", "ES384", "PS256"]);
const HEADER_MEMBERS: ReadonlySet<string> = new Set(["alg", "kid", "typ"]);
const PAYLOAD_MEMBERS: ReadonlySet<string> = new Set(["iss", "sub", "aud", "jti", "iat", "mode", "transactions"]);
const KEY_MEMBERS: readonly string[] = ["kty", "crv", "x", "y", "n", "e"];
const CODE = /^[A-Za-z0-9._:-]{1,64}$/;
const KID = /^[\x21-\x7e]{1,128}$/;
const MEMBER = /^[A-Za-z0-9_#.-]{1,32}$/;
/** A path of such members, as long as an act and an error may carry it. */
const PATH = /^(?=.{1,200}$)(?:\/[A-Za-z0-9_#.-]{1,32})+$/;

const importedKeys = new BoundedMap<string, KeyObject>(KEYS_KEPT_MAX);

interface SignatureFacts {
  readonly kid?: string;
  readonly member?: string;
}

function signatureRefusal(check: SignatureCheck, facts: SignatureFacts = {}): CodedError {
  return exchangeError("SIGNATURE_INVALID", { check, ...facts });
}

/** Buffer's decoder forgives padding, spaces and stray bits; spelling the bytes again shows what it forgave. */
function decodePart(part: string): Buffer {
  const bytes = Buffer.from(part, "base64url");
  if (bytes.toString("base64url") !== part) throw signatureRefusal(SignatureCheck.BASE64URL);
  return bytes;
}

function readHeader(bytes: Buffer): BatchHeader {
  const header = parseJson(bytes);
  if (!isRecord(header)) throw signatureRefusal(SignatureCheck.HEADER_JSON);
  const { alg, kid, typ } = header;
  const named = typeof kid === "string" && KID.test(kid) ? { kid } : {};
  const other = Object.keys(header).find((name) => !HEADER_MEMBERS.has(name));
  if (other !== undefined) {
    throw signatureRefusal(SignatureCheck.HEADER_MEMBER, {
      ...named,
      ...(MEMBER.test(other) ? { member: other } : {}),
    });
  }
  if (typeof alg !== "string" || !ALGORITHMS.has(alg)) throw signatureRefusal(SignatureCheck.ALG, named);
  if (named.kid === undefined) throw signatureRefusal(SignatureCheck.KID);
  if (typ !== BATCH_TYP) throw signatureRefusal(SignatureCheck.TYP, named);
  return { alg, kid: named.kid };
}

function readPayload(bytes: Buffer, limits: BatchLimits): BatchPayload | CodedError {
  const payload = parseJson(bytes);
  if (payload instanceof StrictJsonFault) return payloadRefusal(payload.path, JSON_REASONS[payload.reason]);
  if (!isRecord(payload)) return payloadRefusal("/", "must be a JSON object");
  const other = Object.keys(payload).find((name) => !PAYLOAD_MEMBERS.has(name));
  if (other !== undefined) return payloadRefusal(`/${other}`, "is not a member of the format");
  const { transactions } = payload;
  if (!Array.isArray(transactions)) return payloadRefusal("/transactions", "must be a list");
  const { itemsMax } = limits;
  if (transactions.length > itemsMax) {
    return exchangeError("LIMIT_EXCEEDED", { path: "/transactions", unit: "transactions", max: itemsMax });
  }
  if (transactions.length === 0) return payloadRefusal("/transactions", "must not be empty");
  const claims = readClaims(payload);
  return claims instanceof CodedError ? claims : { claims, transactions };
}

function readClaims(payload: Record<string, unknown>): BatchClaims | CodedError {
  const { iss, aud, jti, sub = iss, iat, mode = "INDEPENDENT" } = payload;
  if (!isCode(iss)) return payloadRefusal("/iss", CODE_REASON);
  if (!isCode(aud)) return payloadRefusal("/aud", CODE_REASON);
  if (!isCode(jti)) return payloadRefusal("/jti", CODE_REASON);
  if (!isCode(sub)) return payloadRefusal("/sub", CODE_REASON);
  if (typeof iat !== "number" || !Number.isSafeInteger(iat) || iat < 0) {
    return payloadRefusal("/iat", "must be whole seconds since 1970");
  }
  if (mode !== "INDEPENDENT" && mode !== "ATOMIC") {
    return payloadRefusal("/mode", "must be INDEPENDENT or ATOMIC");
  }
  return { iss, sub, aud, jti, iat, mode };
}

const CODE_REASON = "must be 1 to 64 of [A-Za-z0-9._:-]";
const JSON_REASONS = {
  MALFORMED: "is not JSON in UTF-8",
  DUPLICATE_KEY: "occurs twice",
  TOO_DEEP: "is nested too deep",
} as const;

/** Members with odd names are the signer's input, which no error repeats: the path is then that of the whole. */
function payloadRefusal(path: string, reason: string): CodedError {
  return exchangeError("VALIDATION", { path: PATH.test(path) ? path : "/", reason });
}

function parseJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) return new StrictJsonFault("MALFORMED", "");
  try {
    return parseStrictJson(bytes.toString("utf8")); // keeps a byte order mark, which JSON refuses
  } catch (error) {
    if (error instanceof StrictJsonFault) return error;
    throw error;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Error);
}

function isCode(value: unknown): value is string {
  return typeof value === "string" && CODE.test(value);
}

/** RFC 9864 names the curve where RFC 8037 named the family; a key registered under either signs with both. */
function familyOf(alg: string): string {
  return alg === "Ed25519" ? "EdDSA" : alg;
}

/** What Node's crypto is to do for an algorithm (RFC 7518, sections 3.4 and 3.5; RFC 8037, section 3.1). */
const VERIFIERS: Readonly<Record<string, { readonly hash: string | null; readonly options: object }>> = {
  EdDSA: { hash: null, options: {} },
  Ed25519: { hash: null, options: {} },
  ES256: { hash: "sha256", options: { dsaEncoding: "ieee-p1363" } },
  ES384: { hash: "sha384", options: { dsaEncoding: "ieee-p1363" } },
  PS256: { hash: "sha256", options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } },
};

/** Over the bytes as they came (RFC 7515, section 5.2): what a library would decode and join once more is megabytes. */
function isSignedBy(jws: string, alg: string, key: VerificationKey): boolean {
  const { hash, options } = present(VERIFIERS[alg], "an algorithm of the list");
  const end = jws.lastIndexOf(".");
  const [signed, signature] = [Buffer.from(jws.slice(0, end), "ascii"), Buffer.from(jws.slice(end + 1), "base64url")];
  return verify(hash, signed, { key: importedKey(key.publicJwk), ...options }, signature);
}

/**
 * Imported once while in use: importing costs more than verifying a small batch. The key's own text is the cache's key.
 */
function importedKey(publicJwk: string): KeyObject {
  const kept = importedKeys.get(publicJwk);
  if (kept !== undefined) return kept;
  const jwk: unknown = JSON.parse(publicJwk);
  assert(isRecord(jwk), "a registered key is a JWK");
  const material = Object.fromEntries(Object.entries(jwk).filter(([member]) => KEY_MEMBERS.includes(member)));
  const imported = createPublicKey({ key: material, format: "jwk" });
  importedKeys.set(publicJwk, imported);
  return imported;
}
