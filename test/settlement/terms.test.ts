import { describe, expect, test } from "vitest";
import { Rational, RoundingMode } from "../../src/kernel/rational.js";
import type { KindTotal } from "../../src/settlement/terms/activity.js";
import { calculate, type TermsResult } from "../../src/settlement/terms/calculate.js";
import {
  CarryPolicy,
  type Contract,
  DeductionType,
  FreeRoundStake,
  Measure,
  RoundingStage,
} from "../../src/settlement/terms/contract.js";
import { exactText } from "../../src/settlement/terms/exact.js";
import { type Line, type LineCode, publishLine } from "../../src/settlement/terms/lines.js";
import { roundEarned } from "../../src/settlement/terms/rounding.js";
import { carrying, contractWith, deducting, exact, MARCH, of, totalsOf } from "../support/contracts.js";

const { BONUS, JACKPOT_CONTRIBUTION, PAYMENT_FEES, GAMING_TAX, CHARGEBACKS } = DeductionType;

/** The activity of domain.md 2 to 4 and 9. */
const GAMES = { BET: 1_250_000, ROLLBACK_BET: 10_000, WIN: 1_172_000, ROLLBACK_WIN: 2_000 };
const PROVIDER = { ...GAMES, BONUS: 12_000, JACKPOT_CONTRIBUTION: 12_400 };
const ROYALTY = [deducting(JACKPOT_CONTRIBUTION), deducting(BONUS, { cap: of("0.1", Measure.GGR) })];

function settle(contract: Contract, totals: readonly KindTotal[], carryIn = Rational.ZERO, openingMinor = 0n) {
  return calculate({ contract, totals, state: carrying(carryIn), openingMinor, period: MARCH });
}

function line(result: TermsResult, code: LineCode): Line {
  const found = result.lines.find((each) => each.code === code);
  if (found === undefined) throw new Error(`no line ${code}`);
  return publishLine(found, 2);
}

function postingsOf(result: TermsResult): Record<string, bigint> {
  return Object.fromEntries(result.postings.map(({ account, amountMinor }) => [account, amountMinor / 100n]));
}

describe("domain 2, GGR", () => {
  test("is bets less rolled-back bets, less wins less rolled-back wins: 70,000.00", () => {
    const result = settle(contractWith(), totalsOf(GAMES));
    expect(line(result, "TURNOVER")).toMatchObject({
      formula: "bets - rolledBackBets",
      inputs: { bets: "1250000.00", rolledBackBets: "10000.00" },
      result: "1240000.00",
      term: "/base/freeRoundStake",
    });
    expect(line(result, "WINS").result).toBe("1170000.00");
    expect(line(result, "GGR").result).toBe("70000.00");
    expect(exactText(result.base, 2)).toBe("70000.00");
  });

  test("what it returned to players is 94.35 % of the turnover, the margin 5.65 %", () => {
    const result = settle(contractWith(), totalsOf(GAMES));
    const [turnover, wins] = [line(result, "TURNOVER"), line(result, "WINS")].map((each) => exact(each.result));
    const basisPoints = (part: Rational) => part.times(Rational.of(10_000n)).round(RoundingMode.HALF_UP);
    const returned = wins?.over(turnover ?? Rational.ONE) ?? Rational.ZERO;
    expect([basisPoints(returned), basisPoints(Rational.ONE.minus(returned))]).toEqual([9_435n, 565n]);
  });

  test("does not count a jackpot win that the pool pays", () => {
    const result = settle(contractWith(), totalsOf({ ...GAMES, JACKPOT_WIN: 50_000 }));
    expect(exactText(result.base, 2)).toBe("70000.00");
  });

  test("as measure TURNOVER the wins do not matter", () => {
    const result = settle(contractWith({ measure: Measure.TURNOVER, shareRate: exact("0.01") }), totalsOf(GAMES));
    expect(exactText(result.base, 2)).toBe("1240000.00");
    expect(result.earnedMinor).toBe(1_240_000n);
  });
});

