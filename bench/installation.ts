import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { stopPair } from "../src/platform/embedded/pair.js";
import { openPlace } from "../src/platform/embedded/place.js";
import { stopLeftovers } from "../src/server/up/roles.js";
import type { Cleanup } from "./cleanup.js";

/** The repository. */
export const HOME = fileURLToPath(new URL("..", import.meta.url));

/** Everything that `up` runs, in a data directory of its own: MariaDB, Redis, api, worker, relay. */
export interface Installation {
  /** Where the api answers. */
  readonly url: string;
  readonly dataDir: string;
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** The process of each part: `api`, `worker`, `relay`, `mariadb`, `redis`. */
  readonly pids: Readonly<Record<string, number>>;
  /** Where a worker or relay tells its metrics, by its name. */
  readonly metrics: Readonly<Record<string, string>>;
  /** From the start of the command to its word that it is ready, milliseconds. */
  readonly readyMs: number;
  /** Stops everything and removes the data directory. */
  stop(): Promise<void>;
}

const UP: readonly string[] = [process.execPath, "bin/quittance", "up"];
const READY_MS_MAX = 120_000;
const STOP_MS_MAX = 90_000;
const POLL_MS = 20;
const LATE = "late";
const FOLDER = /^quittance-bench-(\d+)-/;

/** Starts an installation on an empty data directory and a free port, and answers when it is ready. */
export async function startInstallation(cleanup: Cleanup, command: readonly string[] = UP): Promise<Installation> {
  cleanup.throwIfEnding();
  const dataDir = mkdtempSync(join(tmpdir(), `quittance-bench-${process.pid}-`));
  const [program, ...args] = [...command, "--data-dir", dataDir, "--port", "0", "--json"];
  const began = performance.now();
  // A group of its own: Ctrl-C is for us, and we stop it in our own order.
  const child = spawn(program, args, {
    cwd: HOME,
    env: ownEnvironment(),
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const stop = cleanup.later(async () => {
    await end(child);
    await removeInstallation(dataDir);
  });
  const { url, pids, metrics } = await readyInstallation(child);
  const readyMs = performance.now() - began;
  const services: { databaseUrl: string; redisUrl: string } = JSON.parse(
    readFileSync(join(dataDir, "run", "services.json"), "utf8"),
  );
  return { url, dataDir, ...services, pids, metrics, readyMs, stop };
}

/** Stops and removes what a killed run left behind. */
export async function removeLeftovers(): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    const owner = FOLDER.exec(name)?.[1];
    if (owner === undefined || existsSync(`/proc/${owner}`)) continue;
    await removeInstallation(join(tmpdir(), name));
  }
}

/** Our environment without what would lead an installation to other servers, keys or settings. */
function ownEnvironment(): NodeJS.ProcessEnv {
  const isOurs = (name: string) => !/^(DATABASE_URL|REDIS_URL|QUITTANCE_.*)$/.test(name);
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => isOurs(name)));
}

function readyInstallation(child: ChildProcess): Promise<Pick<Installation, "url" | "pids" | "metrics">> {
  return new Promise((resolve, reject) => {
    let [said, complaints] = ["", ""];
    const fail = (how: string) => reject(new Error(`The installation did not start (${how}):\n${complaints}${said}`));
    const timer = setTimeout(() => fail(`not ready after ${READY_MS_MAX / 1_000} s`), READY_MS_MAX);
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      complaints = (complaints + text).slice(-4_000);
    });
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      const ready = /^\{"ready":true.*\}$/m.exec(said)?.[0];
      if (ready === undefined) return;
      clearTimeout(timer);
      resolve(JSON.parse(ready));
    });
    child.once("error", (error) => fail(error.message));
    child.once("exit", (code, signal) => {
      clearTimeout(timer);
      fail(signal ?? `exit code ${code}`);
    });
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const isLate = (await Promise.race([ended, sleep(STOP_MS_MAX, LATE, { ref: false })])) === LATE;
  if (isLate) child.kill("SIGKILL");
}

/** Ends whatever still runs for a data directory, its supervisor first, and removes the directory. */
async function removeInstallation(dataDir: string): Promise<void> {
  const place = openPlace(dataDir);
  await endSupervisor(dataDir);
  await stopLeftovers(place, { graceMs: STOP_MS_MAX });
  await stopPair(place);
  rmSync(dataDir, { recursive: true, force: true });
}

async function endSupervisor(dataDir: string): Promise<void> {
  const pidFile = join(dataDir, "run", "up.pid");
  const pid = existsSync(pidFile) ? readFileSync(pidFile, "utf8").trim() : "";
  const isAlive = () => existsSync(`/proc/${pid}/cmdline`) && commandOf(pid).includes(dataDir);
  if (pid === "" || !isAlive()) return;
  process.kill(Number(pid), "SIGTERM");
  for (let waitedMs = 0; isAlive() && waitedMs < STOP_MS_MAX; waitedMs += POLL_MS) await sleep(POLL_MS);
}

/** The words of a process's command; none when it ended meanwhile. */
function commandOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return []; // it ended
  }
}
