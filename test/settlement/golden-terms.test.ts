import { describe, expect, test } from "vitest";
import { Rational } from "../../src/kernel/rational.js";
import { TransactionKind } from "../../src/periods/entities.js";
import type { KindTotal } from "../../src/settlement/terms/activity.js";
import type { TermsResult } from "../../src/settlement/terms/calculate.js";
import {
  CarryPolicy,
  CarryUnit,
  type Contract,
  FeeKind,
  FeePayer,
  type Guarantee,
  GuaranteeKind,
  Measure,
  type ShareTerms,
  TierBasis,
  TierMode,
  Window,
} from "../../src/settlement/terms/contract.js";
import { exactText } from "../../src/settlement/terms/exact.js";
import { publishLine } from "../../src/settlement/terms/lines.js";
import { NegativePosition, ReserveOf, VatTreatment } from "../../src/settlement/terms/payment-terms.js";
import type { PeriodDays } from "../../src/settlement/terms/period.js";
import { type State, StateName } from "../../src/settlement/terms/state.js";
import { baseWith, contractWith, exact, MARCH, of, totalsOf, wholePeriod } from "../support/contracts.js";
import { based, cents, chain, earned, line, money, postingsOf, settle } from "../support/settling.js";

/** Domain 5. */
const BRACKETS = tiers([
  ["5000", "0.25"],
  ["20000", "0.3"],
  ["50000", "0.35"],
  ["100000", "0.4"],
  [null, "0.5"],
]);
/** Domain 5, a provider's volume rebate. */
const REBATE = tiers([
  ["50000", "0.15"],
  ["200000", "0.12"],
  [null, "0.1"],
]);

function tiers(brackets: readonly (readonly [upTo: string | null, rate: string])[]) {
  return brackets.map(([upTo, rate]) => ({ upTo: upTo === null ? null : cents(upTo), rate: exact(rate) }));
}

function share(mode: TierMode, brackets = BRACKETS, window = Window.PERIOD): ShareTerms {
  return { pointer: "/share", mode, brackets, window };
}

/** Seven days each from 2 March 2026, a Monday. */
const WEEKS: readonly PeriodDays[] = [2, 9, 16, 23].map((day) => {
  const [first = "", next = ""] = [day, day + 7].map((each) => `2026-03-${String(each).padStart(2, "0")}`);
  return wholePeriod(first, next);
});

describe("domain 2, jackpot wins", () => {
  const activity = totalsOf({
    ...{ BET: 1_250_000, ROLLBACK_BET: 10_000, WIN: 1_172_000, ROLLBACK_WIN: 2_000 },
    JACKPOT_WIN: 50_000,
  });
  test("counted as winnings GGR is 20,000, excluded 70,000", () => {
    const included = contractWith({ base: baseWith({ jackpotWinsIncluded: true }) });
    expect(line(settle(included, activity), "GGR").result).toBe("20000.00");
    expect(line(settle(contractWith(), activity), "GGR").result).toBe("70000.00");
  });
});

describe("a base of its own making", () => {
  test("CUSTOM adds and takes off rates of kinds", () => {
    const components = [
      { kind: TransactionKind.BET, rate: exact("1"), isTakenOff: false },
      { kind: TransactionKind.WIN, rate: exact("0.5"), isTakenOff: true },
    ];
    const contract = contractWith({ base: baseWith({ measure: Measure.CUSTOM, components }) });
    const result = settle(contract, totalsOf({ BET: 1_000, ROLLBACK_BET: 100, WIN: 400 }));
    expect(line(result, "BASE")).toMatchObject({ formula: expect.stringContaining("rate2 * win"), result: "700.00" });
  });
});

