import fc from "fast-check";
import { Temporal } from "temporal-polyfill";
import { describe, expect, test } from "vitest";
import { type Cycle, planPeriods } from "../../src/periods/rules.js";
import { newZonedYear, ZONES_OF_PARTNERS } from "../support/calendars.js";

const DAILY: Cycle = { kind: "DAILY" };
const HOUR_MS = 3_600_000;

interface Asked {
  readonly cycle: Cycle;
  readonly timezone: string;
  readonly from: string;
  readonly through: string;
}

/** The starts of the planned periods and the last end, in UTC without milliseconds where they are zero. */
function boundaries({ cycle, timezone, from, through }: Asked): string[] {
  const periods = planPeriods({ cycle, timezone, from: new Date(from), through: new Date(through), graceMs: 0 });
  const last = periods.at(-1);
  return [...periods.map(({ start }) => start), ...(last === undefined ? [] : [last.end])].map((instant) =>
    instant.toISOString().replace(":00.000Z", "Z"),
  );
}

describe("daily periods", () => {
  test("start at local midnight, whole days in a zone without clock changes", () => {
    const asked = {
      cycle: DAILY,
      timezone: "Asia/Seoul",
      from: "2021-10-30T15:00:00Z",
      through: "2021-11-01T15:00:00Z",
    };
    expect(boundaries(asked)).toEqual(["2021-10-30T15:00Z", "2021-10-31T15:00Z", "2021-11-01T15:00Z"]);
  });

  test("begin with a short one when the first instant lies inside a day", () => {
    const asked = {
      cycle: DAILY,
      timezone: "Asia/Seoul",
      from: "2021-10-31T03:30:00Z",
      through: "2021-10-31T15:00:00.001Z",
    };
    expect(boundaries(asked)).toEqual(["2021-10-31T03:30Z", "2021-10-31T15:00Z", "2021-11-01T15:00Z"]);
  });

  test("follow on from the end of an earlier plan without a seam", () => {
    const zone = { cycle: DAILY, timezone: "Africa/Cairo", graceMs: 0 };
    const from = new Date("2023-01-01T00:00:00Z");
    const middle = new Date("2023-04-20T05:00:00Z");
    const through = new Date("2023-12-31T00:00:00Z");
    const first = planPeriods({ ...zone, from, through: middle });
    const second = planPeriods({ ...zone, from: first.at(-1)?.end ?? from, through });
    expect([...first, ...second]).toEqual(planPeriods({ ...zone, from, through }));
  });

  test("are due their grace after their end", () => {
    const [period] = planPeriods({
      cycle: DAILY,
      timezone: "UTC",
      from: new Date("2024-02-29T00:00:00Z"),
      through: new Date("2024-02-29T00:00:00.001Z"),
      graceMs: 6 * HOUR_MS,
    });
    expect(period).toEqual({
      start: new Date("2024-02-29T00:00:00Z"),
      end: new Date("2024-03-01T00:00:00Z"),
      due: new Date("2024-03-01T06:00:00Z"),
      cycleStart: new Date("2024-02-29T00:00:00Z"),
      cycleEnd: new Date("2024-03-01T00:00:00Z"),
    });
  });

  test("of nothing are none", () => {
    const instant = new Date("2024-01-01T00:00:00Z");
    expect(planPeriods({ cycle: DAILY, timezone: "UTC", from: instant, through: instant, graceMs: 0 })).toEqual([]);
  });

  test("are refused beyond 20,000", () => {
    const asked = { cycle: DAILY, timezone: "UTC", from: new Date("1960-01-01T00:00:00Z"), graceMs: 0 };
    expect(() => planPeriods({ ...asked, through: new Date("2025-01-01T00:00:00Z") })).toThrow(
      expect.objectContaining({ code: "LIMIT_EXCEEDED" }),
    );
    expect(planPeriods({ ...asked, through: new Date("2014-10-04T00:00:00Z") })).toHaveLength(20_000);
  });
});

