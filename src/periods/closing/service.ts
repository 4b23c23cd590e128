import { In, LessThanOrEqual, MoreThanOrEqual, Not } from "typeorm";
import { later } from "../../kernel/clock.js";
import { type Page, type PageRequest, pageOf, pageStart } from "../../kernel/page.js";
import type { App } from "../../platform/app.js";
import type { Reader, Tx } from "../../platform/database.js";
import type { PartnerNumbers } from "../cursors/service.js";
import { PeriodState, SettlementPeriod } from "../entities.js";
import { periodError } from "../errors.js";
import { movePeriod } from "../lifecycle/service.js";

/** The most periods that one run takes up; the next run finds the rest. */
const PERIODS_MAX = 20_000;
const DAY_MS = 86_400_000;
/** Where periods stand that are still to be settled. */
export const UNSETTLED: readonly PeriodState[] = [PeriodState.OPEN, PeriodState.CLOSED, PeriodState.CALCULATED];
const WITHOUT_STATEMENT = [...UNSETTLED, PeriodState.ABORTED];
/** A plan that ends sooner than this is planned on. */
const PLAN_AHEAD_MS = 30 * DAY_MS;

/** A partner's periods in order; only those in one state where it is given. */
export async function periodsOf(
  app: App,
  partner: PartnerNumbers,
  state: PeriodState | null,
  request: PageRequest,
): Promise<Page<SettlementPeriod>> {
  const { rows, after } = pageStart(request, "periods");
  const query = app.database.manager
    .createQueryBuilder(SettlementPeriod, "period")
    .where("period.tenantNo = :tenantNo and period.partnerNo = :no", { tenantNo: partner.tenantNo, no: partner.no });
  if (state !== null) query.andWhere("period.state = :state", { state });
  if (after !== null) query.andWhere("period.startsAt > :after", { after: new Date(Number(after)) });
  const found = await query
    .orderBy("period.startsAt")
    .limit(rows + 1)
    .getMany();
  return pageOf(found, rows, (period) => String(period.startsAt.getTime()));
}

/** How many periods a partner has. */
export async function countPeriods(app: App, partner: PartnerNumbers, state: PeriodState | null): Promise<number> {
  const { tenantNo, no: partnerNo } = partner;
  return app.database.manager.countBy(SettlementPeriod, { tenantNo, partnerNo, ...(state === null ? {} : { state }) });
}

/** The partner's periods that end by an instant and have no statement yet, in order. */
export async function unsettledPeriods(
  reader: Reader,
  partner: PartnerNumbers,
  endsBy: Date,
): Promise<SettlementPeriod[]> {
  const { tenantNo, no: partnerNo } = partner;
  const state = In([...UNSETTLED]);
  return reader.find(SettlementPeriod, {
    where: { tenantNo, partnerNo, state, endsAt: LessThanOrEqual(endsBy) },
    order: { startsAt: "ASC" },
    take: PERIODS_MAX,
  });
}

/** The earliest of the partner's periods that end by an instant and have no statement yet; null where all have. */
export async function nextUnsettled(
  reader: Reader,
  partner: PartnerNumbers,
  endsBy: Date,
): Promise<SettlementPeriod | null> {
  const { tenantNo, no: partnerNo } = partner;
  const where = { tenantNo, partnerNo, state: In([...UNSETTLED]), endsAt: LessThanOrEqual(endsBy) };
  return reader.findOne(SettlementPeriod, { where, order: { startsAt: "ASC" } });
}

/** How many of the partner's periods that end by an instant, and are due by another, have no statement yet. */
export async function countUnsettled(
  reader: Reader,
  partner: PartnerNumbers,
  { endsBy, dueBy }: { readonly endsBy: Date; readonly dueBy: Date },
): Promise<number> {
  const [row]: { periods: string }[] = await reader.query(
    `select count(*) as periods from settlement_period
     where tenant_no = ? and partner_no = ? and state in (?) and ends_at <= ? and due_at <= ?`,
    [partner.tenantNo, partner.no, UNSETTLED, endsBy, dueBy],
  );
  return Number(row?.periods ?? 0);
}

/** The partner's periods within a range that have their statements, in order; at most 20,000. */
export async function settledPeriods(
  reader: Reader,
  partner: PartnerNumbers,
  { from, through }: { readonly from: Date; readonly through: Date },
): Promise<SettlementPeriod[]> {
  const { tenantNo, no: partnerNo } = partner;
  return reader.find(SettlementPeriod, {
    where: {
      ...{ tenantNo, partnerNo, startsAt: MoreThanOrEqual(from), endsAt: LessThanOrEqual(through) },
      state: Not(In(WITHOUT_STATEMENT)),
    },
    order: { startsAt: "ASC" },
    take: PERIODS_MAX,
  });
}

