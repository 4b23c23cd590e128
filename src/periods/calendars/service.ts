import type Holidays from "date-holidays";
import { BoundedMap } from "../../kernel/bounded-map.js";
import { periodError } from "../errors.js";
import { dayEndMs, localDateText } from "../rules.js";
import { type DueDay, dayAfter, dueDay, isDueDay, isWeekend } from "./rules.js";

/** When something is to be paid: so many days after the local date of an instant. */
export interface PaymentTerm {
  readonly instant: Date;
  readonly timezone: string;
  readonly afterDays: number;
  /** A country, `KR`, or a part of one, `US-CA`, whose business days are counted; null counts every day. */
  readonly calendar: string | null;
  /** Days that are closed besides, `YYYY-MM-DD`; only with a calendar. */
  readonly closedOn: readonly string[];
}

/** A payment's date with all that it follows from: `on = from + afterDays + closedDays.length` days. */
export interface PaymentDate extends DueDay {
  readonly from: string;
  readonly afterDays: number;
  readonly calendar: string | null;
}

/** The date by which something is to be paid, by the holidays of the calendar as `date-holidays` lists them. */
export async function paymentDate(term: PaymentTerm): Promise<PaymentDate> {
  const { afterDays, calendar } = term;
  const from = localDateText(term.instant, term.timezone);
  if (calendar === null) return { from, afterDays, calendar, closedDays: [], on: dayAfter(from, afterDays) };
  const [country = ""] = calendar.split("-");
  const holidays = await holidaysAround(calendar, Number(from.slice(0, 4)));
  const closedOn = new Set(term.closedOn);
  const isClosed = (date: string) => isWeekend(country, date) || holidays.has(date) || closedOn.has(date);
  return { from, afterDays, calendar, ...dueDay({ from, afterDays, isClosed }) };
}

/** Whether a stated date follows from what is stated with it; that the closed days were closed is not looked at. */
export function isPaymentDate(payment: PaymentDate): boolean {
  return isDueDay(payment);
}

/**
 * Between which instants a rate for transactions of a local day lies: not after the day's end, and at most seven days
 * before it, so that a weekend has Friday's. Null for a text that is no day, or no zone.
 */
export function rateSpan(day: string, timezone: string): { readonly after: Date; readonly through: Date } | null {
  const endMs = dayEndMs(day, timezone);
  return endMs === null ? null : { after: new Date(endMs - RATE_DAYS_MAX * DAY_MS), through: new Date(endMs) };
}

const RATE_DAYS_MAX = 7;

/** Refuses (`VALIDATION`) a calendar that nobody knows, by the path at which it stands. */
export async function checkCalendar({ calendar, path }: { calendar: string; path: string }): Promise<void> {
  const [country = "", state] = calendar.split("-");
  const known = new (await library())();
  const isKnown =
    Object.hasOwn(known.getCountries(), country) &&
    (state === undefined || Object.hasOwn(known.getStates(country) ?? {}, state));
  if (isKnown) return;
  throw periodError("VALIDATION", { path, reason: "There are no holidays of that country." });
}

const YEARS_KEPT_MAX = 1_000;
/** A term is a year at most, and closed days lengthen it: so many years ahead are looked at. */
const YEARS_AHEAD = 4;
const DAY_MS = 86_400_000;
const yearsKept = new BoundedMap<string, readonly string[]>(YEARS_KEPT_MAX);

/**
 * Where the library differs from the law. Korea's New Year is the day before, the day and the day after (관공서의
 * 공휴일에 관한 규정 제2조), where the library begins on the day; on 1 May, Workers' Day, banks are closed.
 */
const SHIFTED: ReadonlyMap<string, number> = new Map([["KR korean 01-0-01 P3D", -1]]);
const ADDED: ReadonlyMap<string, readonly string[]> = new Map([["KR", ["05-01"]]]);

/** It brings a megabyte of rules: only processes that need it load it. */
async function library(): Promise<typeof Holidays> {
  return (await import("date-holidays")).default;
}

async function holidaysAround(calendar: string, year: number): Promise<ReadonlySet<string>> {
  const Library = await library();
  const days = new Set<string>();
  for (let each = year - 1; each <= year + YEARS_AHEAD; each++) {
    const kept = yearsKept.get(`${calendar} ${each}`) ?? holidaysIn(Library, calendar, each);
    yearsKept.set(`${calendar} ${each}`, kept);
    for (const date of kept) days.add(date);
  }
  return days;
}

/** The dates on which banks or everybody are closed all day; half holidays are not among them. */
function holidaysIn(Library: typeof Holidays, calendar: string, year: number): readonly string[] {
  const [country = "", state] = calendar.split("-");
  const types: ("public" | "bank")[] = ["public", "bank"];
  const known = state === undefined ? new Library(country, { types }) : new Library(country, state, { types });
  const listed = known.getHolidays(year).filter(({ date }) => date.slice(11, 19) === "00:00:00");
  const dates = listed.flatMap(({ date, start, end, rule }) => {
    const first = dayAfter(date.slice(0, 10), SHIFTED.get(`${country} ${rule}`) ?? 0);
    const days = Math.max(1, Math.round((end.getTime() - start.getTime()) / DAY_MS));
    return Array.from({ length: days }, (_, index) => dayAfter(first, index));
  });
  return [...dates, ...(ADDED.get(country) ?? []).map((day) => `${year}-${day}`)];
}
