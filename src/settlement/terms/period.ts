import { dayIn } from "../../kernel/clock.js";
import { Window } from "./contract.js";

/** A period in local dates, `YYYY-MM-DD`: what windows and proration look at. */
export interface PeriodDays {
  readonly firstDay: string;
  /** The first day after it. */
  readonly nextDay: string;
  /** The same of the cycle's whole stretch, which a period that was cut short or split is a part of. */
  readonly cycleFirstDay: string;
  readonly cycleNextDay: string;
}

/** A half-open period and the whole stretch of its cycle, in an IANA zone. */
export interface PeriodSpan {
  readonly startsAt: Date;
  readonly endsAt: Date;
  readonly cycleStartsAt: Date;
  readonly cycleEndsAt: Date;
  readonly timezone: string;
}

/** How often periods start, as a configuration says it. */
export interface CycleDays {
  readonly kind: "DAILY" | "WEEKLY" | "BIWEEKLY" | "MONTHLY" | "QUARTERLY" | "CUSTOM";
}

const DAY_MS = 86_400_000;
/** The fewest days of a cycle's period and the most of a window: no window is shorter than its periods. */
const CYCLE_DAYS = { DAILY: 1, WEEKLY: 7, BIWEEKLY: 14, MONTHLY: 28, QUARTERLY: 90, CUSTOM: 1 };
const WINDOW_DAYS = { PERIOD: 999, WEEK: 7, MONTH: 31, QUARTER: 92, YEAR: 366, CONTRACT: 999 };

/** A period's instants in its partner's zone. */
export function spanIn(timezone: string, period: Omit<PeriodSpan, "timezone">): PeriodSpan {
  const { startsAt, endsAt, cycleStartsAt, cycleEndsAt } = period;
  return { startsAt, endsAt, cycleStartsAt, cycleEndsAt, timezone };
}

/** The local dates of a period; a `RangeError` where there is no such zone. */
export function periodDays({ startsAt, endsAt, cycleStartsAt, cycleEndsAt, timezone }: PeriodSpan): PeriodDays {
  const dayOf = dayIn(timezone);
  return {
    firstDay: dayOf(startsAt),
    nextDay: dayOf(endsAt),
    cycleFirstDay: dayOf(cycleStartsAt),
    cycleNextDay: dayOf(cycleEndsAt),
  };
}

/**
 * How many days a period has. A day that is split belongs to the part that ends it, so that the parts of a stretch have
 * its days between them; a part that ends on the day it began has none.
 */
export function daysOf({ firstDay, nextDay }: PeriodDays): number {
  return daysBetween(firstDay, nextDay);
}

/** Whether its cycle's stretch ends with it: not so of a part that another one follows. */
export function endsCycle({ nextDay, cycleNextDay }: PeriodDays): boolean {
  return nextDay === cycleNextDay;
}

/** How many days its cycle's whole stretch has, at least one. */
export function wholeDaysOf({ cycleFirstDay, cycleNextDay }: PeriodDays): number {
  return Math.max(daysBetween(cycleFirstDay, cycleNextDay), 1);
}

/** The window that a period belongs to: by its first day, and PERIOD by the stretch that it may be a part of. */
export function windowKey(window: Window, { firstDay, cycleFirstDay, cycleNextDay }: PeriodDays): string {
  const [year = "", month = ""] = firstDay.split("-");
  switch (window) {
    case Window.PERIOD:
      return `${cycleFirstDay}/${cycleNextDay}`;
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

function daysBetween(from: string, to: string): number {
  return dayNumber(to) - dayNumber(from);
}

function dayNumber(date: string): number {
  return Date.parse(`${date}T00:00:00Z`) / DAY_MS;
}

function dayText(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}
