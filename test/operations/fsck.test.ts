import { beforeAll, describe, expect, test, vi } from "vitest";
import { ActType } from "../../src/acts/entities.js";
import { recordActs } from "../../src/acts/service.js";
import { numberActsForAllTenants } from "../../src/events/relay/service.js";
import { postBatches } from "../../src/exchange/posting/service.js";
import { present } from "../../src/kernel/assert.js";
import { balancesOf } from "../../src/ledger/service.js";
import { type FsckReport, fsck } from "../../src/operations/fsck/service.js";
import { transact } from "../../src/platform/database.js";
import { tryLease } from "../../src/platform/lease.js";
import { register } from "../../src/server/commands/fsck.js";
import { settle } from "../../src/settlement/runs/service.js";
import { signCheckpoint } from "../../src/transparency/service.js";
import { activate, openPlace, type Place, type Reported, submit } from "../settlement/place.js";
import { testApp } from "../support/app.js";
import { runCommand } from "../support/commands.js";
import { example } from "../support/contracts.js";
import { seedPartner } from "../support/seeds.js";

const app = await testApp();
let place: Place;

/**
 * Two settled days, a third one open, late items, rollbacks before and after their originals, a second partner, 300
 * acts more.
 */
beforeAll(async () => {
  app.clock.set("2026-03-03T16:00:00.000Z");
  place = await openPlace(app, "2026-03-01T15:00:00.000Z");
  const [first, second, third] = ["2026-03-02T01:00:00.000Z", "2026-03-03T01:00:00.000Z", "2026-03-03T15:30:00.000Z"];
  const dimensions = { brand: "north", round: "7" };
  await send([
    {
      id: "r-1",
      kind: "ROLLBACK",
      reverses: "b-2",
      amount: "3.00",
      product: undefined,
      player: undefined,
      occurredAt: first,
    },
    { id: "b-1", kind: "BET", amount: "100.00", occurredAt: first, ...dimensions },
    { id: "b-2", kind: "BET", amount: "3.00", occurredAt: second, ...dimensions },
    { id: "w-1", kind: "WIN", amount: "40.00", occurredAt: first },
    { id: "f-1", kind: "FEE", category: "PROVIDER", amount: "2.00", occurredAt: second },
    { id: "x-1", kind: "BET", amount: "-1.00", occurredAt: second },
  ]);
  await settle(app, place.shell, { partnerId: place.partner.id, through: new Date("2026-03-02T15:00:00.000Z") });
  await send([
    { id: "b-3", kind: "BET", amount: "7.00", occurredAt: first },
    { id: "r-2", kind: "ROLLBACK", reverses: "b-1", amount: "100.00", product: undefined, occurredAt: third },
    { id: "b-1", kind: "BET", amount: "100.00", occurredAt: first, ...dimensions },
    { id: "r-3", kind: "ROLLBACK", reverses: "never", amount: "1.00", product: undefined, occurredAt: third },
  ]);
  await settle(app, place.shell, { partnerId: place.partner.id, through: new Date("2026-03-03T15:00:00.000Z") });
  await send([{ id: "b-4", kind: "BET", amount: "11.00", occurredAt: third }]);
  const other = await seedPartner(app, place.home, { currencies: ["USD"] });
  await activate(app, { ...place, partner: other.partner }, example("config-daily-12pct"), "2026-03-01T15:00:00.000Z");
  await recordEvidence(3);
  await recordEvidence(290);
  await balancesOf(app, place.partner, null);
});

/** Batches with items that are refused or wait among them. */
async function send(reported: readonly Reported[]): Promise<void> {
  await submit(app, place, reported);
  await postBatches(app, place.partner);
}

async function recordEvidence(count: number): Promise<void> {
  const { partner, shell } = place;
  const acts = Array.from({ length: count }, () => ({
    type: ActType.BATCH_REFUSED,
    subjectId: "x",
    partner,
    after: {},
  }));
  await transact(app, (tx) => recordActs(tx, shell, app.clock.now(), acts));
  const lease = present(await tryLease(app, "relay"), "the lease");
  await numberActsForAllTenants(app, lease);
  await signCheckpoint(app, place.tenant);
}

function check(): Promise<FsckReport> {
  return fsck(app, { tenantId: place.tenant.id });
}

const ZEROED = "hashes = concat(repeat(char(0), 32), substring(hashes, 33))";

/** One bit of one byte, the other way. */
function flipped(column: string): string {
  const byte = `char(ascii(substring(${column}, 31, 1)) ^ 1)`;
  return `${column} = concat(left(${column}, 30), ${byte}, substring(${column}, 32))`;
}

