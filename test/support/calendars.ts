/** Zones whose clocks change in every way that zones know, the two without changes among them. */
export const ZONES_OF_PARTNERS: readonly string[] = [
  ...["Asia/Seoul", "UTC", "Asia/Beirut", "Africa/Cairo", "America/Sao_Paulo", "America/St_Johns"],
  ...[
    "Europe/Dublin",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Pacific/Chatham",
    "Pacific/Apia",
    "America/New_York",
  ],
];

/** Years worth planning: skipped and doubled midnights, a skipped date, leap days. */
const YEARS = [2024, 2018, 2011, 2023, 2026];
const SKIPPED = new Map([["Pacific/Apia", "2011-12-30"]]);
const HOUR_MS = 3_600_000;

/** A year as one partner lives it: from the instant its zone reaches 1 January until it reaches the next. */
export interface ZonedYear {
  readonly timezone: string;
  readonly from: Date;
  readonly through: Date;
  /** Every local date of it, `YYYY-MM-DD`; found by counting days, not by the calendar under test. */
  readonly dates: readonly string[];
}

/** The year of the n-th partner: zones in turn, and another year for each round of them. */
export function newZonedYear(partner: number): ZonedYear {
  const timezone = ZONES_OF_PARTNERS[partner % ZONES_OF_PARTNERS.length] ?? "UTC";
  const year = YEARS[Math.floor(partner / ZONES_OF_PARTNERS.length) % YEARS.length] ?? 2024;
  const dates: string[] = [];
  for (let day = Date.UTC(year, 0, 1); day < Date.UTC(year + 1, 0, 1); day += 24 * HOUR_MS) {
    const date = new Date(day).toISOString().slice(0, 10);
    if (SKIPPED.get(timezone) !== date) dates.push(date);
  }
  return { timezone, from: newYear(timezone, year), through: newYear(timezone, year + 1), dates };
}

/** No zone changes its clocks on New Year here, so the offset at noon UTC of that day is the one at its midnight. */
function newYear(timezone: string, year: number): Date {
  const noon = Date.UTC(year, 0, 1, 12);
  const parts = new Intl.DateTimeFormat("en-GB", { timeZone: timezone, timeStyle: "medium", dateStyle: "short" });
  const [date = "", time = ""] = parts.format(noon).split(", ");
  const [day = 0, month = 0, localYear = 0] = date.split("/").map(Number);
  const [hour = 0, minute = 0, second = 0] = time.split(":").map(Number);
  const localAsUtc = Date.UTC(localYear, month - 1, day, hour, minute, second);
  return new Date(Date.UTC(year, 0, 1) - (localAsUtc - noon));
}
