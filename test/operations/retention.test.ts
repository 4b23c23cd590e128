import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CompactSign } from "jose";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { numberActsForAllTenants } from "../../src/events/relay/service.js";
import { commitmentLeaf } from "../../src/exchange/commitments/rules.js";
import { outcomesOf, packOutcomes } from "../../src/exchange/contents/service.js";
import { type Batch, BatchState } from "../../src/exchange/entities.js";
import type { PostedExtract } from "../../src/exchange/extracts/service.js";
import { unpackEnvelope } from "../../src/exchange/packing.js";
import { ItemOutcome } from "../../src/exchange/posting/rules.js";
import { postBatches } from "../../src/exchange/posting/service.js";
import { submitBatch } from "../../src/exchange/submission/service.js";
import { present } from "../../src/kernel/assert.js";
import { leafHash, sha256Hex } from "../../src/kernel/digest.js";
import { balancesOf } from "../../src/ledger/service.js";
import { readExport } from "../../src/operations/exports/service.js";
import { fsck } from "../../src/operations/fsck/service.js";
import { type RetainReport, retain } from "../../src/operations/retaining/service.js";
import { RetentionKind } from "../../src/operations/retention/entities.js";
import { approveChange, proposeChange } from "../../src/operations/retention/service.js";
import { tryLease } from "../../src/platform/lease.js";
import { register as registerVerify } from "../../src/server/commands/verify.js";
import { createPayoutFile } from "../../src/settlement/payout-files/service.js";
import { PayoutState } from "../../src/settlement/payouts/entities.js";
import { markPayoutPaid, payoutsOf } from "../../src/settlement/payouts/service.js";
import { planAheadForAllTenants } from "../../src/settlement/planning/service.js";
import { settle } from "../../src/settlement/runs/service.js";
import { logSigner } from "../../src/transparency/keys/service.js";
import { formatProofFile, parseProofFile } from "../../src/transparency/proofs/rules.js";
import { readPolicy } from "../../src/transparency/proofs/service.js";
import { signCheckpoint } from "../../src/transparency/service.js";
import { EUROS, openPaid, release } from "../settlement/payout-place.js";
import { type Place, type Reported, submit } from "../settlement/place.js";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { runCommand } from "../support/commands.js";
import { seedClient } from "../support/seeds.js";
import { SqlFaults } from "../support/sql-faults.js";

const faults = new SqlFaults();
const app = await testApp({ sqlLogger: faults });
const api = await testApi(app);
const [FIRST, SECOND] = ["2026-03-02T01:00:00.000Z", "2026-03-03T01:00:00.000Z"];
const [FIRST_END, SECOND_END] = ["2026-03-02T15:00:00.000Z", "2026-03-03T15:00:00.000Z"];
const LATER = "2026-08-01T00:00:00.000Z";
let place: Place;
let to: string;
/** Of each batch by its name, the bytes that were sent. */
const sent = new Map<string, string>();
const batches = new Map<string, Batch>();
let firstStatement = "";

const item = (id: string, kind: string, amount: string, occurredAt: string, more = {}): Reported => ({
  ...{ id, kind, amount, occurredAt, currency: "EUR" },
  ...more,
});
const rollback = (id: string, reverses: string, amount: string, occurredAt: string) =>
  item(id, "ROLLBACK", amount, occurredAt, { reverses, player: undefined, product: undefined });

