import { setTimeout as sleep } from "node:timers/promises";
import { childEnvironment } from "../../platform/config.js";
import { createDatabase } from "../../platform/embedded/connect.js";
import { databaseDifferences, redisDifferences } from "../../platform/embedded/foreign.js";
import { startPair } from "../../platform/embedded/pair.js";
import type { Place } from "../../platform/embedded/place.js";
import { isHolder } from "../../platform/embedded/processes.js";
import { SERVER_FOLDERS } from "../../platform/embedded/programs.js";
import { pidFileOf } from "../../platform/embedded/server.js";

/** MariaDB and Redis, answering. */
export interface Servers {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** Of the private ones; a server of somebody else's has none here. */
  readonly pids: Readonly<Record<string, number>>;
}

/** The servers that the caller named; null takes a private one. */
export interface NamedServers {
  readonly databaseUrl: string | null;
  readonly redisUrl: string | null;
}

const LOOK_MS = 1_000;

/**
 * Sees to it that both servers answer: private ones, or those that were named, whose settings it checks and speaks
 * about.
 */
export async function findServers(place: Place, named: NamedServers, say: (line: string) => void): Promise<Servers> {
  const { mariadb, redis } = await startPair(place, {
    isMariadbWanted: named.databaseUrl === null,
    isRedisWanted: named.redisUrl === null,
    searchPath: [childEnvironment({})["PATH"] ?? "", ...SERVER_FOLDERS].join(":"),
    say,
  });
  if (named.databaseUrl !== null) {
    await createDatabase(named.databaseUrl);
    for (const each of await databaseDifferences(named.databaseUrl)) say(`the database of DATABASE_URL: ${each}`);
  }
  if (named.redisUrl !== null) {
    for (const each of await redisDifferences(named.redisUrl)) say(`the Redis of REDIS_URL: ${each}`);
  }
  return {
    databaseUrl: named.databaseUrl ?? mariadb?.url ?? "",
    redisUrl: named.redisUrl ?? redis?.url ?? "",
    pids: {
      ...(mariadb === null ? {} : { mariadb: mariadb.pid }),
      ...(redis === null ? {} : { redis: redis.pid }),
    },
  };
}

/** Starts a private server again when its process is gone; looks once a second. Answers what ends that. */
export function keepServers(
  place: Place,
  named: NamedServers,
  { pids }: Servers,
  say: (line: string) => void,
): () => Promise<void> {
  const ending = new AbortController();
  const kept = keep(pids);
  return async () => {
    ending.abort();
    await kept;
  };

  async function keep(first: Readonly<Record<string, number>>): Promise<void> {
    let known = first;
    for (;;) {
      await sleep(LOOK_MS, undefined, { signal: ending.signal }).catch(() => undefined); // cut short
      if (ending.signal.aborted) return;
      const gone = Object.entries(known).filter(([name, pid]) => !isHolder(pid, pidFileOf(place, name)));
      if (gone.length === 0) continue;
      say(`${gone.map(([name]) => name).join(" and ")} ended by itself; it starts again`);
      try {
        known = (await findServers(place, named, say)).pids;
      } catch (error) {
        say(error instanceof Error ? error.message : String(error));
      }
    }
  }
}
