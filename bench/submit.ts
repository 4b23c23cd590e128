import { latencyRemarks, quantile, RUNS, type StagedBenchmark } from "./benchmark.js";
import { submitBody, submitted } from "./http-client.js";
import type { BenchPartner } from "./partners.js";
import { graphqlRequest, openRawClient, type RawClient } from "./raw-client.js";
import { transactionTexts } from "./traffic.js";

const CLIENTS = 50;
/** So many that the processes have compiled what they run by the time it is measured, as they have in production. */
const BATCHES_PER_CLIENT = { warmUp: 240, run: 40 };
const WAIT_MS = 30_000;
const P99 = 0.99;

/**
 * Fifty clients at once, each with one batch of one transaction after the other: from sending it to being told that it
 * is posted.
 */
export const submit: StagedBenchmark = {
  name: "submit",
  unit: "ms (p99)",
  target: { of: "value", must: 150, goal: 50 },
  isExtra: false,
  runs: RUNS,
  isStaged: true,
  isAlone: false,
  async prepare({ installation, partners, cleanup }) {
    const client = await openRawClient(installation.url, CLIENTS);
    cleanup.later(async () => client.close());
    await latencies(client, partners, { name: "one-warm", batches: BATCHES_PER_CLIENT.warmUp });
    return async (run) => {
      const took = await latencies(client, partners, { name: `one-${run}`, batches: BATCHES_PER_CLIENT.run });
      return { value: quantile(took, P99), limit: null, remarks: latencyRemarks(took) };
    };
  },
};

interface Load {
  readonly name: string;
  /** Batches of each client. */
  readonly batches: number;
}

/** Milliseconds that each submission took. Throws for one that was not posted within its wait. */
async function latencies(client: RawClient, partners: readonly BenchPartner[], load: Load): Promise<number[]> {
  const callers: Buffer[][] = [];
  for (let i = 0; i < CLIENTS; i++) {
    const partner = partners[i % partners.length];
    if (partner === undefined) throw new Error("there is no partner");
    const token = await partner.session.token();
    const requests: Buffer[] = [];
    for (let batch = 0; batch < load.batches; batch++) {
      const jti = `${load.name}-${i}-${batch}`;
      const body = submitBody(await partner.sign(jti, transactionTexts(jti, 1)), WAIT_MS);
      requests.push(graphqlRequest(token, body));
    }
    callers.push(requests);
  }
  const took = await Promise.all(callers.map((requests) => submitInTurn(client, requests)));
  return took.flat();
}

async function submitInTurn(client: RawClient, requests: readonly Buffer[]): Promise<number[]> {
  const took: number[] = [];
  for (const request of requests) {
    const began = performance.now();
    const { id, state } = await submitted(async () => (await client.send(request)).body);
    took.push(performance.now() - began);
    if (state !== "POSTED") throw new Error(`batch ${id} is ${state} after ${WAIT_MS} ms`);
  }
  return took;
}
