import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { present } from "../../src/kernel/assert.js";
import type { Config } from "../../src/platform/config.js";
import { closeApp } from "../../src/platform/open-app.js";
import { registerInstallationGauges } from "../../src/server/gauges.js";
import { openProbes } from "../../src/server/roles/probes.js";
import { anchorState } from "../../src/transparency/anchors/service.js";
import { ForkReason, refusedLogs } from "../../src/transparency/forks/service.js";
import { logSigner } from "../../src/transparency/keys/service.js";
import { logLagsForAllTenants } from "../../src/transparency/lags/service.js";
import { latestCheckpoint } from "../../src/transparency/reading/service.js";
import { restartLog } from "../../src/transparency/restarts/service.js";
import { logStanding, signCheckpoint } from "../../src/transparency/service.js";
import { awaitedWitnesses } from "../../src/transparency/waiting/rules.js";
import { awaitedAnchors, waitingLogs, waiveWitness } from "../../src/transparency/waiting/service.js";
import { cosignForAllTenants } from "../../src/transparency/witnesses/service.js";
import { openTestApp, type TestApp, testApp } from "../support/app.js";
import { growLog, growSigned, restoreLog } from "../support/log.js";
import { type SeededTenant, seedTenant } from "../support/seeds.js";
import { openWitness as openTestWitness, type TestWitness } from "../support/witness.js";

