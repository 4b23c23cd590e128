import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "vitest";
import { ActType } from "../../src/acts/entities.js";
import { Batch, BatchState } from "../../src/exchange/entities.js";
import { TRIES_MAX } from "../../src/exchange/isolation/service.js";
import { releaseBatch } from "../../src/exchange/parking/service.js";
import { postBatches } from "../../src/exchange/posting/service.js";
import { present } from "../../src/kernel/assert.js";
import { holdCursor } from "../../src/periods/cursors/service.js";
import { CommitOutcomeUnknown, type Tx, transact } from "../../src/platform/database.js";
import { configuredMasterKeys } from "../../src/platform/master-keys.js";
import { testApp } from "../support/app.js";
import {
  actsOf,
  balances,
  bet,
  closeThrough,
  type Exchange,
  onDay,
  openExchange,
  outcomesIn,
  post,
  rollback,
  type Sent,
  send,
  submit,
  totalsOn,
} from "../support/batches.js";
import { seedClient } from "../support/seeds.js";
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

describe("what is posted", () => {
  test("moves the accounts of its kind and adds to its period's totals, exactly", async () => {
    const kinds = ["BET", "WIN", "BONUS", "BONUS_BET", "BONUS_WIN", "JACKPOT_CONTRIBUTION", "JACKPOT_WIN"];
    const sent = kinds.map((kind, index) => bet({ kind, amount: `${10 ** index}.07` }));
    const outcomes = await send(app, place, sent);
    expect(outcomes).toEqual(kinds.map(() => "POSTED"));
    expect(await balances(app, place)).toEqual({
      ...{ STAKES: -107n, BONUS_STAKES: -100_007n, WINNINGS: 1_007n, BONUS_WINNINGS: 1_000_007n },
      ...{ BONUS_COST: 10_007n + 100_007n, JACKPOT_COST: 10_000_007n, JACKPOT_POOL: 100_000_007n - 10_000_007n },
      CLEARING: 107n - 1_007n - 10_007n - 1_000_007n - 100_000_007n,
    });
    expect(await totalsOn(app, place, 9)).toEqual({
      ...{ BET: "1 × 107", WIN: "1 × 1007", BONUS: "1 × 10007", BONUS_BET: "1 × 100007" },
      ...{ BONUS_WIN: "1 × 1000007", JACKPOT_CONTRIBUTION: "1 × 10000007", JACKPOT_WIN: "1 × 100000007" },
    });
  });

  test("by the tenant: adjustments, chargebacks, fees by category, and acquisitions that move no money", async () => {
    const from = { ...(await seedClient(app, place.home.actor, null)), tenant: place.tenant };
    const sub = place.partner.id;
    const without = { product: undefined };
    const fees = ["PROVIDER", "PAYMENT"].map((category) => bet({ kind: "FEE", category, amount: "3.00", ...without }));
    const sent = [
      bet({ kind: "ADJUSTMENT", amount: "-2.50", ...without }),
      bet({ kind: "ADJUSTMENT", amount: "1.00", ...without }),
      bet({ kind: "CHARGEBACK", amount: "4.00", ...without }),
      bet({ kind: "ACQUISITION", units: 40, amount: undefined, ...without }),
      ...fees,
    ];
    expect(await send(app, place, sent, { from, sub })).toEqual(sent.map(() => "POSTED"));
    expect(await balances(app, place)).toEqual({
      ...{ ADJUSTMENT_COST: -150n, ADJUSTMENT_DUE: 150n, CHARGEBACK_COST: 400n, CLEARING: -400n - 300n },
      ...{ FEE_COST: 600n, FEE_DUE: -300n },
    });
    const [{ units }] = await app.database.query(
      "select units from activity_total where tenant_no = ? and partner_no = ? and kind = 'ACQUISITION'",
      [place.tenant.no, place.partner.no],
    );
    expect(units).toBe("40");
  });

  test("may be a win of nothing, and the largest amount there is", async () => {
    const largest = "9999999999999999.99";
    expect(await send(app, place, [bet({ kind: "WIN", amount: "0" }), bet({ amount: largest })])).toEqual([
      "POSTED",
      "POSTED",
    ]);
    expect(await balances(app, place)).toEqual({ CLEARING: 10n ** 18n - 1n, STAKES: -(10n ** 18n) + 1n });
    expect(await totalsOn(app, place, 9)).toMatchObject({ WIN: "1 × 0" });
  });

  test("lies in the day it happened on, to the millisecond", async () => {
    const at = ["2026-03-08T23:59:59.999Z", "2026-03-09T00:00:00.000Z"];
    await send(
      app,
      place,
      at.map((occurredAt) => bet({ occurredAt })),
    );
    expect([await totalsOn(app, place, 8), await totalsOn(app, place, 9)]).toEqual([
      { BET: "1 × 100" },
      { BET: "1 × 100" },
    ]);
  });
});

