import type { DataSource } from "typeorm";

const LOCK_NAME = "quittance.migrate";
const LOCK_WAIT_SECONDS = 60;

/** Runs the migrations that have not run, one process at a time; answers their names. */
export async function migrate(database: DataSource): Promise<string[]> {
  const runner = database.createQueryRunner("master");
  try {
    const [{ locked }] = await runner.query("select get_lock(?, ?) as locked", [LOCK_NAME, LOCK_WAIT_SECONDS]);
    if (Number(locked) !== 1) throw new Error("Another process has been migrating for a minute; try again.");
    const done = await database.runMigrations({ transaction: "none" });
    return done.map((migration) => migration.name);
  } finally {
    await runner.query("select release_lock(?)", [LOCK_NAME]);
    await runner.release();
  }
}

/** Names of the migrations that this code knows and the database has not run. */
export async function pendingMigrations(database: DataSource): Promise<string[]> {
  const tables: unknown[] = await database.query("show tables like 'migration'");
  const rows: { name: string }[] = tables.length === 0 ? [] : await database.query("select name from migration");
  const done = new Set(rows.map((row) => row.name));
  return database.migrations.flatMap(({ name }) => (name !== undefined && !done.has(name) ? [name] : []));
}