/** Whether a period has its statements. */
export function isSettled({ state }: Pick<SettlementPeriod, "state">): boolean {
  return !WITHOUT_STATEMENT.includes(state);
}

/** Numbers of a tenant's partners with a period that ends by an instant, is due by another and is not settled. */
export async function partnersToSettle(
  reader: Reader,
  tenantNo: number,
  { endsBy, dueBy }: { readonly endsBy: Date; readonly dueBy: Date },
): Promise<number[]> {
  const rows: { no: number }[] = await reader.query(
    `select distinct partner_no as no from settlement_period
     where tenant_no = ? and state in (?) and ends_at <= ? and due_at <= ? order by no`,
    [tenantNo, UNSETTLED, endsBy, dueBy],
  );
  return rows.map(({ no }) => no);
}

/** How many settled periods each partner of a tenant has within a range; partners without any are left out. */
export async function countSettled(
  reader: Reader,
  tenantNo: number,
  { from, through }: { readonly from: Date; readonly through: Date },
): Promise<ReadonlyMap<number, number>> {
  const rows: { partner_no: number; periods: string }[] = await reader.query(
    `select partner_no, count(*) as periods from settlement_period
     where tenant_no = ? and starts_at >= ? and ends_at <= ? and state not in (?) group by partner_no`,
    [tenantNo, from, through, WITHOUT_STATEMENT],
  );
  return new Map(rows.map(({ partner_no, periods }) => [partner_no, Number(periods)]));
}

/**
 * Fences a period: OPEN becomes CLOSED, and nothing is posted into it again. False when it is not open. Refused
 * (`VALIDATION`) while a period before it is open. Call it under the partner's cursor.
 */
export async function fencePeriod(
  tx: Tx,
  partner: PartnerNumbers,
  { no, startsAt }: SettlementPeriod,
  closedAt: Date,
): Promise<boolean> {
  const move = { no, from: PeriodState.OPEN, to: PeriodState.CLOSED, closedAt };
  if (!(await movePeriod(tx, partner, move))) return false;
  const [earlier] = await tx.query(
    `select id from settlement_period where tenant_no = ? and partner_no = ? and state = 'OPEN' and starts_at < ?
     order by starts_at limit 1`,
    [partner.tenantNo, partner.no, startsAt],
  );
  if (earlier === undefined) return true;
  const reason = `Periods close in order, and ${earlier.id} before this one is open.`;
  throw periodError("VALIDATION", { reason, openPeriodId: earlier.id });
}

/** A partner named by its ids, with the numbers of its tenant. */
export interface PartnerKey {
  readonly tenantId: string;
  readonly tenantNo: number;
  readonly partnerId: string;
}

/**
 * Partners with a period to close or a statement to make by themselves: one that fell due, unless backfilled periods
 * before it wait for a person, or one that was closed and has no statement yet.
 */
export async function duePartnersForAllTenants(app: App): Promise<PartnerKey[]> {
  return app.database.query(
    `/* all tenants */ select distinct partner.tenant_id as tenantId, partner.tenant_no as tenantNo,
       partner.id as partnerId
     from settlement_period as period
     join partner on partner.tenant_no = period.tenant_no and partner.no = period.partner_no
     where period.state in (?) and period.due_at <= ?
       and (period.state <> 'OPEN' or (period.is_backfill = 0 and not exists (
         select 1 from settlement_period as earlier
         where earlier.tenant_no = period.tenant_no and earlier.partner_no = period.partner_no
           and earlier.state = 'OPEN' and earlier.starts_at < period.starts_at and earlier.is_backfill = 1)))`,
    [UNSETTLED, app.clock.now()],
  );
}

/** Partners whose last planned period ends within thirty days. */
export async function planEndsSoonForAllTenants(app: App): Promise<PartnerKey[]> {
  return app.database.query(
    `/* all tenants */ select partner.tenant_id as tenantId, partner.tenant_no as tenantNo, partner.id as partnerId
     from (select tenant_no, partner_no, max(starts_at) as last_start from settlement_period
       group by tenant_no, partner_no) as plan
     join settlement_period as period on period.tenant_no = plan.tenant_no and period.partner_no = plan.partner_no
       and period.starts_at = plan.last_start
     join partner on partner.tenant_no = plan.tenant_no and partner.no = plan.partner_no
     where period.ends_at < ?`,
    [later(app.clock.now(), PLAN_AHEAD_MS)],
  );
}
