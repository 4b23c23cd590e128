import { LessThan, MoreThanOrEqual } from "typeorm";
import { later } from "../../kernel/clock.js";
import { newId } from "../../kernel/ids.js";
import type { App } from "../../platform/app.js";
import type { Tx } from "../../platform/database.js";
import type { Partner } from "../../tenancy/entities.js";
import type { PartnerNumbers } from "../cursors/service.js";
import { PeriodState, SettlementPeriod } from "../entities.js";
import { periodError } from "../errors.js";
import { covers, type Grain, grainText } from "../grains/entities.js";
import { type Cycle, faultOfCycle, type PlannedPeriod, planPeriods } from "../rules.js";

const DAY_MS = 86_400_000;
/** How far ahead periods are planned. */
export const HORIZON_MS = 60 * DAY_MS;
/** A period is split no sooner than this: nothing that is posted by now can have happened after the instant. */
const SPLIT_AHEAD_MS = 15 * 60_000;
const INSERT_ROWS_MAX = 1_000;

/** How a configuration cuts time into periods. */
export interface Cut {
  readonly configurationId: string;
  readonly cycle: Cycle;
  readonly graceMs: number;
  /** By what its terms tell totals apart besides; absent: nothing. */
  readonly grain?: readonly Grain[];
}

/** A cut, from an instant on. */
export interface Plan extends Cut {
  /** First instant the configuration is in force. */
  readonly effectiveFrom: Date;
  /** Whether a period that holds the instant ends there, so that the rest of it is settled by the new version. */
  readonly isSplit?: boolean;
}

/** A cut that goes on: sixty days ahead, or to an instant. */
export interface Extension extends Cut {
  /** When the configuration was put in force: what fell due before waits for a person. */
  readonly activatedAt: Date;
  readonly through?: Date;
}

/** Refuses (`VALIDATION`) a cycle by which no periods can be cut. */
export function checkCycle(cycle: Cycle): void {
  const fault = faultOfCycle(cycle);
  if (fault === null) return;
  throw periodError("VALIDATION", { path: "/cycle/schedule", reason: `The cycle's schedule ${fault}.` });
}

/**
 * Plans every period from the effective instant to sixty days ahead, under the partner's cursor. Periods that stand
 * already and stay as they are take the new version; others are replaced while nothing was posted into them. The
 * period that holds the instant keeps its version and its end, or is split there. Refused once a period after the
 * instant is closed (`PERIOD_CLOSED`), holds transactions and would move, or is to be split within fifteen minutes
 * (`VALIDATION`).
 */
export async function planFrom(app: App, tx: Tx, partner: Partner, plan: Plan): Promise<void> {
  const now = app.clock.now();
  const { cycle, graceMs, configurationId, effectiveFrom, grain = [] } = plan;
  const standing = await tx.find(SettlementPeriod, {
    where: { ...ofPartner(partner), startsAt: MoreThanOrEqual(effectiveFrom) },
    order: { startsAt: "ASC" },
  });
  if (standing.some((period) => period.state !== PeriodState.OPEN)) throw periodError("PERIOD_CLOSED");
  const before = await lastBefore(tx, partner, effectiveFrom);
  const isInside = before !== null && before.endsAt > effectiveFrom;
  const isSplit = isInside && plan.isSplit === true;
  if (isSplit) await split(tx, partner, before, { at: effectiveFrom, now });
  const from = isInside && !isSplit ? before.endsAt : effectiveFrom;
  const isSeam = !isSplit && isWholeUpTo(before, from);
  const through = later(now, HORIZON_MS);
  const wanted = planPeriods({ cycle, timezone: partner.timezone, from, through, graceMs, isSeam });
  const kept = await dropMoved(tx, partner, standing, wanted);
  const begun = await begunOf(tx, partner, standing);
  if (begun.some((period) => !covers(period.grain, grain))) {
    const reason = "A period after that instant holds transactions that were not told apart by player or day.";
    throw periodError("VALIDATION", { path: "/effectiveFrom", reason });
  }
  await pin(tx, partner, plan, { activatedAt: now, begun });
  const [first] = wanted;
  if (first !== undefined && kept.has(first.start.getTime())) await recut(tx, partner, first);
  const missing = wanted.filter((period) => !kept.has(period.start.getTime()));
  await insertPeriods(app, tx, partner, { periods: missing, configurationId, activatedAt: now, grain });
}

/**
 * Plans on from the last period, sixty days ahead or to an instant; answers how many periods were added. What stands
 * keeps its instants, though the zone's rules should have changed since, and what is added joins on.
 */
export async function extendPlan(
  app: App,
  tx: Tx,
  partner: Partner,
  { cycle, graceMs, configurationId, activatedAt, grain = [], through = later(app.clock.now(), HORIZON_MS) }: Extension,
): Promise<number> {
  const last = await lastBefore(tx, partner, null);
  if (last === null || last.endsAt >= through) return 0;
  const from = last.endsAt;
  const isSeam = isWholeUpTo(last, from);
  const periods = planPeriods({ cycle, timezone: partner.timezone, from, through, graceMs, isSeam });
  await insertPeriods(app, tx, partner, { periods, configurationId, activatedAt, grain });
  return periods.length;
}

function ofPartner({ tenantNo, no: partnerNo }: PartnerNumbers) {
  return { tenantNo, partnerNo };
}

/** The last period that starts before an instant, or the last of all. */
async function lastBefore(tx: Tx, partner: PartnerNumbers, instant: Date | null): Promise<SettlementPeriod | null> {
  const starts = instant === null ? {} : { startsAt: LessThan(instant) };
  const [last] = await tx.find(SettlementPeriod, {
    where: { ...ofPartner(partner), ...starts },
    order: { startsAt: "DESC" },
    take: 1,
  });
  return last ?? null;
}