describe("a night on which the clocks change", () => {
  test.each<[string, Asked, string[]]>([
    [
      "midnight does not exist (São Paulo, 2018-11-04 starts at 01:00)",
      { cycle: DAILY, timezone: "America/Sao_Paulo", from: "2018-11-03T03:00:00Z", through: "2018-11-05T02:00:00Z" },
      ["2018-11-03T03:00Z", "2018-11-04T03:00Z", "2018-11-05T02:00Z"],
    ],
    [
      "the last hour of a day comes twice (São Paulo, 2018-02-17 has 25 hours)",
      { cycle: DAILY, timezone: "America/Sao_Paulo", from: "2018-02-17T02:00:00Z", through: "2018-02-19T03:00:00Z" },
      ["2018-02-17T02:00Z", "2018-02-18T03:00Z", "2018-02-19T03:00Z"],
    ],
    [
      "midnight does not exist (Cairo, 2023-04-28 starts at 01:00)",
      { cycle: DAILY, timezone: "Africa/Cairo", from: "2023-04-26T22:00:00Z", through: "2023-04-28T21:00:00Z" },
      ["2023-04-26T22:00Z", "2023-04-27T22:00Z", "2023-04-28T21:00Z"],
    ],
    [
      "the clocks go back one minute past midnight, which comes twice (St. John's, 2010-11-07): the first one counts",
      { cycle: DAILY, timezone: "America/St_Johns", from: "2010-11-06T02:30:00Z", through: "2010-11-08T03:30:00Z" },
      ["2010-11-06T02:30Z", "2010-11-07T02:30Z", "2010-11-08T03:30Z"],
    ],
    [
      "a first instant lies in the hour before midnight that comes after it (St. John's, 2010-11-07)",
      { cycle: DAILY, timezone: "America/St_Johns", from: "2010-11-07T03:00:00Z", through: "2010-11-08T03:30:00Z" },
      ["2010-11-07T03:00Z", "2010-11-08T03:30Z"],
    ],
    [
      "the change is half an hour (Lord Howe, 2024-04-07)",
      { cycle: DAILY, timezone: "Australia/Lord_Howe", from: "2024-04-05T13:00:00Z", through: "2024-04-07T13:30:00Z" },
      ["2024-04-05T13:00Z", "2024-04-06T13:00Z", "2024-04-07T13:30Z"],
    ],
    [
      "a whole date is skipped (Apia, 2011-12-30): it has no period",
      { cycle: DAILY, timezone: "Pacific/Apia", from: "2011-12-29T10:00:00Z", through: "2012-01-01T10:00:00Z" },
      ["2011-12-29T10:00Z", "2011-12-30T10:00Z", "2011-12-31T10:00Z", "2012-01-01T10:00Z"],
    ],
    [
      "midnight does not exist (Beirut, 2024-03-31 starts at 01:00)",
      { cycle: DAILY, timezone: "Asia/Beirut", from: "2024-03-29T22:00:00Z", through: "2024-03-31T21:00:00Z" },
      ["2024-03-29T22:00Z", "2024-03-30T22:00Z", "2024-03-31T21:00Z"],
    ],
    [
      "midnight comes twice (Beirut, 2024-10-27 falls back to 23:00 of the day before)",
      { cycle: DAILY, timezone: "Asia/Beirut", from: "2024-10-25T21:00:00Z", through: "2024-10-27T22:00:00Z" },
      ["2024-10-25T21:00Z", "2024-10-26T22:00Z", "2024-10-27T22:00Z"],
    ],
    [
      "a week starts on a date that is skipped (Apia, Friday 2011-12-30): it starts on the next",
      {
        cycle: { kind: "WEEKLY", weekday: "FRIDAY" },
        timezone: "Pacific/Apia",
        from: "2011-12-23T10:00:00Z",
        through: "2012-01-05T10:00:00Z",
      },
      ["2011-12-23T10:00Z", "2011-12-30T10:00Z", "2012-01-05T10:00Z"],
    ],
    [
      "a custom start is skipped (New York, 2024-03-10 has no 02:30): the clocks show 03:00 then",
      {
        cycle: { kind: "CUSTOM", schedule: "30 2 * * *" },
        timezone: "America/New_York",
        from: "2024-03-09T07:30:00Z",
        through: "2024-03-11T06:30:00Z",
      },
      ["2024-03-09T07:30Z", "2024-03-10T07:00Z", "2024-03-11T06:30Z"],
    ],
    [
      "a custom start comes twice (New York, 2024-11-03 has two 01:30): the first one counts",
      {
        cycle: { kind: "CUSTOM", schedule: "30 1 * * *" },
        timezone: "America/New_York",
        from: "2024-11-02T05:30:00Z",
        through: "2024-11-04T06:30:00Z",
      },
      ["2024-11-02T05:30Z", "2024-11-03T05:30Z", "2024-11-04T06:30Z"],
    ],
    [
      "a custom start lies on a skipped date (Apia, 2011-12-30): it has no period, not one of a minute",
      {
        cycle: { kind: "CUSTOM", schedule: "59 23 * * *" },
        timezone: "Pacific/Apia",
        from: "2011-12-29T09:59:00Z",
        through: "2012-01-01T09:59:00Z",
      },
      ["2011-12-29T09:59Z", "2011-12-30T09:59Z", "2011-12-31T09:59Z", "2012-01-01T09:59Z"],
    ],
    [
      "a custom start comes twice in a zone off by 45 minutes (Chatham, 2026-04-05): the first one counts",
      {
        cycle: { kind: "CUSTOM", schedule: "0 3 * * *" },
        timezone: "Pacific/Chatham",
        from: "2026-04-03T13:15:00Z",
        through: "2026-04-05T14:15:00Z",
      },
      ["2026-04-03T13:15Z", "2026-04-04T13:15Z", "2026-04-05T14:15Z"],
    ],
    [
      "a custom start is skipped there (Chatham, 2026-09-27): the clocks show 03:45 then",
      {
        cycle: { kind: "CUSTOM", schedule: "0 3 * * *" },
        timezone: "Pacific/Chatham",
        from: "2026-09-25T14:15:00Z",
        through: "2026-09-27T13:15:00Z",
      },
      ["2026-09-25T14:15Z", "2026-09-26T14:00Z", "2026-09-27T13:15Z"],
    ],
    [
      "a custom start lies in the half hour that is skipped (Lord Howe, 2026-10-04)",
      {
        cycle: { kind: "CUSTOM", schedule: "15 2 * * *" },
        timezone: "Australia/Lord_Howe",
        from: "2026-10-02T15:45:00Z",
        through: "2026-10-04T15:15:00Z",
      },
      ["2026-10-02T15:45Z", "2026-10-03T15:30Z", "2026-10-04T15:15Z"],
    ],
  ])("where %s", (_, asked, expected) => {
    expect(boundaries(asked)).toEqual(expected);
  });
});

