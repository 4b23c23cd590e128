import { createHash } from "node:crypto";
import { Redis } from "ioredis";
import type { Config } from "./config.js";
import type { Log } from "./log.js";

export type { Redis } from "ioredis";

/** How long a command may take before its caller goes to MySQL instead. */
const COMMAND_TIMEOUT_MS = 500;
const RECONNECT_MS_MAX = 2_000;
const PROBE_KEPT_MS = 10_000;

/** The purpose of a connection: commands fail fast, blocking reads wait, subscribers listen. */
export type RedisUse = "commands" | "blocking" | "subscriber";

/**
 * A connection to Redis that reconnects for ever. `commands` connections answer or fail within half a second and queue
 * nothing while Redis is away, since whoever asks has MySQL to fall back on.
 */
export function openRedis(config: Pick<Config, "redisUrl">, log: Log, use: RedisUse = "commands"): Redis {
  const common = {
    retryStrategy: (attempt: number) => Math.min(50 * attempt, RECONNECT_MS_MAX),
    maxRetriesPerRequest: null,
  };
  const redis = new Redis(redisAddress(config.redisUrl), {
    ...common,
    ...(use === "commands" ? { enableOfflineQueue: false, commandTimeout: COMMAND_TIMEOUT_MS } : {}),
  });
  redis.on("error", (error: Error) => log.warn({ use, reason: error.message }, "redis: connection trouble"));
  return redis;
}

/** Waits until the connection can be used, or the time is over; Redis being away is no error. */
export async function awaitRedis(redis: Redis, timeoutMs: number): Promise<boolean> {
  if (redis.status === "ready") return true;
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, timeoutMs, false);
    void nextReady(redis).then(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}

const readiness = new WeakMap<Redis, Promise<void>>();

/** The next time it is ready; all who wait for it share a listener. */
function nextReady(redis: Redis): Promise<void> {
  const known = readiness.get(redis);
  if (known !== undefined) return known;
  const ready = new Promise<void>((resolve) => {
    redis.once("ready", () => {
      readiness.delete(redis);
      resolve();
    });
  });
  readiness.set(redis, ready);
  return ready;
}

/** Whether Redis takes writes now: one that is full, read-only or stopped is there and does not. */
export async function takesWrites(redis: Redis, prefix: string): Promise<boolean> {
  if (redis.status !== "ready") return false;
  return redis.set(`${prefix}:probe`, "1", "PX", PROBE_KEPT_MS).then(
    () => true,
    () => false, // whoever asks does without
  );
}

/** What ioredis takes: a path for `unix:///run/redis.sock`, else the URL itself. */
export function redisAddress(url: string): string {
  return url.startsWith("unix://") ? url.slice("unix://".length) : url;
}

/** A Lua script over one key, which the server keeps by its SHA-1. */
export interface RedisScript {
  readonly lua: string;
  readonly sha1: string;
}

/** Names a script; nothing is sent yet. */
export function redisScript(lua: string): RedisScript {
  return { lua, sha1: createHash("sha1").update(lua).digest("hex") };
}

/** Runs a script by its name; its text is sent only to a server that does not know it (NOSCRIPT). */
export async function runScript(
  redis: Redis,
  { lua, sha1 }: RedisScript,
  key: string,
  values: readonly (string | number)[],
): Promise<unknown> {
  try {
    return await redis.evalsha(sha1, 1, key, ...values);
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
    return redis.eval(lua, 1, key, ...values);
  }
}
