import { pollForAllTenants, postingQueue, postPartner } from "../exchange/posting/jobs.js";
import type { App, Performable } from "../platform/app.js";
import { takesWrites } from "../platform/redis.js";
import {
  closeDueForAllTenants,
  pollRunsForAllTenants,
  SETTLEMENT_QUEUE,
  SETTLEMENTS_AT_ONCE,
  settlementPartner,
  settlementRun,
  settlementStep,
} from "../settlement/flows/jobs.js";
import { SIMULATION_QUEUE, simulate } from "../settlement/simulations/jobs.js";
import { POSTING_PARTITIONS } from "../tenancy/service.js";
import { type Loop, pause } from "./roles/loops.js";

/** Simulations that are at work at a time, over all workers: settling comes first. */
const SIMULATIONS_AT_ONCE = 1;

/** A queue that workers serve. */
export interface WorkerQueue {
  readonly queue: string;
  /** The jobs that may lie in it. */
  readonly kinds: readonly Performable[];
  /** How many of them run at a time, over all workers. */
  readonly concurrency: number;
}

/** Every queue of the workers, one line each. */
export const workerQueues: readonly WorkerQueue[] = [
  ...Array.from({ length: POSTING_PARTITIONS }, (_, partition) => ({
    queue: postingQueue(partition),
    kinds: [postPartner],
    concurrency: 1,
  })),
  {
    queue: SETTLEMENT_QUEUE,
    kinds: [settlementRun, settlementPartner, settlementStep],
    concurrency: SETTLEMENTS_AT_ONCE,
  },
  { queue: SIMULATION_QUEUE, kinds: [simulate], concurrency: SIMULATIONS_AT_ONCE },
];

/** What workers do besides jobs: looking for what is due when Redis is away, full or read-only. */
export const workerLoops: readonly Loop[] = [
  { name: "posting-without-redis", run: withoutRedis(pollForAllTenants) },
  { name: "closing-without-redis", run: withoutRedis(closeDueForAllTenants) },
  { name: "runs-without-redis", run: withoutRedis(pollRunsForAllTenants) },
];

const POLL_MS = 1_000;

/** Not at the first refusal: a process that was busy for half a second heard no answer either. */
function withoutRedis(work: (app: App) => Promise<unknown>): Loop["run"] {
  return async (app, signal) => {
    for (let wasAway = false; !signal.aborted; ) {
      const isAway = !(await takesWrites(app.redis, app.config.redisPrefix));
      if (isAway && wasAway) await work(app);
      wasAway = isAway;
      await pause(POLL_MS, signal);
    }
  };
}
