import type { App } from "../../platform/app.js";
import type { Tx } from "../../platform/database.js";
import { dimensionNumbers } from "../../tenancy/dimensions/service.js";
import type { Partner } from "../../tenancy/entities.js";
import type { BookedTransaction, PendingItem, PostedItem } from "../books/rules.js";
import type { DimensionNumbers, EntryGroup } from "../entries/rules.js";
import { type Decision, refusedKey } from "../posting/rules.js";
import type { PseudonymOf } from "../pseudonyms/service.js";
import type { Item } from "../validate.js";

const ROWS_MAX = 1_000;
const COLUMNS = `tenant_no, partner_no, dedupe, content_hash, external_id, kind, state, brand_no, product_no, round,
  player, category, units, amount_minor, currency, occurred_at, reverses, period_no, origin_period_no, entry_no,
  batch_no, item`;

/** A decision, and the number that each of its entries will have. */
export interface NumberedDecision {
  readonly decision: Decision;
  readonly entryNos: ReadonlyMap<EntryGroup, bigint>;
  readonly pseudonymOf: PseudonymOf;
}

/**
 * Writes the transactions and reversals of a decision by plain INSERT, under the cursor; answers the numbers of what
 * they name.
 */
export async function writeTransactions(
  app: App,
  tx: Tx,
  partner: Partner,
  { decision, entryNos, pseudonymOf }: NumberedDecision,
): Promise<DimensionNumbers> {
  const transactions = [...decision.posted, ...decision.pending].map(({ transaction }) => transaction);
  const numbers = await numbersOf(app, tx, partner, transactions);
  const rowOf = (item: Item, transaction: BookedTransaction, place: RowPlace) => [
    ...[
      partner.tenantNo,
      partner.no,
      Buffer.from(transaction.dedupe, "hex"),
      Buffer.from(transaction.contentHash, "hex"),
    ],
    ...[item.id, item.kind, transaction.state, ...dimensionsOf(transaction, numbers), item.round],
    item.player === null ? null : pseudonymOf(item.player),
    ...[transaction.category, transaction.units, item.amountMinor, item.currency, item.occurredAt, item.reverses],
    ...[place.periodNo, place.originPeriodNo, place.entryNo, place.batchNo, item.index],
  ];
  await refuseMisfits(tx, partner, decision);
  const rows = pendingOf(partner, decision).map(({ batchNo, item, transaction }) =>
    rowOf(item, transaction, { periodNo: 0, originPeriodNo: 0, entryNo: 0n, batchNo }),
  );
  const waiting: [PostedItem, bigint][] = [];
  for (const [group, entryNo] of entryNos) {
    for (const posted of group.items) {
      if (posted.item === null) waiting.push([posted, entryNo]);
      else rows.push(rowOf(posted.item, posted.transaction, { ...posted.place, entryNo, batchNo: posted.batchNo }));
    }
  }
  for (let start = 0; start < rows.length; start += ROWS_MAX) {
    await tx.query(`insert into transaction (${COLUMNS}) values ?`, [rows.slice(start, start + ROWS_MAX)]);
  }
  for (const [posted, entryNo] of waiting) await postWaiting(tx, partner, { posted, entryNo, numbers });
  await writeReversals(tx, partner, decision);
  return numbers;
}

interface RowPlace {
  readonly periodNo: number;
  readonly originPeriodNo: number;
  readonly entryNo: bigint;
  readonly batchNo: string;
}

interface WaitingPosted {
  readonly posted: PostedItem;
  readonly entryNo: bigint;
  readonly numbers: DimensionNumbers;
}

/** The row of a rollback that waited for its original takes the original's place and dimensions. */
async function postWaiting(tx: Tx, partner: Partner, { posted, entryNo, numbers }: WaitingPosted): Promise<void> {
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
async function refuseMisfits(tx: Tx, { tenantNo }: Partner, { misfits, givenUp }: Decision): Promise<void> {
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
  const holders = new Map<string, PendingItem | PostedItem>();
  for (const waiting of pending) holders.set(waiting.transaction.dedupe, waiting);
  for (const each of posted) if (each.item !== null) holders.set(each.transaction.dedupe, each);
  return pending.map((waiting) => {
    const { batchNo, item, transaction } = waiting;
    if (holders.get(transaction.dedupe) === waiting) return waiting;
    const dedupe = refusedKey(tenantNo, no, batchNo, item.index).toString("hex");
    return { batchNo, item, transaction: { ...transaction, dedupe } };
  });
}

async function writeReversals(tx: Tx, partner: Partner, { reversed, freed }: Decision): Promise<void> {
  for (const part of chunks(freed)) {
    await tx.query("delete from reversal where tenant_no = ? and original in (?)", [partner.tenantNo, part]);
  }
  if (reversed.size === 0) return;
  const rows = [...reversed].map(([original, rollback]) => [
    ...[Buffer.from(original, "hex"), partner.tenantNo, partner.no, Buffer.from(rollback, "hex")],
  ]);
  await tx.query("insert into reversal (original, tenant_no, partner_no, rollback) values ?", [rows]);
}

function chunks(keys: readonly string[]): Buffer[][] {
  return Array.from({ length: Math.ceil(keys.length / ROWS_MAX) }, (_, index) =>
    keys.slice(index * ROWS_MAX, (index + 1) * ROWS_MAX).map((key) => Buffer.from(key, "hex")),
  );
}

async function numbersOf(
  app: App,
  tx: Tx,
  partner: Partner,
  transactions: readonly BookedTransaction[],
): Promise<DimensionNumbers> {
  const codes = (dimension: "brand" | "product") =>
    new Set(transactions.flatMap(({ [dimension]: code }) => (code === null ? [] : [code])));
  return {
    brands: await dimensionNumbers(app, tx, partner, "brand", codes("brand")),
    products: await dimensionNumbers(app, tx, partner, "product", codes("product")),
  };
}

function dimensionsOf(transaction: BookedTransaction, { brands, products }: DimensionNumbers): [number, number] {
  const brandNo = transaction.brand === null ? 0 : (brands.get(transaction.brand) ?? 0);
  const productNo = transaction.product === null ? 0 : (products.get(transaction.product) ?? 0);
  return [brandNo, productNo];
}
