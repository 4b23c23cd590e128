import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Rational, RoundingMode } from "../../src/kernel/rational.js";
import { AccountName } from "../../src/ledger/entities.js";
import { postingOf } from "../../src/ledger/rules.js";
import { TransactionKind } from "../../src/periods/entities.js";
import type { KindTotal } from "../../src/settlement/terms/activity.js";
import { calculate, type TermsResult } from "../../src/settlement/terms/calculate.js";
import {
  CarryPolicy,
  CarryUnit,
  DeductionType,
  FreeRoundStake,
  Measure,
  type Rounding,
  RoundingStage,
  Window,
} from "../../src/settlement/terms/contract.js";
import { LineSection, publishLine } from "../../src/settlement/terms/lines.js";
import { roundEarned } from "../../src/settlement/terms/rounding.js";
import { carriedIn, type State } from "../../src/settlement/terms/state.js";
import {
  amount,
  greatest,
  least,
  minus,
  negate,
  plus,
  times,
  type Working,
} from "../../src/settlement/terms/working.js";
import {
  anyCarry,
  anyContract,
  anyOpening,
  anyTotals,
  baseWith,
  carrying,
  contractWith,
  deducting,
  exact,
  MARCH,
  wholePeriod,
} from "../support/contracts.js";
import { evaluate } from "../support/formula.js";
import { chain, settle } from "../support/settling.js";

test("parts add up to the rounded sum, each within a unit; lines lie within half a unit in the half modes", () => {
  const part = fc.tuple(fc.bigInt(-(10n ** 12n), 10n ** 12n), fc.bigInt(1n, 999n)).map(([n, d]) => Rational.of(n, d));
  const modes = fc.constantFrom(...Object.values(RoundingMode));
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), modes, (exactParts, mode) => {
      const total = exactParts.reduce((sum, each) => sum.plus(each), Rational.ZERO);
      const shared = roundEarned(exactParts, { mode, stage: RoundingStage.TOTAL });
      expect(shared.reduce((sum, each) => sum + each, 0n)).toBe(total.round(mode));
      const lines = roundEarned(exactParts, { mode, stage: RoundingStage.LINE });
      exactParts.forEach((each, index) => {
        expect(distance(each, shared[index]).compare(Rational.ONE)).toBeLessThan(0);
        const bound = mode.startsWith("HALF") ? Rational.of(1n, 2n) : Rational.ONE;
        expect(distance(each, lines[index]).compare(bound)).toBeLessThanOrEqual(0);
      });
    }),
  );
});

test("a formula says what was computed, however it is built", () => {
  const atom = fc.record({ name: fc.constantFrom("a", "b", "c"), value: fc.integer({ min: -9, max: 9 }) });
  const { tree } = fc.letrec<{ tree: Working }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      atom.map(({ name, value }) => amount(`${name}${value < 0 ? "n" : ""}${Math.abs(value)}`, exact(String(value)))),
      tie("tree").map(negate),
      fc
        .tuple(fc.constantFrom(plus, minus, times, least, greatest), tie("tree"), tie("tree"))
        .map(([join, left, right]) => join(left, right)),
    ),
  }));
  fc.assert(
    fc.property(tree, ({ formula, inputs, value }) => {
      const texts = Object.entries(inputs).map(([name, quantity]) => [name, quantity.value.toText()]);
      expect(evaluate(formula, Object.fromEntries(texts)).toText()).toBe(value.toText());
    }),
  );
});

