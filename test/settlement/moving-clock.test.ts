import { expect, test } from "vitest";
import { present } from "../../src/kernel/assert.js";
import { later } from "../../src/kernel/clock.js";
import { activateConfiguration, draftConfiguration } from "../../src/settlement/configurations/service.js";
import { closeDueForAllTenants } from "../../src/settlement/flows/jobs.js";
import { planAheadForAllTenants } from "../../src/settlement/planning/service.js";
import { type Partner, PartnerKind } from "../../src/tenancy/entities.js";
import { createPartner } from "../../src/tenancy/service.js";
import { testApp } from "../support/app.js";
import { ZONES_OF_PARTNERS } from "../support/calendars.js";
import { example } from "../support/contracts.js";
import { type SeededTenant, seedTenant } from "../support/seeds.js";
import { openPlace, type Place, report } from "./place.js";

const app = await testApp();

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const IS_LONG = process.env["QUITTANCE_LONG"] === "1";
/** In the ordinary test clocks change in six of the zones; the year has every change, the leap day and New Year. */
const FIRST = IS_LONG ? "2024-02-20T00:00:00.000Z" : "2024-03-09T00:00:00.000Z";
const DAYS = IS_LONG ? 366 : 30;
const PARTNERS = IS_LONG ? 200 : 24;
const STEP_MS = 6 * HOUR_MS;
/** The scheduler is away for the week that begins so many days after the first. */
const AWAY_DAYS = { from: 12, to: 19 };
const DOCUMENT = {
  ...example("config-daily-12pct"),
  base: { measure: "GGR", freeRoundStake: "ZERO", jackpotWins: "EXCLUDED" },
};

/** A transaction that was reported, by partner. */
type Reports = Map<number, { readonly at: Date; readonly cents: number }[]>;

async function daily(home: SeededTenant, index: number): Promise<Partner> {
  const partner = await createPartner(app, home.actor, {
    ...{ code: `quiet-${index}`, name: `quiet-${index}`, kind: PartnerKind.GAME_PROVIDER, currencies: ["USD"] },
    timezone: present(ZONES_OF_PARTNERS[index % ZONES_OF_PARTNERS.length], "a zone"),
  });
  const { id: configurationId } = await draftConfiguration(app, home.actor, {
    partnerId: partner.id,
    document: DOCUMENT,
  });
  await activateConfiguration(app, home.actor, { configurationId, effectiveFrom: new Date(FIRST) });
  return partner;
}

/** Every step of the clock: reporters report in turn; a scheduler, or two at once, plan, close and settle. */
async function live(reporters: readonly Place[], reports: Reports): Promise<void> {
  for (let at = new Date(FIRST); at < later(new Date(FIRST), DAYS * DAY_MS); at = later(at, STEP_MS)) {
    app.clock.set(at);
    const step = (at.getTime() - Date.parse(FIRST)) / STEP_MS;
    for (const [index, reporter] of reporters.entries()) {
      if (step === 0 || (step + index) % 3 !== 0) continue;
      const cents = 100 + ((step * 31 + index * 17) % 900);
      const occurredAt = later(app.clock.now(), -1).toISOString();
      await report(app, reporter, [{ kind: "BET", amount: (cents / 100).toFixed(2), occurredAt }]);
      const known = reports.get(reporter.partner.no) ?? [];
      reports.set(reporter.partner.no, [...known, { at: new Date(occurredAt), cents }]);
    }
    const days = (at.getTime() - Date.parse(FIRST)) / DAY_MS;
    if (days >= AWAY_DAYS.from && days < AWAY_DAYS.to) continue;
    const schedulers = step % 2 === 0 ? [1, 2] : [1];
    await Promise.all(schedulers.map(() => planAheadForAllTenants(app)));
    await Promise.all(schedulers.map(() => closeDueForAllTenants(app)));
  }
}

interface Lived {
  readonly startsAt: Date;
  readonly endsAt: Date;
  readonly state: string;
  readonly statements: number;
  readonly base: string | null;
  readonly opening: string | null;
  readonly closing: string | null;
}

function livedBy({ tenantNo, no }: Partner): Promise<Lived[]> {
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
function checkCalendar(periods: readonly Lived[], timezone: string): void {
  const date = new Intl.DateTimeFormat("en-CA", { timeZone: timezone, dateStyle: "short" });
  const dates = periods.map(({ startsAt }) => date.format(startsAt));
  const first = Date.parse(`${dates[0]}T00:00:00Z`);
  expect(dates).toEqual(dates.map((_, index) => new Date(first + index * DAY_MS).toISOString().slice(0, 10)));
  for (const [index, { startsAt, endsAt }] of periods.entries()) {
    expect(startsAt).toEqual(periods[index - 1]?.endsAt ?? new Date(FIRST));
    expect(date.format(endsAt.getTime() - 1)).toBe(dates[index]);
  }
}

/** What ended is settled once, what did not is open; each statement opens with the closing before. */
function checkStatements(periods: readonly Lived[], lastStep: Date): void {
  let closing = "0";
  for (const { endsAt, state, statements, opening, ...period } of periods) {
    const isOver = endsAt <= lastStep;
    expect([state, Number(statements)]).toEqual(isOver ? ["STATEMENT_ISSUED", 1] : ["OPEN", 0]);
    if (isOver) expect(opening).toBe(closing);
    closing = period.closing ?? closing;
  }
}

test(
  `${DAYS} days of ${PARTNERS} partners in 12 zones have no gap, no overlap and nothing twice`,
  async () => {
    app.clock.set(later(new Date(FIRST), -5 * DAY_MS)); // so that plans have to go on before the thirty days are over
    const home = await seedTenant(app);
    const reporters: Place[] = [];
    for (const timezone of ZONES_OF_PARTNERS)
      reporters.push(await openPlace(app, FIRST, { home, timezone, document: DOCUMENT }));
    const quiet: Partner[] = [];
    for (let index = reporters.length; index < PARTNERS; index++) quiet.push(await daily(home, index));
    const reports: Reports = new Map();
    await live(reporters, reports);
    const lastStep = later(new Date(FIRST), DAYS * DAY_MS - STEP_MS);
    for (const partner of [...reporters.map((reporter) => reporter.partner), ...quiet]) {
      const periods = await livedBy(partner);
      expect(present(periods.at(-1), "a plan").endsAt.getTime()).toBeGreaterThan(
        lastStep.getTime() + 30 * DAY_MS - STEP_MS,
      );
      checkCalendar(periods, partner.timezone);
      checkStatements(periods, lastStep);
      for (const { startsAt, endsAt, base } of periods) {
        const own = (reports.get(partner.no) ?? []).filter(({ at }) => at >= startsAt && at < endsAt);
        const cents = own.reduce((sum, each) => sum + each.cents, 0);
        if (base !== null)
          expect([partner.timezone, startsAt, base]).toEqual([partner.timezone, startsAt, (cents / 100).toFixed(2)]);
      }
    }
    expect([...reports.values()].every((list) => list.length > DAYS)).toBe(true);
  },
  IS_LONG ? 6 * HOUR_MS : 600_000,
);
