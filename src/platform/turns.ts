import { setImmediate } from "node:timers/promises";

/** How long work may hold the event loop before others have their turn. */
const HELD_MS_MAX = 5;

/**
 * For work that is long and cannot leave the event loop: what it awaits now and then lets everybody else have a turn,
 * once the work has held the loop for some milliseconds since it last did.
 */
export function takingTurns(): () => Promise<void> {
  let since = performance.now();
  return async () => {
    if (performance.now() - since < HELD_MS_MAX) return;
    await setImmediate();
    since = performance.now();
  };
}
