import { assert, present } from "../../kernel/assert.js";
import { groupBy } from "../../kernel/group.js";
import { Rational } from "../../kernel/rational.js";
import { type KindTotal, unsettledKinds } from "./activity.js";
import type { Contract } from "./contract.js";
import { countedJackpots, dueLines, jackpotTrueUp, separateJackpots } from "./dues.js";
import { earn } from "./earned.js";
import { type ExactLine, LineSection, linesOf, type MoneyLine } from "./lines.js";
import type { PeriodDays } from "./period.js";
import { settlePosition } from "./position.js";
import { type StatementPosting, statementPostings } from "./postings.js";
import { rollReserve } from "./reserve.js";
import { roundEarned } from "./rounding.js";
import { applyRulings, rulingLines } from "./rule.js";
import type { Ruling } from "./ruling.js";
import { carriedIn, type State, tidyState } from "./state.js";
import { vatLines } from "./taxes.js";

/** Everything that decides a statement: nothing else may. */
export interface TermsInput {
  readonly contract: Contract;
  /** What was posted into the period, in one currency. */
  readonly totals: readonly KindTotal[];
  /** What the statement before left, besides its closing. */
  readonly state: State;
  /** Closing position of the statement before, in minor units. */
  readonly openingMinor: bigint;
  readonly period: PeriodDays;
  /** What the contract's rule answered about each of its cases; absent where it has none. */
  readonly rulings?: readonly Ruling[];
}

/** What a period came to. Rationals are exact minor units; `earned` is all lines of money but adjustments, reserves. */
export interface TermsResult {
  readonly lines: readonly ExactLine[];
  /** The period's own, before carry. */
  readonly base: Rational;
  readonly carryIn: Rational;
  readonly carryOut: Rational;
  readonly stateIn: State;
  readonly stateOut: State;
  readonly openingMinor: bigint;
  readonly earnedMinor: bigint;
  readonly adjustmentsMinor: bigint;
  readonly reserveHeldMinor: bigint;
  readonly reserveReleasedMinor: bigint;
  readonly payableMinor: bigint;
  readonly taxWithheldMinor: bigint;
  readonly closingMinor: bigint;
  readonly postings: readonly StatementPosting[];
}

/**
 * Settles one period in one currency: base, share and fees, one rounding, taxes and dues, reserve, position, and the
 * ledger entry. The same input gives the same result.
 */
export function calculate({ rulings = [], totals: posted, ...input }: TermsInput): TermsResult {
  const { contract, state, openingMinor, period } = input;
  const totals = applyRulings(contract, posted, rulings);
  const carryIn = carriedIn(state);
  assert(carryIn.compare(Rational.ZERO) <= 0, "only a negative base is carried");
  assert(unsettledKinds(totals).length === 0, "a term settles every kind");
  const earned = earn({ contract, totals, state, period });
  const rounded = roundLines(contract, [...earned.lines, ...jackpotTrueUp(contract, totals)]);
  const groups = earned.groupsAfter((line) => present(rounded.amounts.get(line), "a rounded line"));
  const dues = dueLines(contract, totals);
  const vat = vatLines(contract.taxes, sumMinor(groups), contract.rounding);
  const money = [...rounded.money, ...vat, ...groups.flatMap(({ advance }) => advance), ...dues];
  const [earnedMinor, adjustmentsMinor] = [LineSection.EARNED, LineSection.ADJUSTMENTS].map((section) =>
    sumMinor(linesOf(money, section)),
  ) as [bigint, bigint];
  const { rounding } = contract;
  const moved = { openingMinor, earnedMinor, adjustmentsMinor };
  const reserve = rollReserve(contract.reserve, { ...moved, rounding, state });
  const settled = settlePosition({ ...moved, ...reserve }, contract);
  const stateOut = tidyState([...groups.flatMap((group) => group.state), ...reserve.state]);
  return balanced({
    lines: [
      ...rulingLines(rulings),
      ...rounded.lines,
      ...separateJackpots(contract, totals),
      ...money.slice(rounded.money.length),
      ...reserve.lines,
      ...settled.lines,
    ],
    ...{ base: earned.base, carryIn, carryOut: carriedIn(stateOut), stateIn: tidyState(state), stateOut, ...moved },
    ...{ reserveHeldMinor: reserve.heldMinor, reserveReleasedMinor: reserve.releasedMinor },
    ...{ payableMinor: settled.payableMinor, taxWithheldMinor: settled.withheldMinor },
    closingMinor: settled.closingMinor,
    postings: statementPostings([...money, ...reserve.lines], settled, countedJackpots(contract, totals)),
  });
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

/** The result, after the identities that must hold for every statement (domain 11 and 12). */
function balanced(result: TermsResult): TermsResult {
  const { openingMinor, earnedMinor, adjustmentsMinor, reserveHeldMinor, reserveReleasedMinor } = result;
  const before = openingMinor + earnedMinor + adjustmentsMinor - reserveHeldMinor + reserveReleasedMinor;
  assert(result.closingMinor === before - result.payableMinor, "a statement closes as it adds up");
  for (const [, postings] of groupBy(result.postings, ({ currency }) => currency ?? "")) {
    assert(sumMinor(postings) === 0n, "a statement's entry sums to zero in each currency");
  }
  return result;
}

function sumMinor(parts: readonly { readonly amountMinor: bigint }[]): bigint {
  return parts.reduce((sum, { amountMinor }) => sum + amountMinor, 0n);
}
