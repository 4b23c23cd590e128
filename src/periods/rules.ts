import { Temporal } from "temporal-polyfill";
import { assert } from "../kernel/assert.js";
import { defineErrors } from "../kernel/errors.js";
import { parseSchedule } from "./schedules/rules.js";

/** A day of the week, in a configuration's words. */
export type Weekday = "MONDAY" | "TUESDAY" | "WEDNESDAY" | "THURSDAY" | "FRIDAY" | "SATURDAY" | "SUNDAY";

/**
 * On which local dates periods start. `dayOfMonth` is 1–31, in a shorter month its last day; `month` (1–3) is the
 * year's first starting month; `anchor` (`YYYY-MM-DD`) is the first day of any one of the periods; `schedule` is read
 * by `parseSchedule`. Absent: Mondays, the 1st, January.
 */
export type Cycle =
  | { readonly kind: "DAILY" }
  | { readonly kind: "WEEKLY"; readonly weekday?: Weekday }
  | { readonly kind: "BIWEEKLY"; readonly anchor: string }
  | { readonly kind: "MONTHLY"; readonly dayOfMonth?: number }
  | { readonly kind: "QUARTERLY"; readonly month?: number; readonly dayOfMonth?: number }
  | { readonly kind: "CUSTOM"; readonly schedule: string };

/** What to plan: `timezone` is an IANA name; periods are wanted from one instant until another is covered. */
export interface PeriodPlan {
  readonly cycle: Cycle;
  readonly timezone: string;
  readonly from: Date;
  readonly through: Date;
  readonly graceMs: number;
  /**
   * Whether `from` is where a whole period ended. Should the zone's rules have moved that boundary since, by less than
   * four hours, it is not cut a second time: the next period is a little longer or shorter instead.
   */
  readonly isSeam?: boolean;
}

/**
 * A half-open period `[start, end)`, and the instant from which it may be closed: its end plus grace. It is the whole
 * of its cycle's stretch `[cycleStart, cycleEnd)`, or a part of it.
 */
export interface PlannedPeriod {
  readonly start: Date;
  readonly end: Date;
  readonly due: Date;
  readonly cycleStart: Date;
  readonly cycleEnd: Date;
}

/**
 * The periods that start at or after `from` and before `through`, in order, without gap or overlap: the first starts
 * exactly at `from` (and is short when that lies inside a local period), the last is whole and covers `through`. A
 * period starts at the first instant at which the zone's clocks show its local date and time, or a later one where they
 * skip it; a date that a zone skipped has none. More than 20,000 are refused (`LIMIT_EXCEEDED`).
 */
export function planPeriods(plan: PeriodPlan): PlannedPeriod[] {
  const { from, through, graceMs, isSeam = false } = plan;
  const periods: PlannedPeriod[] = [];
  const calendar = calendarOf(plan.cycle, plan.timezone);
  let startMs = from.getTime();
  let [date, cycleMs] = calendar.cycleAt(startMs);
  if (isSeam && startMs - cycleMs < SEAM_MS) cycleMs = startMs;
  while (startMs < through.getTime()) {
    date = calendar.after(date);
    const endMs = calendar.instantOf(date);
    if (endMs <= startMs) {
      cycleMs = endMs; // a date that was skipped, or one that clocks set back past its start began already
      continue;
    }
    if (isSeam && periods.length === 0 && endMs - startMs < SEAM_MS) {
      cycleMs = startMs;
      continue;
    }
    if (periods.length === PERIODS_MAX) throw periodError("LIMIT_EXCEEDED", { max: PERIODS_MAX });
    const [end, due] = [new Date(endMs), new Date(endMs + graceMs)];
    periods.push({ start: new Date(startMs), end, due, cycleStart: new Date(cycleMs), cycleEnd: end });
    [startMs, cycleMs] = [endMs, endMs];
  }
  return periods;
}

/** Why periods cannot be cut by a cycle, as words that follow its path; null where they can. */
export function faultOfCycle(cycle: Cycle): string | null {
  if (cycle.kind !== "CUSTOM") return null;
  const schedule = parseSchedule(cycle.schedule);
  return typeof schedule === "string" ? schedule : null;
}

/** The date that a zone's clocks show at an instant, `YYYY-MM-DD`. */
export function localDateText(instant: Date, timezone: string): string {
  return localDate(instant.getTime(), timezone).toString();
}

