import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "../../src/server/demo/random.js";
import type { ServerName } from "./servers.js";
import type { SqlFault } from "./wire.js";
import type { World } from "./world.js";

/** Proof that a strike struck: what was counted, and how much of it. */
export interface Evidence {
  readonly what: string;
  readonly count: number;
}

/** One fault: strikes, and heals again. */
export type Strike = (world: World, random: Random) => Promise<Evidence>;

/** Longer than a job's lock, a look for dead workers, and a transaction may idle. */
const FROZEN_MS = 14_000;
const PAUSED_MS_MAX = 4_000;
const DOWN_MS_MAX = 1_500;
const STRUCK_MS_MAX = 60_000;
const FAULT_TIMES = 4;

/** Every fault that a nemesis knows, by name. */
export const STRIKES: Readonly<Record<string, Strike>> = {
  "kill -9 of the api": killing("api"),
  "kill -9 of a worker": killing("worker"),
  "kill -9 of the relay": killing("relay"),
  "kill -9 of everything at once": killEverything,
  "Redis FLUSHALL": flushRedis,
  "Redis killed, back empty": killRedis,
  "MariaDB killed, restarted": killMariadb,
  "Redis stopped for seconds": pausing("redis"),
  "MariaDB stopped for seconds": pausing("mariadb"),
  "a worker stopped past its lock, then continued": freezeWorker,
  "answers lost after the request was delivered": loseAnswers,
  "error 1205 in statements": failing(1205),
  "error 1213 in statements": failing(1213),
  "connections lost in statements (2013)": failing(2013),
  "error 1180 at COMMIT": failing(1180),
};

function killing(kind: string): Strike {
  return async ({ roles }, random) => {
    const names = roles.of(kind);
    const signal = await roles.kill(names[Math.floor(random.between(0, names.length))] ?? kind);
    await sleep(random.between(0, DOWN_MS_MAX));
    await roles.start();
    return { what: "roles ended by SIGKILL", count: signal === "SIGKILL" ? 1 : 0 };
  };
}

async function killEverything({ roles, servers }: World): Promise<Evidence> {
  const signals = await Promise.all([
    ...roles.names.map((name) => roles.kill(name)),
    ...(["mariadb", "redis"] as const).map(async (server) => {
      await servers.kill(server);
      return "SIGKILL";
    }),
  ]);
  await servers.start();
  await roles.start();
  const count = signals.filter((signal) => signal === "SIGKILL").length;
  return { what: "processes ended by SIGKILL", count: count === signals.length ? count : 0 };
}

async function flushRedis({ app }: World): Promise<Evidence> {
  const count = await app.redis.dbsize();
  await app.redis.flushall();
  return { what: "keys flushed", count };
}

async function killRedis({ servers }: World, random: Random): Promise<Evidence> {
  const before = servers.pid("redis");
  await servers.kill("redis");
  await sleep(random.between(0, DOWN_MS_MAX));
  await servers.start();
  return { what: "Redis processes replaced", count: servers.pid("redis") === before ? 0 : 1 };
}

async function killMariadb({ servers }: World, random: Random): Promise<Evidence> {
  const before = servers.pid("mariadb");
  await servers.kill("mariadb");
  await sleep(random.between(0, DOWN_MS_MAX));
  await servers.start();
  return { what: "MariaDB processes replaced", count: servers.pid("mariadb") === before ? 0 : 1 };
}

async function freezeWorker({ roles }: World, random: Random): Promise<Evidence> {
  const names = roles.of("worker");
  const { pid = 0 } = roles.child(names[Math.floor(random.between(0, names.length))] ?? "worker-1");
  return freeze(pid, FROZEN_MS);
}

function pausing(server: ServerName): Strike {
  return ({ servers }, random) => freeze(servers.pid(server), random.between(1_000, PAUSED_MS_MAX));
}

async function freeze(pid: number, ms: number): Promise<Evidence> {
  process.kill(pid, "SIGSTOP");
  await sleep(ms);
  const isStopped = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.startsWith("T") === true;
  process.kill(pid, "SIGCONT");
  return { what: "seconds that it was stopped", count: isStopped ? Math.round(ms / 1_000) : 0 };
}

async function loseAnswers({ line }: World): Promise<Evidence> {
  const before = line.lost();
  line.loseAnswers(FAULT_TIMES);
  await until(() => line.lost() - before >= FAULT_TIMES);
  return { what: "answers lost", count: line.lost() - before };
}

function failing(fault: SqlFault): Strike {
  return async ({ wire }, random) => {
    const before = wire.struck(fault);
    wire.fail(fault, FAULT_TIMES, 1 + Math.floor(random.between(0, fault === 1180 ? 5 : 40)));
    await until(() => wire.struck(fault) - before >= FAULT_TIMES);
    return { what: `statements failed with ${fault}`, count: wire.struck(fault) - before };
  };
}

async function until(isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + STRUCK_MS_MAX;
  while (!isSo() && performance.now() < deadline) await sleep(10);
}
