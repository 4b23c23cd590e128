import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Acquaintances, FadingCount, HOURS, HoursOfDay, Moments } from "../../src/threat/statistics/rules.js";

const sample = fc.double({ min: -1e6, max: 1e6, noNaN: true });
const samples = fc.array(sample, { minLength: 1, maxLength: 300 });

describe("moments", () => {
  test("of the first samples are their mean and variance", () => {
    fc.assert(
      fc.property(samples, (values) => {
        const { mean, variance } = momentsOf(values).stored();
        const average = values.reduce((sum, each) => sum + each, 0) / values.length;
        const spread = values.reduce((sum, each) => sum + (each - average) ** 2, 0) / values.length;
        expect(mean).toBeCloseTo(average, 3);
        expect(Math.abs(variance - spread)).toBeLessThanOrEqual(1e-6 * (1 + spread));
      }),
    );
  });

  test("stay within the samples however many come, and what is no number is none", () => {
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1, maxLength: 2_000 }), (values) => {
        const moments = momentsOf([...values, Number.NaN, Number.POSITIVE_INFINITY]);
        const { count, mean, variance } = moments.stored();
        expect(count).toBe(values.length);
        expect(mean).toBeGreaterThanOrEqual(Math.min(...values) - 1e-6);
        expect(mean).toBeLessThanOrEqual(Math.max(...values) + 1e-6);
        expect(variance).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  test("follow a change of habit within some thousand samples", () => {
    const moments = momentsOf([...Array(5_000).fill(1), ...Array(3_000).fill(9)]);
    expect(moments.stored().mean).toBeGreaterThan(8.9);
  });

  test("a larger value never exceeds less, and one below the mean not at all", () => {
    fc.assert(
      fc.property(samples, sample, sample, (values, a, b) => {
        const moments = momentsOf(values);
        const [less, more] = [Math.min(a, b), Math.max(a, b)];
        expect(moments.excess(more, 0.5)).toBeGreaterThanOrEqual(moments.excess(less, 0.5));
        expect(moments.excess(moments.stored().mean, 0.5)).toBe(0);
      }),
    );
  });

  test("one monster moves the mean by no more than it may", () => {
    fc.assert(
      fc.property(samples, fc.double({ min: 1e9, max: 1e12, noNaN: true }), (values, monster) => {
        const moments = momentsOf(values);
        const before = moments.stored();
        moments.addWithin(monster, 4, 0.5);
        const reach = 4 * Math.max(Math.sqrt(before.variance), 0.5);
        expect(moments.stored().mean - before.mean).toBeLessThanOrEqual(reach / (before.count + 1) + 1e-6);
      }),
    );
  });

  test("survive being stored", () => {
    fc.assert(
      fc.property(samples, sample, (values, next) => {
        const moments = momentsOf(values);
        const again = new Moments(JSON.parse(JSON.stringify(moments.stored())));
        moments.add(next);
        again.add(next);
        expect(again.stored()).toEqual(moments.stored());
      }),
    );
  });
});

describe("a fading count", () => {
  test("halves in every half-life, and never grows by itself, not even when the clock goes back", () => {
    const count = new FadingCount(1_000);
    expect(count.at(0)).toBe(0);
    count.add(8, 5_000);
    expect([count.at(5_000), count.at(6_000), count.at(8_000), count.at(1_000)]).toEqual([8, 4, 1, 8]);
    count.add(1, 1_000);
    expect(count.at(6_000)).toBeCloseTo(4.5);
  });

  test("is no more than what was added", () => {
    const steps = fc.array(fc.record({ by: fc.nat(100), afterMs: fc.nat(10_000) }), { maxLength: 50 });
    fc.assert(
      fc.property(steps, (all) => {
        const count = new FadingCount(2_000);
        let [nowMs, sum] = [0, 0];
        for (const { by, afterMs } of all) {
          nowMs += afterMs;
          sum += by;
          count.add(by, nowMs);
          expect(count.at(nowMs)).toBeLessThanOrEqual(sum + 1e-9);
          expect(count.at(nowMs)).toBeGreaterThanOrEqual(by);
        }
      }),
    );
  });
});

describe("acquaintances", () => {
  test("never grow beyond their number, know the last ones, and wonder between 0 and 1", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(40), { maxLength: 200 }), fc.nat(40), (met, asked) => {
        const known = new Acquaintances(8);
        for (const each of met) known.add(`${each}`);
        expect(known.stored().names.length).toBeLessThanOrEqual(8);
        const last = met.at(-1);
        if (last !== undefined) expect(known.surprise(`${last}`)).toBe(0);
        expect(known.surprise(`${asked}`)).toBeGreaterThanOrEqual(0);
        expect(known.surprise(`${asked}`)).toBeLessThanOrEqual(1);
      }),
    );
  });

  test("who always comes under new names surprises nobody", () => {
    const [steady, restless] = [new Acquaintances(8), new Acquaintances(8)];
    for (let each = 0; each < 300; each++) {
      steady.add("home");
      restless.add(`${each}`);
    }
    expect(steady.surprise("elsewhere")).toBeGreaterThan(0.9);
    expect(restless.surprise("elsewhere")).toBeLessThan(0.1);
  });
});

describe("hours of the day", () => {
  test("their shares sum to one, and rarity is between 0 and 1", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(HOURS - 1), { minLength: 1, maxLength: 500 }), (hours) => {
        const known = new HoursOfDay();
        for (const hour of hours) known.add(hour);
        const { shares } = known.stored();
        expect(shares.reduce((sum, each) => sum + each, 0)).toBeCloseTo(1);
        for (let hour = 0; hour < HOURS; hour++) {
          expect(known.rarity(hour)).toBeGreaterThanOrEqual(0);
          expect(known.rarity(hour)).toBe(hours.includes(hour) ? known.rarity(hour) : 1);
        }
      }),
    );
  });
});

function momentsOf(values: readonly number[]): Moments {
  const moments = new Moments();
  for (const value of values) moments.add(value);
  return moments;
}