describe("items that are refused one by one", () => {
  test.each<[string, Sent, string]>([
    ["nine decimals of a bitcoin", { currency: "BTC", amount: "0.000000001" }, "VALIDATION /transactions/1/amount"],
    ["a negative bet", { amount: "-1.00" }, "VALIDATION /transactions/1/amount"],
    ["an unknown currency", { currency: "XXX" }, "CURRENCY_UNKNOWN /transactions/1/currency"],
    ["a currency that the partner does not list", { currency: "EUR" }, "CURRENCY_UNKNOWN /transactions/1/currency"],
    ["an unknown field", { note: "x" }, "VALIDATION /transactions/1/note"],
    ["a kind of the tenant's alone", { kind: "CHARGEBACK" }, "KIND_NOT_ALLOWED /transactions/1/kind"],
    ["six minutes ahead", { occurredAt: "2026-03-10T12:06:00.000Z" }, "CLOCK_SKEW /transactions/1/occurredAt"],
    [
      "before the first period",
      { occurredAt: onDay(0).replace("03-00", "02-28") },
      "PERIOD_UNKNOWN /transactions/1/occurredAt",
    ],
  ])("%s", async (_name, over, outcome) => {
    const refused = bet(over);
    const good = [bet(), bet()];
    expect(await send(app, place, [good[0] ?? {}, refused, good[1] ?? {}])).toEqual([
      "POSTED",
      `REFUSED ${outcome}`,
      "POSTED",
    ]);
    expect(await balances(app, place)).toEqual({ CLEARING: 200n, STAKES: -200n });
    expect(await send(app, place, [{ ...bet(), id: refused["id"] }])).toEqual(["POSTED"]); // its id was not taken
  });

  test("credit, where the terms say nothing of it", async () => {
    const outcomes = await send(app, place, [bet({ kind: "CREDIT_PURCHASE", product: undefined })]);
    expect(outcomes).toEqual(["REFUSED KIND_NOT_ALLOWED /transactions/0/kind"]);
  });

  test("what a batch may carry five minutes ahead is posted", async () => {
    expect(await send(app, place, [bet({ occurredAt: "2026-03-10T12:05:00.000Z" })])).toEqual(["POSTED"]);
  });
});

describe("an ATOMIC batch", () => {
  const mode = { mode: "ATOMIC" };

  test("posts whole, duplicates of what is known besides", async () => {
    const known = bet();
    await send(app, place, [known]);
    expect(await send(app, place, [bet(), known, bet()], mode)).toEqual(["POSTED", "DUPLICATE", "POSTED"]);
    expect(await balances(app, place)).toEqual({ CLEARING: 300n, STAKES: -300n });
  });

  test("posts nothing when one item is bad, and takes no id", async () => {
    const items = [bet(), bet({ amount: "-1.00" }), rollback(bet())];
    expect(await send(app, place, items, mode)).toEqual([
      "REFUSED BATCH_ABORTED",
      "REFUSED VALIDATION /transactions/1/amount",
      "REFUSED BATCH_ABORTED",
    ]);
    expect(await balances(app, place)).toEqual({});
    expect(await send(app, place, [items[0] ?? {}, items[2] ?? {}], mode)).toEqual(["POSTED", "PENDING_ORIGINAL"]);
  });

  test("is aborted by a mismatch", async () => {
    const known = bet();
    await send(app, place, [known]);
    const outcomes = await send(app, place, [bet(), { ...known, amount: "2.00" }], mode);
    expect(outcomes).toEqual(["REFUSED BATCH_ABORTED", "DUPLICATE_MISMATCH"]);
  });
});

