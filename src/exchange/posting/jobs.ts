import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { systemActor, type TenantRef } from "../../kernel/actor.js";
import { BoundedMap } from "../../kernel/bounded-map.js";
import type { App } from "../../platform/app.js";
import { perApp } from "../../platform/per-app.js";
import { defineJob } from "../../platform/queues.js";
import type { Partner } from "../../tenancy/entities.js";
import { partnerOf } from "../../tenancy/service.js";
import { countAwaited, wasTold } from "../callers/service.js";
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
const GATHER_MS = { min: 6, perAwaited: 1, max: 25 };
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

/** When partners were handed over last, and who is to be handed over next. */
interface Gathering {
  readonly lastAt: BoundedMap<string, number>;
  /** As soon as this turn of the event loop is over: whatever was stored in it takes one job. */
  soon: Gathered | null;
  later: Gathered | null;
}

/** Partners with the batches for which they gather; null for a batch that is not named. */
interface Gathered {
  readonly partners: Map<string, { readonly partner: Partner; readonly batchIds: (string | null)[] }>;
  readonly handedOver: Promise<void>;
}

const gatheringOf = perApp((): Gathering => ({ lastAt: new BoundedMap(PARTNERS_KEPT_MAX), soon: null, later: null }));

/**
 * Hands a partner to its posting partition; a hint, since the sweeper finds what waits. Those who come within a moment
 * of the last time gather, all for the same instant, so that workers post them together; one whose batches were posted
 * meanwhile is left out.
 */
export function enqueuePosting(app: App, partner: Partner, batchId: string | null = null): Promise<void> {
  const gathering = gatheringOf(app);
  const gatherMs = Math.min(Math.max(countAwaited(app) * GATHER_MS.perAwaited, GATHER_MS.min), GATHER_MS.max);
  const lastAt = gathering.lastAt.get(partner.id);
  const restMs = lastAt === undefined ? 0 : lastAt + gatherMs - performance.now();
  const when = restMs <= 0 && gathering.later?.partners.has(partner.id) !== true ? "soon" : "later";
  gathering[when] ??= gather(when === "soon" ? turnEnd() : sleep(restMs), async (gathered) => {
    gathering[when] = null;
    const isLeft = (id: string | null) => id === null || !wasTold(app, id);
    const left = [...gathered.partners.values()].filter(({ batchIds }) => batchIds.some(isLeft));
    for (const { partner: each } of left) gathering.lastAt.set(each.id, performance.now());
    await Promise.all(left.map((each) => handOver(app, each.partner)));
  });
  const { partners, handedOver } = gathering[when];
  const known = partners.get(partner.id);
  if (known === undefined) partners.set(partner.id, { partner, batchIds: [batchId] });
  else known.batchIds.push(batchId);
  return handedOver;
}

function gather(begun: Promise<void>, handOverAll: (gathered: Gathered) => Promise<void>): Gathered {
  const partners: Gathered["partners"] = new Map();
  const gathered: Gathered = { partners, handedOver: begun.then(() => handOverAll(gathered)) };
  return gathered;
}

/** When all that is ready to go on has gone on, and nothing new has been heard. */
function turnEnd(): Promise<void> {
  return new Promise((resolve) => {
    process.nextTick(resolve);
  });
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
