import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CompactSign } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { leafText } from "../../src/acts/service.js";
import { numberActsForAllTenants } from "../../src/events/relay/service.js";
import { type Batch, BatchState } from "../../src/exchange/entities.js";
import { unpackEnvelope } from "../../src/exchange/packing.js";
import { parkBatch, releaseBatch } from "../../src/exchange/parking/service.js";
import { postBatches } from "../../src/exchange/posting/service.js";
import { rejectQuarantined } from "../../src/exchange/quarantine/service.js";
import { submitBatch } from "../../src/exchange/submission/service.js";
import { publishedJwkSet } from "../../src/identity/jwk-set/service.js";
import { revokeKey } from "../../src/identity/key-revocations/service.js";
import { signingKey } from "../../src/identity/keys/service.js";
import { rotatePlatformKey } from "../../src/identity/platform-rotation/service.js";
import { present } from "../../src/kernel/assert.js";
import { canonicalJson } from "../../src/kernel/canonical-json.js";
import { later } from "../../src/kernel/clock.js";
import { leafHash, sha256 } from "../../src/kernel/digest.js";
import { nodeHash } from "../../src/kernel/merkle.js";
import { type ExportKeys, readExport } from "../../src/operations/exports/service.js";
import { fsck } from "../../src/operations/fsck/service.js";
import { retain } from "../../src/operations/retaining/service.js";
import { RetentionKind } from "../../src/operations/retention/entities.js";
import { approveChange, proposeChange } from "../../src/operations/retention/service.js";
import { tryLease } from "../../src/platform/lease.js";
import { register } from "../../src/server/commands/verify.js";
import { approveStatement } from "../../src/settlement/reviews/service.js";
import { settle } from "../../src/settlement/runs/service.js";
import { createThreatBlock } from "../../src/threat/blocks/service.js";
import { logSigner } from "../../src/transparency/keys/service.js";
import { readPolicy } from "../../src/transparency/proofs/service.js";
import { signCheckpoint } from "../../src/transparency/service.js";
import { newKey } from "../identity/signing.js";
import { openPaid } from "../settlement/payout-place.js";
import { openPlace, type Place, report, submit } from "../settlement/place.js";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { runCommand } from "../support/commands.js";
import { growSigned } from "../support/log.js";

const app = await testApp();
const api = await testApi(app);
const DAY = "2026-03-02";
const DAY_MS = 86_400_000;
const LATER = "2026-08-01T00:00:00.000Z";
const bet = { kind: "BET", amount: "5.00", currency: "EUR", occurredAt: `${DAY}T00:10:00.000Z` };
let place: Place;
let held: Place;
let to: string;
let keys: ExportKeys;
const batches = new Map<string, { readonly batch: Batch; readonly jws: string }>();

/** A day that owes nobody; batches that were parked, parked again after a release, refused, or wait for a person. */
beforeAll(async () => {
  place = await openPaid(app, "2026-03-01T15:00:00.000Z");
  to = await mkdtemp(join(tmpdir(), "quittance-exports-"));
  app.clock.set(bet.occurredAt);
  await report(app, place, [bet, { ...bet, kind: "WIN" }]);
  app.clock.set(`${DAY}T15:00:00.000Z`);
  const [row] = await settle(app, place.shell, { partnerId: place.partner.id, through: app.clock.now() });
  await approveStatement(app, place.shell, present(row, "a statement").statementId); // nothing is payable
  const parked = await asOfOnce(await keep("parked", place));
  await parkBatch(app, place.partner, parked, { error: new Error("poison"), tries: 3 });
  const again = await keep("parked again", place);
  for (const _ of [1, 2]) {
    await parkBatch(app, place.partner, again, { error: new Error("poison"), tries: 3 });
    if (_ === 1) await releaseBatch(app, place.shell, again.id);
  }
  held = await openPlace(app, "2026-03-01T15:00:00.000Z", { home: place.home, currencies: ["EUR"] });
  await createThreatBlock(app, held.shell, { partnerId: held.partner.id, reason: "Under investigation." });
  await keep("undecided", held);
  const rejected = await keep("rejected", held);
  await rejectQuarantined(app, held.shell, { batchId: rejected.id, reason: "Not ours." });
  const late = await keep("rejected lately", held);
  app.clock.set("2026-07-31T00:00:00.000Z");
  await rejectQuarantined(app, held.shell, { batchId: late.id, reason: "Not ours either." });
  app.clock.set(LATER);
  const proposal = { kind: RetentionKind.RETENTION, itemDays: 120, originDays: null, reason: "Our policy." };
  await approveChange(app, place.shell, (await proposeChange(app, place.shell, proposal)).id);
  await number();
  const jwks: unknown = await (await fetch(`${api.url}/.well-known/jwks.json`)).json();
  const log = readPolicy({ log: await logKey(), witnesses: [], quorum: 0 });
  keys = { jwks, log };
});

