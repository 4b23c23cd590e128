import { z } from "zod";
import type { Actor } from "../../kernel/actor.js";
import { duePartnersForAllTenants, type PartnerKey } from "../../periods/closing/service.js";
import type { App, FlowJob } from "../../platform/app.js";
import { performFlow } from "../../platform/flows.js";
import { defineFlowJob, defineJob } from "../../platform/queues.js";
import { putOffForAllTenants } from "../incidents/service.js";
import {
  endRunIfDone,
  nextPeriodOfRun,
  type RunKey,
  type RunPartnerKey,
  runningForAllTenants,
  takeStepOfRun,
  unfinishedOf,
} from "../run-partners/service.js";
import { nextDuePeriod, takeDueStep } from "../schedule/service.js";
import type { SettlementRun } from "../settlement-runs/entities.js";
import { type Cancellation, cancelRun, type RunOrder, runOf, startRun } from "../settlement-runs/service.js";
import { STEPS, type Step, stepsLeft } from "../steps/rules.js";

/** The queue of settlement jobs. */
export const SETTLEMENT_QUEUE = "settlement";
/** Jobs of it that a worker does at a time, and partners that it settles at a time without any queue. */
export const SETTLEMENTS_AT_ONCE = 4;

const ATTEMPTS_MAX = 5;
const tenantKey = { tenantId: z.string(), tenantNo: z.number() };
const partnerKey = z.object({ ...tenantKey, partnerId: z.string(), runId: z.string().nullable() });

/** Whose periods are settled, and for which run; for none what fell due is. */
type PartnerOrder = z.infer<typeof partnerKey>;

/** Takes one step of a period's settlement: what it needs is in the database, and so is what it leaves. */
export const settlementStep = defineJob({
  name: "settlement.step",
  attemptsMax: ATTEMPTS_MAX,
  input: z.object({ ...partnerKey.shape, periodId: z.string(), step: z.enum(STEPS) }),
  run: (app, { runId, ...key }) =>
    runId === null ? takeDueStep(app, key, key) : takeStepOfRun(app, { ...key, runId }, key),
});

/** Settles a partner's periods in order: waits for the steps of one, then of the next, until none is left. */
export const settlementPartner = defineFlowJob({
  name: "settlement.partner",
  attemptsMax: ATTEMPTS_MAX,
  input: partnerKey,
  async run(app, order) {
    const { runId, ...key } = order;
    const period = runId === null ? await nextDuePeriod(app, key) : await nextPeriodOfRun(app, { ...key, runId });
    return period === null
      ? []
      : stepsLeft(period).reduce<FlowJob[]>(
          (before, step) => [stepJob(order, { periodId: period.id, step }, before)],
          [],
        );
  },
});

/** Ends a run once it has done with every partner, and until then waits for them. */
export const settlementRun = defineFlowJob({
  name: "settlement.run",
  attemptsMax: ATTEMPTS_MAX,
  input: z.object({ ...tenantKey, runId: z.string() }),
  async run(app, key) {
    const partners = await unfinishedOf(app, key);
    if (partners.length === 0) await endRunIfDone(app, key);
    return partners.map(partnerJob);
  },
});

/** Starts a run and queues its flow; the same key again answers the same run. */
export async function startSettlementRun(
  app: App,
  actor: Actor,
  order: RunOrder,
  idempotencyKey: string | null,
): Promise<SettlementRun> {
  const { id: runId } = await startRun(app, actor, order, idempotencyKey);
  await queueRun(app, { tenantId: actor.tenantId, tenantNo: actor.tenantNo, runId });
  return runOf(app, actor, runId);
}

/** Stops a run: what waits is removed, what is at work stops before its next stage. */
export async function cancelSettlementRun(
  app: App,
  actor: Actor,
  cancellation: Cancellation,
  idempotencyKey: string | null,
): Promise<SettlementRun> {
  const run = await cancelRun(app, actor, cancellation, idempotencyKey);
  await app.queues.dropChildren(SETTLEMENT_QUEUE, run.id);
  return run;
}

/** Queues the flows of runs that have not ended, of all tenants: what lies there already stays as it is. */
export async function sweepRunsForAllTenants(app: App): Promise<number> {
  const runs = await runningForAllTenants(app);
  for (const key of runs) await queueRun(app, key);
  return runs.length;
}

/** Queues who has a period that fell due, or a statement that is missing, and is not put off. Answers how many. */
export async function sweepDueForAllTenants(app: App): Promise<number> {
  const partners = await partnersToSettle(app);
  for (const partner of partners) await app.queues.addFlow(dueJob(partner));
  return partners.length;
}

/** Works runs off without any queue: what workers do while Redis is away. Answers how many there were. */
export async function pollRunsForAllTenants(app: App): Promise<number> {
  const runs = await runningForAllTenants(app);
  for (const key of runs) {
    await settleNow(app, (await unfinishedOf(app, key)).map(partnerJob));
    await endRunIfDone(app, key);
  }
  return runs.length;
}

/** Closes what fell due, and is not put off, without any queue. Answers how many partners had something. */
export async function closeDueForAllTenants(app: App): Promise<number> {
  const partners = await partnersToSettle(app);
  await settleNow(app, partners.map(dueJob));
  return partners.length;
}

async function partnersToSettle(app: App): Promise<PartnerKey[]> {
  const [partners, putOff] = [await duePartnersForAllTenants(app), await putOffForAllTenants(app)];
  return partners.filter(({ partnerId }) => !putOff.has(partnerId));
}

async function queueRun(app: App, key: RunKey): Promise<void> {
  const children = (await unfinishedOf(app, key)).map(partnerJob);
  await app.queues.addFlow({ queue: SETTLEMENT_QUEUE, job: settlementRun, input: key, id: key.runId, children });
}

/** Partners in this process, several at a time; one that fails holds up no other. */
async function settleNow(app: App, partners: readonly FlowJob[]): Promise<void> {
  const waiting = partners.values();
  const lane = async () => {
    for (const partner of waiting) {
      await performFlow(app, partner).catch((error: unknown) => {
        app.log.error({ err: error, job: partner.id }, "settlement: a partner was not settled");
      });
    }
  };
  await Promise.all(Array.from({ length: SETTLEMENTS_AT_ONCE }, lane));
}

function partnerJob(input: RunPartnerKey): FlowJob {
  const id = `${input.runId}.${input.partnerId}`;
  return { queue: SETTLEMENT_QUEUE, job: settlementPartner, input, id, failsAlone: true };
}

/** What fell due for a partner: the same flow, of no run. */
export function dueJob({ partnerId, tenantId, tenantNo }: PartnerKey): FlowJob {
  const input: PartnerOrder = { tenantId, tenantNo, partnerId, runId: null };
  return { queue: SETTLEMENT_QUEUE, job: settlementPartner, input, id: `due.${partnerId}` };
}

function stepJob(order: PartnerOrder, at: { periodId: string; step: Step }, children: FlowJob[]): FlowJob {
  const id = [order.runId ?? "due", at.periodId, at.step].join(".");
  return { queue: SETTLEMENT_QUEUE, job: settlementStep, input: { ...order, ...at }, id, children };
}
