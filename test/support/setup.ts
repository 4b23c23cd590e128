import "reflect-metadata";
import { Worker } from "node:worker_threads";
import { expect } from "vitest";
import { forgetDatabase } from "./app.js";

const FILE_MS_MAX = 300_000;

// Files share the modules of their worker, not its database.
forgetDatabase();
watchdog()?.postMessage(expect.getState().testPath);

/** Ends this worker when a file takes longer than any does; the long run has no such limit. */
function watchdog(): Worker | null {
  if (process.env["QUITTANCE_LONG"] !== undefined) return null;
  const shared = globalThis as { watchdog?: Worker };
  shared.watchdog ??= new Worker(new URL("./overdue.mjs", import.meta.url), { workerData: { fileMsMax: FILE_MS_MAX } });
  shared.watchdog.unref();
  return shared.watchdog;
}
