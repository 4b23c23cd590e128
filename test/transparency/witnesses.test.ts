import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { present } from "../../src/kernel/assert.js";
import { newKeyPair } from "../../src/kernel/key-pairs.js";
import { closeApp } from "../../src/platform/open-app.js";
import { type RunningWitness, startWitness } from "../../src/server/witness.js";
import { anchorState, noteAnchor } from "../../src/transparency/anchors/service.js";
import { ForkReason, refusedLogs } from "../../src/transparency/forks/service.js";
import { logSigner } from "../../src/transparency/keys/service.js";
import { openCheckpoint, readPolicy } from "../../src/transparency/proofs/service.js";
import { consistencyProofOf } from "../../src/transparency/proving/service.js";
import { shownCheckpoint } from "../../src/transparency/reading/service.js";
import { restartLog } from "../../src/transparency/restarts/service.js";
import { signCheckpoint } from "../../src/transparency/service.js";
import { formatAddCheckpoint, parseAddCheckpoint, readWitnessAnswer } from "../../src/transparency/witnesses/rules.js";
import { cosignForAllTenants, witnessesIn } from "../../src/transparency/witnesses/service.js";
import { openTestApp, type TestApp, testApp } from "../support/app.js";
import { growLog, growSigned, restoreLog } from "../support/log.js";
import { type SeededTenant, seedTenant } from "../support/seeds.js";
import { served } from "../support/witness.js";

