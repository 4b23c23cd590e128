import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { TRIES_MAX } from "../../src/exchange/isolation/service.js";
import { releaseBatch } from "../../src/exchange/parking/service.js";
import { enqueuePosting } from "../../src/exchange/posting/jobs.js";
import { fsck } from "../../src/operations/fsck/service.js";
import { testApp } from "../support/app.js";
import { balances, type Exchange, openExchange, post, submit } from "../support/batches.js";
import { loseRedis } from "../support/redis.js";
import { startRole } from "../support/roles.js";
import { blockPosting, endConnection, preparePlace, submitBlockable, untilBlocked } from "./blocked.js";

vi.setConfig({ testTimeout: 240_000 });
const app = await testApp();

test("a batch that kills whoever posts it is parked, the others are posted, and it can be released", async () => {
  const to = await openExchange(app);
  await preparePlace(app, to);
  const before = await submit(app, to);
  const poison = await submitBlockable(app, to);
  const after = await submit(app, to);
  app.clock.set("2026-03-10T12:01:00.000Z");
  const deaths: (NodeJS.Signals | null)[] = [];
  for (let life = 0; life < TRIES_MAX; life++) deaths.push(await workerDiesPosting(to));
  expect(deaths).toEqual(["SIGKILL", "SIGKILL", "SIGKILL"]);
  expect(await rowOf(poison)).toMatchObject({ state: "ACCEPTED", tries: TRIES_MAX });

  await hint(to);
  await startRole(app.config, "worker");
  while ((await rowOf(after.batch.id)).state === "ACCEPTED") await sleep(50);
  expect(await rowOf(before.batch.id)).toMatchObject({ state: "POSTED" });
  expect(await rowOf(poison)).toMatchObject({
    state: "PARKED",
    parked_reason: expect.stringContaining("WORKER_LOST: the worker ended 3 times"),
  });
  await releaseBatch(app, to.home.actor, poison);
  await post(app, to);
  expect(await rowOf(poison)).toMatchObject({ state: "POSTED" });
  expect(await balances(app, to)).toMatchObject({ CLEARING: 200n, "CLEARING BTC": 200_000_000n });
  expect(await fsck(app, { tenantId: to.tenant.id })).toMatchObject({ ok: true });
});

/** A worker starts, comes to the poison batch and is killed there. */
async function workerDiesPosting(to: Exchange): Promise<NodeJS.Signals | null> {
  const { child } = await startRole(app.config, "worker");
  await blockPosting(app, to, async () => {
    await hint(to);
    const connection = await untilBlocked(app);
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
    await endConnection(app, connection);
  });
  return child.signalCode;
}

/** The sweeper's hint, to a Redis that does not remember who had the job. */
async function hint({ partner }: Exchange): Promise<void> {
  await loseRedis(app);
  await enqueuePosting(app, partner);
}

async function rowOf(id: string): Promise<{ state: string; tries: number; parked_reason: string | null }> {
  const [row] = await app.database.query(
    "/* all tenants */ select state, tries, parked_reason from batch where id = ?",
    [id],
  );
  return row;
}