describe("domain 3, NGR", () => {
  const costs = { ...GAMES, BONUS: 12_000, "FEE:PAYMENT": 3_500, CHARGEBACK: 600 };
  const ngr = (tax: DeductionType[]) =>
    contractWith({
      deductions: [
        deducting(BONUS),
        deducting(JACKPOT_CONTRIBUTION, { rateOf: of("0.01", Measure.TURNOVER) }),
        deducting(PAYMENT_FEES),
        deducting(GAMING_TAX, { rateOf: of("0.1", Measure.GGR, tax) }),
        deducting(CHARGEBACKS),
      ],
    });

  test("with tax on GGR is 34,500.00", () => {
    const result = settle(ngr([]), totalsOf(costs));
    expect(exactText(result.base, 2)).toBe("34500.00");
    expect(line(result, "DEDUCTION_JACKPOT_CONTRIBUTION").result).toBe("12400.00");
    expect(line(result, "DEDUCTION_GAMING_TAX")).toMatchObject({
      formula: "rate * max(ggr, 0)",
      inputs: { rate: "0.1", ggr: "70000.00" },
      result: "7000.00",
      term: "/base/deductions/3",
    });
  });

  test("with tax on GGR less bonus is 35,700.00", () => {
    const result = settle(ngr([BONUS]), totalsOf(costs));
    expect(line(result, "DEDUCTION_GAMING_TAX")).toMatchObject({
      formula: "rate * max(ggr - bonusDeduction, 0)",
      result: "5800.00",
    });
    expect(exactText(result.base, 2)).toBe("35700.00");
  });

  test("the same words are 1,200.00 apart by their basis", () => {
    const [onGgr, onLess] = [ngr([]), ngr([BONUS])].map((contract) => settle(contract, totalsOf(costs)).base);
    expect(exactText(onLess?.minus(onGgr ?? Rational.ZERO) ?? Rational.ZERO, 2)).toBe("1200.00");
  });

  test("two deductions of one type stand under two names", () => {
    const deductions = ["0.1", "0.05"].map((rate) =>
      deducting(DeductionType.ADMIN_FEE, { rateOf: of(rate, Measure.GGR) }),
    );
    const result = settle(contractWith({ deductions }), totalsOf(GAMES));
    expect(line(result, "BASE")).toMatchObject({
      formula: "ggr - adminFeeDeduction - adminFeeDeduction2",
      result: "59500.00",
    });
  });
});

describe("domain 4, royalty with bonus cap", () => {
  test("the cap takes 7,000 of 12,000 bonus: 6,072.00", () => {
    const result = settle(contractWith({ deductions: ROYALTY }), totalsOf(PROVIDER));
    expect(line(result, "DEDUCTION_BONUS")).toMatchObject({
      formula: "min(bonuses, capRate * max(ggr, 0))",
      inputs: { bonuses: "12000.00", capRate: "0.1", ggr: "70000.00" },
      result: "7000.00",
    });
    expect(exactText(result.base, 2)).toBe("50600.00");
    expect(line(result, "SHARE")).toMatchObject({
      formula: "rate * max(base + carryIn, 0)",
      inputs: { rate: "0.12", base: "50600.00", carryIn: "0.00" },
      amount: "6072.00",
      rounding: { mode: "HALF_EVEN", stage: "TOTAL" },
    });
  });

  test("without a cap it is 5,472.00", () => {
    const deductions = [deducting(JACKPOT_CONTRIBUTION), deducting(BONUS)];
    const result = settle(contractWith({ deductions }), totalsOf(PROVIDER));
    expect(exactText(result.base, 2)).toBe("45600.00");
    expect(line(result, "SHARE").amount).toBe("5472.00");
  });

  test("a negative GGR deducts no bonus under the cap", () => {
    const deductions = [deducting(BONUS, { cap: of("0.1", Measure.GGR) })];
    const result = settle(contractWith({ deductions }), totalsOf({ BET: 100, WIN: 150, BONUS: 30 }));
    expect(exactText(result.base, 2)).toBe("-50.00");
  });

  test("free rounds at zero or at face value give the same NGR from another GGR", () => {
    const totals = totalsOf({ ...GAMES, BONUS: 1_000, BONUS_BET: 5_000, ROLLBACK_BONUS_BET: 500, BONUS_WIN: 4_200 });
    const of = (freeRoundStake: FreeRoundStake) =>
      settle(contractWith({ freeRoundStake, deductions: [deducting(BONUS)] }), totals);
    const [zero, face] = [of(FreeRoundStake.ZERO), of(FreeRoundStake.FACE_VALUE)];
    expect(line(zero, "GGR").result).toBe("70000.00");
    expect(line(zero, "DEDUCTION_BONUS").result).toBe("5200.00");
    expect(line(face, "GGR").result).toBe("70300.00");
    expect(line(face, "DEDUCTION_BONUS").result).toBe("5500.00");
    expect(exactText(zero.base, 2)).toBe("64800.00");
    expect(face.base.equals(zero.base)).toBe(true);
  });
});