/** A first day that is paid, whose batches wait or are reversed later in part; a second one that is not paid. */
beforeAll(async () => {
  place = await openPaid(app, "2026-03-01T15:00:00.000Z");
  to = await mkdtemp(join(tmpdir(), "quittance-retention-"));
  app.clock.set(FIRST);
  await send("whole", [
    item("j-1", "JACKPOT_CONTRIBUTION", "100.00", FIRST),
    item("b-1", "BET", "10.00", FIRST, { brand: "north" }),
    rollback("r-1", "b-1", "10.00", FIRST),
    item("x-1", "BET", "-1.00", FIRST),
  ]);
  await send("waiting", [rollback("r-2", "never", "1.00", FIRST)]);
  await send("reversed later", [item("b-2", "BET", "3.00", FIRST), item("w-2", "WIN", "3.00", FIRST)]);
  await send("nothing new", [item("b-1", "BET", "10.00", FIRST, { brand: "north" })]);
  firstStatement = await settleDay(FIRST_END);
  await release(app, place, firstStatement);
  await createPayoutFile(app, place.shell, EUROS);
  const filter = { partner: null, fileId: null, statementId: null, state: null, endToEndId: null };
  for (const { id } of (await payoutsOf(app, place.shell, filter, {})).rows) {
    await markPayoutPaid(app, place.shell, { payoutId: id, amount: null, note: null });
  }
  app.clock.set(SECOND);
  await send("second day", [
    item("j-2", "JACKPOT_CONTRIBUTION", "50.00", SECOND),
    rollback("r-3", "b-2", "3.00", SECOND),
  ]);
  await release(app, place, await settleDay(SECOND_END));
  await number();
});

afterAll(() => rm(to, { recursive: true }));

async function send(name: string, reported: readonly Reported[]): Promise<Batch> {
  const batch = await submit(app, place, reported);
  await postBatches(app, place.partner);
  const [{ envelope }] = await app.database.query(
    "select envelope from batch_content where tenant_no = ? and batch_no = ?",
    [place.tenant.no, batch.no],
  );
  sent.set(name, unpackEnvelope(envelope));
  batches.set(name, batch);
  return batch;
}

async function settleDay(end: string): Promise<string> {
  app.clock.set(end);
  const rows = await settle(app, place.shell, { partnerId: place.partner.id, through: new Date(end) });
  return present(rows.at(-1), "a statement").statementId;
}

async function number(): Promise<void> {
  await numberActsForAllTenants(app, present(await tryLease(app, "relay"), "the lease"));
  await signCheckpoint(app, place.tenant);
}

const run = (isDry = false, folder = to) => retain(app, place.tenant, { to: folder, isDry });

/** Two runs that both have written their files before either removes anything. */
async function runTwice(): Promise<RetainReport[]> {
  const runner = app.database.createQueryRunner();
  try {
    await runner.startTransaction();
    await runner.query("select 1 from posting_cursor where tenant_no = ? for update", [place.tenant.no]);
    const reports = Promise.all([run(), run()]);
    const waiting = async () => {
      const [row] = await app.database.query(
        `select count(*) as n from information_schema.processlist
         where db = database() and info like '%posting_cursor%for update%' and info not like '%processlist%'`,
      );
      return Number(row.n);
    };
    await vi.waitUntil(async () => (await waiting()) === 2, { timeout: 20_000 });
    await runner.commitTransaction();
    return await reports;
  } finally {
    if (runner.isTransactionActive) await runner.rollbackTransaction();
    await runner.release();
  }
}

const check = async () => (await fsck(app, { tenantId: place.tenant.id })).differences;
const named = (name: string) => present(batches.get(name), "a batch that was sent");

async function kept(): Promise<string[]> {
  const rows: { no: string }[] = await app.database.query(
    "select batch_no as no from batch_content where tenant_no = ?",
    [place.tenant.no],
  );
  const numbers = new Set(rows.map(({ no }) => String(no)));
  return [...batches].filter(([, { no }]) => numbers.has(String(no))).map(([name]) => name);
}

async function outcomes(batch: Batch): Promise<string[]> {
  const found = await outcomesOf(app.database.manager, batch.tenantNo, batch.no);
  return present(found, "outcomes").map(({ outcome, code }) => (code === undefined ? outcome : `${outcome} ${code}`));
}

async function ask(query: string) {
  const { data, errors } = await api.ask({ query, token: await place.token() });
  return { data, codes: (errors ?? []).map(({ extensions }) => extensions["code"]) };
}