describe("for any contract and activity", () => {
  const anyCase = fc.record({
    contract: anyContract,
    totals: anyTotals,
    state: anyCarry.map(carrying),
    openingMinor: anyOpening,
    period: fc.constant(MARCH),
  });

  test("every line's formula over its inputs gives its result", () => {
    fc.assert(
      fc.property(anyCase, fc.constantFrom(0, 2, 8), (input, scale) => {
        for (const each of calculate(input).lines.map((exactLine) => publishLine(exactLine, scale))) {
          expect(evaluate(each.formula, each.inputs).toText()).toBe(exact(each.result).toText());
        }
      }),
    );
  });

  test("the statement adds up, its entry sums to zero, and POSITION moves by closing less opening", () => {
    fc.assert(
      fc.property(anyCase, (input) => {
        const result = calculate(input);
        const { openingMinor, earnedMinor, adjustmentsMinor, payableMinor, closingMinor } = result;
        expect(closingMinor).toBe(openingMinor + earnedMinor + adjustmentsMinor - payableMinor);
        expect(result.postings.reduce((sum, { amountMinor }) => sum + amountMinor, 0n)).toBe(0n);
        const moved = result.postings.find(({ account }) => account === AccountName.POSITION)?.amountMinor ?? 0n;
        expect(-moved).toBe(closingMinor - openingMinor);
        expect(payableMinor >= 0n).toBe(true);
      }),
    );
  });

  test("lines of money add up to earned and adjustments; rounding moves a line, or its sum, by half a unit", () => {
    fc.assert(
      fc.property(anyCase, (input) => {
        const result = calculate(input);
        const published = result.lines.map((each) => publishLine(each, 0));
        const sumIn = (section: LineSection) =>
          published
            .filter((each) => each.section === section)
            .reduce((sum, { amount }) => sum + BigInt(amount ?? 0), 0n);
        expect(sumIn(LineSection.EARNED)).toBe(result.earnedMinor);
        expect(sumIn(LineSection.ADJUSTMENTS)).toBe(result.adjustmentsMinor);
        for (const { value, amountMinor, rounding } of result.lines) {
          if (amountMinor === null) continue;
          const most = rounding === null ? Rational.ZERO : mostMoved(rounding);
          expect(distance(value, amountMinor).compare(most)).toBeLessThanOrEqual(0);
        }
        const together = result.lines.filter(({ rounding }) => rounding?.stage === RoundingStage.TOTAL);
        const exactSum = together.reduce((sum, { value }) => sum.plus(value), Rational.ZERO);
        const paid = together.reduce((sum, { amountMinor }) => sum + (amountMinor ?? 0n), 0n);
        const alone = { mode: input.contract.rounding.mode, stage: RoundingStage.LINE };
        expect(distance(exactSum, paid).compare(mostMoved(alone))).toBeLessThanOrEqual(0);
      }),
    );
  });

  test("carrying conserves: under FULL what was shared and what is carried out make up all bases", () => {
    const contracts = anyContract.map(({ carry, ...contract }) => ({
      ...contract,
      share: { ...contract.share, window: Window.PERIOD },
      carry: { ...carry, policy: CarryPolicy.FULL, unit: CarryUnit.BASE, expiresAfterPeriods: null },
    }));
    fc.assert(
      fc.property(contracts, fc.array(anyTotals, { maxLength: 5 }), (contract, periods) => {
        let [state, bases, shared]: [State, Rational, Rational] = [[], Rational.ZERO, Rational.ZERO];
        for (const totals of periods) {
          const result = calculate({ contract, totals, state, openingMinor: 0n, period: MARCH });
          bases = bases.plus(result.base);
          shared = shared.plus(result.base.plus(result.carryIn).max(Rational.ZERO));
          state = result.stateOut;
        }
        expect(shared.plus(carriedIn(state)).toText()).toBe(bases.toText());
      }),
    );
  });

  test("what a statement states as carried in is what its lines carry in, and what the one before carried out", () => {
    const contracts = anyContract.map((contract) => ({
      ...contract,
      share: { ...contract.share, window: Window.MONTH },
    }));
    fc.assert(
      fc.property(contracts, fc.array(anyTotals, { maxLength: 5 }), (contract, weeks) => {
        const days = weeks.map((_, week) => wholePeriod(`2026-0${3 + (week >> 1)}-01`, `2026-0${3 + (week >> 1)}-08`));
        const results = chain(contract, weeks, days);
        for (const [index, { carryIn, lines }] of results.entries()) {
          const stated = lines.filter(({ code }) => code === "CARRY_IN" || code === "PLAYER_CARRY_IN");
          const sum = stated.reduce((total, { value }) => total.plus(value), Rational.ZERO);
          if (stated.length > 0) expect(sum.toText()).toBe(carryIn.toText());
          expect(carryIn.toText()).toBe((results[index - 1]?.carryOut ?? Rational.ZERO).toText());
        }
      }),
    );
  });

  test("domain 4: NGR is the same whichever free rounds' stakes count at face value, however they are mixed", () => {
    const anyStakes = fc.array(fc.option(fc.boolean(), { nil: null }), { minLength: 24, maxLength: 24 });
    const base = baseWith({ measure: Measure.NGR, deductions: [deducting(DeductionType.BONUS)] });
    fc.assert(
      fc.property(anyTotals, anyStakes, (totals, stakes) => {
        const valued = totals.map((total, index) => {
          const isAtFaceValue = stakes[index] ?? null;
          return isAtFaceValue === null ? total : { ...total, isAtFaceValue };
        });
        const bases = [totals, valued].map((each) => settle(contractWith({ base }), each).base.toText());
        expect(bases[1]).toBe(bases[0]);
      }),
    );
  });

  test("what a rule says of all stakes comes to what the base says, caps and rates of deductions included", () => {
    fc.assert(
      fc.property(anyCase, fc.boolean(), ({ contract, ...input }, isAtFaceValue) => {
        const freeRoundStake = isAtFaceValue ? FreeRoundStake.FACE_VALUE : FreeRoundStake.ZERO;
        const said = calculate({ ...input, contract: { ...contract, base: { ...contract.base, freeRoundStake } } });
        const totals = input.totals.map((total) => ({ ...total, isAtFaceValue }));
        const chosen = calculate({ ...input, contract, totals });
        const written = ({ lines }: TermsResult) => lines.map(({ formula, value }) => `${formula} ${value.toText()}`);
        expect(written(chosen)).toEqual(written(said));
      }),
    );
  });

  test("what posting left due, the entry clears", () => {
    const due: readonly AccountName[] = [AccountName.JACKPOT_POOL, AccountName.FEE_DUE, AccountName.ADJUSTMENT_DUE];
    fc.assert(
      fc.property(anyCase, (input) => {
        const { postings } = calculate(input);
        for (const account of due) {
          const cleared = postings.find((posting) => posting.account === account)?.amountMinor ?? 0n;
          expect(postedTo(account, input.totals) + cleared).toBe(0n);
        }
      }),
    );
  });
});

/** By how much a line may differ from its exact result: half a unit by the half modes where it is rounded alone. */
function mostMoved({ mode, stage }: Rounding): Rational {
  return mode.startsWith("HALF") && stage === RoundingStage.LINE ? Rational.of(1n, 2n) : Rational.ONE;
}

/** What the ledger's own table posts to an account for these totals. */
function postedTo(account: AccountName, totals: readonly KindTotal[]): bigint {
  return totals.reduce((balance, { kind, category, sumMinor }) => {
    const original = kind.replace("ROLLBACK_", "");
    const posting = postingOf(
      Object.values(TransactionKind).find((name) => String(name) === original) ?? TransactionKind.BET,
      category,
    );
    const signed = kind === original ? sumMinor : -sumMinor;
    return balance + (posting?.debit === account ? signed : 0n) - (posting?.credit === account ? signed : 0n);
  }, 0n);
}

function distance(value: Rational, rounded: bigint | undefined): Rational {
  const difference = value.minus(Rational.of(rounded ?? 0n));
  return difference.isNegative ? difference.negate() : difference;
}