describe("a duplicate", () => {
  test("posts nothing again: within a batch, in a later one, and spelled differently", async () => {
    const item = bet({ amount: "1.00" });
    expect(await send(app, place, [item, { ...item, amount: "1.0" }])).toEqual(["POSTED", "DUPLICATE"]);
    expect(
      await send(app, place, [
        { ...item, amount: "1" },
        { ...item, product: "dice" },
      ]),
    ).toEqual(["DUPLICATE", "DUPLICATE_MISMATCH"]);
    expect(await balances(app, place)).toEqual({ CLEARING: 100n, STAKES: -100n });
  });

  test("is found among batches that are posted at once by two workers", async () => {
    const item = bet();
    const batches: Batch[] = [];
    for (let each = 0; each < 6; each++)
      batches.push((await submit(app, place, { transactions: [item, bet()] })).batch);
    await Promise.all([post(app, place), post(second, place), post(app, place), post(second, place)]);
    const outcomes = (await Promise.all(batches.map((batch) => outcomesIn(app, batch)))).flat();
    expect(outcomes.filter((outcome) => outcome === "DUPLICATE")).toHaveLength(5);
    expect(await balances(app, place)).toEqual({ CLEARING: 700n, STAKES: -700n });
  });

  test("is one partner's alone: another may use the id", async () => {
    const other = await openExchange(app, { home: place.home });
    const item = bet();
    expect([await send(app, place, [item]), await send(app, other, [item])]).toEqual([["POSTED"], ["POSTED"]]);
  });
});

describe("a rollback", () => {
  test("moves its original back, with the original's dimensions", async () => {
    const original = bet({ product: "dice", brand: "north", occurredAt: onDay(5) });
    await send(app, place, [original]);
    expect(await send(app, place, [rollback(original)])).toEqual(["POSTED"]);
    expect(await balances(app, place)).toEqual({});
    expect(await totalsOn(app, place, 5)).toEqual({ BET: "1 × 100", ROLLBACK_BET: "1 × 100" });
    expect(await totalsOn(app, place, 9)).toEqual({});
    const rows = await app.database.query(
      "select distinct brand_no, product_no from activity_total where tenant_no = ? and partner_no = ?",
      [place.tenant.no, place.partner.no],
    );
    expect(rows).toHaveLength(1);
  });

  test("before its original waits, and posts with it", async () => {
    const original = bet({ occurredAt: onDay(5) });
    expect(await send(app, place, [rollback(original)])).toEqual(["PENDING_ORIGINAL"]);
    expect(await balances(app, place)).toEqual({});
    expect(await send(app, place, [original])).toEqual(["POSTED"]);
    expect(await balances(app, place)).toEqual({});
    expect(await totalsOn(app, place, 5)).toEqual({ BET: "1 × 100", ROLLBACK_BET: "1 × 100" });
  });

  test("twice is refused, whether it was posted or waits", async () => {
    const [posted, waiting] = [bet(), bet()];
    await send(app, place, [posted, rollback(posted), rollback(waiting)]);
    expect(await send(app, place, [rollback(posted), rollback(waiting)])).toEqual([
      "REFUSED ALREADY_REVERSED /transactions/0/reverses",
      "REFUSED ALREADY_REVERSED /transactions/1/reverses",
    ]);
  });

  test("of what came as a duplicate moves it back once", async () => {
    const original = bet();
    await send(app, place, [original, original]);
    const item = rollback(original);
    expect(await send(app, place, [item, item])).toEqual(["POSTED", "DUPLICATE"]);
    expect(await balances(app, place)).toEqual({});
  });

  test("of another partner's transaction waits for one's own", async () => {
    const other = await openExchange(app, { home: place.home });
    const theirs = bet();
    await send(app, other, [theirs]);
    expect(await send(app, place, [rollback(theirs)])).toEqual(["PENDING_ORIGINAL"]);
    expect(await balances(app, other)).toEqual({ CLEARING: 100n, STAKES: -100n });
  });

  test.each([{ amount: "0.99" }, { currency: "BTC" }])("of %o is a mismatch", async (over) => {
    const original = bet();
    await send(app, place, [original]);
    const outcome = "REFUSED ROLLBACK_MISMATCH /transactions/0/reverses";
    expect(await send(app, place, [rollback(original, over)])).toEqual([outcome]);
    expect(await send(app, place, [rollback(original)])).toEqual(["POSTED"]);
  });

  test("that waited and does not fit is refused when its original comes, which may then be reversed", async () => {
    const original = bet();
    const misfit = rollback(original, { amount: "5.00" });
    expect(await send(app, place, [misfit])).toEqual(["PENDING_ORIGINAL"]);
    expect(await send(app, place, [original, rollback(original)])).toEqual(["POSTED", "POSTED"]);
    expect(await stateOf(misfit)).toBe("REFUSED");
    expect(await balances(app, place)).toEqual({});
  });

  test("of a rollback is refused, known or yet to come", async () => {
    const original = bet();
    const first = rollback(original);
    const early = rollback(first);
    expect(await send(app, place, [early])).toEqual(["PENDING_ORIGINAL"]);
    expect(await send(app, place, [original, first, rollback(first)])).toEqual([
      "POSTED",
      "POSTED",
      "REFUSED ROLLBACK_MISMATCH /transactions/2/reverses",
    ]);
    expect(await stateOf(early)).toBe("REFUSED");
    expect(await balances(app, place)).toEqual({});
  });
});

