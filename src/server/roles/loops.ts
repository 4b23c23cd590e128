import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { App } from "../../platform/app.js";

/** Work that never ends by itself. */
export interface Loop {
  readonly name: string;
  /** Runs until the signal; what it throws is logged, and it is begun again a second later. */
  run(app: App, signal: AbortSignal): Promise<void>;
}

const RESTART_MS = 1_000;

/** Runs loops side by side until the signal, and answers when all have ended. */
export async function runLoops(app: App, loops: readonly Loop[], signal: AbortSignal): Promise<void> {
  setMaxListeners(2 * loops.length, signal); // each of them listens in its pauses
  await Promise.all(loops.map((loop) => runLoop(app, loop, signal)));
}

async function runLoop(app: App, loop: Loop, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await loop.run(app, signal);
    } catch (error) {
      if (signal.aborted) return;
      app.log.error({ loop: loop.name, err: error }, "loop failed; it begins again");
      app.metrics.count("loop_failures", { loop: loop.name });
    }
    await pause(RESTART_MS, signal);
  }
}

/** Waits so long, or until the signal. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined); // the signal cuts the pause short
}
