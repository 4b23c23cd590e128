import { BoundedMap } from "../../kernel/bounded-map.js";
import type { App } from "../../platform/app.js";
import { perApp } from "../../platform/per-app.js";
import { POSTED_SIGNAL } from "../parking/service.js";

/** Somebody who waits for the outcome of a batch. */
export interface Caller {
  /** Fulfilled after so long, or once told that the batch waits no longer, lately or from now on; says which. */
  told(ms: number): Promise<boolean>;
  leave(): void;
}

/** What a process heard: one listener serves all who wait in it. */
interface Ear {
  readonly waiting: Map<string, Set<() => void>>;
  /** Batches told of before anybody asked: posting may be quicker than the answer to who submitted. */
  readonly lately: BoundedMap<string, true>;
}

const LATELY_MAX = 10_000;

/** Begins to wait for a batch that is stored. */
export function openCaller(app: App, batchId: string): Caller {
  const { waiting, lately } = earOf(app);
  let isTold = lately.get(batchId) === true;
  let wake: () => void = () => undefined;
  const tell = () => {
    isTold = true;
    wake();
  };
  const all = waiting.get(batchId) ?? new Set();
  waiting.set(batchId, all.add(tell));
  return {
    async told(ms) {
      if (isTold) return true;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      return isTold;
    },
    leave() {
      all.delete(tell);
      if (all.size === 0) waiting.delete(batchId);
    },
  };
}

/** For how many batches somebody waits in this process. */
export function countAwaited(app: App): number {
  return earOf(app).waiting.size;
}

/** Whether this process was told, lately, that a batch waits no longer. */
export function wasTold(app: App, batchId: string): boolean {
  return earOf(app).lately.get(batchId) === true;
}

const earOf = perApp((app): Ear => {
  const ear: Ear = { waiting: new Map(), lately: new BoundedMap(LATELY_MAX) };
  app.signals.listen(POSTED_SIGNAL, (ids) => {
    for (const id of ids.split(" ")) {
      ear.lately.set(id, true);
      for (const tell of ear.waiting.get(id) ?? []) tell();
    }
  });
  return ear;
});
