import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseConfiguration } from "../../src/settlement/document.js";
import { contractOf } from "../../src/settlement/document-contract.js";
import type { KindTotal } from "../../src/settlement/terms/activity.js";
import type { TermsResult } from "../../src/settlement/terms/calculate.js";
import type { Contract } from "../../src/settlement/terms/contract.js";
import { type LineCode, publishLine } from "../../src/settlement/terms/lines.js";
import type { PeriodDays } from "../../src/settlement/terms/period.js";
import { example, totalsOf, wholePeriod } from "../support/contracts.js";
import { based, chain, money } from "../support/settling.js";

const GGR = { measure: "GGR", freeRoundStake: "ZERO", jackpotWins: "EXCLUDED" };
const AT_30 = { kind: "FLAT", rate: "0.3" };
const A = "a".repeat(32);
const FEBRUARY = wholePeriod("2026-02-01", "2026-03-01");
const APRIL = wholePeriod("2026-04-01", "2026-05-01");
const MAY = wholePeriod("2026-05-01", "2026-06-01");

/** A contract that is daily but for what is said otherwise, whose totals are written in dollars. */
function contract(changes: object, unit = { currency: "USD", scale: 2 }): Contract {
  const document = { ...example("config-daily-12pct"), base: GGR, ...changes };
  return contractOf(parseConfiguration(JSON.parse(JSON.stringify(document))), unit);
}

/** A whole cycle cut in two, the second part from a day on. */
function cut(whole: PeriodDays, day: string): readonly PeriodDays[] {
  return [
    { ...whole, nextDay: day },
    { ...whole, firstDay: day },
  ];
}

/** The amounts, or results, of some lines of each statement. */
function amounts(results: readonly TermsResult[], code: LineCode, scale = 2): readonly (readonly string[])[] {
  return results.map(({ lines }) => {
    const found = lines.filter((line) => line.code === code).map((line) => publishLine(line, scale));
    return found.map(({ amount, result }) => amount ?? result);
  });
}

/** Activity in minor units. */
function minor(sums: Readonly<Record<string, bigint>>): KindTotal[] {
  return Object.entries(sums).map(([kind, sumMinor]) => {
    return { kind, category: "", originPeriodId: null, count: 1n, units: 0n, sumMinor };
  });
}

describe("domain 5, tiers whose bounds are met exactly, whatever the currency's decimals", () => {
  const brackets = (upTo: string) => [{ upTo, rate: "1/3" }, { rate: "0.25" }];

  test("in won, without decimals: 5,000 × 1/3 = 1,667, and 5,001 × 25 % = 1,250", () => {
    const share = { kind: "TIERED", mode: "SLAB", brackets: brackets("5000") };
    const krw = contract({ share }, { currency: "KRW", scale: 0 });
    const results = chain(krw, [minor({ BET: 5_000n }), minor({ BET: 5_001n }), minor({ WIN: 1n })]);
    expect(amounts(results, "SHARE", 0)).toEqual([["1667"], ["1250"], ["0"]]);
    expect(() =>
      contract({ share: { ...share, brackets: brackets("5000.5") } }, { currency: "KRW", scale: 0 }),
    ).toThrow(/decimals/);
  });

  test("in dinars, with three: 5,000.001 at a third, and 0.001 above it at a quarter", () => {
    const share = { kind: "TIERED", mode: "MARGINAL", brackets: brackets("5000.001") };
    const bhd = contract({ share }, { currency: "BHD", scale: 3 });
    const results = chain(bhd, [minor({ BET: 5_000_001n }), minor({ BET: 5_000_002n }), minor({ BET: 5_000_005n })]);
    expect(amounts(results, "SHARE", 3)).toEqual([["1666.667"], ["1666.667"], ["1666.668"]]);
  });

  test("marginal 25,000 is 7,500.00, effectively 30 %", () => {
    const upTo = (bound: string, rate: string) => ({ upTo: bound, rate });
    const tiers = [upTo("5000", "0.25"), upTo("20000", "0.3"), upTo("50000", "0.35"), upTo("100000", "0.4")];
    const share = { kind: "TIERED", mode: "MARGINAL", brackets: [...tiers, { rate: "0.5" }] };
    const [result] = chain(contract({ share }), [based(25_000)]);
    expect([result?.earnedMinor, result?.base.toText()]).toEqual([750_000n, "2500000"]);
  });
});

