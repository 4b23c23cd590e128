import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readdirSync, readlinkSync, rmSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** How to start a process that outlives its parent. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Absolute, with no symbolic link in it. */
  readonly pidFile: string;
  /** Where standard output and error go: to the end of a file, or to these descriptors of ours. */
  readonly output: string | readonly [number, number];
  /** Whether to open a channel for Node's `process.send`. */
  readonly hasChannel?: boolean;
}

const POLL_MS = 20;
const KILLED_MS_MAX = 5_000;

/**
 * Starts a process in a group of its own, so that neither Ctrl-C nor the end of its parent reaches it. It inherits its
 * pid file open: whoever holds that file open is the process, which no reused pid can imitate.
 */
export function launch({ command, args, env, pidFile, output, hasChannel = false }: Launch): ChildProcess {
  const log = typeof output === "string" ? openSync(output, "a", 0o600) : null;
  const held = openSync(pidFile, "w", 0o600);
  try {
    const [out, err] = typeof output === "string" ? [log, log] : output;
    const stdio = ["ignore" as const, out, err, ...(hasChannel ? ["ipc" as const] : []), held];
    const child = spawn(command, args, { detached: true, stdio, ...(env === undefined ? {} : { env }) });
    if (child.pid !== undefined) writeSync(held, `${child.pid}\n`);
    return child;
  } finally {
    closeSync(held);
    if (log !== null) closeSync(log);
  }
}

/** The living processes that were launched with this pid file, even if the file was emptied or removed since. */
export function holdersOf(pidFile: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && isHolder(pid, pidFile));
}

/** Whether the process lives and was launched with this pid file; another process that got its number was not. */
export function isHolder(pid: number, pidFile: string): boolean {
  const folder = `/proc/${pid}/fd`;
  return entriesOf(folder).some((name) => {
    const target = linkOf(`${folder}/${name}`);
    return target === pidFile || target === `${pidFile} (deleted)`;
  });
}

/** How long a process may take to end, and what cuts that short. */
export interface Grace {
  readonly graceMs: number;
  readonly force?: AbortSignal | undefined;
}

/**
 * Ends every process launched with this pid file: SIGTERM, then SIGKILL when the grace is over. Removes the file;
 * answers how many were ended. Throws when one survives even that.
 */
export async function stopHolders(pidFile: string, grace: Grace): Promise<number> {
  const pids = holdersOf(pidFile);
  await Promise.all(pids.map((pid) => stop(pid, pidFile, grace)));
  rmSync(pidFile, { force: true });
  return pids.length;
}

async function stop(pid: number, pidFile: string, grace: Grace): Promise<void> {
  send(pid, pidFile, "SIGTERM");
  if (await isGone(pid, pidFile, grace)) return;
  send(pid, pidFile, "SIGKILL");
  if (!(await isGone(pid, pidFile, { graceMs: KILLED_MS_MAX })))
    throw new Error(`Process ${pid} (${pidFile}) does not end.`);
}

function send(pid: number, pidFile: string, signal: "SIGTERM" | "SIGKILL"): void {
  if (!isHolder(pid, pidFile)) return;
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (codeOf(error) !== "ESRCH") throw error; // it ended between the look and the signal
  }
}

async function isGone(pid: number, pidFile: string, { graceMs, force }: Grace): Promise<boolean> {
  for (let waitedMs = 0; isHolder(pid, pidFile); waitedMs += POLL_MS) {
    if (waitedMs >= graceMs || force?.aborted === true) return false;
    await sleep(POLL_MS);
  }
  return true;
}

function entriesOf(folder: string): string[] {
  return unlessGone(() => readdirSync(folder)) ?? [];
}

function linkOf(path: string): string | null {
  return unlessGone(() => readlinkSync(path));
}

/** What is read of another process; null when it ended meanwhile, or is another user's. */
function unlessGone<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(codeOf(error))) return null;
    throw error;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
