import { later } from "../kernel/clock.js";
import { isId, newId } from "../kernel/ids.js";
import type { App } from "../platform/app.js";
import type { Reader, Tx } from "../platform/database.js";
import type { Partner } from "../tenancy/entities.js";
import type { PartnerNumbers } from "./cursors/service.js";
import { PeriodState, SettlementPeriod } from "./entities.js";
import { periodError } from "./errors.js";
import { type Cycle, type PlannedPeriod, planPeriods } from "./rules.js";

const DAY_MS = 86_400_000;
/** How far ahead periods are planned. */
export const HORIZON_MS = 60 * DAY_MS;
const INSERT_ROWS_MAX = 1_000;

/** How a configuration cuts time into periods, from an instant on. */
export interface Plan {
  readonly configurationId: string;
  readonly cycle: Cycle;
  readonly graceMs: number;
  /** First instant the configuration is in force. */
  readonly effectiveFrom: Date;
}

/** Where an item belongs: the open period that takes it, and the one it happened in. */
export interface Placement {
  readonly period: SettlementPeriod;
  readonly origin: SettlementPeriod;
}

/** The periods of a partner that a group of items may fall into. */
export interface PeriodMap {
  /** Sorted by start. */
  readonly periods: readonly SettlementPeriod[];
  readonly earliestOpen: SettlementPeriod | null;
}

/**
 * Plans every period from the effective instant to sixty days ahead, under the partner's cursor. Periods that stand
 * already and stay as they are take the new version; others are replaced while nothing was posted into them. Refused
 * once a period after the instant is closed (`PERIOD_CLOSED`) or holds transactions and would move (`VALIDATION`).
 */
export async function planFrom(app: App, tx: Tx, partner: Partner, plan: Plan): Promise<void> {
  const now = app.clock.now();
  const standing = await periodsFrom(tx, partner, plan.effectiveFrom);
  if (standing.some((period) => period.state !== PeriodState.OPEN)) throw periodError("PERIOD_CLOSED");
  const last = await lastBefore(tx, partner, plan.effectiveFrom);
  const from = last !== null && last.endsAt > plan.effectiveFrom ? last.endsAt : plan.effectiveFrom;
  const through = later(now, HORIZON_MS);
  const { cycle, graceMs, configurationId } = plan;
  const wanted = planPeriods({ cycle, timezone: partner.timezone, from, through, graceMs });
  const kept = await dropMoved(tx, partner, standing, wanted);
  await pin(tx, partner, plan, now);
  const missing = wanted.filter((period) => !kept.has(period.start.getTime()));
  await insertPeriods(app, tx, partner, { periods: missing, configurationId, activatedAt: now });
}

/** Plans on from the last period, sixty days ahead or to an instant; answers how many periods were added. */
export async function extendPlan(
  app: App,
  tx: Tx,
  partner: Partner,
  { cycle, graceMs, configurationId, through }: Omit<Plan, "effectiveFrom"> & { readonly through?: Date },
): Promise<number> {
  const now = app.clock.now();
  const [last] = await tx.find(SettlementPeriod, {
    where: { tenantNo: partner.tenantNo, partnerNo: partner.no },
    order: { startsAt: "DESC" },
    take: 1,
  });
  const until = through ?? later(now, HORIZON_MS);
  if (last === undefined || last.endsAt >= until) return 0;
  const periods = planPeriods({ cycle, timezone: partner.timezone, from: last.endsAt, through: until, graceMs });
  await insertPeriods(app, tx, partner, { periods, configurationId, activatedAt: now });
  return periods.length;
}

/** The periods that instants between two may fall into, and the one that takes what is late. */
export async function periodMap(
  reader: Reader,
  partner: PartnerNumbers,
  from: Date,
  through: Date,
): Promise<PeriodMap> {
  const periods = await reader.query(
    `${SELECT} where tenant_no = ? and partner_no = ? and starts_at <= ? and ends_at > ? order by starts_at`,
    [partner.tenantNo, partner.no, through, from],
  );
  const [earliestOpen] = await reader.query(
    `${SELECT} where tenant_no = ? and partner_no = ? and state = 'OPEN' order by starts_at limit 1`,
    [partner.tenantNo, partner.no],
  );
  return { periods: periods.map(periodOf), earliestOpen: earliestOpen === undefined ? null : periodOf(earliestOpen) };
}

/** Where an instant belongs; null before the first period, after the last, and when nothing is open. */
export function placementAt(map: PeriodMap, instant: Date): Placement | null {
  const origin = periodAt(map.periods, instant.getTime());
  if (origin === null) return null;
  if (origin.state === PeriodState.OPEN) return { period: origin, origin };
  return map.earliestOpen === null ? null : { period: map.earliestOpen, origin };
}

