import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { Random } from "../../src/server/demo/random.js";
import { booksSoFar, expectAllKept, expectOnlyAppended } from "./checks.js";
import { STRIKES } from "./nemesis.js";
import { seedsOf } from "./seeds.js";
import { Workload } from "./workload.js";
import { testWorld } from "./world.js";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 }); // processes start slowly where many do
const [seed = 1] = seedsOf([1]);
const world = await testWorld({ roles: ["api-1", "worker-1", "relay-1"], tenants: 2, partnersEach: 2 });
const workload = new Workload(world, seed);
const random = Random.of("strikes", seed);

/** What takes seconds; `npm run test:faults` has the rest, in any order and on top of each other. */
const SHORT = Object.keys(STRIKES).filter((name) => !/stopped|1213|of the (api|relay)|clock|SIGTERM/.test(name));

beforeAll(async () => {
  workload.start();
  while (workload.acknowledged().length < 20) await sleep(50);
});

afterAll(() => workload.stop());

test.each(SHORT)(`%s: clients find out what became of their batches, and go on (seed ${seed})`, async (name) => {
  const books = await booksSoFar(world);
  const evidence = await STRIKES[name]?.(world, random);
  expect(evidence?.count, evidence?.what).toBeGreaterThan(0);
  await expectProgress();
  await expectOnlyAppended(world, books);
});

test("each acknowledged batch was posted once, each refused one never, and the books are right", async () => {
  await workload.stop();
  expect(workload.record.some(({ isFoundStored }) => isFoundStored)).toBe(true); // stored, but the answer was lost
  expect(workload.record.some(({ known }) => known === "refused")).toBe(true);
  await expectAllKept(world, workload);
});

/** A batch that is accepted from now on is posted; of whichever partner. */
async function expectProgress(): Promise<void> {
  const before = workload.acknowledged().length;
  const [{ last }] = await world.app.database.query("/* all tenants */ select max(no) as last from batch");
  for (;;) {
    const [{ posted }] = await world.app.database.query(
      "/* all tenants */ select count(*) as posted from batch where no > ? and state = 'POSTED'",
      [last],
    );
    if (Number(posted) > 0 && workload.acknowledged().length > before) return;
    await sleep(50);
  }
}