describe("fsck", () => {
  test("finds nothing where everything agrees, and says how much it looked at", async () => {
    const { ok, checked, differences } = await check();
    expect(differences).toEqual([]);
    expect(ok).toBe(true);
    expect(checked).toMatchObject({ tenants: 1, partners: 2, batches: 3, items: 11, transactions: 9, statements: 2 });
    expect(checked).toMatchObject({ checkpoints: 2, entries: 6 });
    expect(checked["acts"]).toBeGreaterThan(300);
  });

  test("looks at every tenant unless told otherwise", async () => {
    const { ok, checked } = await fsck(app);
    expect(ok).toBe(true);
    expect(checked["tenants"]).toBeGreaterThan(1); // the platform's own besides
  });

  test("refuses a tenant that there is not", async () => {
    await expect(fsck(app, { tenantId: "tnt_01h455vb4pex5vsknk084sn02q" })).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
  });

  test.each<Tampering>([
    [
      "ENTRIES",
      /entry 1 USD$/,
      "update entry_line set amount_minor = amount_minor + 1 where {own} and account = 'STAKES'",
    ],
    ["ENTRIES", /entries$/, "update posting_cursor set entry_no = entry_no + 1 where {own} and entry_no > 0"],
    ["ENTRIES", /entries$/, "delete from entry where {own} and no = 2"],
    ["ENTRIES", /first entry$/, "update entry set no = 0 where {own} and no = 1"],
    ["ENTRIES", /lines$/, "update entry_line set entry_no = 99 where {own} and entry_no = 2"],
    ["ENTRIES", /entry 1$/, "update batch set state = 'PARKED' where {own} and posted_count = 4"],
    [
      "BALANCES",
      /STAKES USD$/,
      "update account set balance_minor = balance_minor - 1 where {own} and account = 'STAKES'",
    ],
    ["BALANCES", /version$/, "update account set version = version + 100 where {own} and account = 'STAKES'"],
    ["TOTALS", /FEE PROVIDER USD$/, "update activity_total set count = count + 1 where {own} and kind = 'FEE'"],
    [
      "TOTALS",
      /ROLLBACK_BET/,
      "update activity_total set sum_minor = sum_minor + 1 where {own} and kind = 'ROLLBACK_BET'",
    ],
    ["ACTIVITY", /(FEE_DUE|CLEARING) USD$/, "update activity_total set category = 'TAX' where {own} and kind = 'FEE'"],
    [
      "BATCHES",
      /posted, duplicate, pending, refused$/,
      "update batch set posted_count = 5 where {own} and posted_count = 4",
    ],
    ["STATES", /leaf$/, "update batch set leaf_hash = unhex(sha2('x', 256)) where {own}"],
    ["BATCHES", /payload$/, "update batch set payload_sha256 = unhex(sha2('x', 256)) where {own}"],
    ["BATCHES", /item 0$/, "update transaction set amount_minor = 1101 where {own} and external_id = 'b-4'"],
    ["BATCHES", /item 2$/, "update transaction set batch_no = 99 where {own} and external_id = 'b-2'"],
    ["BATCHES", /item 3$/, "delete from transaction where {own} and external_id = 'w-1'"],
    ["BATCHES", /^bat_\w+$/, `update batch_content set ${flipped("envelope")} where {own}`],
    ["BATCHES", /^bat_\w+$/, `update batch_outcome set ${flipped("outcomes")} where {own}`],
    ["BATCHES", /^bat_\w+$/, "delete from batch_content where {own}"],
    ["STATEMENTS", /closing$/, "update statement set closing_minor = closing_minor + 1 where {own}"],
    [
      "STATEMENTS",
      /^stm_\w+$/,
      "update statement set jws = concat(left(jws, 200), 'AAAA', substring(jws, 205)) where {own}",
    ],
    ["STATEMENTS", /previous$/, "delete from statement where {own} order by ends_at limit 1"],
    ["STATEMENTS", /POSITION USD$/, "update account set account = 'POSITION' where {own} and account = 'FEE_COST'"],
    ["STATEMENTS", /total BET/, "update activity_total set sum_minor = sum_minor + 1 where {own} and kind = 'BET'"],
    [
      "STATEMENTS",
      /period$/,
      "update settlement_period set state = 'CLOSED' where {own} and state = 'STATEMENT_ISSUED'",
    ],
    ["ACTS", /detail$/, "update act set detail = concat(detail, ' ') where {own} and tree_index = 3"],
    ["ACTS", /origin$/, "update act set origin = concat(origin, ' ') where {own} and tree_index = 3"],
    ["ACTS", /leaf$/, "update act set principal_id = 'somebody' where {own} and tree_index = 3"],
    [
      "ACTS",
      /leaf$/,
      "update act set type = 'X', tree_index = null, partner_sequence = null where {own} and tree_index = 290",
    ],
    ["SEQUENCES", /sequence$/, "update act set partner_sequence = 5000 where {own} and tree_index = 20"],
    ["SEQUENCES", /^last sequence of ptn_/, "update act_sequence set last_sequence = last_sequence + 1 where {own}"],
    ["TREE", /index$/, "update act set tree_index = 5000 where {own} and tree_index = 20"],
    ["TREE", /^tile 0.0$/, `update log_tile set ${ZEROED} where {own} and level = 0 and tile_index = 0`],
    ["TREE", /^tile 1.0$/, `update log_tile set ${ZEROED} where {own} and level = 1`],
    ["TREE", /^tile 0.1$/, "delete from log_tile where {own} and level = 0 and tile_index = 1"],
    [
      "TREE",
      /^tiles level 1$/,
      "insert into log_tile select tenant_no, 1, 7, hashes from log_tile where {own} and level = 1",
    ],
    ["TREE", /^size and root$/, "update log_tree set size = size + 1 where {own}"],
    [
      "CHECKPOINTS",
      /^checkpoint \d+$/,
      "update log_checkpoint set root = unhex(sha2('x', 256)) where {own} and size < 100",
    ],
    ["CHECKPOINTS", /note$/, "update log_checkpoint set note = replace(note, 'quittance/', 'quittunce/') where {own}"],
    ["CHECKPOINTS", /^checkpoint 9999$/, "update log_checkpoint set size = 9999 where {own} and size < 100"],
  ])("names %s of %s after %s", async (name, subject, sql) => {
    const found = await tampered(sql);
    expect(found.ok).toBe(false);
    const named = found.differences.filter((difference) => String(difference.check) === name);
    expect(named.map((difference) => difference.subject)).toEqual([expect.stringMatching(subject)]);
    expect(named[0]?.expected).not.toBe(named[0]?.found);
    expect(named[0]?.tenant).toBe(place.tenant.id);
  });

  test("names a transaction that no batch brought", async () => {
    const { differences } = await tampered(
      `insert into transaction select null, tenant_no, partner_no, repeat('x', 16), content_hash, 'stray', kind, state,
         brand_no, product_no, round, player, category, units, amount_minor, currency, occurred_at, reverses, 0, 0, 0,
         batch_no, item from transaction where {own} and external_id = 'b-4'`,
    );
    expect(differences).toMatchObject([{ check: "BATCHES", expected: "9", found: "10" }]);
  });

  test("deletes a wrong copy in Redis, and changes nothing else", async () => {
    await balancesOf(app, place.partner, null);
    const key = `${app.config.redisPrefix}:{t${place.tenant.no}}:balances:${place.partner.no}`;
    const value = present(await app.redis.hget(key, "value"), "a copy");
    await app.redis.hset(key, "value", value.replace(/"-?\d+"/, '"42"'));
    const { ok, differences } = await check();
    expect(ok).toBe(false);
    expect(differences).toMatchObject([{ check: "COPIES", subject: place.partner.id }]);
    expect(await check()).toMatchObject({ ok: true });
  });

  test("finds nothing beside a worker and a relay at work", async () => {
    let isDone = false;
    const working = (async () => {
      for (let each = 0; !isDone; each++) {
        await send([{ id: `live-${each}`, kind: "BET", amount: "1.00", occurredAt: "2026-03-03T15:45:00.000Z" }]);
        await recordEvidence(2);
      }
    })();
    const reports = [await check(), await check(), await check()];
    isDone = true;
    await working;
    expect(reports.flatMap((report) => report.differences)).toEqual([]);
    const [first, , last] = reports;
    expect(last?.checked["batches"]).toBeGreaterThan(first?.checked["batches"] ?? 0);
  });
});

