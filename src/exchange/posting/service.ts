import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import { systemActor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { CodedError } from "../../kernel/errors.js";
import { newId } from "../../kernel/ids.js";
import { EntryKind } from "../../ledger/entities.js";
import { announceChange, linesOf, nextEntryNo, post, publishBalances } from "../../ledger/service.js";
import { tryCursor } from "../../periods/cursors/service.js";
import { addActivity } from "../../periods/totals/service.js";
import type { App } from "../../platform/app.js";
import { CommitOutcomeUnknown, isPassingTrouble, type Reader, type Tx, transact } from "../../platform/database.js";
import type { Partner } from "../../tenancy/entities.js";
import { envelopesOf, packedTransactions, packOutcomes } from "../contents/service.js";
import type { BatchMode } from "../entities.js";
import { activityOf, entryGroups, movesOf } from "../entries/rules.js";
import { readFacts } from "../facts/service.js";
import { pseudonymsOf } from "../pseudonyms/service.js";
import { writeTransactions } from "../records/service.js";
import { validateItems } from "../validate.js";
import { type BatchToPost, type Decision, decideGroup, ItemOutcome, type Outcome } from "./rules.js";

/** The most that one posting transaction takes. */
const GROUP_LIMITS = { batchesMax: 200, itemsMax: 20_000 } as const;
const PARKED_REASON_LENGTH_MAX = 500;

/** The signal that batches have been posted; its message is their ids, joined by a space. */
export const POSTED_SIGNAL = "posted";

/** What a run of posting did. */
export interface PostingRun {
  readonly batches: number;
  readonly items: number;
  /** False when more waits, or when another worker holds the partner. */
  readonly isDrained: boolean;
}

/** A batch that waits, its items checked for shape. */
interface WaitingBatch extends BatchToPost {
  readonly id: string;
  readonly itemCount: number;
  /** Why what is stored of it cannot be read; null where it can. */
  readonly fault: Error | null;
}

/**
 * Posts what waits for a partner, group by group, until nothing does or the budget of items is used. What to post is
 * read under the partner's cursor, so any number of workers may run this at once and each batch is posted once.
 */
export async function postBatches(
  app: App,
  partner: Partner,
  itemsMax: number = GROUP_LIMITS.itemsMax,
): Promise<PostingRun> {
  let [batches, items] = [0, 0];
  while (items < itemsMax) {
    const group = await readGroup(app.database.manager, partner, GROUP_LIMITS);
    if (group.length === 0) return { batches, items, isDrained: true };
    const posted = await postGroup(app, partner, group);
    if (posted === null) return { batches, items, isDrained: false };
    batches += posted.length;
    items += posted.reduce((sum, batch) => sum + batch.itemCount, 0);
  }
  return { batches, items, isDrained: false };
}

/** How many batches, accepted by an instant, still wait for a partner's posting. */
export async function countWaiting(reader: Reader, partner: Partner, acceptedBy: Date): Promise<number> {
  const [{ waiting }] = await reader.query(
    `select count(*) as waiting from batch
     where state = 'ACCEPTED' and tenant_no = ? and partner_no = ? and accepted_at <= ?`,
    [partner.tenantNo, partner.no, acceptedBy],
  );
  return Number(waiting);
}

/**
 * Posts a group; one that fails is halved until the poison batch stands alone and is parked. Null when another worker
 * holds the partner.
 */
async function postGroup(app: App, partner: Partner, group: readonly WaitingBatch[]): Promise<WaitingBatch[] | null> {
  const mark = await announceChange(app, partner);
  try {
    const posted = await transact(app, (tx) => postUnderCursor(app, tx, partner, group));
    if (posted !== null) await tell(app, posted);
    return posted;
  } catch (error) {
    if (isTransient(error)) throw error;
    app.log.error({ err: error, batches: group.map((batch) => batch.id) }, "posting: a group failed");
    const [first] = group;
    if (first === undefined) throw error;
    if (group.length === 1) return [await park(app, partner, first, error)];
    const middle = Math.ceil(group.length / 2);
    const left = await postGroup(app, partner, group.slice(0, middle));
    const right = left === null ? null : await postGroup(app, partner, group.slice(middle));
    return left === null || right === null ? null : [...left, ...right];
  } finally {
    await publishBalances(app, partner, mark);
  }
}

async function postUnderCursor(
  app: App,
  tx: Tx,
  partner: Partner,
  candidates: readonly WaitingBatch[],
): Promise<WaitingBatch[] | null> {
  const cursor = await tryCursor(tx, partner);
  if (cursor === null) return null;
  const waiting = await stillWaiting(tx, partner, candidates);
  if (waiting.length === 0) return [];
  for (const { fault } of waiting) if (fault !== null) throw fault;
  const postedAt = app.clock.now();
  const pseudonymOf = await pseudonymsOf(app, tx, partner.tenantId);
  const decision = decideGroup(waiting, await readFacts(tx, partner, waiting, pseudonymOf));
  const groups = entryGroups(decision.posted);
  const entryNos = new Map(groups.map((group, index) => [group, nextEntryNo(cursor) + BigInt(index)]));
  const dimensions = await writeTransactions(app, tx, partner, { decision, entryNos, pseudonymOf });
  const entries = groups.map(({ batchNo, periodNo, items }) => {
    const lines = linesOf(movesOf(items));
    return { kind: EntryKind.POSTING, periodNo, batchNo, statementId: null, recordedAt: postedAt, lines };
  });
  const ledgerVersion = await post(tx, partner, cursor, entries);
  await addActivity(tx, partner, activityOf(decision.posted, dimensions));
  await writeOutcomes(tx, partner, waiting, { decision, postedAt, ledgerVersion });
  return waiting;
}

interface Posted {
  readonly decision: Decision;
  readonly postedAt: Date;
  readonly ledgerVersion: bigint;
}

async function writeOutcomes(
  tx: Tx,
  partner: Partner,
  batches: readonly WaitingBatch[],
  posted: Posted,
): Promise<void> {
  const { postedAt, ledgerVersion } = posted;
  const results = batches.map((batch) => {
    const outcomes = present(posted.decision.outcomes.get(batch.no), "a decided batch's outcomes");
    return { batch, counts: countsOf(outcomes), ...packOutcomes(outcomes) };
  });
  const countRows = results.flatMap(({ batch, counts }) => [
    ...[batch.no, counts.posted, counts.duplicate, counts.pending, counts.refused],
  ]);
  await tx.query(
    `update batch join (${derived(results.length, ["no", "posted", "duplicate", "pending", "refused"])}) as result
       on batch.no = result.no
     set batch.state = 'POSTED', batch.posted_at = ?, batch.ledger_version = ?, batch.posted_count = result.posted,
       batch.duplicate_count = result.duplicate, batch.pending_count = result.pending,
       batch.refused_count = result.refused
     where batch.tenant_no = ?`,
    [...countRows, postedAt, ledgerVersion, partner.tenantNo],
  );
  await tx.query(
    `update batch_content as content join (${derived(results.length, ["no", "packed", "hash"])}) as result
       on content.batch_no = result.no
     set content.outcomes = result.packed, content.outcomes_sha256 = result.hash where content.tenant_no = ?`,
    [...results.flatMap(({ batch, packed, sha256 }) => [batch.no, packed, sha256]), partner.tenantNo],
  );
  const { tenantId, tenantNo } = partner;
  const acts = results.map(({ batch, counts, sha256 }) => ({
    type: ActType.BATCH_POSTED,
    subjectId: batch.id,
    partner,
    before: { state: "ACCEPTED" },
    after: {
      state: "POSTED",
      ...counts,
      outcomesSha256: sha256.toString("hex"),
      ledgerVersion: ledgerVersion.toString(),
    },
  }));
  await recordActs(tx, systemActor({ tenantId, tenantNo }, "posting"), postedAt, acts);
}

/** `select ? as a, ? as b union all select ?, ? …`: rows of parameters to join with, in portable SQL. */
function derived(rows: number, columns: readonly string[]): string {
  const first = `select ${columns.map((column) => `? as ${column}`).join(", ")}`;
  const next = `union all select ${columns.map(() => "?").join(", ")}`;
  return [first, ...Array.from({ length: rows - 1 }, () => next)].join(" ");
}

/** What becomes of a batch that cannot be posted: it stands aside with its reason, and a person decides. */
async function park(app: App, partner: Partner, batch: WaitingBatch, error: unknown): Promise<WaitingBatch> {
  const code = error instanceof CodedError ? error.code : "INTERNAL";
  const reason = `${code}: ${error instanceof Error ? error.name : "unknown"}`.slice(0, PARKED_REASON_LENGTH_MAX);
  const { tenantId, tenantNo } = partner;
  await transact(app, async (tx) => {
    const { affectedRows } = await tx.query(
      "update batch set state = 'PARKED', parked_reason = ? where tenant_no = ? and no = ? and state = 'ACCEPTED'",
      [reason, tenantNo, batch.no],
    );
    if (affectedRows === 0) return;
    const act = { type: ActType.BATCH_PARKED, subjectId: batch.id, partner, before: { state: "ACCEPTED" } };
    const after = { state: "PARKED", reason };
    await recordActs(tx, systemActor({ tenantId, tenantNo }, newId("req", app.clock)), app.clock.now(), [
      { ...act, after },
    ]);
  });
  app.metrics.count("batches_parked");
  await tell(app, [batch]);
  return batch;
}

/** Tells whoever waits for them that these batches wait no longer. */
async function tell(app: App, batches: readonly WaitingBatch[]): Promise<void> {
  await app.signals.publish(POSTED_SIGNAL, batches.map((batch) => batch.id).join(" "));
}

/** The oldest batches that wait, read and parsed before the lock so that it is held briefly. */
async function readGroup(reader: Reader, partner: Partner, limits: typeof GROUP_LIMITS): Promise<WaitingBatch[]> {
  const rows: WaitingRow[] = await reader.query(
    `select no, id, mode, item_count, accepted_at, issuer_no from batch
     where state = 'ACCEPTED' and tenant_no = ? and partner_no = ? order by no limit ?`,
    [partner.tenantNo, partner.no, limits.batchesMax],
  );
  let items = 0;
  const taken = rows.filter((row, index) => {
    items += row.item_count;
    return index === 0 || items <= limits.itemsMax;
  });
  if (taken.length === 0) return [];
  const envelopes = await envelopesOf(
    reader,
    partner.tenantNo,
    taken.map((row) => String(row.no)),
  );
  return taken.map((row) => waitingBatch(row, envelopes.get(String(row.no))));
}

/** A batch that cannot be read says so when it is posted, so that it is parked and the others are not held up. */
function waitingBatch(row: WaitingRow, envelope: Buffer | undefined): WaitingBatch {
  const { id, mode, item_count: itemCount, accepted_at: acceptedAt } = row;
  const batch = { no: String(row.no), id, mode, itemCount, acceptedAt };
  try {
    const transactions = packedTransactions(present(envelope, "the envelope of a batch"));
    return { ...batch, items: validateItems(transactions, { isTenant: row.issuer_no === 0 }), fault: null };
  } catch (error) {
    return { ...batch, items: [], fault: error instanceof Error ? error : new Error(String(error)) };
  }
}

interface WaitingRow {
  readonly no: string;
  readonly id: string;
  readonly mode: BatchMode;
  readonly item_count: number;
  readonly accepted_at: Date;
  readonly issuer_no: number;
}

/** Locks them as well, so that nobody parks what is being posted. */
async function stillWaiting(tx: Tx, partner: Partner, candidates: readonly WaitingBatch[]): Promise<WaitingBatch[]> {
  const rows: { no: string }[] = await tx.query(
    "select no from batch where tenant_no = ? and partner_no = ? and state = 'ACCEPTED' and no in (?) for update",
    [partner.tenantNo, partner.no, candidates.map((batch) => batch.no)],
  );
  const waiting = new Set(rows.map((row) => String(row.no)));
  return candidates.filter((batch) => waiting.has(batch.no));
}

function countsOf(outcomes: readonly Outcome[]) {
  const count = (...kinds: ItemOutcome[]) => outcomes.filter(({ outcome }) => kinds.includes(outcome)).length;
  return {
    posted: count(ItemOutcome.POSTED),
    duplicate: count(ItemOutcome.DUPLICATE, ItemOutcome.DUPLICATE_MISMATCH),
    pending: count(ItemOutcome.PENDING_ORIGINAL),
    refused: count(ItemOutcome.REFUSED),
  };
}

/** Not the batch's fault: the same batch may be posted later. */
function isTransient(error: unknown): boolean {
  const isCoded = error instanceof CodedError && error.retryable;
  return isCoded || error instanceof CommitOutcomeUnknown || isPassingTrouble(error);
}