/** Whether a text is the name of a zone in the IANA database as spelled there; offsets such as `+09:00` are none. */
export function isKnownTimezone(text: string): boolean {
  if (!ZONE_NAME.test(text)) return false;
  try {
    return new Temporal.ZonedDateTime(0n, text).timeZoneId === text;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** The last instant of a local day, in milliseconds; null for a text that is no day, or no zone. */
export function dayEndMs(day: string, timezone: string): number | null {
  if (!isKnownTimezone(timezone) || !/^\d{4}-\d{2}-\d{2}$/.test(day)) return null;
  try {
    return firstInstant(Temporal.PlainDate.from(day).add({ days: 1 }), MIDNIGHT, timezone) - 1;
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

const PERIODS_MAX = 20_000;
/** No zone's rules moved a boundary by more; no period of a cycle is as short. */
const SEAM_MS = 4 * 3_600_000;
const ZONE_NAME = /^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/;

const WEEKDAYS: readonly Weekday[] = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"];
const MIDNIGHT = new Temporal.PlainTime();

const periodError = defineErrors({
  LIMIT_EXCEEDED: { message: "More than {max} periods would be planned at once." },
});

function localDate(instantMs: number, timezone: string): Temporal.PlainDate {
  return Temporal.Instant.fromEpochMilliseconds(instantMs).toZonedDateTimeISO(timezone).toPlainDate();
}

/** The local dates on which a cycle's periods start, in order. */
interface StartDates {
  /** The time of day at which they do. */
  readonly time: Temporal.PlainTime;
  /** The latest that is not after a date. */
  readonly upTo: (date: Temporal.PlainDate) => Temporal.PlainDate;
  /** The one after a start date. */
  readonly after: (start: Temporal.PlainDate) => Temporal.PlainDate;
}

/** A cycle in a zone. */
interface Calendar {
  readonly after: StartDates["after"];
  readonly instantOf: (start: Temporal.PlainDate) => number;
  /** The start date, and its instant, of the stretch of the cycle that holds an instant. */
  readonly cycleAt: (instantMs: number) => readonly [Temporal.PlainDate, number];
}

function calendarOf(cycle: Cycle, timezone: string): Calendar {
  const { time, upTo, after } = startDatesOf(cycle);
  const instantOf = (date: Temporal.PlainDate) => firstInstant(date, time, timezone);
  return {
    after,
    instantOf,
    cycleAt: (instantMs) => {
      const local = localDate(instantMs, timezone);
      const last = upTo(local);
      const date = instantOf(last) <= instantMs ? last : upTo(last.subtract({ days: 1 })); // before that day's start
      return [date, instantOf(date)];
    },
  };
}

/**
 * The first instant at which the zone's clocks show a local time, or a later one where they skip it; of a date that the
 * zone skipped that of the next one.
 */
function firstInstant(date: Temporal.PlainDate, time: Temporal.PlainTime, timezone: string): number {
  if (time.equals(MIDNIGHT)) return date.toZonedDateTime(timezone).epochMilliseconds;
  const local = date.toPlainDateTime(time);
  const first = local.toZonedDateTime(timezone, { disambiguation: "earlier" });
  if (first.toPlainDateTime().equals(local)) return first.epochMilliseconds;
  const isDateSkipped = !date.toZonedDateTime(timezone).toPlainDate().equals(date);
  if (isDateSkipped) return firstInstant(date.add({ days: 1 }), time, timezone);
  const skipped = first.getTimeZoneTransition("next");
  assert(skipped !== null, "a local time that does not exist lies where clocks change");
  return skipped.epochMilliseconds;
}

function startDatesOf(cycle: Cycle): StartDates {
  switch (cycle.kind) {
    case "DAILY":
      return { time: MIDNIGHT, upTo: (date) => date, after: (start) => start.add({ days: 1 }) };
    case "WEEKLY":
      return everyDays(7, (date) => date.dayOfWeek - 1 - WEEKDAYS.indexOf(cycle.weekday ?? "MONDAY"));
    case "BIWEEKLY": {
      const anchor = Temporal.PlainDate.from(cycle.anchor);
      return everyDays(14, (date) => anchor.until(date, { largestUnit: "day" }).days);
    }
    case "MONTHLY":
      return everyMonths(1, 1, cycle.dayOfMonth ?? 1);
    case "QUARTERLY":
      return everyMonths(3, cycle.month ?? 1, cycle.dayOfMonth ?? 1);
    case "CUSTOM":
      return scheduled(cycle.schedule);
  }
}

/** Every so many days; `since` says how many days after some start date a date is, or before it when negative. */
function everyDays(days: number, since: (date: Temporal.PlainDate) => number): StartDates {
  return {
    time: MIDNIGHT,
    upTo: (date) => date.subtract({ days: modulo(since(date), days) }),
    after: (start) => start.add({ days }),
  };
}

/** One day of every so many months, which include `firstMonth`; in a month without that day its last. */
function everyMonths(months: number, firstMonth: number, day: number): StartDates {
  const startIn = ({ year, month }: Temporal.PlainYearMonth) => Temporal.PlainDate.from({ year, month, day });
  const inCycle = (month: Temporal.PlainYearMonth) =>
    month.subtract({ months: modulo(month.month - firstMonth, months) });
  return {
    time: MIDNIGHT,
    upTo: (date) => {
      const month = inCycle(date.toPlainYearMonth());
      const start = startIn(month);
      return Temporal.PlainDate.compare(start, date) <= 0 ? start : startIn(month.subtract({ months }));
    },
    after: (start) => startIn(start.toPlainYearMonth().add({ months })),
  };
}

function scheduled(text: string): StartDates {
  const schedule = parseSchedule(text);
  assert(typeof schedule !== "string", "a schedule that was checked");
  const { hour, minute, isStart } = schedule;
  const walk = (from: Temporal.PlainDate, step: 1 | -1) => {
    let date = from;
    while (!isStart(date)) date = date.add({ days: step }); // ends: every year has one
    return date;
  };
  return {
    time: new Temporal.PlainTime(hour, minute),
    upTo: (date) => walk(date, -1),
    after: (start) => walk(start.add({ days: 1 }), 1),
  };
}

function modulo(dividend: number, divisor: number): number {
  return ((dividend % divisor) + divisor) % divisor;
}
