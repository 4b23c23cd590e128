import { expect, test, vi } from "vitest";
import { z } from "zod";
import type { FlowJob } from "../../src/platform/app.js";
import { performFlow, Stopped } from "../../src/platform/flows.js";
import { defineFlowJob, defineJob } from "../../src/platform/queues.js";
import { testApp } from "../support/app.js";
import { loseRedis } from "../support/redis.js";

const app = await testApp();
const QUEUE = "flows-of-a-test";
const WAIT = { timeout: 15_000, interval: 20 };

/** What was done, in order; a task named so often fails, and one that is stopped stops. */
const done: string[] = [];
const failures = new Map<string, number>();
const stopped = new Set<string>();

const task = defineJob({
  name: "task",
  attemptsMax: 3,
  input: z.string(),
  async run(_, name) {
    done.push(name);
    const left = failures.get(name) ?? 0;
    failures.set(name, left - 1);
    if (left > 0) throw new Error(`${name} failed`);
    if (stopped.has(name)) throw new Stopped(`${name} was stopped`);
  },
});

/** Waits for as many chains of two tasks, one after the other, as its input says. */
const list = defineFlowJob({
  name: "list",
  attemptsMax: 3,
  input: z.object({ name: z.string(), chains: z.number() }),
  async run(_, { name, chains }) {
    const next = done.filter((each) => each.startsWith(`${name}-b`)).length;
    if (next < chains) return [jobOf(`${name}-b${next}`, [jobOf(`${name}-a${next}`)])];
    done.push(name);
    return [];
  },
});

function jobOf(name: string, children: FlowJob[] = []): FlowJob {
  return { queue: QUEUE, job: task, input: name, id: name, children };
}

function listOf(name: string, chains: number): FlowJob {
  return { queue: QUEUE, job: list, input: { name, chains }, id: name, failsAlone: true };
}

function only(name: string): string[] {
  return done.filter((each) => each.startsWith(name));
}

async function untilEmpty(): Promise<void> {
  await vi.waitFor(
    async () => expect(await app.redis.keys(`${app.config.redisPrefix}*${QUEUE}:*.*`)).toEqual([]),
    WAIT,
  );
}

app.queues.work(app, QUEUE, [task, list], 2);

test("a job runs after its children, and again while it answers more; nothing of it stays in Redis", async () => {
  expect(await app.queues.addFlow(listOf("list.1", 3))).toBe(true);
  await vi.waitFor(() => expect(only("list.1")).toHaveLength(7), WAIT);
  const chains = [0, 1, 2].flatMap((no) => [`list.1-a${no}`, `list.1-b${no}`]);
  expect(only("list.1")).toEqual([...chains, "list.1"]);
  await untilEmpty();
});

test("without a queue it runs the same way", async () => {
  await performFlow(app, listOf("here.1", 2));
  expect(only("here.1")).toEqual(["here.1-a0", "here.1-b0", "here.1-a1", "here.1-b1", "here.1"]);
  stopped.add("here.2-a0");
  await performFlow(app, listOf("here.2", 2));
  expect(only("here.2")).toEqual(["here.2-a0"]);
  failures.set("here.3-a0", 1);
  await expect(performFlow(app, listOf("here.3", 1))).rejects.toThrow("here.3-a0 failed");
});

test("trouble that passes is tried again by itself, and what went before it is not", async () => {
  failures.set("again.1-b0", 2);
  await app.queues.addFlow(listOf("again.1", 1));
  await vi.waitFor(() => expect(only("again.1")).toContain("again.1"), WAIT);
  expect(only("again.1")).toEqual(["again.1-a0", "again.1-b0", "again.1-b0", "again.1-b0", "again.1"]);
});

test("what is stopped is not tried again, and ends what waits for it, up to the one that fails alone", async () => {
  stopped.add("left.1-a0");
  const children = [listOf("left.1", 1), listOf("right.1", 1)];
  await app.queues.addFlow({ ...jobOf("root.1"), children });
  await vi.waitFor(() => expect(done).toContain("root.1"), WAIT);
  expect(only("left.1")).toEqual(["left.1-a0"]);
  expect(only("right.1")).toEqual(["right.1-a0", "right.1-b0", "right.1"]);
  await untilEmpty();
  stopped.clear();
  await app.queues.addFlow({ ...jobOf("root.1"), children }); // what failed is forgotten, and may come again
  await vi.waitFor(() => expect(done.filter((name) => name === "root.1")).toHaveLength(2), WAIT);
  expect(only("left.1")).toEqual(["left.1-a0", "left.1-a0", "left.1-b0", "left.1"]);
});

test("of many jobs none is forgotten", async () => {
  const many = Array.from({ length: 1_201 }, (_, index) => jobOf(`many-${index}.1`));
  await app.queues.addFlow({ ...jobOf("root.3"), children: many });
  await vi.waitFor(() => expect(done).toContain("root.3"), WAIT);
  await vi.waitFor(() => expect(new Set(only("many-")).size).toBe(many.length), WAIT);
});

test("a flow that is added again stands as it stood, and one that Redis lost is whole again", async () => {
  const elsewhere = "flows-nobody-works";
  const flow = { ...jobOf("root.2", [jobOf("child.2"), jobOf("child.3")]), queue: elsewhere };
  const here = { ...flow, children: flow.children?.map((child) => ({ ...child, queue: elsewhere })) ?? [] };
  const depths = async () =>
    Object.fromEntries((await app.queues.depths([elsewhere])).map((each) => [each.state, each.jobs]));
  for (let i = 0; i < 3; i++) await app.queues.addFlow(here);
  expect(await depths()).toMatchObject({ wait: 2, "waiting-children": 1 });
  await app.queues.addFlow({ ...here, children: [...here.children, { ...jobOf("child.4"), queue: elsewhere }] });
  expect(await depths()).toMatchObject({ wait: 3, "waiting-children": 1 });
  await loseRedis(app);
  expect(await depths()).toMatchObject({ wait: 0, "waiting-children": 0 });
  await app.queues.addFlow(here);
  expect(await depths()).toMatchObject({ wait: 2, "waiting-children": 1 });
  expect(await app.queues.dropChildren(elsewhere, "root.2")).toBe(true);
  expect(await depths()).toMatchObject({ wait: 1, "waiting-children": 0 }); // itself, which waits for nothing now
  expect(await app.queues.dropChildren(elsewhere, "nobody")).toBe(true);
});

test("a job of another version is dropped with one warning, and what waited for it may come again", async () => {
  const warned = vi.spyOn(app.log, "warn");
  const removed = { ...task, name: "task-of-before" };
  await app.queues.add({ queue: QUEUE, job: removed, input: "a", deduplicationId: "before" });
  await app.queues.addFlow(jobOf("waits.4", [{ ...jobOf("before.4"), job: removed }]));
  await vi.waitFor(() => expect(warned).toHaveBeenCalledTimes(2), WAIT);
  await untilEmpty();
  expect(warned.mock.calls.map(([facts]) => facts)).toMatchObject([{ job: removed.name }, { job: removed.name }]);
  expect((await app.queues.depths([QUEUE])).filter(({ jobs }) => jobs > 0)).toEqual([]);
  expect(only("waits.4")).toEqual([]);
  await app.queues.addFlow(jobOf("waits.4", [jobOf("now.4")])); // as the sweeper does
  await vi.waitFor(() => expect(only("waits.4")).toEqual(["waits.4"]), WAIT);
});
