import type { Redis } from "ioredis";
import type { DataSource } from "typeorm";
import type { z } from "zod";
import type { Clock } from "../kernel/clock.js";
import type { Config } from "./config.js";
import type { Log } from "./log.js";
import type { MasterKeys } from "./master-keys.js";
import type { Metrics } from "./metrics.js";
import type { Signals } from "./signals.js";

/** A process's infrastructure, handed to every operation. */
export interface App {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly database: DataSource;
  /** The same database over connections that take several statements at once, for `transactTogether`. */
  readonly manyStatements: DataSource;
  readonly redis: Redis;
  readonly signals: Signals;
  readonly queues: Queues;
  readonly masterKeys: MasterKeys;
}

/** A kind of job: small, repeatable, bounded. It carries ids, never facts. */
export interface JobKind<I> {
  readonly name: string;
  readonly attemptsMax: number;
  readonly input: z.ZodType<I>;
  run(app: App, input: I): Promise<void>;
}

/** A kind of job whose jobs may wait for others: it answers what is to be done before it runs again, or nothing. */
export interface FlowJobKind<I> extends Omit<JobKind<I>, "run"> {
  run(app: App, input: I): Promise<readonly FlowJob[]>;
}

/** A kind of job as a queue takes it up: it checks the data that lay there, then runs; it answers what it waits for. */
export interface Performable {
  readonly name: string;
  readonly attemptsMax: number;
  perform(app: App, data: unknown): Promise<readonly FlowJob[]>;
}

/**
 * A job of a flow: it runs when its children are done, and again while it answers more of them. One that fails for good
 * is forgotten, so that it can be added anew.
 */
export interface FlowJob {
  readonly queue: string;
  readonly job: Performable;
  readonly input: unknown;
  /** Only one job of an id lies in a queue, however often it is added. Without a colon, and no whole number. */
  readonly id: string;
  readonly children?: readonly FlowJob[];
  /** Whether the job that waits for it goes on without it where it fails; if not, that fails with it. */
  readonly failsAlone?: boolean;
}

/** One job to do later, in a named queue. */
export interface JobRequest<I> {
  readonly queue: string;
  readonly job: JobKind<I>;
  readonly input: I;
  /** While a job of this id waits no second one is added; while it runs, one more is kept for after. */
  readonly deduplicationId: string;
  /** Not before so long from now. */
  readonly delayMs?: number;
}

/** How many jobs of a queue stand where: `wait`, `active`, `delayed`, `waiting-children` or `failed`. */
export interface QueueDepth {
  readonly queue: string;
  readonly state: string;
  readonly jobs: number;
}

/**
 * The queues of this process. Jobs are hints: losing every one loses nothing, since the sweeper enqueues what is due.
 */
export interface Queues {
  /** Adds a job; false when Redis is away and the sweeper must do without. */
  add<I>(request: JobRequest<I>): Promise<boolean>;
  /**
   * Adds a job with all that it waits for; what lies there already stays as it is, and where it waits for as many
   * already nothing is done. False when Redis is away.
   */
  addFlow(flow: FlowJob): Promise<boolean>;
  /** Removes what a job waits for, but what is at work. False when Redis is away. */
  dropChildren(queue: string, id: string): Promise<boolean>;
  /** Runs a queue's jobs in this process, so many at a time over all processes. */
  work(app: App, queue: string, kinds: readonly Performable[], concurrency: number): void;
  /** How full queues are; throws while Redis is away. */
  depths(queues: readonly string[]): Promise<QueueDepth[]>;
  /** Stops taking jobs and waits for those at work. */
  close(): Promise<void>;
}
