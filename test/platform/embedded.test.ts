import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { RowDataPacket } from "mysql2/promise";
import { afterEach, expect, test } from "vitest";
import { connectServer } from "../../src/platform/embedded/connect.js";
import { databaseDifferences, redisDifferences } from "../../src/platform/embedded/foreign.js";
import { type Pair, startPair, stopPair } from "../../src/platform/embedded/pair.js";
import { openPlace, type Place } from "../../src/platform/embedded/place.js";
import { holdersOf, isHolder, launch, stopHolders } from "../../src/platform/embedded/processes.js";
import { findPrograms } from "../../src/platform/embedded/programs.js";
import { TEST_SIZES, testSearchPath } from "../support/servers.js";

const folders: string[] = [];

afterEach(async () => {
  for (const folder of folders.splice(0)) {
    const place = openPlace(folder);
    await stopPair(place);
    if (place.socketDir !== place.runDir) rmSync(place.socketDir, { recursive: true, force: true });
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a fresh directory becomes a durable MariaDB and a Redis on sockets that only we can reach", async () => {
  const place = openPlace(freshFolder());
  const { mariadb } = await started(place);
  expect(await databaseDifferences(mariadb.url)).toEqual([]);
  expect(await variable(mariadb.url, "skip_networking")).toBe("ON");
  expect(await variable(mariadb.url, "collation_server")).toBe("utf8mb4_bin");
  expect(readdirSync(place.dataDir).filter((name) => name.startsWith("mariadb."))).toEqual([]);
  const mode = spawnSync("stat", ["-c", "%a", place.socketDir], { encoding: "utf8" }).stdout.trim();
  expect(mode).toBe("700");
});

test("servers that run already are taken over, not started twice", async () => {
  const place = openPlace(freshFolder());
  const first = await started(place);
  const second = await started(place);
  expect(second.mariadb).toEqual({ ...first.mariadb, isAdopted: true });
  expect(second.redis).toEqual({ ...first.redis, isAdopted: true });
});

test("servers are found again when their pid files are lost", async () => {
  const place = openPlace(freshFolder());
  const first = await started(place);
  for (const name of ["mariadb.pid", "redis.pid"]) rmSync(join(place.runDir, name));
  const second = await started(place);
  expect([second.mariadb.pid, second.redis.pid]).toEqual([first.mariadb.pid, first.redis.pid]);
  await stopPair(place);
  while (existsSync(`/proc/${first.mariadb.pid}`)) await sleep(10); // its files are closed; it is reaped a moment later
});

test("what was committed is there after the server was killed and started again", async () => {
  const place = openPlace(freshFolder());
  const { mariadb } = await started(place);
  await query(mariadb.url, "create table quittance.kept (n int primary key)");
  await query(mariadb.url, "insert into quittance.kept values (7)");
  process.kill(mariadb.pid, "SIGKILL");
  while (isHolder(mariadb.pid, join(place.runDir, "mariadb.pid"))) await sleep(10);
  const again = await started(place);
  expect(again.mariadb.isAdopted).toBe(false);
  expect(await query(again.mariadb.url, "select n from quittance.kept")).toEqual([{ n: 7 }]);
});

test("an initialisation that was cut off is begun anew", async () => {
  const folder = freshFolder();
  const place = openPlace(folder);
  mkdirSync(join(folder, "mariadb.new-1"));
  writeFileSync(join(folder, "mariadb.new-1", "ibdata1"), "half");
  const { mariadb } = await started(place);
  expect(await query(mariadb.url, "select 1 as one")).toEqual([{ one: 1 }]);
  expect(readdirSync(folder)).not.toContain("mariadb.new-1");
});

test("a data directory too deep for a socket's address gets a short private one, always the same", async () => {
  const folder = join(freshFolder(), "d".repeat(100));
  const place = openPlace(folder);
  folders.unshift(folder);
  expect(Buffer.byteLength(join(place.socketDir, "mariadb.sock"))).toBeLessThan(107);
  expect(openPlace(folder).socketDir).toBe(place.socketDir);
  const { mariadb } = await started(place);
  expect(await query(mariadb.url, "select 1 as one")).toEqual([{ one: 1 }]);
});

test("a short socket folder that others can use is refused", () => {
  const folder = join(freshFolder(), "d".repeat(100));
  const { socketDir } = openPlace(folder);
  chmodSync(socketDir, 0o755);
  expect(() => openPlace(folder)).toThrow("others can use it");
  rmSync(socketDir, { recursive: true });
});

test("a server that cannot start says its last words", async () => {
  const folder = freshFolder();
  mkdirSync(join(folder, "mariadb"));
  const start = startPair(openPlace(folder), options());
  await expect(start).rejects.toThrow(/MariaDB ended at its start:\n.*ERROR/s);
});

test("a number in a pid file that now belongs to another process is never signalled", async () => {
  const folder = freshFolder();
  const pidFile = join(openPlace(folder).runDir, "worker-1.pid");
  const stranger = spawn("sleep", ["60"]);
  try {
    writeFileSync(pidFile, `${stranger.pid}\n`);
    expect(holdersOf(pidFile)).toEqual([]);
    expect(await stopHolders(pidFile, { graceMs: 0 })).toBe(0);
    expect(existsSync(pidFile)).toBe(false);
    expect(stranger.kill(0)).toBe(true);
  } finally {
    stranger.kill("SIGKILL");
  }
});

test("a process that ignores SIGTERM is killed when its grace is over", async () => {
  const place = openPlace(freshFolder());
  const [pidFile, output] = [join(place.runDir, "a.pid"), join(place.logDir, "a.log")];
  const script = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1e6); process.send('ready')";
  const child = launch({ command: process.execPath, args: ["-e", script], pidFile, output, hasChannel: true });
  const ended = once(child, "exit");
  await once(child, "message");
  expect(holdersOf(pidFile)).toEqual([child.pid]);
  expect(readFileSync(pidFile, "utf8")).toBe(`${child.pid}\n`);
  expect(await stopHolders(pidFile, { graceMs: 100 })).toBe(1);
  expect(await ended).toEqual([null, "SIGKILL"]);
});

