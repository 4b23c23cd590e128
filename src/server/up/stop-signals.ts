/** How this process is asked to stop. */
export interface StopSignals {
  /** Aborted when we should stop: Ctrl-C, SIGTERM, or the terminal closed. */
  readonly stop: AbortSignal;
  /** Aborted when we should stop without waiting: asked again. */
  readonly force: AbortSignal;
  /** Signals end the process again, as they do without us. */
  release(): void;
}

/** One Ctrl-C reaches us several times when npm and scripts pass it on; only a later one is a second. */
const SAME_REQUEST_MS = 700;

/** Takes the signals that would end this process. */
export function takeStopSignals(): StopSignals {
  const [stop, force] = [new AbortController(), new AbortController()];
  let asked = 0;
  const listen = () => {
    if (!stop.signal.aborted) {
      asked = performance.now();
      stop.abort();
    } else if (performance.now() - asked > SAME_REQUEST_MS) force.abort();
  };
  const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const name of names) process.on(name, listen);
  return {
    stop: stop.signal,
    force: force.signal,
    release: () => {
      for (const name of names) process.off(name, listen);
    },
  };
}
