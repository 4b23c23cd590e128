import { expect, test } from "vitest";
import { ActType } from "../../src/acts/entities.js";
import { present } from "../../src/kernel/assert.js";
import { later } from "../../src/kernel/clock.js";
import { AccountName } from "../../src/ledger/entities.js";
import type { SettlementPeriod } from "../../src/periods/entities.js";
import {
  cancelSettlementRun,
  closeDueForAllTenants,
  pollRunsForAllTenants,
  SETTLEMENTS_AT_ONCE,
  startSettlementRun,
} from "../../src/settlement/flows/jobs.js";
import { watchRun } from "../../src/settlement/run-progress/service.js";
import { settle } from "../../src/settlement/runs/service.js";
import { RunStage, RunState } from "../../src/settlement/settlement-runs/entities.js";
import { runCounts, runOf } from "../../src/settlement/settlement-runs/service.js";
import { STEPS } from "../../src/settlement/steps/rules.js";
import { takeStep } from "../../src/settlement/steps/service.js";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { example } from "../support/contracts.js";
import { seedClient, seedTenant } from "../support/seeds.js";
import { type Place, periods } from "./place.js";
import { countStatements, DAYS, openPlaces, runActs, THROUGH } from "./running.js";

const app = await testApp();
const api = await testApi(app);

/** Spoils the stored version, as no API could. */
async function spoilConfiguration(place: Place): Promise<void> {
  await app.database.query("update configuration set document = '{}' where tenant_id = ? and id = ?", [
    ...[place.tenant.id, place.configuration.id],
  ]);
}

/** Settles the first day, and the second up to a stage, at which the worker dies. */
async function settleUntil(place: Place, stage: RunStage): Promise<void> {
  const { shell, partner } = place;
  const [{ endsAt: through }] = (await periods(app, place)) as [SettlementPeriod];
  await settle(app, shell, { partnerId: partner.id, through });
  for (const step of STEPS) {
    const [, period] = (await periods(app, place)) as [SettlementPeriod, SettlementPeriod];
    await takeStep(app, shell, { partner, period, step, startedAt: async () => app.clock.now() }, async (at) => {
      if (at === stage) throw new Error("the worker died");
    });
  }
}

test("a run settles everybody who has something due, once; the same key is the same run", async () => {
  const places = await openPlaces(app, 3);
  const [first] = places as [Place];
  const admin = await seedClient(app, first.shell, null);
  const token = await admin.token();
  const start = `mutation { startSettlementRun(input: { through: "${THROUGH.toISOString()}", idempotencyKey: "a" }) {
    run { id state startedBy counts { waiting } } } }`;
  const { data, errors } = await api.ask({ query: start, token });
  expect(errors).toBeUndefined();
  const { run } = (data as { startSettlementRun: { run: { id: string; counts: { waiting: number } } } })
    .startSettlementRun;
  expect(run).toMatchObject({ state: "RUNNING", counts: { waiting: 3 } });
  expect((await api.ask({ query: start, token })).data).toMatchObject({ startSettlementRun: { run: { id: run.id } } });
  await pollRunsForAllTenants(app);
  await pollRunsForAllTenants(app);
  const query = `{ settlementRun(id: "${run.id}") { state endedAt counts { waiting running succeeded failed cancelled }
      partners(first: 2, state: SUCCEEDED) { totalCount pageInfo { hasNextPage }
        edges { node { state stage periodsLeft code partner { id } } } } }
    settlementRuns { totalCount edges { node { id } } } node(id: "${run.id}") { id } }`;
  const answer = await api.ask({ query, token });
  expect(answer.errors).toBeUndefined();
  expect(answer.data).toMatchObject({
    settlementRun: {
      ...{ state: "SUCCEEDED", counts: { waiting: 0, running: 0, succeeded: 3, failed: 0, cancelled: 0 } },
      partners: {
        ...{ totalCount: 3, pageInfo: { hasNextPage: true } },
        edges: [0, 1].map(() => ({ node: { state: "SUCCEEDED", stage: "STATEMENT", periodsLeft: 0, code: null } })),
      },
    },
    settlementRuns: { totalCount: 1, edges: [{ node: { id: run.id } }] },
    node: { id: run.id },
  });
  for (const place of places) expect(await countStatements(app, place)).toBe(DAYS);
  const stored = await runOf(app, first.shell, run.id);
  expect(await runActs(app, stored)).toEqual([ActType.SETTLEMENT_RUN_STARTED, ActType.SETTLEMENT_RUN_ENDED]);
});

