import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { enqueuePosting } from "../../src/exchange/posting/jobs.js";
import { fsck } from "../../src/operations/fsck/service.js";
import { testApp } from "../support/app.js";
import { balances, bet, openExchange, submit } from "../support/batches.js";
import { startRole } from "../support/roles.js";

const BATCHES_MAX = 300;
const ITEMS = 500;
vi.setConfig({ testTimeout: 180_000 });
const app = await testApp();

test("kill -9 of the worker while it posts: after its restart every batch is posted exactly once", async () => {
  const to = await openExchange(app);
  const first = await startRole(app.config, "worker");
  let batches = 0;
  while ((await inState("POSTED")) === 0 && batches < BATCHES_MAX) {
    await submit(app, to, { transactions: Array.from({ length: ITEMS }, () => bet()) });
    batches += 1;
  }
  await submit(app, to, { transactions: Array.from({ length: ITEMS }, () => bet()) });
  batches += 1;
  const exited = once(first.child, "exit");
  first.child.kill("SIGKILL");
  await exited;
  const struck = { posted: await inState("POSTED"), waiting: await inState("ACCEPTED") };
  expect(struck.posted).toBeGreaterThan(0); // it was at work
  expect(struck.waiting).toBeGreaterThan(0); // and had not finished
  await startRole(app.config, "worker");
  await enqueuePosting(app, to.partner); // what the relay's sweeper does for a lost job
  while ((await inState("ACCEPTED")) > 0) await sleep(100);
  expect(await inState("POSTED")).toBe(batches);
  const [{ booked }] = await app.database.query(
    "select count(*) as booked from transaction where tenant_no = ? and partner_no = ?",
    [to.tenant.no, to.partner.no],
  );
  expect(Number(booked)).toBe(batches * ITEMS);
  const minor = BigInt(batches * ITEMS * 100);
  expect(await balances(app, to)).toEqual({ CLEARING: minor, STAKES: -minor });
  expect(await fsck(app, { tenantId: to.tenant.id })).toMatchObject({ ok: true, differences: [] });

  async function inState(state: string): Promise<number> {
    const [{ batches }] = await app.database.query(
      "select count(*) as batches from batch where tenant_no = ? and partner_no = ? and state = ?",
      [to.tenant.no, to.partner.no, state],
    );
    return Number(batches);
  }
});
