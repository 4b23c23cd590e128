import { createConnection } from "mysql2/promise";
import { type MariadbSizes, runMariadb, workingSizes } from "./mariadb.js";
import { openPlace, type Place } from "./place.js";
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
  say(line: string): void;
}

/** The private servers that were wanted; null for the other. */
export interface Pair {
  readonly place: Place;
  readonly mariadb: EmbeddedServer | null;
  readonly redis: EmbeddedServer | null;
}

const MARIADB_STOP_MS_MAX = 60_000; // it writes its dirty pages first
const REDIS_STOP_MS_MAX = 10_000;

/**
 * Finds, installs, initialises, starts or adopts the private servers of a data directory, whatever is needed until both answer.
 * Throws a sentence for people. One process at a time may do this for a directory.
 */
export async function startPair(dataDir: string, options: PairOptions): Promise<Pair> {
  const { isMariadbWanted, isRedisWanted, say } = options;
  const place = openPlace(dataDir);
  const programs = await findPrograms(options);
  const [redis, mariadb] = await Promise.all([
    isRedisWanted ? runRedis(place, programs.redisServer) : null,
    isMariadbWanted ? runMariadb(place, programs.mariadbd, options.sizes ?? workingSizes()) : null,
  ]);
  if (mariadb !== null) say(described("MariaDB", mariadb));
  if (redis !== null) say(described("Redis", redis));
  if (mariadb !== null) await createDatabase(mariadb.url);
  return { place, mariadb, redis };
}

/** Stops the private servers of a data directory, whoever started them: Redis, then MariaDB. Harmless when none runs. */
export async function stopPair(place: Place): Promise<void> {
  await stopHolders(pidFileOf(place, "redis"), REDIS_STOP_MS_MAX);
  await stopHolders(pidFileOf(place, "mariadb"), MARIADB_STOP_MS_MAX);
}

/** Makes the database that the URL names, unless it is there: utf8mb4, compared by its bytes. */
export async function createDatabase(databaseUrl: string): Promise<void> {
  const url = new URL(databaseUrl);
  const name = decodeURIComponent(url.pathname.slice(1));
  const socketPath = url.searchParams.get("socketPath");
  const connection = await createConnection({
    ...(socketPath === null ? { host: url.hostname, port: Number(url.port || 3306) } : { socketPath }),
    user: decodeURIComponent(url.username || "root"),
    password: decodeURIComponent(url.password),
  });
  try {
    const [found] = await connection.query("select 1 from information_schema.schemata where schema_name = ?", [name]);
    const isThere = Array.isArray(found) && found.length > 0;
    if (!isThere) await connection.query("create database ?? character set utf8mb4 collate utf8mb4_bin", [name]);
  } finally {
    await connection.end();
  }
}

function described(title: string, { pid, isAdopted }: EmbeddedServer): string {
  return isAdopted ? `${title} was still running (process ${pid}); taken over` : `${title} runs (process ${pid})`;
}
