import { expect, test } from "vitest";
import { later } from "../../src/kernel/clock.js";
import type { SettlementPeriod } from "../../src/periods/entities.js";
import { closeDueForAllTenants, pollRunsForAllTenants, startSettlementRun } from "../../src/settlement/flows/jobs.js";
import { SettlementIncident } from "../../src/settlement/incidents/entities.js";
import { incidentsByPeriod, incidentsForAllTenants } from "../../src/settlement/incidents/service.js";
import { runOf } from "../../src/settlement/settlement-runs/service.js";
import { RateType } from "../../src/settlement/terms/fx.js";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { example } from "../support/contracts.js";
import { ruled, table } from "../support/rules.js";
import { activate, openPlace, type Place, periods, quoteRate, report } from "./place.js";
import { countStatements } from "./running.js";

const app = await testApp();
const api = await testApi(app);

const [DAY_1, DAY_2] = ["2026-03-01T15:00:00.000Z", "2026-03-02T15:00:00.000Z"];
const [SWEEP_MS, MINUTE_MS] = [5_000, 60_000];
const DAILY = example("config-daily-12pct");
const FOREIGN = { ...DAILY, fx: { to: "EUR", type: "PERIOD_CLOSE", source: "ECB" } };
const NO_ANSWER = table({ inputs: ["ggr"], outputs: ["rate"], rows: [["> 1000", '"0.1"']] });

/** A partner whose first day is over, and is to be converted at a rate that nobody entered. */
async function open(document: unknown = FOREIGN): Promise<Place> {
  app.clock.set(DAY_1);
  const place = await openPlace(app, DAY_1, { document, currencies: ["EUR", "USD"] });
  await report(app, place, [{ kind: "BET", amount: "100.00", occurredAt: DAY_1 }]);
  app.clock.set(later(new Date(DAY_2), 1_000));
  return place;
}

async function incidentOf(place: Place) {
  const [period] = await periods(app, place);
  const [incident] = await incidentsByPeriod(app, place.tenant.no, [period?.no ?? 0]);
  return incident ?? null;
}

/** Sweeps as the relay does; answers how often the partner was tried, and how long it was then left alone. */
async function sweep(place: Place, forMs: number): Promise<[tries: number, waitMs: number][]> {
  const waits = new Map<number, number>();
  for (const end = later(app.clock.now(), forMs); app.clock.now() < end; app.clock.advance(SWEEP_MS)) {
    await closeDueForAllTenants(app);
    const incident = await incidentOf(place);
    if (incident !== null) waits.set(incident.tries, incident.nextTryAt.getTime() - incident.triedAt.getTime());
  }
  return [...waits];
}

async function rateComes(place: Place): Promise<void> {
  const rate = { base: "USD", quote: "EUR", type: RateType.PERIOD_CLOSE, source: "ECB", rate: "0.9" };
  await quoteRate(app, place, { ...rate, asOf: new Date(DAY_2) });
}

test("a period with an incident is tried ever less often, up to every ten minutes, and shows that", async () => {
  const place = await open();
  const waits = await sweep(place, 30 * MINUTE_MS);
  const seconds = [5, 10, 20, 40, 80, 160, 320, 600, 600];
  expect(waits).toEqual(seconds.map((wait, index) => [index + 1, wait * 1_000]));
  expect(await incidentsForAllTenants(app)).toEqual([{ code: "RATE_MISSING", partners: 1 }]);
  const token = await place.token();
  const query = `query ($id: ID!) { settlementPeriods(partnerId: $id, first: 2) { edges { node {
    incident { code reason tries since triedAt nextTryAt } } } } }`;
  const { data, errors } = await api.ask({ query, variables: { id: place.partner.id }, token });
  expect(errors).toBeUndefined();
  const [stuck, next] = data.settlementPeriods.edges.map(({ node }: { node: unknown }) => node);
  expect(stuck.incident).toMatchObject({ code: "RATE_MISSING", tries: waits.length });
  expect(stuck.incident.reason).toContain("No PERIOD_CLOSE rate of ECB from USD to EUR");
  expect(Date.parse(stuck.incident.since)).toBeLessThan(Date.parse(DAY_2) + SWEEP_MS);
  expect(next.incident).toBeNull();

  await rateComes(place);
  await closeDueForAllTenants(app); // at once, whatever was left of the ten minutes
  expect(await countStatements(app, place)).toBe(1);
  const after = await api.ask({ query, variables: { id: place.partner.id }, token });
  expect(after.data.settlementPeriods.edges.map((edge: { node: { incident: unknown } }) => edge.node.incident)).toEqual(
    [null, null],
  );
  expect(await incidentsForAllTenants(app)).toEqual([]);
});

test("a run that somebody orders tries at once, and what it settles is nobody's incident any more", async () => {
  const place = await open();
  await sweep(place, 3 * MINUTE_MS);
  const order = { partnerIds: null, through: new Date(DAY_2) };
  const failing = await startSettlementRun(app, place.shell, order, null);
  await pollRunsForAllTenants(app);
  expect((await runOf(app, place.shell, failing.id)).state).toBe("FAILED");
  expect(await closeDueForAllTenants(app)).toBe(0);
  const stuck = await incidentOf(place);
  await rateComes(place);
  // As if the rate had mended nothing.
  const forgotten = Object.assign(new SettlementIncident(), stuck, { nextTryAt: new Date("2099-01-01") });
  await app.database.manager.insert(SettlementIncident, forgotten);
  const run = await startSettlementRun(app, place.shell, order, null);
  await pollRunsForAllTenants(app);
  expect((await runOf(app, place.shell, run.id)).state).toBe("SUCCEEDED");
  app.clock.set("2026-03-03T15:00:01.000Z");
  await closeDueForAllTenants(app);
  expect(await countStatements(app, place)).toBe(2); // the day after is not put off with it
});

test("a better version ends what a rule without an answer began, at once", async () => {
  const place = await open(ruled(NO_ANSWER));
  await sweep(place, 3 * MINUTE_MS);
  expect(await incidentOf(place)).toMatchObject({ code: "RULE_FAILED" });
  expect(await closeDueForAllTenants(app)).toBe(0);
  await activate(app, place, DAILY, DAY_1);
  await closeDueForAllTenants(app);
  expect(await countStatements(app, place)).toBeGreaterThan(0);
});

test("a fault of ours is put off as well, and told without its words", async () => {
  const place = await open(DAILY);
  const [{ no }] = (await periods(app, place)) as [SettlementPeriod];
  const lost = "update settlement_period set configuration_id = 'cfg_lost' where tenant_no = ? and no = ?";
  await app.database.query(lost, [place.tenant.no, no]);
  await sweep(place, MINUTE_MS);
  expect(await incidentOf(place)).toMatchObject({ code: "INTERNAL", reason: "It failed; the log says how.", tries: 4 });
});
