import type { WriteStream } from "node:tty";

/** Where progress is drawn. */
export type ProgressStream = Pick<WriteStream, "write"> & { readonly isTTY?: boolean };

/** What was done so far, shown beside the bar. */
export interface Done {
  readonly batches: number;
  readonly rows: number;
}

/** Shows how far a long work is: a bar that is drawn over on a terminal, now and then a line elsewhere. */
export interface Progress {
  /** Shows a part of one; draws at most ten times a second, and elsewhere a line every five seconds. */
  at(part: number, done: Done): void;
  /** Leaves the last state standing. */
  end(): void;
}

const BAR_CHARS = 30;
const EVERY_MS = { terminal: 100, elsewhere: 5_000 };

/** Opens a progress display; null shows nothing. */
export function openProgress(stream: ProgressStream | null): Progress {
  const began = performance.now();
  const isTerminal = stream?.isTTY === true;
  const everyMs = isTerminal ? EVERY_MS.terminal : EVERY_MS.elsewhere;
  let [drawnAt, last, isDrawn] = [isTerminal ? 0 : began, "", true];
  const draw = (text: string) => stream?.write(isTerminal ? `\r${text}\u001B[K` : `${text}\n`);
  return {
    at(part, done) {
      last = textOf(part, done, performance.now() - began);
      isDrawn = performance.now() - drawnAt >= everyMs;
      if (!isDrawn) return;
      drawnAt = performance.now();
      draw(last);
    },
    end() {
      if (!isDrawn) draw(last);
      if (isTerminal && last !== "") stream.write("\n");
    },
  };
}

function textOf(part: number, { batches, rows }: Done, elapsedMs: number): string {
  const filled = Math.round(Math.min(part, 1) * BAR_CHARS);
  const bar = "█".repeat(filled) + "░".repeat(BAR_CHARS - filled);
  const percent = `${Math.floor(Math.min(part, 1) * 100)} %`.padStart(6);
  const rate = Math.round((rows * 1_000) / Math.max(elapsedMs, 1));
  return `${bar}${percent}  ${rows} rows in ${batches} ${batches === 1 ? "batch" : "batches"}, ${rate}/s`;
}
