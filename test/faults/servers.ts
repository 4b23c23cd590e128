import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createConnection } from "mysql2/promise";
import { present } from "../../src/kernel/assert.js";
import { startPair, stopPair } from "../../src/platform/embedded/pair.js";
import { openPlace } from "../../src/platform/embedded/place.js";
import { TEST_SIZES, testSearchPath } from "../support/servers.js";

/** A server that a nemesis may kill. */
export type ServerName = "mariadb" | "redis";

/** A MariaDB and a Redis of a fault test's own, so that killing them disturbs nobody. */
export interface Servers {
  readonly databaseUrl: string;
  /** The same for a user who may do anything in the database, and nothing to the server. */
  readonly plainUrl: string;
  readonly redisUrl: string;
  pid(server: ServerName): number;
  /** kill -9; answers when the process is gone. */
  kill(server: ServerName): Promise<void>;
  /** Starts what was killed: MariaDB with all it had, Redis with nothing. */
  start(): Promise<void>;
  close(): Promise<void>;
}

const PLAIN_USER = "plain";

/** Starts the two, with what they store below a folder. */
export async function openServers(below = tmpdir()): Promise<Servers> {
  const folder = mkdtempSync(join(below, `quittance-test-${process.pid}-`));
  const place = openPlace(folder);
  const start = () =>
    startPair(place, {
      isMariadbWanted: true,
      isRedisWanted: true,
      searchPath: testSearchPath(),
      sizes: TEST_SIZES,
      say: () => undefined,
    });
  let pair = await start();
  const serverOf = (server: ServerName) => present(pair[server], server);
  const databaseUrl = serverOf("mariadb").url;
  await createPlainUser(databaseUrl);
  return {
    databaseUrl,
    plainUrl: databaseUrl.replace("root@", `${PLAIN_USER}@`),
    redisUrl: serverOf("redis").url,
    pid: (server) => serverOf(server).pid,
    async kill(server) {
      const { pid } = serverOf(server);
      process.kill(pid, "SIGKILL");
      while (isAlive(pid)) await sleep(10);
      if (server === "redis") rmSync(join(place.dataDir, "redis"), { recursive: true, force: true });
    },
    async start() {
      pair = await start();
    },
    async close() {
      await stopPair(place);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Root goes on writing to a server that is read-only. */
async function createPlainUser(databaseUrl: string): Promise<void> {
  const connection = await createConnection({
    user: "root",
    socketPath: new URL(databaseUrl).searchParams.get("socketPath") ?? "",
  });
  try {
    await connection.query(`create user '${PLAIN_USER}'@'localhost' identified by ''`);
    await connection.query(`grant all on quittance.* to '${PLAIN_USER}'@'localhost'`);
  } finally {
    await connection.end();
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false; // it is gone
  }
}
