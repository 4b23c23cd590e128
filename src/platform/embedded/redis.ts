import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import type { Place } from "./place.js";
import { type EmbeddedServer, runServer } from "./server.js";

const PING_MS_MAX = 2_000;

/**
 * The private Redis of this place, answering; on a Unix socket alone. It keeps an append-only file, which is a
 * convenience for the next start and not a promise: MySQL holds the truth.
 */
export async function runRedis(place: Place, redisServer: string): Promise<EmbeddedServer> {
  const socketPath = join(place.socketDir, "redis.sock");
  const folder = join(place.dataDir, "redis");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return runServer(place, {
    name: "redis",
    title: "Redis",
    url: `unix://${socketPath}`,
    command: redisServer,
    args: [
      ...["--port", "0", "--unixsocket", socketPath, "--unixsocketperm", "700"],
      ...["--dir", folder, "--daemonize", "no", "--save", ""],
      ...["--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction"],
    ],
    answers: () => answers(socketPath),
  });
}

async function answers(socketPath: string): Promise<boolean> {
  if (!existsSync(socketPath)) return false;
  const redis = new Redis(socketPath, { lazyConnect: true, retryStrategy: () => null, commandTimeout: PING_MS_MAX });
  redis.on("error", () => undefined); // the command below fails with it
  try {
    await redis.connect();
    return (await redis.ping()) === "PONG";
  } catch {
    return false; // not listening yet, still loading, or no longer
  } finally {
    redis.disconnect();
  }
}
