import { expect, test, vi } from "vitest";
import { ActType } from "../../src/acts/entities.js";
import { present } from "../../src/kernel/assert.js";
import { fsck } from "../../src/operations/fsck/service.js";
import { PeriodState } from "../../src/periods/entities.js";
import {
  cancelSettlementRun,
  SETTLEMENT_QUEUE,
  startSettlementRun,
  sweepDueForAllTenants,
  sweepRunsForAllTenants,
} from "../../src/settlement/flows/jobs.js";
import { RunStage, RunState, type SettlementRun } from "../../src/settlement/settlement-runs/entities.js";
import { runCounts, runOf } from "../../src/settlement/settlement-runs/service.js";
import { STEPS } from "../../src/settlement/steps/rules.js";
import { takeStep } from "../../src/settlement/steps/service.js";
import { testApp } from "../support/app.js";
import { example } from "../support/contracts.js";
import { loseRedis } from "../support/redis.js";
import { SqlFaults } from "../support/sql-faults.js";
import { type Place, periods } from "./place.js";
import {
  countStatements,
  DAYS,
  depthsOf,
  openPlaces,
  runActs,
  THROUGH,
  untilDrained,
  workSettlements,
} from "./running.js";

const app = await testApp();
const EVENTS = `${app.config.redisPrefix}:queue:${SETTLEMENT_QUEUE}:events`;
const WAIT = { timeout: 25_000, interval: 20 };
/** What befalls a step and passes: the text it strikes, the server's error, and how often. */
const PASSING = [
  ["a database that takes no writes", "update settlement_period set state", 1290, 1],
  ["a COMMIT that twice is not answered", "COMMIT", 1180, 2],
] as const;
/** Settled in a currency for which nobody publishes a rate. */
const STUCK = {
  document: { ...example("config-daily-12pct"), fx: { to: "EUR", type: "PERIOD_CLOSE", source: "NOBODY" } },
  currencies: ["EUR", "USD"],
};

function start(place: Place, key: string | null = null): Promise<SettlementRun> {
  return startSettlementRun(app, place.shell, { partnerIds: null, through: THROUGH }, key);
}

async function untilEnded(place: Place, run: SettlementRun): Promise<RunState> {
  await vi.waitFor(async () => expect((await runOf(app, place.shell, run.id)).endedAt).not.toBeNull(), WAIT);
  return (await runOf(app, place.shell, run.id)).state;
}

/** What became of the jobs of a run, in order: `event id`, without the run's id. */
async function eventsOf(run: SettlementRun, event: string): Promise<string[]> {
  const entries = (await app.redis.xrange(EVENTS, "-", "+")).map(([, fields]) => new Map(pairs(fields)));
  const ids = entries.filter((entry) => entry.get("event") === event).map((entry) => entry.get("jobId") ?? "");
  return ids.filter((id) => id.startsWith(run.id)).map((id) => id.slice(run.id.length + 1));
}

function pairs(fields: readonly string[]): [string, string][] {
  return fields.flatMap((name, at) => (at % 2 === 0 ? [[name, fields[at + 1] ?? ""] as [string, string]] : []));
}

async function rowOf(run: SettlementRun, place: Place) {
  const [row] = await app.database.query(
    "select state, code, stage from settlement_run_partner where tenant_no = ? and run_id = ? and partner_no = ?",
    [run.tenantNo, run.id, place.partner.no],
  );
  return row;
}

/** Every period closed, calculated and settled once, and the books in order. */
async function expectSettledOnce(places: readonly Place[]): Promise<void> {
  for (const place of places) {
    expect(await countStatements(app, place)).toBe(DAYS);
    for (const type of [ActType.PERIOD_CLOSED, ActType.PERIOD_CALCULATED, ActType.STATEMENT_ISSUED]) {
      const [{ acts }] = await app.database.query(
        "select count(*) as acts from act where tenant_no = ? and partner_no = ? and type = ?",
        [place.tenant.no, place.partner.no, type],
      );
      expect([type, Number(acts)]).toEqual([type, DAYS]);
    }
  }
  const { tenant } = present(places[0], "a place");
  expect(await fsck(app, { tenantId: tenant.id })).toMatchObject({ ok: true, differences: [] });
}

