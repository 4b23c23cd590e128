import type { QueryRunner } from "typeorm";
import { beforeEach, describe, expect, test } from "vitest";
import { AccountName, EntryKind } from "../../src/ledger/entities.js";
import { balancesAt } from "../../src/ledger/history/service.js";
import {
  announceChange,
  balanceOf,
  balancesOf,
  dropWrongCopy,
  type NewEntry,
  post,
  publishBalances,
} from "../../src/ledger/service.js";
import { holdCursor } from "../../src/periods/cursors/service.js";
import { transact } from "../../src/platform/database.js";
import { testApp } from "../support/app.js";
import { bet, type Exchange, NOW, openExchange, post as postAll, send, submit } from "../support/batches.js";
import { loseRedis } from "../support/redis.js";

const app = await testApp();
const other = await testApp({ clock: app.clock, config: { redisPrefix: app.config.redisPrefix } });
/** A process that cannot reach Redis. */
const cutOff = await testApp({ clock: app.clock, config: { redisUrl: "redis://127.0.0.1:1" } });
let place: Exchange;

beforeEach(async () => {
  place = await openExchange(app);
});

/** An entry that moves so much from the clearing to the stakes. */
function entry(amountMinor: bigint): NewEntry {
  const lines = [
    { account: AccountName.CLEARING, currency: "USD", amountMinor },
    { account: AccountName.STAKES, currency: "USD", amountMinor: -amountMinor },
  ];
  return { kind: EntryKind.POSTING, periodNo: 1, batchNo: "1", statementId: null, recordedAt: app.clock.now(), lines };
}

/** Appends entries; the copy is marked before and published after, as every writer does, unless told otherwise. */
async function append(entries: readonly NewEntry[], { publishes = true, before = async () => undefined } = {}) {
  const mark = await announceChange(app, place.partner);
  const version = await transact(app, async (tx) => {
    const cursor = await holdCursor(tx, place.partner);
    const last = await post(tx, place.partner, cursor, entries);
    await before();
    return last;
  });
  if (publishes) await publishBalances(app, place.partner, mark);
  return version;
}

async function stakes(reader = app, atLeast: bigint | null = null): Promise<bigint | undefined> {
  const { accounts } = await balancesOf(reader, place.partner, atLeast);
  return accounts.find(({ account }) => account === AccountName.STAKES)?.balanceMinor;
}

function copyKey(): string {
  return `${app.config.redisPrefix}:{t${place.tenant.no}}:balances:${place.partner.no}`;
}

