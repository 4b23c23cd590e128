import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Rational } from "../../src/kernel/rational.js";
import type { KindTotal } from "../../src/settlement/terms/activity.js";
import type { TermsResult } from "../../src/settlement/terms/calculate.js";
import { CarryPolicy, CarryUnit, type Contract, Window } from "../../src/settlement/terms/contract.js";
import { exactText } from "../../src/settlement/terms/exact.js";
import { greatestLosers, takeApart } from "../../src/settlement/terms/players.js";
import { carriedIn, type State, StateName } from "../../src/settlement/terms/state.js";
import { contractWith, exact, totalsOf, wholePeriod } from "../support/contracts.js";
import { based, cents, chain, line, money, settle } from "../support/settling.js";

const [A, B] = ["a".repeat(32), "b".repeat(32)] as const;
const ringFence = { playerAtMost: cents("-7000"), aggregateAtMost: cents("-2000") };

/** 30 %, nothing else carried, unless told otherwise. */
function fenced(changes: Parameters<typeof contractWith>[0] = {}): Contract {
  const { carry, ...others } = changes;
  return contractWith({
    shareRate: exact("0.3"),
    ...others,
    carry: { policy: CarryPolicy.NONE, unit: CarryUnit.BASE, ringFence, ...carry },
  });
}

function of(player: string, base: number): KindTotal[] {
  return based(base).map((total) => ({ ...total, player }));
}

function carried(result: TermsResult | undefined): Record<string, string> {
  const items = (result?.stateOut ?? []).filter(({ name }) => [StateName.CARRY, StateName.PLAYER_CARRY].includes(name));
  return Object.fromEntries(items.map(({ scope, value }) => [scope, exactText(value, 2)]));
}

