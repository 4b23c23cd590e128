import type { Actor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { instantText } from "../../kernel/clock.js";
import { groupBy } from "../../kernel/group.js";
import { decimalText, scaleOf } from "../../kernel/money.js";
import { unsettledPeriods } from "../../periods/closing/service.js";
import { PeriodState, type SettlementPeriod } from "../../periods/entities.js";
import { periodOfPartner, periodOfTenant } from "../../periods/service.js";
import { activityOf } from "../../periods/totals/service.js";
import type { App } from "../../platform/app.js";
import { once } from "../../platform/idempotency.js";
import type { Partner } from "../../tenancy/entities.js";
import { partnerOf, partnersByNumber } from "../../tenancy/service.js";
import { settlementError } from "../errors.js";
import { type Closing, fence, fenceOpen, whenReady } from "../fencing/service.js";
import { issueStatements } from "../issuing/service.js";
import { setOffDebts } from "../netting/service.js";
import { untilKnown } from "../service.js";
import { type SettledStatement, statementsThrough } from "../statements/service.js";

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
  const closing = newClosing(app, actor, present(partner, "the partner of a period"));
  const request = { operation: "closePeriod", idempotencyKey, input: { periodId } };
  await untilKnown((isRepeat) =>
    whenReady(app, closing, period, (rehearsed) =>
      once(app, actor, request, async (tx) => {
        const isFenced = await fence(app, tx, closing, { period, rehearsed });
        if (!isFenced && !isRepeat && !isTakenUp(period)) {
          throw settlementError("PERIOD_CLOSED", { periodId });
        }
        return periodId;
      }),
    ),
  );
  await issueThrough(app, closing, period.endsAt);
  return periodSeenBy(app, actor, periodId);
}

/**
 * Closes, in order, the partner's open periods that end by an instant and are due, and answers every statement of
 * periods up to there, those issued before too. Running it again answers the same.
 */
export async function settle(app: App, actor: Actor, { partnerId, through }: SettleInput): Promise<SettledRow[]> {
  const closing = newClosing(app, actor, await partnerOf(app, actor, partnerId));
  for (const period of await unsettledPeriods(app.database.manager, closing.partner, through)) {
    if (period.dueAt <= closing.startedAt) await closeNext(app, closing, period);
  }
  return (await statementsThrough(app, closing.partner, through)).map(rowOf);
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

function newClosing(app: App, actor: Actor, partner: Partner): Closing {
  return { actor, partner, startedAt: app.clock.now() };
}

/** Closes and settles the earliest unsettled period; nothing of it is refused because another closer was first. */
async function closeNext(app: App, closing: Closing, period: SettlementPeriod): Promise<void> {
  if (period.state === PeriodState.OPEN) await fenceOpen(app, closing, period);
  await issueStatements(app, closing.actor, closing.partner, period);
  await setOffDebts(app, closing.actor, closing.partner);
}

/** Issues the statements that closed periods up to an instant still lack, in order. */
async function issueThrough(app: App, { actor, partner }: Closing, endsBy: Date): Promise<void> {
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

function added(left: KindActivity, right: KindActivity): KindActivity {
  const { kind, category, isLate, currency } = left;
  const sums = { count: left.count + right.count, units: left.units + right.units };
  return { kind, category, isLate, currency, ...sums, sumMinor: left.sumMinor + right.sumMinor };
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