describe("longer cycles", () => {
  test.each<[string, Asked, string[]]>([
    [
      "weeks start on Monday unless another day is named",
      { cycle: { kind: "WEEKLY" }, timezone: "UTC", from: "2024-12-27T00:00:00Z", through: "2025-01-06T00:00:00Z" },
      ["2024-12-27T00:00Z", "2024-12-30T00:00Z", "2025-01-06T00:00Z"],
    ],
    [
      "weeks from Friday",
      {
        cycle: { kind: "WEEKLY", weekday: "FRIDAY" },
        timezone: "Asia/Seoul",
        from: "2024-02-29T15:00:00Z",
        through: "2024-03-08T00:00:00Z",
      },
      ["2024-02-29T15:00Z", "2024-03-07T15:00Z", "2024-03-14T15:00Z"],
    ],
    [
      "two weeks counted from an anchor, before it too",
      {
        cycle: { kind: "BIWEEKLY", anchor: "2024-06-05" },
        timezone: "UTC",
        from: "2024-05-21T12:00:00Z",
        through: "2024-06-06T00:00:00Z",
      },
      ["2024-05-21T12:00Z", "2024-05-22T00:00Z", "2024-06-05T00:00Z", "2024-06-19T00:00Z"],
    ],
    [
      "months start on the 1st unless another day is named",
      { cycle: { kind: "MONTHLY" }, timezone: "UTC", from: "2024-01-31T00:00:00Z", through: "2024-03-01T00:00:00Z" },
      ["2024-01-31T00:00Z", "2024-02-01T00:00Z", "2024-03-01T00:00Z"],
    ],
    [
      "months from the 15th, over a new year",
      {
        cycle: { kind: "MONTHLY", dayOfMonth: 15 },
        timezone: "UTC",
        from: "2024-12-14T00:00:00Z",
        through: "2025-01-16T00:00:00Z",
      },
      ["2024-12-14T00:00Z", "2024-12-15T00:00Z", "2025-01-15T00:00Z", "2025-02-15T00:00Z"],
    ],
    [
      "quarters start in January unless another month is named",
      { cycle: { kind: "QUARTERLY" }, timezone: "UTC", from: "2024-02-10T00:00:00Z", through: "2024-07-01T00:00:00Z" },
      ["2024-02-10T00:00Z", "2024-04-01T00:00Z", "2024-07-01T00:00Z"],
    ],
    [
      "quarters from 10 March",
      {
        cycle: { kind: "QUARTERLY", month: 3, dayOfMonth: 10 },
        timezone: "UTC",
        from: "2025-01-05T00:00:00Z",
        through: "2025-06-10T00:00:00Z",
      },
      ["2025-01-05T00:00Z", "2025-03-10T00:00Z", "2025-06-10T00:00Z"],
    ],
    [
      "months from the 31st start on the last day of a shorter month, of a leap February too",
      {
        cycle: { kind: "MONTHLY", dayOfMonth: 31 },
        timezone: "UTC",
        from: "2023-12-31T00:00:00Z",
        through: "2024-05-01T00:00:00Z",
      },
      ["2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31"].map(
        (day) => `${day}T00:00Z`,
      ),
    ],
    [
      "months from the 30th, entered on the last of February",
      {
        cycle: { kind: "MONTHLY", dayOfMonth: 30 },
        timezone: "UTC",
        from: "2025-02-28T12:00:00Z",
        through: "2025-03-30T00:00:01Z",
      },
      ["2025-02-28T12:00Z", "2025-03-30T00:00Z", "2025-04-30T00:00Z"],
    ],
    [
      "quarters from 31 January: 30 April, 31 July, 31 October",
      {
        cycle: { kind: "QUARTERLY", month: 1, dayOfMonth: 31 },
        timezone: "UTC",
        from: "2025-01-31T00:00:00Z",
        through: "2025-10-31T00:00:00Z",
      },
      ["2025-01-31", "2025-04-30", "2025-07-31", "2025-10-31"].map((day) => `${day}T00:00Z`),
    ],
    [
      "half months by a schedule, over a new year in Seoul",
      {
        cycle: { kind: "CUSTOM", schedule: "0 0 1,16 * *" },
        timezone: "Asia/Seoul",
        from: "2024-12-15T15:00:00Z",
        through: "2025-01-15T15:00:00Z",
      },
      ["2024-12-15T15:00Z", "2024-12-31T15:00Z", "2025-01-15T15:00Z"],
    ],
    [
      "business days by a schedule at six in the morning, entered at five: the weekend is Friday's",
      {
        cycle: { kind: "CUSTOM", schedule: "0 6 * * MON-FRI" },
        timezone: "UTC",
        from: "2024-03-01T05:00:00Z",
        through: "2024-03-05T00:00:00Z",
      },
      ["2024-03-01T05:00Z", "2024-03-01T06:00Z", "2024-03-04T06:00Z", "2024-03-05T06:00Z"],
    ],
    [
      "the last day of each quarter by a schedule",
      {
        cycle: { kind: "CUSTOM", schedule: "0 0 L 3-12/3 *" },
        timezone: "UTC",
        from: "2024-03-31T00:00:00Z",
        through: "2024-12-31T00:00:00Z",
      },
      ["2024-03-31", "2024-06-30", "2024-09-30", "2024-12-31"].map((day) => `${day}T00:00Z`),
    ],
    [
      "the 30th by a schedule, which February does not have: one period goes through it",
      {
        cycle: { kind: "CUSTOM", schedule: "0 0 30 * *" },
        timezone: "UTC",
        from: "2024-01-30T00:00:00Z",
        through: "2024-04-30T00:00:00Z",
      },
      ["2024-01-30T00:00Z", "2024-03-30T00:00Z", "2024-04-30T00:00Z"],
    ],
  ])("%s", (_, asked, expected) => {
    expect(boundaries(asked)).toEqual(expected);
  });
});