describe("domain 5, tiers", () => {
  const slab = contractWith({ share: share(TierMode.SLAB) });
  const marginal = contractWith({ share: share(TierMode.MARGINAL) });

  test("slab: 25,000 × 35 % = 8,750.00", () => {
    const result = settle(slab, based(25_000));
    expect(line(result, "TIER_RATE")).toMatchObject({
      formula: expect.stringMatching(/^if upTo1 >= max\(base \+ carryIn, 0\) then rate1 else if /),
      inputs: { upTo3: "50000.00", rate3: "0.35" },
      result: "0.35",
      term: "/share/brackets",
    });
    expect(line(result, "SHARE")).toMatchObject({ formula: "rate * max(base + carryIn, 0)", amount: "8750.00" });
  });

  test("marginal: 1,250 + 4,500 + 1,750 = 7,500.00", () => {
    const result = settle(marginal, based(25_000));
    expect(line(result, "NET_BASE").result).toBe("25000.00");
    expect(line(result, "SHARE")).toMatchObject({
      formula: expect.stringContaining("rate2 * max(min(netBase, upTo2) - upTo1, 0)"),
      amount: "7500.00",
    });
  });

  test("a cliff: slab 20,000 is 6,000.00 and 20,001 is 7,000.35; marginal 5,750.00 and 5,750.35", () => {
    expect([20_000, 20_001].map((base) => earned(slab, base))).toEqual(["6000.00", "7000.35"]);
    expect([20_000, 20_001].map((base) => earned(marginal, base))).toEqual(["5750.00", "5750.35"]);
  });

  test("bounds are inclusive, and the next bracket starts immediately above", () => {
    expect([5_000, 5_000.01, 100_000, 100_000.01].map((base) => earned(slab, base))).toEqual([
      ...["1250.00", "1500.00", "40000.00"],
      "50000.00", // 50,000.005, half to even
    ]);
  });

  test("descending: slab 50,000 is 7,500.00 and 50,001 is 6,000.12; 70,000 is 8,400.00, marginal 9,900.00", () => {
    const rebate = (mode: TierMode) => contractWith({ share: share(mode, REBATE) });
    const bases = [50_000, 50_001, 70_000];
    expect(bases.map((base) => earned(rebate(TierMode.SLAB), base))).toEqual(["7500.00", "6000.12", "8400.00"]);
    expect(earned(rebate(TierMode.MARGINAL), 70_000)).toBe("9900.00");
  });
});

describe("domain 6, interim settlement inside a longer tier window", () => {
  const weeks = [4_000, 3_000, 15_000];
  const monthly = (mode: TierMode) =>
    contractWith({ share: share(mode, BRACKETS, Window.MONTH), carryPolicy: CarryPolicy.NONE });
  const dues = (mode: TierMode, bases: readonly number[]) =>
    chain(monthly(mode), bases.map(based), WEEKS).map(({ earnedMinor }) => money(earnedMinor));

  test("slab: 1,000, 1,100, 5,600 = 7,700.00", () => {
    expect(dues(TierMode.SLAB, weeks)).toEqual(["1000.00", "1100.00", "5600.00"]);
  });

  test("marginal: 1,000, 850, 4,600 = 6,450.00", () => {
    expect(dues(TierMode.MARGINAL, weeks)).toEqual(["1000.00", "850.00", "4600.00"]);
  });

  test("naive tiers by the week give 6,250.00", () => {
    const contract = contractWith({ share: share(TierMode.SLAB) });
    expect(weeks.map((base) => earned(contract, base))).toEqual(["1000.00", "750.00", "4500.00"]);
  });

  test("a week of −4,000 after 22,000 takes back 2,300.00", () => {
    const results = chain(monthly(TierMode.SLAB), [...weeks, -4_000].map(based), WEEKS);
    const last = results.at(-1);
    expect(money(last?.earnedMinor ?? 0n)).toBe("-2300.00");
    expect(last && line(last, "SHARE")).toMatchObject({
      formula: "rate * max(windowBase + carryIn, 0) - settled",
      inputs: { windowBase: "18000.00", settled: "7700.00" },
    });
  });

  test("a new window starts anew, with what the one before carries out", () => {
    const contract = contractWith({ share: share(TierMode.SLAB, BRACKETS, Window.MONTH) });
    const april = wholePeriod("2026-04-06", "2026-04-13");
    const [, second, third, fourth] = chain(contract, [1_000, -3_000, 6_000, 1_000].map(based), [
      ...WEEKS.slice(0, 2),
      april,
      { ...april, firstDay: "2026-04-13", nextDay: "2026-04-20" },
    ]);
    expect(money(second?.earnedMinor ?? 0n)).toBe("-250.00");
    expect(exactText(second?.carryOut ?? Rational.ZERO, 2)).toBe("-2000.00");
    expect(money(third?.earnedMinor ?? 0n)).toBe("1000.00"); // 4,000 × 25 %
    expect(money(fourth?.earnedMinor ?? 0n)).toBe("250.00"); // 7,000 less 2,000 is 5,000
    expect(carriesOf(second)).toEqual({ carryIn: "0.00", WINDOW_CARRY_IN: "0.00" });
    expect(carriesOf(third)).toEqual({ carryIn: "-2000.00", CARRY_IN: "-2000.00" });
    expect(carriesOf(fourth)).toEqual({ carryIn: "0.00", WINDOW_CARRY_IN: "-2000.00" });
  });
});

