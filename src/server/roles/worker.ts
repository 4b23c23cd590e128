import { type ConfigOverrides, readConfig } from "../../platform/config.js";
import { closeApp, openApp } from "../../platform/open-app.js";
import { databaseSchema } from "../database.js";
import { workerLoops, workerQueues } from "../worker-queues.js";
import { runLoops } from "./loops.js";
import { leaveParent, reportReady, stopRequested } from "./stop.js";

/** Runs the jobs of every queue until the process is told to stop; jobs at work then are finished first. */
export async function runWorker(overrides: ConfigOverrides): Promise<void> {
  const stop = stopRequested();
  const app = await openApp(readConfig(overrides), databaseSchema);
  for (const { queue, kinds, concurrency } of workerQueues) app.queues.work(app, queue, kinds, concurrency);
  const ending = new AbortController();
  const loops = runLoops(app, workerLoops, ending.signal);
  app.log.info({ queues: workerQueues.length }, "worker ready");
  reportReady({ ready: true });
  await stop;
  ending.abort();
  await loops;
  await closeApp(app);
  leaveParent();
}
