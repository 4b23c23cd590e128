import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import type { Actor } from "../../kernel/actor.js";
import { instantText } from "../../kernel/clock.js";
import { isId, newId } from "../../kernel/ids.js";
import { type Page, type PageRequest, POSITION, pageOf, pageStart } from "../../kernel/page.js";
import { partnersToSettle } from "../../periods/closing/service.js";
import type { App } from "../../platform/app.js";
import type { Tx } from "../../platform/database.js";
import { once } from "../../platform/idempotency.js";
import { partnerOf } from "../../tenancy/service.js";
import { settlementError } from "../errors.js";
import { RunState, SettlementRun, SettlementRunPartner } from "./entities.js";

/** What a run is to settle; partners by id, or null for all of the tenant that have something due. */
export interface RunOrder {
  readonly partnerIds: readonly string[] | null;
  readonly through: Date;
}

/** How many partners of a run stand where. */
export type RunCounts = Readonly<Record<RunState, number>>;

/** The signal that something moved in a run; its message is empty, since whoever hears it looks in the database. */
export function runSignal(runId: string): string {
  return `run-${runId}`;
}

/** Starts a run: writes down whom it settles. Its jobs are for the caller to queue; the sweeper finds what is not. */
export async function startRun(
  app: App,
  actor: Actor,
  { partnerIds, through }: RunOrder,
  idempotencyKey: string | null,
): Promise<SettlementRun> {
  const named = partnerIds === null ? null : [...new Set(partnerIds)].sort();
  const partners = named === null ? null : await Promise.all(named.map((id) => partnerOf(app, actor, id)));
  const input = { partnerIds: named, through: instantText(through) };
  const runId = await once(app, actor, { operation: "startSettlementRun", idempotencyKey, input }, async (tx) => {
    const startedAt = app.clock.now();
    const numbers =
      partners?.map(({ no }) => no) ??
      (await partnersToSettle(tx, actor.tenantNo, { endsBy: through, dueBy: startedAt }));
    const isEmpty = numbers.length === 0;
    const state = isEmpty ? RunState.SUCCEEDED : RunState.RUNNING;
    const { tenantNo, principalId: startedBy } = actor;
    const id = newId("run", app.clock);
    const endedAt = isEmpty ? startedAt : null;
    await tx.insert(SettlementRun, { tenantNo, id, state, throughAt: through, startedBy, startedAt, endedAt });
    const rows = numbers.map((partnerNo) => ({ tenantNo, runId: id, partnerNo, state: RunState.WAITING }));
    if (!isEmpty) await tx.insert(SettlementRunPartner, rows);
    const after = { state, through: instantText(through), partners: numbers.length };
    await recordActs(tx, actor, startedAt, [act(ActType.SETTLEMENT_RUN_STARTED, id, null, after)]);
    return id;
  });
  return runOf(app, actor, runId);
}

/** A run to be stopped, and why where somebody says so. */
export interface Cancellation {
  readonly runId: string;
  readonly reason: string | null;
}

/** Stops a run before its next stage; what is settled stays so. One that has ended is answered as it is. */
export async function cancelRun(
  app: App,
  actor: Actor,
  { runId, reason }: Cancellation,
  idempotencyKey: string | null,
): Promise<SettlementRun> {
  const { id } = await runOf(app, actor, runId);
  const input = reason === null ? { runId } : { runId, reason };
  await once(app, actor, { operation: "cancelSettlementRun", idempotencyKey, input }, async (tx) => {
    await endRun(app, tx, actor, { id, state: RunState.CANCELLED, type: ActType.SETTLEMENT_RUN_CANCELLED, reason });
    return id;
  });
  await app.signals.publish(runSignal(id), "");
  return runOf(app, actor, id);
}

