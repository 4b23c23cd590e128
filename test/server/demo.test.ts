import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { type DemoInput, playDemo } from "../../src/server/demo/demo.js";
import { exampleOperations } from "../../src/server/demo/summary.js";
import { openSession } from "../../src/server/partner-client.js";
import { relayLoops } from "../../src/server/relay-loops.js";
import { runLoops } from "../../src/server/roles/loops.js";
import { workerQueues } from "../../src/server/worker-queues.js";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";

const app = await testApp();
const api = await testApi(app);
for (const { queue, kinds, concurrency } of workerQueues) app.queues.work(app, queue, kinds, concurrency);
const relaying = new AbortController();
const loops = runLoops(app, relayLoops, relaying.signal);
const folder = mkdtempSync(join(tmpdir(), "quittance-demo-"));
afterAll(async () => {
  relaying.abort();
  await loops;
  rmSync(folder, { recursive: true, force: true });
});

const TRANSACTIONS = 900;
const TIMEOUT_MS = 120_000;

test("the demo is played once: interrupted it goes on with the same history, verifies, then trickles until stopped", {
  timeout: TIMEOUT_MS,
}, async () => {
  const interrupting = new AbortController();
  const said: string[] = [];
  const input = demoInput(interrupting.signal, said);
  const say = (line: string) => {
    said.push(line);
    if (line.includes("settling")) interrupting.abort(new Error("interrupted"));
  };
  const withApp: DemoInput["withApp"] = async (work) => {
    interrupting.signal.throwIfAborted();
    return work(app);
  };
  await expect(playDemo({ ...input, say, withApp })).rejects.toThrow("interrupted");
  expect(existsSync(join(folder, "demo.done"))).toBe(false);
  const sent = await batchesByState();

  const stopping = new AbortController();
  const shown: string[] = [];
  const playing = playDemo({ ...demoInput(stopping.signal, said), show: (text) => shown.push(text) });
  await until(() => existsSync(join(folder, "demo.done")), playing);
  expect(said).toContain("demo: going on where it was interrupted");
  const done = JSON.parse(readFileSync(join(folder, "demo.done"), "utf8"));
  expect(done).toMatchObject({ transactions: TRANSACTIONS, tenantId: expect.stringMatching(/^tnt_/) });
  expect(done.players).toHaveLength(3);
  expect(statSync(done.adminKeyFile).mode & 0o777).toBe(0o600);
  expect(await tenants()).toBe(1);

  const [table = "", pointers = ""] = shown;
  expect(table).toMatch(/Seorak Play +game provider +Asia\/Seoul +daily +450 /);
  expect(table).toMatch(/Meridian Hub +aggregator +Europe\/Malta +weekly +315 /);
  expect(table).toMatch(/Orchid Media +affiliate +Asia\/Singapore +monthly +135 /);
  expect(table.match(/✓/g)).toHaveLength(5);
  expect(table).not.toContain("✗");
  expect(pointers).toContain(`${api.url}/graphiql#token=eyJ`);
  expect(await transactionsOf(done.tenantId)).toBeGreaterThanOrEqual(TRANSACTIONS);

  await until(async () => (await batchesByState()).all > 2 * sent.all + 3, playing);
  stopping.abort();
  await playing;
});

test("what the demo shows to paste works with its token", { timeout: TIMEOUT_MS }, async () => {
  const { players, adminClientId, adminKeyFile } = JSON.parse(readFileSync(join(folder, "demo.done"), "utf8"));
  const session = await openSession({ url: api.url, clientId: adminClientId, keyFile: adminKeyFile });
  const { query, mutation, subscription } = exampleOperations(players[0].partnerId);
  const token = await session.token();
  const read = await api.ask({ query, token });
  expect(read.errors).toBeUndefined();
  expect(read.data.statements.edges).toHaveLength(3);
  expect((await api.ask({ query: mutation, token })).data).toMatchObject({
    createPartner: { partner: { code: "my-studio" } },
  });
  const events = await fetch(`${api.url}/graphql/stream`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify({ query: subscription }),
  });
  expect(events.headers.get("content-type")).toContain("text/event-stream");
  await events.body?.cancel();
});

test("a demo that was played only trickles, and creates nothing more", { timeout: TIMEOUT_MS }, async () => {
  const before = await batchesByState();
  const stopping = new AbortController();
  const said: string[] = [];
  const playing = playDemo({ ...demoInput(stopping.signal, said), isTrickleOnly: true });
  await until(async () => (await batchesByState()).all >= before.all + 3, playing);
  stopping.abort();
  await playing;
  expect(said).toEqual([]);
  expect(await tenants()).toBe(1);
});

function demoInput(signal: AbortSignal, said: string[]): DemoInput {
  return {
    ...{ url: api.url, dataDir: folder, isTrickleOnly: false, transactions: TRANSACTIONS, clock: app.clock, signal },
    withApp: (work) => work(app),
    progress: null,
    say: (line) => said.push(line),
    show: () => undefined,
  };
}

/** Waits until it is so; fails when the demo ends before. */
async function until(isSo: () => boolean | Promise<boolean>, playing: Promise<void>): Promise<void> {
  const waiting = new AbortController();
  const itIsSo = async () => {
    while (!waiting.signal.aborted && !(await isSo())) await sleep(50);
  };
  const ended = playing.then(() => {
    throw new Error("the demo ended by itself");
  });
  await Promise.race([itIsSo(), ended]).finally(() => waiting.abort());
  ended.catch(() => undefined); // when it ends later, the test itself awaits it
}

async function batchesByState(): Promise<{ readonly all: number }> {
  const [{ count }] = await app.database.query("select count(*) as count from batch");
  return { all: Number(count) };
}

async function tenants(): Promise<number> {
  const [{ count }] = await app.database.query("select count(*) as count from tenant where name like '%demo%'");
  return Number(count);
}

async function transactionsOf(tenantId: string): Promise<number> {
  const [{ count }] = await app.database.query(
    `select count(*) as count from transaction join tenant on tenant.no = transaction.tenant_no
     where tenant.id = ? and state = 'POSTED'`,
    [tenantId],
  );
  return Number(count);
}
