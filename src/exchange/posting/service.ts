import { systemActor } from "../../kernel/actor.js";
import { asError } from "../../kernel/errors.js";
import { announceChange, type Copy, type Mark, publishBalances } from "../../ledger/service.js";
import type { App } from "../../platform/app.js";
import { coalescedPerTenant, LINGER_MS } from "../../platform/coalesce.js";
import { CommitOutcomeUnknown } from "../../platform/database.js";
import { perApp } from "../../platform/per-app.js";
import { Rounds } from "../../platform/rounds.js";
import { type Together, transactTogether } from "../../platform/together.js";
import type { Partner } from "../../tenancy/entities.js";
import { countOutcomes } from "../../threat/service.js";
import { type Group, JOINED_TABLES, type PostedGroup, postUnderCursor } from "../applying/service.js";
import { type Attempt, postWithCare } from "../isolation/service.js";
import { tellWaiting } from "../parking/service.js";
import { pseudonymsOf } from "../pseudonyms/service.js";
import { ItemStages, recordTime } from "../stages/service.js";
import { findWaiting, GROUP_LIMITS, readWaiting, type WaitingBatch } from "../waiting/service.js";

/** What a run of posting did. */
export interface PostingRun {
  readonly batches: number;
  readonly items: number;
  /** False when more waits, or when another worker holds the partner. */
  readonly isDrained: boolean;
}

/** Items of one partner that a run posts before others of its partition come first. */
const RUN_ITEMS_MAX = 20_000;

/**
 * Posts what waits for a partner, group by group, until nothing does or the budget of batches or items is used: then
 * others of its partition come first. What to post is read under the partner's cursor, so any number of workers may run
 * this at once and each batch is posted once.
 */
export async function postBatches(app: App, partner: Partner, itemsMax: number = RUN_ITEMS_MAX): Promise<PostingRun> {
  let [batches, items] = [0, 0];
  while (items < itemsMax && batches < GROUP_LIMITS.batchesMax) {
    const { posted, isDrained } = await postNext(app, partner);
    batches += posted.length;
    items += posted.reduce((sum, batch) => sum + batch.itemCount, 0);
    if (isDrained !== null) return { batches, items, isDrained };
  }
  return { batches, items, isDrained: false };
}

/** What became of a group; `isDrained` is null where more of the partner may be posted at once. */
interface PostedNext {
  readonly posted: readonly WaitingBatch[];
  readonly isDrained: boolean | null;
}

/** Of the rounds in which a tenant's partners post their small groups; who is stuck holds up the others no longer. */
const ROUND_LIMITS = { lingerMs: 3, patienceMs: 100 } as const;
const rounds = perApp(() => new Map<number, Rounds>());

/**
 * Posts the oldest batches that wait. Small groups of a tenant's partners go in rounds, so that they share round trips
 * and a transaction. A round is over when all is read that its groups need, so that the next one reads while this one
 * is written; a group that is large, or is posted with care, leaves as soon as that is known.
 */
async function postNext(app: App, partner: Partner): Promise<PostedNext> {
  const pseudonymOf = await pseudonymsOf(app, app.database.manager, partner.tenantId);
  const leave = await enterRound(app, partner.tenantNo);
  try {
    const found = await findWaiting(app, partner);
    const isSmall = found.items <= SHARED_ITEMS_MAX.ofGroup;
    if (!isSmall) leave();
    const candidates = await readWaiting(app, partner, found, pseudonymOf);
    for (const { checkedMs } of candidates) recordTime(app, "schema", checkedMs);
    if (candidates.length === 0) return { posted: [], isDrained: true };
    const groupOf = (some: readonly WaitingBatch[]) => ({ partner, candidates: some, pseudonymOf, leave });
    const alone: Attempt = (some) => {
      leave();
      return postAlone(app, groupOf(some));
    };
    const shared: Attempt = (some) => postShared(app, partner.tenantNo, groupOf(some));
    const posted = await postWithCare(app, partner, candidates, { shared: isSmall ? shared : alone, alone });
    if (posted === null) return { posted: [], isDrained: false };
    // Who came since has brought a job of its own.
    return { posted, isDrained: found.isAll && posted.length === candidates.length ? true : null };
  } finally {
    leave();
  }
}

