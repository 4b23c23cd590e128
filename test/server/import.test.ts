import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { demandEncryption } from "../../src/exchange/encryption/service.js";
import type { Scope } from "../../src/kernel/actor.js";
import { register as registerImport } from "../../src/server/commands/import.js";
import { register as registerSubmit } from "../../src/server/commands/submit.js";
import { workerQueues } from "../../src/server/worker-queues.js";
import { activateConfiguration, draftConfiguration } from "../../src/settlement/configurations/service.js";
import { PartnerKind } from "../../src/tenancy/entities.js";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { runCommand } from "../support/commands.js";
import { example } from "../support/contracts.js";
import { seedClient, seedPartner, seedTenant } from "../support/seeds.js";

const app = await testApp();
const api = await testApi(app);
for (const { queue, kinds, concurrency } of workerQueues) app.queues.work(app, queue, kinds, concurrency);

const folder = mkdtempSync(join(tmpdir(), "quittance-import-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const HEADER = "transactionId,kind,product,roundId,player,amount,currency,occurredAt";
const ROWS = [
  "1-B,BET,crash,r1,p1,0.50000000,BTC,2021-11-01T10:00:00.000Z",
  "1-W,WIN,crash,r1,p1,0.25000000,BTC,2021-11-01T10:00:05.000Z",
  "2-B,BET,crash,r2,p2,0.00000001,BTC,2021-11-01T11:00:00.000Z",
  "3-B,BET,crash,r3,p1,1,BTC,2021-11-02T10:00:00.000Z",
  "4-G,BONUS,crash,,p2,0.1,BTC,2021-11-02T11:00:00.000Z",
];
const TOTALS = {
  BET: { BTC: { count: 3, amount: "1.50000001" } },
  BONUS: { BTC: { count: 1, amount: "0.10000000" } },
  WIN: { BTC: { count: 1, amount: "0.25000000" } },
};

test("a file is imported once: again, all of it is duplicates and the totals are the same", async () => {
  const { partner, run } = await importer();
  const file = fileOf("twice.csv", ROWS);
  const first = await run(file, "--batch-size", "2", "--json");
  expect(JSON.parse(first.stdout)).toEqual({ batches: 3, posted: 5, duplicates: 0, refused: 0, totals: TOTALS });
  expect(first).toMatchObject({ exitCode: 0, stderr: "" });
  const booked = await bookedOf(partner.no);
  const again = await run(file, "--batch-size", "3", "--json");
  expect(JSON.parse(again.stdout)).toEqual({ batches: 2, posted: 0, duplicates: 5, refused: 0, totals: TOTALS });
  expect(again.exitCode).toBe(0);
  expect(await bookedOf(partner.no)).toEqual(booked);
  expect(booked).toHaveLength(3);
});

test("a partner whose batches are taken encrypted only imports with --encrypt, and no rows twice", async () => {
  const { partner, run, tenant } = await importer();
  const file = fileOf("encrypted.csv", ROWS);
  await run(file, "--batch-size", "3", "--json");
  await demandEncryption(app, tenant.actor, { partner, encryptedOnly: true });
  await expect(run(file, "--batch-size", "2", "--json")).rejects.toMatchObject({ code: "ENCRYPTION_REQUIRED" });
  const { stdout, exitCode } = await run(file, "--batch-size", "2", "--encrypt", "--json");
  expect(JSON.parse(stdout)).toEqual({ batches: 3, posted: 0, duplicates: 5, refused: 0, totals: TOTALS });
  expect(exitCode).toBe(0);
  const query = "select no from batch where tenant_no = ? and encryption_kid is not null";
  expect(await app.database.query(query, [partner.tenantNo])).toHaveLength(3);
});

test("a gzipped file is known by its first bytes, and people are shown a table", async () => {
  const { run } = await importer();
  const file = join(folder, "zipped.csv");
  writeFileSync(file, gzipSync(`${[HEADER, ...ROWS].join("\n")}\n`));
  const { stdout, exitCode } = await run(file);
  expect(exitCode).toBe(0);
  expect(stdout).toContain("1 batch: 5 posted, 0 duplicates, 0 refused.");
  expect(stdout).toMatch(/BET +3 +1\.50000001 BTC/);
});

test("a row that cannot be one stops the import by its line, before anything of its batch is sent", async () => {
  const { partner, run } = await importer();
  const file = fileOf("bad.csv", [...ROWS.slice(0, 3), "x,BET,crash,,,nothing,BTC,2021-11-01T10:00:00.000Z"]);
  await expect(run(file, "--batch-size", "2", "--json")).rejects.toThrow("line 5: amount must be a plain decimal.");
  expect(await batchesOf(partner.no)).toBe(1);
  await expect(run(file, "--batch-size", "10", "--json")).rejects.toThrow("line 5");
  expect(await batchesOf(partner.no)).toBe(1);
});

test("what the server refuses is named by line, counts in no total, and fails the command", async () => {
  const { run } = await importer();
  const other = "1-B,BET,crash,r1,p1,0.60000000,BTC,2021-11-01T10:00:00.000Z";
  const early = "0-B,BET,crash,r0,p1,1,BTC,2019-11-01T10:00:00.000Z";
  const file = fileOf("refused.csv", [...ROWS, early, other, ROWS[0] ?? ""]);
  const { stdout, stderr, exitCode } = await run(file, "--json");
  const { totals, ...counts } = JSON.parse(stdout);
  expect(counts).toEqual({ batches: 1, posted: 5, duplicates: 1, refused: 2 });
  expect(totals).toEqual({ ...TOTALS, BET: { BTC: { count: 4, amount: "2.00000001" } } });
  expect(stderr).toBe("line 7: PERIOD_UNKNOWN\nline 8: DUPLICATE_MISMATCH");
  expect(exitCode).toBe(1);
});

test("a rollback in the batch after its original's never overtakes it", async () => {
  const { run } = await importer();
  const header = `${HEADER},reverses`;
  const bets = Array.from({ length: 8 }, (_, i) => `${i}-B,BET,crash,,,1,BTC,2021-11-01T10:00:00.000Z,`);
  const undone = bets.map((_, i) => `${i}-R,ROLLBACK,crash,,,1,BTC,2021-11-01T10:01:00.000Z,${i}-B`);
  const file = join(folder, "rollbacks.csv");
  writeFileSync(file, [header, ...bets.flatMap((bet, i) => [bet, undone[i]])].join("\n"));
  const { stdout } = await run(file, "--batch-size", "1", "--json");
  expect(JSON.parse(stdout)).toMatchObject({ batches: 16, posted: 16, duplicates: 0, refused: 0 });
  expect(JSON.parse(stdout)).not.toHaveProperty("pending");
});

test("a client that may only submit imports too; what was refused it cannot be told", async () => {
  const { run } = await importer({ scopes: ["batches:submit"] });
  const file = fileOf("blind.csv", ROWS);
  const { stdout } = await run(file, "--json");
  expect(JSON.parse(stdout)).toMatchObject({ posted: 5, totals: TOTALS });
  const refused = fileOf("blind-refused.csv", ["0-B,BET,crash,r0,p1,1,BTC,2019-11-01T10:00:00.000Z"]);
  await expect(run(refused, "--json")).rejects.toThrow("the client needs batches:read");
});

test("the tenant imports for an affiliate, and must name it", async () => {
  const { tenant, partner } = await importer({ kind: PartnerKind.AFFILIATE });
  const admin = await seedClient(app, tenant.actor, null);
  const access = await accessOf(admin);
  const file = fileOf(
    "tenant.csv",
    ["a1,ACQUISITION,,,p1,,BTC,2021-11-01T10:00:00.000Z"].map((row) => `${row},1`),
    `${HEADER},units`,
  );
  await expect(runCommand(registerImport, "import", file, ...access)).rejects.toThrow("name the partner with --for");
  const { stdout } = await runCommand(registerImport, "import", file, ...access, "--for", partner.id, "--json");
  const totals = { ACQUISITION: { BTC: { count: 1, amount: "0.00000000" } } };
  expect(JSON.parse(stdout)).toEqual({ batches: 1, posted: 1, duplicates: 0, refused: 0, totals });
});

test("a file that is empty, or no text, is refused in a sentence", async () => {
  const { run } = await importer();
  const empty = join(folder, "empty.csv");
  writeFileSync(empty, "");
  await expect(run(empty)).rejects.toThrow("line 1: the header is missing.");
  const binary = join(folder, "binary.csv");
  writeFileSync(binary, Buffer.from([0x61, 0xff, 0xfe, 0x0a]));
  await expect(run(binary)).rejects.toThrow("not text in UTF-8");
  const cut = join(folder, "cut.csv.gz");
  writeFileSync(cut, gzipSync(`${[HEADER, ...ROWS].join("\n")}\n`).subarray(0, 60));
  await expect(run(cut)).rejects.toThrow("unexpected end of file");
  await expect(run(empty, "--batch-size", "0")).rejects.toThrow("A batch has 1 to 10000 rows.");
});

test("a payload is signed and submitted: what it leaves out is filled in, a signed file is sent as it is", async () => {
  const { partner, access, key, submit } = await importer();
  const [id, kind, product] = ["s-1", "BET", "crash"];
  const transaction = { id, kind, product, amount: "1", currency: "BTC", occurredAt: "2021-11-01T10:00:00.000Z" };
  const payload = join(folder, "payload.json");
  writeFileSync(payload, JSON.stringify({ jti: "by-hand", transactions: [transaction] }));
  const { stdout, exitCode } = await submit(payload, "--json");
  expect(JSON.parse(stdout)).toMatchObject({
    batch: { state: "POSTED", postedCount: 1 },
    replayed: false,
    refusals: [],
  });
  expect(exitCode).toBe(0);

  const whole = join(folder, "whole.json");
  const claims = { iss: partner.id, aud: partner.tenantId, jti: "by-hand-2" };
  writeFileSync(whole, JSON.stringify({ ...claims, transactions: [{ ...transaction, amount: "2" }] }));
  const signed = await runCommand(registerSubmit, "sign", whole, "--key", key);
  const file = join(folder, "signed.jws");
  writeFileSync(file, `${signed.stdout}\n`);
  const refused = await runCommand(registerSubmit, "submit", file, ...access, "--json");
  const refusal = { index: 0, outcome: "DUPLICATE_MISMATCH", code: null, path: null };
  expect(JSON.parse(refused.stdout)).toMatchObject({ replayed: false, refusals: [refusal] });
  expect(refused.exitCode).toBe(1);
  const replayed = await runCommand(registerSubmit, "submit", file, ...access, "--json");
  expect(JSON.parse(replayed.stdout)).toEqual({ ...JSON.parse(refused.stdout), replayed: true });
  const shown = await runCommand(registerSubmit, "submit", file, ...access);
  expect(shown.stdout).toContain("is posted (it was accepted before): 0 posted, 1 duplicates");
  expect(shown.stderr).toBe("item 0: DUPLICATE_MISMATCH");
});

interface Wishes {
  readonly scopes?: readonly Scope[];
  readonly kind?: PartnerKind;
}

/** A partner that is settled daily since 2021, its client's key in a file, and the commands on its behalf. */
async function importer({ scopes, kind = PartnerKind.GAME_PROVIDER }: Wishes = {}) {
  const tenant = await seedTenant(app);
  const seeded = await seedPartner(app, tenant, { kind, ...(scopes === undefined ? {} : { scopes }) });
  const { partner } = seeded;
  const document = example("config-daily-12pct");
  const draft = await draftConfiguration(app, tenant.actor, { partnerId: partner.id, document });
  const effectiveFrom = new Date("2021-10-30T15:00:00.000Z");
  await activateConfiguration(app, tenant.actor, { configurationId: draft.id, effectiveFrom });
  const access = await accessOf(seeded);
  return {
    ...{ tenant, partner, access, key: access.at(-1) ?? "" },
    run: (...args: string[]) => runCommand(registerImport, "import", ...args, ...access),
    submit: (...args: string[]) => runCommand(registerSubmit, "submit", ...args, ...access),
  };
}

/** The options that say where the API is and who calls it. */
async function accessOf({ client, key }: Awaited<ReturnType<typeof seedClient>>): Promise<string[]> {
  const file = join(folder, `${client.id}.json`);
  const { kid, alg, privateKey } = key;
  writeFileSync(file, JSON.stringify({ ...privateKey.export({ format: "jwk" }), kid, alg }));
  return ["--url", api.url, "--client", client.id, "--key", file];
}

function fileOf(name: string, rows: readonly string[], header = HEADER): string {
  const file = join(folder, name);
  writeFileSync(file, `${[header, ...rows].join("\n")}\n`);
  return file;
}

function bookedOf(partnerNo: number): Promise<unknown[]> {
  return app.database.query(
    `select kind, currency, sum(count) as count, sum(sum_minor) as sum from activity_total where partner_no = ?
     group by kind, currency order by kind`,
    [partnerNo],
  );
}

async function batchesOf(partnerNo: number): Promise<number> {
  const [{ count }] = await app.database.query("select count(*) as count from batch where partner_no = ?", [partnerNo]);
  return Number(count);
}
