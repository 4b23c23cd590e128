import { assert } from "../../kernel/assert.js";
import { sha256 } from "../../kernel/digest.js";
import { ErrorCode } from "../../kernel/errors.js";
import type { Reader, TxSql } from "../../platform/database.js";
import { largePayload, packed, packedPayload, unpacked } from "../packing.js";
import { ItemOutcome, type Outcome } from "../posting/rules.js";

/** From so many packed bytes on, unpacking is left to another thread. */
const LARGE_BYTES = 128 * 1024;

/** The payload's transactions, provided that it still is what was verified and checked when it was accepted. */
export async function acceptedTransactions(packed: Buffer, payloadSha256: Buffer): Promise<unknown[]> {
  const payload = packed.length < LARGE_BYTES ? packedPayload(packed) : await largePayload(packed);
  assert(sha256(payload).equals(payloadSha256), "a stored payload is the one accepted");
  return transactionsOf(payload);
}

/** The transactions of a payload, which was checked when it was accepted. */
export function transactionsOf(payload: Buffer): unknown[] {
  const { transactions } = JSON.parse(payload.toString("utf8"));
  assert(Array.isArray(transactions), "an accepted payload has transactions");
  return transactions;
}

/** Keeps what was received beside its batches: their numbers, and envelopes as packed. */
export async function storeEnvelopes(
  tx: TxSql,
  tenantNo: number,
  contents: readonly (readonly [string, Buffer])[],
): Promise<void> {
  const rows = contents.map(([no, packed]) => [tenantNo, no, packed]);
  await tx.query("insert into batch_content (tenant_no, batch_no, envelope) values ?", [rows]);
}

/** The envelopes of batches, by batch number. */
export async function envelopesOf(
  reader: Reader,
  tenantNo: number,
  batchNos: readonly string[],
): Promise<Map<string, Buffer>> {
  if (batchNos.length === 0) return new Map();
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
