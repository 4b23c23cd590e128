import { gunzipSync, gzipSync } from "node:zlib";
import { assert } from "../../kernel/assert.js";
import { sha256 } from "../../kernel/digest.js";
import { ErrorCode } from "../../kernel/errors.js";
import type { Reader, Tx } from "../../platform/database.js";
import { ItemOutcome, type Outcome } from "../posting/rules.js";

/** Compression that costs a millisecond for a thousand transactions; for a few it needs little memory. */
const GZIP = { level: 1 };
const GZIP_SMALL = { level: 1, windowBits: 10, memLevel: 2 };
const SMALL_BYTES = 2_048;
const NEWLINE = 0x0a;

/**
 * A compact JWS packed for storage: gzip of `<header>.<signature>`, a newline, and the decoded payload. Base64url has
 * one canonical spelling, which acceptance insists on, so `unpackEnvelope` gives back the very bytes received.
 */
export function packEnvelope(jws: string): Buffer {
  const [header = "", payload = "", signature = ""] = jws.split(".");
  const head = Buffer.from(`${header}.${signature}\n`, "ascii");
  return packed(Buffer.concat([head, Buffer.from(payload, "base64url")]));
}

/** The size of a compact JWS's payload in bytes. */
export function payloadBytesOf(jws: string): number {
  return Buffer.byteLength(jws.split(".")[1] ?? "", "base64url");
}

/** The compact JWS as it was received. */
export function unpackEnvelope(packed: Buffer): string {
  const { head, payload } = unpack(packed);
  const [header, signature] = head.split(".");
  return `${header}.${payload.toString("base64url")}.${signature}`;
}

/** The payload's bytes, as they were signed. */
export function packedPayload(packed: Buffer): Buffer {
  return unpack(packed).payload;
}

/** The payload's transactions; the payload was verified and checked when it was accepted. */
export function packedTransactions(packed: Buffer): unknown[] {
  const { transactions } = JSON.parse(packedPayload(packed).toString("utf8"));
  assert(Array.isArray(transactions), "an accepted payload has transactions");
  return transactions;
}

/** Keeps what was received beside its batches: numbers, and envelopes as packed. */
export async function storeEnvelopes(
  tx: Tx,
  tenantNo: number,
  contents: readonly (readonly [string, Buffer])[],
): Promise<void> {
  await tx.query("insert into batch_content (tenant_no, batch_no, envelope) values ?", [
    contents.map(([batchNo, packed]) => [tenantNo, batchNo, packed]),
  ]);
}

/** The envelopes of batches, by batch number. */
export async function envelopesOf(
  reader: Reader,
  tenantNo: number,
  batchNos: readonly string[],
): Promise<Map<string, Buffer>> {
  const rows: { batch_no: string; envelope: Buffer }[] = await reader.query(
    "select batch_no, envelope from batch_content where tenant_no = ? and batch_no in (?)",
    [tenantNo, batchNos],
  );
  return new Map(rows.map((row) => [String(row.batch_no), row.envelope]));
}

/** Outcomes packed for storage, and the SHA-256 of their canonical JSON, which the act of posting states. */
export function packOutcomes(outcomes: readonly Outcome[]): { readonly packed: Buffer; readonly sha256: Buffer } {
  const text = `[${outcomes.map(outcomeText).join(",")}]`;
  return { packed: packed(Buffer.from(text)), sha256: sha256(text) };
}

/** Members in the order of their names and only ASCII: this is their canonical form (RFC 8785). */
function outcomeText({ code, outcome, path }: Outcome): string {
  return code === undefined ? `{"outcome":"${outcome}"}` : JSON.stringify({ code, outcome, path });
}

/** The outcomes of a posted batch in input order; null until it is posted. */
export async function outcomesOf(reader: Reader, tenantNo: number, batchNo: string): Promise<Outcome[] | null> {
  const [row] = await reader.query("select outcomes from batch_outcome where tenant_no = ? and batch_no = ?", [
    tenantNo,
    batchNo,
  ]);
  return row === undefined ? null : unpackOutcomes(row.outcomes).outcomes;
}

/** Stored outcomes, and the SHA-256 of what is stored. */
export function unpackOutcomes(packed: Buffer): { readonly outcomes: Outcome[]; readonly sha256: Buffer } {
  const text = gunzipSync(packed).toString("utf8");
  const stored: unknown = JSON.parse(text);
  assert(Array.isArray(stored), "outcomes are a list");
  return { outcomes: stored.map(outcomeOf), sha256: sha256(text) };
}

function outcomeOf(stored: {
  outcome: keyof typeof ItemOutcome;
  code?: keyof typeof ErrorCode;
  path?: string;
}): Outcome {
  const outcome = ItemOutcome[stored.outcome];
  if (stored.code === undefined) return { outcome };
  const code = ErrorCode[stored.code];
  return stored.path === undefined ? { outcome, code } : { outcome, code, path: stored.path };
}

function packed(bytes: Buffer): Buffer {
  return gzipSync(bytes, bytes.length < SMALL_BYTES ? GZIP_SMALL : GZIP);
}

function unpack(packed: Buffer): { readonly head: string; readonly payload: Buffer } {
  const bytes = gunzipSync(packed);
  const end = bytes.indexOf(NEWLINE);
  assert(end > 0, "a stored envelope has a head");
  return { head: bytes.toString("ascii", 0, end), payload: bytes.subarray(end + 1) };
}
