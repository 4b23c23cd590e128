import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Rational } from "../../src/kernel/rational.js";
import { AccountName } from "../../src/ledger/entities.js";
import { isBalanced } from "../../src/ledger/rules.js";
import { TierMode, Window } from "../../src/settlement/terms/contract.js";
import {
  conversionPostings,
  convert,
  type ExchangeRate,
  RateType,
  triangulate,
} from "../../src/settlement/terms/fx.js";
import { netDebts } from "../../src/settlement/terms/netting.js";
import { settleOrigin } from "../../src/settlement/terms/origin.js";
import { ringFence } from "../../src/settlement/terms/ring-fence.js";
import { carrying, contractWith, exact, MARCH } from "../support/contracts.js";
import { based, cents, settle } from "../support/settling.js";

const USD = { currency: "USD", scale: 2 };
const EUR = { currency: "EUR", scale: 2 };
const KRW = { currency: "KRW", scale: 0 };

function rateOf(base: string, quote: string, rate: string): ExchangeRate {
  const asOf = new Date("2026-03-31T15:00:00.000Z");
  return { base, quote, rate: exact(rate), source: "ECB", asOf, type: RateType.PERIOD_CLOSE };
}

describe("domain 9, FX", () => {
  test("70,000 USD × 0.9217 = 64,519.00 EUR, by the rate as it is stored", () => {
    const conversion = { minor: cents("70000"), from: USD, into: EUR, exchange: rateOf("USD", "EUR", "0.9217") };
    const converted = convert(conversion);
    expect(converted).toMatchObject({ formula: "amount * rate" });
    expect(converted?.value.toText()).toBe("6451900");
    const postings = conversionPostings(conversion, 6_451_900n, AccountName.PARTNER_COST);
    expect(isBalanced(postings)).toBe(true);
    expect(postings.filter(({ account }) => account === AccountName.FX_CLEARING)).toHaveLength(2);
  });

  test("between currencies of other scales, in minor units of the target", () => {
    const conversion = { minor: cents("10.50"), from: USD, into: KRW, exchange: rateOf("USD", "KRW", "1400") };
    expect(convert(conversion)?.value.toText()).toBe("14700");
  });

  test("nothing is inverted or triangulated unless it is declared", () => {
    const exchange = rateOf("EUR", "USD", "1.08");
    expect(convert({ minor: cents("1"), from: USD, into: EUR, exchange })).toBeNull();
    const toEuro = { minor: cents("100"), from: USD, into: KRW, exchange: rateOf("USD", "EUR", "0.9") };
    expect(convert(toEuro)).toBeNull();
    expect(triangulate(toEuro, rateOf("EUR", "KRW", "1500"))?.value.toText()).toBe("135000");
    expect(triangulate(toEuro, rateOf("USD", "KRW", "1400"))).toBeNull();
  });
});

describe("domain 12, netting of linked partners", () => {
  test("opposite debts are set off as far as the lesser goes", () => {
    expect(
      netDebts([
        { partnerId: "a", payableMinor: 3_000n },
        { partnerId: "b", payableMinor: -1_000n },
        { partnerId: "c", payableMinor: -5_000n },
      ]),
    ).toEqual([
      { creditorId: "a", debtorId: "b", amountMinor: 1_000n },
      { creditorId: "a", debtorId: "c", amountMinor: 2_000n },
    ]);
  });

  test("it conserves, nobody changes sides, and on one side nothing is left", () => {
    const debt = fc.bigInt(-(10n ** 12n), 10n ** 12n);
    fc.assert(
      fc.property(fc.array(debt, { maxLength: 8 }), (amounts) => {
        const debts = amounts.map((payableMinor, index) => ({ partnerId: `p${index}`, payableMinor }));
        const setOffs = netDebts(debts);
        const left = debts.map(({ partnerId, payableMinor }) =>
          setOffs.reduce((rest, { creditorId, debtorId, amountMinor }) => {
            return rest - (creditorId === partnerId ? amountMinor : 0n) + (debtorId === partnerId ? amountMinor : 0n);
          }, payableMinor),
        );
        const sum = (values: readonly bigint[]) => values.reduce((total, value) => total + value, 0n);
        expect(sum(left)).toBe(sum(amounts));
        left.forEach((rest, index) => {
          expect(rest * (amounts[index] ?? 0n) >= 0n).toBe(true);
        });
        expect(left.some((rest) => rest > 0n) && left.some((rest) => rest < 0n)).toBe(false);
      }),
    );
  });
});

