import { ActType } from "../../acts/entities.js";
import { type Actor, systemActor, type TenantRef } from "../../kernel/actor.js";
import { CodedError, ErrorCode } from "../../kernel/errors.js";
import type { App } from "../../platform/app.js";
import { isPassingTrouble, type Tx, transact } from "../../platform/database.js";
import type { Partner } from "../../tenancy/entities.js";
import { partnerOf } from "../../tenancy/service.js";
import { type Progress, settle } from "../runs/service.js";
import { RunState, type SettlementRun } from "../settlement-runs/entities.js";
import { endRun, runOf, runSignal } from "../settlement-runs/service.js";

const REASON_LENGTH_MAX = 500;

/** A partner of a run, as jobs name it. */
export interface RunPartnerKey extends TenantRef {
  readonly runId: string;
  readonly partnerId: string;
}

/** Partners that runs have not done with, by the state that the database holds. */
export async function unfinishedForAllTenants(app: App): Promise<RunPartnerKey[]> {
  return app.database.query(`/* all tenants */ ${UNFINISHED}`);
}

/** Those of one run. */
export async function unfinishedOf(app: App, { tenantNo }: TenantRef, runId: string): Promise<RunPartnerKey[]> {
  return app.database.query(`${UNFINISHED} and run.tenant_no = ? and run.id = ?`, [tenantNo, runId]);
}

const UNFINISHED = `select partner.tenant_id as tenantId, part.tenant_no as tenantNo, part.run_id as runId,
    partner.id as partnerId
  from settlement_run as run
  join settlement_run_partner as part on part.tenant_no = run.tenant_no and part.run_id = run.id
  join partner on partner.tenant_no = part.tenant_no and partner.no = part.partner_no
  where run.state = 'RUNNING' and part.state in ('WAITING', 'RUNNING')`;

/**
 * Settles one partner of a run, from where the database says that it stands: any number of workers may try, after any
 * crash, and each period is settled once. A refusal is written down and holds up nobody else; trouble that passes is
 * thrown, and the partner is taken up again.
 */
export async function settleRunPartner(app: App, { runId, partnerId, ...tenant }: RunPartnerKey): Promise<void> {
  const actor = systemActor(tenant, runId);
  const run = await runOf(app, actor, runId);
  const partner = await partnerOf(app, actor, partnerId);
  const at = { run, partner };
  try {
    await stillRunning(app, at);
    await settle(app, actor, { partnerId, through: run.throughAt }, (progress) => advance(app, at, progress));
    await conclude(app, at, { state: RunState.SUCCEEDED });
  } catch (error) {
    if (error instanceof RunEnded) return;
    const isPassing = (error instanceof CodedError && error.retryable) || isPassingTrouble(error);
    if (isPassing) throw error;
    app.log.error({ err: error, run: runId, partner: partnerId }, "settlement: a partner of a run failed");
    await conclude(app, at, { state: RunState.FAILED, ...reasonOf(error) });
  }
  await transact(app, (tx) => endIfDone(app, tx, actor, run.id));
  await app.signals.publish(runSignal(runId), "");
}

interface RunPlace {
  readonly run: SettlementRun;
  readonly partner: Partner;
}

/** The run was cancelled, or somebody else has done with the partner; a sign for `settleRunPartner` alone. */
class RunEnded extends Error {
  override readonly name = "RunEnded";
}

async function stillRunning(app: App, { run, partner }: RunPlace): Promise<void> {
  const [row] = await app.database.query(
    `select part.state from settlement_run as run
     join settlement_run_partner as part on part.tenant_no = run.tenant_no and part.run_id = run.id
     where run.tenant_no = ? and run.id = ? and run.state = 'RUNNING' and part.tenant_no = ? and part.partner_no = ?
       and part.state in ('WAITING', 'RUNNING')`,
    [run.tenantNo, run.id, partner.tenantNo, partner.no],
  );
  if (row === undefined) throw new RunEnded();
}

/** Before every stage: whether it is still wanted, then how far it has come. */
async function advance(app: App, at: RunPlace, { stage, periodId, periodsLeft }: Progress): Promise<void> {
  await stillRunning(app, at);
  const { run, partner } = at;
  await app.database.query(
    `update settlement_run_partner set state = 'RUNNING', stage = ?, period_id = ?, periods_left = ?
     where tenant_no = ? and run_id = ? and partner_no = ? and state in ('WAITING', 'RUNNING')`,
    [stage, periodId, periodsLeft, run.tenantNo, run.id, partner.no],
  );
  await app.signals.publish(runSignal(run.id), "");
}

interface Conclusion {
  readonly state: RunState;
  readonly code?: string;
  readonly reason?: string;
}

async function conclude(app: App, { run, partner }: RunPlace, conclusion: Conclusion): Promise<void> {
  const { state, code = null, reason = null } = conclusion;
  await app.database.query(
    `update settlement_run_partner set state = ?, code = ?, reason = ?,
       periods_left = if(? = 'SUCCEEDED', 0, periods_left)
     where tenant_no = ? and run_id = ? and partner_no = ? and state in ('WAITING', 'RUNNING')`,
    [state, code, reason, state, run.tenantNo, run.id, partner.no],
  );
}

/** Only what is fit to be read is written down; of anything else the log has the rest. */
function reasonOf(error: unknown): { code: string; reason: string } {
  if (!(error instanceof CodedError)) return { code: ErrorCode.INTERNAL, reason: "It failed; the log says how." };
  return { code: error.code, reason: error.message.slice(0, REASON_LENGTH_MAX) };
}

/** The run has ended once none of its partners waits or is at work. */
async function endIfDone(app: App, tx: Tx, actor: Actor, id: string): Promise<void> {
  const [run] = await tx.query("select state from settlement_run where tenant_no = ? and id = ? for update", [
    ...[actor.tenantNo, id],
  ]);
  const rows: { state: RunState }[] = await tx.query(
    "select distinct state from settlement_run_partner where tenant_no = ? and run_id = ?",
    [actor.tenantNo, id],
  );
  const states = new Set(rows.map(({ state }) => state));
  if (run?.state !== RunState.RUNNING || states.has(RunState.WAITING) || states.has(RunState.RUNNING)) return;
  const state = states.has(RunState.FAILED) ? RunState.FAILED : RunState.SUCCEEDED;
  await endRun(app, tx, actor, { id, state, type: ActType.SETTLEMENT_RUN_ENDED });
}
