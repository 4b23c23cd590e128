import type { Config } from "../../platform/config.js";
import { openDatabase } from "../../platform/database.js";
import { migrate } from "../../platform/migrate.js";
import { databaseSchema } from "../database.js";

/** Runs the migrations that have not run; answers how many there were. */
export async function migrateDatabase(config: Config): Promise<number> {
  const database = await openDatabase(config, databaseSchema);
  try {
    return (await migrate(database)).length;
  } finally {
    await database.destroy();
  }
}
