import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Rational } from "../../src/kernel/rational.js";
import { AccountName } from "../../src/ledger/entities.js";
import type { KindTotal } from "../../src/settlement/terms/activity.js";
import { calculate, type TermsResult } from "../../src/settlement/terms/calculate.js";
import { type Contract, GuaranteeKind, TierMode, Window } from "../../src/settlement/terms/contract.js";
import { exactText } from "../../src/settlement/terms/exact.js";
import { type Origin, ownTotals } from "../../src/settlement/terms/origin.js";
import type { PeriodDays } from "../../src/settlement/terms/period.js";
import type { State } from "../../src/settlement/terms/state.js";
import {
  anyContract,
  anyTotals,
  carrying,
  contractWith,
  exact,
  MARCH,
  totalsOf,
  wholePeriod,
} from "../support/contracts.js";
import { based, cents, line, money, settle } from "../support/settling.js";

const APRIL = wholePeriod("2026-04-01", "2026-05-01");
const O = "prd_origin";
const BRACKETS = [
  { upTo: cents("5000"), rate: exact("0.25") },
  { upTo: null, rate: exact("0.3") },
];
const slab = atOrigin({ share: { pointer: "/share", mode: TierMode.SLAB, window: Window.PERIOD, brackets: BRACKETS } });

function atOrigin(changes: Parameters<typeof contractWith>[0] = {}): Contract {
  return contractWith({ ...changes, settlesLateAtOrigin: true });
}

function lateOf(totals: readonly KindTotal[]): KindTotal[] {
  return totals.map((total) => ({ ...total, originPeriodId: O }));
}

function originOf(contract: Contract, totals: readonly KindTotal[], changes: Partial<Origin> = {}): Origin {
  return { periodId: O, contract, totals, state: [], period: MARCH, before: [], ...changes };
}

interface Late {
  readonly totals: readonly KindTotal[];
  readonly origin: Origin;
  readonly state?: State;
  readonly period?: PeriodDays;
  readonly openingMinor?: bigint;
}

/** The April statement, with late items of March. */
function settleLate(contract: Contract, { totals, origin, ...before }: Late): TermsResult {
  return calculate({ state: [], openingMinor: 0n, period: APRIL, ...before, contract, totals, origins: [origin] });
}