describe("domain 7, carry-over", () => {
  const bases = [-10_000, 15_000, 8_000].map(based);
  const at30 = (carry: Parameters<typeof contractWith>[0]) => contractWith({ shareRate: exact("0.3"), ...carry });
  const sums = (contract: Contract) =>
    chain(contract, bases).map((result) => [exactText(result.carryOut, 2), money(result.earnedMinor)]);

  test("CAPPED 50 % of a positive base: 0, 2,250 with 2,500 left, 1,650; in all 3,900", () => {
    const contract = at30({ carry: { policy: CarryPolicy.CAPPED, rate: exact("0.5") } });
    expect(sums(contract)).toEqual([
      ["-10000.00", "0.00"],
      ["-2500.00", "2250.00"],
      ["0.00", "1650.00"],
    ]);
    const [, second] = chain(contract, bases);
    expect(second && line(second, "CARRY_OFFSET")).toMatchObject({
      formula: "min(-carryIn, capRate * max(base, 0))",
      result: "7500.00",
    });
  });

  test("a carry that expires after one period is gone in the one after that", () => {
    const contract = at30({ carry: { policy: CarryPolicy.CAPPED, rate: exact("0.5"), expiresAfterPeriods: 1 } });
    expect(sums(contract)).toEqual([
      ["-10000.00", "0.00"],
      ["0.00", "2250.00"],
      ["0.00", "2400.00"],
    ]);
    const [, second] = chain(contract, bases);
    expect(second && line(second, "CARRY_EXPIRED").result).toBe("-2500.00");
  });

  test.each([
    ["base, tier on net 15,000", { unit: CarryUnit.BASE, tierBasis: TierBasis.NET }, "4500.00"],
    ["base, tier on gross 25,000", { unit: CarryUnit.BASE, tierBasis: TierBasis.GROSS }, "5250.00"],
    ["commission −3,000 and 8,750", { unit: CarryUnit.COMMISSION }, "5750.00"],
  ])("unit %s", (_name, carry, expected) => {
    const contract = contractWith({ share: share(TierMode.SLAB), carry });
    const [first, second] = chain(contract, [-10_000, 25_000].map(based));
    expect(money(first?.earnedMinor ?? 1n)).toBe("0.00");
    expect(money(second?.earnedMinor ?? 0n)).toBe(expected);
  });
});

