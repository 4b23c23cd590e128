import type { Command } from "commander";
import type { App } from "../../platform/app.js";
import { type Config, DATA_DIR_DEFAULT, readConfig } from "../../platform/config.js";

/** Which database and Redis a command works on. */
export interface ServerOptions {
  readonly dataDir?: string;
  readonly databaseUrl?: string;
  readonly redisUrl?: string;
  readonly anchorDir?: string;
}

/** Adds the options that say which database and Redis a command works on. */
export function addServerOptions(command: Command): Command {
  return command
    .option("--data-dir <dir>", `where \`quittance up\` keeps its servers and keys (default: ${DATA_DIR_DEFAULT})`)
    .option("--database-url <url>", "the database, e.g. mysql://user:password@host:3306/quittance")
    .option("--redis-url <url>", "Redis, e.g. redis://host:6379");
}

/** Opens what the options name, does the work and lets go of it again, whatever comes of the work. */
export async function withApp<T>(options: ServerOptions, work: (app: App) => Promise<T>): Promise<T> {
  // Loaded here, so that commands which need no database start without it.
  const { closeApp, openApp } = await import("../../platform/open-app.js");
  const { databaseSchema } = await import("../database.js");
  const app = await openApp(quietConfig(options), databaseSchema);
  try {
    return await work(app);
  } finally {
    await closeApp(app);
  }
}

/** Prints a command's one JSON document on standard output. */
export function printJson(value: unknown): void {
  console.log(JSON.stringify(value));
}

/** A command says what went wrong by its error; log lines would spoil the document on standard output. */
function quietConfig(options: ServerOptions): Config {
  return { ...readConfig(options), logLevel: "silent" };
}