async function logKey(): Promise<string> {
  return (await logSigner(app, place.shell)).verifierKey;
}

async function jwks(): Promise<{ keys: object[] }> {
  return (await fetch(`${api.url}/.well-known/jwks.json`)).json() as Promise<{ keys: object[] }>;
}

async function exported(): Promise<{ path: string; lines: string[] }[]> {
  const names = (await readdir(to, { recursive: true })).filter((name) => name.endsWith(".ndjson")).toSorted();
  const read = async (name: string) => (await readFile(join(to, name), "utf8")).trimEnd().split("\n");
  return Promise.all(names.map(async (name) => ({ path: join(to, name), lines: await read(name) })));
}

describe("before anything leaves", () => {
  test("two people have to agree on the days, and nothing happens until they have", async () => {
    app.clock.set(LATER);
    expect(await run()).toMatchObject({ itemDays: null, batches: 0, files: 0 });
    const [one, two] = [await seedClient(app, place.shell, null), await seedClient(app, place.shell, null)];
    const proposal = { kind: RetentionKind.RETENTION, itemDays: 120, originDays: null, reason: "Our policy." };
    const { id } = await proposeChange(app, one.actor, proposal);
    expect(await run()).toMatchObject({ itemDays: null, batches: 0 });
    await expect(approveChange(app, one.actor, id)).rejects.toMatchObject({ code: "FORBIDDEN" });
    expect(await approveChange(app, two.actor, id)).toMatchObject({ state: "ACTIVE", decidedBy: two.client.id });
    await expect(approveChange(app, two.actor, id)).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
    app.clock.set("2026-06-01T00:00:00.000Z");
    expect(await run(true)).toMatchObject({ batches: 0, held: {} });
    app.clock.set(LATER);
  });

  test("a dry run names what would leave, and why the rest is held back", async () => {
    const held = { NOT_PAID: 1, WAITING_ROLLBACK: 1, REVERSED_LATER: 1 };
    expect(await run(true)).toMatchObject({ batches: 2, transactions: 3, files: 0, held });
    expect(await kept()).toHaveLength(5);
    expect(await exported()).toEqual([]);
  });

  test("an export that cannot be written removes nothing, nor does a run that dies before its commit", async () => {
    const file = join(to, "file");
    await writeFile(file, "");
    await expect(run(false, file)).rejects.toThrow(/ENOTDIR|EEXIST/);
    for (const statement of ["insert into taken_id", "delete from batch_content", "insert into act"]) {
      faults.fail(statement, { errno: 1114, sqlState: "HY000" });
      await expect(run()).rejects.toThrow("injected");
      expect(await kept()).toHaveLength(5);
      expect(await check()).toEqual([]);
    }
    expect(faults.struck()).toBe(3);
    const [rows] = await app.database.query("select count(*) as taken from taken_id where tenant_no = ?", [
      place.tenant.no,
    ]);
    expect(Number(rows.taken)).toBe(0);
  });
});

