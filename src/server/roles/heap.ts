import { setFlagsFromString } from "node:v8";

/**
 * How V8 keeps the objects of a role that somebody waits for. By itself it makes those of requests among the old ones
 * at once, when those of a burst outlived a few collections; and it collects the old ones after each tenth that they
 * grow: under load about every ten seconds, and all who wait are held up for tens of milliseconds. Here objects begin
 * young, and the old ones may grow to three times of what is alive before they are collected (docs/performance.md).
 */
export const HEAP_FLAGS = ["--no-allocation-site-pretenuring", "--heap-growing-percent=200"] as const;

/** To be called before such a role opens anything; the relay, for which nobody waits, keeps less memory without. */
export function setHeapFlags(): void {
  for (const flag of HEAP_FLAGS) setFlagsFromString(flag);
}
