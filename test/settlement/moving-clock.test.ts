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
import { checkBases, checkCalendar, checkStatements, livedBy, type Reported } from "./living.js";
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

/** What was reported, by partner. */
type Reports = Map<number, Reported[]>;

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
      const periods = await livedBy(app, partner);
      expect(present(periods.at(-1), "a plan").endsAt.getTime()).toBeGreaterThan(
        lastStep.getTime() + 30 * DAY_MS - STEP_MS,
      );
      checkCalendar(periods, partner.timezone, FIRST);
      checkStatements(periods, lastStep);
      checkBases(periods, reports.get(partner.no) ?? []);
    }
    expect([...reports.values()].every((list) => list.length > DAYS)).toBe(true);
  },
  IS_LONG ? 6 * HOUR_MS : 600_000,
);
