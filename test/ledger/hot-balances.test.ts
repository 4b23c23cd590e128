import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { postBatches } from "../../src/exchange/posting/service.js";
import { present } from "../../src/kernel/assert.js";
import { AccountName } from "../../src/ledger/entities.js";
import { type Copy, markCopy, putCopy, readCopy } from "../../src/ledger/hot-balances.js";
import { balancesOf } from "../../src/ledger/service.js";
import { fsck } from "../../src/operations/fsck/service.js";
import { CommitOutcomeUnknown } from "../../src/platform/database.js";
import { startPair, stopPair } from "../../src/platform/embedded/pair.js";
import { openPlace } from "../../src/platform/embedded/place.js";
import { closeApp } from "../../src/platform/open-app.js";
import { awaitRedis, redisAddress } from "../../src/platform/redis.js";
import { openTestApi } from "../support/api.js";
import { openTestApp, testApp } from "../support/app.js";
import { balances, bet, type Exchange, openExchange, send, submit } from "../support/batches.js";
import { startProxy } from "../support/proxy.js";
import { seedClient } from "../support/seeds.js";
import { TEST_SIZES, testSearchPath } from "../support/servers.js";
import { SqlFaults } from "../support/sql-faults.js";

/** A Redis of this file's own, since its connections are killed and it is flushed and restarted. */
const folder = mkdtempSync(join(tmpdir(), `quittance-test-${process.pid}-hot-`));
const ownServer = openPlace(folder);
let server = await startRedis();
const admin = new Redis(redisAddress(server.url));
admin.on("error", () => undefined); // it is killed on purpose
const app = await testApp({ config: { redisUrl: server.url } });
const proxy = await startProxy(app.config.databaseUrl);
/** A worker whose COMMITs may be lost. */
const unlucky = await testApp({
  clock: app.clock,
  config: { redisUrl: server.url, redisPrefix: app.config.redisPrefix, databaseUrl: proxy.url },
});
let place: Exchange;

afterAll(async () => {
  admin.disconnect();
  await proxy.close();
  await stopPair(ownServer);
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  await awaitRedis(app.redis, 5_000);
  place = await openExchange(app);
  await send(app, place, [bet()]);
});

async function startRedis() {
  const { redis } = await startPair(ownServer, {
    ...{ isMariadbWanted: false, isRedisWanted: true, searchPath: testSearchPath(), sizes: TEST_SIZES },
    say: () => undefined,
  });
  return present(redis, "the Redis that was wanted");
}

const key = () => `${app.config.redisPrefix}:{t${place.tenant.no}}:balances:${place.partner.no}`;
const marks = async () => (await admin.hkeys(key())).filter((field) => field.startsWith("mark:"));

/** A copy that says so much, at a version. */
function copyOf(version: bigint, minor: bigint, epoch = 1): Copy {
  return { epoch, version, accounts: [{ account: AccountName.STAKES, currency: "USD", balanceMinor: minor }] };
}

/** What the copy shows without asking the database. */
async function shown(): Promise<[bigint, bigint | undefined] | null> {
  const copy = await readCopy(app, place.partner);
  return copy === null ? null : [copy.version, copy.accounts[0]?.balanceMinor];
}

/** Kills the connection of a command that waits in the server, unanswered. */
async function killWaiting<T>(start: () => Promise<T>): Promise<T> {
  const id = await app.redis.client("ID");
  await admin.client("PAUSE", 5_000, "WRITE");
  const running = start();
  try {
    await expect.poll(async () => clientLine(id)).toMatch(/ flags=\S*b/); // blocked by the pause, in the script's place
    expect(await admin.client("KILL", "ID", id)).toBe(1);
  } finally {
    await admin.client("UNPAUSE");
  }
  return running;
}

async function clientLine(id: number): Promise<string> {
  const list = String(await admin.client("LIST"));
  return list.split("\n").find((line) => line.startsWith(`id=${id} `)) ?? "";
}