describe("what the tenant signed", () => {
  const chargeback = () => bet({ kind: "CHARGEBACK", product: undefined });

  test("only the tenant takes back: a partner's rollback of it is refused", async () => {
    const tenant = { ...(await seedClient(app, place.home.actor, null)), tenant: place.tenant };
    const original = chargeback();
    expect(await send(app, place, [original], { from: tenant, sub: place.partner.id })).toEqual(["POSTED"]);
    const after = await balances(app, place);
    expect(await send(app, place, [rollback(original)])).toEqual(["REFUSED KIND_NOT_ALLOWED /transactions/0/reverses"]);
    expect(await balances(app, place)).toEqual(after);
    const own = rollback(original);
    expect(await send(app, place, [own], { from: tenant, sub: place.partner.id })).toEqual(["POSTED"]);
    expect(await balances(app, place)).toEqual({});
  });

  test("is not undone by a rollback that a partner sent ahead", async () => {
    const tenant = { ...(await seedClient(app, place.home.actor, null)), tenant: place.tenant };
    const original = chargeback();
    const ahead = rollback(original);
    expect(await send(app, place, [ahead])).toEqual(["PENDING_ORIGINAL"]);
    expect(await send(app, place, [original], { from: tenant, sub: place.partner.id })).toEqual(["POSTED"]);
    expect(await stateOf(ahead)).toBe("REFUSED");
    expect(await balances(app, place)).toEqual({ CHARGEBACK_COST: 100n, CLEARING: -100n });
  });
});

describe("what is late", () => {
  test("posts into the earliest open period and keeps where it happened", async () => {
    await closeThrough(app, place, 5);
    const before = await totalsOn(app, place, 5);
    expect(await send(app, place, [bet({ occurredAt: onDay(5) }), bet({ occurredAt: onDay(6) })])).toEqual([
      "POSTED",
      "POSTED",
    ]);
    expect(await totalsOn(app, place, 5)).toEqual(before);
    expect(await totalsOn(app, place, 6)).toEqual({ BET: "1 × 100", "BET late": "1 × 100" });
  });

  test("as a rollback keeps the origin of its original", async () => {
    const [before, after] = [bet({ occurredAt: onDay(5) }), bet({ occurredAt: onDay(5) })];
    await send(app, place, [before, rollback(after)]);
    await closeThrough(app, place, 5);
    await send(app, place, [rollback(before), after]);
    expect(await totalsOn(app, place, 5)).toEqual({ BET: "1 × 100" });
    expect(await totalsOn(app, place, 6)).toEqual({ "ROLLBACK_BET late": "2 × 200", "BET late": "1 × 100" });
  });
});

