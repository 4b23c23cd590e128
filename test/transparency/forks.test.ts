import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { fsck } from "../../src/operations/fsck/service.js";
import { closeApp } from "../../src/platform/open-app.js";
import { anchorForAllTenants, anchorState, lastAnchored } from "../../src/transparency/anchors/service.js";
import { ForkReason, refusedLogs } from "../../src/transparency/forks/service.js";
import { latestCheckpoint } from "../../src/transparency/reading/service.js";
import { restartLog } from "../../src/transparency/restarts/service.js";
import { signCheckpoint } from "../../src/transparency/service.js";
import { openTestApp, testApp } from "../support/app.js";
import { growLog, growSigned, restoreLog } from "../support/log.js";
import { type SeededTenant, seedTenant } from "../support/seeds.js";

const anchorDir = mkdtempSync(join(tmpdir(), "quittance-anchors-"));
afterAll(() => rmSync(anchorDir, { recursive: true, force: true }));
const app = await testApp({ config: { anchorDir } });
let home: SeededTenant;

beforeEach(async () => {
  home = await seedTenant(app);
});

describe("a log that would fork is not signed:", () => {
  test.each<[string, ForkReason, string]>([
    ["a tree that shrank", ForkReason.SHRUNK, "update log_tree set size = 290, root = repeat('x', 32) where {own}"],
    ["another root", ForkReason.CHANGED, "update log_tree set root = repeat('x', 32) where {own}"],
    ["an edited tile", ForkReason.CHANGED, "update log_tile set hashes = repeat('x', 8192) where {own} and level = 0"],
    [
      "an edited upper tile",
      ForkReason.CHANGED,
      "update log_tile set hashes = repeat('x', 32) where {own} and level = 1",
    ],
    ["a tile that is gone", ForkReason.TILES_MISSING, "delete from log_tile where {own} and level = 1"],
    ["a tile that was cut", ForkReason.TILES_MISSING, "update log_tile set hashes = 'x' where {own} and level = 1"],
    ["an edited checkpoint", ForkReason.CHANGED, "update log_checkpoint set root = repeat('x', 32) where {own}"],
    [
      "a checkpoint of more than there is",
      ForkReason.SHRUNK,
      "update log_checkpoint set size = size + 5000 where {own} order by size desc limit 1",
    ],
  ])("%s (%s)", async (_, reason, sql) => {
    await growSigned(app, home, 300);
    await growLog(app, home, 2, 300);
    await tamper(sql);
    expect(await signCheckpoint(app, home.tenant)).toBeNull();
    expect(refusedLogs(app).get(home.tenant.id)).toMatchObject({ reason, heldBy: "database" });
  });

  test("a tree that has not grown is looked at once by a process, and at once when it is another", async () => {
    await growSigned(app, home, 5);
    await tamper("update log_tree set root = repeat('x', 32) where {own}");
    expect(await signCheckpoint(app, home.tenant)).toBeNull();
    expect(refusedLogs(app).get(home.tenant.id)?.reason).toBe(ForkReason.CHANGED);
  });

  test("it is signed again when it is as it was", async () => {
    const { root } = await growSigned(app, home, 5);
    await tamper("update log_tree set root = repeat('x', 32) where {own}");
    await signCheckpoint(app, home.tenant);
    expect(refusedLogs(app).has(home.tenant.id)).toBe(true);
    await app.database.query("update log_tree set root = ? where tenant_no = ?", [root, home.tenant.no]);
    await growLog(app, home, 1, 5);
    expect(await signCheckpoint(app, home.tenant)).not.toBeNull();
    expect(refusedLogs(app).has(home.tenant.id)).toBe(false);
  });
});