describe("domain 7, a carry that expires, across a period that is cut in two", () => {
  const CAPPED = { policy: "CAPPED", unit: "BASE", rate: "0.5", expiresAfterPeriods: 1 };
  const march = cut(wholePeriod("2026-03-01", "2026-04-01"), "2026-03-16");

  test("lives through both parts, as through the whole: 8,000 of March are 4,000 shared, and 6,000 expire", () => {
    const terms = contract({ share: AT_30, carryOver: CAPPED });
    const parts = chain(terms, [-10_000, 4_000, 4_000, 4_000].map(based), [FEBRUARY, ...march, APRIL]);
    const whole = chain(terms, [-10_000, 8_000, 4_000].map(based), [
      FEBRUARY,
      wholePeriod("2026-03-01", "2026-04-01"),
      APRIL,
    ]);
    expect(amounts(parts, "SHARE")).toEqual([["0.00"], ["600.00"], ["600.00"], ["1200.00"]]);
    expect(amounts(whole, "SHARE")).toEqual([["0.00"], ["1200.00"], ["1200.00"]]);
    expect([amounts(parts, "CARRY_EXPIRED"), amounts(whole, "CARRY_EXPIRED")].map((all) => all.flat())).toEqual([
      ["-6000.00"],
      ["-6000.00"],
    ]);
  });

  test("and what a first part lost lives as long as what the second did", () => {
    const terms = contract({ share: AT_30, carryOver: { ...CAPPED, rate: "1" } });
    const days = [...march, APRIL, MAY];
    expect(amounts(chain(terms, [-1_000, 0, 600, 900].map(based), days), "SHARE").flat()).toEqual([
      ...["0.00", "0.00", "0.00", "270.00"],
    ]);
    expect(amounts(chain(terms, [0, -1_000, 600, 900].map(based), days), "SHARE").flat()).toEqual([
      ...["0.00", "0.00", "0.00", "270.00"],
    ]);
  });

  test("wherever a good period is cut, as much is shared, expires and is carried on", () => {
    const loss = fc.integer({ min: -20_000, max: 5_000 });
    const gain = fc.integer({ min: 0, max: 9_000 });
    const day = fc.integer({ min: 1, max: 31 }).map((no) => `2026-03-${String(no).padStart(2, "0")}`);
    const january = wholePeriod("2026-01-01", "2026-02-01");
    fc.assert(
      fc.property(loss, loss, gain, gain, loss, day, fc.constantFrom(1, 2, 3), (...drawn) => {
        const [first, second, one, two, last, from, expiresAfterPeriods] = drawn;
        const terms = contract({ share: AT_30, carryOver: { policy: "FULL", unit: "BASE", expiresAfterPeriods } });
        const [before, uncut] = [[january, FEBRUARY], wholePeriod("2026-03-01", "2026-04-01")];
        const whole = chain(terms, [first, second, one + two, last].map(based), [...before, uncut, APRIL]);
        const parts = chain(terms, [first, second, one, two, last].map(based), [...before, ...cut(uncut, from), APRIL]);
        const told = (results: readonly TermsResult[]) => ({
          earned: results.reduce((sum, { earnedMinor }) => sum + earnedMinor, 0n),
          left: results.at(-1)?.stateOut.map(({ key, value }) => `${key} ${value.toText()}`),
        });
        expect(told(parts)).toEqual(told(whole));
      }),
    );
  });

  test("a player's own carry lives through both parts as well", () => {
    const ringFence = { playerAtMost: "-7000", aggregateAtMost: "-2000" };
    const terms = contract({ share: AT_30, carryOver: { ...CAPPED, rate: "1", ringFence } });
    const of = (base: number) => based(base).map((total) => ({ ...total, player: A }));
    const bases = [[...of(-9_000), ...based(6_000)], of(1_000), of(1_000), of(1_000)];
    const results = chain(terms, bases, [FEBRUARY, ...march, APRIL]);
    expect(amounts(results, "PLAYER_OFFSET").flat()).toEqual(["1000.00", "1000.00"]);
    expect(amounts(results, "PLAYER_EXPIRED").flat()).toEqual(["-1000.00"]);
    expect(results.map(({ earnedMinor }) => money(earnedMinor))).toEqual(["0.00", "0.00", "0.00", "300.00"]);
  });
});