const ZONES = [
  "UTC",
  "Asia/Seoul",
  "Asia/Kathmandu",
  "America/Sao_Paulo",
  "America/New_York",
  "America/St_Johns",
  "Asia/Gaza",
  "Asia/Beirut",
  "Asia/Tehran",
  "Australia/Lord_Howe",
  "Pacific/Apia",
  "Pacific/Chatham",
  "Pacific/Kwajalein",
  "Africa/Cairo",
  "Africa/Casablanca",
  "Europe/Dublin",
  "Antarctica/Troll",
];
const CYCLES: Cycle[] = [
  DAILY,
  { kind: "WEEKLY", weekday: "SUNDAY" },
  { kind: "BIWEEKLY", anchor: "2015-02-28" },
  { kind: "MONTHLY", dayOfMonth: 28 },
  { kind: "QUARTERLY", month: 2, dayOfMonth: 1 },
  { kind: "MONTHLY", dayOfMonth: 31 },
  { kind: "QUARTERLY", month: 3, dayOfMonth: 30 },
  { kind: "CUSTOM", schedule: "30 1 * * *" },
  { kind: "CUSTOM", schedule: "15 23 1,L * *" },
  { kind: "CUSTOM", schedule: "0 0 * 2,7 TUE" },
];
const plans = fc.record({
  cycle: fc.constantFrom(...CYCLES),
  timezone: fc.constantFrom(...ZONES),
  from: fc.date({ min: new Date("1990-01-01T00:00:00Z"), max: new Date("2030-01-01T00:00:00Z"), noInvalidDate: true }),
  days: fc.integer({ min: 0, max: 400 }),
  graceMs: fc.integer({ min: 0, max: 86_400_000 }),
});

