import { type ConfigOverrides, readConfig } from "../../platform/config.js";
import { workerLoops, workerQueues } from "../worker-queues.js";
import { setHeapFlags } from "./heap.js";
import { runRole, startLoops } from "./role.js";

/** Runs the jobs of every queue until the process is told to stop; jobs at work then are finished first. */
export async function runWorker(overrides: ConfigOverrides): Promise<void> {
  setHeapFlags();
  await runRole(readConfig(overrides), async (app) => {
    for (const { queue, kinds, concurrency } of workerQueues) app.queues.work(app, queue, kinds, concurrency);
    return startLoops(app, workerLoops);
  });
}