/** While somebody else holds a partner's cursor, whoever is to fence waits at it; until let go. */
async function holdCursorOf(place: Place): Promise<() => Promise<void>> {
  const runner = app.database.createQueryRunner();
  await runner.startTransaction();
  const key = [place.tenant.no, place.partner.no];
  await runner.query("select epoch from posting_cursor where tenant_no = ? and partner_no = ? for update", key);
  return async () => {
    await runner.rollbackTransaction();
    await runner.release();
  };
}

test("a run is a flow: each partner's stages are jobs, one after the other, and its own is the last", async () => {
  const places = await openPlaces(app, 3);
  const [first] = places as [Place];
  const run = await start(first);
  await workSettlements(app, 4);
  expect(await untilEnded(first, run)).toBe(RunState.SUCCEEDED);
  await untilDrained(app);
  const completed = await eventsOf(run, "completed");
  for (const place of places) {
    const own = new Set((await periods(app, place)).slice(0, DAYS).map(({ id }) => id));
    const steps = completed.filter((id) => own.has(id.split(".")[0] ?? ""));
    expect(steps).toEqual([...own].flatMap((id) => STEPS.map((step) => `${id}.${step}`)));
    expect(completed.indexOf(place.partner.id)).toBeGreaterThan(completed.indexOf(steps.at(-1) ?? ""));
  }
  expect(completed.at(-1)).toBe("");
  expect(await runActs(app, run)).toEqual([ActType.SETTLEMENT_RUN_STARTED, ActType.SETTLEMENT_RUN_ENDED]);
  await expectSettledOnce(places);
});

test("one partner of many with an incident is named with it, is not tried again, and holds up no other", async () => {
  const places = await openPlaces(app, 5, { 1: STUCK });
  const [first, stuck] = places as [Place, Place];
  const run = await start(first);
  await workSettlements(app, 2);
  expect(await untilEnded(first, run)).toBe(RunState.FAILED);
  await untilDrained(app);
  expect(await runCounts(app, run)).toMatchObject({ SUCCEEDED: 4, FAILED: 1 });
  expect(await rowOf(run, stuck)).toEqual({ state: "FAILED", code: "RATE_MISSING", stage: RunStage.TOTALS });
  const [period] = await periods(app, stuck);
  expect(period?.state).toBe(PeriodState.CLOSED);
  const told = await app.database.query("select no from act where tenant_no = ? and subject_id = ? and type = ?", [
    ...[stuck.tenant.no, period?.id, ActType.SETTLEMENT_STOPPED],
  ]);
  expect(told).toHaveLength(1);
  expect((await eventsOf(run, "failed")).toSorted()).toEqual(
    [stuck.partner.id, `${period?.id}.TERMS`, `${period?.id}.STATEMENT`].toSorted(),
  );
  for (const place of places.filter((each) => each !== stuck)) expect(await countStatements(app, place)).toBe(DAYS);
});

test.each(PASSING)(
  "a step that meets %s is tried again by itself; those before it are not",
  async (_, text, errno, times) => {
    const [place] = (await openPlaces(app, 1)) as [Place];
    const [period] = await periods(app, place);
    const [step, startedAt] = [RunStage.FENCE, async () => app.clock.now()] as const;
    const at = { partner: place.partner, period: present(period, "a period"), step, startedAt };
    await takeStep(app, place.shell, at, async () => undefined); // by a worker that died then
    const run = await start(place);
    const faults = new SqlFaults();
    faults.fail(text, { errno, sqlState: "HY000" }, times);
    await workSettlements(app, 1, faults);
    expect(await untilEnded(place, run)).toBe(RunState.SUCCEEDED);
    expect(faults.struck()).toBe(times);
    await untilDrained(app);
    expect(await eventsOf(run, "delayed")).toEqual([`${period?.id}.TERMS`]);
    expect(await eventsOf(run, "completed")).not.toContain(`${period?.id}.FENCE`);
    await expectSettledOnce([place]);
  },
);

