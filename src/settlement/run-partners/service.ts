import { ActType } from "../../acts/entities.js";
import { type Actor, systemActor, type TenantRef } from "../../kernel/actor.js";
import { countUnsettled, nextUnsettled } from "../../periods/closing/service.js";
import type { SettlementPeriod } from "../../periods/entities.js";
import { periodOfPartner } from "../../periods/service.js";
import type { App } from "../../platform/app.js";
import { transact } from "../../platform/database.js";
import { Stopped } from "../../platform/flows.js";
import type { Partner } from "../../tenancy/entities.js";
import { partnerOf } from "../../tenancy/service.js";
import { isIncident, isRefusal, reasonOf, reportIncident } from "../incidents/service.js";
import { type RunStage, RunState, type SettlementRun } from "../settlement-runs/entities.js";
import { endRun, runOf, runSignal } from "../settlement-runs/service.js";
import type { Step } from "../steps/rules.js";
import { takeStep } from "../steps/service.js";

/** A run, as jobs name it. */
export interface RunKey extends TenantRef {
  readonly runId: string;
}

/** A partner of a run, as jobs name it. */
export interface RunPartnerKey extends RunKey {
  readonly partnerId: string;
}

/** Runs that have not ended. */
export async function runningForAllTenants(app: App): Promise<RunKey[]> {
  return app.database.query(
    `/* all tenants */ select tenant.id as tenantId, run.tenant_no as tenantNo, run.id as runId
     from settlement_run as run join tenant on tenant.no = run.tenant_no where run.state = 'RUNNING'`,
  );
}

/** Partners that a run has not done with, by the state that the database holds; none of a run that has ended. */
export async function unfinishedOf(app: App, { tenantNo, runId }: RunKey): Promise<RunPartnerKey[]> {
  return app.database.query(
    `select partner.tenant_id as tenantId, part.tenant_no as tenantNo, part.run_id as runId, partner.id as partnerId
     from settlement_run as run
     join settlement_run_partner as part on part.tenant_no = run.tenant_no and part.run_id = run.id
     join partner on partner.tenant_no = part.tenant_no and partner.no = part.partner_no
     where run.tenant_no = ? and run.id = ? and run.state = 'RUNNING' and part.state in ('WAITING', 'RUNNING')`,
    [tenantNo, runId],
  );
}

/**
 * The partner's next period that the run is to settle, the earliest. Null where it has ended, and where none is left:
 * then the run has done with the partner.
 */
export async function nextPeriodOfRun(app: App, key: RunPartnerKey): Promise<SettlementPeriod | null> {
  const at = await placeOf(app, key);
  const order = await orderOf(app, at);
  if (order === null) return null;
  const { partner } = at;
  const period = await nextUnsettled(app.database.manager, partner, order.throughAt);
  if (period === null || period.dueAt > order.startedAt) {
    await conclude(app, at, { state: RunState.SUCCEEDED });
    return null;
  }
  const left = await countUnsettled(app.database.manager, partner, {
    endsBy: order.throughAt,
    dueBy: order.startedAt,
  });
  await app.database.query(
    "update settlement_run_partner set periods_left = ? where tenant_no = ? and run_id = ? and partner_no = ?",
    [left, ...rowKey(at)],
  );
  return period;
}

/**
 * Takes one step of a period for a run: any number of workers may try, after any crash, and it is taken once. A refusal
 * is written down, ends the run for this partner and holds up nobody else; trouble that passes is thrown, and the step
 * is tried again.
 */
export async function takeStepOfRun(
  app: App,
  key: RunPartnerKey,
  { periodId, step }: { readonly periodId: string; readonly step: Step },
): Promise<void> {
  const at = await placeOf(app, key);
  const { actor, partner } = at;
  const period = await periodOfPartner(app, partner, periodId);
  const startedAt = async () => {
    const { startedAt: ordered } = await runOf(app, actor, key.runId);
    // Clocks of processes differ: what was due when it was ordered is due.
    return new Date(Math.max(ordered.getTime(), app.clock.now().getTime()));
  };
  try {
    const ofPeriod = { partner, period, step, startedAt };
    await takeStep(app, actor, ofPeriod, (stage) => advance(app, at, { stage, periodId }));
  } catch (error) {
    if (error instanceof Stopped) throw error;
    if (!(await isRefusal(app, { partner, period, error }))) throw error;
    if (isIncident(error)) await reportIncident(app, actor, { partner, period, error });
    app.log.error({ err: error, run: key.runId, partner: partner.id }, "settlement: a partner of a run failed");
    await conclude(app, at, { state: RunState.FAILED, ...reasonOf(error) });
    throw new Stopped("The partner was refused.");
  }
}

