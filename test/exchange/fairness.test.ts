import { setTimeout as sleep } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { BatchState } from "../../src/exchange/entities.js";
import { sweepForAllTenants } from "../../src/exchange/posting/jobs.js";
import { holdCursor } from "../../src/periods/cursors/service.js";
import { transact } from "../../src/platform/database.js";
import { closeApp } from "../../src/platform/open-app.js";
import { workerQueues } from "../../src/server/worker-queues.js";
import { openTestApp, type TestApp, testApp } from "../support/app.js";
import { bet, type Exchange, openExchange, submit } from "../support/batches.js";
import type { SeededTenant } from "../support/seeds.js";

vi.setConfig({ testTimeout: 120_000 });
/** More than two jobs take on. */
const HOT_BATCHES = 450;
const app = await testApp();

test.each([
  ["of the same tenant", true],
  ["of another tenant", false],
])("a quiet partner %s posts before the backlog of a hot one in its partition does", async (_name, isSibling) => {
  const hot = await openExchange(app);
  const quiet = await openIn(hot.partner.postingPartition, isSibling ? hot.home : undefined);
  await submitMany(hot, HOT_BATCHES);
  const { batch } = await submit(app, quiet);
  await working(async () => {
    while ((await waitingOf(hot)) + (await waitingOf(quiet)) > 0) await sleep(20);
  });
  const [{ after }] = await app.database.query(
    `select count(*) as after from batch as own join batch as other on other.tenant_no = ? and other.no = ?
     where own.tenant_no = ? and own.partner_no = ? and own.posted_at > other.posted_at`,
    [quiet.tenant.no, batch.no, hot.tenant.no, hot.partner.no],
  );
  expect(Number(after)).toBeGreaterThan(0);
});

test("a noisy tenant with a hot partner in every partition does not starve a quiet one", async () => {
  const first = await openExchange(app);
  const noisy = [first];
  while (new Set(noisy.map(({ partner }) => partner.postingPartition)).size < 8) {
    noisy.push(await openExchange(app, { home: first.home }));
  }
  for (const each of noisy) await submitMany(each, HOT_BATCHES);
  const quiet = await openExchange(app);
  await submit(app, quiet);
  let left = 0;
  await working(async () => {
    while ((await waitingOf(quiet)) > 0) await sleep(5);
    left = (await Promise.all(noisy.map(waitingOf))).reduce((sum, waiting) => sum + waiting);
  });
  expect(left).toBeGreaterThan(0);
});

test("a partner whose cursor is held delays nobody, of its partition or another", async () => {
  const held = await openExchange(app);
  const near = await openIn(held.partner.postingPartition);
  const far = await openIn((held.partner.postingPartition + 1) % 8);
  await working(async (worker) => {
    await transact(app, async (tx) => {
      await holdCursor(tx, held.partner);
      await submit(worker, held);
      await submit(worker, near, { transactions: [bet(), bet()] });
      await submit(worker, far);
      while ((await waitingOf(near)) + (await waitingOf(far)) > 0) await sleep(20);
      expect(await waitingOf(held)).toBe(1);
    });
    await sweepForAllTenants(worker, worker.clock.now());
    while ((await waitingOf(held)) > 0) await sleep(20);
  });
});

/** Another partner in a posting partition; partners get them in turn. */
async function openIn(partition: number, home?: SeededTenant): Promise<Exchange> {
  for (;;) {
    const opened = await openExchange(app, home === undefined ? {} : { home });
    if (opened.partner.postingPartition === partition) return opened;
  }
}

let copies = 0;

/** Submits a batch and puts copies of it behind, by one statement: quick, and to posting as good as any others. */
async function submitMany(to: Exchange, count: number): Promise<void> {
  const { batch } = await submit(app, to);
  copies += 1;
  const kept = "tenant_no, partner_no, issuer_no, kid, client_id, mode, state, item_count, payload_bytes";
  const rest = "payload_sha256, leaf_hash, platform_kid, accepted_at";
  await app.database.query(
    `insert into batch (id, jti, jti_hash, ${kept}, ${rest})
     with recursive place as (select 1 as n union all select n + 1 from place where n < ?)
     select concat('bat_', ?, 'x', lpad(n, 20, '0')), concat('copy-', ?, '-', n),
       unhex(md5(concat('copy-', ?, '-', n))), ${kept}, ${rest}
     from batch join place where tenant_no = ? and no = ?`,
    [count - 1, String(copies).padStart(5, "0"), copies, copies, batch.tenantNo, batch.no],
  );
  await app.database.query(
    `insert into batch_content (tenant_no, batch_no, envelope)
     select copy.tenant_no, copy.no, content.envelope from batch as copy
     join batch_content as content on content.tenant_no = copy.tenant_no and content.batch_no = ?
     where copy.tenant_no = ? and copy.partner_no = ? and copy.no > ?`,
    [batch.no, batch.tenantNo, batch.partnerNo, batch.no],
  );
}

/** One worker at work on what `app` has queued, until the wait is over. */
async function working(wait: (worker: TestApp) => Promise<void>): Promise<void> {
  const { clock, config } = app;
  const worker = await openTestApp({ clock, config: { redisPrefix: config.redisPrefix } });
  try {
    for (const { queue, kinds, concurrency } of workerQueues) worker.queues.work(worker, queue, kinds, concurrency);
    await wait(worker);
  } finally {
    await closeApp(worker);
  }
}

async function waitingOf({ tenant, partner }: Exchange): Promise<number> {
  const [{ waiting }] = await app.database.query(
    "select count(*) as waiting from batch where tenant_no = ? and partner_no = ? and state = ?",
    [tenant.no, partner.no, BatchState.ACCEPTED],
  );
  return Number(waiting);
}
