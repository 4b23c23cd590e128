import type { DataSource } from "typeorm";
import { poolOf } from "./database.js";

/** Connections of a pool: at work, idle, and callers that wait for one. */
export interface PoolFigures {
  readonly inUse: number;
  readonly idle: number;
  readonly waiting: number;
}

/** How the connections of this process stand. */
export function poolFigures(database: DataSource): PoolFigures {
  const { _allConnections: all, _freeConnections: free, _connectionQueue: queue } = poolOf(database);
  return { inUse: all.length - free.length, idle: free.length, waiting: queue.length };
}

/** One of the server's own counters, by the name that it has there. */
export interface ServerFigure {
  readonly name: string;
  readonly value: number;
}

/** Reads from disk against rows inserted, and what else says whether the buffer pool is large enough. */
export async function serverFigures(database: DataSource): Promise<ServerFigure[]> {
  const rows: { Variable_name: string; Value: string }[] = await database.query(
    `show global status where variable_name in ('Innodb_buffer_pool_reads', 'Innodb_buffer_pool_read_requests',
       'Handler_write', 'Innodb_row_lock_waits', 'Innodb_deadlocks', 'Threads_connected')`,
  );
  return rows.map((row) => ({ name: row.Variable_name.toLowerCase(), value: Number(row.Value) }));
}