afterAll(() => rm(to, { recursive: true }));

async function keep(name: string, at: Place): Promise<Batch> {
  const batch = await submit(app, at, [bet]);
  const [{ envelope }] = await app.database.query(
    "select envelope from batch_content where tenant_no = ? and batch_no = ?",
    [at.tenant.no, batch.no],
  );
  batches.set(name, { batch, jws: unpackEnvelope(envelope) });
  return batch;
}

/** As if it had been accepted before acts of acceptance held the key's thumbprint. */
async function asOfOnce(batch: Batch): Promise<Batch> {
  const { id: tenantId, no: tenantNo } = place.tenant;
  const where = "tenant_no = ? and subject_id = ? and type = 'BATCH_ACCEPTED'";
  const [act] = await app.database.query(`select * from act where ${where}`, [tenantNo, batch.id]);
  const { thumbprint, ...after } = JSON.parse(act.detail).after;
  expect(thumbprint).toBe(place.key.kid);
  const detail = canonicalJson({ ...JSON.parse(act.detail), after });
  const leaf = leafText({
    ...{ tenantId, partnerId: place.partner.id, type: act.type, subjectId: batch.id, at: act.at },
    ...{ principalKind: act.principal_kind, principalId: act.principal_id, requestId: act.request_id },
    ...{ detailSha256: sha256(detail), originSha256: act.origin_sha256 },
  });
  const changes = [detail, sha256(detail), leafHash(leaf), tenantNo, batch.id];
  await app.database.query(`update act set detail = ?, detail_sha256 = ?, leaf_hash = ? where ${where}`, changes);
  await app.database.query("update batch set leaf_hash = ? where tenant_no = ? and id = ?", changes.slice(2));
  return Object.assign(batch, { leafHash: leafHash(leaf) });
}

async function number(): Promise<void> {
  await numberActsForAllTenants(app, present(await tryLease(app, "relay"), "the lease"));
  await signCheckpoint(app, place.tenant);
}

async function logKey(): Promise<string> {
  return (await logSigner(app, place.shell)).verifierKey;
}

const named = (name: string) => present(batches.get(name), "a batch");

async function files(): Promise<{ path: string; lines: string[] }[]> {
  const names = (await readdir(to, { recursive: true })).filter((name) => name.endsWith(".ndjson")).toSorted();
  const read = async (name: string) => (await readFile(join(to, name), "utf8")).trimEnd().split("\n");
  return Promise.all(names.map(async (name) => ({ path: join(to, name), lines: await read(name) })));
}

async function verify(path: string, ...more: readonly string[]) {
  const jwks = join(to, "jwks.json");
  await writeFile(jwks, JSON.stringify(keys.jwks));
  return runCommand(register, "verify", "export", path, "--jwks", jwks, "--log-key", await logKey(), ...more);
}

