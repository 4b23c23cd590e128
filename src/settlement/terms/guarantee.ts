import type { Rational } from "../../kernel/rational.js";
import { type Guarantee, GuaranteeKind } from "./contract.js";
import { type ExactLine, workingLine } from "./lines.js";
import { daysOf, type PeriodDays, wholeDaysOf, windowKey } from "./period.js";
import { type State, StateName, valueIn } from "./state.js";
import { amount, count, greatest, minus, over, plus, times, type Working, ZERO } from "./working.js";

/** What a guarantee looks at. */
export interface Guaranteed {
  /** Exact: shares and fees after caps. */
  readonly earned: Rational;
  readonly state: State;
  readonly period: PeriodDays;
  readonly scope: string;
}

/** What a guarantee adds, exactly, and what persists once it is known what was settled under it. */
export interface ToppedUp {
  readonly lines: readonly ExactLine[];
  readonly topUp: ExactLine;
  readonly stateAfter: (settled: Rational) => State;
}

/**
 * A floor or a cumulative guarantee (domain 8): `max(guaranteed - earned, 0)`, or over a window
 * `max(Σ earned, Σ guaranteed) - Σ settled - earned`, which takes back what later periods earned above it.
 */
export function topUp(guarantee: Guarantee, { earned, state, period, scope }: Guaranteed): ToppedUp {
  const { pointer } = guarantee;
  const line = workingLine("GUARANTEED", pointer, guaranteedOf(guarantee, period), scope);
  const [own, floor] = [amount("earned", earned), amount("guaranteed", line.value)];
  if (guarantee.kind === GuaranteeKind.FLOOR) {
    const working = greatest(minus(floor, own), ZERO);
    return { lines: [line], topUp: workingLine("TOP_UP", pointer, working, scope), stateAfter: () => [] };
  }
  const key = windowKey(guarantee.window, period);
  const before = (name: StateName) => valueIn(state, { name, scope, key });
  const settledBefore = before(StateName.GUARANTEE_SETTLED);
  const allEarned = plus(amount("earnedBefore", before(StateName.GUARANTEE_EARNED)), own);
  const allDue = plus(amount("guaranteedBefore", before(StateName.GUARANTEE_DUE)), floor);
  const due = minus(minus(greatest(allEarned, allDue), amount("settledBefore", settledBefore)), own);
  return {
    lines: [line],
    topUp: workingLine("TOP_UP", pointer, due, scope),
    stateAfter: (settled) => [
      { name: StateName.GUARANTEE_EARNED, scope, key, value: allEarned.value },
      { name: StateName.GUARANTEE_DUE, scope, key, value: allDue.value },
      { name: StateName.GUARANTEE_SETTLED, scope, key, value: settledBefore.plus(settled) },
    ],
  };
}

/** The amount for a whole period; of one that was cut short or split its days' part. */
function guaranteedOf({ amount: whole, isProrated }: Guarantee, period: PeriodDays): Working {
  const guarantee = amount("guarantee", whole);
  if (!isProrated) return guarantee;
  const [days, wholeDays] = [daysOf(period), wholeDaysOf(period)].map(BigInt) as [bigint, bigint];
  return over(times(guarantee, count("days", days)), count("wholeDays", wholeDays));
}
