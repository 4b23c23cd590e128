import { expect } from "vitest";
import type { Partner } from "../../src/tenancy/entities.js";
import type { TestApp } from "../support/app.js";

const DAY_MS = 86_400_000;

/** A bet that was reported. */
export interface Reported {
  readonly at: Date;
  readonly cents: number;
}

/** A daily period with its one statement, as both came to stand; no statement: nulls. */
export interface Lived {
  readonly startsAt: Date;
  readonly endsAt: Date;
  readonly state: string;
  readonly statements: number;
  readonly base: string | null;
  readonly opening: string | null;
  readonly closing: string | null;
}

/** A partner's periods in order. */
export async function livedBy(app: TestApp, { tenantNo, no }: Partner): Promise<Lived[]> {
  return app.database.query(
    `select period.starts_at as startsAt, period.ends_at as endsAt, period.state, count(statement.id) as statements,
       max(statement.base) as base, max(statement.opening_minor) as opening, max(statement.closing_minor) as closing
     from settlement_period as period
     left join statement on statement.tenant_no = period.tenant_no and statement.period_no = period.no
     where period.tenant_no = ? and period.partner_no = ? group by period.no order by period.starts_at`,
    [tenantNo, no],
  );
}

/** Daily periods end to end from the first instant: every local date once, whatever the clocks did. */
export function checkCalendar(periods: readonly Lived[], timezone: string, first: string): void {
  const date = new Intl.DateTimeFormat("en-CA", { timeZone: timezone, dateStyle: "short" });
  const dates = periods.map(({ startsAt }) => date.format(startsAt));
  const firstDate = Date.parse(`${dates[0]}T00:00:00Z`);
  expect(dates).toEqual(dates.map((_, index) => new Date(firstDate + index * DAY_MS).toISOString().slice(0, 10)));
  for (const [index, { startsAt, endsAt }] of periods.entries()) {
    expect(startsAt).toEqual(periods[index - 1]?.endsAt ?? new Date(first));
    expect(date.format(endsAt.getTime() - 1)).toBe(dates[index]);
  }
}

/** What ended is settled once, what did not is open; each statement opens with the closing before. */
export function checkStatements(periods: readonly Lived[], lastStep: Date): void {
  let closing = "0";
  for (const { endsAt, state, statements, opening, ...period } of periods) {
    const isOver = endsAt <= lastStep;
    expect([state, Number(statements)]).toEqual(isOver ? ["STATEMENT_ISSUED", 1] : ["OPEN", 0]);
    if (isOver) expect(opening).toBe(closing);
    closing = period.closing ?? closing;
  }
}

/** Each statement counts what happened in its period, and nothing else. */
export function checkBases(periods: readonly Lived[], reported: readonly Reported[]): void {
  for (const { startsAt, endsAt, base } of periods) {
    const own = reported.filter(({ at }) => at >= startsAt && at < endsAt);
    const cents = own.reduce((sum, each) => sum + each.cents, 0);
    if (base !== null) expect([startsAt, base]).toEqual([startsAt, (cents / 100).toFixed(2)]);
  }
}
