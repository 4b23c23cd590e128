import { setTimeout as sleep } from "node:timers/promises";
import {
  FlowProducer,
  type FlowJob as FlowTree,
  type Job,
  type ParentOptions,
  Queue,
  UnrecoverableError,
  WaitingChildrenError,
  Worker,
} from "bullmq";
import { Redis } from "ioredis";
import { present } from "../kernel/assert.js";
import type { App, FlowJob, FlowJobKind, JobKind, JobRequest, Performable, QueueDepth, Queues } from "./app.js";
import type { Config } from "./config.js";
import { Stopped } from "./flows.js";
import type { Log } from "./log.js";
import { awaitRedis, redisAddress } from "./redis.js";

/** Of what happens to the jobs of a queue, for whoever watches it: nobody looks far back. */
const EVENTS_MAX = 1_000;
const KEPT_FAILED_MAX = 1_000;
const ADDED_MAX = 500;
const BACKOFF = { type: "exponential", delay: 200 };
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
  return {
    ...kind,
    async perform(app, data) {
      await kind.run(app, kind.input.parse(data));
      return [];
    },
  };
}

/** A kind of job whose jobs may wait for others. */
export function defineFlowJob<I>(kind: FlowJobKind<I>): FlowJobKind<I> & Performable {
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
  #producer: FlowProducer | null = null;

  constructor(
    readonly config: Config,
    readonly log: Log,
  ) {}

  async add<I>({ queue, job, input, deduplicationId, delayMs = 0 }: JobRequest<I>): Promise<boolean> {
    return this.#whileThere(queue, async () => {
      await this.#queue(queue).add(job.name, input, {
        attempts: job.attemptsMax,
        delay: delayMs,
        backoff: BACKOFF,
        removeOnComplete: true,
        removeOnFail: KEPT_FAILED_MAX,
        deduplication: { id: deduplicationId, keepLastIfActive: true },
      });
    });
  }

  async addFlow({ children = [], ...root }: FlowJob): Promise<boolean> {
    return this.#whileThere(root.queue, async () => {
      if (children.length > 0 && (await this.#countAwaited(root)) >= children.length) return;
      for (const some of parts(children)) await this.#flowProducer().add(treeOf({ ...root, children: some }));
    });
  }

  async dropChildren(queue: string, id: string): Promise<boolean> {
    return this.#whileThere(queue, async () => {
      const job = await this.#queue(queue).getJob(id);
      await job?.removeUnprocessedChildren();
    });
  }

  work(app: App, name: string, kinds: readonly Performable[], concurrency: number): void {
    const byName = new Map(kinds.map((kind) => [kind.name, kind]));
    const prefix = this.#prefix;
    const connection = this.#connect({ queuesOffline: true });
    const times = { lockDuration: LOCK_MS, stalledInterval: STALLED_LOOK_MS };
    // Asks for Redis's version: of one that is not known delays are taken for whole seconds.
    const options = { connection, prefix, concurrency, ...times };
    const worker = new Worker(name, (job, token) => this.#run(app, byName.get(job.name), job, token), options);
    worker.on("error", (error) => {
      this.log.warn({ queue: name, reason: error.message }, "queues: worker trouble");
      void rest(worker);
    });
    worker.on("stalled", (id) => this.log.warn({ queue: name, id }, "queues: a job's worker fell silent"));
    worker.on("failed", (job, error) => {
      const facts = { queue: name, job: job?.name, data: job?.data };
      // Stopped on purpose, or for a job that it waited for: whoever was the cause has told.
      if (error instanceof UnrecoverableError)
        this.log.debug({ ...facts, reason: error.message }, "queues: job stopped");
      else this.log.error({ ...facts, err: error }, "queues: job failed");
    });
    this.#workers.push(worker);
  }

  async depths(queues: readonly string[]): Promise<QueueDepth[]> {
    if (!(await awaitRedis(this.#addingConnection(), ADD_WAIT_MS))) throw new Error("Redis is away");
    const depths = await Promise.all(
      queues.map(async (queue) => {
        const counts = await this.#queue(queue).getJobCounts("wait", "active", "delayed", "waiting-children", "failed");
        return Object.entries(counts).map(([state, jobs]) => ({ queue, state, jobs }));
      }),
    );
    return depths.flat();
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.close()));
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()));
    await this.#producer?.close();
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

  /** How many jobs a job waits for; none where it is not there. */
  async #countAwaited({ queue, id }: FlowJob): Promise<number> {
    const job = await this.#queue(queue).getJob(id);
    const { unprocessed = 0 } = (await job?.getDependenciesCount({ unprocessed: true })) ?? {};
    return unprocessed;
  }

  #flowProducer(): FlowProducer {
    if (this.#producer !== null) return this.#producer;
    const options = { connection: this.#addingConnection(), prefix: this.#prefix, skipVersionCheck: true };
    this.#producer = new FlowProducer(options);
    this.#producer.on("error", (error) => this.log.warn({ reason: error.message }, "queues: trouble with flows"));
    return this.#producer;
  }

  /** Does something in Redis; false where that is away, and the sweeper must do without. */
  async #whileThere(queue: string, work: () => Promise<void>): Promise<boolean> {
    try {
      if (!(await awaitRedis(this.#addingConnection(), ADD_WAIT_MS))) return false;
      await work();
      return true;
    } catch (error) {
      this.log.warn({ queue, reason: reasonOf(error) }, "queues: Redis was not told; the sweeper will");
      return false;
    }
  }

  /** Performs a job; where it answers others to wait for, these are added, and it is put aside until they are done. */
  async #run(app: App, kind: Performable | undefined, job: Job, token: string | undefined): Promise<void> {
    if (kind === undefined) return this.#drop(job);
    const parent = { id: present(job.id, "a job's id"), queue: job.queueQualifiedName };
    for (;;) {
      const children = await kind.perform(app, job.data).catch(asFailure);
      if (children.length === 0) return;
      for (const some of parts(children)) {
        await this.#flowProducer().addBulk(some.map((child) => treeOf(child, parent)));
      }
      if (await job.moveToWaitingChildren(present(token, "a job's token"))) throw new WaitingChildrenError();
    }
  }

  /** Of another version: the sweeper queues anew what is due. What waits for it must not go on as if it were done. */
  #drop({ name: job, queueName: queue, data, parent }: Job): void {
    this.log.warn({ queue, job, data }, "queues: a job of a kind that this version does not know is dropped");
    if (parent !== undefined) throw new UnrecoverableError(`no job is named ${job}`);
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

/** What is added at once, at most so many: Redis does nothing else meanwhile. An empty list is one part. */
function parts(jobs: readonly FlowJob[]): (readonly FlowJob[])[] {
  const count = Math.max(Math.ceil(jobs.length / ADDED_MAX), 1);
  return Array.from({ length: count }, (_, part) => jobs.slice(part * ADDED_MAX, (part + 1) * ADDED_MAX));
}

/** A flow as BullMQ takes it. What ends is removed at once: a job that lay there ended would keep its like away. */
function treeOf(
  { queue, job, input, id, children = [], failsAlone = false }: FlowJob,
  parent?: ParentOptions,
): FlowTree {
  const opts = {
    jobId: id,
    attempts: job.attemptsMax,
    backoff: BACKOFF,
    removeOnComplete: true,
    removeOnFail: true,
    ...(failsAlone ? { ignoreDependencyOnFailure: true } : { failParentOnFailure: true }),
  };
  const node = { name: job.name, queueName: queue, data: input, opts: { ...opts, ...(parent && { parent }) } };
  return children.length === 0 ? node : { ...node, children: children.map((child) => treeOf(child)) };
}

/** What stopped on purpose is not tried again. */
function asFailure(error: unknown): never {
  throw error instanceof Stopped ? new UnrecoverableError(error.message) : error;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
