import { setTimeout as sleep } from "node:timers/promises";
import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import { postBatches } from "../../exchange/posting/service.js";
import { countWaiting } from "../../exchange/waiting/service.js";
import type { Actor } from "../../kernel/actor.js";
import { instantText } from "../../kernel/clock.js";
import { fencePeriod } from "../../periods/closing/service.js";
import { holdCursor } from "../../periods/cursors/service.js";
import { PeriodState, type SettlementPeriod } from "../../periods/entities.js";
import type { App } from "../../platform/app.js";
import { type Tx, transact } from "../../platform/database.js";
import type { Partner } from "../../tenancy/entities.js";
import { settlementError } from "../errors.js";
import { isAsRehearsed, type Rehearsed, rehearse } from "../rehearsals/service.js";
import { untilKnown } from "../service.js";

const POSTING_POLL_MS = 50;
/** How long a close waits while no batch is posted, by itself or by another worker. */
const POSTING_STALL_MS_MAX = 30_000;
const FENCE_TRIES_MAX = 5;

/** One close of a partner's periods: batches accepted by its start are posted before any period is fenced. */
export interface Closing {
  readonly actor: Actor;
  readonly partner: Partner;
  readonly startedAt: Date;
}

/** A period to be fenced, and what it was when its rule was tried. */
export interface Fencing {
  readonly period: SettlementPeriod;
  readonly rehearsed: Rehearsed;
}

/** Posts what was accepted, then fences the period; nothing happens where it is closed. Refused before it is due. */
export async function fenceOpen(app: App, closing: Closing, period: SettlementPeriod): Promise<void> {
  await untilKnown(() =>
    whenReady(app, closing, period, (rehearsed) =>
      transact(app, (tx) => fence(app, tx, closing, { period, rehearsed })),
    ),
  );
}

/**
 * Tries to fence an open period that was rehearsed; where that finds batches that wait, they are posted first and it is
 * tried again.
 */
export async function whenReady<T>(
  app: App,
  closing: Closing,
  period: SettlementPeriod,
  tryToFence: (rehearsed: Rehearsed) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const isOpen = period.state === PeriodState.OPEN && period.dueAt <= closing.startedAt;
    const rehearsed = isOpen ? await rehearse(app, closing.partner, period) : null;
    try {
      return await tryToFence(rehearsed);
    } catch (error) {
      if (!(error instanceof NotReady)) throw error;
      if (attempt === FENCE_TRIES_MAX) throw stalled();
      await postWaiting(app, closing);
    }
  }
}

/** Posts what was accepted by the run's start, or waits for the worker that does; gives up when nothing moves. */
async function postWaiting(app: App, { partner, startedAt }: Closing): Promise<void> {
  const count = () => countWaiting(app.database.manager, partner, startedAt);
  let stalledMs = 0;
  for (let waiting = await count(); waiting > 0; ) {
    const { batches } = await postBatches(app, partner);
    const left = await count();
    stalledMs = left < waiting ? 0 : stalledMs + POSTING_POLL_MS;
    if (stalledMs > POSTING_STALL_MS_MAX) throw stalled();
    if (batches === 0 && left > 0) await sleep(POSTING_POLL_MS);
    waiting = left;
  }
}

/** The fence, under the partner's cursor. False when the period is not open. */
export async function fence(
  app: App,
  tx: Tx,
  { actor, partner, startedAt }: Closing,
  { period, rehearsed }: Fencing,
): Promise<boolean> {
  await holdCursor(tx, partner);
  const closedAt = app.clock.now();
  if (!(await fencePeriod(tx, partner, period, closedAt))) return false;
  if (period.dueAt > startedAt) {
    throw settlementError("VALIDATION", { reason: `The period is due at ${instantText(period.dueAt)}, not before.` });
  }
  if ((await countWaiting(tx, partner, startedAt)) > 0) throw new NotReady();
  if (!(await isAsRehearsed(tx, partner, period, rehearsed))) throw new NotReady();
  const [before, after] = [{ state: PeriodState.OPEN }, { state: PeriodState.CLOSED, closedAt: instantText(closedAt) }];
  const act = { type: ActType.PERIOD_CLOSED, subjectId: period.id, partner, before, after };
  await recordActs(tx, actor, closedAt, [act]);
  return true;
}

/** Batches wait for posting that the period must have, or it changed meanwhile; a sign for `whenReady` alone. */
class NotReady extends Error {
  override readonly name = "NotReady";
}

function stalled(): Error {
  return settlementError("UNAVAILABLE", { reason: "Batches accepted before could not be posted yet; try again." });
}