test("a partner that fails is named with its reason and holds up no other", async () => {
  const places = await openPlaces(app, 3);
  const [spoiled, ...others] = places as [Place, ...Place[]];
  await spoilConfiguration(spoiled);
  const partnerIds = places.map(({ partner }) => partner.id);
  const run = await startSettlementRun(app, spoiled.shell, { partnerIds, through: THROUGH }, null);
  await pollRunsForAllTenants(app);
  expect(await runOf(app, spoiled.shell, run.id)).toMatchObject({ state: RunState.FAILED });
  expect(await runCounts(app, run)).toMatchObject({ FAILED: 1, SUCCEEDED: 2 });
  const [row] = await app.database.query(
    "select code, reason from settlement_run_partner where tenant_no = ? and run_id = ? and partner_no = ?",
    [run.tenantNo, run.id, spoiled.partner.no],
  );
  expect(row.code).toMatch(/^[A-Z_]+$/);
  expect(row.reason).toContain("The configuration is refused");
  for (const place of others) expect(await countStatements(app, place)).toBe(DAYS);
});

test("without a queue, a partner that cannot be settled holds up no later one", async () => {
  const [spoiled, other] = (await openPlaces(app, 2)) as [Place, Place];
  // Periods that fell due before their configuration was active wait for a person; these did not.
  for (const { tenant } of [spoiled]) {
    await app.database.query("update settlement_period set is_backfill = 0 where tenant_no = ?", [tenant.no]);
  }
  await spoilConfiguration(spoiled);
  await closeDueForAllTenants(app);
  expect(await countStatements(app, spoiled)).toBe(0);
  expect(await countStatements(app, other)).toBe(DAYS);
});

test("a conflict that would recur ends the partner with its code, instead of being tried for ever", async () => {
  const document = { ...example("config-daily-12pct"), payout: { minimum: "50" } }; // so that something is left
  const [place] = (await openPlaces(app, 1, { 0: { document } })) as [Place];
  const { tenant, partner } = place;
  const [{ endsAt: through }] = (await periods(app, place)) as [SettlementPeriod];
  await settle(app, place.shell, { partnerId: partner.id, through });
  await app.database.query(
    "update account set balance_minor = balance_minor + 1 where tenant_no = ? and partner_no = ? and account = ?",
    [tenant.no, partner.no, AccountName.POSITION],
  );
  const run = await startSettlementRun(app, place.shell, { partnerIds: null, through: THROUGH }, null);
  await pollRunsForAllTenants(app);
  expect(await runOf(app, place.shell, run.id)).toMatchObject({ state: RunState.FAILED });
  const [row] = await app.database.query("select state, code from settlement_run_partner where run_id = ?", [run.id]);
  expect(row).toEqual({ state: RunState.FAILED, code: "VERSION_CONFLICT" });
});

test("a worker whose clock is behind closes what was due when the run was ordered", async () => {
  const [place] = (await openPlaces(app, 1)) as [Place];
  const run = await startSettlementRun(app, place.shell, { partnerIds: null, through: THROUGH }, null);
  app.clock.set(later(THROUGH, -3_600_000));
  await pollRunsForAllTenants(app);
  expect(await runOf(app, place.shell, run.id)).toMatchObject({ state: RunState.SUCCEEDED });
  expect(await countStatements(app, place)).toBe(DAYS);
});

test("whatever stage a worker dies at, the next one goes on from there and settles each period once", async () => {
  for (const stage of Object.values(RunStage)) {
    const [place] = (await openPlaces(app, 1)) as [Place];
    const run = await startSettlementRun(app, place.shell, { partnerIds: null, through: THROUGH }, null);
    const dying = settleUntil(place, stage);
    await expect(dying).rejects.toThrow("the worker died");
    expect(await countStatements(app, place)).toBe(1);
    await pollRunsForAllTenants(app);
    expect(await countStatements(app, place)).toBe(DAYS);
    expect(await runOf(app, place.shell, run.id)).toMatchObject({ state: RunState.SUCCEEDED });
  }
});