describe("hot balances are right", () => {
  test("after FLUSHALL, at once, and are copies again", async () => {
    expect((await shown())?.[0]).toBe(1n);
    await admin.flushall();
    expect(await shown()).toBeNull();
    expect(await balances(app, place)).toEqual({ CLEARING: 100n, STAKES: -100n });
    expect((await shown())?.[0]).toBe(1n);
  });

  test("while Redis is away, and after it came back empty", async () => {
    process.kill(server.pid, "SIGKILL");
    expect(await balances(app, place)).toEqual({ CLEARING: 100n, STAKES: -100n });
    expect(await send(app, place, [bet()])).toEqual(["POSTED"]);
    expect(await balances(app, place)).toEqual({ CLEARING: 200n, STAKES: -200n });
    rmSync(join(folder, "redis"), { recursive: true, force: true });
    server = await startRedis();
    await expect.poll(() => app.redis.status, { timeout: 10_000 }).toBe("ready");
    expect(await balances(app, place)).toEqual({ CLEARING: 200n, STAKES: -200n });
    expect((await shown())?.[0]).toBe(2n);
  });

  test("when the connection is killed in the middle of the mark", async () => {
    const { batch } = await submit(app, place);
    expect(batch.state).toBe("ACCEPTED");
    const run = await killWaiting(() => postBatches(app, place.partner));
    expect(run.batches).toBe(1);
    expect(await balances(app, place)).toEqual({ CLEARING: 200n, STAKES: -200n });
  });

  test("when the connection is killed in the middle of the publishing", async () => {
    const mark = await markCopy(app, place.partner);
    await killWaiting(() => putCopy(app, place.partner, copyOf(9n, -9n), mark));
    await expect.poll(() => app.redis.status).toBe("ready");
    const { version } = await balancesOf(app, place.partner, null);
    expect([1n, 9n]).toContain(version); // the database's where the script did not run, else the script's
    expect((await marks()).length === 0 || version === 1n).toBe(true);
  });

  test("where the outcome of a COMMIT is not known: the mark stays, and readers ask the database", async () => {
    for (const where of ["after", "before"] as const) {
      const before = await balances(app, place);
      await submit(app, place);
      const cuts = proxy.cuts();
      proxy.cutNextCommit(where);
      await expect(postBatches(unlucky, place.partner)).rejects.toThrow(CommitOutcomeUnknown);
      expect(proxy.cuts()).toBe(cuts + 1);
      expect(await marks()).toHaveLength(1);
      const stakes = (before["STAKES"] ?? 0n) - (where === "after" ? 100n : 0n);
      expect(await balances(app, place)).toEqual({ CLEARING: -stakes, STAKES: stakes });
      expect(await marks()).toHaveLength(1); // a reader does not lift it
      await admin.del(key());
    }
  });
});

test("a read through the API asks Redis once, and nothing of the database", async () => {
  const sql = new SqlFaults();
  const { redisPrefix } = app.config;
  const reading = await openTestApp({
    clock: app.clock,
    sqlLogger: sql,
    config: { redisUrl: server.url, redisPrefix },
  });
  const api = await openTestApi(reading);
  onTestFinished(async () => {
    await api.close();
    await closeApp(reading);
  });
  const client = await seedClient(reading, place.home.actor, place.partner.id);
  const query = `{ partner(id: "${place.partner.id}") { balances { version accounts { balance { amount } } } } }`;
  const ask = async (token: string) => (await api.ask({ query, token })).data?.partner.balances.version;
  const token = await client.token();
  const commands = vi.spyOn(reading.redis, "sendCommand");
  const counted: [number, number][] = [];
  for (let read = 0; read < 20; read++) {
    const before = [sql.seen(), commands.mock.calls.length] as const;
    expect(await ask(token)).toBe("1");
    counted.push([sql.seen() - before[0], commands.mock.calls.length - before[1]]);
  }
  // What is known of the caller is read again every second or two, beside; the first read fills what is known.
  expect(Math.min(...counted.map(([texts]) => texts))).toBe(0);
  expect(Math.min(...counted.map(([, asked]) => asked))).toBe(1);
});

