const [FIRST_WAIT_MS, WAIT_MS_MAX] = [5_000, 600_000];

/** How long what was refused so often is left alone: five seconds, then twice as long each time, up to ten minutes. */
export function waitMsAfter(tries: number): number {
  return Math.min(FIRST_WAIT_MS * 2 ** (tries - 1), WAIT_MS_MAX);
}
