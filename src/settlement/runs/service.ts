import { setTimeout as sleep } from "node:timers/promises";
import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import { postBatches } from "../../exchange/posting/service.js";
import { countWaiting } from "../../exchange/waiting/service.js";
import type { Actor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { instantText } from "../../kernel/clock.js";
import { groupBy } from "../../kernel/group.js";
import { decimalText, scaleOf } from "../../kernel/money.js";
import { fencePeriod, unsettledPeriods } from "../../periods/closing/service.js";
import { holdCursor } from "../../periods/cursors/service.js";
import { PeriodState, type SettlementPeriod } from "../../periods/entities.js";
import { periodOfPartner, periodOfTenant } from "../../periods/service.js";
import { activityOf } from "../../periods/totals/service.js";
import type { App } from "../../platform/app.js";
import { type Tx, transact } from "../../platform/database.js";
import { once } from "../../platform/idempotency.js";
import type { Partner } from "../../tenancy/entities.js";
import { partnerOf, partnersByNumber } from "../../tenancy/service.js";
import { settlementError } from "../errors.js";
import { isIncident, reportIncident } from "../incidents/service.js";
import { type AtStage, issueStatements } from "../issuing/service.js";
import { setOffDebts } from "../netting/service.js";
import { untilKnown } from "../service.js";
import { RunStage } from "../settlement-runs/entities.js";
import { type SettledStatement, statementsThrough } from "../statements/service.js";

const POSTING_POLL_MS = 50;
/** How long a close waits while no batch is posted, by itself or by another worker. */
const POSTING_STALL_MS_MAX = 30_000;
const FENCE_TRIES_MAX = 5;

/** One settled period and currency, as `settle` answers it: decimal strings, `n/d` for values that never end. */
export interface SettledRow {
  readonly periodId: string;
  readonly start: string;
  readonly end: string;
  readonly statementId: string;
  readonly base: string;
  readonly carryIn: string;
  readonly carryOut: string;
  readonly earned: string;
  readonly payable: string;
  readonly currency: string;
}

/** What to settle: a partner's periods that end by an instant. */
export interface SettleInput {
  readonly partnerId: string;
  readonly through: Date;
}

/** That a stage of a period's settlement is about to begin. */
export interface Progress {
  readonly stage: RunStage;
  readonly periodId: string;
  /** Periods left to settle, this one among them. */
  readonly periodsLeft: number;
}

/** A period that the actor may see, by its id; `NOT_FOUND` for anything else. */
export async function periodSeenBy(app: App, actor: Actor, id: string): Promise<SettlementPeriod> {
  if (actor.partnerId === null) return periodOfTenant(app, actor.tenantNo, id);
  return periodOfPartner(app, await partnerOf(app, actor, actor.partnerId), id);
}

/**
 * Posts what was accepted, fences the period and issues its statements. Refused before it is due and while one before
 * it is open (`VALIDATION`), and when it was closed before (`PERIOD_CLOSED`); a period that was closed and has no
 * statement yet, because somebody died in between, is taken up where it stands.
 */
export async function closePeriod(
  app: App,
  actor: Actor,
  periodId: string,
  idempotencyKey: string | null = null,
): Promise<SettlementPeriod> {
  const period = await periodSeenBy(app, actor, periodId);
  const [partner] = await partnersByNumber(app, actor, [period.partnerNo]);
  const run = newRun(app, actor, present(partner, "the partner of a period"));
  const request = { operation: "closePeriod", idempotencyKey, input: { periodId } };
  await untilKnown((isRepeat) =>
    whenPosted(app, run, () =>
      once(app, actor, request, async (tx) => {
        const isFenced = await fence(app, tx, run, period);
        if (!isFenced && !isRepeat && !isTakenUp(period)) {
          throw settlementError("PERIOD_CLOSED", { periodId });
        }
        return periodId;
      }),
    ),
  );
  await issueThrough(app, run, period.endsAt);
  return periodSeenBy(app, actor, periodId);
}

/**
 * Closes, in order, the partner's open periods that end by an instant and are due, and answers every statement of
 * periods up to there, those issued before too. Running it again answers the same. Every stage is told before it
 * begins; what the telling throws stops it there.
 */
export async function settle(
  app: App,
  actor: Actor,
  { partnerId, through }: SettleInput,
  tell: (progress: Progress) => Promise<void> = async () => undefined,
): Promise<SettledRow[]> {
  const run = newRun(app, actor, await partnerOf(app, actor, partnerId));
  const periods = await unsettledPeriods(app.database.manager, run.partner, through);
  const due = periods.filter(({ dueAt }) => dueAt <= run.startedAt);
  for (const [index, period] of due.entries()) {
    const periodsLeft = due.length - index;
    await closeNext(app, run, period, (stage) => tell({ stage, periodId: period.id, periodsLeft }));
  }
  return (await statementsThrough(app, run.partner, through)).map(rowOf);
}

/**
 * Closes what fell due by itself: the partner's periods in order, up to the first that is not due or waits for a person
 * because it was backfilled. Statements that are missing for closed periods are issued on the way. What a person must
 * mend first, such as a missing exchange rate, is reported as an incident and stops the run there.
 */
export async function closeDuePeriods(app: App, actor: Actor, partnerId: string): Promise<void> {
  const run = newRun(app, actor, await partnerOf(app, actor, partnerId));
  for (const period of await unsettledPeriods(app.database.manager, run.partner, run.startedAt)) {
    const waits = period.isBackfill || period.dueAt > run.startedAt;
    if (period.state === PeriodState.OPEN && waits) break;
    try {
      await closeNext(app, run, period);
    } catch (error) {
      if (!isIncident(error)) throw error;
      await reportIncident(app, actor, { partner: run.partner, period, error });
      return; // the sweeper tries again; later periods follow on this one
    }
  }
}

/** What was posted into a period so far, of one kind and currency. */
export interface KindActivity {
  readonly kind: string;
  /** A fee's category; null for the other kinds. */
  readonly category: string | null;
  readonly isLate: boolean;
  readonly currency: string;
  readonly count: bigint;
  readonly units: bigint;
  readonly sumMinor: bigint;
}

/** What was posted into a period so far, whatever brands, products and origins it came from. */
export async function totalsOf(app: App, period: SettlementPeriod): Promise<KindActivity[]> {
  const { tenantNo, partnerNo } = period;
  const activity = await activityOf(app.database.manager, { tenantNo, no: partnerNo }, period.no);
  const rows: KindActivity[] = activity.map(({ originPeriodNo, category, ...row }) => {
    return { ...row, category: category === "" ? null : category, isLate: originPeriodNo !== period.no };
  });
  const groups = groupBy(rows, ({ kind, category, isLate, currency }) => [kind, category, isLate, currency].join(" "));
  return [...groups.values()].map((group) => group.reduce(added));
}

/** One run of closing: batches accepted by its start are posted before any period is fenced. */
interface Run {
  readonly actor: Actor;
  readonly partner: Partner;
  readonly startedAt: Date;
}

/** Batches wait for posting that the period must have; a sign for `whenPosted` alone. */
class BatchesWait extends Error {
  override readonly name = "BatchesWait";
}

function newRun(app: App, actor: Actor, partner: Partner): Run {
  return { actor, partner, startedAt: app.clock.now() };
}

/** Closes and settles the earliest unsettled period; nothing of it is refused because another closer was first. */
async function closeNext(app: App, run: Run, period: SettlementPeriod, atStage?: AtStage): Promise<void> {
  if (period.state === PeriodState.OPEN) {
    await atStage?.(RunStage.FENCE);
    await untilKnown(() => whenPosted(app, run, () => transact(app, (tx) => fence(app, tx, run, period))));
  }
  await issueStatements(app, run.actor, run.partner, period, atStage);
  await setOffDebts(app, run.actor, run.partner);
}

/** Issues the statements that closed periods up to an instant still lack, in order. */
async function issueThrough(app: App, { actor, partner }: Run, endsBy: Date): Promise<void> {
  const periods = await unsettledPeriods(app.database.manager, partner, endsBy);
  for (const period of periods) {
    if (isTakenUp(period)) await issueStatements(app, actor, partner, period);
  }
  await setOffDebts(app, actor, partner);
}

/** Whether it was fenced and has no statement yet, because somebody died in between. */
function isTakenUp({ state }: SettlementPeriod): boolean {
  return state === PeriodState.CLOSED || state === PeriodState.CALCULATED;
}

/** Tries to fence; where that finds batches that wait, they are posted first and it is tried again. */
async function whenPosted<T>(app: App, run: Run, tryToFence: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await tryToFence();
    } catch (error) {
      if (!(error instanceof BatchesWait)) throw error;
      if (attempt === FENCE_TRIES_MAX) throw stalled();
      await postWaiting(app, run);
    }
  }
}

