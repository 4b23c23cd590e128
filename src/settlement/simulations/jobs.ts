import { z } from "zod";
import type { App } from "../../platform/app.js";
import { defineJob } from "../../platform/queues.js";
import { runSimulation, type SimulationKey, silentSimulationsForAllTenants } from "../simulating/service.js";

/** The queue of simulations: apart from settlement's, which they must not hold up. */
export const SIMULATION_QUEUE = "simulation";

/** Works a long simulation off. */
export const simulate = defineJob({
  name: "settlement.simulate",
  attemptsMax: 3,
  input: z.object({ tenantId: z.string(), id: z.string() }),
  run: (app, key) => runSimulation(app, key),
});

/** Queues a simulation; where Redis is away the sweeper does it later. */
export async function queueSimulation(app: App, { tenantId, id }: SimulationKey): Promise<void> {
  await app.queues.add({
    ...{ queue: SIMULATION_QUEUE, job: simulate, input: { tenantId, id }, deduplicationId: id },
  });
}

/** Queues simulations whose worker or job was lost. Answers how many. */
export async function sweepSimulationsForAllTenants(app: App): Promise<number> {
  const silent = await silentSimulationsForAllTenants(app);
  for (const key of silent) await queueSimulation(app, key);
  return silent.length;
}
