import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { CodedError } from "../../src/kernel/errors.js";
import { CommitOutcomeUnknown, isDuplicateKey, type Tx, transact } from "../../src/platform/database.js";
import { closeApp } from "../../src/platform/open-app.js";
import { openTestApp, testApp } from "../support/app.js";
import { type Cut, startProxy } from "../support/proxy.js";
import { SqlFaults } from "../support/sql-faults.js";

const app = await testApp();

beforeAll(() => app.database.query("create table probe (id int primary key, value int not null) engine = InnoDB"));
beforeEach(() => app.database.query("delete from probe"));

test("every connection of the pool speaks UTC, is strict and waits five seconds for a lock", async () => {
  const settings = await Promise.all(
    Array.from({ length: 6 }, async () => {
      const [row] = await app.database.query(
        `select sleep(0.05), connection_id() as id, @@session.time_zone as zone, @@session.sql_mode as mode,
                @@session.innodb_lock_wait_timeout as lockWait`,
      );
      return row;
    }),
  );
  expect(new Set(settings.map(({ id }) => id)).size).toBe(6);
  for (const setting of settings) {
    expect(setting).toMatchObject({
      zone: "+00:00",
      mode: expect.stringContaining("STRICT_ALL_TABLES"),
      lockWait: "5",
    });
  }
});

test("what the work answers comes back and is stored, read committed", async () => {
  const isolation = await transact(app, async (tx) => {
    await insert(tx, 1);
    const [row] = await tx.query(
      `select trx_isolation_level as level from information_schema.innodb_trx
        where trx_mysql_thread_id = connection_id()`,
    );
    return row.level;
  });
  expect(isolation).toBe("READ COMMITTED");
  expect(await stored()).toEqual([1]);
});

test("of two units in a deadlock the loser runs again as a whole, and both are stored once", async () => {
  await app.database.query("insert into probe values (1, 0), (2, 0)");
  let runs = 0;
  const bothHoldOne = gate(2);
  const unit = (first: number, second: number) =>
    transact(app, async (tx) => {
      runs += 1;
      await add(tx, first);
      if (runs <= 2) await bothHoldOne();
      await add(tx, second);
    });
  await Promise.all([unit(1, 2), unit(2, 1)]);
  expect(runs).toBe(3);
  expect(await app.database.query("select value from probe")).toEqual([{ value: 2 }, { value: 2 }]);
});

test("a lock that stays taken is tried three times, and leaves nothing of the unit behind", async () => {
  const impatient = await openTestApp();
  onTestFinished(() => closeApp(impatient));
  await app.database.query("insert into probe values (1, 0)");
  let runs = 0;
  await transact(app, async (holder) => {
    await add(holder, 1);
    const attempt = transact(impatient, async (tx) => {
      runs += 1;
      await tx.query("set session innodb_lock_wait_timeout = 0");
      await insert(tx, 2);
      await add(tx, 1);
    });
    await expect(attempt).rejects.toMatchObject({ driverError: { errno: 1205 } });
  });
  expect(runs).toBe(3);
  expect(await stored()).toEqual([1]);
});

test("a refusal is not repeated, and nothing of its unit is stored", async () => {
  let runs = 0;
  const refused = transact(app, async (tx) => {
    runs += 1;
    await insert(tx, 1);
    throw new TypeError("refused");
  });
  await expect(refused).rejects.toThrow(new TypeError("refused"));
  expect(runs).toBe(1);
  expect(await stored()).toEqual([]);
});

test("a second row of the same key is told apart from every other error", async () => {
  const error: unknown = await transact(app, async (tx) => {
    await insert(tx, 1);
    await insert(tx, 1);
  }).catch((caught: unknown) => caught);
  expect(isDuplicateKey(error)).toBe(true);
  const other: unknown = await app.database.query("select * from no_such_table").catch((caught: unknown) => caught);
  expect(isDuplicateKey(other)).toBe(false);
});

