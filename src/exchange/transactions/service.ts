import { instantText } from "../../kernel/clock.js";
import { decimalText, scaleOf } from "../../kernel/money.js";
import { type Page, type PageRequest, POSITION, pageOf, pageStart } from "../../kernel/page.js";
import type { SettlementPeriod, TransactionKind } from "../../periods/entities.js";
import type { App } from "../../platform/app.js";
import type { Partner } from "../../tenancy/entities.js";
import { Transaction } from "../entities.js";
import { exchangeError } from "../errors.js";
import { dedupeKey } from "../posting/rules.js";

/** Which transactions of a partner; every part given must hold. */
export interface TransactionQuery {
  readonly periodNo: number | null;
  readonly kind: TransactionKind | null;
  readonly externalId: string | null;
  readonly occurredFrom: Date | null;
  readonly occurredBefore: Date | null;
}

/** A transaction by the partner's own id; `REMOVED` where it was, `NOT_FOUND` for anything else. */
export async function transactionOf(app: App, partner: Partner, externalId: string): Promise<Transaction> {
  const { tenantNo, no: partnerNo } = partner;
  const dedupe = Buffer.from(dedupeKey(tenantNo, partnerNo, externalId), "hex");
  const where = { tenantNo, partnerNo, dedupe };
  const transaction = await app.database.manager.findOneBy(Transaction, where);
  if (transaction === null && (await isRemoved(app, partner, dedupe))) throw exchangeError("REMOVED");
  if (transaction === null) throw exchangeError("NOT_FOUND", { what: "transaction" });
  return transaction;
}

async function isRemoved(app: App, { tenantNo, no }: Partner, dedupe: Buffer): Promise<boolean> {
  const [taken] = await app.database.query(
    "select 1 from taken_id where tenant_no = ? and partner_no = ? and dedupe = ?",
    [tenantNo, no, dedupe],
  );
  return taken !== undefined;
}

/** A partner's transactions in the order of their periods and of posting. */
export async function transactionsOf(
  app: App,
  partner: Partner,
  wanted: TransactionQuery,
  request: PageRequest,
): Promise<Page<Transaction>> {
  const { rows, after } = pageStart(request, "transactions", POSITION.PAIR);
  const query = selection(app, partner, wanted);
  if (after !== null) {
    const [periodNo, no] = after.split(".");
    query.andWhere("(t.periodNo > :periodNo or (t.periodNo = :periodNo and t.no > :no))", { periodNo, no });
  }
  const found = await query
    .orderBy("t.periodNo")
    .addOrderBy("t.no")
    .limit(rows + 1)
    .getMany();
  return pageOf(found, rows, (transaction) => `${transaction.periodNo}.${transaction.no}`);
}

/** How many transactions a query finds. */
export async function countTransactions(app: App, partner: Partner, wanted: TransactionQuery): Promise<number> {
  return selection(app, partner, wanted).getCount();
}

/** Names of the columns of a period's download, in order. */
export const DOWNLOAD_COLUMNS = [
  ...["id", "kind", "state", "product", "brand", "round", "amount", "currency", "occurredAt", "recordedAt"],
  ...["reverses", "category", "units", "batch", "entry", "originPeriod"],
] as const;

/** One row of a period's download; texts as the API spells them. */
export type DownloadRow = Readonly<Record<(typeof DOWNLOAD_COLUMNS)[number], string | null>>;

const DOWNLOAD_ROWS = 2_000;

/**
 * Every transaction posted into a period, page by page in the order of posting, so that any size streams. Refused where
 * some of them were removed (`REMOVED`): a part is not the whole.
 */
export function downloadRows(app: App, partner: Partner, period: SettlementPeriod): AsyncIterable<DownloadRow[]> {
  if (period.removedBatches > 0) throw exchangeError("REMOVED");
  return rowsOfPeriod(app, partner, period);
}

async function* rowsOfPeriod(app: App, partner: Partner, period: SettlementPeriod): AsyncGenerator<DownloadRow[]> {
  for (let after = "0"; ; ) {
    const rows: StoredRow[] = await app.database.query(
      `select t.no, t.external_id, t.kind, t.state, product.code as product, brand.code as brand, t.round,
         t.amount_minor, t.currency, t.occurred_at, batch.posted_at, t.reverses, t.category, t.units,
         batch.id as batch, t.entry_no, origin.id as origin
       from transaction as t force index (ix_transaction_period)
       join batch on batch.tenant_no = t.tenant_no and batch.no = t.batch_no
       left join settlement_period as origin on origin.tenant_no = t.tenant_no and origin.no = t.origin_period_no
       left join product on product.tenant_no = t.tenant_no and product.no = t.product_no
       left join brand on brand.tenant_no = t.tenant_no and brand.no = t.brand_no
       where t.tenant_no = ? and t.partner_no = ? and t.period_no = ? and t.no > ? order by t.no limit ?`,
      [partner.tenantNo, partner.no, period.no, after, DOWNLOAD_ROWS],
    );
    if (rows.length > 0) yield rows.map(downloadRow);
    const last = rows.at(-1);
    if (last === undefined || rows.length < DOWNLOAD_ROWS) return;
    after = last.no;
  }
}

interface StoredRow {
  readonly no: string;
  readonly external_id: string;
  readonly kind: string;
  readonly state: string;
  readonly product: string | null;
  readonly brand: string | null;
  readonly round: string | null;
  readonly amount_minor: string;
  readonly currency: string;
  readonly occurred_at: Date;
  readonly posted_at: Date | null;
  readonly reverses: string | null;
  readonly category: string | null;
  readonly units: string | null;
  readonly batch: string;
  readonly entry_no: string;
  readonly origin: string | null;
}

function downloadRow(row: StoredRow): DownloadRow {
  const { kind, state, product, brand, round, currency, reverses, category, batch } = row;
  return {
    ...{ id: row.external_id, kind, state, product, brand, round, currency, reverses, category, batch },
    amount: decimalText(BigInt(row.amount_minor), scaleOf(currency)),
    occurredAt: instantText(row.occurred_at),
    recordedAt: row.posted_at === null ? null : instantText(row.posted_at),
    units: row.units === null ? null : String(row.units),
    entry: String(row.entry_no),
    originPeriod: row.origin,
  };
}

function selection(app: App, partner: Partner, wanted: TransactionQuery) {
  const { tenantNo, no: partnerNo } = partner;
  const query = app.database.manager
    .createQueryBuilder(Transaction, "t")
    .where("t.tenantNo = :tenantNo and t.partnerNo = :partnerNo", { tenantNo, partnerNo });
  const { periodNo, kind, externalId, occurredFrom, occurredBefore } = wanted;
  if (periodNo !== null) query.andWhere("t.periodNo = :wantedPeriodNo", { wantedPeriodNo: periodNo });
  if (kind !== null) query.andWhere("t.kind = :kind", { kind });
  if (externalId !== null) {
    const dedupe = Buffer.from(dedupeKey(tenantNo, partnerNo, externalId), "hex");
    query.andWhere("t.dedupe = :dedupe", { dedupe });
  }
  if (occurredFrom !== null) query.andWhere("t.occurredAt >= :occurredFrom", { occurredFrom });
  if (occurredBefore !== null) query.andWhere("t.occurredAt < :occurredBefore", { occurredBefore });
  return query;
}
