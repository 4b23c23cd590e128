import { once } from "node:events";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { expect, onTestFinished, test, vi } from "vitest";
import { ActType } from "../../src/acts/entities.js";
import { present } from "../../src/kernel/assert.js";
import { fsck } from "../../src/operations/fsck/service.js";
import { PeriodState, type SettlementPeriod } from "../../src/periods/entities.js";
import { redisAddress } from "../../src/platform/redis.js";
import { SETTLEMENT_QUEUE, startSettlementRun } from "../../src/settlement/flows/jobs.js";
import { RunStage, RunState } from "../../src/settlement/settlement-runs/entities.js";
import { runOf } from "../../src/settlement/settlement-runs/service.js";
import type { Step } from "../../src/settlement/steps/rules.js";
import { type Place, periods } from "../settlement/place.js";
import { DAYS, holdPeriod, openPlaces, runActs, THROUGH } from "../settlement/running.js";
import { testApp } from "../support/app.js";
import { startRole } from "../support/roles.js";

vi.setConfig({ testTimeout: 120_000 });
const app = await testApp();
const WAIT = { timeout: 60_000, interval: 20 };

/** Where a period stands when its worker was killed after a step, before it was given the next. */
const LEFT: readonly (readonly [Step, PeriodState])[] = [
  [RunStage.FENCE, PeriodState.CLOSED],
  [RunStage.TERMS, PeriodState.CALCULATED],
  [RunStage.STATEMENT, PeriodState.STATEMENT_ISSUED],
];

test("kill -9 of the worker between any two steps of a run, and in one: the next goes on there", async () => {
  const [place] = (await openPlaces(app, 1)) as [Place];
  const queue = openQueue();
  await queue.pause();
  const run = await startSettlementRun(app, place.shell, { partnerIds: null, through: THROUGH }, null);
  const first = await day(place, 0);
  for (const [step, state] of LEFT) {
    const worker = await startRole(app.config, "worker");
    const letGo = await holdPeriod(app, first);
    await queue.resume();
    await untilAtWork(queue, `${run.id}.${first.id}.${step}`);
    await queue.pause(); // it ends this step, and is given no other
    await letGo();
    await vi.waitFor(async () => expect(await queue.getActiveCount()).toBe(0), WAIT);
    await kill(worker);
    expect((await day(place, 0)).state).toBe(state);
  }
  const worker = await startRole(app.config, "worker");
  const second = await day(place, 1);
  const letGo = await holdPeriod(app, second);
  await queue.resume();
  await untilAtWork(queue, `${run.id}.${second.id}.${RunStage.FENCE}`);
  await kill(worker);
  await letGo();
  expect(await queue.getActiveCount()).toBe(1); // its job was never given back
  await startRole(app.config, "worker");
  await vi.waitFor(async () => expect((await runOf(app, place.shell, run.id)).endedAt).not.toBeNull(), WAIT);
  expect(await runOf(app, place.shell, run.id)).toMatchObject({ state: RunState.SUCCEEDED });
  expect(await runActs(app, run)).toEqual([ActType.SETTLEMENT_RUN_STARTED, ActType.SETTLEMENT_RUN_ENDED]);
  const acts: { type: ActType; times: string }[] = await app.database.query(
    "select type, count(*) as times from act where tenant_no = ? and partner_no = ? and type in (?) group by type",
    [place.tenant.no, place.partner.no, [ActType.PERIOD_CLOSED, ActType.PERIOD_CALCULATED, ActType.STATEMENT_ISSUED]],
  );
  expect(acts.map(({ times }) => Number(times))).toEqual([DAYS, DAYS, DAYS]);
  expect(await fsck(app, { tenantId: place.tenant.id })).toMatchObject({ ok: true, differences: [] });
});

function openQueue(): Queue {
  const connection = new Redis(redisAddress(app.config.redisUrl), { maxRetriesPerRequest: null });
  const queue = new Queue(SETTLEMENT_QUEUE, { connection, prefix: `${app.config.redisPrefix}:queue` });
  onTestFinished(async () => {
    await queue.close();
    connection.disconnect();
  });
  return queue;
}

async function day(place: Place, index: number): Promise<SettlementPeriod> {
  return present((await periods(app, place))[index], "a period");
}

async function untilAtWork(queue: Queue, id: string): Promise<void> {
  await vi.waitFor(async () => expect((await queue.getActive()).map((job) => job.id)).toEqual([id]), WAIT);
}

async function kill({ child }: Awaited<ReturnType<typeof startRole>>): Promise<void> {
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}
