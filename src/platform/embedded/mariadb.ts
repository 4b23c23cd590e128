import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync } from "node:fs";
import { totalmem } from "node:os";
import { dirname, join } from "node:path";
import { createConnection } from "mysql2/promise";
import type { Place } from "./place.js";
import { type EmbeddedServer, runServer } from "./server.js";

/** How much the server may take; the sizes of the machine where none are given. */
export interface MariadbSizes {
  readonly bufferPoolBytes: number;
  readonly redoLogBytes: number;
}

const MIB = 1024 * 1024;
const BUFFER_POOL_BYTES_MIN = 512 * MIB;
const REDO_LOG_BYTES = 1024 * MIB;
const BINLOG_KEPT_SECONDS = 3 * 24 * 3_600;
const CONNECTIONS_MAX = 500;
const PING_MS_MAX = 2_000;
const SYSTEM_TABLES = ["mysql_system_tables.sql", "mysql_performance_tables.sql", "mysql_system_tables_data.sql"];

/** Sizes for real work: a quarter of the memory that we may use, and a redo log of 1 GiB. */
export function workingSizes(): MariadbSizes {
  const allowed = process.constrainedMemory() ?? 0;
  const memory = allowed > 0 ? Math.min(allowed, totalmem()) : totalmem();
  return {
    bufferPoolBytes: Math.max(Math.floor(memory / 4 / MIB) * MIB, BUFFER_POOL_BYTES_MIN),
    redoLogBytes: REDO_LOG_BYTES,
  };
}

/**
 * The private MariaDB of this place, answering, with an empty database `quittance` at least. It listens on a Unix
 * socket alone, has a passwordless root behind that socket's folder, and keeps what it committed through a crash of
 * the machine.
 */
export async function runMariadb(place: Place, mariadbd: string, sizes: MariadbSizes): Promise<EmbeddedServer> {
  const dataFolder = join(place.dataDir, "mariadb");
  mkdirSync(temporaryFolder(place), { recursive: true, mode: 0o700 });
  if (!existsSync(dataFolder)) await initialise(place, mariadbd, sizes);
  const socketPath = join(place.socketDir, "mariadb.sock");
  return runServer(place, {
    name: "mariadb",
    title: "MariaDB",
    url: `mysql://root@localhost/quittance?socketPath=${encodeURIComponent(socketPath)}`,
    command: mariadbd,
    args: [...settings(place, dataFolder, sizes), ...networkSettings(socketPath), ...durableSettings(dataFolder)],
    answers: () => answers(socketPath),
  });
}

/** Makes the system tables in a temporary folder and renames it, so that a folder that is there is whole. */
async function initialise(place: Place, mariadbd: string, sizes: MariadbSizes): Promise<void> {
  const unfinished = readdirSync(place.dataDir).filter((name) => name.startsWith("mariadb.new-"));
  for (const name of unfinished) rmSync(join(place.dataDir, name), { recursive: true, force: true });
  const folder = join(place.dataDir, `mariadb.new-${process.pid}`);
  mkdirSync(folder, { mode: 0o700 });
  const sql = ["create database mysql;", "use mysql;", ...systemTables(mariadbd)].join("\n");
  const { code, output } = await bootstrap(mariadbd, [...settings(place, folder, sizes), "--bootstrap"], sql);
  if (code !== 0) throw new Error(`MariaDB could not make its system tables: ${output.trim().slice(-2_000)}`);
  renameSync(folder, join(place.dataDir, "mariadb"));
}

function bootstrap(mariadbd: string, args: readonly string[], sql: string) {
  return new Promise<{ code: number | null; output: string }>((resolve, reject) => {
    const child = spawn(mariadbd, args, { detached: true, stdio: ["pipe", "ignore", "pipe"] });
    let output = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, output }));
    child.stdin.once("error", () => undefined); // it ended early: its exit code and output say why
    child.stdin.end(sql);
  });
}

function systemTables(mariadbd: string): string[] {
  const prefix = dirname(dirname(realpathSync(mariadbd)));
  const folders = [prefix, "/usr"].flatMap((root) => ["mysql", "mariadb"].map((name) => join(root, "share", name)));
  const folder = folders.find((each) => SYSTEM_TABLES.every((name) => existsSync(join(each, name))));
  if (folder === undefined)
    throw new Error(`MariaDB's own tables (${SYSTEM_TABLES[0]}) are not in ${folders.join(", ")}.`);
  return SYSTEM_TABLES.map((name) => readFileSync(join(folder, name), "utf8"));
}

/** A data folder keeps these for life; `--no-defaults` comes first, or MariaDB takes the machine's settings too. */
function settings(place: Place, dataFolder: string, sizes: MariadbSizes): string[] {
  return [
    "--no-defaults",
    ...(process.getuid?.() === 0 ? ["--user=root"] : []),
    `--datadir=${dataFolder}`,
    `--tmpdir=${temporaryFolder(place)}`,
    `--innodb-buffer-pool-size=${sizes.bufferPoolBytes}`,
    `--innodb-log-file-size=${sizes.redoLogBytes}`,
    "--character-set-server=utf8mb4",
    "--collation-server=utf8mb4_bin",
    "--max-allowed-packet=64M",
  ];
}

/**
 * Its own: a MariaDB that starts removes the temporary tables of every other one that shares the folder, in use or
 * not.
 */
function temporaryFolder(place: Place): string {
  return join(place.dataDir, "mariadb-tmp");
}

function networkSettings(socketPath: string): string[] {
  return [
    "--skip-networking",
    `--socket=${socketPath}`,
    `--max-connections=${CONNECTIONS_MAX}`,
    "--default-time-zone=+00:00",
  ];
}

/** Stricter than MariaDB's defaults: what COMMIT answered is on disk, in the redo log and in the binary log. */
function durableSettings(dataFolder: string): string[] {
  return [
    `--pid-file=${join(dataFolder, "mariadbd.pid")}`,
    "--innodb-flush-log-at-trx-commit=1",
    "--log-bin=binlog", // relative to the data folder, so that a copy of it stands alone
    "--server-id=1",
    "--sync-binlog=1",
    "--binlog-format=ROW",
    "--binlog-row-image=MINIMAL", // of an updated row what changed, not all of it twice
    "--skip-binlog-annotate-row-events", // rows say it all: not the text of every statement besides
    `--expire-logs-days=${BINLOG_KEPT_SECONDS / 86_400}`,
  ];
}

async function answers(socketPath: string): Promise<boolean> {
  if (!existsSync(socketPath)) return false;
  try {
    const connection = await createConnection({ socketPath, user: "root", connectTimeout: PING_MS_MAX });
    await connection.query("select 1");
    await connection.end();
    return true;
  } catch {
    return false; // not listening yet, or no longer
  }
}
