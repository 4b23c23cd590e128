import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { z } from "zod";

/** A role whose log is watched. */
export interface WatchedLog {
  readonly name: string;
  readonly logFile: string;
}

const LOOK_MS = 500;
const QUIET_MS = 10_000;
const READ_BYTES_MAX = 256 * 1024;
const ERROR_LEVEL = 50; // pino's
const MESSAGE_LENGTH_MAX = 160;

const ErrorLine = z.object({ level: z.number().min(ERROR_LEVEL), msg: z.string().optional() });

/**
 * Tells of the errors that roles log from now on: for each role the first at once, then at most one line every ten
 * seconds, with the last message and how many there were. Answers what ends the watch.
 */
export function watchTrouble(logs: readonly WatchedLog[], say: (line: string) => void): () => void {
  const watches = logs.map((log) => ({ ...log, offset: sizeOf(log.logFile), quietMs: 0, errors: [] as string[] }));
  const timer = setInterval(() => {
    for (const watch of watches) {
      const { text, offset } = readFrom(watch.logFile, watch.offset);
      watch.offset = offset;
      watch.errors.push(...text.split("\n").flatMap(errorIn));
      watch.quietMs = Math.max(0, watch.quietMs - LOOK_MS);
      if (watch.errors.length === 0 || watch.quietMs > 0) continue;
      say(`${watch.name}: ${watch.errors.at(-1)}${more(watch.errors.length)}; see ${watch.logFile}`);
      watch.errors = [];
      watch.quietMs = QUIET_MS;
    }
  }, LOOK_MS);
  return () => clearInterval(timer);
}

function more(count: number): string {
  return count === 1 ? "" : ` (the last of ${count} errors)`;
}

function errorIn(line: string): string[] {
  if (!line.startsWith("{")) return [];
  try {
    const entry = ErrorLine.safeParse(JSON.parse(line));
    return entry.success ? [(entry.data.msg ?? "an error").slice(0, MESSAGE_LENGTH_MAX)] : [];
  } catch {
    return []; // not an entry: what else a process prints stays in the log
  }
}

/** Whole lines written since; an unfinished one is left for the next look, and what is too much is passed over. */
function readFrom(logFile: string, offset: number): { text: string; offset: number } {
  const size = sizeOf(logFile);
  const from = size < offset ? 0 : Math.max(offset, size - READ_BYTES_MAX);
  if (size === from) return { text: "", offset: from };
  const bytes = Buffer.alloc(size - from);
  const file = openSync(logFile, "r");
  try {
    readSync(file, bytes, 0, bytes.length, from);
  } finally {
    closeSync(file);
  }
  const end = bytes.lastIndexOf(10) + 1;
  return { text: bytes.toString("utf8", 0, end), offset: from + end };
}

function sizeOf(logFile: string): number {
  return existsSync(logFile) ? statSync(logFile).size : 0;
}
