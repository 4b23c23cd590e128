import { setTimeout as sleep } from "node:timers/promises";
import type { Actor } from "../../kernel/actor.js";
import type { App } from "../../platform/app.js";
import { RunState, type SettlementRun } from "../settlement-runs/entities.js";
import { type RunCounts, runCounts, runOf, runSignal } from "../settlement-runs/service.js";

/** How a run stands. */
export interface RunProgress {
  readonly run: SettlementRun;
  readonly counts: RunCounts;
}

/** What a reader is told of a run, until it lets go. */
export type RunProgressStream = AsyncIterableIterator<RunProgress>;

/** Signals may be lost, so the database is asked this often besides. */
const LOOK_MS = 1_000;
/** However much moves in a run, a reader is told so often at most. */
const PAUSE_MS = 100;

/**
 * How a run stands: at once, whenever something moved, and once it has ended, with which it ends too. Ends when the
 * reader lets go, even while it waits, and when the reader's token does.
 */
export async function watchRun(app: App, actor: Actor, runId: string): Promise<RunProgressStream> {
  await runOf(app, actor, runId);
  const stop = new AbortController();
  const progress = progressOf(app, actor, runId, stop.signal);
  const stream: RunProgressStream = {
    next: () => progress.next(),
    async return() {
      stop.abort();
      return progress.return(undefined);
    },
    async throw(error) {
      stop.abort();
      await progress.return(undefined);
      throw error;
    },
    [Symbol.asyncIterator]: () => stream,
  };
  return stream;
}

async function* progressOf(app: App, actor: Actor, runId: string, stop: AbortSignal): AsyncGenerator<RunProgress> {
  let wake: () => void = () => undefined;
  const deafen = app.signals.listen(runSignal(runId), () => wake());
  try {
    while (!stop.aborted && !isOver(app, actor)) {
      const moved = new Promise<void>((resolve) => {
        wake = resolve;
      });
      const run = await runOf(app, actor, runId);
      yield { run, counts: await runCounts(app, run) };
      if (run.state !== RunState.RUNNING) return;
      await pause(PAUSE_MS, stop);
      await Promise.race([moved, pause(LOOK_MS, stop)]);
    }
  } finally {
    deafen();
  }
}

function isOver(app: App, { expiresAt }: Actor): boolean {
  return expiresAt !== null && expiresAt <= app.clock.now();
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined); // aborted: the reader let go
}
