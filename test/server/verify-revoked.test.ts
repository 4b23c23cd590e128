import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ActType } from "../../src/acts/entities.js";
import { postBatches } from "../../src/exchange/posting/service.js";
import { submitBatch } from "../../src/exchange/submission/service.js";
import { publishedJwkSet } from "../../src/identity/jwk-set/service.js";
import { signerByKid } from "../../src/identity/platform-keys/service.js";
import { rotatePlatformKey } from "../../src/identity/platform-rotation/service.js";
import { readSigned } from "../../src/identity/platform-signatures/service.js";
import { present } from "../../src/kernel/assert.js";
import { later } from "../../src/kernel/clock.js";
import { register as registerRender } from "../../src/server/commands/renditions.js";
import { register as registerVerify } from "../../src/server/commands/verify.js";
import { renderOwn } from "../../src/settlement/renditions/service.js";
import { settle } from "../../src/settlement/runs/service.js";
import { logSigner } from "../../src/transparency/keys/service.js";
import { inclusionProofOf } from "../../src/transparency/proving/service.js";
import { openPlace, type Place } from "../settlement/place.js";
import { testApp } from "../support/app.js";
import { payloadOf, sign } from "../support/batches.js";
import { type Ran, runCommand } from "../support/commands.js";
import { growSigned } from "../support/log.js";

const app = await testApp();
const folder = mkdtempSync(join(tmpdir(), "quittance-revoked-"));
const [DAY_MS, HOUR_MS] = [86_400_000, 3_600_000];
const RECEIPT = "quittance-receipt+jws";
let place: Place;
let [kid, receipt, statement] = ["", "", ""];

/** A receipt and a statement with their proofs in the log, and the key of both, which is stolen an hour later. */
beforeAll(async () => {
  place = await openPlace(app, later(app.clock.now(), -3 * DAY_MS).toISOString());
  const bet = { id: "b-1", kind: "BET", product: "crash", player: "p1", amount: "100.00", currency: "USD" };
  const transactions = [{ ...bet, occurredAt: later(app.clock.now(), -2 * DAY_MS).toISOString() }];
  const jws = await sign(payloadOf(app, place, { transactions }), place.key);
  const submitted = await submitBatch(app, place.actor, { jws, waitMs: 0 });
  receipt = submitted.receipt;
  kid = String(decodeProtectedHeader(receipt).kid);
  await postBatches(app, place.partner);
  await settle(app, place.shell, { partnerId: place.partner.id, through: app.clock.now() });
  const issued: { id: string; jws: string }[] = await app.database.query(
    "select id, jws from statement where tenant_no = ? order by id limit 1",
    [place.tenant.no],
  );
  const { id, jws: signed } = present(issued[0], "a statement");
  statement = signed;
  await growSigned(app, place.home, 1);
  keep("jwks-before.json", await publishedJwkSet(app));
  keep("receipt.jws", receipt);
  keep("statement.jws", statement);
  keep("log-key.txt", (await logSigner(app, place.shell)).verifierKey);
  keep("receipt.tlog-proof", await proofOf(ActType.BATCH_ACCEPTED, submitted.batch.id));
  keep("statement.tlog-proof", await proofOf(ActType.STATEMENT_ISSUED, id));
  app.clock.advance(2 * HOUR_MS);
  await compromise(later(app.clock.now(), -HOUR_MS));
  keep("jwks.json", await publishedJwkSet(app));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("before the key was stolen its signature is enough", async () => {
  for (const what of ["receipt", "statement"]) {
    expect((await verify(what, `${what}.jws`, "--jwks", file("jwks-before.json"))).exitCode).toBe(0);
  }
});

test("of a stolen key the signature is not enough, and it is told what would be", async () => {
  for (const what of ["receipt", "statement"]) {
    const { exitCode, stderr } = await verify(what, `${what}.jws`);
    expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/KEY_REVOKED[\s\S]*--log-proof/)]);
    const json = await verify(what, `${what}.jws`, "--json");
    expect(JSON.parse(json.stdout)).toEqual({ valid: false, reason: "KEY_REVOKED" });
  }
});

test("with the log's proof that it is older it holds, for people too", async () => {
  for (const what of ["receipt", "statement"]) {
    expect(await verify(what, `${what}.jws`, ...proof(`${what}.tlog-proof`))).toMatchObject({ exitCode: 0 });
  }
  const out = file("statement.csv");
  const render = [file("statement.jws"), "--jwks", file("jwks.json"), "--format", "csv", "--out", out] as const;
  await expect(runCommand(registerRender, "render", ...render)).rejects.toThrow(/KEY_REVOKED/);
  await runCommand(registerRender, "render", ...render, ...proof("statement.tlog-proof"));
});

