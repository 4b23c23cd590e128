import { In } from "typeorm";
import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import type { Actor } from "../../kernel/actor.js";
import { later } from "../../kernel/clock.js";
import { CodedError, ErrorCode } from "../../kernel/errors.js";
import { UNSETTLED } from "../../periods/closing/service.js";
import { holdCursor } from "../../periods/cursors/service.js";
import type { SettlementPeriod } from "../../periods/entities.js";
import { periodOfPartner } from "../../periods/service.js";
import type { App } from "../../platform/app.js";
import { CommitOutcomeUnknown, isPassingTrouble, type Tx, transact } from "../../platform/database.js";
import type { Partner } from "../../tenancy/entities.js";
import { SettlementIncident } from "./entities.js";
import { waitMsAfter } from "./rules.js";

/** Refusals that a person must do something about before the period can be settled. */
const STOPS: ReadonlySet<ErrorCode> = new Set([ErrorCode.RATE_MISSING, ErrorCode.RULE_FAILED]);
const REASON_LENGTH_MAX = 500;

/** A period that was to be settled, as whoever tried found it. */
export interface TriedPeriod {
  readonly partner: Partner;
  readonly period: SettlementPeriod;
}

/** What a partner's settlement was refused with. */
export interface RefusedPeriod extends TriedPeriod {
  readonly error: unknown;
}

/** Whether a run stops here until somebody acts; anything else passes by itself or is a fault of ours. */
export function isIncident(error: unknown): error is CodedError {
  return error instanceof CodedError && STOPS.has(error.code);
}

/**
 * Whether a step would be refused with this again: it is neither trouble that is over when the step is tried again, nor
 * a conflict with somebody who has moved the period meanwhile.
 */
export async function isRefusal(app: App, { partner, period, error }: RefusedPeriod): Promise<boolean> {
  if (isIncident(error)) return true;
  if (isPassing(error)) return false;
  if (!(error instanceof CodedError) || error.code !== ErrorCode.VERSION_CONFLICT) return true;
  return (await periodOfPartner(app, partner, period.id)).state === period.state;
}

/** Only what is fit to be read is written down; of anything else the log has the rest. */
export function reasonOf(error: unknown): { readonly code: string; readonly reason: string } {
  if (!(error instanceof CodedError)) return { code: ErrorCode.INTERNAL, reason: "It failed; the log says how." };
  return { code: error.code, reason: error.message.slice(0, REASON_LENGTH_MAX) };
}

/**
 * Records, once for each period and reason, that a partner's run stopped and why: an act, so audit record and live
 * event at once. The run is tried again; the statement that follows ends the incident.
 */
export async function reportIncident(
  app: App,
  actor: Actor,
  { partner, period, error }: TriedPeriod & { readonly error: CodedError },
): Promise<void> {
  const { code, message } = error;
  await transact(app, async (tx) => {
    await holdCursor(tx, partner); // two runs report it once
    const told: { detail: string | null }[] = await tx.query(
      "select detail from act where tenant_no = ? and subject_id = ? and type = ?",
      [partner.tenantNo, period.id, ActType.SETTLEMENT_STOPPED],
    );
    if (told.some(({ detail }) => detail?.includes(JSON.stringify(message)) === true)) return;
    const act = { type: ActType.SETTLEMENT_STOPPED, subjectId: period.id, partner, after: { code, message } };
    await recordActs(tx, actor, app.clock.now(), [act]);
  });
}

/** Puts the settlement of a partner's next period off, for longer each time that it was refused. */
export async function putOff(app: App, { partner, period, error }: RefusedPeriod): Promise<void> {
  const { tenantNo, no: partnerNo } = partner;
  await transact(app, async (tx) => {
    await holdCursor(tx, partner);
    const lock = { mode: "pessimistic_write" } as const; // who mends something forgets it at the same time
    const known = await tx.findOne(SettlementIncident, { where: { tenantNo, partnerNo }, lock });
    const triedAt = app.clock.now();
    const before = known?.periodNo === period.no ? known : { tries: 0, since: triedAt };
    const tries = before.tries + 1;
    const nextTryAt = later(triedAt, waitMsAfter(tries));
    const change = { periodNo: period.no, ...reasonOf(error), tries, since: before.since, triedAt, nextTryAt };
    if (known === null) await tx.insert(SettlementIncident, { tenantNo, partnerNo, ...change });
    else await tx.update(SettlementIncident, { tenantNo, partnerNo }, change);
  });
}

/**
 * Something was mended that may have kept a partner, or any of the tenant's, from being settled: whoever was put off is
 * tried again at once. Call it in the transaction that mends; a try that is under way then begins to count anew.
 */
export async function retryAtOnce(tx: Tx, tenantNo: number, partner: Partner | null): Promise<void> {
  await tx.delete(SettlementIncident, { tenantNo, ...(partner === null ? {} : { partnerNo: partner.no }) });
}

/** Ids of the partners whose next period is to be left alone for now. */
export async function putOffForAllTenants(app: App): Promise<ReadonlySet<string>> {
  const rows: { partnerId: string }[] = await app.database.query(
    `/* all tenants */ select partner.id as partnerId from settlement_incident as incident
     join settlement_period as period on period.tenant_no = incident.tenant_no and period.no = incident.period_no
     join partner on partner.tenant_no = incident.tenant_no and partner.no = incident.partner_no
     where incident.next_try_at > ? and period.state in (?)`,
    [app.clock.now(), UNSETTLED],
  );
  return new Set(rows.map(({ partnerId }) => partnerId));
}

/** How many partners are not settled by themselves, by the code of what they were refused with. */
export async function incidentsForAllTenants(app: App): Promise<readonly { code: string; partners: number }[]> {
  const rows: { code: string; partners: string }[] = await app.database.query(
    `/* all tenants */ select incident.code, count(*) as partners from settlement_incident as incident
     join settlement_period as period on period.tenant_no = incident.tenant_no and period.no = incident.period_no
     where period.state in (?) group by incident.code`,
    [UNSETTLED],
  );
  return rows.map(({ code, partners }) => ({ code, partners: Number(partners) }));
}

/** What keeps periods of a tenant from being settled, in the order asked; for loaders. */
export async function incidentsByPeriod(
  app: App,
  tenantNo: number,
  numbers: readonly number[],
): Promise<(SettlementIncident | null)[]> {
  const found = await app.database.manager.findBy(SettlementIncident, { tenantNo, periodNo: In([...numbers]) });
  return numbers.map((no) => found.find(({ periodNo }) => periodNo === no) ?? null);
}

/** Trouble that is over when the step is tried again: the database, also where it did not say what it had stored. */
function isPassing(error: unknown): boolean {
  if (error instanceof CodedError) return error.retryable;
  return error instanceof CommitOutcomeUnknown || isPassingTrouble(error);
}
