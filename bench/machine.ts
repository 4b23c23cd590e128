import { cpus, totalmem } from "node:os";
import { Redis } from "ioredis";
import { connectDatabase, rowsOf } from "./database.js";
import type { Installation } from "./installation.js";

/** Where the figures come from. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly os: string;
  readonly node: string;
  readonly mariadb: string | null;
  readonly redis: string | null;
  /** What the servers themselves say of how durable their writes are, and of how large they are. */
  readonly settings: Readonly<Record<string, string>>;
}

const GIB = 1024 ** 3;
const DATABASE_SETTINGS = [
  ...["innodb_flush_log_at_trx_commit", "log_bin", "sync_binlog", "binlog_format", "innodb_doublewrite"],
  ...["innodb_buffer_pool_size", "innodb_log_file_size"],
];
const REDIS_SETTINGS = ["appendonly", "appendfsync", "maxmemory-policy"];

/** This machine, and its servers where an installation runs. */
export async function describeMachine(installation: Installation | null): Promise<Machine> {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGib: Math.round((totalmem() / GIB) * 10) / 10,
    os: `${process.platform} ${process.arch}`,
    node: process.version,
    ...(installation === null ? { mariadb: null, redis: null, settings: {} } : await describeServers(installation)),
  };
}

async function describeServers({ databaseUrl, redisUrl }: Installation) {
  const database = await connectDatabase(databaseUrl);
  const redis = new Redis(redisUrl.replace(/^unix:\/\//, ""));
  try {
    const [version] = await rowsOf(database, "select version() as version");
    const variables = await rowsOf(database, "show global variables where variable_name in (?)", [DATABASE_SETTINGS]);
    const ofRedis = await redis.config("GET", ...REDIS_SETTINGS);
    return {
      mariadb: String(version?.["version"]),
      redis: /^redis_version:(\S+)/m.exec(await redis.info("server"))?.[1] ?? null,
      settings: Object.fromEntries([
        ...variables.map((row) => [String(row["Variable_name"]), String(row["Value"])]),
        ...pairsOf(ofRedis).map(([name, value]) => [`redis ${name}`, value]),
      ]),
    };
  } finally {
    redis.disconnect();
    await database.end();
  }
}

/** Redis answers names and values in turn. */
function pairsOf(answer: unknown): [string, string][] {
  const words = Array.isArray(answer) ? answer.map(String) : [];
  return words.flatMap((word, i) => (i % 2 === 0 ? [[word, words[i + 1] ?? ""] satisfies [string, string]] : []));
}
