import { z } from "zod";
import type { Actor } from "../../kernel/actor.js";
import type { App } from "../../platform/app.js";
import { defineJob } from "../../platform/queues.js";
import { SETTLEMENT_QUEUE } from "../runs/jobs.js";
import type { SettlementRun } from "../settlement-runs/entities.js";
import { type RunOrder, runOf, startRun } from "../settlement-runs/service.js";
import { type RunPartnerKey, settleRunPartner, unfinishedForAllTenants, unfinishedOf } from "./service.js";

/** Settles one partner of a run. */
export const settlePartnerOfRun = defineJob({
  name: "settlement.run-partner",
  attemptsMax: 5,
  input: z.object({ tenantId: z.string(), tenantNo: z.number(), runId: z.string(), partnerId: z.string() }),
  run: settleRunPartner,
});

/** Starts a run and queues its partners; the same key again answers the same run. */
export async function startSettlementRun(
  app: App,
  actor: Actor,
  order: RunOrder,
  idempotencyKey: string | null,
): Promise<SettlementRun> {
  const { id } = await startRun(app, actor, order, idempotencyKey);
  await enqueueAll(app, await unfinishedOf(app, actor, id));
  return runOf(app, actor, id);
}

/** Queues what runs have not done with, of all tenants; a hint, as every job. Answers how many partners. */
export async function sweepRunsForAllTenants(app: App): Promise<number> {
  return enqueueAll(app, await unfinishedForAllTenants(app));
}

/** Settles what runs have not done with without any queue: what workers do while Redis is away. */
export async function pollRunsForAllTenants(app: App): Promise<number> {
  const partners = await unfinishedForAllTenants(app);
  for (const partner of partners) {
    try {
      await settleRunPartner(app, partner);
    } catch (error) {
      app.log.error({ err: error, partner: partner.partnerId }, "settlement: a partner of a run waits");
    }
  }
  return partners.length;
}

async function enqueueAll(app: App, partners: readonly RunPartnerKey[]): Promise<number> {
  for (const input of partners) {
    const deduplicationId = `${input.runId}.${input.partnerId}`;
    await app.queues.add({ queue: SETTLEMENT_QUEUE, job: settlePartnerOfRun, input, deduplicationId });
  }
  return partners.length;
}