describe("after the old day has left", () => {
  let before: unknown;
  let proofs: unknown;
  let receipt: string;
  let report: RetainReport;

  beforeAll(async () => {
    app.clock.set(LATER);
    await planAheadForAllTenants(app);
    before = await balancesOf(app, place.partner, null);
    const { id } = named("whole");
    const { data } = await ask(`{ batch(id: "${id}") { receipt periodProofs { leaf index size hashes root } } }`);
    ({ receipt, periodProofs: proofs } = data.batch);
    report = await run();
  });

  test("a file holds it, and the report says how much it was", async () => {
    expect(report).toMatchObject({ batches: 2, transactions: 3, files: 1 });
    expect((await exported()).map(({ lines }) => lines.length)).toEqual([3]); // its statement, besides
  });

  test("it is gone: envelopes, transactions and names; what was held back is there", async () => {
    expect(await kept()).toEqual(["waiting", "reversed later", "second day"]);
    const left: { id: string }[] = await app.database.query(
      "select external_id as id from transaction where tenant_no = ? order by no",
      [place.tenant.no],
    );
    expect(left.map(({ id }) => id)).toEqual(["r-2", "b-2", "w-2", "j-2", "r-3"]);
    const rows = await app.database.query(
      `select jti, detail from batch
       join act on act.tenant_no = batch.tenant_no and act.subject_id = batch.id and act.type = 'BATCH_ACCEPTED'
       where batch.tenant_no = ? and batch.id = ?`,
      [place.tenant.no, named("whole").id],
    );
    expect(rows).toEqual([{ jti: null, detail: null }]);
    const query = `{ batch(id: "${named("whole").id}") { jti receipt removedAt state itemCount postedCount } }`;
    const { data } = await ask(query);
    expect(data.batch).toMatchObject({ jti: null, receipt: null, state: "POSTED", itemCount: 4, postedCount: 3 });
    expect(data.batch.removedAt).toMatch(/^2026-08-01T/);
    expect((await ask('{ transaction(externalId: "b-1") { kind } }')).codes).toEqual(["REMOVED"]);
    expect((await ask('{ transaction(externalId: "b-9") { kind } }')).codes).toEqual(["NOT_FOUND"]);
  });

  test("everything still verifies, and fsck says what was removed", async () => {
    await number();
    const checked = await fsck(app, { tenantId: place.tenant.id });
    expect(checked.differences).toEqual([]);
    expect(checked.checked).toMatchObject({ "removed batches": 2, "taken ids": 3, "periods with removed batches": 1 });
    expect(await balancesOf(app, place.partner, null)).toEqual(before);
    const { id } = named("whole");
    const { data } = await ask(`{ batch(id: "${id}") { periodProofs { leaf index size hashes root periodId }
      inclusionProof { leaf } outcomes { edges { node { outcome } } } } statement(id: "${firstStatement}") { jws } }`);
    expect(data.batch.periodProofs).toMatchObject(proofs as object[]);
    expect(data.batch.outcomes.edges).toHaveLength(4);
    const folder = await mkdtemp(join(to, "offline-"));
    const files = { jwks: JSON.stringify(await jwks()), statement: data.statement.jws, jws: sent.get("whole") ?? "" };
    const all = { ...files, proof: JSON.stringify(data.batch.periodProofs[0]) };
    for (const [name, text] of Object.entries(all)) await writeFile(join(folder, name), text);
    const at = (name: string) => join(folder, name);
    const keys = ["--jwks", at("jwks")];
    const [file] = await exported();
    for (const args of [
      ["statement", at("statement")],
      ["batch", at("jws"), "--proof", at("proof"), "--statement", at("statement")],
      ["export", file?.path ?? "", "--log-key", await logKey()],
    ]) {
      const ran = await runCommand(registerVerify, "verify", ...args, ...keys);
      expect([args[0], ran.stderr, ran.exitCode]).toEqual([args[0], "", 0]);
    }
    await rm(folder, { recursive: true });
  });

  test("the same bytes are answered by the same receipt; others under that name are refused", async () => {
    const again = await submitBatch(app, place.actor, { jws: sent.get("whole") ?? "", waitMs: 0 });
    expect(again).toMatchObject({
      replayed: true,
      receipt,
      batch: { id: named("whole").id, state: BatchState.POSTED },
    });
    const claims = JSON.parse(Buffer.from((sent.get("whole") ?? "").split(".")[1] ?? "", "base64url").toString());
    const iat = Math.floor(app.clock.now().getTime() / 1000);
    const other = await new CompactSign(new TextEncoder().encode(JSON.stringify({ ...claims, iat })))
      .setProtectedHeader({ alg: place.key.alg, kid: place.key.kid, typ: "quittance-batch+jws" })
      .sign(place.key.privateKey);
    const refused = submitBatch(app, place.actor, { jws: other, waitMs: 0 });
    await expect(refused).rejects.toMatchObject({ code: "IDEMPOTENCY_CONFLICT" });
  });

  test("the same ids post nothing, with the same content or another; what was refused may come again", async () => {
    const entries = async () => {
      const [row] = await app.database.query("select count(*) as n from entry where tenant_no = ?", [place.tenant.no]);
      return Number(row.n);
    };
    const count = await entries();
    const replay = await send("replay", [
      item("j-1", "JACKPOT_CONTRIBUTION", "100.00", FIRST),
      item("b-1", "BET", "10.01", FIRST, { brand: "north" }),
      rollback("r-1", "b-1", "10.00", FIRST),
      rollback("r-4", "b-1", "10.00", FIRST),
      rollback("r-5", "j-1", "100.00", FIRST),
    ]);
    expect(await outcomes(replay)).toEqual([
      ...["DUPLICATE", "DUPLICATE_MISMATCH", "DUPLICATE", "REFUSED ALREADY_REVERSED", "REFUSED REMOVED"],
    ]);
    expect(await entries()).toBe(count);
    expect(await balancesOf(app, place.partner, null)).toEqual(before);
    const fresh = await send("fresh", [item("x-1", "BET", "1.00", LATER.replace("-08-", "-07-"))]);
    expect(await outcomes(fresh)).toEqual(["POSTED"]);
    await number();
    expect(await check()).toEqual([]);
  });

  test("a download of what is left of the day is refused: a part is not the whole", async () => {
    const [period] = await app.database.query(
      "select id from settlement_period where tenant_no = ? and removed_batches > 0",
      [place.tenant.no],
    );
    const headers = { authorization: `Bearer ${await place.token()}` };
    const response = await fetch(`${api.url}/periods/${period.id}/transactions.csv`, { headers });
    expect(response.status).toBe(410);
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: "REMOVED" } }] });
  });

  test("a second run finds nothing more, until what held the rest back is over", async () => {
    await number();
    expect(await run()).toMatchObject({ batches: 0, files: 0 });
    const filter = { partner: null, fileId: null, statementId: null, state: null, endToEndId: null };
    await createPayoutFile(app, place.shell, EUROS);
    for (const { id, state } of (await payoutsOf(app, place.shell, filter, {})).rows) {
      if (state === PayoutState.EXPORTED)
        await markPayoutPaid(app, place.shell, { payoutId: id, amount: null, note: null });
    }
    const reports = await runTwice();
    expect(reports).toContainEqual(expect.objectContaining({ batches: 2, files: 1, held: { WAITING_ROLLBACK: 1 } }));
    const second = { batches: 0, transactions: 0, files: 0, held: { WAITING_ROLLBACK: 1, CHANGED: 2 } };
    expect(reports).toContainEqual(expect.objectContaining(second));
    expect(await kept()).toEqual(["waiting", "replay", "fresh"]);
    const removals: { id: string; detail: string }[] = await app.database.query(
      "select subject_id as id, detail from act where tenant_no = ? and type = 'BATCH_REMOVED'",
      [place.tenant.no],
    );
    expect(removals).toHaveLength(4);
    for (const { id, detail } of removals) {
      const { file, sha256, line } = JSON.parse(detail).after.export;
      const text = await readFile(join(to, file), "utf8");
      expect(sha256Hex(text)).toBe(sha256);
      expect(JSON.parse(text.split("\n")[line] ?? "").batch.id).toBe(id);
    }
    await number();
    expect(await check()).toEqual([]);
  });
});

