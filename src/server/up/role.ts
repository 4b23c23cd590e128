import type { ChildProcess } from "node:child_process";
import { existsSync, renameSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type Place, tailOf } from "../../platform/embedded/place.js";
import { type Grace, launch, stopHolders } from "../../platform/embedded/processes.js";
import { logFileOf, pidFileOf } from "../../platform/embedded/server.js";

/** A role's process: its name, `api-1`, and how it is started. */
export interface RolePlan {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** Whom to tell, and what ends a start that is under way. */
export interface Supervision {
  readonly say: (line: string) => void;
  readonly stop: AbortSignal;
}

/** A role that is kept running: started again when it ends by itself. */
export interface Role {
  readonly name: string;
  /** Of the process that runs now, or ran last. */
  readonly pid: number;
  /** Ends it for good: SIGTERM, SIGKILL when the grace is over. */
  stop(grace: Grace): Promise<void>;
}

const READY_MS_MAX = 120_000; // a busy machine loads slowly
const RESTART_MS = { first: 250, max: 15_000 };
/** A process that lived this long was well; its next end is a first one again. */
const WELL_MS = 60_000;
const LOG_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Starts a role and answers once it says that it is ready. Throws its last words when it ends before. From then on it
 * is started again whenever it ends, at first after a quarter of a second, then after twice as long each time, up to
 * 15 seconds.
 */
export async function runRole(place: Place, plan: RolePlan, { say, stop }: Supervision): Promise<Role> {
  limitLog(logFileOf(place, plan.name));
  const stopping = new AbortController();
  let run = start(place, plan);
  await untilReady(place, plan, run, stop);
  const kept = keep();
  return {
    name: plan.name,
    get pid() {
      return run.child.pid ?? 0;
    },
    async stop(grace) {
      stopping.abort();
      await stopHolders(pidFileOf(place, plan.name), grace);
      await kept;
    },
  };

  async function keep(): Promise<void> {
    let pauseMs = RESTART_MS.first;
    for (;;) {
      const began = performance.now();
      const how = await run.ended;
      if (stopping.signal.aborted) return;
      pauseMs = performance.now() - began > WELL_MS ? RESTART_MS.first : pauseMs;
      say(
        `${plan.name} ended by itself (${how}); it starts again in ${pauseMs} ms, see ${logFileOf(place, plan.name)}`,
      );
      await pause(pauseMs, stopping.signal);
      if (stopping.signal.aborted) return;
      run = start(place, plan);
      pauseMs = Math.min(2 * pauseMs, RESTART_MS.max);
    }
  }
}

interface Run {
  readonly child: ChildProcess;
  /** How it ended, in words. */
  readonly ended: Promise<string>;
}

function start(place: Place, { name, command, args, env }: RolePlan): Run {
  const [pidFile, logFile] = [pidFileOf(place, name), logFileOf(place, name)];
  const child = launch({ command, args, env, pidFile, output: logFile, hasChannel: true });
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  return { child, ended };
}

async function untilReady(place: Place, { name }: RolePlan, { child, ended }: Run, stop: AbortSignal): Promise<void> {
  const waiting = new AbortController();
  const isReady = new Promise<null>((resolve) => {
    child.once("message", () => resolve(null));
  });
  const late = pause(READY_MS_MAX, AbortSignal.any([waiting.signal, stop])).then(
    () => `not ready after ${READY_MS_MAX / 1_000} s`,
  );
  const trouble = await Promise.race([isReady, ended, late]);
  waiting.abort();
  if (trouble === null) return;
  stop.throwIfAborted();
  throw new Error(`${name} did not start (${trouble}):\n${tailOf(logFileOf(place, name))}`);
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined); // the signal cuts the pause short
}

/** Keeps one older log besides, so that a directory in daily use does not grow for ever. */
function limitLog(logFile: string): void {
  if (existsSync(logFile) && statSync(logFile).size > LOG_BYTES_MAX) renameSync(logFile, `${logFile}.old`);
}
