import { type Connection, createConnection } from "mysql2/promise";

/** A connection to the server of a database URL, with no database chosen. Throws when it cannot be reached. */
export async function connectServer(databaseUrl: string): Promise<Connection> {
  const url = new URL(databaseUrl);
  const socketPath = url.searchParams.get("socketPath");
  return createConnection({
    ...(socketPath === null ? { host: url.hostname, port: Number(url.port || 3306) } : { socketPath }),
    user: decodeURIComponent(url.username || "root"),
    password: decodeURIComponent(url.password),
  });
}

/** Makes the database that the URL names, unless it is there: utf8mb4, compared by its bytes. */
export async function createDatabase(databaseUrl: string): Promise<void> {
  const name = decodeURIComponent(new URL(databaseUrl).pathname.slice(1));
  const connection = await connectServer(databaseUrl);
  try {
    const [found] = await connection.query("select 1 from information_schema.schemata where schema_name = ?", [name]);
    const isThere = Array.isArray(found) && found.length > 0;
    if (!isThere) await connection.query("create database ?? character set utf8mb4 collate utf8mb4_bin", [name]);
  } finally {
    await connection.end();
  }
}