describe("posting", () => {
  test("by two workers at once posts each batch once", async () => {
    for (let each = 0; each < 12; each++) await submit(app, place, { transactions: [bet(), bet()] });
    const runs = await Promise.all([post(app, place), post(second, place), post(app, place)]);
    while (!(await post(second, place)).isDrained);
    expect(runs.reduce((sum, run) => sum + run.batches, 0)).toBeLessThanOrEqual(12);
    expect(await balances(app, place)).toEqual({ CLEARING: 2_400n, STAKES: -2_400n });
    expect(await actsOf(app, place, ActType.BATCH_POSTED)).toHaveLength(12);
  });

  test("leaves a partner to whoever holds its cursor, and posts when it is free", async () => {
    await submit(app, place);
    await transact(app, async (tx) => {
      await holdCursor(tx, place.partner);
      expect(await post(second, place)).toEqual({ batches: 0, items: 0, isDrained: false });
    });
    expect(await post(second, place)).toEqual({ batches: 1, items: 1, isDrained: true });
  });

  test("goes no further than a batch that another transaction holds, so that none overtakes it", async () => {
    const item = bet();
    const [first, middle, third] = [
      await submit(app, place),
      await submit(app, place, { transactions: [item] }),
      await submit(app, place, { transactions: [rollback(item)] }),
    ];
    const hold = (no: string) => transact(app, (tx) => holding(tx, no));
    expect(await hold(middle.batch.no)).toEqual({ batches: 1, items: 1, isDrained: false });
    expect((await stored(first.batch.no)).state).toBe(BatchState.POSTED);
    expect(await hold(middle.batch.no)).toEqual({ batches: 0, items: 0, isDrained: false });
    expect(await post(second, place)).toEqual({ batches: 2, items: 2, isDrained: true });
    expect(await outcomesIn(app, third.batch)).toEqual(["POSTED"]);
  });

  test("whose connection dies in the middle leaves nothing half posted, and the next one posts it all", async () => {
    await send(app, place, [bet()]);
    const before = await everything();
    const { batch } = await submit(app, place, { transactions: [bet(), rollback(bet())] });
    await transact(app, async (tx) => {
      await tx.query("select * from activity_total where tenant_no = ? for update", [place.tenant.no]);
      const posting = post(second, place).catch((error: unknown) => error);
      await killWaiting("insert into activity_total%");
      expect(await posting).toBeInstanceOf(CommitOutcomeUnknown); // COMMIT was on its way with what was written
    });
    expect(await everything()).toEqual(before);
    expect((await stored(batch.no)).state).toBe(BatchState.ACCEPTED);
    while ((await post(app, place)).batches === 0) await sleep(5); // the server may still be rolling back
    expect(await outcomesIn(app, batch)).toEqual(["POSTED", "PENDING_ORIGINAL"]);
    expect(await balances(app, place)).toEqual({ CLEARING: 200n, STAKES: -200n });
  });

  test("parks a batch that cannot be read, with its reason, and posts the others", async () => {
    const batches: Batch[] = [];
    for (let each = 0; each < 5; each++) batches.push((await submit(app, place)).batch);
    const poison = batches[2]?.no ?? "";
    await corrupt(poison);
    await post(app, place);
    const states = await Promise.all(batches.map(async ({ no }) => (await stored(no)).state));
    expect(states).toEqual(["POSTED", "POSTED", "PARKED", "POSTED", "POSTED"]);
    expect((await stored(poison)).parkedReason).toMatch(/^INTERNAL: \w+/);
    expect(await balances(app, place)).toEqual({ CLEARING: 400n, STAKES: -400n });
    const acts = await actsOf(app, place, ActType.BATCH_PARKED);
    expect(acts.map(({ subjectId }) => subjectId)).toEqual([batches[2]?.id]);
  });

  test("a parked batch that is released posts, once; one that is not parked is not released", async () => {
    const { batch } = await submit(app, place);
    faults.fail("insert into transaction", { errno: 1264, sqlState: "22003" }, 1 + TRIES_MAX);
    await post(second, place);
    expect(await stored(batch.no)).toMatchObject({ state: BatchState.PARKED, tries: TRIES_MAX });
    await releaseBatch(app, place.home.actor, batch.id);
    await expect(releaseBatch(app, place.home.actor, batch.id)).rejects.toMatchObject({ code: "VALIDATION" });
    await post(app, place);
    expect(await outcomesIn(app, batch)).toEqual(["POSTED"]);
    const acts = await actsOf(app, place, ActType.BATCH_PARKED, ActType.BATCH_RELEASED, ActType.BATCH_POSTED);
    expect(acts.map(({ type }) => type)).toEqual(["BATCH_PARKED", "BATCH_RELEASED", "BATCH_POSTED"]);
  });

  test("a fault that is no batch's, such as another master key, parks nothing", async () => {
    const { batch } = await submit(app, place);
    const masterKeys = configuredMasterKeys({ ...app.config, masterKey: Buffer.alloc(32, 9) });
    const stranger = { ...app, masterKeys };
    await expect(postBatches(stranger, place.partner)).rejects.toThrow("is not configured");
    expect((await stored(batch.no)).state).toBe(BatchState.ACCEPTED);
  });

  test("takes more than one group, in the order of acceptance", async () => {
    const item = bet();
    const first = await submit(app, place, { transactions: [item] });
    await submit(app, place, { transactions: [{ ...item, amount: "2.00" }] });
    expect(await postBatches(app, place.partner, 1)).toMatchObject({ batches: 2, items: 2 });
    expect(await outcomesIn(app, first.batch)).toEqual(["POSTED"]);
    expect(await balances(app, place)).toEqual({ CLEARING: 100n, STAKES: -100n });
  });
});

