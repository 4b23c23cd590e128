import type { Connection, FieldPacket, RowDataPacket } from "mysql2/promise";
import { connectDatabase, numberOf } from "./database.js";

/**
 * The limit of `ingest`: the same rows inserted into a table with the same columns and keys, by nothing but the
 * database.
 */
export interface BareInserts {
  /**
   * Inserts the transactions whose numbers are greater, a second time, beside those of the runs before; rows a second.
   */
  measure(afterNo: number): Promise<number>;
  close(): Promise<void>;
}

const CONNECTIONS = 4;
const ROWS_PER_INSERT = 1_000;
const DATABASE = "bare_inserts";

/** Makes an empty copy of the table of transactions in a database of its own on the same server. */
export async function openBareInserts(databaseUrl: string): Promise<BareInserts> {
  const reader = await connectDatabase(databaseUrl);
  const writers = await Promise.all(Array.from({ length: CONNECTIONS }, () => connectDatabase(databaseUrl)));
  const [[created]] = await reader.query<RowDataPacket[]>("show create table `transaction`");
  await reader.query("create database ?? character set utf8mb4 collate utf8mb4_bin", [DATABASE]);
  for (const writer of writers) await writer.query("use ??", [DATABASE]);
  await writers[0]?.query(String(created?.["Create Table"]));
  return {
    async measure(afterNo) {
      const { statements, rows } = await readStatements(reader, afterNo);
      const before = await numberOf(reader, "select count(*) from ??.`transaction`", [DATABASE]);
      const began = performance.now();
      const queue = statements.values();
      await Promise.all(writers.map((writer) => runAll(writer, queue)));
      const seconds = (performance.now() - began) / 1_000;
      const after = await numberOf(reader, "select count(*) from ??.`transaction`", [DATABASE]);
      if (after - before !== rows) throw new Error(`${after - before} bare rows were inserted, not ${rows}`);
      return rows / seconds;
    },
    async close() {
      for (const connection of [reader, ...writers]) await connection.end();
    },
  };
}

/** The statements are written out beforehand, as batches are signed beforehand: neither client's work is measured. */
async function readStatements(reader: Connection, afterNo: number): Promise<{ statements: string[]; rows: number }> {
  const statements: string[] = [];
  let [rows, last] = [0, afterNo];
  for (;;) {
    const [found, fields]: [RowDataPacket[], FieldPacket[]] = await reader.query(
      "select * from `transaction` where no > ? order by no limit ?",
      [last, ROWS_PER_INSERT],
    );
    const lastRow = found.at(-1);
    if (lastRow === undefined) return { statements, rows };
    const columns = fields.map(({ name }) => name).filter((name) => name !== "no");
    const values = found.map((row) => columns.map((name): unknown => row[name]));
    statements.push(reader.format("insert into `transaction` (??) values ?", [columns, values]));
    rows += found.length;
    last = Number(lastRow["no"]);
  }
}

/** Takes the next statement that no other connection took, until none is left. */
async function runAll(writer: Connection, queue: Iterable<string>): Promise<void> {
  for (const statement of queue) await writer.query(statement);
}
