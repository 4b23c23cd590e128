import { systemActor } from "../../kernel/actor.js";
import { canonicalJson } from "../../kernel/canonical-json.js";
import { later } from "../../kernel/clock.js";
import { CodedError } from "../../kernel/errors.js";
import { settledPeriods } from "../../periods/closing/service.js";
import type { App } from "../../platform/app.js";
import { type Reader, type Tx, transact } from "../../platform/database.js";
import type { Partner } from "../../tenancy/entities.js";
import { partnerOf } from "../../tenancy/service.js";
import type { ConfigurationDocument } from "../document.js";
import { type ReplayedStatement, replay } from "../replays/service.js";
import { SimulatedStatement, Simulation, SimulationState } from "../simulations/entities.js";

/** Why the draft could not be replayed for a partner. */
export interface SimulationRefusal {
  readonly partnerId: string;
  readonly code: string;
  readonly message: string;
}

/** What a simulation replays, as it is stored. */
export interface Plan {
  readonly partnerIds: readonly string[];
  readonly from: string;
  readonly through: string;
  /** Checked when it was planned; null: the pinned versions. */
  readonly document: ConfigurationDocument | null;
}

/** The channel that tells of a simulation's progress. */
export function progressChannel(id: string): string {
  return `simulation:${id}`;
}

/** Times that a simulation is taken up before it is given up. */
const RUNS_MAX = 6;
const PERIODS_A_WRITE = 20;
/** A simulation without a sign of life for so long is queued again. */
const SILENT_MS = 15_000;
const KEPT_MS = 30 * 86_400_000;
const PURGED_MAX = 100;
const REFUSALS_MAX = 1_000;

/** Which simulation, for whoever works on it. */
export interface SimulationKey {
  readonly tenantId: string;
  readonly id: string;
}

/**
 * Works a simulation off, partner by partner. Who takes it up begins the partner that was under way anew, and whoever
 * was at it before writes nothing more. Nothing happens to one that ended.
 */
export async function runSimulation(app: App, key: SimulationKey): Promise<void> {
  const { tenantId, id } = key;
  const taken = await transact(app, async (tx) => {
    await tx.query(
      "update simulation set run = run + 1, touched_at = ? where tenant_id = ? and id = ? and state = 'RUNNING'",
      [app.clock.now(), tenantId, id],
    );
    return tx.findOneBy(Simulation, { tenantId, id, state: SimulationState.RUNNING });
  });
  if (taken === null) return;
  if (taken.run > RUNS_MAX) return endRun(app, key, SimulationState.FAILED, taken.run);
  const plan = JSON.parse(taken.plan) as Plan;
  for (const partnerId of plan.partnerIds.slice(taken.partnersDone)) {
    if (!(await replayPartner(app, taken, plan, partnerId))) return;
  }
  await endRun(app, key, SimulationState.DONE, taken.run);
}

async function endRun(app: App, key: SimulationKey, state: SimulationState, run: number): Promise<void> {
  await endSimulation(app, app.database.manager, key, { state, run });
  await app.signals.publish(progressChannel(key.id), state);
}

/** Simulations that should be at work and show no sign of life. */
export async function silentSimulationsForAllTenants(app: App): Promise<SimulationKey[]> {
  return app.database.query(
    `/* all tenants */ select tenant_id as tenantId, id from simulation where state = 'RUNNING' and touched_at < ?`,
    [later(app.clock.now(), -SILENT_MS)],
  );
}

/** Forgets simulations older than thirty days; answers how many. */
export async function purgeSimulationsForAllTenants(app: App): Promise<number> {
  const { affectedRows } = await app.database.query(
    "/* all tenants */ delete from simulation where requested_at < ? limit ?",
    [later(app.clock.now(), -KEPT_MS), PURGED_MAX],
  );
  return affectedRows;
}

/** Ends a simulation that is at work; by the worker of a run only while that run holds it. Tell those who follow it. */
export async function endSimulation(
  app: App,
  tx: Pick<Reader, "query">,
  { tenantId, id }: SimulationKey,
  { state, run = null }: { readonly state: SimulationState; readonly run?: number | null },
): Promise<void> {
  await tx.query(
    `update simulation set state = ?, finished_at = ?
     where tenant_id = ? and id = ? and state = 'RUNNING' and (? is null or run = ?)`,
    [state, app.clock.now(), tenantId, id, run, run],
  );
}

interface Progress {
  readonly simulation: Simulation;
  readonly partner: Partner;
  readonly periods: number;
}