const folder = mkdtempSync(join(tmpdir(), "quittance-waiting-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const app = await testApp();
const WEEK_MS = 7 * 86_400_000;
let home: SeededTenant;

beforeEach(async () => {
  home = await seedTenant(app);
});

describe("a process that starts", () => {
  test("signs nothing while a witness is away, says so, and finds the restored backup once it was heard", async () => {
    const witness = await openWitness("w1");
    const before = await started([witness]);
    const old = await growSigned(app, home, 5);
    await cosignForAllTenants(before, [home.tenant]);
    const lost = await growSigned(app, home, 5, 5);
    await cosignForAllTenants(before, [home.tenant]);
    await witness.stop();
    await restoreLog(app, home, old.size);
    await growLog(app, home, 30, 50);

    const after = await started([witness], { metricsPort: 0 });
    expect(await signCheckpoint(after, home.tenant)).toBeNull();
    expect(await signCheckpoint(after, home.tenant)).toBeNull();
    expect(waitingLogs(after).get(home.tenant.id)).toEqual([witness.name]);
    expect(await anchorState(app, home.tenant.no, witness.name)).toMatchObject({ size: 0, fault: "AWAY" });
    expect((await latestCheckpoint(app, home.tenant.no))?.size).toBe(old.size);
    registerInstallationGauges(after);
    const probes = await openProbes(after);
    const ready = await fetch(`${probes.url}/readyz`);
    expect(ready.status).toBe(200);
    expect(await ready.json()).toMatchObject({ status: "degraded", checks: { log: "waiting" } });
    expect(await (await fetch(`${probes.url}/metrics`)).text()).toMatch(/^quittance_log_waiting 1$/m);
    await probes.close();

    await witness.start();
    const later = await started([witness]); // it asks at once, without the pause after a failure
    expect(await signCheckpoint(later, home.tenant)).toBeNull();
    const fork = { reason: ForkReason.WITNESSED, heldBy: witness.name, signedSize: lost.size };
    expect(refusedLogs(later).get(home.tenant.id)).toMatchObject(fork);
    expect(logStanding(later)).toBe("refused");
  });

  test("signs once the witness was heard, and does not wait for it again when it goes away", async () => {
    const witness = await openWitness("w1");
    const running = await started([witness]);
    await logSigner(app, home.actor);
    await growLog(app, home, 3);
    expect(await signCheckpoint(running, home.tenant)).not.toBeNull();
    await witness.stop();
    await growLog(app, home, 3, 3);
    expect(await signCheckpoint(running, home.tenant)).not.toBeNull();
    expect(logStanding(running)).toBe("ok");
  });

  test("asks also of a log that has no checkpoint left, with that of the empty tree", async () => {
    const witness = await openWitness("w1");
    await logSigner(app, home.actor);
    await growLog(app, home, 3);
    const before = await started([witness]);
    expect(await awaitedAnchors(before, home.tenant)).toEqual([witness.name]);
    const { size } = present(await signCheckpoint(before, home.tenant), "the first");
    expect(await cosignForAllTenants(before, [home.tenant])).toBe(1);
    await app.database.query("delete from log_checkpoint where tenant_no = ?", [home.tenant.no]);
    await app.database.query("delete from log_anchor where tenant_no = ?", [home.tenant.no]);
    const after = await started([witness]);
    expect(await signCheckpoint(after, home.tenant)).toBeNull();
    const fork = { reason: ForkReason.WITNESSED, heldBy: witness.name, signedSize: size };
    expect(refusedLogs(after).get(home.tenant.id)).toMatchObject(fork);
  });

  test("asks anew when rows were restored beneath it", async () => {
    const witness = await openWitness("w1");
    const running = await started([witness]);
    const old = await growSigned(app, home, 5);
    await growLog(app, home, 5, 5);
    expect(await signCheckpoint(running, home.tenant)).not.toBeNull();
    await cosignForAllTenants(running, [home.tenant]);
    await restoreLog(app, home, old.size);
    await growLog(app, home, 30, 50);
    expect(await signCheckpoint(running, home.tenant)).toBeNull();
    expect(refusedLogs(running).get(home.tenant.id)?.reason).toBe(ForkReason.WITNESSED);
  });

  test("waits for the folder of the anchor file, too", async () => {
    const anchorDir = join(folder, "mounted-later");
    const running = await opened({ anchorDir });
    await growSigned(app, home, 3);
    await growLog(app, home, 1, 3);
    expect(await signCheckpoint(running, home.tenant)).toBeNull();
    expect(waitingLogs(running).get(home.tenant.id)).toEqual(["file"]);
    expect(await anchorState(app, home.tenant.no, "file")).toMatchObject({ size: 0, fault: "AWAY" });
    mkdirSync(anchorDir);
    expect(await signCheckpoint(running, home.tenant)).not.toBeNull();
    expect(waitingLogs(running).size).toBe(0);
  });

  test("is content with as many witnesses as are enough", async () => {
    const [here, gone] = [await openWitness("w1"), await openWitness("w2")];
    await gone.stop();
    await growSigned(app, home, 3);
    await growLog(app, home, 1, 3);
    const strict = await started([here, gone]);
    expect(await signCheckpoint(strict, home.tenant)).toBeNull();
    expect(waitingLogs(strict).get(home.tenant.id)).toEqual([gone.name]);
    expect(await signCheckpoint(await started([here, gone], { witnessQuorum: 2 }), home.tenant)).toBeNull();
    expect(await signCheckpoint(await started([here, gone], { witnessQuorum: 1 }), home.tenant)).not.toBeNull();
  });

  test("tells nothing of a witness that is off the list", async () => {
    const witness = await openWitness("w1");
    const running = await started([witness]);
    await growSigned(app, home, 3);
    await cosignForAllTenants(running, [home.tenant]);
    const named = async (of: TestApp) => (await logLagsForAllTenants(of)).anchors.map(({ anchor }) => anchor);
    expect(await named(running)).toEqual([witness.name]);
    expect(await named(app)).toEqual([]);
  });
});

describe("a witness that is gone for good", () => {
  test("is waived by an act with its reason, for a week or until it is heard, restarts or not", async () => {
    const gone = await openWitness("w1");
    await gone.stop();
    await growSigned(app, home, 3);
    await growLog(app, home, 1, 3);
    expect(await signCheckpoint(await started([gone]), home.tenant)).toBeNull();
    const reason = "its operator went out of business";
    const until = await waiveWitness(app, home.actor, { witness: gone.name, reason });
    expect(until.getTime() - app.clock.now().getTime()).toBeGreaterThan(WEEK_MS - 60_000);
    const [{ detail }] = await app.database.query(
      "select detail from act where tenant_no = ? and type = 'LOG_WITNESS_WAIVED'",
      [home.tenant.no],
    );
    expect(JSON.parse(detail)).toEqual({
      before: { fault: "AWAY", size: 0, waivedUntil: null },
      after: { witness: gone.name, waivedUntil: until.toISOString(), reason },
    });
    expect(await signCheckpoint(await started([gone]), home.tenant)).not.toBeNull();
    await restartLog(app, home.actor, "its key was stolen");
    await growLog(app, home, 1, 10);
    expect(await signCheckpoint(await started([gone]), home.tenant)).not.toBeNull();
    app.clock.advance(WEEK_MS + 1);
    expect(await awaitedAnchors(await started([gone]), home.tenant)).toEqual([gone.name]);
    app.clock.advance(-WEEK_MS - 1);
    await gone.start(); // it does not know the log's new name, which is an answer, too
    expect(await signCheckpoint(await started([gone]), home.tenant)).toBeNull(); // there is nothing to sign
    await gone.stop();
    expect(await awaitedAnchors(await started([gone]), home.tenant)).toEqual([gone.name]);
  });

  test("cannot be waived while it is there, nor when it is none, nor is a contradiction waived", async () => {
    const witness = await openWitness("w1");
    const running = await started([witness]);
    const waive = (name: string) => waiveWitness(app, home.actor, { witness: name, reason: "…" });
    const old = await growSigned(app, home, 3);
    await growSigned(app, home, 3, 3);
    await cosignForAllTenants(running, [home.tenant]);
    await expect(waive(witness.name)).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
    await expect(waive("nobody.example")).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(waive("file")).rejects.toMatchObject({ code: "NOT_FOUND" });
    await restoreLog(app, home, old.size);
    await growLog(app, home, 9, 20);
    expect(await signCheckpoint(await started([witness]), home.tenant)).toBeNull();
    await expect(waive(witness.name)).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
  });
});

test("a waived witness fills no quorum", () => {
  const waived = ["a", "b"].map((name) => ({ name, isHeard: false, isWaived: true }));
  const away = ["c", "d"].map((name) => ({ name, isHeard: false, isWaived: false }));
  const heard = { name: "e", isHeard: true, isWaived: false };
  expect(awaitedWitnesses([...waived, ...away], 2)).toEqual(["c", "d"]);
  expect(awaitedWitnesses([...waived, ...away, heard], 2)).toEqual(["c", "d"]);
  expect(awaitedWitnesses([...waived, heard], 2)).toEqual([]); // nobody else is on the list
});

test("whoever is heard or waived is not waited for, and nobody is once enough were heard", () => {
  const asked = fc.array(fc.record({ name: fc.string(), isHeard: fc.boolean(), isWaived: fc.boolean() }));
  fc.assert(
    fc.property(asked, fc.option(fc.integer({ min: 1, max: 12 })), (witnesses, quorum) => {
      const awaited = awaitedWitnesses(witnesses, quorum);
      const open = witnesses.filter(({ isHeard, isWaived }) => !(isHeard || isWaived)).map(({ name }) => name);
      const heard = witnesses.filter(({ isHeard }) => isHeard).length;
      expect(awaited).toEqual(heard >= (quorum ?? Number.POSITIVE_INFINITY) ? [] : open);
    }),
  );
});

function openWitness(short: string): Promise<TestWitness> {
  return openTestWitness(app, home, mkdtempSync(join(folder, short)), short);
}

/** A process that has just started, and asks these witnesses. */
function started(witnesses: readonly TestWitness[], config: Partial<Config> = {}): Promise<TestApp> {
  return opened({ ...config, witnesses: witnesses.map(({ address }) => address) });
}

async function opened(config: Partial<Config>): Promise<TestApp> {
  const own = await openTestApp({ clock: app.clock, config });
  onTestFinished(() => closeApp(own));
  return own;
}