/** Whether a period ends at an instant because its cycle does. */
function isWholeUpTo(period: SettlementPeriod | null, instant: Date): boolean {
  if (period === null) return false;
  return [period.endsAt, period.cycleEndsAt].every((end) => end.getTime() === instant.getTime());
}

/** Ends a period at an instant inside it: the first of two parts of its cycle, with its own version and grace. */
async function split(
  tx: Tx,
  partner: PartnerNumbers,
  { no, endsAt, dueAt }: SettlementPeriod,
  { at, now }: { readonly at: Date; readonly now: Date },
): Promise<void> {
  if (at < later(now, SPLIT_AHEAD_MS)) {
    const reason = "A period is split at an instant that is at least fifteen minutes ahead.";
    throw periodError("VALIDATION", { path: "/effectiveFrom", reason });
  }
  const change = { endsAt: at, dueAt: later(at, dueAt.getTime() - endsAt.getTime()) };
  await tx.update(SettlementPeriod, { ...ofPartner(partner), no }, change);
}

/** A period that stays may become a part of another stretch, when the cycle changes. */
async function recut(tx: Tx, partner: PartnerNumbers, { start, cycleStart, cycleEnd }: PlannedPeriod): Promise<void> {
  const change = { cycleStartsAt: cycleStart, cycleEndsAt: cycleEnd };
  await tx.update(SettlementPeriod, { ...ofPartner(partner), startsAt: start }, change);
}

/** Removes the standing periods that the new plan does not have; answers the starts of those that stay. */
async function dropMoved(
  tx: Tx,
  partner: PartnerNumbers,
  standing: readonly SettlementPeriod[],
  wanted: readonly PlannedPeriod[],
): Promise<Set<number>> {
  const ends = new Map(wanted.map((period) => [period.start.getTime(), period.end.getTime()]));
  const stays = (period: SettlementPeriod) => ends.get(period.startsAt.getTime()) === period.endsAt.getTime();
  const moved = standing.filter((period) => !stays(period)).map((period) => period.no);
  if (moved.length > 0) {
    const [{ used }] = await tx.query(
      `select count(*) as used from activity_total
       where tenant_no = ? and partner_no = ? and (period_no in (?) or origin_period_no in (?))`,
      [partner.tenantNo, partner.no, moved, moved],
    );
    if (Number(used) > 0) {
      const reason = "Periods after that instant hold transactions and would be cut differently.";
      throw periodError("VALIDATION", { path: "/effectiveFrom", reason });
    }
    await tx.query("delete from settlement_period where tenant_no = ? and partner_no = ? and no in (?)", [
      partner.tenantNo,
      partner.no,
      moved,
    ]);
  }
  return new Set(standing.filter(stays).map((period) => period.startsAt.getTime()));
}

/** The standing periods that something was posted into: their totals stay kept as they were begun. */
async function begunOf(tx: Tx, partner: PartnerNumbers, standing: readonly SettlementPeriod[]) {
  if (standing.length === 0) return [];
  const rows: { period_no: number }[] = await tx.query(
    "select distinct period_no from activity_total where tenant_no = ? and partner_no = ? and period_no in (?)",
    [partner.tenantNo, partner.no, standing.map(({ no }) => no)],
  );
  const used = new Set(rows.map(({ period_no }) => period_no));
  return standing.filter(({ no }) => used.has(no));
}

interface Pinning {
  readonly activatedAt: Date;
  readonly begun: readonly SettlementPeriod[];
}

/**
 * Gives the standing periods from an instant on to a version, with its grace; what is due by now waits for a person,
 * unless it was due by the version before and something kept it from being settled.
 */
async function pin(tx: Tx, partner: PartnerNumbers, plan: Plan, { activatedAt, begun }: Pinning): Promise<void> {
  const graceMicroseconds = plan.graceMs * 1_000;
  await tx.query(
    `update settlement_period set configuration_id = ?,
       is_backfill = (is_backfill or due_at > ?) and timestampadd(microsecond, ?, ends_at) < ?,
       due_at = timestampadd(microsecond, ?, ends_at), grain = if(no in (?), grain, ?)
     where tenant_no = ? and partner_no = ? and starts_at >= ?`,
    [
      ...[plan.configurationId, activatedAt, graceMicroseconds, activatedAt, graceMicroseconds],
      ...[[0, ...begun.map(({ no }) => no)], grainText(plan.grain ?? [])],
      ...[partner.tenantNo, partner.no, plan.effectiveFrom],
    ],
  );
}

interface NewPeriods extends Required<Pick<Cut, "grain">> {
  readonly periods: readonly PlannedPeriod[];
  readonly configurationId: string;
  readonly activatedAt: Date;
}

async function insertPeriods(
  app: App,
  tx: Tx,
  partner: PartnerNumbers,
  { periods, configurationId, activatedAt, grain }: NewPeriods,
) {
  for (let start = 0; start < periods.length; start += INSERT_ROWS_MAX) {
    const rows = periods
      .slice(start, start + INSERT_ROWS_MAX)
      .map((period) => [
        ...[partner.tenantNo, partner.no, newId("prd", app.clock), period.start, period.end, period.due],
        ...[configurationId, period.due < activatedAt, period.cycleStart, period.cycleEnd, grainText(grain)],
      ]);
    await tx.query(
      `insert into settlement_period
         (tenant_no, partner_no, id, starts_at, ends_at, due_at, configuration_id, is_backfill, cycle_starts_at,
          cycle_ends_at, grain) values ?`,
      [rows],
    );
  }
}
