import { BoundedMap } from "./bounded-map.js";

/** Where time comes from; tests put their own in its place. */
export interface Clock {
  /** The present instant, to the millisecond. */
  now(): Date;
}

/** The machine's wall clock. */
export const systemClock: Clock = { now: () => new Date() };

/** RFC 3339 in UTC with milliseconds, the one spelling of an instant in everything we publish. */
export function instantText(instant: Date): string {
  return instant.toISOString();
}

/** Whole seconds since 1970, as JWT claims want them (RFC 7519, NumericDate). */
export function epochSeconds(instant: Date): number {
  return Math.floor(instant.getTime() / 1000);
}

/** The instant so many milliseconds later (or earlier, when negative). */
export function later(instant: Date, ms: number): Date {
  return new Date(instant.getTime() + ms);
}

const QUARTER_MS = 900_000;
const QUARTERS_KEPT_MAX = 10_000;

/**
 * The local day of an instant in an IANA zone, `YYYY-MM-DD`; a `RangeError` where there is no such zone. Zones change
 * at quarters of an hour, so each quarter is asked once.
 */
export function dayIn(timeZone: string): (instant: Date) => string {
  const format = new Intl.DateTimeFormat("en-US", { timeZone, year: "numeric", month: "2-digit", day: "2-digit" });
  const known = new BoundedMap<number, string>(QUARTERS_KEPT_MAX);
  return (instant) => {
    const quarter = Math.floor(instant.getTime() / QUARTER_MS);
    const day = known.get(quarter) ?? dayText(format, instant);
    known.set(quarter, day);
    return day;
  };
}

function dayText(format: Intl.DateTimeFormat, instant: Date): string {
  const parts = new Map(format.formatToParts(instant).map(({ type, value }) => [type, value]));
  return [parts.get("year")?.padStart(4, "0"), parts.get("month"), parts.get("day")].join("-");
}
