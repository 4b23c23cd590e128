import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import { systemActor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { dayIn } from "../../kernel/clock.js";
import { leafHash } from "../../kernel/digest.js";
import { groupBy } from "../../kernel/group.js";
import { EntryKind } from "../../ledger/entities.js";
import { balancesAfter, type Copy, linesOf, nextEntryNo, post } from "../../ledger/service.js";
import { commitTo } from "../../periods/commitments/service.js";
import { tryCursor } from "../../periods/cursors/service.js";
import type { SettlementPeriod } from "../../periods/entities.js";
import { addFineActivity } from "../../periods/fine-totals/service.js";
import { joinGrains } from "../../periods/grains/entities.js";
import { addActivity } from "../../periods/totals/service.js";
import type { App } from "../../platform/app.js";
import type { TxSql } from "../../platform/database.js";
import type { Together } from "../../platform/together.js";
import { takingTurns } from "../../platform/turns.js";
import type { Partner } from "../../tenancy/entities.js";
import type { Place } from "../books/rules.js";
import { commitmentLeaf } from "../commitments/rules.js";
import { packOutcomes } from "../contents/service.js";
import { creditLinesOf, writeCredit } from "../credit/service.js";
import { activityOf, type EntryGroup, entryGroups, fineActivityOf, movesOf } from "../entries/rules.js";
import { type ReadFacts, readFacts } from "../facts/service.js";
import { type Decision, decideGroup, ItemOutcome, type Outcome } from "../posting/rules.js";
import type { PseudonymOf } from "../pseudonyms/service.js";
import { numbersOf, writeTransactions } from "../records/service.js";
import { type ItemStages, timed, timedWait } from "../stages/service.js";
import { stillWaiting, type WaitingBatch } from "../waiting/service.js";

/** Batches of one partner to be posted in a transaction. */
export interface Group {
  readonly partner: Partner;
  readonly candidates: readonly WaitingBatch[];
  readonly pseudonymOf: PseudonymOf;
}

/** What a group tells while it is posted. */
export interface Watch {
  readonly stages: ItemStages;
  /** Marks the hot balances, as late as may be: readers who meet the mark go to the database. */
  readonly mark: () => Promise<unknown>;
}

/** The batches that were posted and the balances that this leaves, once it is committed. */
export interface PostedGroup {
  readonly batches: WaitingBatch[];
  /** How many items there were, and how many of them were known already. */
  readonly known: { readonly items: number; readonly duplicates: number };
  /** Null where nothing was posted; known with COMMIT. */
  readonly balances: Promise<Copy> | null;
}

/** Tables of which posting writes rows that nothing else of the transaction reads or changes. */
export const JOINED_TABLES: ReadonlySet<string> = new Set([
  ...["account", "act", "activity_total", "batch_outcome", "entry", "entry_line"],
]);

/**
 * Decides a group and writes all that comes of it, under its partner's cursor; several partners may share the
 * transaction. Null when another worker holds the partner.
 */
export async function postUnderCursor(
  app: App,
  sql: Together,
  { partner, candidates, pseudonymOf }: Group,
  { stages, mark }: Watch,
): Promise<PostedGroup | null> {
  const [cursor, waiting, facts] = await timedWait(app, "duplicate", () =>
    Promise.all([tryCursor(sql, partner), stillWaiting(sql, partner, candidates), readFacts(sql, partner, candidates)]),
  );
  if (cursor === null || waiting === null) return null;
  if (waiting.length === 0) return { batches: [], known: { items: 0, duplicates: 0 }, balances: null };
  for (const { fault } of waiting) if (fault !== null) throw fault;
  const turn = takingTurns();
  const postedAt = app.clock.now();
  const decision = timed(app, "business", () => decideGroup(waiting, facts));
  await turn();
  stages.decided(waiting, decision.outcomes);
  const groups = entryGroups(decision.posted);
  const entryNos = new Map(groups.map((group, index) => [group, nextEntryNo(cursor) + BigInt(index)]));
  const numbers = await numbersOf(app, sql, partner, decision);
  const results = resultsOf(waiting, decision);
  const marking = mark();
  await commitToPeriods(sql.later, partner, { groups, results, periods: facts.periods });
  await writeTransactions(sql.later, partner, { decision, entryNos, numbers, pseudonymOf });
  const entries = groups.map(({ batchNo, periodNo, items }) => {
    const isOwn = (each: EntryKey) => each.batchNo === batchNo && each.periodNo === periodNo;
    const lines = linesOf(movesOf(items), creditLinesOf(decision.credit, isOwn));
    return { kind: EntryKind.POSTING, periodNo, batchNo, statementId: null, recordedAt: postedAt, lines };
  });
  const ledgerVersion = await post(sql.later, partner, cursor, entries);
  await addActivity(sql.later, partner, activityOf(decision.posted, numbers));
  const sieve = sieveOf(partner, facts.periods);
  if (sieve !== null) await addFineActivity(sql.later, partner, fineActivityOf(decision.posted, { ...sieve, numbers }));
  await moveCredit(app, sql.later, partner, { facts, decision, entryNos });
  await writeOutcomes(sql.later, partner, { results, postedAt, ledgerVersion });
  await marking; // COMMIT comes after it
  const balances = balancesAfter(sql.last, partner, ledgerVersion);
  balances.catch(() => undefined); // the transaction fails with them, and tells
  return { batches: waiting, known: knownIn(results), balances };
}

function knownIn(results: readonly BatchResult[]): PostedGroup["known"] {
  const items = results.reduce((sum, { batch }) => sum + batch.itemCount, 0);
  return { items, duplicates: results.reduce((sum, { counts }) => sum + counts.duplicate, 0) };
}

/** By what posted items are told apart besides; null, and that is nearly always, where no period asks for it. */
function sieveOf({ timezone }: Partner, periods: ReadonlyMap<number, SettlementPeriod>) {
  if ([...periods.values()].every(({ grain }) => grain.length === 0)) return null;
  const grainIn = (periodNo: number) => periods.get(periodNo)?.grain ?? [];
  const grainsOf = ({ periodNo, originPeriodNo }: Place) => joinGrains(grainIn(periodNo), grainIn(originPeriodNo));
  return { grainsOf, dayOf: dayIn(timezone) };
}

type EntryKey = Pick<EntryGroup, "batchNo" | "periodNo">;

interface CreditMoved {
  readonly facts: ReadFacts;
  readonly decision: Decision;
  readonly entryNos: ReadonlyMap<EntryGroup, bigint>;
}

async function moveCredit(app: App, tx: TxSql, partner: Partner, { facts, decision, entryNos }: CreditMoved) {
  const { credit: book } = decision;
  if (book === null || facts.knownCredit === null) return;
  const nos = new Map([...entryNos].map(([{ batchNo, periodNo }, no]) => [`${batchNo} ${periodNo}`, no]));
  await writeCredit(tx, partner, {
    ...{ before: facts.knownCredit, book, clock: app.clock, termsOf: facts.creditTermsOf },
    entryNoOf: ({ batchNo, periodNo }) => present(nos.get(`${batchNo} ${periodNo}`), "the entry of moved credit"),
    actor: systemActor(partner, "posting"),
  });
}

/** What became of a batch, packed for storage. */
interface BatchResult extends ReturnType<typeof packOutcomes> {
  readonly batch: WaitingBatch;
  readonly counts: ReturnType<typeof countsOf>;
}

function resultsOf(batches: readonly WaitingBatch[], decision: Decision): BatchResult[] {
  return batches.map((batch) => {
    const outcomes = present(decision.outcomes.get(batch.no), "a decided batch's outcomes");
    return { batch, counts: countsOf(outcomes), ...packOutcomes(outcomes) };
  });
}

interface Committing {
  readonly groups: readonly EntryGroup[];
  readonly results: readonly BatchResult[];
  readonly periods: ReadonlyMap<number, SettlementPeriod>;
}

/** Each period takes up a leaf of each batch that was posted into it, in the order of the entries. */
async function commitToPeriods(tx: TxSql, partner: Partner, { groups, results, periods }: Committing): Promise<void> {
  const leaves = new Map(
    results.map(({ batch, sha256 }) => {
      const hashes = { payloadSha256: batch.payloadSha256.toString("hex"), outcomesSha256: sha256.toString("hex") };
      return [batch.no, leafHash(commitmentLeaf({ batchId: batch.id, ...hashes }))];
    }),
  );
  for (const [periodNo, entries] of [...groupBy(groups, (group) => group.periodNo)].sort(([a], [b]) => a - b)) {
    const period = present(periods.get(periodNo), "a period that was posted into");
    const hashes = entries.map(({ batchNo }) => present(leaves.get(batchNo), "the leaf of a posted batch"));
    await commitTo(tx, partner, period, hashes);
  }
}

interface Posted {
  readonly results: readonly BatchResult[];
  readonly postedAt: Date;
  readonly ledgerVersion: bigint;
}

async function writeOutcomes(tx: TxSql, partner: Partner, posted: Posted): Promise<void> {
  const { results, postedAt, ledgerVersion } = posted;
  for (const [counts, numbers] of numbersByCounts(results)) {
    await tx.query(
      `update batch set state = 'POSTED', posted_at = ?, ledger_version = ?, posted_count = ?, duplicate_count = ?,
         pending_count = ?, refused_count = ? where tenant_no = ? and no in (?)`,
      [postedAt, ledgerVersion, ...counts, partner.tenantNo, numbers],
    );
  }
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

/** Small batches have few counts between them: posted, duplicate, pending, refused; and the batches that have those. */
function numbersByCounts(results: readonly BatchResult[]): Iterable<[readonly number[], string[]]> {
  const byCounts = new Map<string, [readonly number[], string[]]>();
  for (const { batch, counts } of results) {
    const all = [counts.posted, counts.duplicate, counts.pending, counts.refused];
    const same = byCounts.get(all.join(" ")) ?? [all, []];
    byCounts.set(all.join(" "), same);
    same[1].push(batch.no);
  }
  return byCounts.values();
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