describe("what was never posted", () => {
  test("leaves when it was set aside or refused long enough ago; what a person has not decided stays", async () => {
    const retained = await retain(app, place.tenant, { to, isDry: false });
    expect(retained).toMatchObject({ batches: 4, transactions: 2, held: { QUARANTINED: 1, TOO_YOUNG: 1 } });
    const left = await app.database.query(
      "select id from batch where tenant_no = ? and removed_at is null order by no",
      [place.tenant.no],
    );
    expect(left).toEqual(["undecided", "rejected lately"].map((name) => ({ id: named(name).batch.id })));
  });

  test("is exported with the act that left it so, verifies, and everything agrees", async () => {
    await number();
    expect((await fsck(app, { tenantId: place.tenant.id })).differences).toEqual([]);
    const states: string[] = [];
    for (const { path, lines } of await files()) {
      expect(await verify(path)).toMatchObject({ exitCode: 0, stderr: "" });
      states.push(...lines.map((line) => JSON.parse(line).batch?.state ?? "none"));
    }
    expect(states.toSorted()).toEqual(["PARKED", "PARKED", "REJECTED", "none", "none"]);
  });

  test("is answered by the same receipt when it is sent again, and posts nothing", async () => {
    for (const name of ["parked", "rejected"]) {
      const { batch, jws } = named(name);
      const at = name === "parked" ? place : held;
      const again = await submitBatch(app, at.actor, { jws, waitMs: 0 });
      expect(again).toMatchObject({ replayed: true, batch: { id: batch.id } });
      expect(again.batch.state).toBe(name === "parked" ? BatchState.PARKED : BatchState.REJECTED);
      await postBatches(app, at.partner);
    }
    const rows = await app.database.query("select count(*) as n from transaction where tenant_no = ?", [
      place.tenant.no,
    ]);
    expect(Number(rows[0].n)).toBe(0);
  });

  test("is not released, nor quarantined when its key is compromised", async () => {
    const { id } = named("parked").batch;
    await expect(releaseBatch(app, place.shell, id)).rejects.toMatchObject({ code: "REMOVED" });
    const { id: keyId } = present(await signingKey(app, place.tenant.id, place.key.kid), "a registered key");
    await revokeKey(app, place.shell, { keyId, reason: "COMPROMISED" });
    await number();
    expect((await fsck(app, { tenantId: place.tenant.id })).differences).toEqual([]);
  });
});