describe("the anchor file", () => {
  test("gets each newest checkpoint once, a line each, and only grows", async () => {
    await growSigned(app, home, 3);
    expect(await anchorForAllTenants(app, [home.tenant])).toBe(1);
    expect(await anchorForAllTenants(app, [home.tenant])).toBe(0);
    const before = anchorText();
    const { note, size } = await growSigned(app, home, 3, 3);
    expect(await anchorForAllTenants(app, [home.tenant])).toBe(1);
    expect(anchorText().startsWith(before)).toBe(true);
    expect(JSON.parse(anchorText().split("\n")[1] ?? "")).toMatchObject({ note });
    expect(await anchorState(app, home.tenant.no, "file")).toMatchObject({ size, fault: null });
  });

  test("goes on after a line that a crash cut off", async () => {
    const { size } = await growSigned(app, home, 3);
    await anchorForAllTenants(app, [home.tenant]);
    appendFileSync(anchorFile(), '{"at":"2026-');
    expect((await lastAnchored(app, home.tenant))?.size).toBe(size);
    const next = await growSigned(app, home, 3, 3);
    await anchorForAllTenants(app, [home.tenant]);
    expect((await lastAnchored(app, home.tenant))?.size).toBe(next.size);
  });

  test.each<[string, () => void]>([
    ["is gone", () => rmSync(anchorFile())],
    ["was cut", () => truncateSync(anchorFile(), 0)],
    ["ends with what the log never signed", () => appendFileSync(anchorFile(), "hello\n")],
    ["cannot be read", () => [rmSync(anchorFile()), mkdirSync(anchorFile())]],
  ])("that %s keeps the log from being signed, and is not begun anew, until it is back", async (_, lose) => {
    const { size } = await growSigned(app, home, 3);
    await anchorForAllTenants(app, [home.tenant]);
    const before = anchorText();
    lose();
    await growLog(app, home, 1, 3);
    expect(await signCheckpoint(app, home.tenant)).toBeNull();
    const fork = { reason: ForkReason.ANCHOR_MISSING, heldBy: "file", signedSize: size, treeSize: size + 1 };
    expect(refusedLogs(app).get(home.tenant.id)).toEqual(fork);
    expect(await anchorForAllTenants(app, [home.tenant])).toBe(0);
    expect(await anchorState(app, home.tenant.no, "file")).toMatchObject({ size, fault: "AWAY" });
    expect(await signCheckpoint(app, home.tenant)).toBeNull();
    rmSync(anchorFile(), { recursive: true, force: true });
    writeFileSync(anchorFile(), before);
    expect(await signCheckpoint(app, home.tenant)).not.toBeNull();
    expect(refusedLogs(app).has(home.tenant.id)).toBe(false);
    expect(await anchorForAllTenants(app, [home.tenant])).toBe(1);
  });

  test("that is missing at the start is found for a tree that has not grown, and its return too", async () => {
    await growSigned(app, home, 3);
    await anchorForAllTenants(app, [home.tenant]);
    const before = anchorText();
    rmSync(anchorFile());
    const started = await openTestApp({ clock: app.clock, config: { anchorDir } });
    onTestFinished(() => closeApp(started));
    await signCheckpoint(started, home.tenant);
    expect(refusedLogs(started).get(home.tenant.id)?.reason).toBe(ForkReason.ANCHOR_MISSING);
    writeFileSync(anchorFile(), before);
    await signCheckpoint(started, home.tenant);
    expect(refusedLogs(started).has(home.tenant.id)).toBe(false);
  });

  test("that is lost for good is begun anew by a restart of the log", async () => {
    await growSigned(app, home, 3);
    await anchorForAllTenants(app, [home.tenant]);
    rmSync(anchorFile());
    await restartLog(app, home.actor, "the disk with the anchors was lost");
    await growLog(app, home, 1, 3);
    expect(await signCheckpoint(app, home.tenant)).not.toBeNull();
    expect(await anchorForAllTenants(app, [home.tenant])).toBe(1);
  });

  test.each<[string, (held: string) => void, object]>([
    ["has a torn last line", (held) => writeFileSync(anchorFile(), `${held}{"at":"2026-`), {}],
    ["ends with what the log never signed", (held) => writeFileSync(anchorFile(), `${held}hello\n`), {}],
    ["cannot be read", () => makeFolder(), { heldOutside: null, anchorFault: "UNREADABLE" }],
    ["was emptied", () => writeFileSync(anchorFile(), ""), { heldOutside: null }],
  ])("that %s keeps nobody from a restart, and the act says what was held", async (_what, damage, expected) => {
    const { size } = await growSigned(app, home, 3);
    await anchorForAllTenants(app, [home.tenant]);
    damage(readFileSync(anchorFile(), "utf8"));
    await restartLog(app, home.actor, "the disk was damaged");
    const [{ detail }] = await app.database.query(
      "select detail from act where tenant_no = ? and type = 'LOG_RESTARTED'",
      [home.tenant.no],
    );
    const root = expect.any(String);
    expect(JSON.parse(detail).after).toMatchObject({ heldOutside: { size, root }, ...expected });
    rmSync(anchorFile(), { recursive: true });
    await growLog(app, home, 1, 3);
    expect(await signCheckpoint(app, home.tenant)).not.toBeNull();
  });

  test("that cannot be written at first is told", async () => {
    const away = await openTestApp({ clock: app.clock, config: { anchorDir: join(anchorDir, "not", "mounted") } });
    onTestFinished(() => closeApp(away));
    await growSigned(app, home, 3);
    expect(await anchorForAllTenants(away, [home.tenant])).toBe(0);
    expect(await anchorState(app, home.tenant.no, "file")).toMatchObject({ size: 0, fault: "AWAY" });
  });

  test("with a line that the log never signed is named by fsck and keeps nobody from signing", async () => {
    await growSigned(app, home, 3);
    writeFileSync(anchorFile(), "hello\n");
    await growLog(app, home, 1, 3);
    expect(await signCheckpoint(app, home.tenant)).not.toBeNull();
    const { differences } = await fsck(app, { tenantId: home.tenant.id });
    expect(differences).toMatchObject([{ check: "ANCHORS", found: "none that it signed" }]);
  });
});

