import { In, IsNull } from "typeorm";
import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import type { Actor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { type Page, type PageRequest, POSITION, pageOf, pageStart } from "../../kernel/page.js";
import type { App } from "../../platform/app.js";
import type { Tx } from "../../platform/database.js";
import { once } from "../../platform/idempotency.js";
import type { Partner } from "../../tenancy/entities.js";
import { partnersByNumber } from "../../tenancy/service.js";
import { batchOf } from "../batches/service.js";
import { type Batch, BatchState } from "../entities.js";
import { exchangeError } from "../errors.js";
import { enqueuePosting } from "../posting/jobs.js";
import { BatchQuarantine, QuarantineDecision } from "./entities.js";

/** A decision on a quarantined batch, and why. */
export interface Deciding {
  readonly batchId: string;
  readonly reason: string;
}

/**
 * Lets a quarantined batch post, by a person's decision: now, and late if its period is fenced by then. Refused where
 * it is not quarantined (`VALIDATION`).
 */
export async function releaseQuarantined(
  app: App,
  actor: Actor,
  input: Deciding,
  idempotencyKey: string | null = null,
): Promise<Batch> {
  const { batch, partner } = await decide(app, actor, { ...input, decision: RELEASED }, idempotencyKey);
  if (batch.state === BatchState.ACCEPTED) await enqueuePosting(app, partner);
  return batch;
}

/**
 * Refuses a quarantined batch for good, by a person's decision: it never posts, and its ids, which were never taken,
 * may be sent again. Sent again, the batch itself answers the same. Refused where it is not quarantined (`VALIDATION`).
 */
export async function rejectQuarantined(
  app: App,
  actor: Actor,
  input: Deciding,
  idempotencyKey: string | null = null,
): Promise<Batch> {
  return (await decide(app, actor, { ...input, decision: REJECTED }, idempotencyKey)).batch;
}

/** The tenant's quarantined batches, newest first: of one partner or of all; those without a decision, or all. */
export async function quarantinesOf(
  app: App,
  actor: Actor,
  filter: QuarantineFilter,
  request: PageRequest,
): Promise<Page<BatchQuarantine>> {
  const { rows, after } = pageStart(request, "quarantined-batches", POSITION.ID);
  const query = app.database.manager
    .createQueryBuilder(BatchQuarantine, "quarantine")
    .where(conditionOf(actor, filter));
  if (after !== null) query.andWhere("quarantine.batchId < :after", { after });
  const found = await query
    .orderBy("quarantine.batchId", "DESC")
    .limit(rows + 1)
    .getMany();
  return pageOf(found, rows, ({ batchId }) => batchId);
}

/** How many the filter lets through. */
export async function countQuarantines(app: App, actor: Actor, filter: QuarantineFilter): Promise<number> {
  return app.database.manager.countBy(BatchQuarantine, conditionOf(actor, filter));
}

/** Which quarantined batches to show. */
export interface QuarantineFilter {
  readonly partner: Partner | null;
  readonly isOpen: boolean;
}

/** What is written of the quarantine of batches, in the order asked, null for those that never were; for loaders. */
export async function quarantinesById(
  app: App,
  { tenantNo }: Actor,
  batchIds: readonly string[],
): Promise<(BatchQuarantine | null)[]> {
  const found = await app.database.manager.findBy(BatchQuarantine, { tenantNo, batchId: In([...batchIds]) });
  const byId = new Map(found.map((each) => [each.batchId, each]));
  return batchIds.map((id) => byId.get(id) ?? null);
}

const { RELEASED, REJECTED } = QuarantineDecision;
/** What a decision makes of a batch, and the act that tells it. */
const OUTCOMES = {
  [RELEASED]: { state: BatchState.ACCEPTED, type: ActType.BATCH_RELEASED },
  [REJECTED]: { state: BatchState.REJECTED, type: ActType.BATCH_REJECTED },
} as const;

interface Decision extends Deciding {
  readonly decision: QuarantineDecision;
}

async function decide(
  app: App,
  actor: Actor,
  { batchId, reason, decision }: Decision,
  idempotencyKey: string | null,
): Promise<{ readonly batch: Batch; readonly partner: Partner }> {
  const batch = await batchOf(app, actor, batchId, null);
  const partner = present((await partnersByNumber(app, actor, [batch.partnerNo]))[0], "the partner of a batch");
  const request = { operation: `quarantine.${decision}`, idempotencyKey, input: { batchId, reason } };
  await once(app, actor, request, async (tx) => {
    await write(app, tx, actor, { batch, partner, reason, decision });
    return batch.id;
  });
  return { batch: await batchOf(app, actor, batchId, null), partner };
}

interface Decided extends Omit<Decision, "batchId"> {
  readonly batch: Batch;
  readonly partner: Partner;
}

async function write(app: App, tx: Tx, actor: Actor, { batch, partner, reason, decision }: Decided): Promise<void> {
  const { state, type } = OUTCOMES[decision];
  const { tenantNo, principalId: decidedBy } = actor;
  const { affectedRows } = await tx.query(
    "update batch set state = ?, tries = 0 where tenant_no = ? and no = ? and state = 'QUARANTINED'",
    [state, tenantNo, batch.no],
  );
  if (affectedRows === 0) throw exchangeError("VALIDATION", { path: "/batchId", reason: "is not quarantined" });
  const decidedAt = app.clock.now();
  await tx.update(BatchQuarantine, { tenantNo, batchId: batch.id }, { decision, decidedBy, decidedAt, reason });
  const [before, after] = [{ state: BatchState.QUARANTINED }, { state, reason }];
  await recordActs(tx, actor, decidedAt, [{ type, subjectId: batch.id, partner, before, after }]);
}

function conditionOf({ tenantNo }: Actor, { partner, isOpen }: QuarantineFilter) {
  return {
    tenantNo,
    ...(partner === null ? {} : { partnerNo: partner.no }),
    ...(isOpen ? { decision: IsNull() } : {}),
  };
}
