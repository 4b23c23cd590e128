import type { KeyObject } from "node:crypto";
import type { EncryptedHeader } from "../identity/encryption/entities.js";
import { openEncrypted, readEncryptedHeader } from "../identity/encryption/service.js";
import { sha256 } from "../kernel/digest.js";
import { CodedError, ErrorCode } from "../kernel/errors.js";
import { StrictJsonFault } from "../kernel/strict-json.js";
import type { BatchMode } from "./entities.js";
import { exchangeError } from "./errors.js";
import {
  checkIssuedAt,
  checkSignature,
  isRecord,
  parseJson,
  readJws,
  type SignedHeader,
  type VerificationKey,
} from "./jws.js";

/** How large a batch may be: characters of the compact JWS, and transactions in it. */
export interface BatchLimits {
  readonly bytesMax: number;
  readonly itemsMax: number;
}

/** The limits of the contract: 8 MB (2^23 bytes) and 10,000 transactions. */
export const BATCH_LIMITS: BatchLimits = { bytesMax: 8 * 1024 * 1024, itemsMax: 10_000 };

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
  readonly header: SignedHeader;
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

/** A signed batch that came encrypted, as it was inside, and the SHA-256 of what came. */
export interface OpenedEnvelope {
  readonly jws: string;
  readonly encryptedSha256: Buffer;
}

/**
 * The header of an encrypted batch: a compact JWE (RFC 7516) around a signed one. Refuses one that is not in form
 * (`ENCRYPTION_INVALID` with the `EncryptionCheck`); size is for the caller to limit before.
 */
export function readEncryption(jwe: string): EncryptedHeader {
  const header = readEncryptedHeader(jwe, BATCH_TYP);
  if ("check" in header) throw exchangeError("ENCRYPTION_INVALID", { ...header });
  return header;
}

/**
 * Opens an encrypted batch with the key that its header names. Whatever keeps it closed is refused alike
 * (`ENCRYPTION_INVALID`); what is inside is not looked at.
 */
export async function openEnvelope(jwe: string, header: EncryptedHeader, key: KeyObject): Promise<OpenedEnvelope> {
  const content = await openEncrypted(jwe, header, key);
  if ("check" in content) throw exchangeError("ENCRYPTION_INVALID", { ...content });
  const jws = content.toString("latin1"); // what is not ASCII stays so, and is refused
  return { jws, encryptedSha256: sha256(jwe) };
}

/**
 * Takes a compact JWS (RFC 7515) apart by the contract's rules. Refuses at once what is too large (`LIMIT_EXCEEDED`) or
 * not in form (`SIGNATURE_INVALID` with the `SignatureCheck`); what is wrong inside the payload waits for the
 * signature.
 */
export function readEnvelope(jws: string, limits: BatchLimits = BATCH_LIMITS): Envelope {
  if (jws.length > limits.bytesMax) throw exchangeError("LIMIT_EXCEEDED", { unit: "bytes", max: limits.bytesMax });
  const { header, payload: payloadBytes } = readJws(jws, BATCH_TYP);
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
  checkSignature(jws, header, key);
}

/** The second half of `verifyEnvelope`: the payload, whatever is known of it, unless it is refused. */
export function timelyPayload<P extends Pick<BatchPayload, "claims">>(payload: P | CodedError, now: Date): P {
  if (payload instanceof CodedError) throw payload;
  checkIssuedAt(payload.claims.iat, now);
  return payload;
}

const BATCH_TYP = "quittance-batch+jws";
const PAYLOAD_MEMBERS: ReadonlySet<string> = new Set(["iss", "sub", "aud", "jti", "iat", "mode", "transactions"]);
const CODE = /^[A-Za-z0-9._:-]{1,64}$/;
/** A path of such members, as long as an act and an error may carry it. */
const PATH = /^(?=.{1,200}$)(?:\/[A-Za-z0-9_#.-]{1,32})+$/;

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

function isCode(value: unknown): value is string {
  return typeof value === "string" && CODE.test(value);
}