/** Posts by the second worker while a transaction holds a batch, as one does that looks up what was stored of it. */
async function holding(tx: Tx, no: string) {
  await tx.query("select id from batch where tenant_no = ? and no = ? lock in share mode", [place.tenant.no, no]);
  return post(second, place);
}

/** The rows of this tenant in every table that posting writes. */
async function everything(): Promise<Record<string, number>> {
  const tables = ["transaction", "entry", "entry_line", "account", "activity_total", "reversal", "brand", "product"];
  const counts: [string, number][] = [];
  for (const table of tables) counts.push([table, await rowsIn(table)]);
  return Object.fromEntries(counts);
}

async function rowsIn(table: string): Promise<number> {
  const [{ count }] = await app.database.query(`select count(*) as count from ${table} where tenant_no = ?`, [
    place.tenant.no,
  ]);
  return Number(count);
}

async function stored(no: string): Promise<Batch> {
  return present(await app.database.manager.findOneBy(Batch, { tenantNo: place.tenant.no, no }), "a batch");
}

async function stateOf(item: Sent): Promise<string> {
  const [row] = await app.database.query(
    "select state from transaction where tenant_no = ? and partner_no = ? and external_id = ?",
    [place.tenant.no, place.partner.no, item["id"]],
  );
  return row?.state;
}

/** Flips a byte of what is stored of a batch. */
async function corrupt(no: string): Promise<void> {
  const key = [place.tenant.no, no];
  const where = "tenant_no = ? and batch_no = ?";
  const [{ envelope }] = await app.database.query(`select envelope from batch_content where ${where}`, key);
  envelope[envelope.length - 20] ^= 0x01; // a bit, in the payload: no longer what was signed
  await app.database.query(`update batch_content set envelope = ? where ${where}`, [envelope, ...key]);
}

/** Kills the connection that waits in a statement, as soon as there is one. */
async function killWaiting(like: string): Promise<void> {
  for (;;) {
    const [row] = await app.database.query(
      "select id from information_schema.processlist where db = database() and info like ?",
      [like],
    );
    if (row !== undefined) return void (await app.database.query(`kill connection ${row.id}`));
    await sleep(5);
  }
}
