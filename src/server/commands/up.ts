import { type Command, InvalidArgumentError } from "commander";
import { PORT_DEFAULT, placeSettings } from "../../platform/config.js";
import { addServerOptions, type ServerOptions } from "./app.js";
import { portOf } from "./roles.js";

interface Options extends ServerOptions {
  readonly port: number;
  readonly api: number;
  readonly worker: number;
  readonly relay: number;
  readonly demo?: boolean;
  readonly json?: boolean;
}

const PROCESSES_MAX = 64;

/** The command `up`, which runs everything on this machine. */
export function register(program: Command): void {
  addServerOptions(
    program.command("up").description("run everything on this machine, private MariaDB and Redis included"),
  )
    .option("--port <port>", "where the first api process listens; 0 takes a free one", portOf, PORT_DEFAULT)
    .option("--api <n>", "how many api processes, on ports one after the other", countOf, 1)
    .option("--worker <n>", "how many worker processes", countOf, 1)
    .option("--relay <n>", "how many relay processes, of which one leads", countOf, 1)
    .option("--demo", "play the demo, once per data directory")
    .option("--json", "print one JSON document when ready")
    .action(run);
}

async function run({ dataDir, databaseUrl, redisUrl, demo, json, ...rest }: Options): Promise<void> {
  const { up } = await import("../up.js");
  const settings = placeSettings();
  await up({
    ...rest,
    dataDir: dataDir ?? settings.dataDir,
    databaseUrl: databaseUrl ?? settings.databaseUrl,
    redisUrl: redisUrl ?? settings.redisUrl,
    demo: demo === true,
    json: json === true,
  });
}

function countOf(text: string): number {
  const count = /^\d{1,2}$/.test(text) ? Number(text) : Number.NaN;
  if (count <= PROCESSES_MAX) return count;
  throw new InvalidArgumentError(`A number from 0 to ${PROCESSES_MAX}.`);
}
