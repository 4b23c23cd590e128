/**
 * Fulfilled when this process should stop: SIGTERM, SIGINT, or the end of the parent that started it with a channel, so
 * that a killed supervisor leaves nothing running. A second signal ends it at once.
 */
export function stopRequested(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.once(signal, () => {
        process.once(signal, () => process.exit(1));
        resolve();
      });
    }
    process.once("disconnect", resolve);
  });
}

/** What a role tells the parent that started it once it works. */
export interface Ready {
  readonly ready: true;
  /** Where it answers, for a role that does. */
  readonly url?: string;
  /** Where it tells its health and metrics, for a role that has a port of its own for that. */
  readonly probesUrl?: string;
}

/** Tells the parent, where there is one that listens, that this role works now. */
export function reportReady(ready: Ready): void {
  process.send?.(ready);
}

/** Lets go of the parent, whose channel would else keep this process alive. */
export function leaveParent(): void {
  if (process.connected) process.disconnect();
}
