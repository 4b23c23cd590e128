import { type Connection, createConnection, type RowDataPacket } from "mysql2/promise";
import { inject } from "vitest";

/** Makes a database of that name, anew, with every table and row of the migrated template; answers its URL. */
export async function cloneDatabase(name: string): Promise<string> {
  const template = new URL(inject("templateUrl"));
  const source = template.pathname.slice(1);
  const connection = await createConnection({
    socketPath: template.searchParams.get("socketPath") ?? "",
    user: "root",
    multipleStatements: true,
  });
  // Else whoever still holds a table of the one before would be waited for for a day.
  await connection.query("set lock_wait_timeout = 60");
  try {
    const tables = await tablesOf(connection, source);
    await connection.query("drop database if exists ??", [name]);
    await connection.query("create database ?? character set utf8mb4 collate utf8mb4_bin", [name]);
    await connection.query("use ??", [name]);
    const rows = tables.map(({ name }) => `insert into \`${name}\` select * from \`${source}\`.\`${name}\``);
    const statements = ["set foreign_key_checks = 0", ...tables.map(({ statement }) => statement), ...rows];
    await connection.query(statements.join(";\n"));
  } finally {
    await connection.end();
  }
  template.pathname = `/${name}`;
  return template.href;
}

interface Table {
  readonly name: string;
  /** What makes it, as the server itself tells it. */
  readonly statement: string;
}

async function tablesOf(connection: Connection, source: string): Promise<Table[]> {
  const [names] = await connection.query<RowDataPacket[]>(
    "select table_name as name from information_schema.tables where table_schema = ? order by table_name",
    [source],
  );
  const tables: Table[] = [];
  for (const { name } of names) {
    const [[created]] = await connection.query<RowDataPacket[]>("show create table ??.??", [source, name]);
    tables.push({ name: String(name), statement: String(created?.["Create Table"]) });
  }
  return tables;
}
