import { type Command, InvalidArgumentError } from "commander";
import type { ConfigOverrides } from "../../platform/config.js";
import { addServerOptions, printJson, type ServerOptions } from "./app.js";

interface ApiOptions extends ServerOptions {
  readonly port?: number;
}

interface MigrateOptions extends ServerOptions {
  readonly json?: boolean;
}

/** The commands that are processes of the service, and `migrate` and `sdl`; each loads only what it runs. */
export function register(program: Command): void {
  addServerOptions(program.command("api").description("serve GraphQL, OAuth and health over HTTP"))
    .option("--port <port>", "where to listen; 0 takes a free one", portOf)
    .action(async (options: ApiOptions) => (await import("../roles/api.js")).runApi(overridesOf(options)));
  addServerOptions(program.command("worker").description("run posting, settlement and other jobs")).action(
    async (options: ServerOptions) => (await import("../roles/worker.js")).runWorker(overridesOf(options)),
  );
  addServerOptions(
    program.command("relay").description("number acts, integrate the tree, feed streams, schedule"),
  ).action(async (options: ServerOptions) => (await import("../roles/relay.js")).runRelay(overridesOf(options)));
  addServerOptions(program.command("migrate").description("bring the database's tables up to date"))
    .option("--json", "print one JSON document")
    .action(migrateDatabase);
  program
    .command("sdl")
    .description("print the GraphQL schema")
    .action(async () => {
      process.stdout.write((await import("../schema.js")).schemaText());
    });
}

/** A TCP port, 0 for any. */
export function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  throw new InvalidArgumentError("A port is a number from 0 to 65535.");
}

function overridesOf({ dataDir, databaseUrl, redisUrl, port }: ApiOptions): ConfigOverrides {
  return { dataDir, databaseUrl, redisUrl, port };
}

async function migrateDatabase(options: MigrateOptions): Promise<void> {
  const { readConfig } = await import("../../platform/config.js");
  const { openDatabase } = await import("../../platform/database.js");
  const { migrate } = await import("../../platform/migrate.js");
  const { databaseSchema } = await import("../database.js");
  const database = await openDatabase(readConfig(options), databaseSchema);
  try {
    const migrations = await migrate(database);
    if (options.json === true) return printJson({ migrations });
    console.log(migrations.length === 0 ? "The database is up to date." : `Ran ${migrations.join(", ")}.`);
  } finally {
    await database.destroy();
  }
}
