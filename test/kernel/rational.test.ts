import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Rational, RoundingMode } from "../../src/kernel/rational.js";

const rationals = fc
  .tuple(fc.bigInt({ min: -(10n ** 12n), max: 10n ** 12n }), fc.bigInt({ min: 1n, max: 10n ** 9n }))
  .map(([n, d]) => Rational.of(n, d));

describe("rationals", () => {
  test("adding and taking away, multiplying and dividing, undo each other", () => {
    fc.assert(
      fc.property(rationals, rationals, (a, b) => {
        expect(a.plus(b).minus(b).equals(a)).toBe(true);
        if (!b.isZero) expect(a.times(b).over(b).equals(a)).toBe(true);
      }),
    );
  });

  test("what is written reads back the same", () => {
    fc.assert(
      fc.property(rationals, (a) => {
        expect(Rational.parse(a.toText())?.equals(a)).toBe(true);
      }),
    );
  });

  test("rounding is never further than its mode allows", () => {
    fc.assert(
      fc.property(rationals, fc.constantFrom(...Object.values(RoundingMode)), (a, mode) => {
        const off = Rational.of(a.round(mode)).minus(a);
        const distance = off.isNegative ? off.negate() : off;
        const isToNearest = mode.startsWith("HALF");
        const bound = isToNearest ? Rational.of(1n, 2n) : Rational.ONE;
        expect(distance.compare(bound)).toBeLessThanOrEqual(isToNearest ? 0 : -1);
      }),
    );
  });

  test.each([
    ["0.5", [0n, 1n, 0n, 1n, 0n, 1n, 0n]],
    ["1.5", [2n, 2n, 1n, 2n, 1n, 2n, 1n]],
    ["-0.5", [0n, -1n, 0n, -1n, 0n, 0n, -1n]],
    ["-2.5", [-2n, -3n, -2n, -3n, -2n, -2n, -3n]],
    ["1/3", [0n, 0n, 0n, 1n, 0n, 1n, 0n]],
  ])("%s rounds as each mode says", (text, expected) => {
    const { HALF_EVEN, HALF_UP, HALF_DOWN, UP, DOWN, CEILING, FLOOR } = RoundingMode;
    const value = Rational.parse(text);
    expect([HALF_EVEN, HALF_UP, HALF_DOWN, UP, DOWN, CEILING, FLOOR].map((mode) => value?.round(mode))).toEqual(
      expected,
    );
  });

  test("a decimal that ends is written as one, another as a fraction", () => {
    expect(Rational.of(1n, 8n).toText()).toBe("0.125");
    expect(Rational.of(-9n, 6n).toText()).toBe("-1.5");
    expect(Rational.of(2n, 6n).toText()).toBe("1/3");
    expect(Rational.of(500n, 5n).toText()).toBe("100");
  });

  test.each(["", "1.", ".5", "1/0", "1e3", "a", "1/2/3", "1.5/2", "--1"])("%s is no rational", (text) => {
    expect(Rational.parse(text)).toBeNull();
  });
});