describe("domain 7 and 9, a ring-fence beside jackpots", () => {
  test("a jackpot win of the pool's is no player's loss, but contributions are", () => {
    const ofGgr = { rate: "0.1", basis: { measure: "GGR" } };
    const deductions = [
      { type: "JACKPOT_CONTRIBUTION", source: "TRANSACTIONS" },
      { type: "BONUS", source: "TRANSACTIONS", cap: ofGgr },
    ];
    const carryOver = { policy: "NONE", ringFence: { playerAtMost: "-7000", aggregateAtMost: "-2000" } };
    const terms = contract({ base: { ...GGR, measure: "NGR", deductions }, share: AT_30, carryOver });
    const of = (totals: readonly KindTotal[]) => totals.map((total) => ({ ...total, player: A }));
    const [first, next] = chain(terms, [
      [
        ...of(totalsOf({ WIN: 9_000, JACKPOT_WIN: 50_000, JACKPOT_CONTRIBUTION: 100, BONUS: 30 })),
        ...totalsOf({ BET: 6_000, JACKPOT_CONTRIBUTION: 200, BONUS: 40 }),
      ],
      [...of(based(2_000)), ...based(5_000)],
    ]) as [TermsResult, TermsResult];
    expect(amounts([first], "BASE").flat()).toEqual(["-3300.00"]); // −3,000 − 300; a GGR below zero caps bonuses at 0
    expect(amounts([first], "PLAYER_LOSS").flat()).toEqual(["-9100.00"]);
    expect(amounts([first], "PLAYER_FENCED").flat()).toEqual(["-3300.00"]);
    expect(money(first.closingMinor)).toBe("-49700.00"); // 300 to the pool, 50,000 due from it
    expect(money(next.earnedMinor)).toBe("1500.00");
    expect(amounts([next], "PLAYER_CARRY_OUT").flat()).toEqual(["-1300.00"]);
  });
});

describe("domain 8, a guarantee by days", () => {
  test("of a leap February: 2,900 over its last ten days is 1,000.00, of a plain one 2,800 likewise", () => {
    const floor = (amount: string) => contract({ share: AT_30, guarantee: { kind: "FLOOR", amount, prorate: "DAYS" } });
    const tens = [
      { ...wholePeriod("2028-02-20", "2028-03-01"), cycleFirstDay: "2028-02-01" },
      { ...wholePeriod("2027-02-19", "2027-03-01"), cycleFirstDay: "2027-02-01" },
    ];
    const earned = tens.map((days, index) => chain(floor(index === 0 ? "2900" : "2800"), [[]], [days])[0]?.earnedMinor);
    expect(earned).toEqual([100_000n, 100_000n]);
  });
});

describe("domain 9 and 11, VAT, withholding, reserve, minimum payout and splits together", () => {
  const taxes = { vat: { rate: "0.1", treatment: "ADDED" }, withholding: { rate: "0.033", rounding: "DOWN" } };
  const reserve = { rate: "0.05", of: "PAYABLE", releaseAfterPeriods: 1 };
  const splits = Array.from({ length: 7 }, (_, index) => ({ to: `p${index}`, weight: "1/7" }));
  const terms = (minimum: string) =>
    contract({ share: { kind: "FLAT", rate: "0.1" }, taxes, reserve, payout: { minimum, splits } });

  test("660 stays below 1,000 unreserved; 1,320 holds 66.00, pays 1,254.00 less 41.38, to seven", () => {
    const results = chain(terms("1000"), [6_000, 6_000, 3_330, -5_000].map(based));
    expect(amounts(results, "VAT").flat()).toEqual(["60.00", "60.00", "33.30", "0.00"]);
    expect(amounts(results, "RESERVE_HELD").flat()).toEqual(["0.00", "-66.00", "0.00", "0.00"]);
    expect(amounts(results, "RESERVE_RELEASED").flat()).toEqual(["66.00"]);
    expect(results.map(({ payableMinor }) => money(payableMinor))).toEqual(["0.00", "1254.00", "0.00", "0.00"]);
    expect(amounts(results, "TAX_WITHHELD").flat()).toEqual(["0.00", "41.38", "0.00", "0.00"]);
    expect(amounts(results, "SPLIT")[1]).toEqual([
      "173.24",
      "173.23",
      "173.23",
      "173.23",
      "173.23",
      "173.23",
      "173.23",
    ]);
    expect(results.map(({ closingMinor }) => money(closingMinor))).toEqual(["660.00", "0.00", "432.30", "432.30"]);
  });

  test("what would be payable is held down to the minimum and no further: 1,023 pays 1,000", () => {
    const [at, just, below] = [9_300, 9_090.91, 9_090].map(
      (base) => chain(terms("1000"), [totalsOf({ BET: base })])[0],
    );
    expect([at, just, below].map((each) => money(each?.reserveHeldMinor ?? 0n))).toEqual(["23.00", "0.00", "0.00"]);
    expect([at, just, below].map((each) => money(each?.payableMinor ?? 0n))).toEqual(["1000.00", "1000.00", "0.00"]);
  });

  test("without a minimum everything is reserved as it comes", () => {
    const results = chain(terms("0"), [based(6_000), []]);
    expect(results.map(({ reserveHeldMinor }) => money(reserveHeldMinor))).toEqual(["33.00", "1.65"]);
    expect(results.map(({ payableMinor }) => money(payableMinor))).toEqual(["627.00", "31.35"]);
  });
});
