import { Redis } from "ioredis";
import type { RowDataPacket } from "mysql2/promise";
import { connectServer } from "./connect.js";

/** A setting that our promises rest on. */
interface Wanted {
  readonly name: string;
  readonly isRight: (value: string) => boolean;
  readonly wanted: string;
  readonly otherwise: string;
}

const PACKET_BYTES_MIN = 64 * 1024 * 1024;
const WANTED: readonly Wanted[] = [
  wanted("innodb_flush_log_at_trx_commit", ["1"], "a crash may lose what was acknowledged"),
  wanted("log_bin", ["ON", "1"], "there is no recovery to a point in time and no replica"),
  wanted("sync_binlog", ["1"], "a crash may leave the binary log behind the tables"),
  wanted("binlog_format", ["ROW"], "a replica may come to other values"),
  {
    name: "max_allowed_packet",
    isRight: (value) => Number(value) >= PACKET_BYTES_MIN,
    wanted: `${PACKET_BYTES_MIN} or more`,
    otherwise: "large batches are refused",
  },
];

/**
 * A sentence for each setting of somebody else's database server that keeps us from our promises; none when all is
 * well.
 */
export async function databaseDifferences(databaseUrl: string): Promise<string[]> {
  const connection = await connectServer(databaseUrl);
  try {
    const [rows] = await connection.query<RowDataPacket[]>("show global variables where variable_name in (?)", [
      WANTED.map(({ name }) => name),
    ]);
    const values = new Map(rows.map((row) => [String(row["Variable_name"]), String(row["Value"])]));
    return WANTED.flatMap((each) => difference(each, values.get(each.name)));
  } finally {
    await connection.end();
  }
}

/** The same for Redis, which may also keep its settings to itself. */
export async function redisDifferences(redisUrl: string): Promise<string[]> {
  const address = redisUrl.startsWith("unix://") ? redisUrl.slice("unix://".length) : redisUrl;
  const redis = new Redis(address, { lazyConnect: true, retryStrategy: () => null });
  redis.on("error", () => undefined); // connect() fails with it
  try {
    await redis.connect();
    const memory = /^maxmemory_policy:(\S+)/m.exec(await redis.info("memory"))?.[1];
    return difference(wanted("maxmemory-policy", ["noeviction"], "jobs may vanish when memory is short"), memory);
  } finally {
    redis.disconnect();
  }
}

function wanted(name: string, values: readonly string[], otherwise: string): Wanted {
  return { name, isRight: (value) => values.includes(value), wanted: values[0] ?? "", otherwise };
}

function difference({ name, isRight, wanted: value, otherwise }: Wanted, found: string | undefined): string[] {
  return found === undefined || isRight(found) ? [] : [`${name} is ${found}, not ${value}: ${otherwise}`];
}
