import { expect, test, vi } from "vitest";
import { present } from "../../src/kernel/assert.js";
import { later } from "../../src/kernel/clock.js";
import { sweepDueForAllTenants } from "../../src/settlement/flows/jobs.js";
import { planAheadForAllTenants } from "../../src/settlement/planning/service.js";
import { testApp } from "../support/app.js";
import { example } from "../support/contracts.js";
import { loseRedis } from "../support/redis.js";
import { seedTenant } from "../support/seeds.js";
import { checkBases, checkCalendar, checkStatements, livedBy, type Reported } from "./living.js";
import { openPlace, type Place, report } from "./place.js";
import { untilDrained, workSettlements } from "./running.js";

vi.setConfig({ testTimeout: 240_000 });
const app = await testApp();

const [FIRST, LAST] = ["2026-03-28T00:00:00.000Z", "2026-04-07T00:00:00.000Z"];
/** The scheduler is away in between. */
const AWAY = { from: new Date("2026-03-31T00:00:00.000Z"), to: new Date("2026-04-04T00:00:00.000Z") };
const STEP_MS = 12 * 3_600_000;
/** Clocks skip midnight of the 29th, go back by half an hour, in a zone off by 45 minutes, and repeat midnight. */
const ZONES = ["Asia/Beirut", "Australia/Lord_Howe", "Pacific/Chatham", "America/Santiago"];
const DOCUMENT = {
  ...example("config-daily-12pct"),
  base: { measure: "GGR", freeRoundStake: "ZERO", jackpotWins: "EXCLUDED" },
};

test("ten days through the queues, by two schedulers and workers: no gap, no overlap, nothing twice", async () => {
  app.clock.set(later(new Date(FIRST), -STEP_MS));
  const home = await seedTenant(app);
  const places: Place[] = [];
  for (const timezone of ZONES) places.push(await openPlace(app, FIRST, { home, timezone, document: DOCUMENT }));
  const reports = new Map(places.map(({ partner }): [number, Reported[]] => [partner.no, []]));
  await Promise.all([workSettlements(app, 2), workSettlements(app, 2)]);
  for (let at = later(new Date(FIRST), STEP_MS); at <= new Date(LAST); at = later(at, STEP_MS)) {
    app.clock.set(at);
    for (const [index, place] of places.entries()) {
      const [occurredAt, cents] = [later(at, -1 - index), 100 + (at.getTime() / STEP_MS) * 7 + index];
      await report(app, place, [
        { kind: "BET", amount: (cents / 100).toFixed(2), occurredAt: occurredAt.toISOString() },
      ]);
      present(reports.get(place.partner.no), "a partner's reports").push({ at: occurredAt, cents });
    }
    if (at > AWAY.from && at < AWAY.to) continue;
    await Promise.all([planAheadForAllTenants(app), sweepDueForAllTenants(app), sweepDueForAllTenants(app)]);
    if (at.getTime() === AWAY.to.getTime()) await loseRedis(app); // with a backlog of four days in it
    await sweepDueForAllTenants(app);
    await untilDrained(app);
  }
  for (const { partner } of places) {
    const periods = await livedBy(app, partner);
    checkCalendar(periods, partner.timezone, FIRST);
    checkStatements(periods, new Date(LAST));
    checkBases(periods, reports.get(partner.no) ?? []);
    expect(periods.filter(({ statements }) => Number(statements) === 1).length).toBeGreaterThanOrEqual(9);
  }
});
