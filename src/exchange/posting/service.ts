import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import { systemActor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { EntryKind } from "../../ledger/entities.js";
import { announceChange, linesOf, nextEntryNo, post, publishBalances } from "../../ledger/service.js";
import { tryCursor } from "../../periods/cursors/service.js";
import { addActivity } from "../../periods/totals/service.js";
import type { App } from "../../platform/app.js";
import { CommitOutcomeUnknown, type Tx, transact } from "../../platform/database.js";
import type { Partner } from "../../tenancy/entities.js";
import { packOutcomes } from "../contents/service.js";
import { activityOf, entryGroups, movesOf } from "../entries/rules.js";
import { readFacts } from "../facts/service.js";
import { postWithCare } from "../isolation/service.js";
import { tellWaiting } from "../parking/service.js";
import { type PseudonymOf, pseudonymsOf } from "../pseudonyms/service.js";
import { writeTransactions } from "../records/service.js";
import { ItemStages, recordTime, timed, timedWait } from "../stages/service.js";
import { GROUP_LIMITS, readGroup, stillWaiting, type WaitingBatch } from "../waiting/service.js";
import { type Decision, decideGroup, ItemOutcome, type Outcome } from "./rules.js";

/** What a run of posting did. */
export interface PostingRun {
  readonly batches: number;
  readonly items: number;
  /** False when more waits, or when another worker holds the partner. */
  readonly isDrained: boolean;
}

/**
 * Posts what waits for a partner, group by group, until nothing does or the budget of batches or items is used: then
 * others of its partition come first. What to post is read under the partner's cursor, so any number of workers may run
 * this at once and each batch is posted once.
 */
export async function postBatches(
  app: App,
  partner: Partner,
  itemsMax: number = GROUP_LIMITS.itemsMax,
): Promise<PostingRun> {
  const pseudonymOf = await pseudonymsOf(app, app.database.manager, partner.tenantId);
  let [batches, items] = [0, 0];
  const attempt = (candidates: readonly WaitingBatch[]) => postGroup(app, partner, { candidates, pseudonymOf });
  while (items < itemsMax && batches < GROUP_LIMITS.batchesMax) {
    const candidates = await readGroup(app.database.manager, partner, pseudonymOf);
    for (const { checkedMs } of candidates) recordTime(app, "schema", checkedMs);
    if (candidates.length === 0) return { batches, items, isDrained: true };
    const posted = await postWithCare(app, partner, candidates, attempt);
    if (posted === null) return { batches, items, isDrained: false };
    batches += posted.length;
    items += posted.reduce((sum, batch) => sum + batch.itemCount, 0);
  }
  return { batches, items, isDrained: false };
}

/** Posts a group in one transaction. Null when another worker holds the partner. */
async function postGroup(app: App, partner: Partner, group: Group): Promise<WaitingBatch[] | null> {
  const mark = await announceChange(app, partner);
  const stages = new ItemStages(app);
  let isKnown = true;
  try {
    const posted = await transact(app, (tx) => postUnderCursor(app, tx, partner, { ...group, stages }));
    stages.count(posted);
    if (posted !== null) await tellWaiting(app, posted);
    return posted;
  } catch (error) {
    isKnown = !(error instanceof CommitOutcomeUnknown);
    throw error;
  } finally {
    // While COMMIT may still come the mark stays, until the copy's end.
    if (isKnown) await publishBalances(app, partner, mark);
  }
}

interface Group {
  readonly candidates: readonly WaitingBatch[];
  readonly pseudonymOf: PseudonymOf;
}

interface CountedGroup extends Group {
  readonly stages: ItemStages;
}

async function postUnderCursor(
  app: App,
  tx: Tx,
  partner: Partner,
  { candidates, pseudonymOf, stages }: CountedGroup,
): Promise<WaitingBatch[] | null> {
  const cursor = await tryCursor(tx, partner);
  if (cursor === null) return null;
  const waiting = await stillWaiting(tx, partner, candidates);
  if (waiting.length === 0) return [];
  for (const { fault } of waiting) if (fault !== null) throw fault;
  const postedAt = app.clock.now();
  const facts = await timedWait(app, "duplicate", () => readFacts(tx, partner, waiting));
  const decision = timed(app, "business", () => decideGroup(waiting, facts));
  stages.decided(waiting, decision.outcomes);
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
  const packedRows = results.map(({ batch, packed, sha256 }) => [partner.tenantNo, batch.no, packed, sha256]);
  await tx.query("insert into batch_outcome (tenant_no, batch_no, outcomes, outcomes_sha256) values ?", [packedRows]);
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

function countsOf(outcomes: readonly Outcome[]) {
  const count = (...kinds: ItemOutcome[]) => outcomes.filter(({ outcome }) => kinds.includes(outcome)).length;
  return {
    posted: count(ItemOutcome.POSTED),
    duplicate: count(ItemOutcome.DUPLICATE, ItemOutcome.DUPLICATE_MISMATCH),
    pending: count(ItemOutcome.PENDING_ORIGINAL),
    refused: count(ItemOutcome.REFUSED),
  };
}
