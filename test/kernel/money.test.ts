import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AmountFault, decimalText, isKnownCurrency, parseAmount, scaleOf } from "../../src/kernel/money.js";

describe("amounts", () => {
  test("every amount below 10^18 minor units survives writing and reading, at every scale", () => {
    const minors = fc.bigInt({ min: -(10n ** 18n) + 1n, max: 10n ** 18n - 1n });
    fc.assert(
      fc.property(minors, fc.integer({ min: 0, max: 8 }), (minor, scale) => {
        expect(parseAmount(decimalText(minor, scale), scale, { signed: true })).toBe(minor);
      }),
    );
  });

  test.each([
    ["1", 2, 100n],
    ["1.5", 2, 150n],
    ["0.00010000", 8, 10_000n],
    ["0", 0, 0n],
    ["007.10", 2, 710n],
    ["999999999999999999", 0, 999_999_999_999_999_999n],
  ])("%s at scale %i is exact", (text, scale, minor) => {
    expect(parseAmount(text, scale)).toBe(minor);
  });

  test.each([
    ["0.000000001", 8, AmountFault.TOO_MANY_DECIMALS],
    ["1.5", 0, AmountFault.TOO_MANY_DECIMALS],
    ["1.234", 2, AmountFault.TOO_MANY_DECIMALS],
    ["-1", 2, AmountFault.NEGATIVE],
    ["1000000000000000000", 0, AmountFault.TOO_LARGE],
    ["10000000000", 8, AmountFault.TOO_LARGE],
    ["1e3", 2, AmountFault.MALFORMED],
    ["+1", 2, AmountFault.MALFORMED],
    ["1,000", 2, AmountFault.MALFORMED],
    ["1.", 2, AmountFault.MALFORMED],
    [".5", 2, AmountFault.MALFORMED],
    ["", 2, AmountFault.MALFORMED],
    ["NaN", 2, AmountFault.MALFORMED],
    [" 1", 2, AmountFault.MALFORMED],
    ["１", 2, AmountFault.MALFORMED],
    ["0x10", 2, AmountFault.MALFORMED],
  ])("%s at scale %i is refused, never rounded", (text, scale, fault) => {
    expect(parseAmount(text, scale)).toBe(fault);
  });

  test("a currency has its own decimals, and an unknown one none", () => {
    expect([scaleOf("KRW"), scaleOf("USD"), scaleOf("BHD"), scaleOf("BTC")]).toEqual([0, 2, 3, 8]);
    expect(isKnownCurrency("toString")).toBe(false);
    expect(() => scaleOf("XXX")).toThrow(expect.objectContaining({ code: "CURRENCY_UNKNOWN" }));
  });

  test("minor units beyond the safe integers keep every digit", () => {
    expect(decimalText(9_007_199_254_740_993n, 8)).toBe("90071992.54740993");
    expect(decimalText(-5n, 2)).toBe("-0.05");
  });
});
