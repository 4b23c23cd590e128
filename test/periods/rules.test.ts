import fc from "fast-check";
import { Temporal } from "temporal-polyfill";
import { describe, expect, test } from "vitest";
import { type Cycle, isKnownTimezone, planPeriods } from "../../src/periods/rules.js";

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

describe("names of zones", () => {
  test.each([
    "UTC",
    "Asia/Seoul",
    "America/Argentina/Buenos_Aires",
    "Etc/GMT+9",
    "America/Port-au-Prince",
    "Asia/Calcutta",
  ])("%s is one", (name) => expect(isKnownTimezone(name)).toBe(true));

  test.each([
    "",
    "asia/seoul",
    "utc",
    "Seoul",
    "Asia/Atlantis",
    "+09:00",
    "Z",
    "Asia/Seoul ",
    "Asia/Seoul\n",
    "../etc/localtime",
  ])("%j is none", (name) => expect(isKnownTimezone(name)).toBe(false));

  test("all that the runtime lists are known", () => {
    expect(Intl.supportedValuesOf("timeZone").filter((name) => !isKnownTimezone(name))).toEqual([]);
  });
});
