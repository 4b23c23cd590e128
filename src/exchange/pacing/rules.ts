/** Of so much more than is posted a process begins, of partners that are behind: the backlog may grow, but slowly. */
const ROOM = 1.1;
/** No batch is held up for longer. */
const HELD_MS_MAX = 5_000;

/** What a process sees of the backlog at an instant. */
export interface Sight {
  readonly atMs: number;
  /** How many batches all processes have accepted, since ever; null where none waits. */
  readonly accepted: number | null;
  readonly waiting: number;
  /** How many this process has accepted, since it began. */
  readonly own: number;
}

/**
 * How long after the last batch a process begins the next one of those who are behind, milliseconds. All processes
 * together take a tenth more than is posted, each its share of what was accepted between the two sights. 0 where
 * nothing is posted: then accepting holds nothing up.
 */
export function paceMs(before: Sight, now: Sight): number {
  if (before.accepted === null || now.accepted === null) return 0;
  const accepted = now.accepted - before.accepted;
  const posted = accepted - (now.waiting - before.waiting);
  const own = now.own - before.own;
  if (posted <= 0 || own <= 0) return 0;
  return (now.atMs - before.atMs) / (posted * ROOM * Math.min(own / accepted, 1));
}

/** The turn after the last one, not before now and at most five seconds from now. */
export function nextAt(lastMs: number, everyMs: number, nowMs: number): number {
  return Math.min(Math.max(lastMs + everyMs, nowMs), nowMs + HELD_MS_MAX);
}
