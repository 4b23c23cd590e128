import { dayIn } from "../../kernel/clock.js";
import { groupBy } from "../../kernel/group.js";
import type { PartnerNumbers } from "../../periods/cursors/service.js";
import type { FineActivity, FineSource } from "../../periods/fine-totals/service.js";
import { Grain, NOBODY } from "../../periods/grains/entities.js";
import type { Activity } from "../../periods/totals/service.js";
import type { Reader } from "../../platform/database.js";
import { ORIGINAL_KEY } from "../reversals/rules.js";

/** A posted transaction and, of a rollback, the original. */
const POSTED = `transaction as t force index (ix_transaction_period)
  left join transaction as original on t.kind = 'ROLLBACK' and original.tenant_no = t.tenant_no
    and original.dedupe = ${ORIGINAL_KEY}
  where t.tenant_no = ? and t.partner_no = ? and t.period_no = ? and t.state = 'POSTED'`;
const MEASURES = `if(t.kind = 'ROLLBACK', concat('ROLLBACK_', coalesce(original.kind, 'UNKNOWN')), t.kind) as activity,
  coalesce(t.category, '') as feeCategory, t.currency, count(*) as count, coalesce(sum(t.units), 0) as units,
  sum(t.amount_minor) as sumMinor`;
const QUARTER_MS = 900_000;

/** A period's totals, added up again from its transactions. */
export async function activityAgain(reader: Reader, partner: PartnerNumbers, periodNo: number): Promise<Activity[]> {
  const rows: ActivityRow[] = await reader.query(
    `select t.origin_period_no as originPeriodNo, t.brand_no as brandNo, t.product_no as productNo, ${MEASURES}
     from ${POSTED} group by originPeriodNo, brandNo, productNo, activity, feeCategory, t.currency`,
    [partner.tenantNo, partner.no, periodNo],
  );
  return rows.map((row) => activityIn(row, periodNo));
}

/** Which fine totals to add up again, and by what they are kept apart. */
export interface FineRecount extends FineSource {
  readonly originPeriodNo: number;
  readonly grains: readonly Grain[];
}

/** What happened in one period and was posted into another or the same, added up again as finely as it is kept. */
export async function fineActivityAgain(
  reader: Reader,
  partner: PartnerNumbers & { readonly timezone: string },
  { periodNo, originPeriodNo, grains }: FineRecount,
): Promise<FineActivity[]> {
  const [isPlaced, hasDays, hasPlayers] = [Grain.PLACE, Grain.DAY, Grain.PLAYER].map((each) => grains.includes(each));
  const rows: (ActivityRow & { player: string; quarter: string })[] = await reader.query(
    `select t.origin_period_no as originPeriodNo, if(?, t.brand_no, 0) as brandNo, if(?, t.product_no, 0) as productNo,
       if(?, coalesce(hex(if(t.kind = 'ROLLBACK', original.player, t.player)), ?), ?) as player,
       if(?, floor(unix_timestamp(coalesce(original.occurred_at, t.occurred_at)) / 900), 0) as quarter, ${MEASURES}
     from ${POSTED} and t.origin_period_no = ?
     group by originPeriodNo, brandNo, productNo, player, quarter, activity, feeCategory, t.currency`,
    [
      ...[isPlaced, isPlaced, hasPlayers, NOBODY, NOBODY, hasDays],
      ...[partner.tenantNo, partner.no, periodNo, originPeriodNo],
    ],
  );
  const dayOf = dayIn(partner.timezone);
  const fine = rows.map(({ player, quarter, ...row }) => ({
    ...activityIn(row, periodNo),
    player: player.toLowerCase(),
    day: hasDays ? dayOf(new Date(Number(quarter) * QUARTER_MS)) : "",
  }));
  const groups = groupBy(fine, ({ count, units, sumMinor, ...key }) => Object.values(key).join(" "));
  return [...groups.values()].map((group) => group.reduce(added));
}

interface ActivityRow {
  readonly originPeriodNo: number;
  readonly brandNo: number;
  readonly productNo: number;
  readonly activity: string;
  readonly feeCategory: string;
  readonly currency: string;
  readonly count: string;
  readonly units: string;
  readonly sumMinor: string;
}

function activityIn(row: ActivityRow, periodNo: number): Activity {
  const { activity: kind, feeCategory: category, originPeriodNo, brandNo, productNo, currency, ...sums } = row;
  return {
    ...{ periodNo, originPeriodNo, brandNo: Number(brandNo), productNo: Number(productNo), kind, category, currency },
    count: BigInt(sums.count),
    units: BigInt(sums.units),
    sumMinor: BigInt(sums.sumMinor),
  };
}

function added(left: FineActivity, right: FineActivity): FineActivity {
  const sums = { count: left.count + right.count, units: left.units + right.units };
  return { ...left, ...sums, sumMinor: left.sumMinor + right.sumMinor };
}
