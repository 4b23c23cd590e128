import { mkdir, readFile } from "node:fs/promises";
import type { Command } from "commander";
import { printJson } from "./app.js";

interface WitnessCommandOptions {
  readonly name: string;
  readonly key: string;
  readonly log: readonly string[];
  readonly dir: string;
  readonly host: string;
  readonly port: number;
  readonly json?: boolean;
}

const PORT = 4_200;

/** The command of whoever watches somebody's log: `witness`. It needs no database and no platform. */
export function register(program: Command): void {
  program
    .command("witness")
    .description("watch logs: cosign checkpoints that continue what was cosigned before (C2SP tlog-witness)")
    .requiredOption("--name <name>", "what the witness is called, e.g. witness.example.com/w1")
    .requiredOption("--key <file>", "its private key, as `keygen` makes it (EdDSA), used for nothing else")
    .requiredOption("--log <key...>", "verifier keys of the logs, `log { verifierKey }`")
    .requiredOption("--dir <folder>", "where it keeps what it cosigned; whoever loses that may cosign a fork")
    .option("--host <host>", "the address that it listens on", "127.0.0.1")
    .option("--port <port>", "the port that it listens on; 0 takes a free one", Number, PORT)
    .option("--json", "print one JSON document when it is ready")
    .action(runWitness);
}

async function runWitness({ key, log: logKeys, json, ...options }: WitnessCommandOptions): Promise<void> {
  const { startWitness } = await import("../witness.js");
  const { stopRequested } = await import("../roles/stop.js");
  const stop = stopRequested();
  await mkdir(options.dir, { recursive: true });
  const witness = await startWitness({ ...options, logKeys, privateJwk: await readFile(key, "utf8") });
  const { url, verifierKey } = witness;
  if (json === true) printJson({ ready: true, url, verifierKey });
  else
    console.log(`Witness ${verifierKey} at ${url}; give both to the log: QUITTANCE_WITNESSES="${verifierKey} ${url}"`);
  await stop;
  await witness.close();
}