/** Ends a run once none of its partners waits or is at work, and tells those who watch it. */
export async function endRunIfDone(app: App, { runId, ...tenant }: RunKey): Promise<void> {
  const actor = systemActor(tenant, runId);
  const key = [actor.tenantNo, runId];
  await transact(app, async (tx) => {
    const [run] = await tx.query("select state from settlement_run where tenant_no = ? and id = ? for update", key);
    const rows: { state: RunState }[] = await tx.query(
      "select distinct state from settlement_run_partner where tenant_no = ? and run_id = ?",
      key,
    );
    const states = new Set(rows.map(({ state }) => state));
    if (run?.state !== RunState.RUNNING || states.has(RunState.WAITING) || states.has(RunState.RUNNING)) return;
    const state = states.has(RunState.FAILED) ? RunState.FAILED : RunState.SUCCEEDED;
    await endRun(app, tx, actor, { id: runId, state, type: ActType.SETTLEMENT_RUN_ENDED });
  });
  await app.signals.publish(runSignal(runId), "");
}

interface RunPlace {
  readonly actor: Actor;
  readonly runId: string;
  readonly partner: Partner;
}

async function placeOf(app: App, { runId, partnerId, ...tenant }: RunPartnerKey): Promise<RunPlace> {
  const actor = systemActor(tenant, runId);
  return { actor, runId, partner: await partnerOf(app, actor, partnerId) };
}

function rowKey({ runId, partner }: RunPlace): [tenantNo: number, runId: string, partnerNo: number] {
  return [partner.tenantNo, runId, partner.no];
}

/** What a run is to settle for a partner; null where it has ended or done with it: whoever ends a run ends its rows. */
async function orderOf(app: App, at: RunPlace): Promise<Pick<SettlementRun, "throughAt" | "startedAt"> | null> {
  const [order] = await app.database.query(
    `select run.through_at as throughAt, run.started_at as startedAt
     from settlement_run_partner as part
     join settlement_run as run on run.tenant_no = part.tenant_no and run.id = part.run_id
     where part.tenant_no = ? and part.run_id = ? and part.partner_no = ? and part.state in ('WAITING', 'RUNNING')`,
    rowKey(at),
  );
  return order ?? null;
}

/** Before every stage: writes down how far it has come, where it is still wanted. */
async function advance(
  app: App,
  at: RunPlace,
  { stage, periodId }: { readonly stage: RunStage; readonly periodId: string },
): Promise<void> {
  const { affectedRows } = await app.database.query(
    `update settlement_run_partner set state = 'RUNNING', stage = ?, period_id = ?
     where tenant_no = ? and run_id = ? and partner_no = ? and state in ('WAITING', 'RUNNING')`,
    [stage, periodId, ...rowKey(at)],
  );
  // Rows that are found count, those that were so before as well (mysql2 asks for that).
  if (affectedRows === 0) throw new Stopped("The run has ended, or has done with the partner.");
  await app.signals.publish(runSignal(at.runId), "");
}

interface Conclusion {
  readonly state: RunState;
  readonly code?: string;
  readonly reason?: string;
}

/** Says what the run came to for a partner, to those who watch it as well. */
async function conclude(app: App, at: RunPlace, conclusion: Conclusion): Promise<void> {
  const { state, code = null, reason = null } = conclusion;
  await app.database.query(
    `update settlement_run_partner set state = ?, code = ?, reason = ?,
       periods_left = if(? = 'SUCCEEDED', 0, periods_left)
     where tenant_no = ? and run_id = ? and partner_no = ? and state in ('WAITING', 'RUNNING')`,
    [state, code, reason, state, ...rowKey(at)],
  );
  await app.signals.publish(runSignal(at.runId), "");
}
