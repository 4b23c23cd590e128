import { z } from "zod";
import { systemActor } from "../../kernel/actor.js";
import { newId } from "../../kernel/ids.js";
import { duePartnersForAllTenants } from "../../periods/closing/service.js";
import type { App } from "../../platform/app.js";
import { defineJob } from "../../platform/queues.js";
import { closeDuePeriods } from "./service.js";

/** The queue of settlement jobs. */
export const SETTLEMENT_QUEUE = "settlement";

/** Closes and settles, in order, what fell due for a partner. */
export const closeDue = defineJob({
  name: "settlement.close-due",
  attemptsMax: 5,
  input: z.object({ tenantId: z.string(), tenantNo: z.number(), partnerId: z.string() }),
  run: (app, { partnerId, ...tenant }) => closeDuePeriods(app, systemActor(tenant, newId("req", app.clock)), partnerId),
});

/** Queues every partner with a period that fell due or a statement that is missing. Answers how many. */
export async function sweepDueForAllTenants(app: App): Promise<number> {
  const partners = await duePartnersForAllTenants(app);
  for (const input of partners) {
    const { partnerId: deduplicationId } = input;
    await app.queues.add({ queue: SETTLEMENT_QUEUE, job: closeDue, input, deduplicationId });
  }
  return partners.length;
}

/**
 * Closes what fell due without any queue: what workers do while Redis is away. A partner that fails holds up no other.
 * Answers how many partners had something.
 */
export async function closeDueForAllTenants(app: App): Promise<number> {
  const partners = await duePartnersForAllTenants(app);
  for (const partner of partners) {
    try {
      await closeDue.run(app, partner);
    } catch (error) {
      app.log.error({ err: error, partner: partner.partnerId }, "settlement: a partner was not settled");
    }
  }
  return partners.length;
}