/** A run of the actor's tenant, by its id; `NOT_FOUND` for anything else. */
export async function runOf(app: App, { tenantNo, partnerId }: Actor, id: string): Promise<SettlementRun> {
  const isVisible = partnerId === null && isId(id, "run");
  const run = isVisible ? await app.database.manager.findOneBy(SettlementRun, { tenantNo, id }) : null;
  if (run === null) throw settlementError("NOT_FOUND", { what: "settlement run" });
  return run;
}

/** The tenant's runs, newest first. */
export async function runsOf(app: App, { tenantNo }: Actor, request: PageRequest): Promise<Page<SettlementRun>> {
  const { rows, after } = pageStart(request, "runs", POSITION.ID);
  const query = app.database.manager
    .createQueryBuilder(SettlementRun, "run")
    .where("run.tenantNo = :tenantNo", { tenantNo });
  if (after !== null) query.andWhere("run.id < :after", { after });
  const found = await query
    .orderBy("run.id", "DESC")
    .limit(rows + 1)
    .getMany();
  return pageOf(found, rows, ({ id }) => id);
}

/** How many runs the tenant has had. */
export async function countRuns(app: App, { tenantNo }: Actor): Promise<number> {
  return app.database.manager.countBy(SettlementRun, { tenantNo });
}

/** The partners of a run; only those in one state where it is given. */
export async function runPartnersOf(
  app: App,
  { tenantNo, id: runId }: SettlementRun,
  state: RunState | null,
  request: PageRequest,
): Promise<Page<SettlementRunPartner>> {
  const { rows, after } = pageStart(request, "runPartners");
  const query = app.database.manager
    .createQueryBuilder(SettlementRunPartner, "row")
    .where("row.tenantNo = :tenantNo and row.runId = :runId", { tenantNo, runId });
  if (state !== null) query.andWhere("row.state = :state", { state });
  if (after !== null) query.andWhere("row.partnerNo > :after", { after: Number(after) });
  const found = await query
    .orderBy("row.partnerNo")
    .limit(rows + 1)
    .getMany();
  return pageOf(found, rows, ({ partnerNo }) => String(partnerNo));
}

/** How many partners of a run stand where. */
export async function runCounts(app: App, { tenantNo, id }: SettlementRun): Promise<RunCounts> {
  const rows: { state: RunState; partners: string }[] = await app.database.query(
    "select state, count(*) as partners from settlement_run_partner where tenant_no = ? and run_id = ? group by state",
    [tenantNo, id],
  );
  const counts: Record<RunState, number> = { WAITING: 0, RUNNING: 0, SUCCEEDED: 0, FAILED: 0, CANCELLED: 0 };
  for (const { state, partners } of rows) counts[state] = Number(partners);
  return counts;
}

/** How a run ends, and the act that says so. */
export interface Ending {
  readonly id: string;
  readonly state: RunState;
  readonly type: ActType;
  readonly reason?: string | null;
}

/** Ends a run that is running; whoever is not done with by then is done with. Nothing happens to one that has ended. */
export async function endRun(
  app: App,
  tx: Tx,
  actor: Actor,
  { id, state, type, reason = null }: Ending,
): Promise<void> {
  const endedAt = app.clock.now();
  const { affectedRows } = await tx.query(
    "update settlement_run set state = ?, ended_at = ? where tenant_no = ? and id = ? and state = 'RUNNING'",
    [state, endedAt, actor.tenantNo, id],
  );
  if (affectedRows === 0) return;
  await tx.query(
    `update settlement_run_partner set state = 'CANCELLED'
     where tenant_no = ? and run_id = ? and state in ('WAITING', 'RUNNING')`,
    [actor.tenantNo, id],
  );
  await recordActs(tx, actor, endedAt, [
    act(type, id, { state: RunState.RUNNING }, { state, ...(reason === null ? {} : { reason }) }),
  ]);
}

function act(type: ActType, subjectId: string, before: { state: RunState } | null, after: Record<string, unknown>) {
  return { type, subjectId, partner: null, ...(before === null ? {} : { before }), after };
}