describe("domain 7, high-roller ring-fence", () => {
  test("A −9,000 and others +6,000 pay 0 and carry 3,000 against A alone; next 5,000 × 30 % = 1,500", () => {
    const [first, next] = chain(fenced(), [
      [...of(A, -9_000), ...based(6_000)],
      [...of(A, 2_000), ...based(5_000)],
    ]);
    expect(money(first?.earnedMinor ?? 1n)).toBe("0.00");
    expect(carried(first)).toEqual({ [`player=${A}`]: "-3000.00" });
    expect([first?.base, first?.carryOut].map((each) => exactText(each ?? Rational.ZERO, 2))).toEqual([
      ...["-3000.00", "-3000.00"],
    ]);
    expect(first && line(first, "PLAYER_FENCED")).toMatchObject({
      formula: "max(playerLoss, aggregate - fencedBefore)",
      inputs: { playerLoss: "-9000.00", aggregate: "-3000.00", fencedBefore: "0.00" },
      term: "/carryOver/ringFence",
    });
    expect(next && line(next, "PLAYER_OFFSET").result).toBe("2000.00");
    expect(next && line(next, "SHARE")).toMatchObject({ formula: "rate * max(fencedBase + carryIn, 0)" });
    expect(money(next?.earnedMinor ?? 0n)).toBe("1500.00");
    expect(carried(next)).toEqual({ [`player=${A}`]: "-1000.00" });
  });

  test("without both triggers the loss is everybody's", () => {
    const full = fenced({ carry: { policy: CarryPolicy.FULL } });
    expect(carried(settle(full, [...of(A, -6_999), ...based(1_000)]))).toEqual({ "": "-5999.00" });
    expect(carried(settle(full, [...of(A, -9_000), ...based(7_001)]))).toEqual({ "": "-1999.00" });
  });

  test("what high rollers did not lose is carried by the policy, and of two who lost most first", () => {
    const full = fenced({ carry: { policy: CarryPolicy.FULL } });
    expect(carried(settle(full, [...of(A, -9_000), ...based(-1_000)]))).toEqual({
      ...{ "": "-1000.00", [`player=${A}`]: "-9000.00" },
    });
    expect(carried(settle(full, [...of(A, -8_000), ...of(B, -9_000), ...based(5_000)]))).toEqual({
      ...{ [`player=${A}`]: "-3000.00", [`player=${B}`]: "-9000.00" },
    });
  });

  test("what is carried against a player expires, and lapses with the term", () => {
    const expiring = fenced({ carry: { policy: CarryPolicy.FULL, expiresAfterPeriods: 1 } });
    const [, second, third] = chain(expiring, [of(A, -9_000), based(100), of(A, 500)]);
    expect(second && line(second, "PLAYER_EXPIRED").result).toBe("-9000.00");
    expect(carried(second)).toEqual({});
    expect(money(third?.earnedMinor ?? 0n)).toBe("150.00");
    const first = settle(fenced(), of(A, -9_000));
    const without = settle(fenced({ carry: { ringFence: null } }), based(100), { state: first.stateOut });
    expect(line(without, "PLAYER_EXPIRED")).toMatchObject({ scope: `player=${A}`, result: "-9000.00" });
    expect(money(without.earnedMinor)).toBe("30.00");
  });

  test("a player who does nothing carries on, though nothing else happens", () => {
    const [, second] = chain(fenced(), [of(A, -9_000), []]);
    expect(carried(second)).toEqual({ [`player=${A}`]: "-9000.00" });
  });

  test("it conserves: what was posted and carried in is what is shared, carried on and carried against players", () => {
    const amounts = fc.integer({ min: -20_000, max: 20_000 });
    const periods = fc.array(fc.record({ a: amounts, b: amounts, others: amounts }), { maxLength: 6 });
    const contract = fenced({ carry: { policy: CarryPolicy.FULL } });
    fc.assert(
      fc.property(periods, (each) => {
        let [state, bases, shared]: [State, Rational, Rational] = [[], Rational.ZERO, Rational.ZERO];
        for (const { a, b, others } of each) {
          const result = settle(contract, [...of(A, a), ...of(B, b), ...based(others)], { state });
          bases = bases.plus(result.base);
          shared = shared.plus(Rational.of(result.earnedMinor).over(exact("0.3")));
          state = result.stateOut;
          expect(state.every(({ value }) => value.isNegative)).toBe(true);
        }
        expect(shared.plus(carriedIn(state)).toText()).toBe(bases.toText());
      }),
    );
  });

  test("within a tier window players are fenced by the period, and the window sums what is left", () => {
    const contract = fenced({ carry: { policy: CarryPolicy.FULL } });
    const weekly = { ...contract, share: { ...contract.share, window: Window.MONTH } };
    const weeks = [wholePeriod("2026-03-02", "2026-03-09"), wholePeriod("2026-03-09", "2026-03-16")];
    const [first, second] = chain(weekly, [[...of(A, -9_000), ...based(1_000)], based(2_000)], weeks);
    expect(carried(first)).toEqual({ [`player=${A}`]: "-8000.00" });
    expect(money(second?.earnedMinor ?? 0n)).toBe("600.00");
  });
});

describe("players told apart", () => {
  test("rows keep their sums, and what is left of nothing is no row", () => {
    const totals = totalsOf({ BET: 100, WIN: 70 });
    const told = takeApart(totals, [
      ...totalsOf({ BET: 100 }).map((total) => ({ ...total, player: A })),
      ...totalsOf({ WIN: 30 }).map((total) => ({ ...total, count: 0n, player: A })),
    ]);
    expect(told.map(({ kind, sumMinor, player = "" }) => [kind, sumMinor, player])).toEqual([
      ["WIN", 4_000n, ""],
      ["BET", 10_000n, A],
      ["WIN", 3_000n, A],
    ]);
    expect(settle(contractWith(), told).earnedMinor).toBe(settle(contractWith(), totals).earnedMinor);
  });

  test("of too many who lost those come first who lost most, beside those who carry already", () => {
    const losers = Array.from({ length: 1_200 }, (_, index) => ({
      player: String(index),
      base: Rational.of(-BigInt(index)),
    }));
    const chosen = greatestLosers(losers, 10);
    expect([chosen.length, chosen[0]?.player, chosen.at(-1)?.player]).toEqual([990, "1199", "210"]);
  });
});
