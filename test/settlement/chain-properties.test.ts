import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Rational, RoundingMode } from "../../src/kernel/rational.js";
import { AccountName } from "../../src/ledger/entities.js";
import { calculate, type TermsResult } from "../../src/settlement/terms/calculate.js";
import {
  CarryPolicy,
  CarryUnit,
  type Contract,
  RoundingStage,
  type ShareTerms,
  TierMode,
  Window,
} from "../../src/settlement/terms/contract.js";
import { NegativePosition, ReserveOf } from "../../src/settlement/terms/payment-terms.js";
import { shareOut } from "../../src/settlement/terms/rounding.js";
import { carriedIn, type State, StateName } from "../../src/settlement/terms/state.js";
import { applyTiers, tierWarnings } from "../../src/settlement/terms/tiers.js";
import { amount } from "../../src/settlement/terms/working.js";
import { anyContract, anyShare, anyTotals, contractWith, exact, MARCH, totalsOf } from "../support/contracts.js";

const HALF = Rational.of(1n, 2n);
const anyBase = fc.bigInt(0n, 10n ** 14n).map((minor) => Rational.of(minor));

function due(share: ShareTerms, base: Rational): Rational {
  const shared = amount("base", base);
  return applyTiers(share, { shared, chosenBy: shared }, "").due.value;
}

function chain(contract: Contract, bases: readonly number[]): readonly TermsResult[] {
  const results: TermsResult[] = [];
  for (const base of bases) {
    const last = results.at(-1);
    const totals = base < 0 ? totalsOf({ WIN: -base }) : totalsOf({ BET: base });
    const [state, openingMinor] = [last?.stateOut ?? [], last?.closingMinor ?? 0n];
    results.push(calculate({ contract, totals, state, openingMinor, period: MARCH }));
  }
  return results;
}

const anyBases = fc.array(fc.integer({ min: -100_000, max: 100_000 }), { maxLength: 8 });

describe("tiers", () => {
  test("marginal ones never pay less for more, and at most the highest rate of the difference: no cliff", () => {
    fc.assert(
      fc.property(anyShare, anyBase, anyBase, (share, one, other) => {
        const marginal = { ...share, mode: TierMode.MARGINAL };
        const [low, high] = one.compare(other) <= 0 ? [one, other] : [other, one];
        const more = due(marginal, high).minus(due(marginal, low));
        const top = share.brackets.reduce((most, { rate }) => most.max(rate), Rational.ZERO);
        expect(more.isNegative).toBe(false);
        expect(more.compare(high.minus(low).times(top))).toBeLessThanOrEqual(0);
      }),
    );
  });

  test("slabs with rising rates never pay less for more, and never less than marginal ones", () => {
    fc.assert(
      fc.property(anyShare, anyBase, anyBase, (share, one, other) => {
        const rates = share.brackets.map(({ rate }) => rate).sort((a, b) => a.compare(b));
        const brackets = share.brackets.map(({ upTo }, index) => ({ upTo, rate: rates[index] ?? Rational.ZERO }));
        const slab = { ...share, brackets, mode: TierMode.SLAB };
        const [low, high] = one.compare(other) <= 0 ? [one, other] : [other, one];
        expect(due(slab, low).compare(due(slab, high))).toBeLessThanOrEqual(0);
        expect(due({ ...slab, mode: TierMode.MARGINAL }, high).compare(due(slab, high))).toBeLessThanOrEqual(0);
      }),
    );
  });

  test("a slab pays less for more exactly where that is warned of", () => {
    fc.assert(
      fc.property(anyShare, (terms) => {
        const share = { ...terms, mode: TierMode.SLAB };
        const warned = tierWarnings(share).filter(({ reason }) => reason.startsWith("pays less"));
        const falls = share.brackets.flatMap(({ upTo, rate }, index) => {
          const above = share.brackets[index + 1]?.rate ?? rate;
          if (upTo === null) return [];
          const next = upTo.plus(Rational.ONE);
          expect(due(share, next).toText()).toBe(next.times(above).toText());
          expect(due(share, upTo).toText()).toBe(upTo.times(rate).toText());
          return above.compare(rate) < 0 ? [index + 1] : [];
        });
        expect(warned.map(({ index }) => index)).toEqual(falls);
      }),
    );
  });

  test("what a window was settled is what all of its base comes to, to the half unit, however it was cut", () => {
    fc.assert(
      fc.property(anyShare, anyBases, (terms, bases) => {
        const share = { ...terms, window: Window.MONTH };
        const contract = contractWith({ share, carryPolicy: CarryPolicy.NONE });
        const settled = chain(contract, bases).reduce((sum, { earnedMinor }) => sum + earnedMinor, 0n);
        const whole = bases.reduce((sum, base) => sum + BigInt(base) * 100n, 0n);
        const all = due(share, Rational.of(whole > 0n ? whole : 0n));
        const away = all.minus(Rational.of(settled));
        expect((away.isNegative ? away.negate() : away).compare(HALF)).toBeLessThanOrEqual(0);
      }),
    );
  });
});

