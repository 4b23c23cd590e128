import { type Connection, createConnection, type RowDataPacket } from "mysql2/promise";
import { inject } from "vitest";

/**
 * Makes a database of that name, anew, with every table of the migrated template and the rows that say which migrations ran.
 * Answers its URL.
 */
export async function cloneDatabase(name: string): Promise<string> {
  const template = new URL(inject("templateUrl"));
  const source = template.pathname.slice(1);
  const connection = await createConnection({
    socketPath: template.searchParams.get("socketPath") ?? "",
    user: "root",
    multipleStatements: true,
  });
  try {
    const statements = await tableStatements(connection, source);
    await connection.query("drop database if exists ??", [name]);
    await connection.query("create database ?? character set utf8mb4 collate utf8mb4_bin", [name]);
    await connection.query("use ??", [name]);
    await connection.query(["set foreign_key_checks = 0", ...statements].join(";\n"));
    await connection.query("insert into migration select * from ??.migration", [source]);
  } finally {
    await connection.end();
  }
  template.pathname = `/${name}`;
  return template.href;
}

/** The statements that make the template's tables, as the server itself tells them. */
async function tableStatements(connection: Connection, source: string): Promise<string[]> {
  const [tables] = await connection.query<RowDataPacket[]>(
    "select table_name as name from information_schema.tables where table_schema = ? order by table_name",
    [source],
  );
  const statements: string[] = [];
  for (const { name } of tables) {
    const [[created]] = await connection.query<RowDataPacket[]>("show create table ??.??", [source, name]);
    statements.push(String(created?.["Create Table"]));
  }
  return statements;
}
