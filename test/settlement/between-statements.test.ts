import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AccountName } from "../../src/ledger/entities.js";
import { isBalanced } from "../../src/ledger/rules.js";
import {
  conversionPostings,
  convert,
  type ExchangeRate,
  RateType,
  triangulate,
} from "../../src/settlement/terms/fx.js";
import { netDebts } from "../../src/settlement/terms/netting.js";
import { exact } from "../support/contracts.js";
import { cents } from "../support/settling.js";

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
