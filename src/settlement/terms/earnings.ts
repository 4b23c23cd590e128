import { assert, present } from "../../kernel/assert.js";
import type { Rational } from "../../kernel/rational.js";
import { unsettledKinds } from "./activity.js";
import type { Contract } from "./contract.js";
import { countedJackpots, dueLines, jackpotTrueUp, type Reclassified, separateJackpots } from "./dues.js";
import { type Earning, earn, type SettledGroup } from "./earned.js";
import { type ExactLine, LineSection, linesOf, type MoneyLine } from "./lines.js";
import { roundEarned } from "./rounding.js";
import { applyRulings, rulingLines, rulingsOf } from "./rule.js";
import { vatLines } from "./taxes.js";

/** What some activity earns by a contract, all of it rounded: what `earned` and `adjustments` are made of. */
export interface Earnings {
  readonly lines: readonly ExactLine[];
  /** Those of them that are money. */
  readonly money: readonly MoneyLine[];
  /** The period's own, before carry. */
  readonly base: Rational;
  readonly groups: readonly SettledGroup[];
  readonly counted: readonly Reclassified[];
}

/**
 * Base, share, fees, caps and guarantee, one rounding, then taxes, advances and dues. An advance is recouped as well
 * from what late items earned at their origin's terms, by the group that they belong to.
 */
export function earningsOf(earning: Earning, lateMinorOf: (scope: string) => bigint = () => 0n): Earnings {
  const { contract } = earning;
  assert(unsettledKinds(earning.totals).length === 0, "a term settles every kind");
  const rulings = rulingsOf(earning);
  const totals = applyRulings(contract, earning.totals, rulings);
  const earned = earn({ ...earning, totals });
  const rounded = roundLines(contract, [...earned.lines, ...jackpotTrueUp(contract, totals)]);
  const groups = earned.groupsAfter((line) => present(rounded.amounts.get(line), "a rounded line"), lateMinorOf);
  const vat = vatLines(contract.taxes, sumMinor(groups), contract.rounding);
  const alone = [...vat, ...groups.flatMap(({ advance }) => advance), ...dueLines(contract, totals)];
  return {
    lines: [...rulingLines(rulings), ...rounded.lines, ...separateJackpots(contract, totals), ...alone],
    money: [...rounded.money, ...alone],
    base: earned.base,
    groups,
    counted: countedJackpots(contract, totals),
  };
}

/** The whole of some amounts, in minor units. */
export function sumMinor(parts: readonly { readonly amountMinor: bigint }[]): bigint {
  return parts.reduce((sum, { amountMinor }) => sum + amountMinor, 0n);
}

interface RoundedLines {
  readonly lines: readonly ExactLine[];
  readonly money: readonly MoneyLine[];
  /** By the line as it was before. */
  readonly amounts: ReadonlyMap<ExactLine, bigint>;
}

/** The one rounding: every line that earns, in its place, with its whole minor units. */
function roundLines({ rounding, scale }: Contract, lines: readonly ExactLine[]): RoundedLines {
  const earning = linesOf(lines, LineSection.EARNED);
  const values = earning.map(({ value }) => value);
  const whole = roundEarned(values, rounding, scale);
  const amounts = new Map(earning.map((line, index) => [line, present(whole[index], "a rounded amount")]));
  const roundedOf = (line: ExactLine) => {
    const amountMinor = amounts.get(line);
    return amountMinor === undefined ? null : { ...line, amountMinor, rounding };
  };
  return {
    lines: lines.map((line) => roundedOf(line) ?? line),
    money: earning.map(roundedOf).filter((line) => line !== null),
    amounts,
  };
}
