import type { App } from "../../platform/app.js";
import type { TxSql } from "../../platform/database.js";
import {
  codeLiteral,
  hexLiteral,
  instantLiteral,
  literals,
  rowLiteral,
  type SqlText,
} from "../../platform/sql-text.js";
import { takingTurns } from "../../platform/turns.js";
import { dimensionNumbers } from "../../tenancy/dimensions/service.js";
import type { Partner } from "../../tenancy/entities.js";
import type { BookedTransaction, PendingItem, PostedItem } from "../books/rules.js";
import type { DimensionNumbers, EntryGroup } from "../entries/rules.js";
import { type Decision, refusedKey } from "../posting/rules.js";
import type { PseudonymOf } from "../pseudonyms/service.js";
import type { Item } from "../validate.js";

/** Rows of one statement, some 400 kB of text. */
const ROWS_MAX = 1_000;
const COLUMNS = `tenant_no, partner_no, dedupe, content_hash, external_id, kind, state, brand_no, product_no, round,
  player, category, units, amount_minor, currency, occurred_at, reverses, period_no, origin_period_no, entry_no,
  batch_no, item`;

/** A decision, the number that each of its entries will have, and the numbers of what it names. */
export interface NumberedDecision {
  readonly decision: Decision;
  readonly entryNos: ReadonlyMap<EntryGroup, bigint>;
  readonly numbers: DimensionNumbers;
  readonly pseudonymOf: PseudonymOf;
}

/** Writes the transactions and reversals of a decision by plain INSERT, under the cursor. */
export async function writeTransactions(
  tx: TxSql,
  partner: Partner,
  { decision, entryNos, numbers, pseudonymOf }: NumberedDecision,
): Promise<void> {
  const row = rowWriter(partner, numbers, pseudonymOf);
  const nowhere = { periodNo: 0, originPeriodNo: 0, entryNo: 0n };
  await refuseMisfits(tx, partner, decision);
  const rows: [Item, BookedTransaction, RowPlace][] = pendingOf(partner, decision).map(
    ({ batchNo, item, transaction }) => [item, transaction, { ...nowhere, batchNo }],
  );
  const waiting: [PostedItem, bigint][] = [];
  for (const [{ batchNo, items }, entryNo] of entryNos) {
    for (const posted of items) {
      const { item, transaction, place } = posted;
      if (item === null) waiting.push([posted, entryNo]);
      else {
        const { periodNo, originPeriodNo } = place;
        rows.push([item, transaction, { periodNo, originPeriodNo, entryNo, batchNo }]);
      }
    }
  }
  const turn = takingTurns();
  for (let start = 0; start < rows.length; start += ROWS_MAX) {
    const some = literals(rows.slice(start, start + ROWS_MAX).map((each) => row(...each)));
    await tx.query(`insert into transaction (${COLUMNS}) values ?`, [some]);
    await turn();
  }
  for (const [posted, entryNo] of waiting) await postWaiting(tx, partner, { posted, entryNo, numbers });
  await writeReversals(tx, partner, decision);
}

interface RowPlace {
  readonly periodNo: number;
  readonly originPeriodNo: number;
  readonly entryNo: bigint;
  readonly batchNo: string;
}

/** Writes a transaction as the literals of a row, in the order of the columns. */
function rowWriter({ tenantNo, no: partnerNo }: Partner, numbers: DimensionNumbers, pseudonymOf: PseudonymOf) {
  return (item: Item, transaction: BookedTransaction, place: RowPlace): string => {
    const { dedupe, contentHash, state, category, units } = transaction;
    const [brandNo, productNo] = dimensionsOf(transaction, numbers);
    const player = item.player === null ? null : pseudonymOf(item.player);
    return rowLiteral([
      tenantNo,
      partnerNo,
      hexLiteral(dedupe),
      hexLiteral(contentHash),
      codeLiteral(item.id),
      codeLiteral(item.kind),
      codeLiteral(state),
      brandNo,
      productNo,
      codeLiteral(item.round),
      hexLiteral(player),
      codeLiteral(category),
      units ?? "null",
      item.amountMinor,
      codeLiteral(item.currency),
      instantLiteral(item.occurredAt),
      codeLiteral(item.reverses),
      place.periodNo,
      place.originPeriodNo,
      place.entryNo,
      place.batchNo,
      item.index,
    ]);
  };
}

interface WaitingPosted {
  readonly posted: PostedItem;
  readonly entryNo: bigint;
  readonly numbers: DimensionNumbers;
}

