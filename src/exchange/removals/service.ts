import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import type { Actor } from "../../kernel/actor.js";
import { assert, present } from "../../kernel/assert.js";
import { countRemoved } from "../../periods/removals/service.js";
import type { App } from "../../platform/app.js";
import type { Reader, Tx } from "../../platform/database.js";
import { rowsOf } from "../../platform/rows.js";
import { hexLiteral, literals, type SqlText } from "../../platform/sql-text.js";
import type { Partner } from "../../tenancy/entities.js";
import { acceptedTransactions, envelopesOf } from "../contents/service.js";
import { Batch, BatchState, TransactionState } from "../entities.js";
import { dedupeKey, refusedKey } from "../posting/rules.js";
import { takeIds, takenIdsOf } from "../taken-ids/service.js";
import { validateItems } from "../validate.js";

const KEYS_MAX = 2_000;
/** What is not posted and does not wait to be, of itself. */
const SET_ASIDE = [BatchState.PARKED, BatchState.QUARANTINED, BatchState.REJECTED];
/** Acts that leave a batch as it stands for long. */
const LEAVING_ACTS = [
  ...[ActType.BATCH_ACCEPTED, ActType.BATCH_POSTED, ActType.BATCH_PARKED],
  ...[ActType.BATCH_QUARANTINED, ActType.BATCH_REJECTED],
];

/** A batch of which something is left to remove. */
export interface KeptBatch {
  readonly batch: Batch;
  /** The compact JWS, packed. */
  readonly envelope: Buffer;
  /** `dedupe` of its transactions, in hexadecimal. */
  readonly keys: readonly string[];
  /** Every period that it, or a transaction of it, was posted into. */
  readonly periodNos: readonly number[];
  /** Whether a rollback of it still waits for its original. */
  readonly isWaiting: boolean;
  /** Of the act that left it as it stands: index in the tree, null until it has one, and when. */
  readonly lastActIndex: number | null;
  readonly since: Date;
}

/** Which batches of a partner to read: posted, or accepted and never posted, by an instant, newest first. */
export interface KeptPage {
  readonly by: Date;
  /** Only those below this number; null: from the newest on. */
  readonly below: string | null;
  readonly limit: number;
}

/** Batches whose content is still here, each with what is to know about removing it. */
export async function keptBatches(reader: Reader, partner: Partner, page: KeptPage): Promise<KeptBatch[]> {
  const { tenantNo, no: partnerNo } = partner;
  const batches = await rowsOf(
    reader,
    Batch,
    `tenant_no = ? and partner_no = ? and removed_at is null and no < ?
       and (state = 'POSTED' and posted_at <= ? or state in (?) and accepted_at <= ?) order by no desc limit ?`,
    [tenantNo, partnerNo, page.below ?? "18446744073709551615", page.by, SET_ASIDE, page.by, page.limit],
  );
  if (batches.length === 0) return [];
  const numbers = batches.map(({ no }) => no);
  const envelopes = await envelopesOf(reader, tenantNo, numbers);
  const entries: { batch_no: string; period_no: number }[] = await reader.query(
    "select batch_no, period_no from entry where tenant_no = ? and batch_no in (?)",
    [tenantNo, numbers],
  );
  const lastActs = await lastActsOf(
    reader,
    tenantNo,
    batches.map(({ id }) => id),
  );
  const kept: KeptBatch[] = [];
  for (const batch of batches) {
    const last = present(lastActs.get(batch.id), "an act of a batch");
    const envelope = present(envelopes.get(String(batch.no)), `the envelope of ${batch.id}`);
    const posted = entries.filter(({ batch_no }) => String(batch_no) === batch.no).map(({ period_no }) => period_no);
    kept.push({ ...(await keptBatch(reader, partner, { batch, envelope, posted })), ...last });
  }
  return kept;
}

interface Posted {
  readonly batch: Batch;
  readonly envelope: Buffer;
  readonly posted: readonly number[];
}

type LastAct = Pick<KeptBatch, "lastActIndex" | "since">;

async function lastActsOf(
  reader: Reader,
  tenantNo: number,
  batchIds: readonly string[],
): Promise<Map<string, LastAct>> {
  const rows: { id: string; at: Date; treeIndex: string | null }[] = await reader.query(
    `select subject_id as id, at, tree_index as treeIndex from act
     where tenant_no = ? and subject_id in (?) and type in (?) order by no`,
    [tenantNo, batchIds, LEAVING_ACTS],
  );
  return new Map(
    rows.map(({ id, at, treeIndex }) => {
      return [id, { lastActIndex: treeIndex === null ? null : Number(treeIndex), since: at }];
    }),
  );
}

async function keptBatch(
  reader: Reader,
  partner: Partner,
  { batch, envelope, posted }: Posted,
): Promise<Omit<KeptBatch, keyof LastAct>> {
  const { tenantNo, no: partnerNo } = partner;
  if (batch.state !== BatchState.POSTED) return { batch, envelope, keys: [], periodNos: [], isWaiting: false };
  const transactions = await acceptedTransactions(envelope, batch.payloadSha256);
  const named = validateItems(transactions, { isTenant: batch.issuerNo === 0 }).flatMap((result, index) =>
    result.ok ? [dedupeKey(tenantNo, partnerNo, result.item.id), refusedKey(tenantNo, partnerNo, batch.no, index)] : [],
  );
  const rows: { dedupe: Buffer; state: TransactionState; period_no: number }[] = [];
  for (const part of parts([...new Set(named)])) {
    rows.push(
      ...(await reader.query(
        `select dedupe, state, period_no from transaction
         where tenant_no = ? and partner_no = ? and dedupe in (?) and batch_no = ?`,
        [tenantNo, partnerNo, part, batch.no],
      )),
    );
  }
  assert(rows.length === Number(batch.postedCount) + Number(batch.pendingCount), `${batch.id} has its transactions`);
  const periodNos = [...posted, ...rows.map((row) => row.period_no)].filter((no) => no !== 0);
  return {
    batch,
    envelope,
    keys: rows.map(({ dedupe }) => dedupe.toString("hex")),
    periodNos: [...new Set(periodNos)],
    isWaiting: rows.some(({ state }) => state === TransactionState.PENDING_ORIGINAL),
  };
}

