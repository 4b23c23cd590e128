import { describe, expect, test } from "vitest";
import { present } from "../../src/kernel/assert.js";
import { later } from "../../src/kernel/clock.js";
import { RoundingMode } from "../../src/kernel/rational.js";
import { type Cycle, planPeriods } from "../../src/periods/rules.js";
import { type Cap, CapOf, CarryPolicy, FeeKind, FeePayer, Window } from "../../src/settlement/terms/contract.js";
import {
  daysOf,
  isTooShort,
  type PeriodDays,
  type PeriodSpan,
  periodDays,
  wholeDaysOf,
  windowKey,
} from "../../src/settlement/terms/period.js";
import { contractWith, exact, MARCH, wholePeriod } from "../support/contracts.js";
import { based, cents, chain, line, money, settle } from "../support/settling.js";

function whole(start: string, end: string, timezone = "Asia/Seoul"): PeriodSpan {
  const [startsAt, endsAt] = [new Date(start), new Date(end)];
  return { startsAt, endsAt, cycleStartsAt: startsAt, cycleEndsAt: endsAt, timezone };
}

/** The first period of a plan that begins on a day. */
function planned(cycle: Cycle, day: string): PeriodDays {
  const [from, timezone] = [new Date(`${day}T00:00:00.000Z`), "UTC"];
  const [first] = planPeriods({ cycle, timezone, from, through: later(from, 1), graceMs: 0 });
  const { start: startsAt, end: endsAt, cycleStart: cycleStartsAt, cycleEnd: cycleEndsAt } = present(first, "a period");
  return periodDays({ startsAt, endsAt, cycleStartsAt, cycleEndsAt, timezone });
}

describe("a period in local dates", () => {
  test("is that of the partner's zone, whatever the clocks do", () => {
    const march = whole("2026-02-28T15:00:00.000Z", "2026-03-31T15:00:00.000Z");
    expect(periodDays(march)).toEqual(wholePeriod("2026-03-01", "2026-04-01"));
    const dst = periodDays(whole("2026-03-08T05:00:00.000Z", "2026-03-09T04:00:00.000Z", "America/New_York"));
    expect(dst).toEqual(wholePeriod("2026-03-08", "2026-03-09"));
    expect([daysOf(dst), wholeDaysOf(dst)]).toEqual([1, 1]);
  });

  test.each([
    [{ kind: "MONTHLY", dayOfMonth: 15 }, "2026-03-10", 5, 28], // 15 February to 15 March
    [{ kind: "MONTHLY", dayOfMonth: 15 }, "2026-03-15", 31, 31],
    [{ kind: "MONTHLY", dayOfMonth: 1 }, "2028-02-10", 20, 29],
    [{ kind: "MONTHLY", dayOfMonth: 31 }, "2026-03-10", 21, 31], // 28 February to 31 March
    [{ kind: "QUARTERLY", month: 1, dayOfMonth: 1 }, "2026-05-20", 42, 91],
    [{ kind: "QUARTERLY", month: 2, dayOfMonth: 1 }, "2026-01-20", 12, 92], // November to January
    [{ kind: "WEEKLY", weekday: "MONDAY" }, "2026-03-04", 5, 7],
    [{ kind: "BIWEEKLY", anchor: "2026-03-02" }, "2026-03-04", 12, 14],
    [{ kind: "CUSTOM", schedule: "0 0 1,16 * *" }, "2026-03-04", 12, 15],
    [{ kind: "DAILY" }, "2026-03-04", 1, 1],
  ] as const)("of the cycle %j from %s on has %i of %i whole days", (cycle, day, days, wholeDays) => {
    const first = planned(cycle, day);
    expect([daysOf(first), wholeDaysOf(first)]).toEqual([days, wholeDays]);
  });

  test("that is split within a day: its parts have its days between them", () => {
    const day = whole("2026-03-01T15:00:00.000Z", "2026-03-02T15:00:00.000Z");
    const noon = new Date("2026-03-02T03:00:00.000Z");
    const parts = [
      { ...day, endsAt: noon },
      { ...day, startsAt: noon },
    ].map(periodDays);
    expect(parts.map(daysOf)).toEqual([0, 1]);
    expect(parts.map(wholeDaysOf)).toEqual([1, 1]);
  });

  test.each([
    [Window.WEEK, "2026-03-08", "2026-03-02"],
    [Window.WEEK, "2026-03-09", "2026-03-09"],
    [Window.MONTH, "2026-03-31", "2026-03"],
    [Window.QUARTER, "2026-03-31", "2026-Q1"],
    [Window.QUARTER, "2026-04-01", "2026-Q2"],
    [Window.YEAR, "2026-12-31", "2026"],
    [Window.CONTRACT, "2026-12-31", "CONTRACT"],
    [Window.PERIOD, "2026-12-31", "2026-12-01/2027-01-01"],
  ])("%s of %s is %s", (window, firstDay, key) => {
    expect(windowKey(window, { ...wholePeriod("2026-12-01", "2027-01-01"), firstDay, nextDay: firstDay })).toBe(key);
  });

  test("a window is too short that cannot hold a period of the cycle", () => {
    expect(isTooShort(Window.WEEK, { kind: "WEEKLY" })).toBe(false);
    expect(isTooShort(Window.WEEK, { kind: "BIWEEKLY" })).toBe(true);
    expect(isTooShort(Window.MONTH, { kind: "QUARTERLY" })).toBe(true);
    expect(isTooShort(Window.PERIOD, { kind: "QUARTERLY" })).toBe(false);
  });
});

const MONTHS = [MARCH, wholePeriod("2026-04-01", "2026-05-01")];

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

  test("a loss later in its window is first of what was taken off before", () => {
    const contract = contractWith({
      ...{ caps: [cap(CapOf.SHARE, "1000", Window.MONTH)], carryPolicy: CarryPolicy.NONE },
      share: { ...contractWith(whole).share, window: Window.MONTH },
    });
    const results = chain(contract, [1_500, -200, -400, 300].map(based));
    // 1,500, 1,300, 900 and 1,200, of which at most 1,000
    expect(results.map(({ earnedMinor }) => money(earnedMinor))).toEqual(["1000.00", "0.00", "-100.00", "100.00"]);
    expect(results[1] && line(results[1], "CAP")).toMatchObject({
      formula: "over - max(used + over + share - maximum, 0)",
      inputs: { over: "500.00", used: "1000.00", share: "-200.00", maximum: "1000.00" },
      amount: "200.00",
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
