import { describe, expect, test } from "vitest";
import { controlTotals } from "../../src/server/demo/control.js";
import { Random } from "../../src/server/demo/random.js";
import { rhythmOf } from "../../src/server/demo/rhythm.js";
import type { SimulatedTransaction } from "../../src/server/demo/rounds.js";

const DAY_MS = 86_400_000;

describe("the random stream", () => {
  test("equal parts give equal draws, and joined parts are not confused", () => {
    const draws = (...parts: string[]) => Array.from({ length: 4 }, (_, at) => [at, Random.of(...parts).uint32()]);
    expect(draws("a", "b")).toEqual(draws("a", "b"));
    expect(draws("a", "b")).not.toEqual(draws("ab"));
    expect(draws("a")).not.toEqual(draws("b"));
  });

  test("draws are even in [0, 1), and normal draws have mean 0 and variance 1", () => {
    const random = Random.of("moments");
    const units = Array.from({ length: 100_000 }, () => random.unit());
    expect(Math.min(...units.slice(0, 50_000))).toBeGreaterThanOrEqual(0);
    expect(Math.max(...units.slice(0, 50_000))).toBeLessThan(1);
    for (let decile = 0; decile < 10; decile += 1) {
      const share = units.filter((unit) => Math.floor(unit * 10) === decile).length / units.length;
      expect(share).toBeCloseTo(0.1, 2);
    }
    const normals = units.map(() => random.normal());
    const mean = normals.reduce((sum, value) => sum + value, 0) / normals.length;
    expect(mean).toBeCloseTo(0, 1);
    expect(normals.reduce((sum, value) => sum + (value - mean) ** 2, 0) / normals.length).toBeCloseTo(1, 1);
  });

  test("a table's rows come as often as their weights say, and an empty table gives null", () => {
    const random = Random.of("table");
    const table = [{ weight: 1 }, { weight: 3 }] as const;
    const picked = Array.from({ length: 20_000 }, () => random.pick(table));
    expect(picked.filter((row) => row === table[1]).length / picked.length).toBeCloseTo(0.75, 1);
    expect(random.pick([])).toBeNull();
  });
});

describe("the rhythm", () => {
  test("knows summer time: the ebb moves by an hour in UTC", () => {
    const random = Random.of("summer");
    const ebbOf = (day: string) => {
      const start = Date.parse(day);
      const rhythm = rhythmOf("Europe/Malta", start, start + DAY_MS);
      const counts = new Array<number>(24).fill(0);
      for (let draw = 0; draw < 200_000; draw += 1) {
        const hour = new Date(rhythm.draw(random)).getUTCHours();
        counts[hour] = (counts[hour] ?? 0) + 1;
      }
      return counts.indexOf(Math.min(...counts));
    };
    expect(ebbOf("2026-10-20T00:00:00.000Z")).toBe(2);
    expect(ebbOf("2026-10-28T00:00:00.000Z")).toBe(3);
  });
});

describe("the control totals", () => {
  const bet = (id: string, amount: string): SimulatedTransaction => ({
    id,
    kind: "BET",
    product: "p",
    amount,
    currency: "USD",
    occurredAt: "2026-10-01T00:00:00.000Z",
  });

  test("count each id once, and a rollback under its own kind and under its original's", () => {
    const rollback: SimulatedTransaction = { ...bet("1R", "1.5"), kind: "ROLLBACK", reverses: "1" };
    const stray: SimulatedTransaction = { ...rollback, id: "9R", reverses: "9" };
    const batches = [
      { transactions: [rollback, bet("1", "1.5")] },
      { transactions: [bet("2", "2"), bet("1", "1.5"), stray] },
    ];
    expect(controlTotals(batches)).toEqual({
      items: 5,
      distinct: 4,
      copies: 1,
      unmatched: 1,
      kinds: {
        BET: { USD: { count: 2, units: 0, amount: "3.50" } },
        ROLLBACK: { USD: { count: 2, units: 0, amount: "3.00" } },
      },
      activities: {
        BET: { USD: { count: 2, units: 0, amount: "3.50" } },
        ROLLBACK_BET: { USD: { count: 1, units: 0, amount: "1.50" } },
      },
    });
  });

  test("refuse an amount that the currency cannot hold", () => {
    expect(() => controlTotals([{ transactions: [bet("1", "1.505")] }])).toThrow("well-formed");
  });
});