test("a run that is stopped leaves what it settled and begins nothing more", async () => {
  const places = await openPlaces(app, 3 * SETTLEMENTS_AT_ONCE);
  const [place, waiting] = [present(places[0], "the first"), present(places.at(-1), "the last")];
  const run = await startSettlementRun(app, place.shell, { partnerIds: null, through: THROUGH }, null);
  const settling = pollRunsForAllTenants(app);
  while ((await countStatements(app, place)) === 0) await new Promise(setImmediate);
  expect(await cancelSettlementRun(app, place.shell, { runId: run.id, reason: null }, "stop")).toMatchObject({
    state: RunState.CANCELLED,
  });
  await settling;
  const settled = await Promise.all(places.map((each) => countStatements(app, each)));
  expect(settled[0]).toBeGreaterThan(0);
  await pollRunsForAllTenants(app);
  expect(await Promise.all(places.map((each) => countStatements(app, each)))).toEqual(settled);
  expect(await countStatements(app, waiting)).toBe(0);
  const { CANCELLED, ...others } = await runCounts(app, run);
  expect(others).toMatchObject({ WAITING: 0, RUNNING: 0, FAILED: 0 });
  expect(CANCELLED).toBeGreaterThanOrEqual(settled.filter((days) => days < DAYS).length);
  expect(await cancelSettlementRun(app, place.shell, { runId: run.id, reason: null }, "again")).toMatchObject({
    state: RunState.CANCELLED,
  });
  expect(await runActs(app, run)).toEqual([ActType.SETTLEMENT_RUN_STARTED, ActType.SETTLEMENT_RUN_CANCELLED]);
});

test("two workers at the same partner settle it once", async () => {
  const [place] = (await openPlaces(app, 1)) as [Place];
  const run = await startSettlementRun(app, place.shell, { partnerIds: null, through: THROUGH }, null);
  await Promise.all([pollRunsForAllTenants(app), pollRunsForAllTenants(app)]);
  expect(await countStatements(app, place)).toBe(DAYS);
  expect(await runOf(app, place.shell, run.id)).toMatchObject({ state: RunState.SUCCEEDED });
  expect(await runActs(app, run)).toEqual([ActType.SETTLEMENT_RUN_STARTED, ActType.SETTLEMENT_RUN_ENDED]);
});

test("a watcher is told how a run stands until it has ended, or lets go while it waits", async () => {
  const [place] = (await openPlaces(app, 1)) as [Place];
  const run = await startSettlementRun(app, place.shell, { partnerIds: null, through: THROUGH }, null);
  const watcher = await watchRun(app, place.shell, run.id);
  const leaving = await watchRun(app, place.shell, run.id);
  expect((await leaving.next()).value).toMatchObject({ counts: { WAITING: 1 } });
  const next = leaving.next();
  await leaving.return?.();
  expect((await next).done).toBe(true);
  const states: RunState[] = [(await watcher.next()).value.run.state];
  await pollRunsForAllTenants(app);
  for await (const { run: seen } of watcher) states.push(seen.state);
  expect(states.at(-1)).toBe(RunState.SUCCEEDED);
});

test("runs are the tenant's own: other tenants find none, partners may not ask", async () => {
  const [place] = (await openPlaces(app, 1)) as [Place];
  const run = await startSettlementRun(app, place.shell, { partnerIds: null, through: THROUGH }, null);
  const stranger = await seedTenant(app);
  const admin = await seedClient(app, stranger.actor, null);
  const read = `{ settlementRun(id: "${run.id}") { id } }`;
  const stop = `mutation { cancelSettlementRun(input: { runId: "${run.id}", idempotencyKey: "x" }) { run { id } } }`;
  for (const query of [read, stop]) {
    const { errors } = await api.ask({ query, token: await admin.token() });
    expect(errors).toMatchObject([{ extensions: { code: "NOT_FOUND" } }]);
    expect((await api.ask({ query, token: await place.token() })).errors).toMatchObject([
      { extensions: { code: "FORBIDDEN" } },
    ]);
  }
  const theirs = `mutation { startSettlementRun(input: { partnerIds: ["${place.partner.id}"],
    through: "${THROUGH.toISOString()}", idempotencyKey: "y" }) { run { id } } }`;
  expect((await api.ask({ query: theirs, token: await admin.token() })).errors).toMatchObject([
    { extensions: { code: "NOT_FOUND" } },
  ]);
});