function enterRound(app: App, tenantNo: number): Promise<() => void> {
  const all = rounds(app);
  const ofTenant = all.get(tenantNo) ?? new Rounds(ROUND_LIMITS);
  all.set(tenantNo, ofTenant);
  return ofTenant.enter();
}

/** A group of so few items shares a transaction with other partners' groups, so many items of them together. */
const SHARED_ITEMS_MAX = { ofGroup: 50, ofAll: 500 };

const postShared = coalescedPerTenant(postTogether, {
  ...{ inputsMax: 50, atOnce: 2, lingerMs: LINGER_MS, weightMax: SHARED_ITEMS_MAX.ofAll },
  weightOf: itemsOf,
});

function itemsOf({ candidates }: Group): number {
  return candidates.reduce((sum, { itemCount }) => sum + itemCount, 0);
}

/** A group, and what leaves its round. */
interface InRound extends Group {
  readonly leave: () => void;
}

type Posted = WaitingBatch[] | null;

/**
 * Posts groups of several partners in one transaction. Where that fails each goes by itself, so that none pays for
 * another; an unheard COMMIT is unknown to all of them.
 */
async function postTogether(app: App, _tenantNo: number, groups: readonly InRound[]): Promise<(Posted | Error)[]> {
  const alone = (group: InRound) => postAlone(app, group).catch(asError);
  const areApart = new Set(groups.map(({ partner }) => partner.no)).size === groups.length;
  if (groups.length === 1 || !areApart) return Promise.all(groups.map(alone));
  try {
    return await postGroups(app, groups);
  } catch (error) {
    if (error instanceof CommitOutcomeUnknown) throw error;
    app.log.warn({ err: error, partners: groups.map(({ partner }) => partner.id) }, "posting: each partner by itself");
    return Promise.all(groups.map(alone));
  }
}

async function postAlone(app: App, group: InRound): Promise<Posted> {
  const [posted = null] = await postGroups(app, [group]);
  return posted;
}

/** Posts groups in one transaction; null for each whose partner another worker holds. */
async function postGroups(app: App, groups: readonly InRound[]): Promise<Posted[]> {
  const postings = groups.map((group) => openPosting(app, group));
  try {
    const work = (sql: Together) => allEnded(postings.map((each) => postUnderCursor(app, sql, each.group, each)));
    const results = await transactTogether(app, work, { joined: JOINED_TABLES });
    const posted = results.map((result) => result?.batches ?? null);
    const told = tellWaiting(
      app,
      posted.flatMap((batches) => batches ?? []),
    );
    await Promise.all([told, ...postings.map((posting, index) => posting.end(results[index] ?? null))]);
    return posted;
  } catch (error) {
    // While COMMIT may still come the marks stay.
    if (!(error instanceof CommitOutcomeUnknown)) await Promise.all(postings.map(({ lift }) => lift(null)));
    throw error;
  }
}

/** A group's part of a transaction, and what goes along with it. */
function openPosting(app: App, group: InRound) {
  const { partner, leave } = group;
  const stages = new ItemStages(app);
  let marking = null as Promise<Mark> | null;
  const mark = () => {
    leave(); // all is read
    marking ??= announceChange(app, partner);
    return marking;
  };
  const lift = async (balances: Copy | null) => {
    if (marking !== null) await publishBalances(app, partner, await marking, balances);
  };
  const end = async (result: PostedGroup | null) => {
    stages.count(result?.batches ?? null);
    await lift((await result?.balances) ?? null);
    if (result !== null) await countOutcomes(app, systemActor(partner, "posting"), partner, result.known);
  };
  return { group, stages, mark, lift, end };
}

/** Throws only when all have ended: until then they may still use what they share. */
async function allEnded<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}
