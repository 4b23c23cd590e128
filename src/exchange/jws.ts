import { isUtf8 } from "node:buffer";
import { createPublicKey, type KeyObject } from "node:crypto";
import { assert } from "../kernel/assert.js";
import { BoundedMap } from "../kernel/bounded-map.js";
import type { CodedError } from "../kernel/errors.js";
import { isSignedBy, SIGNATURE_ALGORITHMS } from "../kernel/signature.js";
import { parseStrictJson, StrictJsonFault } from "../kernel/strict-json.js";
import { exchangeError } from "./errors.js";

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

/** The protected header of what a partner or tenant signs. */
export interface SignedHeader {
  readonly alg: string;
  readonly kid: string;
}

/** A compact JWS taken apart, not verified: its protected header, and the bytes of its payload. */
export interface CompactJws {
  readonly header: SignedHeader;
  readonly payload: Buffer;
}

/** A registered key: `alg` is the one algorithm it may be used with, `publicJwk` its JWK (RFC 7517) as JSON text. */
export interface VerificationKey {
  readonly kid: string;
  readonly alg: string;
  readonly publicJwk: string;
}

/**
 * Takes a compact JWS (RFC 7515) apart by the contract's rules, of one `typ`. Refuses what is not in form
 * (`SIGNATURE_INVALID` with the check); size is for the caller to limit before.
 */
export function readJws(jws: string, typ: string): CompactJws {
  const [headerPart, payloadPart, signaturePart, ...more] = jws.split(".", 4);
  if (headerPart === undefined || payloadPart === undefined || signaturePart === undefined || more.length > 0) {
    throw signatureRefusal(SignatureCheck.PARTS);
  }
  if (headerPart.length > HEADER_CHARS_MAX) throw signatureRefusal(SignatureCheck.HEADER_JSON);
  const [headerBytes, payload] = [decodePart(headerPart), decodePart(payloadPart)];
  const signatureBytes = decodePart(signaturePart);
  const header = readHeader(headerBytes, typ);
  if (signatureBytes.length === 0) throw signatureRefusal(SignatureCheck.SIGNATURE, { kid: header.kid });
  return { header, payload };
}

/** Refuses a signature that is not the key's over these bytes, with that algorithm alone (`SIGNATURE_INVALID`). */
export function checkSignature(jws: string, header: SignedHeader, key: VerificationKey): void {
  assert(header.kid === key.kid, "the key is the one that the header names");
  if (familyOf(header.alg) !== familyOf(key.alg)) throw signatureRefusal(SignatureCheck.KEY_ALG, { kid: key.kid });
  if (!isSigned(jws, header.alg, key)) throw signatureRefusal(SignatureCheck.SIGNATURE, { kid: key.kid });
}

/** Whether a compact JWS is signed with a key, by the key's own algorithm. */
export function isSignedWith(jws: string, header: SignedHeader, key: VerificationKey): boolean {
  return familyOf(header.alg) === familyOf(key.alg) && isSigned(jws, header.alg, key);
}

/** Refuses an `iat` that is more than five minutes away from now, both ways (`CLOCK_SKEW`). */
export function checkIssuedAt(iat: number, now: Date): void {
  if (Math.abs(iat * 1000 - now.getTime()) <= IAT_SKEW_MAX_MS) return;
  throw exchangeError("CLOCK_SKEW", { path: "/iat", maxMs: IAT_SKEW_MAX_MS });
}

/** What JSON in UTF-8 says, or what is wrong with it. */
export function parseJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) return new StrictJsonFault("MALFORMED", "");
  try {
    return parseStrictJson(bytes.toString("utf8")); // keeps a byte order mark, which JSON refuses
  } catch (error) {
    if (error instanceof StrictJsonFault) return error;
    throw error;
  }
}

/** Whether a value is a JSON object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Error);
}

const HEADER_CHARS_MAX = 1024;
const KEYS_KEPT_MAX = 1000;
const IAT_SKEW_MAX_MS = 5 * 60_000;
const ALGORITHMS: ReadonlySet<unknown> = new Set(SIGNATURE_ALGORITHMS);
const HEADER_MEMBERS: ReadonlySet<string> = new Set(["alg", "kid", "typ"]);
const KEY_MEMBERS: readonly string[] = ["kty", "crv", "x", "y", "n", "e"];
const KID = /^[\x21-\x7e]{1,128}$/;
const MEMBER = /^[A-Za-z0-9_#.-]{1,32}$/;

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

function readHeader(bytes: Buffer, ofType: string): SignedHeader {
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
  if (typ !== ofType) throw signatureRefusal(SignatureCheck.TYP, named);
  return { alg, kid: named.kid };
}

/** RFC 9864 names the curve where RFC 8037 named the family; a key registered under either signs with both. */
function familyOf(alg: string): string {
  return alg === "Ed25519" ? "EdDSA" : alg;
}

/** Over the bytes as they came (RFC 7515, section 5.2): what a library would decode and join once more is megabytes. */
function isSigned(jws: string, alg: string, key: VerificationKey): boolean {
  const end = jws.lastIndexOf(".");
  const signature = Buffer.from(jws.slice(end + 1), "base64url");
  return isSignedBy(alg, importedKey(key.publicJwk), { signed: jws.slice(0, end), signature });
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