describe("domain 8, minimum guarantee", () => {
  const full = { shareRate: exact("1"), carryPolicy: CarryPolicy.NONE };
  const guarantee = (kind: GuaranteeKind, changes: Partial<Guarantee> = {}): Guarantee => ({
    ...{ pointer: "/guarantee", kind, amount: cents("10000"), window: Window.YEAR, isProrated: false, instalments: [] },
    ...changes,
  });
  const quarters = ["01", "04", "07", "10"].map((month) => wholePeriod(`2026-${month}-01`, `2026-${month}-28`));
  const dues = (terms: Guarantee, bases: readonly number[]) =>
    chain(contractWith({ ...full, guarantee: terms }), bases.map(based), quarters).map(({ earnedMinor }) =>
      money(earnedMinor),
    );

  test("a floor of 10,000 tops up 8,000 by 2,000 and 13,000 by nothing", () => {
    const floor = contractWith({ ...full, guarantee: guarantee(GuaranteeKind.FLOOR) });
    expect(line(settle(floor, based(8_000)), "TOP_UP")).toMatchObject({
      formula: "max(guaranteed - earned, 0)",
      amount: "2000.00",
    });
    expect(line(settle(floor, based(13_000)), "TOP_UP").amount).toBe("0.00");
  });

  test("quarters of 8,000, 15,000, 6,000, 14,000: floors come to 49,000, a cumulative floor to 43,000", () => {
    const bases = [8_000, 15_000, 6_000, 14_000];
    expect(dues(guarantee(GuaranteeKind.FLOOR), bases)).toEqual(["10000.00", "15000.00", "10000.00", "14000.00"]);
    expect(dues(guarantee(GuaranteeKind.CUMULATIVE), bases)).toEqual([
      ...["10000.00", "13000.00", "7000.00", "13000.00"],
    ]);
  });

  test("a recoupable advance of two instalments of 10,000: 12,000 earned pays 2,000, then 8,000 are given", () => {
    const instalments = ["2026-01-01", "2027-06-01"].map((on) => ({ on, amount: cents("10000") }));
    const contract = contractWith({ ...full, guarantee: guarantee(GuaranteeKind.RECOUPABLE_ADVANCE, { instalments }) });
    const days = [
      ["2025-12-01", "2026-01-01"],
      ["2026-01-01", "2027-01-01"],
      ["2027-01-01", "2027-07-01"],
    ].map(([firstDay = "", nextDay = ""]) => wholePeriod(firstDay, nextDay));
    const results = chain(contract, [based(0), based(12_000), based(0)], days);
    expect(results.map(({ payableMinor }) => money(payableMinor))).toEqual(["10000.00", "2000.00", "8000.00"]);
    expect(results.map((result) => postingsOf(result)["ADVANCE"])).toEqual(["10000.00", "-10000.00", "8000.00"]);
  });

  test("for a period that was cut short by its days, numerator and denominator stated", () => {
    const terms = guarantee(GuaranteeKind.FLOOR, { isProrated: true });
    const period = { ...MARCH, firstDay: "2026-03-15" };
    const result = settle(contractWith({ ...full, guarantee: terms }), [], { period });
    expect(line(result, "GUARANTEED")).toMatchObject({
      formula: "(guarantee * days) / wholeDays",
      inputs: { days: "17", wholeDays: "31" },
    });
    expect(line(result, "TOP_UP").amount).toBe("5483.87");
  });

  test("a split period's parts have one guarantee between them, though the split falls on the first day", () => {
    for (const day of ["2026-03-16", "2026-03-01"]) {
      const parts = [
        { ...MARCH, nextDay: day },
        { ...MARCH, firstDay: day },
      ];
      for (const kind of [GuaranteeKind.FLOOR, GuaranteeKind.CUMULATIVE]) {
        const terms = guarantee(kind, { amount: cents("3100"), isProrated: true, window: Window.PERIOD });
        const results = chain(contractWith({ ...full, guarantee: terms }), [[], []], parts);
        const days = day === "2026-03-01" ? 0 : 15;
        expect(results.map(({ earnedMinor }) => earnedMinor)).toEqual(
          [days, 31 - days].map((n) => BigInt(n) * 10_000n),
        );
      }
    }
  });

  test("a cumulative guarantee for a period sets one part of a split off against the other", () => {
    const terms = guarantee(GuaranteeKind.CUMULATIVE, {
      amount: cents("3100"),
      isProrated: true,
      window: Window.PERIOD,
    });
    const parts = [
      { ...MARCH, nextDay: "2026-03-16" },
      { ...MARCH, firstDay: "2026-03-16" },
    ];
    const results = chain(contractWith({ ...full, guarantee: terms }), [0, 2_000].map(based), parts);
    expect(results.map(({ earnedMinor }) => money(earnedMinor))).toEqual(["1500.00", "1600.00"]);
  });
});