/** The row of a rollback that waited for its original takes the original's place and dimensions. */
async function postWaiting(tx: TxSql, partner: Partner, { posted, entryNo, numbers }: WaitingPosted): Promise<void> {
  const { transaction, place } = posted;
  await tx.query(
    `update transaction set state = 'POSTED', brand_no = ?, product_no = ?, category = ?, units = ?, period_no = ?,
       origin_period_no = ?, entry_no = ? where tenant_no = ? and dedupe = ?`,
    [
      ...[...dimensionsOf(transaction, numbers), transaction.category, transaction.units],
      ...[place.periodNo, place.originPeriodNo, entryNo, partner.tenantNo, Buffer.from(transaction.dedupe, "hex")],
    ],
  );
}

/** Waiting rollbacks that do not fit are refused; refused ones give up an id that is taken anew. */
async function refuseMisfits(tx: TxSql, { tenantNo }: Partner, { misfits, givenUp }: Decision): Promise<void> {
  for (const part of chunks(misfits)) {
    await tx.query(
      `update transaction set state = 'REFUSED'
       where tenant_no = ? and dedupe in (?) and state = 'PENDING_ORIGINAL'`,
      [tenantNo, part],
    );
  }
  for (const part of chunks(givenUp)) {
    // `refusedKey`, spelled in SQL
    await tx.query(
      `update transaction set dedupe = unhex(left(sha2(
         concat('refused:', tenant_no, ':', partner_no, ':', batch_no, ':', item), 256), 32))
       where tenant_no = ? and dedupe in (?) and state = 'REFUSED'`,
      [tenantNo, part],
    );
  }
}

/** The rollbacks that wait; one that was refused since has the id no more when another of the group took it. */
function pendingOf({ tenantNo, no }: Partner, { pending, posted }: Decision): PendingItem[] {
  if (pending.length === 0) return [];
  const holders = new Map<string, PendingItem | PostedItem>();
  for (const waiting of pending) holders.set(waiting.transaction.dedupe, waiting);
  for (const each of posted) if (each.item !== null) holders.set(each.transaction.dedupe, each);
  return pending.map((waiting) => {
    const { batchNo, item, transaction } = waiting;
    if (holders.get(transaction.dedupe) === waiting) return waiting;
    const dedupe = refusedKey(tenantNo, no, batchNo, item.index);
    return { batchNo, item, transaction: { ...transaction, dedupe } };
  });
}

async function writeReversals(tx: TxSql, partner: Partner, { reversed, freed }: Decision): Promise<void> {
  for (const part of chunks(freed)) {
    await tx.query("delete from reversal where tenant_no = ? and original in (?)", [partner.tenantNo, part]);
  }
  if (reversed.size === 0) return;
  const rows = [...reversed].map(([original, rollback]) => [
    ...[Buffer.from(original, "hex"), partner.tenantNo, partner.no, Buffer.from(rollback, "hex")],
  ]);
  await tx.query("insert into reversal (original, tenant_no, partner_no, rollback) values ?", [rows]);
}

function chunks(keys: readonly string[]): SqlText[] {
  return Array.from({ length: Math.ceil(keys.length / ROWS_MAX) }, (_, index) =>
    literals(keys.slice(index * ROWS_MAX, (index + 1) * ROWS_MAX).map(hexLiteral)),
  );
}

/** The numbers of the brands and products that a decision names; those seen for the first time are written down. */
export async function numbersOf(app: App, tx: TxSql, partner: Partner, decision: Decision): Promise<DimensionNumbers> {
  const { posted, pending } = decision;
  const [brands, products] = [new Set<string>(), new Set<string>()];
  for (const written of [posted, pending]) {
    for (const { transaction } of written) {
      if (transaction.brand !== null) brands.add(transaction.brand);
      if (transaction.product !== null) products.add(transaction.product);
    }
  }
  return {
    brands: await dimensionNumbers(app, tx, partner, "brand", brands),
    products: await dimensionNumbers(app, tx, partner, "product", products),
  };
}

function dimensionsOf(transaction: BookedTransaction, { brands, products }: DimensionNumbers): [number, number] {
  const brandNo = transaction.brand === null ? 0 : (brands.get(transaction.brand) ?? 0);
  const productNo = transaction.product === null ? 0 : (products.get(transaction.product) ?? 0);
  return [brandNo, productNo];
}
