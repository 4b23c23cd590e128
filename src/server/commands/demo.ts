import { setTimeout as sleep } from "node:timers/promises";
import { type Command, InvalidArgumentError } from "commander";
import { DATA_DIR_DEFAULT } from "../../platform/config.js";
import { addServerOptions, type ServerOptions, withApp } from "./app.js";

interface DemoOptions extends ServerOptions {
  readonly url: string;
  readonly trickleOnly?: boolean;
  readonly transactions?: number;
}

const TRANSACTIONS = { min: 300, max: 10_000_000 };
/** How long what is under way may take once the demo is told to stop; nothing that is cut off is lost. */
const STOP_MS = 1_000;

/** The command `demo`, which `up --demo` starts. */
export function register(program: Command): void {
  addServerOptions(
    program.command("demo").description("play the demo: thirty days of three partners, then live traffic"),
  )
    .requiredOption("--url <url>", "the server, e.g. http://localhost:4000")
    .option("--trickle-only", "only the live traffic, for a demo whose history was played")
    .option("--transactions <n>", "size of the history (default: 100000)", transactionsOf)
    .action(run);
}

async function run({ url, trickleOnly, transactions, ...server }: DemoOptions): Promise<void> {
  const { systemClock } = await import("../../kernel/clock.js");
  const { DEMO_TRANSACTIONS, playDemo } = await import("../demo/demo.js");
  const { leaveParent, stopRequested } = await import("../roles/stop.js");
  const stopping = new AbortController();
  const playing = playDemo({
    url: url.replace(/\/+$/, ""),
    dataDir: server.dataDir ?? DATA_DIR_DEFAULT,
    isTrickleOnly: trickleOnly === true,
    transactions: transactions ?? DEMO_TRANSACTIONS,
    clock: systemClock,
    signal: stopping.signal,
    withApp: (work) => withApp(server, work),
    progress: process.stderr,
    say: (line) => console.error(line),
    show: (text) => console.log(text),
  });
  const stopped = stopRequested().then(async () => {
    stopping.abort();
    await sleep(STOP_MS);
  });
  const ended = playing.catch((error: unknown) => {
    if (!stopping.signal.aborted) throw error;
  });
  try {
    await Promise.race([ended, stopped]);
  } finally {
    leaveParent();
  }
  process.exit(); // a request that is under way would keep the process alive
}

function transactionsOf(text: string): number {
  const count = /^\d{1,8}$/.test(text) ? Number(text) : 0;
  if (count >= TRANSACTIONS.min && count <= TRANSACTIONS.max) return count;
  throw new InvalidArgumentError(`A history has ${TRANSACTIONS.min} to ${TRANSACTIONS.max} transactions.`);
}