describe("domain 6, late items under NEXT_BASE", () => {
  const late = totalsOf({ BET: 500, WIN: 200, ROLLBACK_BET: 50, BONUS: 40 }, "prd_before");

  test("stand on a line of their own inside the base", () => {
    const result = settle(contractWith({ deductions: [deducting(BONUS)] }), [...totalsOf(GAMES), ...late]);
    expect(line(result, "TURNOVER").result).toBe("1240000.00");
    expect(line(result, "LATE_ITEMS")).toMatchObject({
      formula: "lateBets - lateRolledBackBets - lateWins",
      result: "250.00",
      term: "/lateItems",
    });
    expect(line(result, "GGR")).toMatchObject({ formula: "turnover - wins + lateItems", result: "70250.00" });
    expect(line(result, "DEDUCTION_BONUS")).toMatchObject({ formula: "bonuses + lateBonuses", result: "40.00" });
    expect(exactText(result.base, 2)).toBe("70210.00");
  });

  test("count in turnover as well", () => {
    const result = settle(contractWith({ measure: Measure.TURNOVER }), [...totalsOf(GAMES), ...late]);
    expect(line(result, "BASE")).toMatchObject({ formula: "turnover + lateTurnover", result: "1240450.00" });
  });

  test("have no line where there are none", () => {
    expect(settle(contractWith(), totalsOf(GAMES)).lines.map(({ code }) => code)).not.toContain("LATE_ITEMS");
  });
});

describe("domain 7, carry-over at 30 %", () => {
  const bases = [{ BET: 0, WIN: 10_000 }, { BET: 15_000 }, { BET: 8_000 }];
  const shares = (carryPolicy: CarryPolicy) => {
    const contract = contractWith({ carryPolicy, shareRate: exact("0.3") });
    let carry = Rational.ZERO;
    return bases.map((base) => {
      const result = settle(contract, totalsOf(base), carry);
      carry = result.carryOut;
      return [exactText(result.carryOut, 2), result.earnedMinor / 100n];
    });
  };

  test("NONE forgets: 0, 4,500, 2,400", () => {
    expect(shares(CarryPolicy.NONE)).toEqual([
      ["0.00", 0n],
      ["0.00", 4_500n],
      ["0.00", 2_400n],
    ]);
  });

  test("FULL carries −10,000: 0, 1,500, 2,400", () => {
    expect(shares(CarryPolicy.FULL)).toEqual([
      ["-10000.00", 0n],
      ["0.00", 1_500n],
      ["0.00", 2_400n],
    ]);
  });

  test("what was carried in counts even where nothing is carried out", () => {
    const contract = contractWith({ carryPolicy: CarryPolicy.NONE, shareRate: exact("0.3") });
    const result = settle(contract, totalsOf({ BET: 15_000 }), exact("-1000000"));
    expect(result.earnedMinor).toBe(150_000n);
    expect(line(result, "CARRY_IN").result).toBe("-10000.00");
  });
});

describe("domain 9, rounding", () => {
  const parts = [exact("33.5"), exact("33.5"), exact("33.5")];
  const rounded = (mode: RoundingMode, stage: RoundingStage) =>
    roundEarned(parts, { mode, stage }).reduce((sum, part) => sum + part, 0n);

  test("three lines of 0.335: each rounded 1.02, their sum half up 1.01, half even 1.00", () => {
    expect(roundEarned(parts, { mode: RoundingMode.HALF_UP, stage: RoundingStage.LINE })).toEqual([34n, 34n, 34n]);
    expect(rounded(RoundingMode.HALF_UP, RoundingStage.LINE)).toBe(102n);
    expect(rounded(RoundingMode.HALF_UP, RoundingStage.TOTAL)).toBe(101n);
    expect(rounded(RoundingMode.HALF_EVEN, RoundingStage.TOTAL)).toBe(100n);
  });

  test("a rounded sum is shared by largest remainder: 100.01 over 50/30/20 is 50.01/30.00/20.00", () => {
    const split = ["0.5", "0.3", "0.2"].map((weight) => exact(weight).times(exact("10001")));
    const rounding = { mode: RoundingMode.HALF_EVEN, stage: RoundingStage.TOTAL };
    expect(roundEarned(split, rounding)).toEqual([5_001n, 3_000n, 2_000n]);
  });
});

