/** A custom calendar: at what local time periods start, and on which dates. */
export interface Schedule {
  readonly hour: number;
  readonly minute: number;
  readonly isStart: (date: ScheduledDate) => boolean;
}

/** What of a local date a schedule looks at. `dayOfWeek` counts from Monday as 1. */
export interface ScheduledDate {
  readonly month: number;
  readonly day: number;
  readonly dayOfWeek: number;
  readonly daysInMonth: number;
}

/**
 * Reads the five fields `minute hour day-of-month month day-of-week`, after POSIX crontab, with three differences that
 * leave one reading only. Minute and hour are one number each, so a date starts at most one period. Days of the month
 * and days of the week are not restricted both, because crons differ in what that means. `L` is a month's last day.
 * Otherwise a field is `*`, numbers, ranges `a-b`, steps `a-b/n` or `* /n` without the blank, in a list with commas;
 * months and weekdays also by their first three letters; Sunday is 0 or 7. Answers why a text is none of this, or
 * does not start a period in every year, as words that follow its path.
 */
export function parseSchedule(text: string): Schedule | string {
  const fields = text.split(" ");
  if (fields.length !== FIELDS.length) return "is not five fields with one blank between them";
  const sets: ReadonlySet<number>[] = [];
  for (const [index, { name, ...field }] of FIELDS.entries()) {
    const values = valuesOf(fields[index] ?? "", field);
    if (values === null) return `has an unreadable ${name}`;
    sets.push(values);
  }
  const [minutes = NONE, hours = NONE, days = NONE, months = NONE, weekdays = NONE] = sets;
  const [minute, hour] = [minutes.values().next().value, hours.values().next().value];
  if (minute === undefined || hour === undefined || minutes.size > 1 || hours.size > 1) {
    return "starts more than one period a day: minute and hour are one number each";
  }
  if (fields[2] !== "*" && fields[4] !== "*") return "restricts both days of the month and days of the week";
  const isStart = ({ month, day, dayOfWeek, daysInMonth }: ScheduledDate) =>
    months.has(month) &&
    (days.has(day) || (day === daysInMonth && days.has(LAST_DAY))) &&
    weekdays.has(dayOfWeek % DAYS_IN_WEEK);
  return startsEveryYear(isStart) ? { hour, minute, isStart } : "does not start a period in every year";
}

interface Field {
  readonly min: number;
  readonly max: number;
  /** Names of the values from `min` on. */
  readonly names?: readonly string[];
  /** Whether `L` is one of its values. */
  readonly hasLast?: boolean;
}

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const DAYS_IN_WEEK = 7;
const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const LAST_DAY = 0;
const NONE: ReadonlySet<number> = new Set();

const FIELDS: readonly (Field & { readonly name: string })[] = [
  { name: "minute", min: 0, max: 59 },
  { name: "hour", min: 0, max: 23 },
  { name: "day of the month", min: 1, max: 31, hasLast: true },
  { name: "month", min: 1, max: 12, names: MONTHS },
  { name: "day of the week", min: 0, max: 7, names: WEEKDAYS },
];

/** The values of a field; null when it cannot be read. Sunday is 0 however it is written. */
function valuesOf(text: string, field: Field): ReadonlySet<number> | null {
  const values = new Set<number>();
  for (const item of text.split(",")) {
    const range = item === "L" && field.hasLast === true ? [LAST_DAY] : rangeOf(item, field);
    if (range === null) return null;
    for (const value of range) values.add(field.max === DAYS_IN_WEEK ? value % DAYS_IN_WEEK : value);
  }
  return values;
}

function rangeOf(item: string, field: Field): readonly number[] | null {
  const [, from = "", to, step] = /^(\*|[0-9A-Z]{1,3})(?:-([0-9A-Z]{1,3}))?(?:\/([1-9]\d?))?$/.exec(item) ?? [];
  const isAll = from === "*";
  if (isAll ? to !== undefined : step !== undefined && to === undefined) return null;
  const first = isAll ? field.min : numberOf(from, field);
  const last = isAll ? field.max : to === undefined ? first : numberOf(to, field);
  if (first === null || last === null || last < first) return null;
  const by = Number(step ?? 1);
  return Array.from({ length: Math.floor((last - first) / by) + 1 }, (_, index) => first + index * by);
}

function numberOf(text: string, { min, max, names = [] }: Field): number | null {
  const value = /^\d{1,2}$/.test(text) ? Number(text) : names.includes(text) ? min + names.indexOf(text) : -1;
  return value >= min && value <= max ? value : null;
}

/** Every date of a common year exists in each year, and every month has each weekday. */
function startsEveryYear(isStart: Schedule["isStart"]): boolean {
  const weekdays = Array.from({ length: DAYS_IN_WEEK }, (_, index) => index + 1);
  return DAYS_IN_MONTH.some((daysInMonth, index) =>
    Array.from({ length: daysInMonth }, (_, day) => day + 1).some((day) =>
      weekdays.some((dayOfWeek) => isStart({ month: index + 1, day, dayOfWeek, daysInMonth })),
    ),
  );
}
