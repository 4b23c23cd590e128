import { describe, expect, test } from "vitest";
import { RoundingMode } from "../../src/kernel/rational.js";
import { type Cap, CapOf, FeeKind, FeePayer, Window } from "../../src/settlement/terms/contract.js";
import { daysOf, isTooShort, periodDays, windowKey } from "../../src/settlement/terms/period.js";
import { contractWith, exact } from "../support/contracts.js";
import { based, cents, chain, line, money, settle } from "../support/settling.js";

function span(start: string, end: string, timezone = "Asia/Seoul") {
  return { startsAt: new Date(start), endsAt: new Date(end), timezone };
}

describe("a period in local dates", () => {
  test("is that of the partner's zone, whatever the clocks do", () => {
    const march = span("2026-02-28T15:00:00.000Z", "2026-03-31T15:00:00.000Z");
    expect(periodDays(march, { kind: "MONTHLY", dayOfMonth: 1 })).toEqual({
      ...{ firstDay: "2026-03-01", nextDay: "2026-04-01", wholeDays: 31 },
    });
    const dst = span("2026-03-08T05:00:00.000Z", "2026-03-09T04:00:00.000Z", "America/New_York");
    expect(periodDays(dst, { kind: "DAILY" })).toEqual({ firstDay: "2026-03-08", nextDay: "2026-03-09", wholeDays: 1 });
  });

  test.each([
    ["MONTHLY", { dayOfMonth: 15 }, "2026-03-10", 28], // 15 February to 15 March
    ["MONTHLY", { dayOfMonth: 15 }, "2026-03-15", 31],
    ["MONTHLY", { dayOfMonth: 1 }, "2028-02-10", 29],
    ["QUARTERLY", { month: 1, dayOfMonth: 1 }, "2026-05-20", 91],
    ["QUARTERLY", { month: 2, dayOfMonth: 1 }, "2026-01-20", 92], // November to January
    ["WEEKLY", {}, "2026-03-04", 7],
    ["BIWEEKLY", {}, "2026-03-04", 14],
    ["CUSTOM", {}, "2026-03-04", 1],
  ] as const)("of a %s cycle %j that starts on %s belongs to %i whole days", (kind, more, day, whole) => {
    const period = span(`${day}T00:00:00.000Z`, `${day}T12:00:00.000Z`, "UTC");
    const days = periodDays(period, { kind, ...more });
    expect(days.wholeDays).toBe(whole);
    expect(daysOf(days)).toBe(1);
  });

  test.each([
    [Window.WEEK, "2026-03-08", "2026-03-02"],
    [Window.WEEK, "2026-03-09", "2026-03-09"],
    [Window.MONTH, "2026-03-31", "2026-03"],
    [Window.QUARTER, "2026-03-31", "2026-Q1"],
    [Window.QUARTER, "2026-04-01", "2026-Q2"],
    [Window.YEAR, "2026-12-31", "2026"],
    [Window.CONTRACT, "2026-12-31", "CONTRACT"],
    [Window.PERIOD, "2026-12-31", "2026-12-31"],
  ])("%s of %s is %s", (window, firstDay, key) => {
    expect(windowKey(window, { firstDay, nextDay: firstDay, wholeDays: 1 })).toBe(key);
  });

  test("a window is too short that cannot hold a period of the cycle", () => {
    expect(isTooShort(Window.WEEK, { kind: "WEEKLY" })).toBe(false);
    expect(isTooShort(Window.WEEK, { kind: "BIWEEKLY" })).toBe(true);
    expect(isTooShort(Window.MONTH, { kind: "QUARTERLY" })).toBe(true);
    expect(isTooShort(Window.PERIOD, { kind: "QUARTERLY" })).toBe(false);
  });
});

const MONTHS = [
  { firstDay: "2026-03-01", nextDay: "2026-04-01", wholeDays: 31 },
  { firstDay: "2026-04-01", nextDay: "2026-05-01", wholeDays: 30 },
];

describe("caps", () => {
  const cap = (of: CapOf, maximum: string, window: Window): Cap => {
    return { pointer: "/caps/0", of, maximum: cents(maximum), window };
  };
  const whole = { shareRate: exact("1") };

  test("what stands above a cap is taken off, over all of its window", () => {
    const contract = contractWith({ ...whole, caps: [cap(CapOf.SHARE, "10000", Window.MONTH)] });
    const results = chain(contract, [6_000, 6_000, 500].map(based));
    expect(results.map(({ earnedMinor }) => money(earnedMinor))).toEqual(["6000.00", "4000.00", "0.00"]);
    const [, second] = results;
    expect(second && line(second, "CAP")).toMatchObject({
      formula: "-max(used + share - maximum, 0)",
      inputs: { used: "6000.00", share: "6000.00", maximum: "10000.00" },
      amount: "-2000.00",
    });
  });

  test("of a period it begins anew; of all that is earned it counts fees as well, after the cap of the share", () => {
    const fee = { pointer: "/fees/0", name: "desk", kind: FeeKind.FIXED, payer: FeePayer.TENANT, kinds: [] };
    const fees = [{ ...fee, amount: cents("500"), window: Window.PERIOD }];
    const caps = [cap(CapOf.SHARE, "1000", Window.PERIOD), cap(CapOf.EARNED, "1200", Window.PERIOD)];
    const results = chain(contractWith({ ...whole, fees, caps }), [2_000, 2_000].map(based), MONTHS);
    expect(results.map(({ earnedMinor }) => money(earnedMinor))).toEqual(["1200.00", "1200.00"]);
    const taken = results[0]?.lines
      .filter(({ code }) => code === "CAP")
      .map(({ amountMinor }) => money(amountMinor ?? 0n));
    expect(taken).toEqual(["-1000.00", "-300.00"]);
  });
});

test("tax is withheld by its own rounding mode", () => {
  const withholding = { rate: exact("0.033"), mode: RoundingMode.DOWN };
  const contract = contractWith({ shareRate: exact("1"), taxes: { withholding, vat: null } });
  expect(settle(contract, based(99.99)).taxWithheldMinor).toBe(329n); // 3.29967
});
