import type { Reader, TxSql } from "../../platform/database.js";
import type { PartnerNumbers } from "../cursors/service.js";

/** What a set of transactions adds to one total. */
export interface Activity {
  readonly periodNo: number;
  readonly originPeriodNo: number;
  readonly brandNo: number;
  readonly productNo: number;
  /** A transaction's kind, or `ROLLBACK_<kind>`. */
  readonly kind: string;
  /** A fee's category; empty otherwise. */
  readonly category: string;
  readonly currency: string;
  readonly count: bigint;
  readonly units: bigint;
  readonly sumMinor: bigint;
}

const COLUMNS = `tenant_no, partner_no, period_no, origin_period_no, brand_no, product_no, kind, category, currency,
  count, units, sum_minor`;

/** Adds activity to the partner's totals, rows in key order; call it under the posting cursor. */
export async function addActivity(tx: TxSql, partner: PartnerNumbers, activity: readonly Activity[]): Promise<void> {
  if (activity.length === 0) return;
  const rows = activity
    .map((a) => [
      ...[partner.tenantNo, partner.no, a.periodNo, a.originPeriodNo, a.brandNo, a.productNo],
      ...[a.kind, a.category, a.currency, a.count, a.units, a.sumMinor],
    ])
    .toSorted(byKey);
  await tx.query(
    `insert into activity_total (${COLUMNS}) values ?
     on duplicate key update count = count + values(count), units = units + values(units),
       sum_minor = sum_minor + values(sum_minor)`,
    [rows],
  );
}

/** All totals of a period, in key order. */
export async function activityOf(reader: Reader, partner: PartnerNumbers, periodNo: number): Promise<Activity[]> {
  const rows: Row[] = await reader.query(
    `select ${COLUMNS} from activity_total where tenant_no = ? and partner_no = ? and period_no = ?
     order by origin_period_no, brand_no, product_no, kind, category, currency`,
    [partner.tenantNo, partner.no, periodNo],
  );
  return rows.map(activityIn);
}

/** Late items of a period, as periods that start between two instants took them, in the order of these. */
export async function lateActivityOf(
  reader: Reader,
  partner: PartnerNumbers,
  originPeriodNo: number,
  { after, before }: { readonly after: Date; readonly before: Date },
): Promise<Activity[]> {
  const rows: Row[] = await reader.query(
    `select ${COLUMNS.replaceAll(/\w+/g, "total.$&")} from settlement_period as period
     join activity_total as total on total.tenant_no = period.tenant_no and total.partner_no = period.partner_no
       and total.period_no = period.no and total.origin_period_no = ?
     where period.tenant_no = ? and period.partner_no = ? and period.starts_at > ? and period.starts_at < ?
     order by period.starts_at, total.brand_no, total.product_no, total.kind, total.category, total.currency`,
    [originPeriodNo, partner.tenantNo, partner.no, after, before],
  );
  return rows.map(activityIn);
}

type Row = Readonly<Record<string, string>>;

function activityIn(row: Row): Activity {
  return {
    periodNo: Number(row["period_no"]),
    originPeriodNo: Number(row["origin_period_no"]),
    brandNo: Number(row["brand_no"]),
    productNo: Number(row["product_no"]),
    kind: String(row["kind"]),
    category: String(row["category"]),
    currency: String(row["currency"]),
    count: BigInt(row["count"] ?? 0),
    units: BigInt(row["units"] ?? 0),
    sumMinor: BigInt(row["sum_minor"] ?? 0),
  };
}

function byKey(left: readonly unknown[], right: readonly unknown[]): number {
  for (let column = 2; column < 9; column++) {
    const [a, b] = [left[column] as number | string, right[column] as number | string];
    if (a !== b) return a < b ? -1 : 1;
  }
  return 0;
}
