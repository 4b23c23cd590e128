import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, inject, test, vi } from "vitest";
import { z } from "zod";
import { childEnvironment } from "../../src/platform/config.js";
import { connectServer } from "../../src/platform/embedded/connect.js";
import { stopPair } from "../../src/platform/embedded/pair.js";
import { openPlace } from "../../src/platform/embedded/place.js";
import { isHolder } from "../../src/platform/embedded/processes.js";
import { watchTrouble } from "../../src/server/up/trouble.js";
import { cloneDatabase } from "../support/database.js";

vi.setConfig({ testTimeout: 120_000 }); // every start loads four processes
const COMMAND = fileURLToPath(new URL("../../bin/quittance", import.meta.url));
const Ready = z.object({ ready: z.literal(true), url: z.url(), pids: z.record(z.string(), z.number()) });

/** A supervisor that was started, and what it has said so far. */
interface Up {
  readonly process: ChildProcess;
  readonly said: () => string;
  readonly printed: () => string;
  readonly ended: Promise<[number | null, string | null]>;
}

const folder = mkdtempSync(join(tmpdir(), "quittance-up-"));
const runFile = (name: string) => join(folder, "run", name);
const strangers: ChildProcess[] = [];
let first: Up;
let ready: z.infer<typeof Ready>;

beforeAll(async () => {
  first = start();
  ready = await untilReady(first);
}, 120_000);

afterAll(async () => {
  for (const stranger of strangers) stranger.kill("SIGKILL");
  for (const name of readdirSync(join(folder, "run")).filter((each) => each.endsWith(".pid"))) {
    const pid = pidIn(name);
    if (isHolder(pid, runFile(name)) || pid === first.process.pid) kill(pid);
  }
  await stopPair(openPlace(folder));
  rmSync(folder, { recursive: true, force: true });
});

test("everything runs in processes of its own, whose pid files say so, and serves", async () => {
  expect(Object.keys(ready.pids)).toEqual(["mariadb", "redis", "api-1", "worker-1", "relay-1"]);
  for (const [name, pid] of Object.entries(ready.pids)) {
    expect(pidIn(`${name}.pid`)).toBe(pid);
    expect(isHolder(pid, runFile(`${name}.pid`)), name).toBe(true);
  }
  expect(await (await fetch(`${ready.url}/readyz`)).json()).toMatchObject({ status: "ok" });
});

test("the commands of the data directory find the servers, and the master key is ours alone to read", async () => {
  const services = z.object({ url: z.string(), databaseUrl: z.string(), redisUrl: z.string() });
  const told = services.parse(JSON.parse(readFileSync(runFile("services.json"), "utf8")));
  expect(told.url).toBe(ready.url);
  const connection = await connectServer(told.databaseUrl);
  const [rows] = await connection.query("select count(*) > 0 as migrated from quittance.migration");
  await connection.end();
  expect(rows).toEqual([{ migrated: 1 }]);
  expect(readFileSync(join(folder, "master.key"), "utf8")).toMatch(/^[A-Za-z0-9_-]{43}\n$/);
  expect(statSync(join(folder, "master.key")).mode & 0o777).toBe(0o600);
});

test.each([
  ["on the command line", () => start()],
  ["in the environment", () => spawnUp(["--port", "0"], { QUITTANCE_DATA_DIR: folder })],
])("a second start for a directory named %s is refused and names the process and its URL", async (_where, again) => {
  const second = again();
  expect(await second.ended).toEqual([1, null]);
  expect(second.said()).toContain(`process ${first.process.pid}, at ${ready.url}`);
  expect(second.printed()).toBe("");
  expect((await fetch(`${ready.url}/readyz`)).status).toBe(200);
});

test("a role or server that is killed is started again", async () => {
  for (const name of ["worker-1", "api-1", "redis"]) {
    const killed = pidIn(`${name}.pid`);
    process.kill(killed, "SIGKILL");
    await until(() => pidIn(`${name}.pid`) !== killed && isHolder(pidIn(`${name}.pid`), runFile(`${name}.pid`)));
    expect(first.said()).toContain(`${name} ended by itself`);
  }
  await until(async () => (await fetch(`${ready.url}/readyz`).catch(() => null))?.ok === true);
});

test("after kill -9 the next start takes the servers over, replaces roles, and leaves strangers alone", async () => {
  const roles = ["api-1", "worker-1", "relay-1"].map((name) => [`${name}.pid`, pidIn(`${name}.pid`)] as const);
  const servers = [pidIn("mariadb.pid"), pidIn("redis.pid")];
  process.kill(first.process.pid ?? 0, "SIGKILL");
  await first.ended;
  const stranger = spawn("sleep", ["600"]);
  strangers.push(stranger);
  writeFileSync(runFile("worker-7.pid"), `${stranger.pid}\n`);
  writeFileSync(runFile("up.pid"), `${stranger.pid}\n`);
  first = start();
  ready = await untilReady(first);
  expect([ready.pids["mariadb"], ready.pids["redis"]]).toEqual(servers);
  expect(first.said()).toMatch(/MariaDB was still running.*taken over/);
  for (const [file, pid] of roles) expect(isHolder(pid, runFile(file)), file).toBe(false);
  expect(stranger.exitCode).toBe(null);
  expect(stranger.kill(0)).toBe(true);
});

