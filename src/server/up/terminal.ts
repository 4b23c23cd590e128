/** What `up` says: progress to people on standard error, the answer on standard output. */
export interface Terminal {
  /** Whether standard output holds one JSON document and nothing else. */
  readonly isForPrograms: boolean;
  /** A line of progress, with the seconds since the start. */
  readonly say: (line: string) => void;
  /** Everything runs. */
  sayReady(url: string, pids: Readonly<Record<string, number>>, metrics: Readonly<Record<string, string>>): void;
}

/** The terminal of this process, its clock starting now. */
export function openTerminal(isForPrograms: boolean): Terminal {
  const began = performance.now();
  const say = (line: string) => {
    console.error(`${((performance.now() - began) / 1_000).toFixed(1).padStart(6)} s  ${line}`);
  };
  return {
    isForPrograms,
    say,
    sayReady(url, pids, metrics) {
      if (isForPrograms) return console.log(JSON.stringify({ ready: true, url, pids, metrics }));
      const places = Object.entries(metrics).map(([name, place]) => `${name} ${place}/metrics`);
      if (places.length > 0) say(`metrics: ${places.join(", ")}`);
      say("ready; Ctrl-C stops everything");
      console.log(url);
    },
  };
}
