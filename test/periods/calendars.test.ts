import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dayAfter, dueDay, isWeekend } from "../../src/periods/calendars/rules.js";
import { checkCalendar, isPaymentDate, paymentDate } from "../../src/periods/calendars/service.js";

/** Days after the local date of noon in Seoul, by a calendar. */
function inSeoul(from: string, afterDays: number, calendar: string | null, closedOn: readonly string[] = []) {
  return paymentDate({ instant: new Date(`${from}T03:00:00Z`), timezone: "Asia/Seoul", afterDays, calendar, closedOn });
}

describe("business days in Korea", () => {
  // 관공서의 공휴일에 관한 규정: New Year and Chuseok with the days around them, and their substitutes.
  test.each([
    ["2024", ["2024-02-09", "2024-02-12", "2024-05-06", "2024-05-15", "2024-09-16", "2024-09-17", "2024-09-18"]],
    ["2025", ["2025-01-28", "2025-01-29", "2025-01-30", "2025-03-03", "2025-05-06", "2025-10-06", "2025-10-07"]],
    ["2026", ["2026-02-16", "2026-02-17", "2026-02-18", "2026-03-02", "2026-05-01", "2026-05-25", "2026-09-24"]],
    ["2027", ["2027-02-08", "2027-02-09", "2027-08-16", "2027-09-14", "2027-09-15", "2027-09-16", "2027-10-04"]],
    ["2028", ["2028-01-26", "2028-01-27", "2028-01-28", "2028-10-02", "2028-10-03", "2028-10-04", "2028-10-05"]],
  ])("of %s are none on holidays", async (_, holidays) => {
    for (const holiday of holidays) expect((await inSeoul(holiday, 0, "KR")).closedDays).toContain(holiday);
  });

  test.each(["2025-01-31", "2026-02-19", "2024-02-08", "2026-04-30", "2026-12-24"])("are such as %s", async (day) => {
    expect(await inSeoul(day, 0, "KR")).toMatchObject({ on: day, closedDays: [] });
  });

  test("T+2 over New Year passes over weekend and holidays, and says over which", async () => {
    expect(await inSeoul("2026-02-13", 2, "KR")).toEqual({
      ...{ from: "2026-02-13", afterDays: 2, calendar: "KR", on: "2026-02-20" },
      closedDays: ["2026-02-14", "2026-02-15", "2026-02-16", "2026-02-17", "2026-02-18"],
    });
  });

  test("a day that a government named late is closed once the contract lists it", async () => {
    expect((await inSeoul("2026-06-02", 1, "KR")).on).toBe("2026-06-03");
    expect((await inSeoul("2026-06-02", 1, "KR", ["2026-06-03"])).on).toBe("2026-06-04");
  });

  test("go on over the end of a year", async () => {
    expect((await inSeoul("2026-12-31", 1, "KR")).on).toBe("2027-01-04");
  });
});

test("without a calendar every day counts, from the date that the partner's clocks show", async () => {
  const lateInSeoul = { instant: new Date("2026-02-28T15:00:00Z"), timezone: "Asia/Seoul", afterDays: 30 };
  expect(await paymentDate({ ...lateInSeoul, calendar: null, closedOn: [] })).toEqual({
    ...{ from: "2026-03-01", afterDays: 30, calendar: null, closedDays: [], on: "2026-03-31" },
  });
});

test("weekends and holidays are those of the country, and of a part of one", async () => {
  expect((await inSeoul("2026-07-02", 1, "SA")).on).toBe("2026-07-05"); // Friday and Saturday
  expect((await inSeoul("2026-07-02", 1, "GB")).on).toBe("2026-07-03");
  expect((await inSeoul("2026-11-25", 1, "US")).on).toBe("2026-11-27");
  expect((await inSeoul("2026-11-25", 1, "US-CA")).on).toBe("2026-11-30"); // the day after Thanksgiving
});

test("a calendar that nobody knows is refused", async () => {
  for (const known of ["KR", "US-CA", "DE-BY", "GB"])
    await checkCalendar({ calendar: known, path: "/payout/businessDays" });
  for (const unknown of ["XX", "US-ZZ", "KR-11", "ZZ-A"]) {
    await expect(checkCalendar({ calendar: unknown, path: "/payout/businessDays" })).rejects.toMatchObject({
      code: "VALIDATION",
      details: { path: "/payout/businessDays" },
    });
  }
});

test("the n-th open day is open, has n open days up to it, and follows from the days passed over", () => {
  const asked = fc.record({
    from: fc.constantFrom("2024-02-27", "2025-12-30", "2026-03-01"),
    afterDays: fc.integer({ min: 0, max: 40 }),
    closed: fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { maxLength: 40 }),
  });
  fc.assert(
    fc.property(asked, ({ from, afterDays, closed }) => {
      const closedOn = new Set(closed.map((days) => dayAfter(from, days)));
      const { on, closedDays } = dueDay({ from, afterDays, isClosed: (day) => closedOn.has(day) });
      expect(closedOn.has(on)).toBe(false);
      const between = Array.from({ length: 200 }, (_, index) => dayAfter(from, index + 1)).filter((day) => day <= on);
      if (afterDays > 0) expect(between.filter((day) => !closedOn.has(day))).toHaveLength(afterDays);
      const stated = { from, afterDays, calendar: null, on, closedDays };
      expect(isPaymentDate(stated)).toBe(true);
      expect(isPaymentDate({ ...stated, on: dayAfter(on) })).toBe(false);
    }),
  );
});

test("weekends are those that the runtime's CLDR knows", () => {
  const friday = Date.UTC(2026, 0, 2);
  for (const country of ["KR", "US", "SA", "EG", "IR", "AF", "IN", "AE", "BD", "QA", "UG", "JP"]) {
    const { weekend } = weekInfoOf(country);
    for (let day = 0; day < 7; day++) {
      const date = new Date(friday + day * 86_400_000);
      const isIn = weekend.includes(date.getUTCDay() === 0 ? 7 : date.getUTCDay());
      expect([country, isWeekend(country, date.toISOString().slice(0, 10))]).toEqual([country, isIn]);
    }
  }
});

interface WeekInfo {
  readonly weekend: readonly number[];
}

function weekInfoOf(country: string): WeekInfo {
  const locale = new Intl.Locale(`und-${country}`) as unknown as { getWeekInfo?(): WeekInfo; weekInfo: WeekInfo };
  return locale.getWeekInfo?.() ?? locale.weekInfo;
}
