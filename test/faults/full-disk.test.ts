import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statfsSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { postBatches } from "../../src/exchange/posting/service.js";
import { fsck } from "../../src/operations/fsck/service.js";
import { HTTP_DEFAULTS } from "../../src/platform/config.js";
import { migrate } from "../../src/platform/migrate.js";
import { closeApp } from "../../src/platform/open-app.js";
import { openTestApi, type TestApi } from "../support/api.js";
import { openTestApp, type TestApp } from "../support/app.js";
import { bet, type Exchange, openExchange, payloadOf, sign } from "../support/batches.js";
import { openServers, type Servers } from "./servers.js";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });

/** So small that it is full soon, and so large that MariaDB's files and its redo log have room. */
const DISK_MIB = 700;
const MIB = Buffer.alloc(1024 * 1024, 1);
const ITEMS = 500;
const BATCHES_MAX = 300;
const SUBMIT = "mutation ($jws: String!) { submitBatch(input: { jws: $jws, waitMs: 0 }) { batch { id } replayed } }";

const disk = mkdtempSync(join(tmpdir(), "quittance-disk-"));
const isMounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_MIB}m`, "tmpfs", disk]).status === 0;

let servers: Servers;
let app: TestApp;
let api: TestApi;
let place: Exchange;

beforeAll(async () => {
  if (!isMounted) return;
  servers = await openServers(disk);
  const http = { ...HTTP_DEFAULTS, operationMsMax: 3_000 };
  app = await openTestApp({ config: { databaseUrl: servers.databaseUrl, http, statementMsMax: http.operationMsMax } });
  await migrate(app.database);
  api = await openTestApi(app);
  place = await openExchange(app);
});

afterAll(async () => {
  if (isMounted) {
    await api.close();
    await closeApp(app);
    await servers.close();
    spawnSync("umount", [disk]);
  }
  rmSync(disk, { recursive: true });
});

/** What was sent, and what came back, by `jti`. */
const sent = new Map<string, { readonly jws: string; state: "ACCEPTED" | "REFUSED" }>();

async function send(jti: string): Promise<boolean> {
  const transactions = Array.from({ length: ITEMS }, () => bet());
  const jws = sent.get(jti)?.jws ?? (await sign(payloadOf(app, place, { jti, transactions }), place.key));
  const token = await place.token();
  const { data, errors } = await api.ask({ query: SUBMIT, variables: { jws }, token });
  const isAccepted = errors === undefined;
  if (isAccepted) expect(data).toMatchObject({ submitBatch: { batch: { id: expect.any(String) } } });
  else expect(errors).toMatchObject([{ extensions: { code: "UNAVAILABLE", retryable: true } }]);
  sent.set(jti, { jws, state: isAccepted ? "ACCEPTED" : "REFUSED" });
  return isAccepted;
}

test.skipIf(!isMounted)(
  "on a full disk what was acknowledged stays, the rest is refused, and all goes on when there is room",
  async () => {
    for (const jti of ["before-1", "before-2"]) expect(await send(jti)).toBe(true);
    while (!(await postBatches(app, place.partner)).isDrained);
    fill();
    let batches = 0;
    while (batches < BATCHES_MAX && (await send(`full-${batches}`))) batches += 1;
    expect(statfsSync(disk).bavail).toBe(0); // it struck
    expect(batches).toBeLessThan(BATCHES_MAX);
    expect(mariadbSays()).toMatch(/disk is full|No space left|errno: 28|Errcode: 28/i);
    rmSync(join(disk, "filler"));
    if (!isAlive(servers.pid("mariadb"))) await servers.start();
    await vi.waitFor(async () => expect(await send("after")).toBe(true), { timeout: 180_000, interval: 1_000 });
    for (const [jti, { state }] of sent) if (state === "REFUSED") expect(await send(jti)).toBe(true);
    while (!(await postBatches(app, place.partner)).isDrained);
    const rows = await app.database.query("select jti, state from batch where tenant_no = ? order by jti", [
      place.tenant.no,
    ]);
    expect(rows).toEqual([...sent.keys()].toSorted().map((jti) => ({ jti, state: "POSTED" })));
    expect((await fsck(app, { tenantId: place.tenant.id })).differences).toEqual([]);
  },
);

/** Leaves no room at all. */
function fill(): void {
  const file = openSync(join(disk, "filler"), "w");
  try {
    for (let bytes = MIB; bytes.length > 0; ) {
      try {
        writeSync(file, bytes);
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
        bytes = bytes.subarray(0, bytes.length >> 1);
      }
    }
  } finally {
    closeSync(file);
  }
}

function mariadbSays(): string {
  const [folder = ""] = readdirSync(disk).filter((name) => name.startsWith("quittance-test-"));
  return readFileSync(join(disk, folder, "log", "mariadb.log"), "utf8");
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false; // it is gone
  }
}
