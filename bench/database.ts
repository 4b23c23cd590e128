import { type Connection, createConnection, type RowDataPacket } from "mysql2/promise";

/** Rows of numbers and texts by column. */
export type Row = Readonly<Record<string, string | number | null>>;

/**
 * A connection to the installation's own database; instants come as texts and large numbers too, so that both go back
 * unchanged.
 */
export function connectDatabase(databaseUrl: string): Promise<Connection> {
  const url = new URL(databaseUrl);
  return createConnection({
    socketPath: url.searchParams.get("socketPath") ?? "",
    user: "root",
    database: url.pathname.slice(1),
    timezone: "Z",
    dateStrings: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
  });
}

/** The rows that a query answers. */
export async function rowsOf(connection: Connection, sql: string, values: unknown[] = []): Promise<Row[]> {
  const [rows] = await connection.query<(RowDataPacket & Row)[]>(sql, values);
  return rows;
}

/** The one number that a query answers; 0 for null. */
export async function numberOf(connection: Connection, sql: string, values: unknown[] = []): Promise<number> {
  const [row] = await rowsOf(connection, sql, values);
  return Number(Object.values(row ?? {})[0] ?? 0);
}
