import { setTimeout as sleep } from "node:timers/promises";
import type { App } from "../../platform/app.js";
import { awaitRedis, openRedis, type Redis } from "../../platform/redis.js";
import { type LiveEvent, lastSequence, type PartnerStream, storedEvents, streamKey } from "../streams/service.js";

/** Events that a process keeps of each stream somebody follows. */
const RECENT_MAX = 1_000;
/** How long one read of the streams waits; after it the database is asked what the streams may have lost. */
const BLOCK_MS = 5_000;
const READ_MAX = 500;
const WITHOUT_REDIS_MS = 1_000;

/** What a process knows of one partner's stream: its newest events, without a gap, and who waits for more. */
export class Feed {
  readonly recent: LiveEvent[] = [];
  followers = 0;
  /** Nothing will come any more, since the process stops. */
  isClosed = false;
  #waiting: (() => void)[] = [];

  constructor(
    readonly stream: PartnerStream,
    /** The last sequence that is known here. */
    public position: number,
  ) {}

  /** Resolves when something may have come since it was asked for. */
  rung(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  ring(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  close(): void {
    this.isClosed = true;
    this.ring();
  }

  /** Takes events that follow on what is known; after a hole the recent ones start anew. */
  push(events: readonly LiveEvent[]): void {
    for (const event of events) {
      if (event.sequence <= this.position) continue;
      if (event.sequence !== this.position + 1) this.recent.length = 0;
      this.recent.push(event);
      this.position = event.sequence;
    }
    if (this.recent.length > RECENT_MAX) this.recent.splice(0, this.recent.length - RECENT_MAX);
    this.ring();
  }

  /** The events after a sequence, if none of them is missing here; else null: ask the database. */
  after(sequence: number): readonly LiveEvent[] | null {
    if (sequence >= this.position) return [];
    const first = this.recent[0]?.sequence;
    if (first === undefined || first > sequence + 1) return null;
    return this.recent.slice(sequence + 1 - first);
  }
}

/** The streams that this process follows: one blocking connection reads them all, however many clients listen. */
export class Feeds {
  readonly #feeds = new Map<string, Feed>();
  #reading: Redis | null = null;
  #readerId: number | null = null;
  #isClosed = false;

  constructor(readonly app: App) {}

  /** The feed of a stream, from its present end on; give it back with `leave`. */
  async join(stream: PartnerStream): Promise<Feed> {
    const key = streamKey(this.app, stream);
    const position = await lastSequence(this.app.database.manager, stream);
    const feed = this.#feeds.get(key) ?? new Feed(stream, position);
    feed.followers += 1;
    if (!this.#feeds.has(key)) {
      this.#feeds.set(key, feed);
      this.#wake();
    }
    return feed;
  }

  leave(feed: Feed): void {
    feed.followers -= 1;
    if (feed.followers === 0) this.#feeds.delete(streamKey(this.app, feed.stream));
  }

  /** How many streams are followed. */
  get size(): number {
    return this.#feeds.size;
  }

  close(): void {
    this.#isClosed = true;
    this.#reading?.disconnect();
    for (const feed of this.#feeds.values()) feed.close();
  }

  /** Starts the reading loop, or interrupts its waiting so that it sees a stream that was just joined. */
  #wake(): void {
    if (this.#reading !== null) return void this.#unblock();
    const redis = openRedis(this.app.config, this.app.log, "blocking");
    redis.on(
      "ready",
      () =>
        void redis.client("ID").then(
          (id) => (this.#readerId = id),
          () => undefined,
        ),
    );
    this.#reading = redis;
    void this.#read(redis);
  }

  async #read(redis: Redis): Promise<void> {
    while (!this.#isClosed) {
      const feeds = [...this.#feeds];
      if (feeds.length === 0) {
        await sleep(BLOCK_MS / 50);
        continue;
      }
      try {
        await this.#readOnce(redis, feeds);
      } catch (error) {
        if (this.#isClosed) return;
        this.app.metrics.count("live_read_failures", { reason: error instanceof Error ? error.name : "unknown" });
        await this.#catchUp(feeds);
        await sleep(WITHOUT_REDIS_MS);
      }
    }
  }

  async #readOnce(redis: Redis, feeds: readonly (readonly [string, Feed])[]): Promise<void> {
    if (!(await awaitRedis(redis, WITHOUT_REDIS_MS))) return this.#catchUp(feeds);
    const keys = feeds.map(([key]) => key);
    const positions = feeds.map(([, feed]) => `${feed.position}-0`);
    const answer = await redis.xread("COUNT", READ_MAX, "BLOCK", BLOCK_MS, "STREAMS", ...keys, ...positions);
    if (answer === null) return this.#catchUp(feeds);
    for (const [key, entries] of answer) {
      this.#feeds.get(key)?.push(entries.map(([id, fields]) => entryEvent(id, fields)));
    }
  }

  /** What the streams did not bring, the database has. */
  async #catchUp(feeds: readonly (readonly [string, Feed])[]): Promise<void> {
    for (const [, feed] of feeds) {
      try {
        feed.push(await storedEvents(this.app.database.manager, feed.stream, feed.position));
      } catch (error) {
        this.app.log.warn({ err: error }, "live: the database did not answer either");
      }
    }
  }

  /** Ends the wait of the reading connection, so that it reads the stream that was just joined as well. */
  async #unblock(): Promise<void> {
    if (this.#readerId === null) return;
    const unblocking = this.app.redis.client("UNBLOCK", this.#readerId);
    await unblocking.catch(() => undefined); // then the wait ends by itself, in seconds
  }
}

function entryEvent(id: string, fields: readonly string[]): LiveEvent {
  return { ...JSON.parse(fields[1] ?? "{}"), sequence: Number(id.split("-")[0]) };
}

const feedsByApp = new WeakMap<App, Feeds>();

/** The feeds of this process; made when somebody first listens. */
export function feedsOf(app: App): Feeds {
  let feeds = feedsByApp.get(app);
  if (feeds === undefined) {
    feeds = new Feeds(app);
    feedsByApp.set(app, feeds);
  }
  return feeds;
}

/** Ends every subscription of this process, before it stops. */
export function closeFeeds(app: App): void {
  feedsByApp.get(app)?.close();
}
