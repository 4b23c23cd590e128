import { createHash } from "node:crypto";
import type { PartnerNumbers } from "../../periods/cursors/service.js";
import type { Reader, TxSql } from "../../platform/database.js";
import type { SqlText } from "../../platform/sql-text.js";
import { type Mismatch, mismatch } from "../evidence/rules.js";
import { ORIGINAL_KEY } from "../reversals/rules.js";
import type { ToldBatch } from "../told/rules.js";

const HASH_BYTES = 16;

/** What stays of the ids of a batch that was removed. */
export interface TakenIds {
  readonly count: number;
  /** Over id, content and, of a rollback, original of each, in the order of the ids; in hexadecimal. */
  readonly sha256: string;
}

/** Which transactions of a batch: by their `dedupe`. */
export interface TakenPart {
  readonly batchNo: string;
  readonly keys: SqlText;
}

/** Keeps the ids of posted transactions as hashes, before they are removed. */
export async function takeIds(
  tx: TxSql,
  { tenantNo, no }: PartnerNumbers,
  { batchNo, keys }: TakenPart,
): Promise<void> {
  await tx.query(
    `insert into taken_id (tenant_no, partner_no, dedupe, content_hash, batch_no, reverses)
     select t.tenant_no, t.partner_no, t.dedupe, t.content_hash, t.batch_no,
       if(t.kind = 'ROLLBACK', ${ORIGINAL_KEY}, null)
     from transaction as t
     where t.tenant_no = ? and t.partner_no = ? and t.dedupe in (?) and t.batch_no = ? and t.state = 'POSTED'`,
    [tenantNo, no, keys, batchNo],
  );
}

/** What is kept of a batch's ids. */
export async function takenIdsOf(
  reader: Pick<Reader, "query">,
  { tenantNo, no }: PartnerNumbers,
  batchNo: string,
): Promise<TakenIds> {
  const rows: { dedupe: Buffer; content_hash: Buffer; reverses: Buffer | null }[] = await reader.query(
    `select dedupe, content_hash, reverses from taken_id
     where tenant_no = ? and partner_no = ? and batch_no = ? order by dedupe`,
    [tenantNo, no, batchNo],
  );
  const hash = createHash("sha256");
  for (const { dedupe, content_hash, reverses } of rows) {
    hash.update(dedupe).update(content_hash);
    hash.update(reverses ?? Buffer.alloc(HASH_BYTES));
  }
  return { count: rows.length, sha256: hash.digest("hex") };
}

/** Where the ids that a removed batch left are not those that the act of its removal tells of; null where they are. */
export async function unleft(
  reader: Pick<Reader, "query">,
  partner: PartnerNumbers,
  row: { readonly no: string; readonly id: string; readonly taken_count: number | null },
  { removed }: ToldBatch,
): Promise<Mismatch | null> {
  const textOf = (count: number | null, digest: string) => `${count} ids, SHA-256 ${digest}`;
  if (removed?.takenSha256 === undefined) {
    return mismatch(`${row.id} taken ids`, String(removed?.takenIds ?? "none"), String(row.taken_count));
  }
  const left = await takenIdsOf(reader, partner, row.no);
  const expected = textOf(removed.takenIds, removed.takenSha256);
  return (
    mismatch(`${row.id} taken ids`, expected, textOf(left.count, left.sha256)) ??
    mismatch(`${row.id} taken count`, String(removed.takenIds), String(row.taken_count))
  );
}
