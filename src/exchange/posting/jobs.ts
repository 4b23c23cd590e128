import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { systemActor, type TenantRef } from "../../kernel/actor.js";
import { BoundedMap } from "../../kernel/bounded-map.js";
import type { App } from "../../platform/app.js";
import { perApp } from "../../platform/per-app.js";
import { defineJob } from "../../platform/queues.js";
import type { Partner } from "../../tenancy/entities.js";
import { partnerOf } from "../../tenancy/service.js";
import { countAwaited } from "../callers/service.js";
import { postBatches } from "./service.js";

/** The queue of a posting partition; one job at a time each, so that a hot partner delays no other partition. */
export function postingQueue(partition: number): string {
  return `posting-${partition}`;
}

/** How long a partner is left alone whose cursor another process holds, so that asking again and again costs little. */
const HELD_DELAY_MS = 100;

/**
 * A partner is handed over no more often, so that what comes at the same time is posted together: longer the more
 * batches are waited for, since each of them is held up by the work for all others. Who is alone gathers nothing.
 */
const GATHER_MS = { min: 6, perAwaited: 1, max: 50 };
const PARTNERS_KEPT_MAX = 10_000;

/** Posts what waits for a partner; when more waits than one run takes, it queues up again behind the others. */
export const postPartner = defineJob({
  name: "exchange.post",
  attemptsMax: 5,
  input: z.object({ tenantId: z.string(), tenantNo: z.number(), partnerId: z.string() }),
  run: async (app, { tenantId, tenantNo, partnerId }) => {
    const partner = await partnerOf(app, systemActor({ tenantId, tenantNo }, "posting"), partnerId);
    const { isDrained, batches } = await postBatches(app, partner);
    if (isDrained) return;
    if (batches === 0) await handOver(app, partner, { delayMs: HELD_DELAY_MS });
    else await enqueuePosting(app, partner);
  },
});

/** When a partner was handed over last, and the next time if it is planned. */
interface HandingOver {
  readonly at: number;
  next: Promise<void> | null;
}

const handingOver = perApp(() => new BoundedMap<string, HandingOver>(PARTNERS_KEPT_MAX));

/**
 * Hands a partner to its posting partition; a hint, since the sweeper finds what waits. Those who come within a moment
 * of the last time share the next.
 */
export function enqueuePosting(app: App, partner: Partner): Promise<void> {
  const all = handingOver(app);
  const last = all.get(partner.id);
  if (last?.next) return last.next;
  const handOverNow = () => {
    all.set(partner.id, { at: performance.now(), next: null });
    return handOver(app, partner);
  };
  const gatherMs = Math.min(Math.max(countAwaited(app) * GATHER_MS.perAwaited, GATHER_MS.min), GATHER_MS.max);
  const restMs = last === undefined ? 0 : last.at + gatherMs - performance.now();
  if (last === undefined || restMs <= 0) return handOverNow();
  last.next = sleep(restMs).then(handOverNow);
  return last.next;
}

interface HandOver {
  readonly delayMs?: number;
  readonly deduplicationId?: string;
}

async function handOver(
  app: App,
  { tenantId, tenantNo, id: partnerId, postingPartition }: Partner,
  { delayMs = 0, deduplicationId = partnerId }: HandOver = {},
): Promise<void> {
  await app.queues.add({
    queue: postingQueue(postingPartition),
    job: postPartner,
    input: { tenantId, tenantNo, partnerId },
    deduplicationId,
    delayMs,
  });
}

/**
 * Queues every partner that has had a batch waiting since before an instant, or from a clock that is ahead of ours.
 * Answers how many. These jobs are told apart from those that batches bring: one that lies there for a clock that was
 * set back keeps none of these away.
 */
export async function sweepForAllTenants(app: App, acceptedBefore: Date): Promise<number> {
  const partners = await waitingForAllTenants(app, acceptedBefore);
  for (const partner of partners) await handOver(app, partner, { deduplicationId: `swept-${partner.id}` });
  return partners.length;
}

/**
 * Posts what waits without any queue: what workers do while Redis is away. A partner that cannot be posted holds up no
 * other. Answers how many partners had something.
 */
export async function pollForAllTenants(app: App): Promise<number> {
  const partners = await waitingForAllTenants(app, app.clock.now());
  for (const partner of partners) {
    try {
      await postBatches(app, partner);
    } catch (error) {
      app.log.error({ err: error, partner: partner.id }, "posting: a partner could not be posted");
    }
  }
  return partners.length;
}

async function waitingForAllTenants(app: App, acceptedBefore: Date): Promise<Partner[]> {
  const rows: (TenantRef & { partnerId: string })[] = await app.database.query(
    `/* all tenants */ select distinct partner.tenant_id as tenantId, partner.tenant_no as tenantNo,
       partner.id as partnerId
     from batch join partner on partner.tenant_no = batch.tenant_no and partner.no = batch.partner_no
     where batch.state = 'ACCEPTED' and (batch.accepted_at <= ? or batch.accepted_at > ?)`,
    [acceptedBefore, app.clock.now()],
  );
  return Promise.all(rows.map(({ partnerId, ...tenant }) => partnerOf(app, systemActor(tenant, "sweeper"), partnerId)));
}