describe("the scripts of the copies", () => {
  beforeEach(async () => {
    await admin.del(key());
  });

  test("say the same when they run twice", async () => {
    const mark = await markCopy(app, place.partner);
    for (let run = 0; run < 2; run++) await putCopy(app, place.partner, copyOf(10n, -10n), mark);
    expect(await shown()).toEqual([10n, -10n]);
  });

  test("end at the newest when they run out of order, whatever the order", async () => {
    const copies = [copyOf(9n, -9n), copyOf(10n, -10n), copyOf(99n, -99n), copyOf(2n, -2n, 2)];
    for (const order of [
      [0, 1, 2, 3],
      [3, 2, 1, 0],
      [1, 3, 0, 2],
      [2, 0, 3, 1],
    ]) {
      await admin.del(key());
      for (const each of order) await putCopy(app, place.partner, present(copies[each], "a copy"), null);
      expect(await shown()).toEqual([2n, -2n]); // the second epoch's
    }
  });

  test("hide the copy while one of two writers is not done, also where its mark came last", async () => {
    const [first, second] = [await markCopy(app, place.partner), await markCopy(app, place.partner)];
    await putCopy(app, place.partner, copyOf(2n, -2n), second);
    expect(await shown()).toBeNull();
    await putCopy(app, place.partner, copyOf(1n, -1n), first);
    expect(await shown()).toEqual([2n, -2n]);
    await markCopy(app, place.partner); // a mark that was sent again after its writer was done
    expect(await shown()).toBeNull();
    expect(await admin.ttl(key())).toBeLessThanOrEqual(60);
  });

  test("keep a mark through a reader's copy, and a copy through a writer that died between its scripts", async () => {
    await putCopy(app, place.partner, copyOf(1n, -1n), null);
    await markCopy(app, place.partner); // died here
    await putCopy(app, place.partner, copyOf(1n, -1n), null);
    expect(await shown()).toBeNull();
    expect(await balances(app, place)).toEqual({ CLEARING: 100n, STAKES: -100n });
  });
});

describe("a copy that is spoiled", () => {
  const spoil: Record<string, () => Promise<unknown>> = {
    "is no JSON": () => admin.hset(key(), "value", "{"),
    "is JSON of something else": () => admin.hset(key(), "value", "null"),
    "has an epoch that is no number": () => admin.hset(key(), "epoch", "x"),
    "has a version that is no number": () => admin.hset(key(), "version", "x"),
    "has no version": () => admin.hdel(key(), "version"),
    "has no epoch": () => admin.hdel(key(), "epoch"),
    "has a balance that is no number": () => admin.hset(key(), "value", '{"accounts":[["STAKES","USD","1.5"]]}'),
    "is of another type": async () => {
      await admin.del(key());
      await admin.set(key(), "x");
    },
  };

  test.each(Object.keys(spoil))("because it %s is not read, and replaced", async (name) => {
    await spoil[name]?.();
    expect(await balances(app, place)).toEqual({ CLEARING: 100n, STAKES: -100n });
    expect((await shown())?.[0]).toBe(1n);
  });

  test.each(Object.keys(spoil))("because it %s is named and removed by fsck, which changes no row", async (name) => {
    await spoil[name]?.();
    const report = await fsck(app, { tenantId: place.tenant.id });
    expect(report.differences).toMatchObject([{ check: "COPIES", subject: place.partner.id, found: "unreadable" }]);
    expect(await admin.hget(key(), "value").catch(() => "spoiled")).toBeNull();
    expect((await fsck(app, { tenantId: place.tenant.id })).differences).toEqual([]);
  });

  test("is repaired by fsck; a spoiled account row is reported and stays as it is", async () => {
    const own = [place.tenant.no, place.partner.no];
    const change = "update account set balance_minor = balance_minor + ? where tenant_no = ? and partner_no = ?";
    await app.database.query(`${change} and account = 'STAKES'`, [7, ...own]);
    await admin.hset(key(), "value", '{"accounts":[["STAKES","USD","-4"]]}');
    for (let run = 0; run < 2; run++) {
      const { differences } = await fsck(app, { tenantId: place.tenant.id });
      expect(differences).toMatchObject([
        { check: "BALANCES", subject: expect.stringMatching(/STAKES USD$/), expected: "-100", found: "-93" },
        ...(run === 0 ? [{ check: "COPIES", found: "1.1, STAKES USD -4" }] : []),
      ]);
    }
    await app.database.query(`${change} and account = 'STAKES'`, [-7, ...own]);
  });
});