describe("domain 6, ORIGIN_TERMS", () => {
  test("late items lift the origin into its next tier; what was settled for it is taken off", () => {
    const origin = originOf(slab, based(4_000));
    const result = settleLate(slab, { totals: [...based(1_000), ...lateOf(based(2_000))], origin });
    expect(money(result.earnedMinor)).toBe("1050.00"); // 1,000 × 25 % and 6,000 × 30 % − 1,000
    expect(exactText(result.base, 2)).toBe("1000.00");
    const change = result.lines.find(({ scope }) => scope === `origin=${O}`);
    expect(change).toMatchObject({
      code: "SHARE",
      formula: "again - settled",
      term: "/lateItems",
      amountMinor: 80_000n,
    });
    const more = { ...origin, before: lateOf(based(2_000)) };
    expect(money(settleLate(slab, { totals: lateOf(based(1_000)), origin: more }).earnedMinor)).toBe("300.00");
  });

  test("the difference of its carry-out moves the present carry-in", () => {
    const origin = originOf(slab, based(-100));
    const state = carrying(cents("-100"));
    const worse = settleLate(slab, { totals: [...based(1_000), ...lateOf(based(-30))], origin, state });
    expect([exactText(worse.carryIn, 2), money(worse.earnedMinor)]).toEqual(["-130.00", "217.50"]);
    const better = settleLate(slab, { totals: [...based(1_000), ...lateOf(based(60))], origin, state });
    expect([exactText(better.carryIn, 2), money(better.earnedMinor)]).toEqual(["-40.00", "240.00"]);
    const gone = settleLate(slab, { totals: [...based(1_000), ...lateOf(based(60))], origin });
    expect([exactText(gone.carryIn, 2), money(gone.earnedMinor)]).toEqual(["60.00", "265.00"]);
    const lost = settleLate(slab, { totals: [...based(-1_000), ...lateOf(based(60))], origin });
    expect([exactText(lost.carryOut, 2), money(lost.earnedMinor)]).toEqual(["-940.00", "0.00"]);
  });

  test("a reversal reverses at its original's terms, whatever the present ones are", () => {
    const present = atOrigin({ shareRate: exact("0.05") });
    const origin = originOf(atOrigin({ shareRate: exact("0.4") }), based(1_000));
    const result = settleLate(present, { totals: lateOf(totalsOf({ ROLLBACK_BET: 1_000 })), origin });
    expect(money(result.earnedMinor)).toBe("-400.00");
  });

  test("in the same tier window its base and what was settled of it move, and the carry does not", () => {
    const share = { pointer: "/share", mode: TierMode.SLAB, window: Window.MONTH, brackets: BRACKETS };
    const contract = atOrigin({ share });
    const [one, two, three] = [
      wholePeriod("2026-03-02", "2026-03-09"),
      wholePeriod("2026-03-09", "2026-03-16"),
      wholePeriod("2026-03-16", "2026-03-23"),
    ];
    const first = settle(contract, based(-2_000), { period: one });
    const second = settle(contract, based(4_000), { period: two, state: first.stateOut });
    const origin = originOf(contract, based(-2_000), { period: one });
    const third = settleLate(contract, {
      totals: [...based(1_000), ...lateOf(based(500))],
      origin,
      period: three,
      state: second.stateOut,
    });
    expect(exactText(third.carryIn, 2)).toBe("0.00");
    expect([first, second, third].map(({ earnedMinor }) => money(earnedMinor))).toEqual(["0.00", "500.00", "375.00"]);
  });

  test("an advance is recouped from what late items earned as well", () => {
    const guarantee = {
      ...{
        pointer: "/guarantee",
        kind: GuaranteeKind.RECOUPABLE_ADVANCE,
        amount: Rational.ZERO,
        window: Window.PERIOD,
      },
      ...{ isProrated: false, instalments: [{ on: "2026-03-01", amount: cents("1000") }] },
    };
    const contract = atOrigin({ shareRate: exact("0.5"), guarantee });
    const first = settle(contract, based(1_000));
    expect(money(first.earnedMinor)).toBe("1000.00"); // 500 and what is outstanding: 1,000 − 500
    const origin = originOf(contract, based(1_000));
    const second = settleLate(contract, { totals: lateOf(based(200)), origin, state: first.stateOut });
    expect(money(second.earnedMinor)).toBe("0.00");
    expect(line(second, "ADVANCE")).toMatchObject({
      inputs: { earned: "100.00", outstanding: "500.00" },
      amount: "-100.00",
    });
  });

  test("for any contract a late reversal takes back what its original earned, to the unit", () => {
    fc.assert(
      fc.property(anyContract, anyContract, anyTotals, anyTotals, (terms, present, totals, late) => {
        const originals = late.filter(({ kind }) => !kind.startsWith("ROLLBACK_"));
        const reversals = originals.map((total) => ({ ...total, kind: `ROLLBACK_${total.kind}` }));
        const contract = { ...terms, settlesLateAtOrigin: true };
        const origin = originOf(contract, ownTotals(contract, totals));
        const changeOf = (each: readonly KindTotal[], before: readonly KindTotal[] = []) => {
          const input = { totals: lateOf(each), origin: { ...origin, before: lateOf(before) } };
          const result = settleLate({ ...present, settlesLateAtOrigin: true }, input);
          return result.origins[0]?.lines.reduce((sum, { amountMinor }) => sum + amountMinor, 0n) ?? 0n;
        };
        expect(changeOf(originals) + changeOf(reversals, originals)).toBe(0n);
      }),
    );
  });

  test("for any contract late items come to what they would have come to in time, and the books clear", () => {
    fc.assert(
      fc.property(anyContract, anyTotals, anyTotals, (terms, totals, late) => {
        const contract = { ...terms, settlesLateAtOrigin: true };
        const own = totals.filter(({ originPeriodId }) => originPeriodId === null);
        const inTime = late.map((total) => ({ ...total, originPeriodId: null }));
        const first = settle(contract, own);
        const whole = settle(contract, [...own, ...inTime]);
        const result = settleLate(contract, { totals: lateOf(late), origin: originOf(contract, own) });
        const again = result.origins[0]?.lines.reduce((sum, { amountMinor }) => sum + amountMinor, 0n);
        const all = ({ earnedMinor, adjustmentsMinor }: TermsResult) => earnedMinor + adjustmentsMinor;
        expect(all(first) + (again ?? 0n)).toBe(all(whole));
        for (const account of [AccountName.JACKPOT_POOL, AccountName.FEE_DUE, AccountName.ADJUSTMENT_DUE]) {
          const moved = (each: TermsResult) => each.postings.find((one) => one.account === account)?.amountMinor ?? 0n;
          expect(moved(first) + moved(result)).toBe(moved(whole));
        }
      }),
    );
  });
});
