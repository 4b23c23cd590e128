import { createDatabase } from "./connect.js";
import { type MariadbSizes, runMariadb, workingSizes } from "./mariadb.js";
import type { Place } from "./place.js";
import { stopHolders } from "./processes.js";
import { findPrograms } from "./programs.js";
import { runRedis } from "./redis.js";
import { type EmbeddedServer, pidFileOf } from "./server.js";

/** Which private servers are wanted, and where their programs are looked for. */
export interface PairOptions {
  readonly isMariadbWanted: boolean;
  readonly isRedisWanted: boolean;
  /** As in PATH. */
  readonly searchPath: string;
  /** `workingSizes()` where none are given. */
  readonly sizes?: MariadbSizes;
  /** Told what is done, a line at a time. */
  readonly say: (line: string) => void;
}

/** The private servers that were wanted; null for the other. */
export interface Pair {
  readonly mariadb: EmbeddedServer | null;
  readonly redis: EmbeddedServer | null;
}

const MARIADB_STOP_MS_MAX = 60_000; // it writes its dirty pages first
const REDIS_STOP_MS_MAX = 10_000;

/**
 * Finds, installs, initialises, starts or adopts the private servers of a data directory, whatever is needed until
 * both answer. Throws a sentence for people. One process at a time may do this for a directory.
 */
export async function startPair(place: Place, options: PairOptions): Promise<Pair> {
  const { isMariadbWanted, isRedisWanted, say } = options;
  const programs = await findPrograms(options);
  const [redis, mariadb] = await Promise.all([
    isRedisWanted ? runRedis(place, programs.redisServer) : null,
    isMariadbWanted ? runMariadb(place, programs.mariadbd, options.sizes ?? workingSizes()) : null,
  ]);
  if (mariadb !== null) say(described("MariaDB", mariadb));
  if (redis !== null) say(described("Redis", redis));
  if (mariadb !== null) await createDatabase(mariadb.url);
  return { mariadb, redis };
}

/**
 * Stops the private servers of a data directory, whoever started them: Redis, then MariaDB. The signal cuts waiting
 * short.
 */
export async function stopPair(place: Place, force?: AbortSignal): Promise<void> {
  await stopHolders(pidFileOf(place, "redis"), { graceMs: REDIS_STOP_MS_MAX, force });
  await stopHolders(pidFileOf(place, "mariadb"), { graceMs: MARIADB_STOP_MS_MAX, force });
}

function described(title: string, { pid, isAdopted }: EmbeddedServer): string {
  return isAdopted ? `${title} was still running (process ${pid}); taken over` : `${title} runs (process ${pid})`;
}