describe("verify export", () => {
  /** The file of the settled day: its batch and the statement. */
  async function settled() {
    const all = await files();
    const file = all.find(({ lines }) => lines.some((line) => "statement" in JSON.parse(line)));
    const { path, lines } = present(file, "the export of the day");
    const lineWith = (member: string) =>
      present(
        lines.find((line) => member in JSON.parse(line)),
        member,
      );
    return { path, batch: lineWith("periodProofs"), statement: lineWith("statement") };
  }

  test("says what holds, and by how many statements", async () => {
    const { path } = await settled();
    const act = expect.any(Number);
    const aside = ["parked", "parked again"].map((name) => ({ batch: named(name).batch.id, state: "PARKED", act }));
    const told = JSON.parse((await verify(path, "--json")).stdout);
    expect(told).toEqual({
      valid: true,
      batches: 3,
      statements: 1,
      unchecked: [],
      unvouched: [named("parked").batch.id],
      aside,
    });
    const [first, again]: { act: number }[] = told.aside;
    expect((await verify(path)).stdout.split("\n")).toEqual([
      "It holds: 3 batches, their roots stated by 1 statements.",
      `Not vouched for: the key of ${named("parked").batch.id}, which the log names by its kid alone.`,
      `${named("parked").batch.id} was PARKED at act ${first?.act}.`,
      `${named("parked again").batch.id} was PARKED at act ${again?.act}.`,
    ]);
  });

  test("takes no root on trust: without the statement it says which period it could not check", async () => {
    const { batch, statement } = await settled();
    const [bare, jws] = [join(to, "bare"), join(to, "statement.jws")];
    await writeFile(bare, batch);
    await writeFile(jws, JSON.parse(statement).statement);
    const { periodId } = JSON.parse(batch).periodProofs[0];
    const refused = await verify(bare);
    expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("ROOT_NOT_STATED") });
    expect(refused.stderr).toContain(periodId);
    expect(await verify(bare, "--statement", jws)).toMatchObject({ exitCode: 0 });
    const told = await verify(bare, "--aborted", periodId);
    expect(told).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining(`Not checked: the root of ${periodId}`),
    });
  });

  test("finds a batch in a larger tree than the one that its statement states", async () => {
    const { batch, statement } = await settled();
    const line = JSON.parse(batch);
    const [proof] = line.periodProofs;
    const [own, other] = [leafHash(proof.leaf), leafHash("a batch that nobody sent")];
    const root = nodeHash(own, other).toString("hex");
    const grown = { ...proof, index: 0, size: 2, hashes: [other.toString("base64")], root };
    const forged = JSON.stringify({ ...line, periodProofs: [grown] });
    expect(readExport([forged, statement], keys).faults).toEqual([{ line: 0, reason: "ANOTHER_ROOT" }]);
    expect(readExport([forged], keys)).toMatchObject({ faults: [], unstated: [proof.periodId] });
  });

  test("believes a statement by a key that was stolen since, as the log proves that it is older", async () => {
    const { batch, statement } = await settled();
    const read = (revokedAt: string, line = statement) => {
      const revoked = { revoked_at: Date.parse(revokedAt) / 1_000 };
      const all = z.object({ keys: z.array(z.looseObject({})) }).parse(keys.jwks).keys;
      return readExport([batch, line], { ...keys, jwks: { keys: all.map((key) => ({ ...key, revoked })) } });
    };
    expect(read(LATER).faults).toEqual([]);
    const bare = JSON.stringify({ v: 1, statement: JSON.parse(statement).statement });
    expect(read(LATER, bare).faults).toEqual([{ line: 1, reason: "STATEMENT_INVALID" }]);
    const others = JSON.stringify({ ...JSON.parse(statement), logProof: JSON.parse(batch).logProofs[0] });
    expect(read(LATER, others).faults).toEqual([{ line: 1, reason: "STATEMENT_INVALID" }]);
    expect(read(`${DAY}T15:00:00.000Z`).faults).toContainEqual({ line: 1, reason: "STATEMENT_INVALID" });
  });

  test("gives a reason for what is tampered with, and never breaks off", async () => {
    const { batch } = await settled();
    const aside = (await files()).flatMap((file) => file.lines).find((each) => /"state":"REJECTED"/.test(each)) ?? "";
    for (const line of [batch, aside]) {
      for (const wrong of ["{", "null", ""]) {
        for (const value of tamperedWith(JSON.parse(line), wrong)) {
          expect(() => readExport([JSON.stringify(value)], keys)).not.toThrow();
        }
      }
    }
    const { periodProofs, key, ...rest } = JSON.parse(batch);
    const read = (changed: object) => readExport([JSON.stringify({ ...rest, periodProofs, key, ...changed })], keys);
    const leaves = periodProofs.map((proof: object) => ({ ...proof, leaf: "{" }));
    expect(read({ periodProofs: leaves }).faults).toEqual([{ line: 0, reason: "NOT_IN_PERIOD" }]);
    const broken = { ...key, jwk: { ...key.jwk, x: "{" } };
    expect(read({ key: broken }).faults).toEqual([{ line: 0, reason: "SIGNATURE_INVALID" }]);
  });

  test("holds every label of a line against what was signed", async () => {
    const { batch } = await settled();
    const aside = (await files()).flatMap((file) => file.lines).find((each) => /"state":"REJECTED"/.test(each)) ?? "";
    for (const line of [JSON.parse(batch), JSON.parse(aside)]) {
      const wrong: Record<string, unknown> = {
        ...{ sequence: "999", jti: "other", kid: "other", mode: "ATOMIC", itemCount: 9 },
        ...{ acceptedAt: "2020-01-01T00:00:00.000Z", postedAt: "2020-01-01T00:00:00.000Z" },
        ...{ id: "bat_x", payloadSha256: "0".repeat(64), outcomesSha256: "0".repeat(64), state: "PARKED" },
      };
      for (const label of Object.keys(line.batch)) {
        const changed = { ...line, batch: { ...line.batch, [label]: wrong[label] } };
        expect([label, readExport([JSON.stringify(changed)], keys).faults.length]).toEqual([label, 1]);
      }
      for (const changed of [
        { ...line, partner: "prt_x" },
        { ...line, tenant: "tnt_x" },
        { ...line, key: { ...line.key, kid: "other" } },
        { ...line, key: { ...line.key, alg: "ES256" } },
      ]) {
        expect(readExport([JSON.stringify(changed)], keys).faults).toHaveLength(1);
      }
      const renumbered = JSON.stringify({ ...line, batch: { ...line.batch, sequence: "999" } });
      expect(readExport([renumbered], keys).faults).toEqual([{ line: 0, reason: "ANOTHER_LABEL" }]);
    }
  });

  test("believes no other key than the one whose signature was accepted, under its kid or another", async () => {
    const { batch, statement } = await settled();
    const line = JSON.parse(batch);
    const own = await newKey("EdDSA");
    const forged = async (kid: string) => {
      const { kid: _, ...jwk } = own.publicJwk;
      const payload = Buffer.from(line.jws.split(".")[1], "base64url");
      const header = { alg: own.alg, kid, typ: "quittance-batch+jws" };
      const jws = await new CompactSign(payload).setProtectedHeader(header).sign(own.privateKey);
      const key = { kid, alg: own.alg, jwk: { ...jwk, kid } };
      return { ...line, jws, key, batch: { ...line.batch, kid } };
    };
    const faultsOf = (value: object) => readExport([JSON.stringify(value), statement], keys).faults;
    const another = [{ line: 0, reason: "ANOTHER_KEY" }];
    const same = await forged(line.batch.kid);
    expect(faultsOf(same)).toEqual(another);
    expect(faultsOf(await forged("own-key"))).toEqual(another);
    // A set with the key that was accepted, disguised as a key of one's own, or the other way round.
    for (const set of [
      { ...same.key.jwk, keys: [line.key.jwk] },
      { ...line.key.jwk, keys: [same.key.jwk] },
    ]) {
      expect(faultsOf({ ...same, key: { ...same.key, jwk: set } })).toHaveLength(1);
    }
  });

  test("finds a statement that is not the platform's, and a batch that was said to be in another state", async () => {
    const { batch, statement } = await settled();
    const broken = JSON.stringify({ v: 1, statement: `${JSON.parse(statement).statement.slice(0, -6)}AAAAAA` });
    expect(readExport([batch, broken], keys).faults).toEqual([{ line: 1, reason: "STATEMENT_INVALID" }]);
    const aside = (await files()).flatMap((file) => file.lines).find((each) => /"state":"REJECTED"/.test(each)) ?? "";
    expect(readExport([aside], keys)).toMatchObject({ faults: [], unstated: [], batches: 1 });
    const changed = aside.replace('"state":"REJECTED"', '"state":"PARKED"');
    expect(readExport([changed], keys).faults).toEqual([{ line: 0, reason: "NOT_IN_LOG" }]);
  });
});

