import { Rational } from "../../kernel/rational.js";
import { type Guarantee, GuaranteeKind } from "./contract.js";
import { type MoneyLine, moneyLine } from "./lines.js";
import type { PeriodDays } from "./period.js";
import { type State, StateName, valueIn } from "./state.js";
import { amount, greatest, minus, plus, ZERO } from "./working.js";

/** What an advance is recouped from. */
export interface Recouped {
  /** Rounded: shares and fees. */
  readonly earnedMinor: bigint;
  readonly state: State;
  readonly period: PeriodDays;
  readonly scope: string;
}

/**
 * A recoupable advance (domain 8): what is outstanding is `max(Σ instalments - Σ earned, 0)`, and the line is by how
 * much that rose (given) or fell (recouped). An instalment counts from the statement whose period ends on its day or
 * later. What is outstanding when the contract drops the guarantee is still recouped.
 */
export function settleAdvance(
  guarantee: Guarantee | null,
  { earnedMinor, state, period, scope }: Recouped,
): { readonly line: MoneyLine | null; readonly state: State } {
  const which = (name: StateName) => ({ name, scope, key: "" });
  const before = {
    instalments: valueIn(state, which(StateName.ADVANCE_INSTALMENTS)),
    earned: valueIn(state, which(StateName.ADVANCE_EARNED)),
  };
  const instalments = instalmentsBy(guarantee, period, before.instalments);
  const outstanding = before.instalments.minus(before.earned).max(Rational.ZERO);
  if (guarantee?.kind !== GuaranteeKind.RECOUPABLE_ADVANCE && outstanding.isZero) return { line: null, state: [] };
  const earned = plus(amount("earnedBefore", before.earned), amount("earned", Rational.of(earnedMinor)));
  const left = greatest(minus(amount("instalments", instalments), earned), ZERO);
  const line = moneyLine("ADVANCE", guarantee?.pointer ?? null, minus(left, amount("outstanding", outstanding)), scope);
  const kept: State = [
    { ...which(StateName.ADVANCE_INSTALMENTS), value: instalments },
    { ...which(StateName.ADVANCE_EARNED), value: earned.value },
  ];
  return { line, state: kept };
}

function instalmentsBy(guarantee: Guarantee | null, { nextDay }: PeriodDays, before: Rational): Rational {
  if (guarantee?.kind !== GuaranteeKind.RECOUPABLE_ADVANCE) return before;
  const fallen = guarantee.instalments.filter(({ on }) => on <= nextDay);
  return fallen.reduce((sum, instalment) => sum.plus(instalment.amount), Rational.ZERO).max(before);
}
