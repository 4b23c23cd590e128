import { isId } from "../kernel/ids.js";
import type { App } from "../platform/app.js";
import type { Reader, TxSql } from "../platform/database.js";
import type { PartnerNumbers } from "./cursors/service.js";
import { PeriodState, SettlementPeriod } from "./entities.js";
import { periodError } from "./errors.js";
import { parseGrains } from "./grains/entities.js";

/** Where an item belongs: the open period that takes it, and the one it happened in. */
export interface Placement {
  readonly period: SettlementPeriod;
  readonly origin: SettlementPeriod;
}

/** The periods of a partner that a group of items may fall into. */
export interface PeriodMap {
  /** Sorted by start. */
  readonly periods: readonly SettlementPeriod[];
  /** Not looked for while all of them are open. */
  readonly earliestOpen: SettlementPeriod | null;
}

/** The periods that instants between two may fall into, and the one that takes what is late. */
export async function periodMap(
  reader: Reader | TxSql,
  partner: PartnerNumbers,
  from: Date,
  through: Date,
): Promise<PeriodMap> {
  const found: PeriodRow[] = await reader.query(
    `${SELECT} where tenant_no = ? and partner_no = ? and starts_at <= ? and ends_at > ? order by starts_at`,
    [partner.tenantNo, partner.no, through, from],
  );
  const periods = found.map(periodOf);
  return { periods, earliestOpen: periods.every(isOpen) ? null : await earliestOpen(reader, partner) };
}

/** The period that takes what is late; null where none is open. */
export async function earliestOpen(
  reader: Reader | TxSql,
  { tenantNo, no }: PartnerNumbers,
): Promise<SettlementPeriod | null> {
  const [found] = await reader.query(
    `${SELECT} where tenant_no = ? and partner_no = ? and state = 'OPEN' order by starts_at limit 1`,
    [tenantNo, no],
  );
  return found === undefined ? null : periodOf(found);
}

/** Whether a period still takes transactions. */
export function isOpen({ state }: SettlementPeriod): boolean {
  return state === PeriodState.OPEN;
}

/** Where an instant belongs; null before the first period, after the last, and when nothing is open. */
export function placementAt(map: PeriodMap, instant: Date): Placement | null {
  const origin = periodAt(map.periods, instant.getTime());
  if (origin === null) return null;
  if (isOpen(origin)) return { period: origin, origin };
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
  reader: Reader | TxSql,
  tenantNo: number,
  numbers: readonly number[],
): Promise<Map<number, SettlementPeriod>> {
  if (numbers.length === 0) return new Map();
  const rows = await reader.query(`${SELECT} where tenant_no = ? and no in (?)`, [tenantNo, numbers]);
  return new Map(rows.map((row: PeriodRow) => [row.no, periodOf(row)]));
}

const SELECT = `select no, tenant_no, partner_no, id, starts_at, ends_at, due_at, state, configuration_id, is_backfill,
  closed_at, cycle_starts_at, cycle_ends_at, grain, commitment from settlement_period`;

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
  readonly cycle_starts_at: Date;
  readonly cycle_ends_at: Date;
  readonly grain: string;
  readonly commitment: Buffer | null;
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
    cycleStartsAt: row.cycle_starts_at,
    cycleEndsAt: row.cycle_ends_at,
    grain: parseGrains(row.grain),
    commitment: row.commitment,
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
