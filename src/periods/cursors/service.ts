import { present } from "../../kernel/assert.js";
import type { TxSql } from "../../platform/database.js";
import type { Partner } from "../../tenancy/entities.js";

/** A partner as hot tables key it. */
export type PartnerNumbers = Pick<Partner, "tenantNo" | "no">;

/** The partner's last entry: its number, and when it was recorded; 0 and null before the first. */
export interface LastEntry {
  readonly entryNo: bigint;
  readonly recordedAt: Date | null;
}

/** The partner's cursor, held until the transaction ends; entries are numbered and timed on from the last one. */
export interface HeldCursor extends LastEntry {
  readonly epoch: bigint;
}

/**
 * Takes the partner's cursor, or answers null at once when another transaction holds it; whoever writes under it also
 * saves it. The row is made with the partner, so nobody ever waits here, but for a partner that an older release made
 * meanwhile.
 */
export async function tryCursor(tx: TxSql, partner: PartnerNumbers): Promise<HeldCursor | null> {
  const held = await readCursor(tx, partner, "for update skip locked");
  if (held !== null) return { ...held, epoch: held.epoch + 1n };
  if ((await readCursor(tx, partner, "")) !== null) return null;
  return holdCursor(tx, partner);
}

/** Takes and writes the partner's cursor, waiting for whoever holds it. */
export async function holdCursor(tx: TxSql, partner: PartnerNumbers): Promise<HeldCursor> {
  const known = await readCursor(tx, partner, "for update");
  if (known !== null) return claim(tx, partner, known);
  await tx.query(
    "insert into posting_cursor (tenant_no, partner_no) values (?, ?) on duplicate key update partner_no = partner_no",
    [partner.tenantNo, partner.no],
  );
  return claim(tx, partner, present(await readCursor(tx, partner, "for update"), "a cursor that was just written"));
}

/** Writes a held cursor: its epoch, and which entry under it is the last by now. */
export async function saveCursor(tx: TxSql, { tenantNo, no }: PartnerNumbers, cursor: HeldCursor): Promise<void> {
  await tx.query(
    "update posting_cursor set epoch = ?, entry_no = ?, recorded_at = ? where tenant_no = ? and partner_no = ?",
    [cursor.epoch, cursor.entryNo, cursor.recordedAt, tenantNo, no],
  );
}

async function claim(tx: TxSql, partner: PartnerNumbers, held: HeldCursor): Promise<HeldCursor> {
  const epoch = held.epoch + 1n;
  await tx.query("update posting_cursor set epoch = ? where tenant_no = ? and partner_no = ?", [
    epoch,
    partner.tenantNo,
    partner.no,
  ]);
  return { ...held, epoch };
}

async function readCursor(tx: TxSql, partner: PartnerNumbers, lock: string): Promise<HeldCursor | null> {
  const rows: { epoch: string; entry_no: string; recorded_at: Date | null }[] = await tx.query(
    `select epoch, entry_no, recorded_at from posting_cursor where tenant_no = ? and partner_no = ? ${lock}`,
    [partner.tenantNo, partner.no],
  );
  const [row] = rows;
  if (row === undefined) return null;
  return { epoch: BigInt(row.epoch), entryNo: BigInt(row.entry_no), recordedAt: row.recorded_at };
}
