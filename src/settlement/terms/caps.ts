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
 * What stands above a cap, taken off: `-max(used + earned - maximum, 0)`, where used is what the cap let through in
 * its window before. Null where nothing does.
 */
export function applyCap(cap: Cap, { share, earned, state, period, scope }: Capped) {
  const [name, value] = cap.of === CapOf.SHARE ? ["share", share] : ["earned", earned];
  const owner = [...(scope === "" ? [] : [scope]), cap.of].join("; ");
  const which = { name: StateName.CAP_USED, scope: owner, key: windowKey(cap.window, period) };
  const used = valueIn(state, which);
  const reached = plus(amount("used", used), amount(name, value));
  const excess = greatest(minus(reached, amount("maximum", cap.maximum)), ZERO);
  const line: ExactLine = workingLine("CAP", cap.pointer, negate(excess), owner);
  const kept: State = cap.window === Window.PERIOD ? [] : [{ ...which, value: reached.value.plus(line.value) }];
  return { line: excess.value.isZero ? null : line, state: kept };
}
