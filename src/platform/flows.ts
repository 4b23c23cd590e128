import type { App, FlowJob } from "./app.js";

/**
 * A job of a flow must not go on, and need not be tried again: what there is to say of it has been said. What waits for
 * it stops too, up to the job that fails alone.
 */
export class Stopped extends Error {
  override readonly name = "Stopped";
}

/**
 * Runs a flow in this process without any queue, one job after the other: what workers do while Redis is away. Throws
 * what a job throws, unless it was stopped on purpose.
 */
export async function performFlow(app: App, flow: FlowJob): Promise<void> {
  try {
    await perform(app, flow);
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
  }
}

async function perform(app: App, { job, input, children: first = [] }: FlowJob): Promise<void> {
  let children = first;
  do {
    for (const child of children) await perform(app, child);
    children = await job.perform(app, input);
  } while (children.length > 0);
}