test("a connection that cannot be rolled back is ended: nobody commits what it left open", async () => {
  const faults = new SqlFaults();
  const failing = await openTestApp({ config: { databaseConnectionsMax: 1 }, sqlLogger: faults });
  onTestFinished(() => closeApp(failing));
  const work = async (tx: Tx) => {
    await insert(tx, 1);
    faults.fail("ROLLBACK", { errno: 1114, sqlState: "HY000" });
    throw new Error("no");
  };
  await expect(transact(failing, work)).rejects.toThrow("no");
  expect(faults.struck()).toBe(1);
  await transact(failing, (tx) => insert(tx, 2));
  expect(await stored()).toEqual([2]);
});

test("a COMMIT that fails with 1180 is not repeated, and what it left open is not committed later", async () => {
  const faults = new SqlFaults();
  const failing = await openTestApp({ config: { databaseConnectionsMax: 2 }, sqlLogger: faults });
  onTestFinished(() => closeApp(failing));
  faults.fail("COMMIT", { errno: 1180, sqlState: "HY000" });
  await expect(transact(failing, (tx) => insert(tx, 1))).rejects.toBeInstanceOf(CommitOutcomeUnknown);
  expect(faults.struck()).toBe(1);
  for (const id of [2, 3, 4]) await transact(failing, (tx) => insert(tx, id));
  expect(await stored()).toEqual([2, 3, 4]);
});

describe("a connection that is lost", () => {
  test("inside the work stored nothing, may be repeated, and the pool goes on", async () => {
    const lost = transact(app, async (tx) => {
      await insert(tx, 1);
      await killConnectionOf(tx);
      await insert(tx, 2);
    });
    await expect(lost).rejects.toMatchObject({ code: "UNAVAILABLE", retryable: true });
    await expect(lost).rejects.toBeInstanceOf(CodedError);
    expect(await stored()).toEqual([]);
    await Promise.all(Array.from({ length: 12 }, (_, id) => transact(app, (tx) => insert(tx, id))));
    expect(await stored()).toHaveLength(12);
  });

  test("between the work and COMMIT leaves the outcome unknown", async () => {
    const lost = transact(app, async (tx) => {
      await insert(tx, 1);
      await killConnectionOf(tx);
    });
    await expect(lost).rejects.toBeInstanceOf(CommitOutcomeUnknown);
    expect(await stored()).toEqual([]);
  });

  test.each<[Cut, number[]]>([
    ["before", []],
    ["after", [1]],
    ["late", []],
  ])("%s COMMIT reached the server leaves the outcome unknown and is not repeated", async (where, kept) => {
    const proxy = await startProxy(app.config.databaseUrl);
    const remote = await openTestApp({ config: { databaseUrl: proxy.url } });
    onTestFinished(async () => {
      await closeApp(remote);
      await proxy.close();
    });
    let runs = 0;
    proxy.cutNextCommit(where);
    const lost = transact(remote, async (tx) => {
      runs += 1;
      await insert(tx, 1);
    });
    await expect(lost).rejects.toBeInstanceOf(CommitOutcomeUnknown);
    expect([proxy.cuts(), runs]).toEqual([1, 1]);
    expect(await stored()).toEqual(kept);
    await transact(remote, (tx) => insert(tx, 9));
    expect(await stored()).toContain(9);
  });
});

function insert(tx: Tx, id: number): Promise<unknown> {
  return tx.query("insert into probe values (?, 0)", [id]);
}

function add(tx: Tx, id: number): Promise<unknown> {
  return tx.query("update probe set value = value + 1 where id = ?", [id]);
}

async function stored(): Promise<number[]> {
  const rows: { id: number }[] = await app.database.query("select id from probe order by id");
  return rows.map(({ id }) => id);
}

async function killConnectionOf(tx: Tx): Promise<void> {
  const [{ id }] = await tx.query("select connection_id() as id");
  await app.database.query(`kill ${Number(id)}`);
}

/** Waits until so many have come. */
function gate(wanted: number): () => Promise<void> {
  let come = 0;
  let open: () => void;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return () => {
    come += 1;
    if (come === wanted) open();
    return opened;
  };
}
