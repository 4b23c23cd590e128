import { setTimeout as sleep } from "node:timers/promises";
import type { Connection } from "mysql2/promise";
import type { Stage } from "./benchmark.js";
import { connectDatabase, numberOf, rowsOf } from "./database.js";

/**
 * Stored transactions by the million, without sending them: copies of transactions that came over HTTP, each under an
 * id and a `dedupe` of its own.
 */
export interface Loading {
  /** Which transactions are copied: a condition on their table. */
  readonly where: string;
  /** How many copies are made, told how many transactions are copied and how many are stored. */
  copies(found: { readonly rows: number; readonly stored: number }): number;
}

const LANES = 2;
const ROWS_PER_INSERT = 100_000;
const SCRATCH = "bench_scratch";
/** How full InnoDB leaves the pages of an index into which keys came in no order. */
const RANDOM_FILL_PERCENT = 70;
const KEY = /^\s+((?:UNIQUE )?KEY `(\w+)` .*?),?$/gm;
const OWN = ["no", "dedupe", "external_id"];
const SAY_EVERY_MS = 5_000;
const FLUSH_MS_MAX = 300_000;
const POLL_MS = 200;
const DIRTY_PAGES_LEFT = 1_000;
/** Pages a second; the server's own default would write for half an hour what was loaded in minutes. */
const WHILE_LOADING = { innodb_io_capacity_max: 40_000, innodb_io_capacity: 20_000 };

/**
 * Fills the table and leaves it as posting would have: the secondary keys are dropped, and made again with pages as
 * full as random inserts leave them; then the statistics are fresh, nothing waits to be written, and the unique index
 * has been read, as far as the buffer pool holds it. Nothing may be posted meanwhile.
 */
export async function loadTransactions({ installation, say }: Pick<Stage, "installation" | "say">, loading: Loading) {
  const began = performance.now();
  const lanes = await Promise.all(Array.from({ length: LANES }, () => connectDatabase(installation.databaseUrl)));
  const [database] = lanes;
  if (database === undefined) throw new Error("there is no connection");
  try {
    // No replica reads these servers' binary log, and it would be as large as the table.
    for (const lane of lanes) await lane.query("set session sql_log_bin = 0");
    await withVariables(database, WHILE_LOADING, () => load(lanes, database, say, loading));
  } finally {
    for (const lane of lanes) await lane.end();
  }
  return (performance.now() - began) / 1_000;
}

async function load(lanes: readonly Connection[], database: Connection, say: Say, loading: Loading): Promise<void> {
  const began = performance.now();
  const since = () => `${Math.round((performance.now() - began) / 1_000)} s`;
  const keys = await secondaryKeys(database);
  const template = await makeTemplate(database, loading.where);
  await database.query(`alter table \`transaction\` ${keys.map(({ name }) => `drop key \`${name}\``).join(", ")}`);
  await insertCopies(lanes, template, { wanted: loading.copies(template), say });
  say(`stored them after ${since()}; making ${keys.length} keys again`);
  await makeKeys(database, keys);
  say(`made them after ${since()}; writing what is unwritten, reading the index`);
  await settle(database);
  say(`loaded after ${since()}`);
  await database.query("drop database ??", [SCRATCH]);
}

/** Megabytes of the index that every new transaction is looked up in. */
export async function dedupeIndexMib(database: Connection): Promise<number> {
  return numberOf(
    database,
    `select stat_value * @@innodb_page_size / 1048576 from mysql.innodb_index_stats
     where database_name = database() and table_name = 'transaction' and index_name = 'uq_transaction_dedupe'
       and stat_name = 'size'`,
  );
}

/** Pages that InnoDB had to read from disk since it started. */
export async function pageReads(database: Connection): Promise<number> {
  return statusOf(database, "Innodb_buffer_pool_reads");
}

interface SecondaryKey {
  readonly name: string;
  /** As `create table` says it. */
  readonly definition: string;
}

async function secondaryKeys(database: Connection): Promise<SecondaryKey[]> {
  const [created] = await rowsOf(database, "show create table `transaction`");
  const text = String(created?.["Create Table"]);
  return [...text.matchAll(KEY)].map(([, definition = "", name = ""]) => ({ name, definition }));
}

interface Template {
  readonly columns: readonly string[];
  readonly rows: number;
  /** Rows of the table, and the last number, before any copy. */
  readonly stored: number;
  readonly lastNo: number;
}

/** The rows to be copied, numbered from 0 by `place`. */
async function makeTemplate(database: Connection, where: string): Promise<Template> {
  const found = await rowsOf(
    database,
    "select column_name as name from information_schema.columns where table_schema = database() and table_name = ?",
    ["transaction"],
  );
  const columns = found.map((row) => String(row["name"])).filter((name) => !OWN.includes(name));
  await database.query("drop database if exists ??", [SCRATCH]);
  await database.query("create database ??", [SCRATCH]);
  await database.query(
    `create table ${SCRATCH}.template (primary key (place))
     select cast(row_number() over (order by no) - 1 as unsigned) as place, ?? from \`transaction\` where ${where}`,
    [columns],
  );
  const rows = await numberOf(database, `select count(*) from ${SCRATCH}.template`);
  if (rows === 0) throw new Error("there is no transaction to copy");
  const [stored, lastNo] = [
    await numberOf(database, "select count(*) from `transaction`"),
    await numberOf(database, "select max(no) from `transaction`"),
  ];
  return { columns, rows, stored, lastNo };
}

