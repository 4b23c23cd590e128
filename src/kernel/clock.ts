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
