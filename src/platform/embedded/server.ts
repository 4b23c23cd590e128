import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../../kernel/clock.js";
import { type Place, tailOf } from "./place.js";
import { holdersOf, isHolder, launch } from "./processes.js";

/** One of the private servers, answering. */
export interface EmbeddedServer {
  readonly url: string;
  readonly pid: number;
  /** Whether it already ran: left by a parent that was killed. */
  readonly isAdopted: boolean;
}

/** What the two servers differ in. */
export interface ServerKind {
  /** Names its pid file and log. */
  readonly name: "mariadb" | "redis";
  /** As people write it. */
  readonly title: string;
  readonly url: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Whether it answers a question. */
  answers(): Promise<boolean>;
}

const START_MS_MAX = 120_000; // recovery after a crash reads the whole redo log
const POLL_MS = 25;

/**
 * The server of this place: the one that runs already, else a new one. Throws its last words when it does not start.
 */
export async function runServer(place: Place, kind: ServerKind): Promise<EmbeddedServer> {
  const found = await adopt(place, kind);
  if (found !== null) return { url: kind.url, pid: found, isAdopted: true };
  const child = launch({
    command: kind.command,
    args: kind.args,
    pidFile: pidFileOf(place, kind.name),
    output: logFileOf(place, kind.name),
  });
  const spawned = await new Promise<number | Error>((resolve) => {
    child.once("error", resolve);
    child.once("spawn", () => resolve(child.pid ?? 0));
  });
  child.unref(); // it outlives us
  if (spawned instanceof Error) throw new Error(`${kind.title} cannot be started: ${spawned.message}`);
  if (await untilAnswers(place, kind, spawned)) return { url: kind.url, pid: spawned, isAdopted: false };
  throw new Error(`${kind.title} ended at its start:\n${tailOf(logFileOf(place, kind.name))}`);
}

/** Holds the server's number, for people; held open by the server itself. */
export function pidFileOf(place: Place, name: string): string {
  return join(place.runDir, `${name}.pid`);
}

/** Where a server or role writes. */
export function logFileOf(place: Place, name: string): string {
  return join(place.logDir, `${name}.log`);
}

async function adopt(place: Place, kind: ServerKind): Promise<number | null> {
  const [pid] = holdersOf(pidFileOf(place, kind.name));
  if (pid === undefined) return null;
  return (await untilAnswers(place, kind, pid)) ? pid : null;
}

/** True when it answers, false when it ended first; throws when it does neither for too long. */
async function untilAnswers(place: Place, kind: ServerKind, pid: number): Promise<boolean> {
  const deadline = systemClock.now().getTime() + START_MS_MAX;
  while (systemClock.now().getTime() < deadline) {
    if (await kind.answers()) return true;
    if (!isHolder(pid, pidFileOf(place, kind.name))) return false;
    await sleep(POLL_MS);
  }
  throw new Error(`${kind.title} (process ${pid}) runs but does not answer; see ${logFileOf(place, kind.name)}.`);
}
