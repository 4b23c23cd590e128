import { BoundedMap } from "../../kernel/bounded-map.js";
import type { App } from "../../platform/app.js";
import { POSTED_SIGNAL } from "../parking/service.js";

/** Somebody who waits for the outcome of a batch. */
export interface Caller {
  /** Fulfilled after so long, or once told that the batch waits no longer, lately or from now on; says which. */
  told(ms: number): Promise<boolean>;
  leave(): void;
}

/** What a process heard: one listener serves all who wait in it. */
interface Ear {
  readonly waiting: Map<string, () => void>;
  /** Batches told of before anybody asked: posting may be quicker than the answer to who submitted. */
  readonly lately: BoundedMap<string, true>;
}

const LATELY_MAX = 10_000;
const ears = new WeakMap<App, Ear>();

/** Begins to wait for a batch that is stored. */
export function openCaller(app: App, batchId: string): Caller {
  const { waiting, lately } = earOf(app);
  let isTold = lately.get(batchId) === true;
  let wake: () => void = () => undefined;
  waiting.set(batchId, () => {
    isTold = true;
    wake();
  });
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
      waiting.delete(batchId);
    },
  };
}

function earOf(app: App): Ear {
  const known = ears.get(app);
  if (known !== undefined) return known;
  const ear: Ear = { waiting: new Map(), lately: new BoundedMap(LATELY_MAX) };
  ears.set(app, ear);
  app.signals.listen(POSTED_SIGNAL, (ids) => {
    for (const id of ids.split(" ")) {
      ear.lately.set(id, true);
      ear.waiting.get(id)?.();
    }
  });
  return ear;
}
