import { setTimeout as sleep } from "node:timers/promises";
import { Queue, Worker } from "bullmq";
import { Redis } from "ioredis";
import type { App, JobKind, JobRequest, Performable, QueueDepth, Queues } from "./app.js";
import type { Config } from "./config.js";
import type { Log } from "./log.js";
import { awaitRedis, redisAddress } from "./redis.js";

/** Of what happens to the jobs of a queue, for whoever watches it: nobody looks far back. */
const EVENTS_MAX = 1_000;
const KEPT_FAILED_MAX = 1_000;
const BACKOFF_MS = 200;
/**
 * A worker that is silent for so long is taken for dead, and its job is given to another at the next look. Short,
 * because nothing rests on it: what a slow worker and its successor may both do is decided in the database.
 */
const LOCK_MS = 8_000;
const STALLED_LOOK_MS = 4_000;
const REST_MS = 1_000;
/** How long adding a job waits for Redis before the sweeper must do without it. */
const ADD_WAIT_MS = 500;

/** A kind of job, checked by the compiler. */
export function defineJob<I>(kind: JobKind<I>): JobKind<I> & Performable {
  return { ...kind, perform: (app, data) => kind.run(app, kind.input.parse(data)) };
}

/** Opens the queues; connections are made when first used. */
export function openQueues(config: Config, log: Log): Queues {
  return new RedisQueues(config, log);
}

class RedisQueues implements Queues {
  readonly #queues = new Map<string, Queue>();
  readonly #workers: Worker[] = [];
  readonly #connections: Redis[] = [];
  #adding: Redis | null = null;

  constructor(
    readonly config: Config,
    readonly log: Log,
  ) {}

  async add<I>({ queue, job, input, deduplicationId, delayMs = 0 }: JobRequest<I>): Promise<boolean> {
    try {
      if (!(await awaitRedis(this.#addingConnection(), ADD_WAIT_MS))) return false;
      await this.#queue(queue).add(job.name, input, {
        attempts: job.attemptsMax,
        delay: delayMs,
        backoff: { type: "exponential", delay: BACKOFF_MS },
        removeOnComplete: true,
        removeOnFail: KEPT_FAILED_MAX,
        deduplication: { id: deduplicationId, keepLastIfActive: true },
      });
      return true;
    } catch (error) {
      this.log.warn({ queue, job: job.name, reason: reasonOf(error) }, "queues: job not added; the sweeper will");
      return false;
    }
  }

  work(app: App, name: string, kinds: readonly Performable[], concurrency: number): void {
    const byName = new Map(kinds.map((kind) => [kind.name, kind]));
    const prefix = this.#prefix;
    const connection = this.#connect({ queuesOffline: true });
    const times = { lockDuration: LOCK_MS, stalledInterval: STALLED_LOOK_MS };
    // Asks for Redis's version: of one that is not known delays are taken for whole seconds.
    const options = { connection, prefix, concurrency, ...times };
    const worker = new Worker(name, (job) => runJob(app, byName.get(job.name), job), options);
    worker.on("error", (error) => {
      this.log.warn({ queue: name, reason: error.message }, "queues: worker trouble");
      void rest(worker);
    });
    worker.on("failed", (job, error) => {
      this.log.error({ queue: name, job: job?.name, data: job?.data, err: error }, "queues: job failed");
    });
    this.#workers.push(worker);
  }

  async depths(queues: readonly string[]): Promise<QueueDepth[]> {
    if (!(await awaitRedis(this.#addingConnection(), ADD_WAIT_MS))) throw new Error("Redis is away");
    const depths = await Promise.all(
      queues.map(async (queue) => {
        const counts = await this.#queue(queue).getJobCounts("wait", "active", "delayed", "failed");
        return Object.entries(counts).map(([state, jobs]) => ({ queue, state, jobs }));
      }),
    );
    return depths.flat();
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.close()));
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()));
    for (const redis of this.#connections) redis.disconnect();
  }

  get #prefix(): string {
    return `${this.config.redisPrefix}:queue`;
  }

  #queue(name: string): Queue {
    const known = this.#queues.get(name);
    if (known !== undefined) return known;
    const options = { connection: this.#addingConnection(), prefix: this.#prefix, skipVersionCheck: true };
    const queue = new Queue(name, { ...options, streams: { events: { maxLen: EVENTS_MAX } } });
    queue.on("error", (error) => this.log.warn({ queue: name, reason: error.message }, "queues: trouble"));
    this.#queues.set(name, queue);
    return queue;
  }

  #addingConnection(): Redis {
    this.#adding ??= this.#connect({ queuesOffline: false });
    return this.#adding;
  }

  #connect({ queuesOffline }: { readonly queuesOffline: boolean }): Redis {
    const address = redisAddress(this.config.redisUrl);
    const redis = new Redis(address, { maxRetriesPerRequest: null, enableOfflineQueue: queuesOffline });
    redis.on("error", (error: Error) => this.log.warn({ reason: error.message }, "queues: connection trouble"));
    this.#connections.push(redis);
    return redis;
  }
}

/** A worker that Redis refuses asks again at once, and without end; so it is given a rest. */
async function rest(worker: Worker): Promise<void> {
  if (worker.isPaused()) return;
  await worker.pause(true);
  await sleep(REST_MS, undefined, { ref: false });
  if (worker.closing === undefined) await worker.resume();
}

async function runJob(app: App, kind: Performable | undefined, job: { name: string; data: unknown }): Promise<void> {
  if (kind === undefined) throw new Error(`no job is named ${job.name}`);
  await kind.perform(app, job.data);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