/** A connection that its borrower does not give back. */
function borrowed(runner: QueryRunner): QueryRunner {
  return new Proxy(runner, {
    get: (target, name) => {
      if (name === "release") return () => Promise.resolve();
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

describe("entries", () => {
  test("are numbered from 1 without a gap, and the last number is the version of the balances", async () => {
    expect(await append([entry(5n), entry(7n)])).toBe(2n);
    expect(await append([])).toBe(2n);
    expect(await append([entry(1n)])).toBe(3n);
    const rows: { no: string }[] = await app.database.query("select no from entry where tenant_no = ? order by no", [
      place.tenant.no,
    ]);
    expect(rows.map(({ no }) => no)).toEqual(["1", "2", "3"]);
    const { version, accounts } = await balancesOf(app, place.partner, null);
    expect(version).toBe(3n);
    expect(accounts).toEqual([
      { account: "CLEARING", currency: "USD", balanceMinor: 13n },
      { account: "STAKES", currency: "USD", balanceMinor: -13n },
    ]);
    expect(await balanceOf(app.database.manager, place.partner, AccountName.STAKES, "USD")).toBe(-13n);
    expect(await balanceOf(app.database.manager, place.partner, AccountName.POSITION, "USD")).toBe(0n);
  });

  test("that do not balance are a bug, and nothing is written", async () => {
    const crooked = { ...entry(5n), lines: entry(5n).lines.slice(1) };
    await expect(append([entry(1n), crooked])).rejects.toThrow("sums to zero");
    expect(await balancesOf(app, place.partner, null)).toEqual(expect.objectContaining({ version: 0n, accounts: [] }));
  });

  test("that cancel out leave every account that they moved, at zero", async () => {
    await append([entry(5n), entry(-5n)]);
    const { accounts } = await balancesOf(app, place.partner, null);
    expect(accounts.map(({ account, balanceMinor }) => [account, balanceMinor])).toEqual([
      ["CLEARING", 0n],
      ["STAKES", 0n],
    ]);
  });

  test("hold sums beyond what a number holds exactly", async () => {
    const huge = 10n ** 18n - 1n;
    for (let each = 0; each < 3; each++) await append([entry(huge), entry(huge)]);
    expect(await stakes()).toBe(-6n * huge);
  });

  test("sum to zero in the tenant's every currency at every read while batches are posted", async () => {
    for (let each = 0; each < 10; each++) {
      const items = [bet({ amount: `${each}.01` }), bet({ kind: "WIN", currency: "BTC", amount: "0.00000003" })];
      await submit(app, place, { transactions: items });
    }
    let isPosting = true;
    const posting = postAll(other, place).finally(() => (isPosting = false));
    let reads = 0;
    while (isPosting) {
      const sums: { total: string }[] = await app.database.query(
        `select sum(amount_minor) as total from entry_line where tenant_no = ? group by currency
         union all select sum(balance_minor) from account where tenant_no = ? group by currency`,
        [place.tenant.no, place.tenant.no],
      );
      expect(sums.filter(({ total }) => total !== "0")).toEqual([]);
      reads += 1;
    }
    await posting;
    expect(reads).toBeGreaterThan(0);
    expect(await stakes()).toBe(-4_510n);
  });
});

describe("hot balances", () => {
  test("are copies of what is committed, for whoever reads", async () => {
    await append([entry(5n)]);
    expect(await app.redis.hget(copyKey(), "version")).toBe("1");
    await app.database.query("update account set balance_minor = 0 where tenant_no = ?", [place.tenant.no]); // not read
    expect(await stakes(other)).toBe(-5n);
    expect(await app.redis.ttl(copyKey())).toBeGreaterThan(0);
    expect(await app.redis.ttl(copyKey())).toBeLessThanOrEqual(60);
  });

  test("are right after Redis lost everything", async () => {
    await append([entry(5n)]);
    await loseRedis(app);
    expect(await stakes()).toBe(-5n);
    expect(await app.redis.hget(copyKey(), "version")).toBe("1"); // put there again
  });

  test("are read from the database while somebody changes them, and when Redis is away", async () => {
    await append([entry(5n)]);
    const before = async () => {
      expect(await stakes(other)).toBe(-5n);
      return undefined;
    };
    await append([entry(6n)], { before });
    expect(await stakes(other)).toBe(-11n);
    expect(await stakes(cutOff)).toBe(-11n);
  });

  test("are not trusted while a dead writer's mark is there, and are again when it has outlived its time", async () => {
    await append([entry(5n)]);
    await append([entry(6n)], { publishes: false }); // died after its commit
    expect(await stakes()).toBe(-11n);
    const [mark = ""] = (await app.redis.hkeys(copyKey())).filter((field) => field.startsWith("mark:"));
    expect(mark).not.toBe("");
    await app.redis.hset(copyKey(), mark, Math.floor(Date.now() / 1000) - 61);
    expect(await stakes()).toBe(-11n);
    expect(await app.redis.hexists(copyKey(), mark)).toBe(0);
  });

  test("stay marked by one writer when another, who changed nothing, is done", async () => {
    await append([entry(5n)]);
    const before = async () => {
      const mark = await announceChange(other, place.partner);
      await publishBalances(other, place.partner, mark); // it could not take the cursor
      const fields = await app.redis.hkeys(copyKey());
      expect(fields.filter((field) => field.startsWith("mark:"))).toHaveLength(1);
      return undefined;
    };
    await append([entry(6n)], { before, publishes: false });
    expect(await stakes()).toBe(-11n);
  });

  test("are never replaced by older ones: by version, and by epoch before it", async () => {
    await append([entry(5n)]);
    await app.redis.hset(copyKey(), { version: "10", value: '{"accounts":[["STAKES","USD","-10"]]}' });
    await publishBalances(app, place.partner, await announceChange(app, place.partner));
    expect(await stakes()).toBe(-10n); // version 1 is older than 10
    await app.database.query("update tenant set ledger_epoch = 2 where no = ?", [place.tenant.no]);
    await publishBalances(app, place.partner, await announceChange(app, place.partner));
    expect(await stakes()).toBe(-5n);
  });

  test("that another release wrote in its own way are not read", async () => {
    await append([entry(5n)]);
    await app.redis.hset(copyKey(), "value", '{"accounts":[["NEW_ACCOUNT","USD","1"]]}');
    expect(await stakes()).toBe(-5n);
  });

  test("that are wrong are dropped; right, older and absent ones are not", async () => {
    expect(await dropWrongCopy(app, place.partner)).toBeNull();
    await append([entry(5n)]);
    expect(await dropWrongCopy(app, place.partner)).toBeNull();
    await app.redis.hset(copyKey(), "value", '{"accounts":[["STAKES","USD","-4"]]}');
    const wrong = { expected: "1.1, CLEARING USD 5, STAKES USD -5", found: "1.1, STAKES USD -4" };
    expect(await dropWrongCopy(app, place.partner)).toEqual(wrong);
    expect(await app.redis.exists(copyKey())).toBe(0);
  });
});

describe("balances that are asked for", () => {
  test("at least at a version are read from the database where the copy is older", async () => {
    await append([entry(5n)]);
    const old = await app.redis.hgetall(copyKey());
    const version = await append([entry(6n)]);
    await app.redis.del(copyKey());
    await app.redis.hset(copyKey(), old);
    expect(await stakes(app, version)).toBe(-11n);
    expect(await stakes()).toBe(-11n); // and the copy is new again
  });

  test("at least at a version that there is not are refused", async () => {
    await append([entry(5n)]);
    await expect(balancesOf(app, place.partner, 2n)).rejects.toMatchObject({
      code: "VALIDATION",
      details: { path: "/atLeast" },
    });
  });

  test("at a past instant are the sums of what was recorded up to it", async () => {
    await send(app, place, [bet({ amount: "1.00" })]);
    app.clock.set("2026-03-10T13:00:00.000Z");
    await send(app, place, [bet({ amount: "2.00" })]);
    const at = async (instant: string) => {
      const { version, accounts } = await balancesAt(app, place.partner, new Date(instant));
      return [version, accounts.find(({ account }) => account === AccountName.STAKES)?.balanceMinor];
    };
    expect(await at("2026-03-10T11:00:00.000Z")).toEqual([0n, undefined]);
    expect(await at("2026-03-10T12:59:59.000Z")).toEqual([1n, -100n]);
    app.clock.set("2026-03-10T14:00:00.000Z");
    expect(await at("2026-03-10T14:00:00.000Z")).toEqual([2n, -300n]);
    expect(new Date(NOW).getTime()).toBeLessThan(app.clock.now().getTime());
  });

  test("at an instant to come are refused", async () => {
    const tomorrow = new Date(app.clock.now().getTime() + 86_400_000);
    await expect(balancesAt(app, place.partner, tomorrow)).rejects.toMatchObject({
      code: "VALIDATION",
      details: { path: "/at" },
    });
  });

  test("at any instant are what the entries up to then add up to, wherever it lies", async () => {
    const start = Date.parse("2026-03-01T00:00:00.000Z");
    const [seconds, amounts]: [number[], bigint[]] = [[], []];
    for (let second = 0; seconds.length < 400; second += seconds.length % 7 === 0 ? 3 : seconds.length % 2) {
      seconds.push(second);
      amounts.push(BigInt(seconds.length));
    }
    await append(
      amounts.map((amount, index) => ({
        ...entry(amount),
        recordedAt: new Date(start + (seconds[index] ?? 0) * 1_000),
        lines: [
          { account: AccountName.CLEARING, currency: index < 300 ? "USD" : "BTC", amountMinor: amount },
          { account: AccountName.STAKES, currency: index < 300 ? "USD" : "BTC", amountMinor: -amount },
        ],
      })),
    );
    const last = seconds.at(-1) ?? 0;
    for (let second = -1; second <= last + 1; second++) {
      const count = seconds.filter((each) => each <= second).length;
      const total = (from: number, to: number) => amounts.slice(from, to).reduce((sum, amount) => sum + amount, 0n);
      const [usd, btc] = [total(0, Math.min(count, 300)), total(300, count)];
      const { version, accounts } = await balancesAt(app, place.partner, new Date(start + second * 1_000));
      const clearing = accounts.filter(({ account }) => account === AccountName.CLEARING);
      expect([second, version]).toEqual([second, BigInt(count)]);
      expect(Object.fromEntries(clearing.map(({ currency, balanceMinor }) => [currency, balanceMinor]))).toEqual({
        ...(usd === 0n ? {} : { USD: usd }),
        ...(btc === 0n ? {} : { BTC: btc }),
      });
    }
  });

  test("at a past instant do not read the entries of years to find it", async () => {
    const day = 86_400_000;
    const start = Date.parse("2021-01-01T00:00:00.000Z");
    const years = Array.from({ length: 1_500 }, (_, index) => ({
      ...entry(1n),
      recordedAt: new Date(start + index * day),
    }));
    await append(years);
    const read = async (instant: number) => {
      const runner = app.database.createQueryRunner();
      try {
        await runner.query("flush status");
        const own = { ...app, database: { createQueryRunner: () => borrowed(runner) } } as unknown as typeof app;
        await balancesAt(own, place.partner, new Date(instant));
        const rows: { Value: string }[] = await runner.query("show session status like 'Handler_read_%'");
        return rows.reduce((sum, { Value }) => sum + Number(Value), 0);
      } finally {
        await runner.release();
      }
    };
    expect(await read(start + 1_495 * day)).toBeLessThan(700); // of 1,500 entries and 3,000 lines
    expect(await read(start + 5 * day)).toBeLessThan(700);
  });

  test("keep their order where a clock is set back: an entry is never recorded before the one ahead", async () => {
    await append([entry(1n)]);
    app.clock.advance(-60_000);
    await append([entry(2n)]);
    const rows: { recorded_at: Date }[] = await app.database.query(
      "select recorded_at from entry where tenant_no = ? and partner_no = ? order by no",
      [place.tenant.no, place.partner.no],
    );
    expect(rows[1]?.recorded_at).toEqual(rows[0]?.recorded_at);
  });
});