test("any plan covers its stretch without gap, overlap or empty period", () => {
  fc.assert(
    fc.property(plans, ({ days, ...plan }) => {
      const through = new Date(plan.from.getTime() + days * 24 * HOUR_MS);
      const periods = planPeriods({ ...plan, through });
      let end = plan.from.getTime();
      for (const period of periods) {
        expect(period.start.getTime()).toBe(end);
        expect(period.start.getTime()).toBeLessThan(through.getTime());
        end = period.end.getTime();
        expect(end).toBeGreaterThan(period.start.getTime());
        expect(period.due.getTime()).toBe(end + plan.graceMs);
        expect(period.cycleEnd).toEqual(period.end);
        expect(period.cycleStart.getTime()).toBeLessThanOrEqual(period.start.getTime());
        if (period !== periods[0]) expect(period.cycleStart).toEqual(period.start);
      }
      expect(end).toBeGreaterThanOrEqual(through.getTime());
    }),
    { numRuns: 100 },
  );
});

test("every daily boundary is the first instant of a date that the zone has not seen before", () => {
  const longest = { cycle: DAILY, graceMs: 0 };
  fc.assert(
    fc.property(plans, ({ timezone, from, days }) => {
      const through = new Date(from.getTime() + days * 24 * HOUR_MS);
      for (const { end } of planPeriods({ ...longest, timezone, from, through }).slice(0, 40)) {
        const date = (ms: number) =>
          Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(timezone).toPlainDate().toString();
        expect(date(end.getTime() - 1) < date(end.getTime())).toBe(true);
      }
    }),
    { numRuns: 100 },
  );
});

