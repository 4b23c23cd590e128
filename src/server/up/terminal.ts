/** What `up` says: progress to people on standard error, the answer on standard output. */
export interface Terminal {
  /** A line of progress, with the seconds since the start. */
  say(line: string): void;
  /** The answer; programs read the JSON form. */
  answer(line: string): void;
}

/** The terminal of this process, its clock starting now. */
export function openTerminal(): Terminal {
  const began = performance.now();
  return {
    say: (line) => console.error(`${((performance.now() - began) / 1_000).toFixed(1).padStart(6)} s  ${line}`),
    answer: (line) => console.log(line),
  };
}