/** A period of a partner by its id; `NOT_FOUND` for anything else. */
export async function periodOfPartner(app: App, partner: PartnerNumbers, id: string): Promise<SettlementPeriod> {
  const period = await periodOfTenant(app, partner.tenantNo, id);
  if (period.partnerNo !== partner.no) throw periodError("NOT_FOUND");
  return period;
}

/** A period of a tenant by its id; `NOT_FOUND` for anything else. */
export async function periodOfTenant(app: App, tenantNo: number, id: string): Promise<SettlementPeriod> {
  const period = isId(id, "prd") ? await app.database.manager.findOneBy(SettlementPeriod, { tenantNo, id }) : null;
  if (period === null) throw periodError("NOT_FOUND");
  return period;
}

/** Periods of a partner by number, however old; for what refers to them. */
export async function periodsByNumber(
  reader: Reader,
  tenantNo: number,
  numbers: readonly number[],
): Promise<Map<number, SettlementPeriod>> {
  if (numbers.length === 0) return new Map();
  const rows = await reader.query(`${SELECT} where tenant_no = ? and no in (?)`, [tenantNo, numbers]);
  return new Map(rows.map((row: PeriodRow) => [row.no, periodOf(row)]));
}

const SELECT = `select no, tenant_no, partner_no, id, starts_at, ends_at, due_at, state, configuration_id, is_backfill,
  closed_at from settlement_period`;

interface PeriodRow {
  readonly no: number;
  readonly tenant_no: number;
  readonly partner_no: number;
  readonly id: string;
  readonly starts_at: Date;
  readonly ends_at: Date;
  readonly due_at: Date;
  readonly state: PeriodState;
  readonly configuration_id: string;
  readonly is_backfill: number;
  readonly closed_at: Date | null;
}

function periodOf(row: PeriodRow): SettlementPeriod {
  return Object.assign(new SettlementPeriod(), {
    no: row.no,
    tenantNo: row.tenant_no,
    partnerNo: row.partner_no,
    id: row.id,
    startsAt: row.starts_at,
    endsAt: row.ends_at,
    dueAt: row.due_at,
    state: row.state,
    configurationId: row.configuration_id,
    isBackfill: row.is_backfill === 1,
    closedAt: row.closed_at,
  });
}

function periodAt(periods: readonly SettlementPeriod[], instantMs: number): SettlementPeriod | null {
  let [low, high] = [0, periods.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const period = periods[middle];
    if (period === undefined) return null;
    if (instantMs < period.startsAt.getTime()) high = middle - 1;
    else if (instantMs >= period.endsAt.getTime()) low = middle + 1;
    else return period;
  }
  return null;
}

async function periodsFrom(tx: Tx, partner: PartnerNumbers, from: Date): Promise<SettlementPeriod[]> {
  const rows = await tx.query(
    `${SELECT} where tenant_no = ? and partner_no = ? and starts_at >= ? order by starts_at`,
    [partner.tenantNo, partner.no, from],
  );
  return rows.map(periodOf);
}

async function lastBefore(tx: Tx, partner: PartnerNumbers, instant: Date): Promise<SettlementPeriod | null> {
  const [row] = await tx.query(
    `${SELECT} where tenant_no = ? and partner_no = ? and starts_at < ? order by starts_at desc limit 1`,
    [partner.tenantNo, partner.no, instant],
  );
  return row === undefined ? null : periodOf(row);
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

/**
 * Gives the standing periods from an instant on to a version, with its grace; what is due by now waits for a person.
 */
async function pin(tx: Tx, partner: PartnerNumbers, plan: Plan, activatedAt: Date): Promise<void> {
  const graceMicroseconds = plan.graceMs * 1_000;
  await tx.query(
    `update settlement_period set configuration_id = ?, due_at = timestampadd(microsecond, ?, ends_at),
       is_backfill = timestampadd(microsecond, ?, ends_at) < ?
     where tenant_no = ? and partner_no = ? and starts_at >= ?`,
    [
      ...[plan.configurationId, graceMicroseconds, graceMicroseconds, activatedAt],
      ...[partner.tenantNo, partner.no, plan.effectiveFrom],
    ],
  );
}

interface NewPeriods {
  readonly periods: readonly PlannedPeriod[];
  readonly configurationId: string;
  readonly activatedAt: Date;
}

async function insertPeriods(
  app: App,
  tx: Tx,
  partner: PartnerNumbers,
  { periods, configurationId, activatedAt }: NewPeriods,
) {
  for (let start = 0; start < periods.length; start += INSERT_ROWS_MAX) {
    const rows = periods
      .slice(start, start + INSERT_ROWS_MAX)
      .map((period) => [
        ...[partner.tenantNo, partner.no, newId("prd", app.clock), period.start, period.end, period.due],
        ...[configurationId, period.due < activatedAt],
      ]);
    await tx.query(
      `insert into settlement_period
         (tenant_no, partner_no, id, starts_at, ends_at, due_at, configuration_id, is_backfill) values ?`,
      [rows],
    );
  }
}