/** Replays one partner; false when the simulation is no longer this run's to work on. */
async function replayPartner(app: App, simulation: Simulation, plan: Plan, partnerId: string): Promise<boolean> {
  const partner = await partnerOf(app, systemActor(simulation, "simulation"), partnerId);
  const span = { from: new Date(plan.from), through: new Date(plan.through) };
  const periods = await settledPeriods(app.database.manager, partner, span);
  const progress = { simulation, partner, periods: periods.length };
  if (!(await inRun(app, simulation, (tx) => clear(tx, progress)))) return false;
  let pending: (readonly ReplayedStatement[])[] = [];
  try {
    for await (const statements of replay(app, partner, { periods, draft: plan.document })) {
      pending.push(statements);
      if (pending.length < PERIODS_A_WRITE) continue;
      const full = pending;
      pending = [];
      if (!(await inRun(app, simulation, (tx) => write(tx, progress, full)))) return false;
    }
  } catch (error) {
    // The draft does not fit this partner: the others are replayed all the same.
    if (!(error instanceof CodedError) || error.retryable) throw error;
    return inRun(app, simulation, (tx) => refuse(tx, progress, error));
  }
  return inRun(app, simulation, async (tx) => {
    await write(tx, progress, pending);
    await finishPartner(tx, simulation);
  });
}

/** Writes for a run while it holds the simulation, and tells of it; false when it does not any more. */
async function inRun(app: App, { tenantId, id, run }: Simulation, work: (tx: Tx) => Promise<void>): Promise<boolean> {
  const isHeld = await transact(app, async (tx) => {
    const { affectedRows } = await tx.query(
      `update simulation set touched_at = greatest(?, date_add(touched_at, interval 1000 microsecond))
       where tenant_id = ? and id = ? and state = 'RUNNING' and run = ?`,
      [app.clock.now(), tenantId, id, run],
    );
    if (affectedRows === 0) return false;
    await work(tx);
    return true;
  });
  if (isHeld) await app.signals.publish(progressChannel(id), SimulationState.RUNNING);
  return isHeld;
}

/** Forgets what an earlier run had replayed of a partner. */
async function clear(tx: Tx, { simulation: { tenantId, id }, partner }: Progress): Promise<void> {
  const key = [tenantId, id, partner.no];
  const [row]: { periods: string }[] = await tx.query(
    `select count(distinct period_no) as periods from simulated_statement
     where tenant_id = ? and simulation_id = ? and partner_no = ?`,
    key,
  );
  await tx.query("delete from simulated_statement where tenant_id = ? and simulation_id = ? and partner_no = ?", key);
  await addPeriods(tx, { tenantId, id }, -Number(row?.periods ?? 0));
}

async function write(
  tx: Tx,
  { simulation: { tenantId, id }, partner }: Progress,
  replayed: readonly (readonly ReplayedStatement[])[],
): Promise<void> {
  for (const statements of replayed) {
    const rows = statements.map(({ period, currency, before, after, lines, isUncovered }) => ({
      ...{ tenantId, simulationId: id, partnerNo: partner.no, periodNo: period.no, currency },
      ...{ earnedBeforeMinor: before.earnedMinor, earnedAfterMinor: after.earnedMinor },
      ...{ payableBeforeMinor: before.payableMinor, payableAfterMinor: after.payableMinor },
      ...{ closingBeforeMinor: before.closingMinor, closingAfterMinor: after.closingMinor },
      ...{ lineDifferences: canonicalJson(lines), isUncovered },
    }));
    await tx.insert(SimulatedStatement, rows);
  }
  await addPeriods(tx, { tenantId, id }, replayed.length);
}

async function refuse(tx: Tx, progress: Progress, { code, message }: CodedError): Promise<void> {
  const { simulation, partner, periods } = progress;
  const { tenantId, id } = simulation;
  await clear(tx, progress);
  await addPeriods(tx, simulation, periods);
  const [row]: { refusals: string }[] = await tx.query(
    "select refusals from simulation where tenant_id = ? and id = ?",
    [tenantId, id],
  );
  const before = JSON.parse(row?.refusals ?? "[]") as SimulationRefusal[];
  const refusals = [...before, { partnerId: partner.id, code, message }].slice(0, REFUSALS_MAX);
  await tx.query("update simulation set refusals = ? where tenant_id = ? and id = ?", [
    canonicalJson(refusals),
    ...[tenantId, id],
  ]);
  await finishPartner(tx, simulation);
}

async function finishPartner(tx: Tx, { tenantId, id }: SimulationKey): Promise<void> {
  await tx.query("update simulation set partners_done = partners_done + 1 where tenant_id = ? and id = ?", [
    ...[tenantId, id],
  ]);
}

async function addPeriods(tx: Tx, { tenantId, id }: SimulationKey, periods: number): Promise<void> {
  await tx.query("update simulation set periods_done = periods_done + ? where tenant_id = ? and id = ?", [
    ...[periods, tenantId, id],
  ]);
}
