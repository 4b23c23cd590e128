import { gunzipSync, gzipSync } from "node:zlib";
import { assert } from "../../kernel/assert.js";
import { sha256 } from "../../kernel/digest.js";
import { ErrorCode } from "../../kernel/errors.js";
import type { Reader, TxSql } from "../../platform/database.js";
import { ItemOutcome, type Outcome } from "../posting/rules.js";

/** Compression that costs a millisecond for a thousand transactions; for a few it costs more than it brings. */
const GZIP = { level: 1 };
const SMALL_BYTES = 1_024;
/** The first byte of gzip (RFC 1952), which is none of text. */
const GZIP_MAGIC = 0x1f;
const NEWLINE = 0x0a;

/**
 * A compact JWS packed for storage: `<header>.<signature>`, a newline, and the decoded payload; gzipped unless it is
 * small. Base64url has one canonical spelling, which acceptance insists on, so `unpackEnvelope` gives back the very
 * bytes received.
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

/** The payload's transactions, provided that it still is what was verified and checked when it was accepted. */
export function acceptedTransactions(packed: Buffer, payloadSha256: Buffer): unknown[] {
  const payload = packedPayload(packed);
  assert(sha256(payload).equals(payloadSha256), "a stored payload is the one accepted");
  return transactionsOf(payload);
}

/** The transactions of a payload, which was checked when it was accepted. */
export function transactionsOf(payload: Buffer): unknown[] {
  const { transactions } = JSON.parse(payload.toString("utf8"));
  assert(Array.isArray(transactions), "an accepted payload has transactions");
  return transactions;
}

/** Keeps what was received beside its batches: their ids, and envelopes as packed. */
export async function storeEnvelopes(
  tx: TxSql,
  tenantNo: number,
  contents: readonly (readonly [string, Buffer])[],
): Promise<void> {
  const row = "(?, (select no from batch where tenant_no = ? and id = ?), ?)";
  await tx.query(
    `insert into batch_content (tenant_no, batch_no, envelope) values ${contents.map(() => row).join(", ")}`,
    contents.flatMap(([id, packed]) => [tenantNo, tenantNo, id, packed]),
  );
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
  const text = unpacked(packed).toString("utf8");
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
  return bytes.length < SMALL_BYTES ? bytes : gzipSync(bytes, GZIP);
}

function unpacked(packed: Buffer): Buffer {
  return packed[0] === GZIP_MAGIC ? gunzipSync(packed) : packed;
}

function unpack(packed: Buffer): { readonly head: string; readonly payload: Buffer } {
  const bytes = unpacked(packed);
  const end = bytes.indexOf(NEWLINE);
  assert(end > 0, "a stored envelope has a head");
  return { head: bytes.toString("ascii", 0, end), payload: bytes.subarray(end + 1) };
}