/** A folder where the file was: reading it is an error. */
function makeFolder(): void {
  rmSync(anchorFile());
  mkdirSync(anchorFile());
}

describe("an old backup that was restored", () => {
  test("is found at start and named, also by fsck with the first index that is lost; a restart ends it", async () => {
    const old = await growSigned(app, home, 10);
    await growSigned(app, home, 10, 10);
    await anchorForAllTenants(app, [home.tenant]);
    const lost = await latestCheckpoint(app, home.tenant.no);
    await restoreLog(app, home, old.size);
    const started = await openTestApp({ clock: app.clock, config: { anchorDir } });
    onTestFinished(() => closeApp(started));
    expect(await signCheckpoint(started, home.tenant)).toBeNull();
    const fork = { reason: ForkReason.SHRUNK, heldBy: "file", signedSize: lost?.size, treeSize: old.size };
    expect(refusedLogs(started).get(home.tenant.id)).toEqual(fork);
    const report = await fsck(started, { tenantId: home.tenant.id });
    expect(report.differences).toMatchObject([{ check: "ANCHORS", expected: `at most ${old.size}`, index: old.size }]);
    expect(report.firstBadIndexes).toEqual({ [home.tenant.id]: old.size });

    // It may grow past what was lost: the leaves are others.
    await growLog(app, home, 30, 50);
    expect(await signCheckpoint(started, home.tenant)).toBeNull();
    expect(refusedLogs(started).get(home.tenant.id)).toMatchObject({ reason: ForkReason.CHANGED, heldBy: "file" });
    const again = await fsck(started, { tenantId: home.tenant.id });
    expect(again.differences).toMatchObject([{ check: "ANCHORS", subject: `anchor ${lost?.size}` }]);

    const { from, to } = await restartLog(started, home.actor, "the disk was lost, and so were ten acts");
    expect([from.split("+")[0], to.split("+")[0]]).toEqual([
      `quittance/${home.tenant.id}`,
      `quittance/${home.tenant.id}/2`,
    ]);
    await growLog(app, home, 1, 80);
    const signed = await signCheckpoint(started, home.tenant);
    expect(signed?.note).toContain(`quittance/${home.tenant.id}/2\n`);
    expect(refusedLogs(started).has(home.tenant.id)).toBe(false);
    expect(await anchorForAllTenants(started, [home.tenant])).toBe(1);
    expect((await lastAnchored(started, home.tenant))?.size).toBe(signed?.size);
    expect((await fsck(started, { tenantId: home.tenant.id })).differences).toEqual([]);
  });

  test("of which nothing is left but the tenant is found as well", async () => {
    await growSigned(app, home, 10);
    await anchorForAllTenants(app, [home.tenant]);
    await restoreLog(app, home, 0);
    await app.database.query("delete from log_tree where tenant_no = ?", [home.tenant.no]);
    const started = await openTestApp({ clock: app.clock, config: { anchorDir } });
    onTestFinished(() => closeApp(started));
    expect(await signCheckpoint(started, home.tenant)).toBeNull();
    expect(refusedLogs(started).get(home.tenant.id)).toMatchObject({ reason: ForkReason.SHRUNK, treeSize: 0 });
  });

  test("goes unnoticed by a file that was cut: it must be out of reach of whoever holds the rows", async () => {
    await growSigned(app, home, 10);
    await anchorForAllTenants(app, [home.tenant]);
    truncateSync(anchorFile(), 0);
    await app.database.query("delete from log_anchor where tenant_no = ?", [home.tenant.no]);
    await growLog(app, home, 1, 10);
    expect(await signCheckpoint(app, home.tenant)).not.toBeNull();
  });
});

function anchorFile(): string {
  return join(anchorDir, `${home.tenant.id}.ndjson`);
}

function anchorText(): string {
  return readFileSync(anchorFile(), "utf8");
}

async function tamper(sql: string): Promise<void> {
  const { affectedRows } = await app.database.query(sql.replace("{own}", `tenant_no = ${home.tenant.no}`));
  expect(affectedRows).toBeGreaterThan(0);
}
