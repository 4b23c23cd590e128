import type { Reader, TxSql } from "../../platform/database.js";
import { codeLiteral, hexLiteral, literals, rowLiteral } from "../../platform/sql-text.js";
import type { PartnerNumbers } from "../cursors/service.js";
import type { Activity } from "../totals/service.js";

/** What a set of transactions adds to one total that is kept apart by player, day or both. */
export interface FineActivity extends Activity {
  /** 32 hexadecimal digits; `NOBODY` for none. */
  readonly player: string;
  /** A local day; empty where days are not told apart. */
  readonly day: string;
}

const COLUMNS = `tenant_no, partner_no, period_no, player, day, origin_period_no, brand_no, product_no, kind, category,
  currency, count, units, sum_minor`;
const ROWS_MAX = 2_000;

/** Adds activity to the partner's fine totals, rows in key order; call it under the posting cursor. */
export async function addFineActivity(
  tx: TxSql,
  partner: PartnerNumbers,
  activity: readonly FineActivity[],
): Promise<void> {
  const rows = activity
    .map((each) => ({ key: keyOf(each), row: rowOf(partner, each) }))
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ row }) => row);
  for (let start = 0; start < rows.length; start += ROWS_MAX) {
    await tx.query(
      `insert into fine_total (${COLUMNS}) values ?
       on duplicate key update count = count + values(count), units = units + values(units),
         sum_minor = sum_minor + values(sum_minor)`,
      [literals(rows.slice(start, start + ROWS_MAX))],
    );
  }
}

/** Which fine totals: those of a period, all or only those that came late out of some others. */
export interface FineSource {
  readonly periodNo: number;
  /** Null for all. */
  readonly originPeriodNo: number | null;
}

/** The fine totals of some players; of all where none are named. */
export async function fineActivityOf(
  reader: Reader,
  partner: PartnerNumbers,
  { periodNo, originPeriodNo }: FineSource,
  players: readonly string[] | null,
): Promise<FineActivity[]> {
  if (players?.length === 0) return [];
  const named = players === null ? "" : "and player in (?)";
  const rows: Row[] = await reader.query(
    `select ${COLUMNS} from fine_total
     where tenant_no = ? and partner_no = ? and period_no = ? and (? is null or origin_period_no = ?) ${named}
     order by player, day, origin_period_no, brand_no, product_no, kind, category, currency`,
    [
      ...[partner.tenantNo, partner.no, periodNo, originPeriodNo, originPeriodNo],
      ...(players === null ? [] : [literals(players.map(hexLiteral))]),
    ],
  );
  return rows.map(fineActivityIn);
}

/** What happened in one period and was posted into another or the same, by day, whoever the players are. */
export async function dailyActivityOf(
  reader: Reader,
  partner: PartnerNumbers,
  { periodNo, originPeriodNo }: Pick<Activity, "periodNo" | "originPeriodNo">,
): Promise<FineActivity[]> {
  const rows: Row[] = await reader.query(
    `select period_no, origin_period_no, ? as player, day, brand_no, product_no, kind, category, currency,
       sum(count) as count, sum(units) as units, sum(sum_minor) as sum_minor from fine_total
     where tenant_no = ? and partner_no = ? and period_no = ? and origin_period_no = ?
     group by day, brand_no, product_no, kind, category, currency
     order by day, brand_no, product_no, kind, category, currency`,
    [Buffer.alloc(16), partner.tenantNo, partner.no, periodNo, originPeriodNo],
  );
  return rows.map(fineActivityIn);
}

/** The next players after one, in order, that have fine totals in any of some periods; at most so many. */
export async function nextPlayers(
  reader: Reader,
  partner: PartnerNumbers,
  periodNos: readonly number[],
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<string[]> {
  const rows: { player: Buffer }[] = await reader.query(
    `select distinct player from fine_total
     where tenant_no = ? and partner_no = ? and period_no in (?) and player > ? order by player limit ?`,
    [partner.tenantNo, partner.no, periodNos, Buffer.from(after, "hex"), limit],
  );
  return rows.map(({ player }) => player.toString("hex"));
}

type Row = Readonly<Record<string, string>> & { readonly player: Buffer };

function fineActivityIn(row: Row): FineActivity {
  return {
    periodNo: Number(row["period_no"]),
    originPeriodNo: Number(row["origin_period_no"]),
    player: row.player.toString("hex"),
    day: String(row["day"]),
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

/** The whole key as text that sorts as the key does. */
function keyOf(a: FineActivity): string {
  const numbers = [a.originPeriodNo, a.brandNo, a.productNo].map((number) => String(number).padStart(10, "0"));
  return [String(a.periodNo).padStart(10, "0"), a.player, a.day, ...numbers, a.kind, a.category, a.currency].join(" ");
}

function rowOf({ tenantNo, no }: PartnerNumbers, a: FineActivity): string {
  return rowLiteral([
    ...[tenantNo, no, a.periodNo, hexLiteral(a.player), codeLiteral(a.day), a.originPeriodNo, a.brandNo, a.productNo],
    ...[codeLiteral(a.kind), codeLiteral(a.category), codeLiteral(a.currency), a.count, a.units, a.sumMinor],
  ]);
}
