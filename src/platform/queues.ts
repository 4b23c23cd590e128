import { type ConnectionOptions, Queue, Worker } from "bullmq";
import { Redis } from "ioredis";
import type { z } from "zod";
import type { App } from "./app.js";
import type { Config } from "./config.js";
import type { Log } from "./log.js";

/** A kind of job: small, repeatable, bounded. It carries ids, never facts. */
export interface JobKind<I> {
	readonly name: string;
	readonly attemptsMax: number;
	readonly input: z.ZodType<I>;
	run(app: App, input: I): Promise<void>;
}

/** One job to do later, in a named queue. */
export interface JobRequest<I> {
	readonly queue: string;
	readonly job: JobKind<I>;
	readonly input: I;
	/** While a job of this id waits no second one is added; while it runs, one more is kept for after. */
	readonly deduplicationId: string;
}

/** The queues of this process. Jobs are hints: losing every one loses nothing, since the sweeper enqueues what is due. */
export interface Queues {
	/** Adds a job; false when Redis is away and the sweeper must do without. */
	add<I>(request: JobRequest<I>): Promise<boolean>;
	/** Runs a queue's jobs in this process, so many at a time over all processes. */
	work(
		app: App,
		queue: string,
		kinds: readonly JobKind<never>[],
		concurrency: number,
	): void;
	/** Stops taking jobs and waits for those at work. */
	close(): Promise<void>;
}

const KEPT_FAILED_MAX = 1_000;
const BACKOFF_MS = 200;
const LOCK_MS = 30_000;

/** A kind of job, checked by the compiler. */
export function defineJob<I>(kind: JobKind<I>): JobKind<I> {
	return kind;
}

/** Opens the queues; connections are made when first used. */
export function openQueues(config: Config, log: Log): Queues {
	const queues = new Map<string, Queue>();
	const workers: Worker[] = [];
	const connections: Redis[] = [];
	const prefix = `${config.redisPrefix}:queue`;
	const connect = (forWorker: boolean): ConnectionOptions => {
		const redis = new Redis(config.redisUrl.replace(/^unix:\/\//, ""), {
			maxRetriesPerRequest: null,
			enableOfflineQueue: forWorker,
		});
		redis.on("error", (error: Error) =>
			log.warn({ reason: error.message }, "queues: connection trouble"),
		);
		connections.push(redis);
		return redis;
	};
	let adding: ConnectionOptions | undefined;
	const queueOf = (name: string): Queue => {
		let queue = queues.get(name);
		if (queue === undefined) {
			adding ??= connect(false);
			queue = new Queue(name, {
				connection: adding,
				prefix,
				skipVersionCheck: true,
			});
			queue.on("error", (error) =>
				log.warn({ queue: name, reason: error.message }, "queues: trouble"),
			);
			queues.set(name, queue);
		}
		return queue;
	};
	return {
		async add({ queue, job, input, deduplicationId }) {
			try {
				await queueOf(queue).add(job.name, input, {
					attempts: job.attemptsMax,
					backoff: { type: "exponential", delay: BACKOFF_MS },
					removeOnComplete: true,
					removeOnFail: KEPT_FAILED_MAX,
					deduplication: { id: deduplicationId, keepLastIfActive: true },
				});
				return true;
			} catch (error) {
				log.warn(
					{ queue, job: job.name, reason: reasonOf(error) },
					"queues: job not added; the sweeper will",
				);
				return false;
			}
		},
		work(app, name, kinds, concurrency) {
			const byName = new Map(
				kinds.map((kind) => [kind.name, kind as JobKind<unknown>]),
			);
			const worker = new Worker(
				name,
				async (job) => {
					const kind = byName.get(job.name);
					if (kind === undefined)
						throw new Error(`no job is named ${job.name}`);
					await kind.run(app, kind.input.parse(job.data));
				},
				{
					connection: connect(true),
					prefix,
					concurrency,
					lockDuration: LOCK_MS,
					skipVersionCheck: true,
				},
			);
			worker.on("error", (error) =>
				log.warn(
					{ queue: name, reason: error.message },
					"queues: worker trouble",
				),
			);
			worker.on("failed", (job, error) =>
				log.error(
					{ queue: name, job: job?.name, data: job?.data, err: error },
					"queues: job failed",
				),
			);
			void queueOf(name)
				.setGlobalConcurrency(concurrency)
				.catch(() => undefined); // a courtesy; the cursor's lock decides
			workers.push(worker);
		},
		async close() {
			await Promise.all(workers.map((worker) => worker.close()));
			await Promise.all([...queues.values()].map((queue) => queue.close()));
			for (const redis of connections) redis.disconnect();
		},
	};
}

function reasonOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}
