import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import { clientOf } from "../../identity/service.js";
import { type Actor, systemActor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { instantText, later } from "../../kernel/clock.js";
import { isId, newId } from "../../kernel/ids.js";
import { type Page, type PageRequest, POSITION, pageOf, pageStart } from "../../kernel/page.js";
import type { App } from "../../platform/app.js";
import { isDuplicateKey, type Tx, transact } from "../../platform/database.js";
import { once } from "../../platform/idempotency.js";
import { partnerOf } from "../../tenancy/service.js";
import { ThreatSubject } from "../entities.js";
import { threatError } from "../errors.js";
import { forgetStanding, standingOf } from "../standing/service.js";
import { ThreatBlock } from "./entities.js";

const MINUTE_MS = 60_000;
const EXPIRED_AT_ONCE_MAX = 100;

/** Whom a block is about; `partner` as acts name it, null for a client of the tenant's own. */
export interface BlockSubject {
  readonly subject: ThreatSubject.CLIENT | ThreatSubject.PARTNER;
  readonly id: string;
  readonly partner: { readonly id: string; readonly no: number } | null;
}

/** A block to be made. */
export interface NewBlock {
  readonly of: BlockSubject;
  readonly assessmentId: string | null;
  readonly reason: string;
  /** Null for one that only a person ends. */
  readonly minutes: number | null;
}

/** What a person blocks: a client or a partner. */
export interface WantedBlock {
  readonly clientId?: string | null;
  readonly partnerId?: string | null;
  readonly reason: string;
  readonly minutes?: number | null;
}

/** Refuses whoever is blocked (`QUARANTINED`, with `retryAfterMs` where it ends by itself). */
export async function refuseBlocked(app: App, { tenantNo, principalId }: Actor): Promise<void> {
  const now = app.clock.now();
  const standing = standingOf(app);
  const block = (standing instanceof Promise ? await standing : standing).blockOf(tenantNo, principalId, now);
  if (block === null) return;
  app.metrics.count("threat_blocked_requests");
  const retryAfterMs = block.expiresAt === null ? null : block.expiresAt.getTime() - now.getTime();
  throw threatError("QUARANTINED", retryAfterMs === null ? {} : { retryAfterMs });
}

/**
 * Blocks a client, whatever it asks, or a partner, whose batches are kept in quarantine from now on: in every process
 * within seconds. Refused where one of them stands already (`VERSION_CONFLICT`), or for oneself (`FORBIDDEN`).
 */
export async function createThreatBlock(
  app: App,
  actor: Actor,
  { clientId = null, partnerId = null, reason, minutes = null }: WantedBlock,
  idempotencyKey: string | null = null,
): Promise<ThreatBlock> {
  const of = await subjectNamed(app, actor, { clientId, partnerId });
  const input = { clientId, partnerId, reason, minutes };
  const request = { operation: "createThreatBlock", idempotencyKey, input };
  const id = await once(app, actor, request, (tx) =>
    insertBlock(app, tx, actor, { of, reason, minutes, assessmentId: null }),
  ).catch((error: unknown) => {
    throw isDuplicateKey(error) ? threatError("VERSION_CONFLICT", { reason: "It is blocked already." }) : error;
  });
  forgetStanding(app);
  return threatBlockOf(app, actor, id);
}

/** Lifts a block; in force within seconds everywhere. Refused where it was lifted already (`VERSION_CONFLICT`). */
export async function liftThreatBlock(
  app: App,
  actor: Actor,
  { threatBlockId, reason }: { readonly threatBlockId: string; readonly reason: string },
  idempotencyKey: string | null = null,
): Promise<ThreatBlock> {
  const block = await threatBlockOf(app, actor, threatBlockId);
  const request = { operation: "liftThreatBlock", idempotencyKey, input: { threatBlockId, reason } };
  await once(app, actor, request, async (tx) => {
    if (await lift(app, tx, actor, block, reason)) return block.id;
    throw threatError("VERSION_CONFLICT", { reason: "The block was lifted already." });
  });
  forgetStanding(app);
  return threatBlockOf(app, actor, threatBlockId);
}

/** Writes a block with its act; a subject that has one already fails as a duplicate of the database. */
export async function insertBlock(app: App, tx: Tx, actor: Actor, block: NewBlock): Promise<string> {
  const { of, assessmentId, reason, minutes } = block;
  const { tenantNo, principalId: blockedBy } = actor;
  const blockedAt = app.clock.now();
  await liftExpired(app, tx, actor, of.id);
  const expiresAt = minutes === null ? null : later(blockedAt, minutes * MINUTE_MS);
  const id = newId("blk", app.clock);
  await tx.insert(ThreatBlock, {
    ...{ tenantNo, id, subject: of.subject, subjectId: of.id, partnerNo: of.partner?.no ?? 0, assessmentId },
    ...{ reason, blockedBy, blockedAt, expiresAt, standing: 1 },
  });
  const after = {
    ...{ subject: of.subject, subjectId: of.id, assessment: assessmentId, reason },
    expiresAt: expiresAt === null ? null : instantText(expiresAt),
  };
  const act = { type: ActType.THREAT_BLOCKED, subjectId: id, partner: of.partner, after };
  await recordActs(tx, actor, blockedAt, [act]);
  return id;
}

/**
 * Lifts what has ended by itself, each with its act; answers how many. Processes let go of it at the instant itself.
 */
export async function expireBlocksForAllTenants(app: App): Promise<number> {
  const expired: { tenantNo: number; tenantId: string; id: string }[] = await app.database.query(
    `/* all tenants */ select tenant.no as tenantNo, tenant.id as tenantId, block.id
     from threat_block as block join tenant on tenant.no = block.tenant_no
     where block.standing = 1 and block.expires_at <= ? order by block.expires_at limit ?`,
    [app.clock.now(), EXPIRED_AT_ONCE_MAX],
  );
  let lifted = 0;
  for (const { id, ...tenant } of expired) {
    const actor = systemActor(tenant, newId("req", app.clock));
    const block = await threatBlockOf(app, actor, id);
    if (await transact(app, (tx) => lift(app, tx, actor, block, EXPIRED))) lifted += 1;
  }
  return lifted;
}

/** A block of the actor's tenant; `NOT_FOUND` for anything else. */
async function threatBlockOf(app: App, { tenantNo }: Actor, id: string): Promise<ThreatBlock> {
  const found = isId(id, "blk") ? await app.database.manager.findOneBy(ThreatBlock, { tenantNo, id }) : null;
  if (found === null) throw threatError("NOT_FOUND", { what: "block" });
  return found;
}

/** The tenant's blocks, newest first; those that stand, or all. */
export async function threatBlocksOf(
  app: App,
  { tenantNo }: Actor,
  isStanding: boolean,
  request: PageRequest,
): Promise<Page<ThreatBlock>> {
  const { rows, after } = pageStart(request, "threat-blocks", POSITION.ID);
  const query = app.database.manager
    .createQueryBuilder(ThreatBlock, "block")
    .where("block.tenantNo = :tenantNo", { tenantNo });
  if (isStanding) query.andWhere("block.standing = 1");
  if (after !== null) query.andWhere("block.id < :after", { after });
  const found = await query
    .orderBy("block.id", "DESC")
    .limit(rows + 1)
    .getMany();
  return pageOf(found, rows, ({ id }) => id);
}

/** How many blocks the tenant has. */
export async function countThreatBlocks(app: App, { tenantNo }: Actor, isStanding: boolean): Promise<number> {
  return app.database.manager.countBy(ThreatBlock, { tenantNo, ...(isStanding ? { standing: 1 } : {}) });
}

const EXPIRED = "It ended by itself.";

async function subjectNamed(
  app: App,
  actor: Actor,
  { clientId, partnerId }: { readonly clientId: string | null; readonly partnerId: string | null },
): Promise<BlockSubject> {
  if ((clientId === null) === (partnerId === null)) {
    throw threatError("VALIDATION", { path: "/clientId", reason: "Name a client or a partner." });
  }
  if (clientId === null) {
    const { id, no } = await partnerOf(app, actor, present(partnerId, "a partner, where no client is named"));
    return { subject: ThreatSubject.PARTNER, id, partner: { id, no } };
  }
  const client = await clientOf(app, actor, clientId);
  if (client.id === actor.principalId) throw threatError("FORBIDDEN", { reason: "Nobody blocks itself." });
  const partner = client.partnerId === null ? null : await partnerOf(app, actor, client.partnerId);
  return { subject: ThreatSubject.CLIENT, id: client.id, partner };
}

async function liftExpired(app: App, tx: Tx, { tenantId, tenantNo, requestId }: Actor, subjectId: string) {
  const known = await tx.findOneBy(ThreatBlock, { tenantNo, subjectId, standing: 1 });
  if (known === null || known.expiresAt === null || known.expiresAt > app.clock.now()) return;
  await lift(app, tx, systemActor({ tenantId, tenantNo }, requestId), known, EXPIRED);
}

/** Whether it still stood. */
async function lift(app: App, tx: Tx, actor: Actor, block: ThreatBlock, reason: string): Promise<boolean> {
  const [{ tenantNo, principalId: liftedBy }, liftedAt] = [actor, app.clock.now()];
  const { affectedRows } = await tx.query(
    `update threat_block set standing = null, lifted_by = ?, lifted_at = ?, lift_reason = ?
     where tenant_no = ? and id = ? and standing = 1`,
    [liftedBy, liftedAt, reason, tenantNo, block.id],
  );
  if (affectedRows === 0) return false;
  const partner = await partnerNumbered(tx, block);
  const before = { subject: block.subject, subjectId: block.subjectId, reason: block.reason };
  const act = { type: ActType.THREAT_BLOCK_LIFTED, subjectId: block.id, partner, before, after: { reason } };
  await recordActs(tx, actor, liftedAt, [act]);
  return true;
}

/** The partner of a block as acts name it. */
async function partnerNumbered(tx: Tx, { tenantNo, partnerNo }: ThreatBlock) {
  if (partnerNo === 0) return null;
  const rows: { id: string; no: number }[] = await tx.query(
    "select id, no from partner where tenant_no = ? and no = ?",
    [tenantNo, partnerNo],
  );
  return present(rows[0], "the partner of a block");
}
