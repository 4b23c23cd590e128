import { Rational } from "../../src/kernel/rational.js";
import type { KindTotal } from "../../src/settlement/terms/activity.js";
import { calculate, type TermsResult } from "../../src/settlement/terms/calculate.js";
import type { Contract } from "../../src/settlement/terms/contract.js";
import { exactText } from "../../src/settlement/terms/exact.js";
import { type Line, type LineCode, publishLine } from "../../src/settlement/terms/lines.js";
import type { PeriodDays } from "../../src/settlement/terms/period.js";
import type { State } from "../../src/settlement/terms/state.js";
import { exact, MARCH, totalsOf } from "./contracts.js";

/** An amount in whole units as exact minor ones. */
export function cents(text: string): Rational {
  return exact(text).times(exact("100"));
}

/** Activity that comes to a base. */
export function based(base: number): KindTotal[] {
  return base < 0 ? totalsOf({ WIN: -base }) : totalsOf({ BET: base });
}

/** What a statement follows on. */
export interface Before {
  readonly state?: State;
  readonly openingMinor?: bigint;
  readonly period?: PeriodDays;
}

/** One statement; a first one in March 2026 unless told otherwise. */
export function settle(contract: Contract, totals: readonly KindTotal[], before: Before = {}): TermsResult {
  return calculate({ state: [], openingMinor: 0n, period: MARCH, ...before, contract, totals });
}

/** Statements one after the other, each opened by what the one before left. */
export function chain(
  contract: Contract,
  periods: readonly (readonly KindTotal[])[],
  days: readonly PeriodDays[] = [],
) {
  const results: TermsResult[] = [];
  for (const [index, totals] of periods.entries()) {
    const last = results.at(-1);
    const before = { state: last?.stateOut ?? [], openingMinor: last?.closingMinor ?? 0n };
    results.push(settle(contract, totals, { ...before, period: days[index] ?? MARCH }));
  }
  return results;
}

/** A line as published. */
export function line(result: TermsResult, code: LineCode): Line {
  const found = result.lines.find((each) => each.code === code);
  if (found === undefined) throw new Error(`no line ${code}`);
  return publishLine(found, 2);
}

/** Cents in dollars. */
export function money(minor: bigint): string {
  return exactText(Rational.of(minor), 2);
}

/** What a base earns, in dollars. */
export function earned(contract: Contract, base: number): string {
  return money(settle(contract, based(base)).earnedMinor);
}

/** The entry of a statement, in dollars by account. */
export function postingsOf(result: TermsResult): Record<string, string> {
  return Object.fromEntries(result.postings.map(({ account, amountMinor }) => [account, money(amountMinor)]));
}
