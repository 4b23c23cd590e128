import { ActType } from "../../acts/entities.js";
import { type ActOf, recordActs } from "../../acts/service.js";
import type { Actor } from "../../kernel/actor.js";
import { type Page, type PageRequest, pageOf, pageStart } from "../../kernel/page.js";
import { holdCursor } from "../../periods/cursors/service.js";
import type { App } from "../../platform/app.js";
import type { TxSql } from "../../platform/database.js";
import { Batch, BatchState } from "../entities.js";
import { insertQuarantines } from "../holding/service.js";
import { QuarantineCause } from "../quarantine/entities.js";

/** Batches of one statement. */
const BATCHES_MAX = 1_000;
const COMPROMISED = "COMPROMISED";

/**
 * Listens to keys being revoked: where one is because somebody else may have it, its batches that are not posted are
 * quarantined in the same transaction, and those that were for another cause are told to be for this one. Each
 * partner's cursor is held, so a batch that is being posted meanwhile is posted first, and listed as such; none of the
 * others ever is.
 */
export async function quarantineOnCompromise(tx: TxSql, { actor, act }: ActOf, at: Date): Promise<void> {
  const { reason, cause, compromisedAt = null, kid } = act.after ?? {};
  const isCompromised = [reason, cause].includes(COMPROMISED) || compromisedAt !== null;
  if (isCompromised && typeof kid === "string") await quarantineBatchesOfKey(tx, actor, kid, at);
}

/** Quarantines what is not posted of the batches that a key signed, each with its act; answers how many. */
async function quarantineBatchesOfKey(tx: TxSql, actor: Actor, kid: string, at: Date): Promise<number> {
  const { tenantNo } = actor;
  const partners: { id: string; no: number }[] = await tx.query(
    `select distinct partner.id, partner.no
     from batch join partner on partner.tenant_no = batch.tenant_no and partner.no = batch.partner_no
     where batch.state in (?) and batch.tenant_no = ? and batch.kid = ? order by partner.id`,
    [[...UNPOSTED, BatchState.QUARANTINED], tenantNo, kid],
  );
  let quarantined = 0;
  for (const partner of partners) {
    await holdCursor(tx, { tenantNo, no: partner.no });
    // First, so that one that is released meanwhile is found below.
    while ((await renameCauses(tx, actor, { partner, kid, at })) === BATCHES_MAX);
    for (;;) {
      const some = await quarantineSome(tx, actor, { partner, kid, at });
      quarantined += some;
      if (some < BATCHES_MAX) break;
    }
  }
  return quarantined;
}

/** What of a key's batches to show. */
export interface SignedFilter {
  readonly kid: string;
  /** Only those accepted since. */
  readonly since: Date | null;
  readonly state: BatchState | null;
}

/** The batches that a key of the actor's tenant signed, newest first. */
export async function batchesSigned(
  app: App,
  actor: Actor,
  filter: SignedFilter,
  request: PageRequest,
): Promise<Page<Batch>> {
  const { rows, after } = pageStart(request, "signed-batches");
  const query = selection(app, actor, filter);
  if (after !== null) query.andWhere("batch.no < :after", { after });
  const found = await query
    .orderBy("batch.no", "DESC")
    .limit(rows + 1)
    .getMany();
  return pageOf(found, rows, ({ no }) => no);
}

/** How many batches the filter lets through. */
export async function countSigned(app: App, actor: Actor, filter: SignedFilter): Promise<number> {
  return selection(app, actor, filter).getCount();
}

/** A batch that was parked could be released: it is quarantined as well. */
const UNPOSTED = [BatchState.ACCEPTED, BatchState.PARKED];

interface Compromised {
  readonly partner: { readonly id: string; readonly no: number };
  readonly kid: string;
  readonly at: Date;
}

async function quarantineSome(tx: TxSql, actor: Actor, { partner, kid, at }: Compromised): Promise<number> {
  const { tenantNo } = actor;
  const batches: { no: string; id: string; state: BatchState }[] = await tx.query(
    `select no, id, state from batch
     where state in (?) and tenant_no = ? and partner_no = ? and kid = ? and removed_at is null
     order by no limit ? for update`,
    [UNPOSTED, tenantNo, partner.no, kid, BATCHES_MAX],
  );
  if (batches.length === 0) return 0;
  await tx.query("update batch set state = ?, parked_reason = null where tenant_no = ? and no in (?)", [
    ...[BatchState.QUARANTINED, tenantNo, batches.map(({ no }) => no)],
  ]);
  const cause = QuarantineCause.KEY_COMPROMISED;
  await requarantined(tx, tenantNo, batches);
  const rows = batches.map(({ id: batchId }) => ({ batchId, partnerNo: partner.no, cause }));
  await insertQuarantines(tx, tenantNo, at, rows);
  const acts = batches.map(({ id: subjectId, state }) => ({
    ...{ type: ActType.BATCH_QUARANTINED, subjectId, partner, before: { state } },
    after: { state: BatchState.QUARANTINED, cause, kid },
  }));
  await recordActs(tx, actor, at, acts);
  return batches.length;
}

/** Those that are quarantined for another cause stay so, for this one; answers how many. */
async function renameCauses(tx: TxSql, actor: Actor, { partner, kid, at }: Compromised): Promise<number> {
  const { tenantNo } = actor;
  const cause = QuarantineCause.KEY_COMPROMISED;
  const state = BatchState.QUARANTINED;
  const batches: { id: string; cause: QuarantineCause }[] = await tx.query(
    `select batch.id, batch_quarantine.cause from batch straight_join batch_quarantine
       on batch_quarantine.tenant_no = batch.tenant_no and batch_quarantine.batch_id = batch.id
     where batch.state = ? and batch.tenant_no = ? and batch.partner_no = ? and batch.kid = ?
       and batch_quarantine.cause <> ? order by batch.no limit ? for update`,
    [state, tenantNo, partner.no, kid, cause, BATCHES_MAX],
  );
  if (batches.length === 0) return 0;
  await tx.query("update batch_quarantine set cause = ? where tenant_no = ? and batch_id in (?)", [
    ...[cause, tenantNo, batches.map(({ id }) => id)],
  ]);
  const acts = batches.map(({ id: subjectId, cause: before }) => ({
    ...{ type: ActType.BATCH_QUARANTINED, subjectId, partner, before: { state, cause: before } },
    after: { state, cause, kid },
  }));
  await recordActs(tx, actor, at, acts);
  return batches.length;
}

/** One that was quarantined before, and released, is so again: its acts tell the first time. */
async function requarantined(tx: TxSql, tenantNo: number, batches: readonly { readonly id: string }[]): Promise<void> {
  await tx.query("delete from batch_quarantine where tenant_no = ? and batch_id in (?)", [
    ...[tenantNo, batches.map(({ id }) => id)],
  ]);
}

function selection(app: App, { tenantNo }: Actor, { kid, since, state }: SignedFilter) {
  const query = app.database.manager
    .createQueryBuilder(Batch, "batch")
    .where("batch.tenantNo = :tenantNo and batch.kid = :kid", { tenantNo, kid });
  if (since !== null) query.andWhere("batch.acceptedAt >= :since", { since });
  if (state !== null) query.andWhere("batch.state = :state", { state });
  return query;
}
