import { setTimeout as sleep } from "node:timers/promises";
import { nextAt, paceMs, type Sight } from "./rules.js";

/** How long, at least and at most, the readings reach back of which the pace is made. */
const WINDOW_MS = { min: 1_000, max: 2_500 } as const;
/** Readings further apart say little of the present. */
const GAP_MS_MAX = 3_000;

/**
 * At what pace a process accepts batches of partners that are behind. Accepting costs as much as posting, on the same
 * processors: who takes in all he can, while more comes than is posted, posts less than he could.
 */
export class Pace {
  #sights: Sight[] = [];
  #everyMs = 0;
  #nextAtMs = Number.NEGATIVE_INFINITY;

  see(sight: Sight): void {
    const isFresh = sight.atMs - (this.#sights.at(-1)?.atMs ?? sight.atMs) < GAP_MS_MAX;
    const known = isFresh ? this.#sights.filter(({ atMs }) => sight.atMs - atMs <= WINDOW_MS.max) : [];
    this.#sights = [...known, sight];
    const [first = sight] = this.#sights;
    this.#everyMs = sight.atMs - first.atMs < WINDOW_MS.min ? 0 : paceMs(first, sight);
  }

  /** Waits for one's turn, at most five seconds; answers how long, in milliseconds. */
  async turn(): Promise<number> {
    const nowMs = performance.now();
    this.#nextAtMs = nextAt(this.#nextAtMs, this.#everyMs, nowMs);
    const heldMs = this.#nextAtMs - nowMs;
    if (heldMs > 0) await sleep(heldMs);
    return heldMs;
  }
}