/** Other outcomes, with all that a line can say about them by itself. */
function inventedOutcomes({ batch, outcomes: items, periodProofs }: PostedExtract): object {
  const invented = items.map(() => ({ outcome: ItemOutcome.POSTED }));
  const outcomesSha256 = packOutcomes(invented).sha256.toString("hex");
  const leaf = commitmentLeaf({ batchId: batch.id, payloadSha256: batch.payloadSha256, outcomesSha256 });
  const alone = { index: 0, size: 1, hashes: [], leaf, root: leafHash(leaf).toString("hex") };
  return {
    batch: { ...batch, outcomesSha256 },
    outcomes: invented,
    periodProofs: periodProofs.map(({ periodId }) => ({ periodId, ...alone })),
  };
}

function withoutDetail(file: string): string {
  const { index, hashes, checkpoint, extra } = present(parseProofFile(file), "a proof");
  const { leaf } = present(extra, "the leaf of a proof");
  const bytes = hashes.map((hash) => Buffer.from(hash));
  return formatProofFile({ index, hashes: bytes, checkpoint, extra: { leaf, detail: null } });
}

test("an export in which anything was changed does not verify, and says where", async () => {
  const keys = { jwks: await jwks(), log: readPolicy({ log: await logKey(), witnesses: [], quorum: 0 }) };
  const lines = (await exported())[0]?.lines ?? [];
  const found = lines.find((each) => JSON.parse(each).outcomes?.length === 4);
  const line = JSON.parse(present(found, "the batch"));
  const rest = lines.filter((each) => "statement" in JSON.parse(each));
  const faultOf = (each: object) => readExport([JSON.stringify(each), ...rest], keys).faults[0]?.reason ?? null;
  expect(faultOf(line)).toBeNull();
  const { jws, batch, outcomes: items, periodProofs, logProofs, key } = line;
  const flipped = (text: string) => `${text.slice(0, -6)}${text.at(-6) === "A" ? "B" : "A"}${text.slice(-5)}`;
  const [proof] = periodProofs;
  const cases: [string, object][] = [
    ["NOT_AN_EXTRACT", { v: 2 }],
    ["ANOTHER_TENANT", { tenant: "tnt_other" }],
    ["ANOTHER_PAYLOAD", { batch: { ...batch, payloadSha256: "0".repeat(64) } }],
    ["SIGNATURE_INVALID", { jws: flipped(jws) }],
    ["SIGNATURE_INVALID", { key: { ...key, jwk: { ...key.jwk, x: flipped(key.jwk.x) } } }],
    ["RECEIPT_INVALID", { receipt: flipped(line.receipt) }],
    ["RECEIPT_INVALID", { batch: { ...batch, jti: "another" } }],
    ["OUTCOMES_MISMATCH", { outcomes: items.slice(1) }],
    ["NOT_IN_PERIOD", { periodProofs: [{ ...proof, root: "0".repeat(64) }] }],
    ["NOT_IN_LOG", { logProofs: [logProofs[0], flipped(logProofs[1])] }],
    ["NOT_IN_LOG", { logProofs: [logProofs[0], logProofs[1].replace(/^index \d+$/m, "index 0")] }],
    ["NOT_IN_LOG", { logProofs: [logProofs[1], logProofs[1]] }],
    ["NOT_IN_LOG", { logProofs: [logProofs[0], logProofs[0]] }],
    ["NOT_IN_LOG", { logProofs: [logProofs[0], withoutDetail(logProofs[1])] }],
    ["NOT_IN_LOG", { logProofs: [withoutDetail(logProofs[0]), logProofs[1]] }],
    ["NOT_IN_PERIOD", { periodProofs: [] }],
    ["NOT_IN_LOG", inventedOutcomes(line)],
  ];
  for (const [fault, change] of cases) expect(faultOf({ ...line, ...change })).toBe(fault);
  const second = Math.floor(new Date(batch.acceptedAt).getTime() / 1_000);
  const stolenAt = (revoked_at: number) => {
    const marked = { keys: keys.jwks.keys.map((each) => ({ ...each, revoked: { revoked_at } })) };
    return readExport([JSON.stringify(line)], { ...keys, jwks: marked }).faults.map(({ reason }) => reason);
  };
  expect([stolenAt(second + 1), stolenAt(second)]).toEqual([[], ["RECEIPT_INVALID"]]);
});

