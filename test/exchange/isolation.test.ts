import { beforeEach, expect, test } from "vitest";
import { Batch, BatchState } from "../../src/exchange/entities.js";
import { TRIES_MAX } from "../../src/exchange/isolation/service.js";
import { releaseBatch } from "../../src/exchange/parking/service.js";
import { present } from "../../src/kernel/assert.js";
import { holdCursor } from "../../src/periods/cursors/service.js";
import { transact } from "../../src/platform/database.js";
import { testApp } from "../support/app.js";
import { balances, type Exchange, openExchange, post, submit } from "../support/batches.js";
import { SqlFaults } from "../support/sql-faults.js";

const app = await testApp();
/** A second worker process: another App on the same database and Redis; its statements may be made to fail. */
const faults = new SqlFaults();
const { clock, config } = app;
const second = await testApp({ clock, config: { redisPrefix: config.redisPrefix }, sqlLogger: faults });
let place: Exchange;

beforeEach(async () => {
  place = await openExchange(app);
});

test("parks a batch whose data the database refuses, and none when it has trouble that passes", async () => {
  const { batch } = await submit(app, place);
  faults.fail("insert into transaction", { errno: 1114, sqlState: "HY000" }); // the table is full
  await expect(post(second, place)).rejects.toThrow("injected");
  expect((await stored(batch.no)).state).toBe(BatchState.ACCEPTED);
  faults.fail("insert into transaction", { errno: 1264, sqlState: "22003" }, 1 + TRIES_MAX); // out of range
  await post(second, place);
  const { state, parkedReason } = await stored(batch.no);
  expect(state).toBe(BatchState.PARKED);
  expect(parkedReason).toMatch(/^INTERNAL: database error 1264 \(22003\), 3 times; /);
  expect(await rowsIn("transaction")).toBe(0);
});

test("tries a batch that failed again by itself, and forgets tries that passing trouble cut short", async () => {
  const { batch } = await submit(app, place);
  faults.fail("insert into transaction", { errno: 1264, sqlState: "22003" }, TRIES_MAX);
  await post(second, place);
  expect(await stored(batch.no)).toMatchObject({ state: BatchState.POSTED, tries: TRIES_MAX });
  const next = await submit(app, place);
  await app.database.query("update batch set tries = 2 where tenant_no = ? and no = ?", [
    place.tenant.no,
    next.batch.no,
  ]);
  faults.fail("insert into transaction", { errno: 1114, sqlState: "HY000" });
  await expect(post(second, place)).rejects.toThrow("injected");
  expect(await stored(next.batch.no)).toMatchObject({ state: BatchState.ACCEPTED, tries: 2 });
  await transact(app, async (tx) => {
    await holdCursor(tx, place.partner);
    expect(await post(second, place)).toMatchObject({ batches: 0, isDrained: false });
  });
  expect(await stored(next.batch.no)).toMatchObject({ state: BatchState.ACCEPTED, tries: 2 });
  await post(second, place);
  expect((await stored(next.batch.no)).state).toBe(BatchState.POSTED);
});

test("parks a batch untried whose tries are used up: the workers that began them ended", async () => {
  const { batch } = await submit(app, place);
  await submit(app, place);
  await app.database.query("update batch set tries = ? where tenant_no = ? and no = ?", [
    TRIES_MAX,
    place.tenant.no,
    batch.no,
  ]);
  await post(app, place);
  expect(await stored(batch.no)).toMatchObject({
    state: BatchState.PARKED,
    parkedReason: expect.stringMatching(/^WORKER_LOST: the worker ended 3 times /),
  });
  expect(await balances(app, place)).toEqual({ CLEARING: 100n, STAKES: -100n });
  await releaseBatch(app, place.home.actor, batch.id);
  await post(app, place);
  expect(await balances(app, place)).toEqual({ CLEARING: 200n, STAKES: -200n });
});

async function rowsIn(table: string): Promise<number> {
  const [{ count }] = await app.database.query(`select count(*) as count from ${table} where tenant_no = ?`, [
    place.tenant.no,
  ]);
  return Number(count);
}

async function stored(no: string): Promise<Batch> {
  return present(await app.database.manager.findOneBy(Batch, { tenantNo: place.tenant.no, no }), "a batch");
}
