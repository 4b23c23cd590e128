import { setTimeout as sleep } from "node:timers/promises";
import {
  DataSource,
  type DataSourceOptions,
  DefaultNamingStrategy,
  type EntityManager,
  type InsertResult,
  type Logger,
  type QueryRunner,
} from "typeorm";
import { present } from "../kernel/assert.js";
import { defineErrors } from "../kernel/errors.js";
import type { Config } from "./config.js";

declare const inside: unique symbol;

/** A database transaction; only `transact` makes one. */
export type Tx = EntityManager & { readonly [inside]: true };

/** What runs plain SQL within a transaction: itself, or what sends its statements on together (`together.ts`). */
export type TxSql = Pick<Tx, "query" | typeof inside>;

/** A reader: the database itself, or a transaction. */
export type Reader = Pick<EntityManager, "query" | "find" | "findOne" | "findOneBy" | "findBy" | "dataSource">;

/** Entities and migrations, which only the server knows in full. */
export interface Schema {
  readonly entities: NonNullable<DataSourceOptions["entities"]>;
  readonly migrations: NonNullable<DataSourceOptions["migrations"]>;
}

/** COMMIT was sent and not answered: whether it holds must be looked up by the idempotency key; never retry blindly. */
export class CommitOutcomeUnknown extends Error {
  override readonly name = "CommitOutcomeUnknown";
}

const databaseError = defineErrors({
  UNAVAILABLE: {
    message: "The database cannot be reached; nothing was stored.",
    retryable: true,
  },
});

const TRIES_MAX = 3;
const RETRY_BASE_MS = 5;
const LOCK_WAIT_SECONDS = 5;
const IDLE_TRANSACTION_SECONDS = 10;
const [DEADLOCK, LOCK_WAIT, SHUTTING_DOWN, KILLED, DUPLICATE, COMMIT_FAILED] = [1213, 1205, 1053, 1927, 1062, 1180];
/** A statement that took longer than `statementMsMax`, to MariaDB and to MySQL. */
const LATE = [1969, 3024];
/** Besides what `transact` tries again: too many connections (1040), full (1021, 1114), read-only (1290, 1836). */
const BUSY = new Set([DEADLOCK, LOCK_WAIT, ...LATE, 1040, 1021, 1114, 1290, 1836]);

/** How a pool differs from the ordinary one. */
export interface PoolOptions {
  readonly logger?: Logger | undefined;
  /** Whether one query may hold several statements. Only `together.ts` has a use for it. */
  readonly takesManyStatements?: boolean;
}

/** Connects to MariaDB or MySQL with the session settings every query relies on: UTC, strict, short lock waits. */
export async function openDatabase(
  config: Config,
  schema: Schema,
  { logger, takesManyStatements = false }: PoolOptions = {},
): Promise<DataSource> {
  const url = new URL(config.databaseUrl);
  const socketPath = url.searchParams.get("socketPath");
  const database = new DataSource({
    type: "mariadb", // matters to schema diffs alone: MariaDB reports defaults in its own way
    ...(socketPath === null ? { host: url.hostname, port: Number(url.port || 3306) } : { socketPath }),
    username: decodeURIComponent(url.username || "root"),
    password: decodeURIComponent(url.password),
    database: url.pathname.slice(1),
    charset: "utf8mb4",
    timezone: "Z",
    trace: false, // a stack trace for every query costs more than many a query
    supportBigNumbers: true,
    bigNumberStrings: true,
    multipleStatements: takesManyStatements,
    namingStrategy: new SnakeCase(),
    migrationsTableName: "migration",
    entities: schema.entities,
    migrations: schema.migrations,
    poolSize: config.databaseConnectionsMax,
    ...(logger === undefined ? { logging: false } : { logging: true, logger }),
  });
  await database.initialize();
  await prepareSessions(database, config.statementMsMax);
  return database;
}

/**
 * Runs a unit of work in one READ COMMITTED transaction. Deadlocks and lock timeouts repeat the whole unit, at most
 * three times; nothing but SQL belongs inside. Throws `CommitOutcomeUnknown` when COMMIT was not answered,
 * `UNAVAILABLE` when the connection was lost before it, and whatever the work throws, after ROLLBACK.
 */
export function transact<T>(app: { readonly database: DataSource }, work: (tx: Tx) => Promise<T>): Promise<T> {
  return transactWithin(app.database, WHOLE, work);
}

/** How a transaction begins, is committed and rolled back on its connection, and what its work is handed. */
export interface Bounds<S> {
  begin(runner: QueryRunner): Promise<S>;
  commit(runner: QueryRunner, session: S): Promise<void>;
  rollback(runner: QueryRunner): Promise<void>;
}

const WHOLE: Bounds<Tx> = {
  async begin(runner) {
    await runner.startTransaction();
    return runner.manager as Tx;
  },
  commit: (runner) => runner.commitTransaction(),
  rollback: async (runner) => {
    if (runner.isTransactionActive) await runner.rollbackTransaction();
  },
};

/** `transact` with bounds of one's own. Only `together.ts` has any. */
export async function transactWithin<S, T>(
  database: DataSource,
  bounds: Bounds<S>,
  work: (session: S) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await once(database, bounds, work);
    } catch (error) {
      if (![DEADLOCK, LOCK_WAIT].includes(serverErrno(error)) || attempt === TRIES_MAX) throw error;
      await sleep(RETRY_BASE_MS * 2 ** attempt * (0.5 + Math.random()));
    }
  }
}

/** The auto-increment number that an insert of one entity gave its row. */
export function insertedNo(result: InsertResult): string {
  return String(present(result.identifiers[0], "the row inserted")["no"]);
}

