import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { ActType } from "../../src/acts/entities.js";
import { present } from "../../src/kernel/assert.js";
import { fsck } from "../../src/operations/fsck/service.js";
import type { SettlementPeriod } from "../../src/periods/entities.js";
import { dueJob, startSettlementRun } from "../../src/settlement/flows/jobs.js";
import { RunStage, RunState, type SettlementRun } from "../../src/settlement/settlement-runs/entities.js";
import { runOf } from "../../src/settlement/settlement-runs/service.js";
import { STEPS } from "../../src/settlement/steps/rules.js";
import { takeStep } from "../../src/settlement/steps/service.js";
import { type Place, periods } from "../settlement/place.js";
import { countStatements, holdPeriod, openPlaces } from "../settlement/running.js";
import { testApp } from "../support/app.js";
import { startRole } from "../support/roles.js";

vi.setConfig({ testTimeout: 240_000 });
const app = await testApp();
const WAIT = { timeout: 120_000, interval: 50 };
const [DAY_1, DAY_2] = ["2026-03-02T15:00:00.000Z", "2026-03-03T15:00:00.000Z"];

test("a worker stopped in every step, past its locks, writes nothing late: another takes the steps, once", async () => {
  const places = (await openPlaces(app, 4)) as [Place, Place, Place, Place];
  const [first, , , reading] = places;
  // One is stopped in each step's transaction, and one between calculating and storing, where no transaction holds it.
  for (const [index, place] of places.entries()) await takeSteps(place, Math.min(index, 2));
  const letGo = await Promise.all(places.slice(0, 3).map(async (place) => holdPeriod(app, await firstDay(place))));
  const config = { ...app.config, metricsPort: 0 };
  const { child: zombie, probesUrl } = await startRole(config, "worker");
  const { pid = 0 } = zombie;
  const run = await order(places.slice(0, 3), DAY_1);
  await untilWaiting(
    `select count(*) as waiting from information_schema.innodb_trx as trx
     join information_schema.processlist as process on process.id = trx.trx_mysql_thread_id
     where trx.trx_state = 'LOCK WAIT' and process.db = database()`,
    3,
  );
  const unlock = await lockStatements();
  await schedule(reading); // of no run: a run that has ended stops whoever comes late before the database does
  await untilWaiting(
    `select count(*) as waiting from information_schema.processlist
     where db = database() and state like 'Waiting for table%' and info like '%statement%'`,
    1,
  );
  process.kill(pid, "SIGSTOP");
  const aborted = await abortedClients();
  await unlock();
  for (const each of letGo) await each();

  const { child: successor } = await startRole(config, "worker");
  await untilSettled(first, run);
  await vi.waitFor(async () => expect(await countStatements(app, reading)).toBe(1), WAIT);
  expect(readFileSync(`/proc/${pid}/stat`, "utf8")).toContain(") T ");
  expect((await abortedClients()) - aborted).toBeGreaterThanOrEqual(3); // its transactions, which held their locks
  process.kill(pid, "SIGCONT");
  await vi.waitFor(async () => expect(await stepsTaken(probesUrl)).toBe(1), WAIT); // it stored what it had calculated
  await expectTakenOnce(places, 1);

  successor.kill("SIGKILL");
  await untilSettled(first, await order(places, DAY_2)); // it lives, and works on
  expect(zombie.exitCode).toBe(null);
  expect(await stepsTaken(probesUrl)).toBe(1 + places.length);
  await expectTakenOnce(places, 2);
  expect(await fsck(app, { tenantId: first.tenant.id })).toMatchObject({ ok: true, differences: [] });
});

async function firstDay(place: Place): Promise<SettlementPeriod> {
  return present((await periods(app, place))[0], "a period");
}

/** Takes so many steps of a place's first day in this process. */
async function takeSteps(place: Place, count: number): Promise<void> {
  for (const step of STEPS.slice(0, count)) {
    const at = { partner: place.partner, period: await firstDay(place), step, startedAt: async () => app.clock.now() };
    await takeStep(app, place.shell, at, async () => undefined);
  }
}

function order(places: readonly Place[], through: string): Promise<SettlementRun> {
  const partnerIds = places.map(({ partner }) => partner.id);
  const { shell } = present(places[0], "a place");
  return startSettlementRun(app, shell, { partnerIds, through: new Date(through) }, null);
}

/** The first day falls due by itself. */
async function schedule({ partner }: Place): Promise<void> {
  const { tenantId, tenantNo, id: partnerId, no } = partner;
  const sql = "update settlement_period set is_backfill = 0 where tenant_no = ? and partner_no = ? and ends_at = ?";
  await app.database.query(sql, [tenantNo, no, new Date(DAY_1)]);
  await app.queues.addFlow(dueJob({ tenantId, tenantNo, partnerId }));
}

async function untilSettled({ shell }: Place, run: SettlementRun): Promise<void> {
  await vi.waitFor(async () => expect((await runOf(app, shell, run.id)).state).toBe(RunState.SUCCEEDED), WAIT);
}

async function untilWaiting(question: string, wanted: number): Promise<void> {
  for (;;) {
    const [{ waiting }] = await app.database.query(question);
    if (Number(waiting) >= wanted) return;
    await sleep(250); // the table of transactions is read anew only when nobody has looked for a tenth of a second
  }
}

/** Whoever reads or writes statements waits until they are unlocked. */
async function lockStatements(): Promise<() => Promise<void>> {
  const runner = app.database.createQueryRunner();
  await runner.query("lock tables statement write");
  return async () => {
    await runner.query("unlock tables");
    await runner.release();
  };
}

async function abortedClients(): Promise<number> {
  const [{ Value }] = await app.database.query("show global status like 'Aborted_clients'");
  return Number(Value);
}

/** How many periods a worker has brought to their statement, as it tells itself: also where it was not the first. */
async function stepsTaken(probesUrl: string): Promise<number> {
  const metrics = await (await fetch(`${probesUrl}/metrics`)).text();
  const count = new RegExp(`^quittance_settlement_step_seconds_count\\{step="${RunStage.STATEMENT}"\\} (\\d+)$`, "m");
  return Number(count.exec(metrics)?.[1] ?? 0);
}

/** Every place's first so many days were closed, calculated and settled, each by one act, and nothing besides. */
async function expectTakenOnce(places: readonly Place[], days: number): Promise<void> {
  for (const place of places) {
    expect(await countStatements(app, place)).toBe(days);
    for (const type of [ActType.PERIOD_CLOSED, ActType.PERIOD_CALCULATED, ActType.STATEMENT_ISSUED]) {
      const [{ acts }] = await app.database.query(
        "select count(*) as acts from act where tenant_no = ? and partner_no = ? and type = ?",
        [place.tenant.no, place.partner.no, type],
      );
      expect([type, Number(acts)]).toEqual([type, days]);
    }
  }
}