test("missing programs are installed with apt-get, after fetching the package lists where that is needed", async () => {
  const { folder, calls } = aptFolder();
  const said: string[] = [];
  const programs = await findPrograms({
    ...options(),
    searchPath: `${folder}:/usr/bin:/bin`,
    say: (line) => said.push(line),
  });
  expect(programs.mariadbd).toBe(join(folder, "mariadbd"));
  expect(calls()).toEqual([
    "install -y --no-install-recommends mariadb-server-core",
    "update",
    "install -y --no-install-recommends mariadb-server-core",
  ]);
  expect(said[0]).toContain("mariadb-server-core");
});

test("a release whose package names say a version gets its latest", async () => {
  const { folder, calls } = aptFolder();
  const names = ["mariadb-server-core-10.6", "mariadb-server-core-10.11", "mariadb-server-core-10.11-dbgsym"];
  writeFileSync(join(folder, "apt-cache"), `#!/bin/sh\nprintf '%s\\n' ${names.join(" ")}\n`, { mode: 0o755 });
  await findPrograms({ ...options(), searchPath: folder });
  expect(calls()[0]).toBe("install -y --no-install-recommends mariadb-server-core-10.11");
});

test("where nothing can be installed one sentence says what is needed and what would do instead", async () => {
  const search = { ...options(), searchPath: freshFolder() };
  await expect(findPrograms(search)).rejects.toThrow(/^Install MariaDB .* and Redis .*; or .*docker compose up.*\.$/);
});

test("a server that is wanted from elsewhere is not looked for here", async () => {
  const search = { ...options(), isMariadbWanted: false, isRedisWanted: false, searchPath: freshFolder() };
  expect(await findPrograms(search)).toEqual({ mariadbd: "", redisServer: "" });
});

test("a database server that is less durable than ours is told apart, setting by setting", async () => {
  const { mariadb, redis } = await started(openPlace(freshFolder()));
  await query(mariadb.url, "set global innodb_flush_log_at_trx_commit = 2");
  await query(mariadb.url, "set global sync_binlog = 0");
  const differences = await databaseDifferences(mariadb.url);
  expect(differences).toHaveLength(2);
  expect(differences.join()).toMatch(/innodb_flush_log_at_trx_commit is 2, not 1: .*sync_binlog is 0, not 1/);
  expect(await redisDifferences(redis.url)).toEqual([]);
});

function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "quittance-embedded-"));
  folders.push(folder);
  return folder;
}

function options() {
  return {
    isMariadbWanted: true,
    isRedisWanted: true,
    searchPath: testSearchPath(),
    sizes: TEST_SIZES,
    say: () => undefined,
  };
}

async function started(place: Place): Promise<{ [K in keyof Pair]: NonNullable<Pair[K]> }> {
  const { mariadb, redis } = await startPair(place, options());
  if (mariadb === null || redis === null) throw new Error("both were wanted");
  return { mariadb, redis };
}

async function query(databaseUrl: string, sql: string): Promise<unknown> {
  const connection = await connectServer(databaseUrl);
  try {
    return (await connection.query(sql))[0];
  } finally {
    await connection.end();
  }
}

async function variable(databaseUrl: string, name: string): Promise<unknown> {
  const connection = await connectServer(databaseUrl);
  try {
    const [[row]] = await connection.query<RowDataPacket[]>("show global variables like ?", [name]);
    return row?.["Value"];
  } finally {
    await connection.end();
  }
}

/**
 * A folder with a sudo that lets us, and an apt-get that notes its calls, fails until the lists were fetched, and then
 * brings a mariadbd.
 */
function aptFolder(): { folder: string; calls: () => string[] } {
  const folder = freshFolder();
  const log = join(folder, "calls");
  const script = `#!/bin/sh
echo "$@" >> ${log}
if [ "$1" = update ]; then touch ${folder}/lists; exit 0; fi
[ -e ${folder}/lists ] || { echo "E: Unable to locate package" >&2; exit 100; }
printf '#!/bin/sh\\n' > ${folder}/mariadbd; chmod +x ${folder}/mariadbd
`;
  writeFileSync(join(folder, "apt-get"), script, { mode: 0o755 });
  writeFileSync(join(folder, "sudo"), '#!/bin/sh\nshift\nexec "$@"\n', { mode: 0o755 });
  writeFileSync(join(folder, "redis-server"), `#!/bin/sh\nexit 0\n`, { mode: 0o755 });
  return { folder, calls: () => readFileSync(log, "utf8").trimEnd().split("\n") };
}