/** Reads as of one instant however long it takes, and locks nothing: so a system at work is compared with itself. */
export async function readSnapshot<T>(
  app: { readonly database: DataSource },
  work: (reader: Reader) => Promise<T>,
): Promise<T> {
  const runner = app.database.createQueryRunner("master");
  try {
    await runner.startTransaction("REPEATABLE READ");
    return await work(runner.manager);
  } finally {
    if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined); // the connection is gone
    await runner.release();
  }
}

/** Whether a plain INSERT met a row that holds its unique key. */
export function isDuplicateKey(error: unknown): boolean {
  return serverErrno(error) === DUPLICATE;
}

/** Whether the database could not be reached, or went away, before anything was stored. */
export function isConnectionLoss(error: unknown): boolean {
  return isDriverFailure(error) && serverErrno(error) === 0;
}

/**
 * Whether the database failed for a reason that may pass: it is away, busy, full or read-only. False where it refused
 * the data itself (SQLSTATE classes 22 and 23), which it will do again, and for errors that are not the database's.
 */
export function isPassingTrouble(error: unknown): boolean {
  return isDriverFailure(error) && !/^2[23]/.test(driverErrorOf(error)?.sqlState ?? "");
}

/** Whether the database was too busy, full or read-only for now: nothing was stored, and the same may succeed later. */
export function isBusy(error: unknown): boolean {
  return BUSY.has(serverErrno(error));
}

/** The server's error by its number and SQLSTATE, without its text, which may quote data; null for other errors. */
export function describeDatabaseError(error: unknown): string | null {
  const cause = driverErrorOf(error);
  return serverErrno(error) === 0 ? null : `database error ${cause?.errno} (${cause?.sqlState})`;
}

async function once<S, T>(database: DataSource, bounds: Bounds<S>, work: (session: S) => Promise<T>): Promise<T> {
  const runner = database.createQueryRunner("master");
  let isCommitting = false;
  try {
    const session = await bounds.begin(runner);
    const result = await work(session);
    isCommitting = true;
    await bounds.commit(runner, session);
    return result;
  } catch (error) {
    const isLost = isConnectionLoss(error);
    // Also after a COMMIT that failed: what it left open would be committed by the connection's next transaction.
    if (isLost) await abandon(runner);
    else await bounds.rollback(runner).catch(() => abandon(runner));
    if (isCommitting && (isLost || [COMMIT_FAILED, ...LATE].includes(serverErrno(error)))) {
      throw new CommitOutcomeUnknown("COMMIT was not answered: look up what was stored", { cause: error });
    }
    if (isLost) throw databaseError("UNAVAILABLE");
    throw error;
  } finally {
    await runner.release();
  }
}

/** Ends a connection that may hold a transaction open still, instead of giving it back: the server rolls back. */
async function abandon(runner: QueryRunner): Promise<void> {
  const connection: { destroy(): void } = await runner.connect();
  connection.destroy();
}

/** The server's own error number; 0 for a broken connection and for errors that are not the database's. */
function serverErrno(error: unknown): number {
  const cause = driverErrorOf(error);
  if (cause === null || cause.sqlState === undefined || cause.errno === undefined) return 0;
  return [SHUTTING_DOWN, KILLED].includes(cause.errno) ? 0 : cause.errno;
}

interface DriverError {
  readonly errno?: number;
  readonly sqlState?: string;
}

function driverErrorOf(error: unknown): DriverError | null {
  if (typeof error !== "object" || error === null) return null;
  const inner = "driverError" in error ? error.driverError : error;
  return typeof inner === "object" && inner !== null ? inner : null;
}

function isDriverFailure(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  return (
    "driverError" in error || ("syscall" in error && "code" in error) || ("fatal" in error && error.fatal === true)
  );
}

/** Every new pool connection gets the session settings before its first query. */
async function prepareSessions(database: DataSource, statementMsMax: number | null): Promise<void> {
  const [{ version }] = await database.query("select version() as version");
  const isMariadb = String(version).includes("MariaDB");
  const late = isMariadb
    ? `max_statement_time = ${(statementMsMax ?? 0) / 1_000}`
    : `max_execution_time = ${statementMsMax ?? 0}`; // MySQL ends reads alone
  const settings = [
    "time_zone = '+00:00'",
    "sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
    `innodb_lock_wait_timeout = ${LOCK_WAIT_SECONDS}`,
    ...(isMariadb ? [`idle_transaction_timeout = ${IDLE_TRANSACTION_SECONDS}`] : []),
    ...(statementMsMax === null ? [] : [late]),
  ];
  const statements = [`set session ${settings.join(", ")}`, "set session transaction isolation level read committed"];
  const pool = poolOf(database);
  pool.on("connection", (connection) => {
    for (const statement of statements) connection.query(statement);
  });
  // The first connection is in the pool already, and the only one yet.
  for (const statement of statements) await database.query(statement);
}

/** The driver's pool, by those of its members that nothing public tells. */
interface DriverPool {
  readonly _allConnections: { readonly length: number };
  readonly _freeConnections: { readonly length: number };
  readonly _connectionQueue: { readonly length: number };
  on(event: "connection", listener: (connection: { query(sql: string): unknown }) => void): void;
}

/** The pool under a database. */
export function poolOf(database: DataSource): DriverPool {
  const driver = database.driver as unknown as { readonly pool: DriverPool };
  return driver.pool;
}

/** Columns and tables in snake_case; nothing else of TypeORM's names is used, since we name every key ourselves. */
class SnakeCase extends DefaultNamingStrategy {
  override tableName(targetName: string, userSpecifiedName: string | undefined): string {
    return userSpecifiedName ?? snake(targetName);
  }

  override columnName(propertyName: string, customName: string | undefined): string {
    return customName ?? snake(propertyName);
  }
}

function snake(name: string): string {
  return name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, "_").toLowerCase();
}
