/** A day by which something is to be paid, and every closed day that was passed over on the way there. */
export interface DueDay {
  /** `from`, and as many days later as were counted and passed over: local dates, `YYYY-MM-DD`. */
  readonly on: string;
  readonly closedDays: readonly string[];
}

/** What to count: open days after a local date. */
export interface DaysToCount {
  readonly from: string;
  readonly afterDays: number;
  readonly isClosed: (date: string) => boolean;
}

/**
 * The n-th open day after a date; for n = 0 the date itself, or the first open day after it. Always
 * `on = from + afterDays + closedDays.length` days, so whoever knows the closed days can check it by hand.
 */
export function dueDay({ from, afterDays, isClosed }: DaysToCount): DueDay {
  const closedDays: string[] = [];
  let [on, left] = afterDays === 0 ? [from, 1] : [dayAfter(from), afterDays];
  for (; ; on = dayAfter(on)) {
    if (isClosed(on)) closedDays.push(on);
    else if (--left === 0) return { on, closedDays };
  }
}

/** Whether a stated day is so many days after its date as were counted and passed over, all of them before it. */
export function isDueDay({ from, afterDays, on, closedDays }: DueDay & Omit<DaysToCount, "isClosed">): boolean {
  const isInOrder = closedDays.every((day, index) => day >= from && day < on && day > (closedDays[index - 1] ?? ""));
  return isInOrder && on === dayAfter(from, afterDays + closedDays.length);
}

/** The date so many days after a date, `YYYY-MM-DD`. */
export function dayAfter(date: string, days = 1): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}

/** Whether a date lies on a country's weekend (Unicode CLDR 44, `weekendStart` and `weekendEnd`). */
export function isWeekend(country: string, date: string): boolean {
  const days = WEEKENDS.get(country) ?? SATURDAY_SUNDAY;
  return days.includes(new Date(`${date}T00:00:00Z`).getUTCDay());
}

const DAY_MS = 86_400_000;
/** As `Date` counts them. */
const [SUNDAY, THURSDAY, FRIDAY, SATURDAY] = [0, 4, 5, 6] as const;
const SATURDAY_SUNDAY = [SATURDAY, SUNDAY];
const FRIDAY_SATURDAY = ["BH", "DZ", "EG", "IL", "IQ", "JO", "KW", "LY", "OM", "QA", "SA", "SD", "SY", "YE"];
const WEEKENDS: ReadonlyMap<string, readonly number[]> = new Map<string, readonly number[]>([
  ...FRIDAY_SATURDAY.map((country): [string, readonly number[]] => [country, [FRIDAY, SATURDAY]]),
  ["AF", [THURSDAY, FRIDAY]],
  ["IR", [FRIDAY]],
  ["IN", [SUNDAY]],
  ["UG", [SUNDAY]],
]);