test.each([
  [
    "STATES",
    "an act of its removal",
    "update act set type = 'BATCH_PARKED' where tenant_no = ? and type = 'BATCH_REMOVED' limit 1",
  ],
  ["REMOVALS", "a taken id", "delete from taken_id where tenant_no = ? limit 1"],
  ["BATCHES", "outcomes", "update batch_outcome set outcomes_sha256 = repeat('x', 32) where tenant_no = ? limit 1"],
])("fsck names in %s %s that is missing of what was removed", async (name, _what, statement) => {
  const { tenant } = place;
  const tables = ["act", "taken_id", "batch_outcome"];
  for (const table of tables) await app.database.query(`create table kept_${table} as select * from ${table}`);
  await app.database.query(statement, [tenant.no]);
  const found = await check();
  expect(found.map((difference) => String(difference.check))).toContain(name);
  for (const table of tables) {
    await app.database.query(`delete from ${table}`);
    await app.database.query(`insert into ${table} select * from kept_${table}`);
    await app.database.query(`drop table kept_${table}`);
  }
  expect(await check()).toEqual([]);
});

test("addresses and traces of old acts are erased slice by slice, and the tree still verifies", async () => {
  app.clock.set(LATER);
  const proposal = { kind: RetentionKind.RETENTION, itemDays: 120, originDays: 90, reason: "Privacy." };
  await approveChange(app, place.shell, (await proposeChange(app, place.shell, proposal)).id);
  await number();
  const { originsErased } = await run();
  expect(originsErased).toBeGreaterThan(20);
  expect((await run()).originsErased).toBe(0);
  const [{ old, young }] = await app.database.query(
    `select sum(at < '2026-05-03') as old, sum(at >= '2026-05-03') as young from act
     where tenant_no = ? and origin is not null`,
    [place.tenant.no],
  );
  expect(Number(old)).toBe(0);
  expect(Number(young)).toBeGreaterThan(0);
  await number();
  expect(await check()).toEqual([]);
});