test("SIGTERM stops everything, leaves no pid file, and ends with 0", async () => {
  first.process.kill("SIGTERM");
  expect(await first.ended).toEqual([0, null]);
  expect(readdirSync(join(folder, "run"))).toEqual([]);
  await until(() => Object.values(ready.pids).every((pid) => !existsSync(`/proc/${pid}`)));
});

test("goes on when nobody reads any more what it says, and stops everything when it is told to", async () => {
  first = start();
  ready = await untilReady(first);
  first.process.stdout?.destroy();
  first.process.stderr?.destroy();
  for (const name of ["relay-1", "redis"]) {
    const killed = pidIn(`${name}.pid`);
    process.kill(killed, "SIGKILL"); // of which it has something to say
    await until(() => pidIn(`${name}.pid`) !== killed && isHolder(pidIn(`${name}.pid`), runFile(`${name}.pid`)));
  }
  const servers = [pidIn("mariadb.pid"), pidIn("redis.pid")];
  first.process.kill("SIGTERM");
  expect(await first.ended).toEqual([0, null]);
  expect(readdirSync(join(folder, "run"))).toEqual([]);
  expect(servers.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
});

test("a start whose port is taken says so and leaves nothing running", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const refused = start(["--port", String(port)]);
  expect(await refused.ended).toEqual([1, null]);
  server.close();
  expect(refused.said()).toContain(`Port ${port} is taken`);
  expect(readdirSync(join(folder, "run"))).toEqual([]);
});

test("servers named in the environment are used, checked, and left running, by as many roles as asked", async () => {
  const databaseUrl = await cloneDatabase("up_named");
  const connection = await connectServer(databaseUrl);
  await connection.query("set global sync_binlog = 0");
  const env = { DATABASE_URL: databaseUrl, REDIS_URL: inject("redisUrl"), QUITTANCE_REDIS_PREFIX: "up-named" };
  const named = start(["--port", "0", "--api", "2", "--relay", "0"], env);
  const { pids, url } = await untilReady(named);
  await connection.query("set global sync_binlog = 1");
  expect(Object.keys(pids)).toEqual(["api-1", "api-2", "worker-1"]);
  expect(named.said()).toContain("sync_binlog is 0, not 1");
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  named.process.kill("SIGINT");
  expect(await named.ended).toEqual([0, null]);
  expect(readdirSync(join(folder, "run"))).toEqual([]);
  await connection.query("select 1");
  await connection.end();
});

test("told to stop while it starts, it stops", async () => {
  const early = start();
  await until(() => early.said().includes("data directory"));
  early.process.kill("SIGINT");
  expect(await early.ended).toEqual([0, null]);
  expect(early.printed()).toBe("");
  expect(readdirSync(join(folder, "run"))).toEqual([]);
});

test("of the errors that a role logs the last is told, once, with their number; other lines are not", async () => {
  const logFile = join(folder, "trouble.log");
  writeFileSync(logFile, '{"level":50,"msg":"before the watch"}\n');
  const said: string[] = [];
  const end = watchTrouble([{ name: "api-1", logFile }], (line) => said.push(line));
  appendFileSync(
    logFile,
    '{"level":50,"msg":"first"}\n{"level":30,"msg":"fine"}\nno JSON\n{"level":60,"msg":"second"}\n{"lev',
  );
  await until(() => said.length > 0);
  end();
  expect(said).toEqual([`api-1: second (the last of 2 errors); see ${logFile}`]);
});

function start(args: readonly string[] = ["--port", "0"], settings: Readonly<Record<string, string>> = {}): Up {
  return spawnUp(["--data-dir", folder, ...args], settings);
}

function spawnUp(args: readonly string[], settings: Readonly<Record<string, string>>): Up {
  const { DATABASE_URL, REDIS_URL, ...env } = childEnvironment({});
  const child = spawn(COMMAND, ["up", "--json", ...args], { env: { ...env, ...settings } });
  const texts = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    texts.out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    texts.err += text;
  });
  const ended = new Promise<[number | null, string | null]>((resolve) => {
    child.once("close", (code, signal) => resolve([code, signal]));
  });
  return { process: child, said: () => texts.err, printed: () => texts.out, ended };
}

async function untilReady(up: Up): Promise<z.infer<typeof Ready>> {
  await until(() => up.printed().endsWith("\n") || up.process.exitCode !== null);
  if (up.process.exitCode !== null) throw new Error(up.said());
  return Ready.parse(JSON.parse(up.printed()));
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await sleep(20);
}

function pidIn(name: string): number {
  return existsSync(runFile(name)) ? Number(readFileSync(runFile(name), "utf8")) : 0;
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // it ended already
  }
}