describe("domain 9, fees and jackpots", () => {
  const fee = { pointer: "/fees/0", name: "cpa", payer: FeePayer.TENANT, window: Window.PERIOD };
  const cpa = { ...fee, kind: FeeKind.PER_UNIT, amount: cents("80"), kinds: [TransactionKind.ACQUISITION] };
  const acquired: KindTotal = {
    ...{ kind: "ACQUISITION", category: "", originPeriodId: null, count: 3n, units: 42n, sumMinor: 0n },
  };

  test("hybrid: 40 qualified × 80 = 3,200 and 20 % × 34,500 = 6,900 come to 10,100.00", () => {
    const contract = contractWith({ shareRate: exact("0.2"), fees: [cpa] });
    const undone = { ...acquired, kind: "ROLLBACK_ACQUISITION", count: 1n, units: 2n };
    const result = settle(contract, [...based(34_500), acquired, undone]);
    expect(line(result, "FEE_PER_UNIT")).toMatchObject({
      formula: "fee * units",
      inputs: { fee: "80.00", units: "40" },
      amount: "3200.00",
      scope: "cpa",
    });
    expect(money(result.earnedMinor)).toBe("10100.00");
  });

  test("a fee of the partner's is taken off, for each transaction", () => {
    const each = { kind: FeeKind.PER_TRANSACTION, payer: FeePayer.PARTNER, amount: cents("0.5") };
    const contract = contractWith({ fees: [{ ...cpa, ...each }] });
    expect(line(settle(contract, [acquired]), "FEE_PER_TRANSACTION").amount).toBe("-1.50");
  });

  test("a fixed fee for a month is charged by its first week alone", () => {
    const monthly = { ...fee, kind: FeeKind.FIXED, amount: cents("100"), kinds: [], window: Window.MONTH };
    const april = wholePeriod("2026-04-06", "2026-04-13");
    const results = chain(contractWith({ fees: [monthly] }), [[], [], []], [...WEEKS.slice(0, 2), april]);
    expect(results.map(({ earnedMinor }) => money(earnedMinor))).toEqual(["100.00", "0.00", "100.00"]);
  });

  test("a fixed fee for a period is charged by its first part alone, and by the next period again", () => {
    const each = { ...fee, kind: FeeKind.FIXED, amount: cents("100"), kinds: [] };
    const parts = [
      { ...MARCH, nextDay: "2026-03-16" },
      { ...MARCH, firstDay: "2026-03-16" },
    ];
    const april = wholePeriod("2026-04-01", "2026-05-01");
    const results = chain(contractWith({ fees: [each] }), [[], [], []], [...parts, april]);
    expect(results.map(({ earnedMinor }) => money(earnedMinor))).toEqual(["100.00", "0.00", "100.00"]);
  });

  test("a contribution of 1 % of 1,240,000 goes to the pool: 12,400, whatever was posted of it", () => {
    const jackpots = { contribution: of("0.01", Measure.TURNOVER), isSeparate: false };
    const contract = contractWith({ jackpots, shareRate: exact("0") });
    const result = settle(contract, totalsOf({ BET: 1_240_000, JACKPOT_CONTRIBUTION: 2_400 }));
    expect(line(result, "JACKPOT_TRUE_UP").amount).toBe("10000.00");
    expect(money(result.earnedMinor)).toBe("12400.00");
    expect(postingsOf(result)).toMatchObject({ JACKPOT_POOL: "2400.00", PARTNER_COST: "10000.00" });
  });

  test("jackpots that settle apart stay with the pool and are shown", () => {
    const contract = contractWith({ jackpots: { contribution: null, isSeparate: true }, shareRate: exact("0") });
    const result = settle(contract, totalsOf({ JACKPOT_CONTRIBUTION: 12_400, JACKPOT_WIN: 50_000 }));
    expect(line(result, "JACKPOTS_SEPARATE")).toMatchObject({ result: "-37600.00", amount: null });
    expect(result.postings).toEqual([]);
  });
});

describe("domain 9, splits", () => {
  test("100.01 over 50/30/20 is 50.01, 30.00, 20.00", () => {
    const splits = [
      ["a", "0.5"],
      ["b", "0.3"],
      ["c", "0.2"],
    ].map(([to = "", weight = ""]) => ({ to, weight: exact(weight) }));
    const payout = { minimumMinor: 0n, negative: NegativePosition.CARRY, splits };
    const result = settle(contractWith({ shareRate: exact("1"), payout }), based(100.01));
    const parts = result.lines.filter(({ code }) => code === "SPLIT").map((each) => publishLine(each, 2));
    expect(parts.map(({ scope, amount }) => [scope, amount])).toEqual([
      ["a", "50.01"],
      ["b", "30.00"],
      ["c", "20.00"],
    ]);
  });
});