/** Posts what was accepted by the run's start, or waits for the worker that does; gives up when nothing moves. */
async function postWaiting(app: App, { partner, startedAt }: Run): Promise<void> {
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
async function fence(app: App, tx: Tx, { actor, partner, startedAt }: Run, period: SettlementPeriod): Promise<boolean> {
  await holdCursor(tx, partner);
  const closedAt = app.clock.now();
  if (!(await fencePeriod(tx, partner, period, closedAt))) return false;
  if (period.dueAt > startedAt) {
    throw settlementError("VALIDATION", { reason: `The period is due at ${instantText(period.dueAt)}, not before.` });
  }
  if ((await countWaiting(tx, partner, startedAt)) > 0) throw new BatchesWait();
  const [before, after] = [{ state: PeriodState.OPEN }, { state: PeriodState.CLOSED, closedAt: instantText(closedAt) }];
  const act = { type: ActType.PERIOD_CLOSED, subjectId: period.id, partner, before, after };
  await recordActs(tx, actor, closedAt, [act]);
  return true;
}

function added(left: KindActivity, right: KindActivity): KindActivity {
  const { kind, category, isLate, currency } = left;
  const sums = { count: left.count + right.count, units: left.units + right.units };
  return { kind, category, isLate, currency, ...sums, sumMinor: left.sumMinor + right.sumMinor };
}

function stalled(): Error {
  return settlementError("UNAVAILABLE", { reason: "Batches accepted before could not be posted yet; try again." });
}

function rowOf(statement: SettledStatement): SettledRow {
  const { base, carryIn, carryOut, currency } = statement;
  const scale = scaleOf(currency);
  return {
    periodId: statement.periodId,
    start: instantText(statement.startsAt),
    end: instantText(statement.endsAt),
    statementId: statement.id,
    ...{ base, carryIn, carryOut },
    earned: decimalText(statement.earnedMinor, scale),
    payable: decimalText(statement.payableMinor, scale),
    currency,
  };
}