test("two people erase the key of players' pseudonyms: nothing stored can be linked, and all verifies", async () => {
  const pseudonyms = async (id: string) => {
    const rows = await app.database.query(
      "select hex(player) as player from transaction where tenant_no = ? and external_id = ?",
      [place.tenant.no, id],
    );
    return rows[0]?.player;
  };
  app.clock.set("2026-08-02T00:00:00.000Z");
  await send("old key", [item("k-1", "BET", "1.00", "2026-08-01T23:00:00.000Z", { player: "p7" })]);
  const one = await seedClient(app, place.shell, null);
  const erasure = { kind: RetentionKind.PLAYER_KEY, itemDays: null, originDays: null, reason: "Asked for." };
  const { id } = await proposeChange(app, one.actor, erasure);
  await expect(approveChange(app, one.actor, id)).rejects.toMatchObject({ code: "FORBIDDEN" });
  await approveChange(app, (await seedClient(app, place.shell, null)).actor, id);
  app.clock.advance(3_600_000);
  // Another process, which never knew the old key.
  const second = await testApp({ clock: app.clock });
  await submit(app, place, [item("k-2", "BET", "1.00", "2026-08-01T23:00:00.000Z", { player: "p7" })]);
  const repeated = await submit(app, place, [item("k-1", "BET", "1.00", "2026-08-01T23:00:00.000Z", { player: "p7" })]);
  await postBatches(second, place.partner);
  expect(await outcomes(repeated)).toEqual(["DUPLICATE_MISMATCH"]);
  expect(await pseudonyms("k-2")).not.toBe(await pseudonyms("k-1"));
  await number();
  expect((await fsck(second, { tenantId: place.tenant.id })).differences).toEqual([]);
});