describe("domain 11 and 12, reserve, tax, statement identity", () => {
  const reserve = { rate: exact("0.05"), of: ReserveOf.EARNED, releaseAfterPeriods: 6, maximum: null };
  const held: State = [{ name: StateName.RESERVE, scope: "", key: "1", value: cents("300") }];
  const withholding = { rate: exact("0.033"), mode: contractWith().rounding.mode };
  const contract = contractWith({
    ...{ shareRate: exact("0.09"), minimumPayoutMinor: 1_000_000n, reserve, taxes: { withholding, vat: null } },
  });

  test("−1,500 + 9,000 − 240 − 450 + 300 = 7,110.00, kept; then 4,000 more release 11,110 with 366.63 withheld", () => {
    const first = settle(contract, totalsOf({ BET: 100_000, ADJUSTMENT: -240 }), {
      state: held,
      openingMinor: -150_000n,
    });
    expect(line(first, "POSITION")).toMatchObject({
      formula: "opening + earned + adjustments - reserveHeld + reserveReleased",
      amount: "7110.00",
    });
    expect(first).toMatchObject({ payableMinor: 0n, closingMinor: 711_000n });
    expect(postingsOf(first)).toEqual({
      ...{ ADJUSTMENT_DUE: "-240.00", PARTNER_COST: "9000.00", RESERVE: "-150.00", POSITION: "-8610.00" },
    });
    const later = settle({ ...contract, reserve: null }, totalsOf({ BET: 44_444.44 }), {
      state: first.stateOut,
      openingMinor: first.closingMinor,
    });
    expect(money(later.earnedMinor)).toBe("4000.00");
    expect(later).toMatchObject({ payableMinor: 1_111_000n, taxWithheldMinor: 36_663n, closingMinor: 0n });
    expect(postingsOf(later)).toEqual({
      ...{ PARTNER_COST: "4000.00", POSITION: "7110.00", TAX_WITHHELD: "-366.63", PAYABLE: "-10743.37" },
    });
  });

  test("a tranche is released by the sixth statement after it, once; never more than the maximum is held", () => {
    const terms = { ...reserve, maximum: cents("700") };
    const results = chain(
      contractWith({ shareRate: exact("1"), reserve: terms }),
      [9_000, 9_000, 0, 0, 0, 0, 0, 0, 0].map(based),
    );
    expect(results.map((each) => money(each.reserveHeldMinor)).slice(0, 3)).toEqual(["450.00", "250.00", "0.00"]);
    expect(results.map((each) => money(each.reserveReleasedMinor))).toEqual([
      ...["0.00", "0.00", "0.00", "0.00", "0.00", "0.00", "450.00", "250.00", "0.00"],
    ]);
  });

  test("a negative position is collected where the contract says so", () => {
    const payout = { minimumMinor: 0n, negative: NegativePosition.COLLECT, splits: [] };
    const result = settle(contractWith({ payout }), totalsOf({ JACKPOT_WIN: 500 }));
    expect(result).toMatchObject({ payableMinor: -50_000n, closingMinor: 0n });
    expect(postingsOf(result)).toEqual({ JACKPOT_POOL: "-500.00", PAYABLE: "500.00" });
  });

  test("value added tax stands on top of what was earned, or inside of it", () => {
    const vat = (treatment: VatTreatment) =>
      settle(
        contractWith({ shareRate: exact("1"), taxes: { withholding: null, vat: { rate: exact("0.1"), treatment } } }),
        based(1_000),
      );
    const [added, included] = [vat(VatTreatment.ADDED), vat(VatTreatment.INCLUDED)];
    expect(postingsOf(added)).toEqual({ PARTNER_COST: "1000.00", TAX_INPUT: "100.00", PAYABLE: "-1100.00" });
    expect(postingsOf(included)).toEqual({ PARTNER_COST: "909.09", TAX_INPUT: "90.91", PAYABLE: "-1000.00" });
    expect(line(included, "VAT")).toMatchObject({ formula: "(earned * rate) / (1 + rate)", amount: "90.91" });
  });

  test("fewer decimals than the currency has, where the contract says so", () => {
    const rounding = { ...contractWith().rounding, scale: 0 };
    expect(earned(contractWith({ shareRate: exact("0.5"), rounding }), 25)).toBe("12.00");
  });
});

/** What a statement states as carried in, and the lines that it calculates with. */
function carriesOf(result: TermsResult | undefined): Record<string, string> {
  const lines = (result?.lines ?? []).filter(({ code }) => code.endsWith("CARRY_IN"));
  const texts = lines.map(({ code, value }) => [code, exactText(value, 2)]);
  return { carryIn: exactText(result?.carryIn ?? Rational.ZERO, 2), ...Object.fromEntries(texts) };
}