test("what the thief signs is not saved by a proof that is another's", async () => {
  const thief = await signerByKid(app, place.tenant.id, kid);
  const forged = { ...decodeJwt(receipt), payloadSha256: "ab".repeat(32) };
  keep("forged.jws", thief.sign(JSON.stringify(forged), RECEIPT));
  keep(
    "altered.jws",
    thief.sign(JSON.stringify({ ...decodeJwt(statement), closing: "1.00" }), "quittance-statement+jws"),
  );
  expect(await reasonOf("receipt", "forged.jws", ...proof("receipt.tlog-proof"))).toBe("RECEIPT_OF_ANOTHER_LEAF");
  expect(await reasonOf("statement", "altered.jws", ...proof("statement.tlog-proof"))).toBe(
    "STATEMENT_OF_ANOTHER_LEAF",
  );
  expect(await reasonOf("statement", "statement.jws", ...proof("receipt.tlog-proof"))).toBe("RECEIPT_OF_ANOTHER_LEAF");
  expect(await reasonOf("receipt", "receipt.jws", ...proof("statement.tlog-proof"))).toBe("STATEMENT_OF_ANOTHER_LEAF");
  expect(await reasonOf("receipt", "receipt.jws", ...proof("log-key.txt"))).toBe("MALFORMED");
  await expect(verify("receipt", "receipt.jws", "--log-proof", file("receipt.tlog-proof"))).rejects.toThrow(
    /--log-key/,
  );
});

test("where the log knows of it only from the theft on, no proof helps; our own copy is shown", async () => {
  await compromise(later(app.clock.now(), -DAY_MS));
  keep("jwks-long.json", await publishedJwkSet(app));
  for (const what of ["receipt", "statement"]) {
    const ran = await verify(what, `${what}.jws`, "--jwks", file("jwks-long.json"), ...proof(`${what}.tlog-proof`));
    expect([ran.exitCode, ran.stderr]).toEqual([1, expect.stringMatching(/KEY_REVOKED[\s\S]*only from when/)]);
  }
  expect((await renderOwn(app, statement, { format: "csv", language: "en" })).bytes.length).toBeGreaterThan(100);
});

test("a mark that names no instant counts as for ever, and one of another key for nothing", async () => {
  const { keys } = JSON.parse(await publishedJwkSet(app));
  const marked = (mark: unknown) => ({
    keys: keys.map((key: { kid: string }) => ({ ...key, revoked: key.kid === kid ? mark : { revoked_at: 0 } })),
  });
  const read = (mark: unknown, provenAt: Date | null) =>
    readSigned(receipt, { jwks: marked(mark), typ: RECEIPT, provenAt });
  for (const mark of [null, true, {}, { revoked_at: "soon" }]) {
    expect(read(mark, new Date(0))).toEqual({ fault: "KEY_REVOKED" });
  }
  expect(read(undefined, null)).toHaveProperty("payload");
  expect(read({ revoked_at: 1_000 }, new Date(999_999))).toHaveProperty("payload");
  expect(read({ revoked_at: 1_000 }, new Date(1_000_000))).toEqual({ fault: "KEY_REVOKED" });
});

function verify(what: string, name: string, ...more: string[]): Promise<Ran> {
  const jwks = more.includes("--jwks") ? [] : ["--jwks", file("jwks.json")];
  return runCommand(registerVerify, "verify", what, file(name), ...jwks, ...more);
}

async function reasonOf(what: string, name: string, ...more: string[]): Promise<unknown> {
  return JSON.parse((await verify(what, name, "--json", ...more)).stdout).reason;
}

function proof(name: string): string[] {
  return ["--log-proof", file(name), "--log-key", file("log-key.txt")];
}

async function compromise(since: Date): Promise<void> {
  await rotatePlatformKey(app, place.shell, { isAtOnce: true, compromise: { kid, since, reason: "a stolen disk" } });
}

async function proofOf(type: ActType, subjectId: string): Promise<string> {
  const tenant = { tenantId: place.tenant.id, tenantNo: place.tenant.no };
  return present(await inclusionProofOf(app, tenant, { type, subjectId }), "a proof").file;
}

function file(name: string): string {
  return join(folder, name);
}

function keep(name: string, content: string): void {
  writeFileSync(file(name), content);
}
