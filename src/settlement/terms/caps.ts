import type { Rational } from "../../kernel/rational.js";
import { type Cap, CapOf, Window } from "./contract.js";
import { type ExactLine, workingLine } from "./lines.js";
import { type PeriodDays, windowKey } from "./period.js";
import { type State, StateName, valueIn } from "./state.js";
import { amount, greatest, minus, negate, plus, ZERO } from "./working.js";

/** What a cap looks at: exact sums of this statement. */
export interface Capped {
  readonly share: Rational;
  /** Share and fees, less what caps before it took off. */
  readonly earned: Rational;
  readonly state: State;
  readonly period: PeriodDays;
  readonly scope: string;
}

/**
 * What stands above a cap, taken off: `-max(used + earned - maximum, 0)`, where used is what the cap let through in its
 * window before. What was taken off before counts as well, so that a later loss is first of what nobody was paid:
 * `over - max(used + over + earned - maximum, 0)`. Null where nothing changes.
 */
export function applyCap(cap: Cap, { share, earned, state, period, scope }: Capped) {
  const [name, value] = cap.of === CapOf.SHARE ? ["share", share] : ["earned", earned];
  const owner = [...(scope === "" ? [] : [scope]), cap.of].join("; ");
  const which = { scope: owner, key: windowKey(cap.window, period) };
  const before = (item: StateName) => valueIn(state, { ...which, name: item });
  const [used, over] = [before(StateName.CAP_USED), before(StateName.CAP_OVER)];
  const isOver = !over.isZero;
  const counted = isOver ? plus(amount("used", used), amount("over", over)) : amount("used", used);
  const reached = plus(counted, amount(name, value));
  const excess = greatest(minus(reached, amount("maximum", cap.maximum)), ZERO);
  const change = isOver ? minus(amount("over", over), excess) : negate(excess);
  const line: ExactLine = workingLine("CAP", cap.pointer, change, owner);
  const kept: State = [
    { ...which, name: StateName.CAP_USED, value: used.plus(value).plus(line.value) },
    { ...which, name: StateName.CAP_OVER, value: excess.value },
  ];
  return { line: line.value.isZero ? null : line, state: cap.window === Window.PERIOD ? [] : kept };
}