const NAME = "witness.example/w1";
const folder = mkdtempSync(join(tmpdir(), "quittance-witness-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const app = await testApp();
const privateJwk = JSON.stringify(newKeyPair("ed25519").privateKey.export({ format: "jwk" }));
let home: SeededTenant;
let logKey: string;

beforeEach(async () => {
  home = await seedTenant(app);
  logKey = (await logSigner(app, home.actor)).verifierKey;
});

describe("a witness", () => {
  test("cosigns each newest checkpoint, and readers who ask for it believe the note", async () => {
    const { witness, away } = await openWitnessed();
    for (const [count, from] of [
      [3, 0],
      [300, 3],
      [1, 303],
    ] as const) {
      const { size } = await growSigned(app, home, count, from);
      expect(await cosignForAllTenants(away, [home.tenant])).toBe(1);
      expect(await cosignForAllTenants(away, [home.tenant])).toBe(0); // it has it
      const { note } = present(await shownCheckpoint(app, home.tenant.no), "a checkpoint");
      const policy = readPolicy({ log: logKey, witnesses: [witness.verifierKey], quorum: null });
      expect(openCheckpoint(note, policy)).toMatchObject({ found: { size } });
      expect(await anchorState(app, home.tenant.no, NAME)).toMatchObject({ size, fault: null });
    }
  });

  test("says what it holds to a log that has forgotten it, and is asked again with that", async () => {
    const { away } = await openWitnessed();
    await growSigned(app, home, 5);
    await cosignForAllTenants(away, [home.tenant]);
    await app.database.query("delete from log_anchor where tenant_no = ?", [home.tenant.no]);
    const { size } = await growSigned(app, home, 5, 5);
    expect(await cosignForAllTenants(away, [home.tenant])).toBe(1);
    expect(await anchorState(app, home.tenant.no, NAME)).toMatchObject({ size, fault: null });
  });

  test("that holds more than there is, or another tree, is told as a fault", async () => {
    const { away, dir } = await openWitnessed();
    await growSigned(app, home, 5);
    const { size } = await growSigned(app, home, 5, 5);
    await cosignForAllTenants(away, [home.tenant]);
    const { no } = home.tenant;
    await app.database.query("delete from log_checkpoint where tenant_no = ? and size = ?", [no, size]);
    const other = await reopened(away);
    expect(await cosignForAllTenants(other, [home.tenant])).toBe(0);
    expect(await anchorState(app, no, NAME)).toMatchObject({ size, fault: "AHEAD" });
    // The same size again, with another root: a fork that the log's own key signed.
    await app.database.query("delete from log_anchor where tenant_no = ?", [no]);
    await app.database.query("delete from log_checkpoint where tenant_no = ?", [no]);
    await app.database.query("update log_tile set hashes = concat(?, substring(hashes, 33)) where tenant_no = ?", [
      Buffer.alloc(32),
      no,
    ]);
    const before = readdirSync(dir).map((name) => readFileSync(join(dir, name), "utf8"));
    const forked = await growSigned(app, home, 5, 10);
    expect(forked.size).toBe(size + 5);
    expect(await cosignForAllTenants(await reopened(away), [home.tenant])).toBe(0);
    expect(await anchorState(app, no, NAME)).toMatchObject({ size, fault: "NOT_CONSISTENT" });
    expect(readdirSync(dir).map((name) => readFileSync(join(dir, name), "utf8"))).toEqual(before);
  });

  test("that holds what a restored backup lost keeps it from being signed, until the log is restarted", async () => {
    const { away, witness } = await openWitnessed();
    const old = await growSigned(app, home, 5);
    await cosignForAllTenants(away, [home.tenant]);
    const kept = await anchorState(app, home.tenant.no, NAME);
    const lost = await growSigned(app, home, 5, 5);
    await cosignForAllTenants(away, [home.tenant]);
    await restoreLog(app, home, old.size);
    await noteAnchor(app, home.tenant.no, kept); // as the backup has it
    await growLog(app, home, 30, 50); // past what was lost, before anybody signs
    const started = await reopened(away);
    expect(await signCheckpoint(started, home.tenant)).toBeNull();
    const fork = { reason: ForkReason.WITNESSED, heldBy: NAME, signedSize: lost.size, treeSize: old.size + 30 };
    expect(refusedLogs(started).get(home.tenant.id)).toEqual(fork);
    await witness.close(); // it has said it, and takes nothing back by being away
    const again = await reopened(away);
    expect(await cosignForAllTenants(again, [home.tenant])).toBe(0);
    expect(await anchorState(app, home.tenant.no, NAME)).toMatchObject({ size: lost.size, fault: "AHEAD" });
    expect(await signCheckpoint(again, home.tenant)).toBeNull();
    await restartLog(app, home.actor, "five acts were lost");
    await growLog(app, home, 1, 80);
    expect(await signCheckpoint(await opened({ witnesses: [] }), home.tenant)).not.toBeNull();
    expect(refusedLogs(again).has(home.tenant.id)).toBe(true);
    expect(await signCheckpoint(again, home.tenant)).toBeNull(); // it has not heard the witness about the new name
    expect(refusedLogs(again).has(home.tenant.id)).toBe(false);
  });

  test("that cosigns again lets the log be signed again; one that is asked no more says nothing", async () => {
    const { away } = await openWitnessed();
    const { size } = await growSigned(app, home, 5);
    await cosignForAllTenants(away, [home.tenant]);
    for (const fault of ["AHEAD", "NOT_CONSISTENT"]) {
      await noteAnchor(app, home.tenant.no, { name: NAME, size: size + 9, heldAt: null, fault });
      const other = await reopened(away);
      await growLog(app, home, 1, 5);
      expect(await signCheckpoint(other, home.tenant)).not.toBeNull(); // it asked first
      await noteAnchor(app, home.tenant.no, { name: NAME, size: size + 9, heldAt: null, fault });
      await growLog(app, home, 1, 6);
      expect(await signCheckpoint(other, home.tenant)).toBeNull();
      expect(await signCheckpoint(app, home.tenant)).not.toBeNull(); // without witnesses
    }
  });

  test("that is away, or does not know the log, stops nothing and is left alone for a while", async () => {
    const stranger = await openWitnessed({ logKeys: [] });
    await growSigned(app, home, 2);
    expect(await cosignForAllTenants(stranger.away, [home.tenant])).toBe(0);
    expect(await anchorState(app, home.tenant.no, NAME)).toMatchObject({ size: 0, fault: "LOG_UNKNOWN" });
    await stranger.witness.close();
    const gone = await reopened(stranger.away);
    expect(await cosignForAllTenants(gone, [home.tenant])).toBe(0);
    expect(await anchorState(app, home.tenant.no, NAME)).toMatchObject({ size: 0, fault: "AWAY" });
    const { note, size } = await growSigned(app, home, 2, 2);
    expect(await shownCheckpoint(app, home.tenant.no)).toMatchObject({ note, size });
  });

  test("cosigns the other logs when the tiles of one are lost", async () => {
    const broken = await seedTenant(app);
    const brokenKey = (await logSigner(app, broken.actor)).verifierKey;
    const { away } = await openWitnessed({ logKeys: [brokenKey, logKey] });
    await growSigned(app, broken, 300);
    expect(await cosignForAllTenants(away, [broken.tenant])).toBe(1);
    await growSigned(app, broken, 3, 300);
    await app.database.query("delete from log_tile where tenant_no = ?", [broken.tenant.no]);
    await growSigned(app, home, 3);
    expect(await cosignForAllTenants(away, [broken.tenant, home.tenant])).toBe(1);
    expect(await anchorState(app, home.tenant.no, NAME)).toMatchObject({ fault: null, heldAt: expect.any(Date) });
  });

  test("is not believed when its line is not its own, and answers without end are cut off", async () => {
    for (const [answer, fault] of [
      ["— witness.example/w1 AAAAAAAAAAAAAAAAAAAAAAAA\n", "REFUSED"],
      ["", "REFUSED"],
      ["x".repeat(2_000_000), "AWAY"],
    ] as const) {
      const url = await served((_request, response) => response.end(answer));
      const { witness, away } = await openWitnessed({ url });
      expect(witness.verifierKey).toContain(NAME);
      await growSigned(app, home, 1);
      expect(await cosignForAllTenants(away, [home.tenant])).toBe(0);
      expect(await anchorState(app, home.tenant.no, NAME)).toMatchObject({ fault });
      await app.database.query("delete from log_anchor where tenant_no = ?", [home.tenant.no]);
    }
  });
});

describe("add-checkpoint", () => {
  test("is answered as C2SP tlog-witness says", async () => {
    const { witness } = await openWitnessed();
    const first = await growSigned(app, home, 4);
    const second = await growSigned(app, home, 4, 4);
    const { hashes } = await consistencyProofOf(app, home.actor, { from: first.size, to: second.size });
    const proof = hashes.map((hash) => Buffer.from(hash, "base64"));
    const ask = async (body: string) => {
      const response = await fetch(`${witness.url}/add-checkpoint`, { method: "POST", body });
      return [response.status, response.headers.get("content-type")?.split(";")[0], await response.text()] as const;
    };
    const asked = (oldSize: number, checkpoint: string, hashes: Buffer[] = []) =>
      ask(formatAddCheckpoint({ oldSize, proof: hashes, checkpoint }));
    expect((await ask("hello"))[0]).toBe(400);
    expect((await ask(""))[0]).toBe(400);
    expect((await asked(1, first.note))[0]).toBe(409); // nothing is held yet
    expect((await asked(first.size + 1, first.note))[0]).toBe(400);
    expect((await asked(0, first.note, proof))[0]).toBe(422);
    expect((await asked(0, first.note.replaceAll("quittance/", "quittunce/")))[0]).toBe(404);
    expect((await asked(0, first.note.replace(/ \S+\n$/, ` ${Buffer.alloc(68).toString("base64")}\n`)))[0]).toBe(403);
    const [status, type, line] = await asked(0, first.note);
    expect([status, type, line.startsWith(`— ${NAME} `)]).toEqual([200, "text/plain", true]);
    expect(await asked(0, second.note)).toEqual([409, "text/x.tlog.size", `${first.size}\n`]);
    expect((await asked(first.size, second.note, proof.slice(1)))[0]).toBe(422);
    expect((await asked(first.size, first.note))[0]).toBe(200); // the same again
    expect((await asked(first.size, second.note, proof))[0]).toBe(200);
    expect(await asked(first.size, first.note)).toEqual([409, "text/x.tlog.size", `${second.size}\n`]);
  });

  test("bodies go there and back, and nothing else is one", () => {
    const request = {
      oldSize: 20_852_014,
      proof: [Buffer.alloc(32, 1), Buffer.alloc(32, 2)],
      checkpoint: "a\n\n— b c\n",
    };
    expect(parseAddCheckpoint(formatAddCheckpoint(request))).toEqual(request);
    const body = formatAddCheckpoint(request);
    for (const bad of [
      body.replace("old ", "new "),
      body.replace("old 2", "old 02"),
      body.replace("=\n\n", "=\n"),
      body.replace("AQ", "A*"),
      body.replaceAll("\n", "\r\n"),
    ]) {
      expect(parseAddCheckpoint(bad)).toBeNull();
    }
  });

  test.each([
    [200, "text/plain", "— w x\n", { kind: "COSIGNED", lines: "— w x\n" }],
    [409, "text/x.tlog.size", "12\n", { kind: "CONFLICT", size: 12 }],
    [409, "text/x.tlog.size", "012\n", { kind: "FAULT", fault: "NOT_CONSISTENT" }],
    [409, "text/plain", "12\n", { kind: "FAULT", fault: "NOT_CONSISTENT" }],
    [422, "", "", { kind: "FAULT", fault: "NOT_CONSISTENT" }],
    [403, "", "", { kind: "FAULT", fault: "REFUSED" }],
    [404, "", "", { kind: "FAULT", fault: "LOG_UNKNOWN" }],
    [400, "", "", { kind: "FAULT", fault: "REFUSED" }],
    [301, "", "", { kind: "FAULT", fault: "REFUSED" }],
    [503, "", "", { kind: "FAULT", fault: "AWAY" }],
    [429, "", "", { kind: "FAULT", fault: "AWAY" }],
  ])("the answer %i %s %j is read", (status, contentType, text, answer) => {
    expect(readWitnessAnswer({ status, contentType, text })).toEqual(answer);
  });

  test("a witness whose key is none is refused when it is configured", () => {
    const url = "https://witness.example";
    expect(() => witnessesIn({ witnesses: [{ verifierKey: logKey, url }] })).toThrow(
      "not the verifier key of a witness",
    );
    expect(() => witnessesIn({ witnesses: [{ verifierKey: "w", url }] })).toThrow("not the verifier key of a witness");
  });
});

interface Witnessed {
  readonly witness: RunningWitness;
  readonly dir: string;
  /** An App that asks this witness. */
  readonly away: TestApp;
}

async function openWitnessed(options: { logKeys?: readonly string[]; url?: string } = {}): Promise<Witnessed> {
  const { logKeys = [logKey], url } = options;
  const dir = mkdtempSync(join(folder, "w"));
  const witness = await startWitness({ name: NAME, privateJwk, logKeys, dir, host: "127.0.0.1", port: 0 });
  onTestFinished(() => witness.close());
  const witnesses = [{ verifierKey: witness.verifierKey, url: url ?? witness.url }];
  return { witness, dir, away: await opened({ witnesses }) };
}

/** The same configuration in a process that remembers nothing. */
function reopened({ config: { witnesses } }: TestApp): Promise<TestApp> {
  return opened({ witnesses });
}

async function opened(config: Pick<TestApp["config"], "witnesses">): Promise<TestApp> {
  const own = await openTestApp({ clock: app.clock, config });
  onTestFinished(() => closeApp(own));
  return own;
}