describe("domain 7, high-roller ring-fence", () => {
  const terms = { playerAtMost: exact("-7000"), aggregateAtMost: exact("-2000") };
  const player = (name: string, base: string, carryIn = "0") => {
    return { player: name, base: exact(base), carryIn: exact(carryIn) };
  };

  test("A −9,000 and others +6,000 pay 0 and carry 3,000 against A alone; next 5,000 × 30 % = 1,500", () => {
    const first = ringFence(terms, [player("A", "-9000"), player("others", "6000")]);
    expect(first.base.toText()).toBe("0");
    expect([...first.carryOut].map(([name, value]) => [name, value.toText()])).toEqual([["A", "-3000"]]);
    const next = ringFence(terms, [player("A", "2000", "-3000"), player("others", "5000")]);
    expect(next.base.toText()).toBe("5000");
    expect(next.carryOut.get("A")?.toText()).toBe("-1000");
    expect(next.base.times(exact("0.3")).toText()).toBe("1500");
  });

  test("without both triggers the loss is everybody's", () => {
    const small = ringFence(terms, [player("A", "-6999"), player("others", "1000")]);
    expect([small.base.toText(), small.carryOut.size]).toEqual(["-5999", 0]);
    const covered = ringFence(terms, [player("A", "-9000"), player("others", "7001")]);
    expect([covered.base.toText(), covered.carryOut.size]).toEqual(["-1999", 0]);
  });

  test("it conserves: bases and carries in are base and carries out", () => {
    const any = fc.record({
      base: fc.integer({ min: -20_000, max: 20_000 }),
      carry: fc.integer({ min: 0, max: 9_000 }),
    });
    fc.assert(
      fc.property(fc.array(any, { maxLength: 6 }), (players) => {
        const bases = players.map(({ base, carry }, index) => player(`p${index}`, String(base), String(-carry)));
        const { base, carryOut } = ringFence(terms, bases);
        const before = bases.reduce((sum, each) => sum.plus(each.base).plus(each.carryIn), Rational.ZERO);
        const after = [...carryOut.values()].reduce((sum, each) => sum.plus(each), base);
        expect(after.toText()).toBe(before.toText());
      }),
    );
  });
});

describe("domain 6, ORIGIN_TERMS", () => {
  const slab = contractWith({
    share: {
      ...{ pointer: "/share", mode: TierMode.SLAB, window: Window.PERIOD },
      brackets: [
        { upTo: cents("5000"), rate: exact("0.25") },
        { upTo: null, rate: exact("0.3") },
      ],
    },
  });

  test("late items lift the origin into its next tier, and what was settled is taken off", () => {
    const input = { contract: slab, state: [], openingMinor: 0n, period: MARCH, totals: based(4_000) };
    const origin = settle(slab, input.totals);
    const settled = { settledMinor: origin.earnedMinor, carriedOut: origin.carryOut };
    const late = based(2_000).map((total) => ({ ...total, originPeriodId: "prd_origin" }));
    const change = settleOrigin({ ...input, ...settled, late });
    expect(change.earnedMinor).toBe(80_000n); // 6,000 × 30 % − 1,000
    const again = settleOrigin({ ...input, late, settledMinor: 180_000n, carriedOut: Rational.ZERO });
    expect(again.earnedMinor).toBe(0n);
  });

  test("a late loss moves the present carry-in by the difference of the origin's carry-out", () => {
    const state = carrying(cents("-100"));
    const origin = settle(slab, based(50), { state });
    const change = settleOrigin({
      ...{ contract: slab, state, openingMinor: 0n, period: MARCH, totals: based(50), late: based(-30) },
      ...{ settledMinor: origin.earnedMinor, carriedOut: origin.carryOut },
    });
    expect([change.earnedMinor, change.carryChange.toText()]).toEqual([0n, "-3000"]);
  });
});
