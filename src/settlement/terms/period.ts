import { Window } from "./contract.js";

/** A period in local dates, `YYYY-MM-DD`: what windows and proration look at. */
export interface PeriodDays {
  readonly firstDay: string;
  /** The first day after it. */
  readonly nextDay: string;
  /** Days of the whole period of its cycle that it lies in; more than its own when it was cut short. */
  readonly wholeDays: number;
}

/** How often periods start, as a configuration says it. */
export interface CycleDays {
  readonly kind: "DAILY" | "WEEKLY" | "BIWEEKLY" | "MONTHLY" | "QUARTERLY" | "CUSTOM";
  readonly dayOfMonth?: number | undefined;
  readonly month?: number | undefined;
}

const DAY_MS = 86_400_000;
const FIXED_DAYS: Readonly<Partial<Record<CycleDays["kind"], number>>> = { DAILY: 1, WEEKLY: 7, BIWEEKLY: 14 };
const MONTHS: Readonly<Partial<Record<CycleDays["kind"], number>>> = { MONTHLY: 1, QUARTERLY: 3 };
/** The fewest days of a cycle's period and the most of a window: no window is shorter than its periods. */
const CYCLE_DAYS = { DAILY: 1, WEEKLY: 7, BIWEEKLY: 14, MONTHLY: 28, QUARTERLY: 90, CUSTOM: 1 };
const WINDOW_DAYS = { PERIOD: 999, WEEK: 7, MONTH: 31, QUARTER: 92, YEAR: 366, CONTRACT: 999 };

/** The local dates of a half-open period in an IANA zone; a day that has begun counts. */
export function periodDays(
  { startsAt, endsAt, timezone }: { readonly startsAt: Date; readonly endsAt: Date; readonly timezone: string },
  cycle: CycleDays,
): PeriodDays {
  const [firstDay, nextDay] = [localDate(startsAt, timezone), localDate(endsAt, timezone)];
  return { firstDay, nextDay, wholeDays: wholeDaysOf(cycle, firstDay) ?? Math.max(daysBetween(firstDay, nextDay), 1) };
}

/** How many days a period has, at least one. */
export function daysOf({ firstDay, nextDay }: PeriodDays): number {
  return Math.max(daysBetween(firstDay, nextDay), 1);
}

/** The window that a period belongs to, by its first day. */
export function windowKey(window: Window, { firstDay }: PeriodDays): string {
  const [year = "", month = ""] = firstDay.split("-");
  switch (window) {
    case Window.PERIOD:
      return firstDay;
    case Window.WEEK:
      return dayText(dayNumber(firstDay) - ((dayNumber(firstDay) + 3) % 7)); // day 0, 1 January 1970, was a Thursday
    case Window.MONTH:
      return `${year}-${month}`;
    case Window.QUARTER:
      return `${year}-Q${Math.ceil(Number(month) / 3)}`;
    case Window.YEAR:
      return year;
    case Window.CONTRACT:
      return "CONTRACT";
  }
}

/** Whether a window is shorter than a cycle's periods, so that it could never hold one. */
export function isTooShort(window: Window, cycle: CycleDays): boolean {
  return WINDOW_DAYS[window] < CYCLE_DAYS[cycle.kind];
}

function wholeDaysOf({ kind, dayOfMonth = 1, month: startMonth = 1 }: CycleDays, firstDay: string): number | null {
  const months = MONTHS[kind];
  if (months === undefined) return FIXED_DAYS[kind] ?? null;
  const [year = 0, month = 1, day = 1] = firstDay.split("-").map(Number);
  const current = year * 12 + (month - 1) - (day < dayOfMonth ? 1 : 0);
  const first = current - ((current - (startMonth - 1)) % months);
  return (monthStart(first + months, dayOfMonth) - monthStart(first, dayOfMonth)) / DAY_MS;
}

function monthStart(month: number, day: number): number {
  return Date.UTC(Math.floor(month / 12), month % 12, day);
}

function localDate(instant: Date, timeZone: string): string {
  const format = new Intl.DateTimeFormat("en-US", { timeZone, year: "numeric", month: "2-digit", day: "2-digit" });
  const parts = new Map(format.formatToParts(instant).map(({ type, value }) => [type, value]));
  return [parts.get("year")?.padStart(4, "0"), parts.get("month"), parts.get("day")].join("-");
}

function daysBetween(from: string, to: string): number {
  return dayNumber(to) - dayNumber(from);
}

function dayNumber(date: string): number {
  return Date.parse(`${date}T00:00:00Z`) / DAY_MS;
}

function dayText(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}
