import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { Random } from "../../src/server/demo/random.js";
import { booksSoFar, expectAllKept, expectClosedStayed, expectOnlyAppended, untilDrained } from "./checks.js";
import { Closer } from "./closer.js";
import { STRIKES } from "./nemesis.js";
import { seedsOf } from "./seeds.js";
import { Workload } from "./workload.js";
import { openWorld, type World } from "./world.js";

const ROLES = ["api-1", "worker-1", "worker-2", "relay-1", "relay-2"];
const WARM_UP_MS = 3_000;
const WINDOW_MS = 5_000;
/** I16: throughput should be back to so much of what it was, within half a minute; measured, never asserted. */
const RECOVERED = 0.9;
const WINDOWS_MAX = 6;
const CLOSE_PAUSE_MS_MAX = 3_000;
/** Strikes that ask the servers. */
const ASKING = /full|read-only|jobs/;
/** Strikes that befall the servers. */
const SERVERS = /^(Redis|MariaDB|kill -9 of everything)/;
/** Of two strikes in a row the second comes on top of the first. */
const TOGETHER = 0.3;

test.each(seedsOf([1, 2, 3, 4, 5]))("every fault in the order of seed %i, some at once", async (seed) => {
  const world = await openWorld({ roles: ROLES, tenants: 2, partnersEach: 3 });
  try {
    const { closer } = await runMixed(world, seed);
    expect(closer.complaints).toEqual([]);
    expect(closer.closed.length).toBeGreaterThan(0);
  } finally {
    await world.close();
  }
});

async function runMixed(world: World, seed: number): Promise<{ closer: Closer }> {
  const random = Random.of("mixed", seed);
  const workload = new Workload(world, seed);
  const closer = new Closer(world, seed);
  await closer.start(CLOSE_PAUSE_MS_MAX);
  workload.start();
  await sleep(WARM_UP_MS);
  const before = await rateOf(workload);
  const books = await booksSoFar(world);
  const report: string[] = [];
  for (const names of scheduleOf(random)) {
    await sleep(random.between(200, 2_000));
    const struck = await Promise.all(names.map((name) => strike(world, random, name)));
    report.push(...struck);
  }
  await world.roles.start();
  const healedAt = performance.now();
  await untilPosted(workload, world);
  let after = 0;
  for (let window = 0; window < WINDOWS_MAX && after < RECOVERED * before; window++) after = await rateOf(workload);
  const recoveredMs = performance.now() - healedAt;
  await Promise.all([workload.stop(), closer.stop()]);
  const drainedMs = await untilDrained(world);
  say(seed, { report, workload, closer, before, after, recoveredMs, drainedMs });
  await expectAllKept(world, workload);
  await expectOnlyAppended(world, books);
  await expectClosedStayed(world, closer.closed);
  return { closer };
}

/** Every fault once, in any order, now and then two at once. */
function scheduleOf(random: Random): string[][] {
  const names = Object.keys(STRIKES);
  for (let last = names.length - 1; last > 0; last--) {
    const other = Math.floor(random.between(0, last + 1));
    const [left = "", right = ""] = [names[last], names[other]];
    [names[last], names[other]] = [right, left];
  }
  const schedule: string[][] = [];
  for (const name of names) {
    const last = schedule.at(-1);
    if (last?.length === 1 && random.chance(TOGETHER) && mayCoincide(last[0] ?? "", name)) last.push(name);
    else schedule.push([name]);
  }
  return schedule;
}

/** Two that start the same processes again would meet, and one that asks the servers whether it struck needs them. */
function mayCoincide(left: string, right: string): boolean {
  const both = [left, right];
  if (both.every((name) => /kill|stopped|SIGTERM|clock/.test(name))) return false;
  return !both.some((name) => ASKING.test(name)) || !both.every((name) => ASKING.test(name) || SERVERS.test(name));
}

async function strike(world: World, random: Random, name: string): Promise<string> {
  const evidence = await STRIKES[name]?.(world, random);
  expect(evidence?.count, `${name}: ${evidence?.what}`).toBeGreaterThan(0);
  return `${name}: ${evidence?.count} ${evidence?.what}`;
}

/** Waits until what is sent from now on is posted again. */
async function untilPosted(workload: Workload, { app }: World): Promise<void> {
  const from = workload.acknowledged().length;
  while (workload.acknowledged().length < from + 5) await sleep(50);
  const last = workload.acknowledged().at(-1)?.batchId;
  for (;;) {
    const [row] = await app.database.query("/* all tenants */ select state from batch where id = ?", [last]);
    if (row?.state === "POSTED") return;
    await sleep(50);
  }
}

/** Batches acknowledged in a second, over a few seconds. */
async function rateOf(workload: Workload): Promise<number> {
  const from = workload.acknowledged().length;
  await sleep(WINDOW_MS);
  return (workload.acknowledged().length - from) / (WINDOW_MS / 1_000);
}

interface Told {
  readonly report: readonly string[];
  readonly workload: Workload;
  readonly closer: Closer;
  readonly before: number;
  readonly after: number;
  readonly recoveredMs: number;
  readonly drainedMs: number;
}

function say(seed: number, { report, workload, closer, ...measured }: Told): void {
  const { before, after, recoveredMs, drainedMs } = measured;
  const of = (known: string) => workload.record.filter((batch) => batch.known === known).length;
  const lost = workload.record.filter(({ losses }) => losses > 0).length;
  const found = workload.record.filter(({ isFoundStored }) => isFoundStored).length;
  const lines = [
    `seed ${seed}: ${report.length} strikes`,
    ...report.map((line) => `  ${line}`),
    `  ${workload.record.length} batches: ${of("acknowledged")} acknowledged, ${of("refused")} refused, ` +
      `${lost} of them once unknown (${found} were stored)`,
    `  ${closer.closed.length} periods closed; drained ${(drainedMs / 1_000).toFixed(1)} s after the end`,
    `  ${before.toFixed(1)} batches/s before, ${after.toFixed(1)} after, ${(recoveredMs / 1_000).toFixed(0)} s healed`,
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}