type Say = (line: string) => void;

interface Copying {
  readonly wanted: number;
  readonly say: Say;
}

/** Over and over the template, in order; the numbers are given here, since giving them out would be one at a time. */
async function insertCopies(lanes: readonly Connection[], template: Template, { wanted, say }: Copying): Promise<void> {
  const chunks: { first: number; count: number }[] = [];
  for (let first = 0; first < wanted; ) {
    const count = Math.min(ROWS_PER_INSERT, wanted - first, template.rows - (first % template.rows));
    chunks.push({ first, count });
    first += count;
  }
  const queue = chunks.values();
  let [done, saidAt] = [0, performance.now()];
  await Promise.all(
    lanes.map(async (lane) => {
      for (const { first, count } of queue) {
        await insertChunk(lane, template, first, count);
        done += count;
        if (performance.now() - saidAt < SAY_EVERY_MS) continue;
        saidAt = performance.now();
        say(`stored ${done.toLocaleString("en-US")} of ${wanted.toLocaleString("en-US")} copies`);
      }
    }),
  );
}

async function insertChunk(lane: Connection, template: Template, first: number, count: number): Promise<void> {
  const [place, no] = [first % template.rows, template.lastNo + 1 + first];
  await lane.query(
    `insert into \`transaction\` (no, dedupe, external_id, ??)
     select ? + place - ?, unhex(md5(concat('copy-', ? + place - ?))), concat('copy-', ? + place - ?), ??
     from ${SCRATCH}.template where place >= ? and place < ?`,
    [template.columns, no, place, no, place, no, place, template.columns, place, place + count],
  );
}

async function makeKeys(database: Connection, keys: readonly SecondaryKey[]): Promise<void> {
  const added = keys.map(({ definition }) => `add ${definition}`).join(", ");
  await withVariables(database, { innodb_fill_factor: RANDOM_FILL_PERCENT }, () =>
    database.query(`alter table \`transaction\` ${added}`),
  );
}

/** What a server that has long been running would have behind it: statistics, written pages, a warm index. */
async function settle(database: Connection): Promise<void> {
  await database.query("analyze table `transaction`");
  await withVariables(database, { innodb_max_dirty_pages_pct: 0 }, async () => {
    for (let waitedMs = 0; waitedMs < FLUSH_MS_MAX; waitedMs += POLL_MS) {
      if ((await statusOf(database, "Innodb_buffer_pool_pages_dirty")) <= DIRTY_PAGES_LEFT) return;
      await sleep(POLL_MS);
    }
    throw new Error(`The server has not written its pages after ${FLUSH_MS_MAX / 1_000} s`);
  });
  // With 0, one read is enough to make a page young.
  await withVariables(database, { innodb_old_blocks_time: 0 }, () =>
    numberOf(database, "select count(*) from `transaction` force index (uq_transaction_dedupe) where dedupe >= ''"),
  );
}

/** Does the work while global variables have other values. */
async function withVariables<T>(
  database: Connection,
  values: Readonly<Record<string, number>>,
  work: () => Promise<T>,
): Promise<T> {
  const before: [string, number][] = [];
  for (const [name, value] of Object.entries(values)) {
    before.push([name, await variableOf(database, name)]);
    await database.query(`set global ${name} = ?`, [value]);
  }
  try {
    return await work();
  } finally {
    for (const [name, value] of before.reverse()) await database.query(`set global ${name} = ?`, [value]);
  }
}

async function variableOf(database: Connection, name: string): Promise<number> {
  const [row] = await rowsOf(database, "show global variables like ?", [name]);
  return Number(row?.["Value"]);
}

async function statusOf(database: Connection, name: string): Promise<number> {
  const [row] = await rowsOf(database, "show global status like ?", [name]);
  return Number(row?.["Value"]);
}