/** Copies of a value, in each of which another text says something wrong. */
function tamperedWith(value: unknown, wrong: string): unknown[] {
  if (typeof value === "string") return value === wrong ? [] : [wrong];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) =>
    tamperedWith(member, wrong).map((changed) =>
      Array.isArray(value) ? value.with(Number(name), changed) : { ...value, [name]: changed },
    ),
  );
}

test("what was accepted while somebody else had the platform's key leaves as well, told from the rest", async () => {
  const stolen = await openPlace(app, later(app.clock.now(), -3 * DAY_MS).toISOString());
  const occurredAt = later(app.clock.now(), -2 * DAY_MS).toISOString();
  const batch = await submit(app, stolen, [{ ...bet, currency: "USD", occurredAt }]);
  await parkBatch(app, stolen.partner, batch, { error: new Error("poison"), tries: 3 });
  app.clock.advance(DAY_MS);
  const compromise = { kid: null, since: later(app.clock.now(), -2 * DAY_MS), reason: "a stolen disk" };
  await rotatePlatformKey(app, stolen.shell, { isAtOnce: true, compromise });
  const proposal = { kind: RetentionKind.RETENTION, itemDays: 120, originDays: null, reason: "Policy 7." };
  await approveChange(app, stolen.shell, (await proposeChange(app, stolen.shell, proposal)).id);
  await growSigned(app, stolen.home, 1);
  app.clock.advance(130 * DAY_MS);
  const folder = await mkdtemp(join(tmpdir(), "quittance-stolen-"));
  expect(await retain(app, stolen.tenant, { to: folder, isDry: false })).toMatchObject({ batches: 1, held: {} });
  const [name = ""] = await readdir(join(folder, stolen.tenant.id, stolen.partner.id));
  const lines = (await readFile(join(folder, stolen.tenant.id, stolen.partner.id, name), "utf8")).trim().split("\n");
  const { verifierKey } = await logSigner(app, stolen.shell);
  const log = readPolicy({ log: verifierKey, witnesses: [], quorum: 0 });
  const jwks: unknown = JSON.parse(await publishedJwkSet(app));
  expect(readExport(lines, { jwks, log }).faults).toEqual([{ line: 0, reason: "RECEIPT_INVALID" }]);
  await rm(folder, { recursive: true });
});
