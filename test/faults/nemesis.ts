import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { postingQueue, postPartner } from "../../src/exchange/posting/jobs.js";
import { redisAddress } from "../../src/platform/redis.js";
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

const READ_ONLY_ERRNO = 1290;
/** Longer than a job's lock, a look for dead workers, and a transaction may idle. */
const FROZEN_MS = 14_000;
const PAUSED_MS_MAX = 4_000;
const DOWN_MS_MAX = 1_500;
const STRUCK_MS_MAX = 60_000;
const FAULT_TIMES = 4;
const PAUSE_CLIENTS_MS = 1_000;
const CLOCK_MS = 300_000;
/** An api that is off by five minutes refuses every batch, as it should; by less, none. */
const IAT_KEPT_MS = 240_000;
const CLOCK_KEPT_MS = 1_500;
const JOBS = { each: 5, delayMsMax: 1_500 };

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
  "Redis full": refusing({
    code: "OOM",
    begin: (redis) => redis.config("SET", "maxmemory", "1"),
    end: (redis) => redis.config("SET", "maxmemory", "0"),
  }),
  "Redis read-only": refusing({
    code: "READONLY",
    begin: (redis) => redis.replicaof("127.0.0.1", 1),
    end: (redis) => redis.replicaof("NO", "ONE"),
  }),
  "Redis answers nobody for a second": pauseClients,
  "MariaDB read-only": makeReadOnly,
  "SIGTERM of the api": stopping("api"),
  "SIGTERM of a worker": stopping("worker"),
  "SIGTERM of the relay": stopping("relay"),
  "the api's clock minutes ahead, then behind": settingClock("api", IAT_KEPT_MS),
  "a worker's clock 300 s ahead, then behind": settingClock("worker", CLOCK_MS),
  "the relay's clock 300 s ahead, then behind": settingClock("relay", CLOCK_MS),
  "jobs twice, late and in another order": repeatJobs,
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

interface Refusing {
  /** What Redis's errors begin with meanwhile. */
  readonly code: string;
  readonly begin: (redis: Redis) => Promise<unknown>;
  readonly end: (redis: Redis) => Promise<unknown>;
}

/** Until Redis has refused something, and a batch that came meanwhile was posted without it. */
function refusing({ code, begin, end }: Refusing): Strike {
  return async ({ app }) => {
    const refusals = async () =>
      Number(new RegExp(`errorstat_${code}:count=(\\d+)`).exec(await errorsOf(app))?.[1] ?? 0);
    const before = await refusals();
    const [{ last }] = await app.database.query("/* all tenants */ select max(no) as last from batch");
    await begin(app.redis);
    try {
      await until(async () => (await refusals()) > before && (await postedAfter(app, last)) > 0);
      const isPosted = (await postedAfter(app, last)) > 0;
      return {
        what: `commands refused with ${code}, while batches were posted`,
        count: isPosted ? (await refusals()) - before : 0,
      };
    } finally {
      await end(app.redis);
    }
  };
}

function errorsOf({ redis }: World["app"]): Promise<string> {
  return redis.info("errorstats");
}

async function postedAfter({ database }: World["app"], no: string): Promise<number> {
  const [{ posted }] = await database.query(
    "/* all tenants */ select count(*) as posted from batch where no > ? and state = 'POSTED'",
    [no],
  );
  return Number(posted);
}

async function pauseClients({ servers }: World): Promise<Evidence> {
  const redis = new Redis(redisAddress(servers.redisUrl));
  try {
    await redis.client("PAUSE", PAUSE_CLIENTS_MS);
    const began = performance.now();
    await redis.ping();
    const pausedMs = Math.round(performance.now() - began);
    return { what: "milliseconds that it answered nobody", count: pausedMs > PAUSE_CLIENTS_MS / 2 ? pausedMs : 0 };
  } finally {
    redis.disconnect();
  }
}

async function makeReadOnly({ app, wire }: World): Promise<Evidence> {
  const before = wire.answered(READ_ONLY_ERRNO);
  await app.database.query("set global read_only = 1");
  try {
    await until(() => wire.answered(READ_ONLY_ERRNO) - before >= FAULT_TIMES);
  } finally {
    await app.database.query("set global read_only = 0");
  }
  return { what: "statements refused as read-only", count: wire.answered(READ_ONLY_ERRNO) - before };
}

function stopping(kind: string): Strike {
  return async ({ roles }, random) => {
    const names = roles.of(kind);
    const code = await roles.stop(names[Math.floor(random.between(0, names.length))] ?? kind);
    await roles.start();
    return { what: "roles that ended well", count: code === 0 ? 1 : 0 };
  };
}

function settingClock(kind: string, byMs: number): Strike {
  return async ({ roles }) => {
    const off: number[] = [];
    for (const offsetMs of [byMs, -byMs, 0]) {
      off.push(...(await Promise.all(roles.of(kind).map((name) => roles.setClock(name, offsetMs)))));
      await sleep(CLOCK_KEPT_MS);
    }
    const seconds = off.reduce((sum, ms) => sum + Math.abs(ms) / 1_000, 0);
    return { what: "seconds that clocks were off, in all", count: Math.round(seconds) };
  };
}

/** Each partner's posting again and again, none known as the same, later ones first. */
async function repeatJobs({ app, places }: World, random: Random): Promise<Evidence> {
  const requests = places.flatMap(({ partner: { tenantId, tenantNo, id: partnerId, postingPartition } }) =>
    Array.from({ length: JOBS.each }, (_, index) => ({
      queue: postingQueue(postingPartition),
      job: postPartner,
      input: { tenantId, tenantNo, partnerId },
      deduplicationId: `again-${partnerId}-${index}-${random.between(0, 1)}`,
      delayMs: Math.floor(random.between(0, JOBS.delayMsMax)),
    })),
  );
  const added = await Promise.all(requests.toReversed().map((request) => app.queues.add(request)));
  await sleep(JOBS.delayMsMax);
  return { what: "jobs added once more", count: added.filter(Boolean).length };
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

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + STRUCK_MS_MAX;
  while (!(await isSo()) && performance.now() < deadline) await sleep(10);
}