test("a plan is the same wherever it is started from, once past its short first period", () => {
  fc.assert(
    fc.property(plans, ({ days, from, ...plan }) => {
      const through = new Date(from.getTime() + (days + 400) * 24 * HOUR_MS);
      const later = new Date(from.getTime() + 200 * 24 * HOUR_MS);
      const ends = (start: Date) =>
        planPeriods({ ...plan, from: start, through }).flatMap(({ end }) => (end > later ? [end.getTime()] : []));
      expect(ends(later)).toEqual(ends(from));
    }),
    { numRuns: 30 },
  );
});

test("the first period knows the whole stretch that it is a part of", () => {
  fc.assert(
    fc.property(plans, ({ days, from, ...plan }) => {
      const early = new Date(from.getTime() - 800 * 24 * HOUR_MS);
      const whole = planPeriods({ ...plan, from: early, through: new Date(from.getTime() + 1) }).at(-1);
      const [part] = planPeriods({ ...plan, from, through: new Date(from.getTime() + 1) });
      expect([part?.start, part?.cycleStart, part?.cycleEnd]).toEqual([from, whole?.start, whole?.end]);
    }),
    { numRuns: 100 },
  );
});

test("a year of daily periods of 200 partners in 12 zones is every local date once, end to end", () => {
  expect(ZONES_OF_PARTNERS).toHaveLength(12);
  let planned = 0;
  for (let partner = 0; partner < 200; partner++) {
    const { timezone, from, through, dates } = newZonedYear(partner);
    const periods = planPeriods({ cycle: DAILY, timezone, from, through, graceMs: 0 });
    const text = new Intl.DateTimeFormat("en-CA", { timeZone: timezone, dateStyle: "short" });
    expect(periods.map(({ start }) => text.format(start))).toEqual(dates);
    for (const [index, { start, end }] of periods.entries()) {
      if (start.getTime() !== (periods[index - 1]?.end ?? from).getTime()) throw new Error(`a seam in ${timezone}`);
      if (text.format(end.getTime() - 1) !== dates[index])
        throw new Error(`${dates[index]} is not whole in ${timezone}`);
    }
    planned += periods.length;
  }
  expect(planned).toBeGreaterThan(200 * 364);
});

describe("where a zone's rules moved the boundary at which a plan goes on", () => {
  const goOn = (timezone: string, from: string, days = 3) => {
    const start = new Date(from);
    const through = new Date(start.getTime() + days * 24 * HOUR_MS);
    return planPeriods({ cycle: DAILY, timezone, from: start, through, graceMs: 0, isSeam: true });
  };

  test("an hour later, the first period has 25 hours, and no sliver of one stands between", () => {
    const [first, second] = goOn("Asia/Shanghai", "2026-05-10T15:00:00Z"); // Seoul's midnight
    expect(first).toMatchObject({ start: new Date("2026-05-10T15:00:00Z"), end: new Date("2026-05-11T16:00:00Z") });
    expect(first?.cycleStart).toEqual(first?.start);
    expect(second?.end).toEqual(new Date("2026-05-12T16:00:00Z"));
  });

  test("an hour earlier, the first period has 23 hours and is whole", () => {
    const [first] = goOn("Australia/Brisbane", "2026-05-10T15:00:00Z");
    expect(first).toMatchObject({ start: new Date("2026-05-10T15:00:00Z"), end: new Date("2026-05-11T14:00:00Z") });
    expect(first?.cycleStart).toEqual(first?.start);
  });

  test("nowhere, it goes on as if it had never stopped", () => {
    fc.assert(
      fc.property(plans, ({ days, ...plan }) => {
        const through = new Date(plan.from.getTime() + 800 * 24 * HOUR_MS);
        const periods = planPeriods({ ...plan, through });
        const seam = periods[days % periods.length]?.end ?? plan.from;
        const isSeam = true;
        expect(planPeriods({ ...plan, from: seam, through, isSeam })).toEqual(
          periods.filter(({ start }) => start >= seam),
        );
      }),
      { numRuns: 50 },
    );
  });
});