describe("domain 9 and 12, jackpots netted with the royalty", () => {
  const result = settle(contractWith({ deductions: ROYALTY }), totalsOf({ ...PROVIDER, JACKPOT_WIN: 50_000 }));

  test("both gross legs are shown, then the net: −31,528.00", () => {
    expect(line(result, "JACKPOT_CONTRIBUTIONS").amount).toBe("12400.00");
    expect(line(result, "JACKPOT_WINS")).toMatchObject({ formula: "-jackpotWins", amount: "-50000.00" });
    expect(result.earnedMinor).toBe(-3_152_800n);
    expect(line(result, "CLOSING").amount).toBe("-31528.00");
    expect(result.payableMinor).toBe(0n);
  });

  test("the entry clears the pool's 37,600 and leaves POSITION at 31,528", () => {
    expect(postingsOf(result)).toEqual({ JACKPOT_POOL: -37_600n, PARTNER_COST: 6_072n, POSITION: 31_528n });
  });
});

describe("domain 11 and 12, position", () => {
  test("−1,500 and 9,000 earned less 240 is kept below a minimum payout of 10,000", () => {
    const contract = contractWith({ shareRate: exact("0.09"), minimumPayoutMinor: 1_000_000n });
    const result = settle(contract, totalsOf({ BET: 100_000, ADJUSTMENT: -240 }), Rational.ZERO, -150_000n);
    expect(result).toMatchObject({ earnedMinor: 900_000n, adjustmentsMinor: -24_000n, payableMinor: 0n });
    expect(result.closingMinor).toBe(726_000n);
    expect(postingsOf(result)).toEqual({ ADJUSTMENT_DUE: -240n, PARTNER_COST: 9_000n, POSITION: -8_760n });
  });

  test("a position that reaches the minimum is released whole: 7,110 and 4,000 pay 11,110", () => {
    const contract = contractWith({ shareRate: exact("0.04"), minimumPayoutMinor: 1_000_000n });
    const result = settle(contract, totalsOf({ BET: 100_000 }), Rational.ZERO, 711_000n);
    expect(result).toMatchObject({ payableMinor: 1_111_000n, closingMinor: 0n });
    expect(line(result, "PAYABLE")).toMatchObject({
      formula: "if position >= minimumPayout then max(position, 0) else 0",
      inputs: { position: "11110.00", minimumPayout: "10000.00" },
      term: "/payout/minimum",
    });
    expect(postingsOf(result)).toEqual({ PARTNER_COST: 4_000n, PAYABLE: -11_110n, POSITION: 7_110n });
  });

  test("two statements of 100 and 50 with minimum 0 pay 100 and 50, never 250", () => {
    const contract = contractWith({ shareRate: exact("0.1") });
    const first = settle(contract, totalsOf({ BET: 1_000 }));
    const second = settle(contract, totalsOf({ BET: 500 }), first.carryOut, first.closingMinor);
    expect([first.payableMinor, second.payableMinor]).toEqual([10_000n, 5_000n]);
  });

  test("nothing posted gives a statement of zeros and no entry", () => {
    const result = settle(contractWith({ deductions: ROYALTY }), []);
    expect(result).toMatchObject({ earnedMinor: 0n, payableMinor: 0n, closingMinor: 0n, postings: [] });
    expect(line(result, "BASE").result).toBe("0.00");
  });

  test("a kind that no term settles stops the calculation", () => {
    expect(() => settle(contractWith(), totalsOf({ CREDIT_PURCHASE: 1 }))).toThrow("purchases come with the lots");
    expect(() => settle(contractWith(), totalsOf({ TIP: 1 }))).toThrow("a term settles every kind");
  });

  test("a positive carry stops the calculation", () => {
    expect(() => settle(contractWith(), [], exact("0.01"))).toThrow("only a negative base is carried");
  });
});
