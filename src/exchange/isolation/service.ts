import { setTimeout as sleep } from "node:timers/promises";
import { BoundedMap } from "../../kernel/bounded-map.js";
import { CodedError } from "../../kernel/errors.js";
import type { App } from "../../platform/app.js";
import { CommitOutcomeUnknown, isPassingTrouble, transact } from "../../platform/database.js";
import type { Partner } from "../../tenancy/entities.js";
import { parkBatch, WorkerLost } from "../parking/service.js";
import type { WaitingBatch } from "../waiting/service.js";

/** How often a batch is tried by itself before it is parked, over the lives of all workers. */
export const TRIES_MAX = 3;
const RETRY_MS = 100;
/** What has waited for so long when a worker first meets its partner may have killed the worker before. */
const SUSPECT_AGE_MS = 10_000;
const PARTNERS_KEPT_MAX = 10_000;

/** Posts batches in one transaction; null when another worker holds the partner. */
export type Attempt = (batches: readonly WaitingBatch[]) => Promise<WaitingBatch[] | null>;

/** How batches are posted: with other partners' in their transaction, or alone where they may do harm. */
export interface Attempts {
  readonly shared: Attempt;
  readonly alone: Attempt;
}

/**
 * Posts a group so that no batch holds up the others. A group that fails is halved until the poison batch stands alone;
 * that one is tried again, `TRIES_MAX` times in all, and parked. Tries are counted before they are made where a batch
 * is suspect, so that one that kills its worker is parked as well; where nothing is, nothing is written. Trouble that
 * passes is thrown and counts for nothing. Null when another worker holds the partner.
 */
export async function postWithCare(
  app: App,
  partner: Partner,
  group: readonly WaitingBatch[],
  { shared, alone }: Attempts,
): Promise<WaitingBatch[] | null> {
  if (group.some(({ tries }) => tries > 0)) return postOneByOne(app, partner, group, alone);
  const posted = isSuspect(app, partner, group)
    ? await counted(app, partner, group, () => postOrHalve(app, partner, group, alone))
    : await shared(group).catch((error: unknown) => afterFailure(app, partner, group, { error, attempt: alone }));
  if (posted !== null) trustedBy(app).set(partner.id, true);
  return posted;
}

/** Not the batch's fault: the same batch may be posted later. */
function isTransient(error: unknown): boolean {
  const isCoded = error instanceof CodedError && error.retryable;
  return isCoded || error instanceof CommitOutcomeUnknown || isPassingTrouble(error);
}

async function postOrHalve(
  app: App,
  partner: Partner,
  group: readonly WaitingBatch[],
  attempt: Attempt,
): Promise<WaitingBatch[] | null> {
  return attempt(group).catch((error: unknown) => afterFailure(app, partner, group, { error, attempt }));
}

interface Failure {
  readonly error: unknown;
  readonly attempt: Attempt;
}

async function afterFailure(
  app: App,
  partner: Partner,
  group: readonly WaitingBatch[],
  { error, attempt }: Failure,
): Promise<WaitingBatch[] | null> {
  if (isTransient(error)) throw error;
  app.log.error({ err: error, batches: group.map((batch) => batch.id) }, "posting: a group failed");
  if (group.length === 1) return postOneByOne(app, partner, group, attempt);
  const middle = Math.ceil(group.length / 2);
  const left = await postOrHalve(app, partner, group.slice(0, middle), attempt);
  if (left !== null && left.length < middle) return left; // the first that is left waits for another's transaction
  const right = left === null ? null : await postOrHalve(app, partner, group.slice(middle), attempt);
  return left === null || right === null ? null : [...left, ...right];
}

async function postOneByOne(
  app: App,
  partner: Partner,
  group: readonly WaitingBatch[],
  attempt: Attempt,
): Promise<WaitingBatch[] | null> {
  const done: WaitingBatch[] = [];
  for (const batch of group) {
    const posted = await postAlone(app, partner, batch, attempt);
    if (posted === null) return null;
    done.push(...posted);
  }
  return done;
}

/** Tries until it is posted, or its tries are used up and it is parked. */
async function postAlone(
  app: App,
  partner: Partner,
  batch: WaitingBatch,
  attempt: Attempt,
): Promise<WaitingBatch[] | null> {
  for (;;) {
    const tries = await triesOf(app, partner, batch);
    if (tries === null) return []; // another worker posted or parked it
    if (tries >= TRIES_MAX) {
      await parkBatch(app, partner, batch, { error: new WorkerLost(), tries });
      return [batch];
    }
    try {
      return await counted(app, partner, [batch], () => attempt([batch]));
    } catch (error) {
      if (isTransient(error)) throw error;
      app.log.error({ err: error, batch: batch.id, tries: tries + 1 }, "posting: a batch failed by itself");
      if (tries + 1 >= TRIES_MAX) {
        await parkBatch(app, partner, batch, { error, tries: tries + 1 });
        return [batch];
      }
      await sleep(RETRY_MS);
    }
  }
}

/** Counts the try before it is made. What does not come to a try, or fails for a reason that passes, is taken back. */
async function counted<T>(
  app: App,
  partner: Partner,
  batches: readonly WaitingBatch[],
  work: () => Promise<T | null>,
): Promise<T | null> {
  await addTries(app, partner, batches, 1);
  const takeBack = () => addTries(app, partner, batches, -1);
  try {
    const result = await work();
    if (result === null) await takeBack();
    return result;
  } catch (error) {
    if (isTransient(error)) await takeBack().catch(() => undefined); // at worst it is tried by itself later
    throw error;
  }
}

/** The number of tries so far; null when the batch waits no longer. */
async function triesOf(app: App, { tenantNo }: Partner, { no }: WaitingBatch): Promise<number | null> {
  const rows: { tries: number }[] = await app.database.query(
    "select tries from batch where tenant_no = ? and no = ? and state = 'ACCEPTED'",
    [tenantNo, no],
  );
  return rows[0] === undefined ? null : Number(rows[0].tries);
}

async function addTries(app: App, { tenantNo }: Partner, batches: readonly WaitingBatch[], by: 1 | -1): Promise<void> {
  const numbers = batches.map((batch) => batch.no);
  const statement =
    by === 1
      ? "update batch set tries = tries + 1 where tenant_no = ? and state = 'ACCEPTED' and no in (?)"
      : "update batch set tries = tries - 1 where tenant_no = ? and state = 'ACCEPTED' and tries > 0 and no in (?)";
  await transact(app, (tx) => tx.query(statement, [tenantNo, numbers]));
}

/**
 * A process that has not posted for the partner yet may be the successor of one that died of what waits there; the age
 * says that somebody could have tried.
 */
function isSuspect(app: App, partner: Partner, group: readonly WaitingBatch[]): boolean {
  const [oldest] = group;
  if (oldest === undefined || trustedBy(app).get(partner.id) === true) return false;
  return app.clock.now().getTime() - oldest.acceptedAt.getTime() >= SUSPECT_AGE_MS;
}

const trusted = new WeakMap<App["database"], BoundedMap<string, true>>();

/** Partners for which this process has posted. */
function trustedBy({ database }: App): BoundedMap<string, true> {
  const known = trusted.get(database) ?? new BoundedMap<string, true>(PARTNERS_KEPT_MAX);
  trusted.set(database, known);
  return known;
}
