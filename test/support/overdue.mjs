// The thread of a test worker that ends it when a file takes too long: nothing else would where a file stands still
// before its first test, or never lets its timers run. It says what the file was at before.
import { readFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";

const STACK_MS_MAX = 5_000;
let timer;

parentPort.on("message", (file) => {
  clearTimeout(timer);
  timer = setTimeout(() => void end(file), workerData.fileMsMax);
});

async function end(file) {
  const frames = await Promise.race([stack(), sleep(STACK_MS_MAX, ["(not interruptible)"])]);
  const lines = [`${file} has not ended after ${workerData.fileMsMax} ms.`, "It is at:", ...frames];
  process._rawDebug([...lines, "Its processes:", ...children()].join("\n  "));
  process.kill(process.pid, "SIGKILL");
}

/** Where the main thread is, innermost first; empty where it waits for something. */
async function stack() {
  const session = new Session();
  session.connectToMainThread();
  const urls = new Map();
  session.on("Debugger.scriptParsed", ({ params }) => urls.set(params.scriptId, params.url));
  const paused = new Promise((resolve) => {
    session.once("Debugger.paused", ({ params }) => resolve(params.callFrames));
  });
  await session.post("Debugger.enable");
  await session.post("Debugger.pause");
  const frames = await Promise.race([paused, sleep(STACK_MS_MAX / 2, [])]);
  return frames.map(({ functionName, location: { scriptId, lineNumber } }) => {
    return `${functionName} (${urls.get(scriptId)}:${lineNumber + 1})`;
  });
}

function children() {
  const pids = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").trim().split(" ");
  return pids.filter((pid) => pid !== "").map((pid) => `${pid} ${nameOf(pid)}`);
}

function nameOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
  } catch {
    return "(ended)";
  }
}