test("a run that is cancelled loses the jobs that wait; what is at work ends its step, no more", async () => {
  const [place, other] = (await openPlaces(app, 2)) as [Place, Place];
  const letGo = await holdCursorOf(place);
  const partnerIds = [place.partner.id, other.partner.id];
  const run = await startSettlementRun(
    app,
    place.shell,
    { partnerIds: partnerIds.slice(0, 1), through: THROUGH },
    null,
  );
  await workSettlements(app, 1);
  await vi.waitFor(async () => expect(await rowOf(run, place)).toMatchObject({ stage: RunStage.FENCE }), WAIT);
  const second = await startSettlementRun(app, place.shell, { partnerIds, through: THROUGH }, null);
  expect(await depthsOf(app)).toMatchObject({ active: 1, wait: 2, "waiting-children": 5 });
  await cancelSettlementRun(app, place.shell, { runId: second.id, reason: null }, null);
  await cancelSettlementRun(app, place.shell, { runId: run.id, reason: "not now" }, null);
  expect(await depthsOf(app)).toMatchObject({ active: 1, wait: 2, "waiting-children": 0 }); // the runs' own
  await letGo();
  await untilDrained(app);
  await sweepRunsForAllTenants(app);
  await untilDrained(app);
  expect(await runCounts(app, run)).toMatchObject({ CANCELLED: 1, RUNNING: 0 });
  expect(await runCounts(app, second)).toMatchObject({ CANCELLED: 2, WAITING: 0 });
  const [period] = await periods(app, place);
  expect(period?.state).toBe(PeriodState.CLOSED);
  expect([await countStatements(app, place), await countStatements(app, other)]).toEqual([0, 0]);
  expect(await eventsOf(run, "completed")).toEqual([`${period?.id}.FENCE`, ""]);
});

test("after Redis is lost whole in mid-run, the sweeper queues the jobs anew and the run goes on", async () => {
  const places = await openPlaces(app, 4);
  const [first] = places as [Place];
  const run = await start(first);
  await workSettlements(app, 1);
  const settled = async () =>
    (await Promise.all(places.map((place) => countStatements(app, place)))).reduce((a, b) => a + b);
  await vi.waitFor(async () => expect(await settled()).toBeGreaterThan(2), WAIT);
  await loseRedis(app);
  const then = await settled();
  expect(then).toBeLessThan(4 * DAYS);
  expect((await runOf(app, first.shell, run.id)).state).toBe(RunState.RUNNING);
  await vi.waitFor(async () => {
    await sweepRunsForAllTenants(app); // as the relay does every few seconds
    expect((await runOf(app, first.shell, run.id)).endedAt).not.toBeNull();
  }, WAIT);
  await untilDrained(app);
  expect((await runOf(app, first.shell, run.id)).state).toBe(RunState.SUCCEEDED);
  expect(await runActs(app, run)).toEqual([ActType.SETTLEMENT_RUN_STARTED, ActType.SETTLEMENT_RUN_ENDED]);
  await expectSettledOnce(places);
});

test("two orders for the same partners, and the schedule, by two workers, settle everything once", async () => {
  const places = await openPlaces(app, 4);
  const [first] = places as [Place];
  await app.database.query("update settlement_period set is_backfill = 0 where tenant_no = ?", [first.tenant.no]);
  const runs = await Promise.all([start(first, "a"), start(first, "b"), sweepDueForAllTenants(app)]);
  await Promise.all([workSettlements(app, 3), workSettlements(app, 3)]);
  for (const run of runs.slice(0, 2)) expect(await untilEnded(first, run as SettlementRun)).toBe(RunState.SUCCEEDED);
  await untilDrained(app);
  await expectSettledOnce(places);
});

test("what fell due is a flow as well, however often it is swept; an incident stops its partner alone", async () => {
  const places = await openPlaces(app, 2, { 0: STUCK });
  const [stuck, other] = places as [Place, Place];
  await app.database.query("update settlement_period set is_backfill = 0 where tenant_no = ?", [stuck.tenant.no]);
  for (let i = 0; i < 3; i++) await sweepDueForAllTenants(app);
  const queued = await depthsOf(app);
  await sweepDueForAllTenants(app);
  expect(await depthsOf(app)).toEqual(queued);
  await workSettlements(app, 2);
  await vi.waitFor(async () => expect(await countStatements(app, other)).toBe(DAYS), WAIT);
  await untilDrained(app);
  expect(await countStatements(app, stuck)).toBe(0);
  expect((await periods(app, stuck))[0]?.state).toBe(PeriodState.CLOSED);
});
