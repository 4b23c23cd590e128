import { Temporal } from "temporal-polyfill";
import { defineErrors } from "../kernel/errors.js";

/** A day of the week, in a configuration's words. */
export type Weekday = "MONDAY" | "TUESDAY" | "WEDNESDAY" | "THURSDAY" | "FRIDAY" | "SATURDAY" | "SUNDAY";

/**
 * On which local dates periods start. `dayOfMonth` is 1–28; `month` (1–3) is the year's first starting month; `anchor`
 * (`YYYY-MM-DD`) is the first day of any one of the periods. Absent: Mondays, the 1st, January.
 */
export type Cycle =
  | { readonly kind: "DAILY" }
  | { readonly kind: "WEEKLY"; readonly weekday?: Weekday }
  | { readonly kind: "BIWEEKLY"; readonly anchor: string }
  | { readonly kind: "MONTHLY"; readonly dayOfMonth?: number }
  | { readonly kind: "QUARTERLY"; readonly month?: number; readonly dayOfMonth?: number };

/** What to plan: `timezone` is an IANA name; periods are wanted from one instant until another is covered. */
export interface PeriodPlan {
  readonly cycle: Cycle;
  readonly timezone: string;
  readonly from: Date;
  readonly through: Date;
  readonly graceMs: number;
}

/** A half-open period `[start, end)`, and the instant from which it may be closed: its end plus grace. */
export interface PlannedPeriod {
  readonly start: Date;
  readonly end: Date;
  readonly due: Date;
}

/**
 * The periods that start at or after `from` and before `through`, in order, without gap or overlap: the first starts
 * exactly at `from` (and is short when that lies inside a local period), the last is whole and covers `through`. A
 * period starts at the first instant of its local date, whatever the clocks do that night; a date that a zone skipped
 * has none. More than 20,000 are refused (`LIMIT_EXCEEDED`).
 */
export function planPeriods({ cycle, timezone, from, through, graceMs }: PeriodPlan): PlannedPeriod[] {
  const periods: PlannedPeriod[] = [];
  const step = STEPS[cycle.kind];
  let date = cycleStart(cycle, localDate(from, timezone));
  let startMs = from.getTime();
  while (startMs < through.getTime()) {
    date = date.add(step);
    const endMs = date.toZonedDateTime(timezone).epochMilliseconds;
    if (endMs <= startMs) continue; // a date that was skipped, or one that clocks set back past midnight began already
    if (periods.length === PERIODS_MAX) throw periodError("LIMIT_EXCEEDED", { max: PERIODS_MAX });
    periods.push({ start: new Date(startMs), end: new Date(endMs), due: new Date(endMs + graceMs) });
    startMs = endMs;
  }
  return periods;
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

const PERIODS_MAX = 20_000;
const ZONE_NAME = /^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/;

const WEEKDAYS: readonly Weekday[] = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"];

const STEPS: Readonly<Record<Cycle["kind"], Temporal.DurationLike>> = {
  DAILY: { days: 1 },
  WEEKLY: { days: 7 },
  BIWEEKLY: { days: 14 },
  MONTHLY: { months: 1 },
  QUARTERLY: { months: 3 },
};

const periodError = defineErrors({
  LIMIT_EXCEEDED: { message: "More than {max} periods would be planned at once." },
});

function localDate(instant: Date, timezone: string): Temporal.PlainDate {
  return Temporal.Instant.fromEpochMilliseconds(instant.getTime()).toZonedDateTimeISO(timezone).toPlainDate();
}

/** The local date on which the period that holds `date` started. */
function cycleStart(cycle: Cycle, date: Temporal.PlainDate): Temporal.PlainDate {
  switch (cycle.kind) {
    case "DAILY":
      return date;
    case "WEEKLY":
      return date.subtract({ days: modulo(date.dayOfWeek - 1 - WEEKDAYS.indexOf(cycle.weekday ?? "MONDAY"), 7) });
    case "BIWEEKLY": {
      const days = Temporal.PlainDate.from(cycle.anchor).until(date, { largestUnit: "day" }).days;
      return date.subtract({ days: modulo(days, 14) });
    }
    case "MONTHLY":
      return monthStart(date, cycle.dayOfMonth ?? 1);
    case "QUARTERLY": {
      const start = monthStart(date, cycle.dayOfMonth ?? 1);
      return start.subtract({ months: modulo(start.month - (cycle.month ?? 1), 3) });
    }
  }
}

function monthStart(date: Temporal.PlainDate, day: number): Temporal.PlainDate {
  return date.subtract({ months: date.day < day ? 1 : 0 }).with({ day });
}

function modulo(dividend: number, divisor: number): number {
  return ((dividend % divisor) + divisor) % divisor;
}