/**
 * Whether a transaction of these was reversed by one that is still here, in a period that is added up from its
 * transactions: then its kind is still needed.
 */
export async function isReversedLater(
  reader: Reader,
  { tenantNo }: Pick<Partner, "tenantNo">,
  keys: readonly string[],
  leavingPeriods: readonly number[],
): Promise<boolean> {
  for (const part of parts(keys)) {
    const [reversed] = await reader.query(
      `select 1 from reversal
       join transaction as t on t.tenant_no = reversal.tenant_no and t.dedupe = reversal.rollback
       join settlement_period as period on period.tenant_no = t.tenant_no and period.no = t.period_no
       where reversal.tenant_no = ? and reversal.original in (?) and t.state = 'POSTED'
         and period.removed_batches = 0 and t.period_no not in (?) limit 1`,
      [tenantNo, part, leavingPeriods.length === 0 ? [0] : leavingPeriods],
    );
    if (reversed !== undefined) return true;
  }
  return false;
}

/** Whether none of these was removed, released or posted meanwhile; they are locked, under their partner's cursor. */
export async function areKept(
  tx: Tx,
  { tenantNo }: Pick<Partner, "tenantNo">,
  batches: readonly KeptBatch[],
): Promise<boolean> {
  const rows: unknown[] = await tx.query(
    "select no from batch where tenant_no = ? and (no, state) in (?) and removed_at is null order by no for update",
    [tenantNo, batches.map(({ batch }) => [batch.no, batch.state])],
  );
  return rows.length === batches.length;
}

/** Where a batch can be read from now on. */
export interface Exported {
  readonly file: string;
  /** Of the whole file, in hexadecimal. */
  readonly sha256: string;
  /** Its line in the file, from 0. */
  readonly line: number;
}

/**
 * Removes a batch under its partner's cursor: envelope, transactions, `jti` and the detail of its first act. What stays
 * are hashes: its ids are taken for ever, and its place in the log and in its periods can be proved. One act tells.
 */
export async function removeBatch(
  app: App,
  tx: Tx,
  actor: Actor,
  { partner, kept, exported }: { readonly partner: Partner; readonly kept: KeptBatch; readonly exported: Exported },
): Promise<void> {
  const { tenantNo, no: partnerNo } = partner;
  const { id, no, itemCount, payloadSha256, state } = kept.batch;
  const removedAt = app.clock.now();
  const { affectedRows } = await tx.query(
    `update batch set removed_at = ?, jti = null
     where tenant_no = ? and no = ? and removed_at is null and state = ?`,
    [removedAt, tenantNo, no, state],
  );
  assert(affectedRows === 1, `${id} is still kept when it is removed`);
  await removeTransactions(tx, partner, kept);
  const taken = await takenIdsOf(tx, partner, no);
  await tx.query("update batch set taken_count = ? where tenant_no = ? and no = ?", [taken.count, tenantNo, no]);
  await tx.query("delete from batch_content where tenant_no = ? and batch_no = ?", [tenantNo, no]);
  await tx.query("update act set detail = null where tenant_no = ? and subject_id = ? and type = ?", [
    tenantNo,
    id,
    ActType.BATCH_ACCEPTED,
  ]);
  const periods = await countRemoved(tx, partner, kept.periodNos);
  const before = { state, itemCount };
  const after = {
    ...{ state: "REMOVED", takenIds: taken.count, takenSha256: taken.sha256, periods },
    ...{ payloadSha256: payloadSha256.toString("hex"), export: { ...exported } },
  };
  const act = { type: ActType.BATCH_REMOVED, subjectId: id, partner: { id: partner.id, no: partnerNo }, before, after };
  await recordActs(tx, actor, removedAt, [act]);
}

/** Ids stay as hashes, but for those of refused rollbacks, which were free already. */
async function removeTransactions(tx: Tx, partner: Partner, { batch, keys }: KeptBatch): Promise<void> {
  let removed = 0;
  for (const part of parts(keys)) {
    await takeIds(tx, partner, { batchNo: batch.no, keys: part });
    const gone = await tx.query(
      `delete from transaction
       where tenant_no = ? and partner_no = ? and dedupe in (?) and batch_no = ? and state <> 'PENDING_ORIGINAL'`,
      [partner.tenantNo, partner.no, part, batch.no],
    );
    removed += gone.affectedRows;
  }
  assert(removed === keys.length, `every transaction of ${batch.id} is as it was when it was exported`);
}

function parts(keys: readonly string[]): SqlText[] {
  return Array.from({ length: Math.ceil(keys.length / KEYS_MAX) }, (_, index) =>
    literals(keys.slice(index * KEYS_MAX, (index + 1) * KEYS_MAX).map(hexLiteral)),
  );
}