describe("the command", () => {
  const servers = ["--database-url", app.config.databaseUrl, "--redis-url", app.config.redisUrl];

  beforeAll(() => {
    vi.stubEnv("QUITTANCE_MASTER_KEY", app.config.masterKey.toString("base64url"));
    return () => vi.unstubAllEnvs();
  });

  test("prints one JSON document, and exits with 1 when something differs", async () => {
    const { stdout, exitCode } = await runCommand(register, "fsck", "--json", "--tenant", place.tenant.id, ...servers);
    expect(JSON.parse(stdout)).toEqual(await check());
    expect(exitCode).toBe(0);
    await app.database.query("update account set balance_minor = balance_minor + 1 where tenant_no = ?", [
      place.tenant.no,
    ]);
    const wrong = await runCommand(register, "fsck", ...servers);
    await app.database.query("update account set balance_minor = balance_minor - 1 where tenant_no = ?", [
      place.tenant.no,
    ]);
    expect(wrong.exitCode).toBe(1);
    expect(wrong.stdout).toMatch(/^BALANCES tnt_\w+ ptn_\w+ \w+ USD: expected -?\d+, found -?\d+$/m);
  });
});

/** The check that finds it, what it names, and how rows of this tenant's are changed; `{own}` finds them. */
type Tampering = readonly [check: string, subject: RegExp, sql: string];

/** What fsck finds while rows of a table are changed behind its back; they are put back as they were. */
async function tampered(sql: string): Promise<FsckReport> {
  const [, table = ""] = /^(?:update|delete from|insert into) (\w+)/.exec(sql) ?? [];
  const own = table === "statement" ? `tenant_id = '${place.tenant.id}'` : `tenant_no = ${place.tenant.no}`;
  const held: Record<string, unknown>[] = await app.database.query(`select * from ${table} where ${own}`);
  const { affectedRows } = await app.database.query(sql.replace("{own}", own));
  expect(affectedRows).toBeGreaterThan(0);
  try {
    return await check();
  } finally {
    const columns = Object.keys(held[0] ?? {});
    await app.database.query(`delete from ${table} where ${own}`);
    await app.database.query(`insert into ${table} (${columns.join(", ")}) values ?`, [
      held.map((row) => columns.map((column) => row[column])),
    ]);
  }
}