test("largest remainders conserve: the parts add up to the whole, each within a unit of its part", () => {
  const weights = fc.array(fc.bigInt(1n, 1_000n), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(fc.bigInt(0n, 10n ** 15n), weights, (whole, parts) => {
      const sum = parts.reduce((total, part) => total + part, 0n);
      const exactParts = parts.map((part) => Rational.of(whole * part, sum));
      const shares = shareOut(whole, exactParts);
      expect(shares.reduce((total, share) => total + share, 0n)).toBe(whole);
      shares.forEach((share, index) => {
        const away = Rational.of(share).minus(exactParts[index] ?? Rational.ZERO);
        expect((away.isNegative ? away.negate() : away).compare(Rational.ONE)).toBeLessThan(0);
      });
    }),
  );
});

test("carrying conserves, capped and expiring: bases are shared, carried or expired, nothing else", () => {
  const carry = fc.record({
    policy: fc.constantFrom(CarryPolicy.FULL, CarryPolicy.CAPPED),
    rate: fc.constantFrom("0", "0.5", "1/3", "1").map(exact),
    expiresAfterPeriods: fc.option(fc.integer({ min: 1, max: 3 })),
  });
  fc.assert(
    fc.property(carry, anyBases, (terms, bases) => {
      const rounding = { mode: RoundingMode.HALF_EVEN, stage: RoundingStage.TOTAL };
      const results = chain(
        contractWith({ shareRate: Rational.ONE, rounding, carry: { ...terms, unit: CarryUnit.BASE } }),
        bases,
      );
      const valueAt = ({ lines }: TermsResult, code: string) =>
        lines.find((line) => line.code === code)?.value ?? Rational.ZERO;
      const sum = (code: string) => results.reduce((total, result) => total.plus(valueAt(result, code)), Rational.ZERO);
      const carried = carriedIn(results.at(-1)?.stateOut ?? []);
      expect(sum("SHARE").plus(carried).plus(sum("CARRY_EXPIRED")).toText()).toBe(sum("BASE").toText());
    }),
  );
});

test("a carried commission conserves: what the tiers gave is paid, carried or expired, nothing else", () => {
  const carry = fc.record({
    policy: fc.constantFrom(CarryPolicy.FULL, CarryPolicy.CAPPED),
    rate: fc.constantFrom("0", "0.5", "1/3", "1").map(exact),
    expiresAfterPeriods: fc.option(fc.integer({ min: 1, max: 3 })),
  });
  fc.assert(
    fc.property(anyShare, carry, anyBases, (terms, carried, bases) => {
      const share = { ...terms, window: Window.PERIOD };
      const results = chain(contractWith({ share, carry: { ...carried, unit: CarryUnit.COMMISSION } }), bases);
      const sum = (code: string) =>
        results
          .flatMap(({ lines }) => lines.filter((line) => line.code === code))
          .reduce((total, { value }) => total.plus(value), Rational.ZERO);
      const left = carriedIn(results.at(-1)?.stateOut ?? []);
      expect(sum("SHARE").plus(left).plus(sum("CARRY_EXPIRED")).toText()).toBe(sum("COMMISSION").toText());
    }),
  );
});

test("a reserve conserves: what was held was released or is held still", () => {
  const reserve = fc.record({
    rate: fc.constantFrom("0.05", "1/3", "1").map(exact),
    of: fc.constantFrom(...Object.values(ReserveOf)),
    releaseAfterPeriods: fc.integer({ min: 1, max: 4 }),
    maximum: fc.constantFrom(null, exact("1000000")),
  });
  fc.assert(
    fc.property(reserve, anyBases, (terms, bases) => {
      const results = chain(contractWith({ reserve: terms }), bases);
      const moved = results.reduce((sum, each) => sum + each.reserveHeldMinor - each.reserveReleasedMinor, 0n);
      const state: State = results.at(-1)?.stateOut ?? [];
      const still = state.filter(({ name }) => name === StateName.RESERVE);
      expect(still.reduce((sum, { value }) => sum.plus(value), Rational.ZERO).toText()).toBe(moved.toString());
      const posted = results.flatMap(({ postings }) =>
        postings.filter(({ account }) => account === AccountName.RESERVE),
      );
      expect(posted.reduce((sum, { amountMinor }) => sum + amountMinor, 0n)).toBe(-moved);
    }),
  );
});

test("closings chain, and POSITION moves by what each adds, collected ones too", () => {
  const contracts = fc.tuple(anyContract, fc.constantFrom(...Object.values(NegativePosition)));
  fc.assert(
    fc.property(contracts, fc.array(anyTotals, { maxLength: 4 }), ([any, negative], periods) => {
      const contract = { ...any, payout: { ...any.payout, negative } };
      let [state, position]: [State, bigint] = [[], 0n];
      for (const totals of periods) {
        const result = calculate({ contract, totals, state, openingMinor: position, period: MARCH });
        const moved = result.postings.find(({ account }) => account === AccountName.POSITION)?.amountMinor ?? 0n;
        expect(position - moved).toBe(result.closingMinor);
        [state, position] = [result.stateOut, result.closingMinor];
      }
    }),
  );
});
