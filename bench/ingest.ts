import { setTimeout as sleep } from "node:timers/promises";
import type { Connection } from "mysql2/promise";
import { openBareInserts } from "./bare-inserts.js";
import type { Stage, StagedBenchmark } from "./benchmark.js";
import { connectDatabase, numberOf } from "./database.js";
import { type HttpClient, openHttpClient, submitBody } from "./http-client.js";
import type { BenchPartner } from "./partners.js";
import { transactionTexts } from "./traffic.js";

const ROWS_PER_BATCH = 1_000;
const BATCHES_PER_PARTNER = { warmUp: 3, run: 25 };
const IN_FLIGHT_PER_PARTNER = 2;
const POLL_MS = 20;
const POSTED_MS_MAX = 300_000;
/** Between a measurement and the next, so that what the last one left to do is not counted against it. */
const REST_MS = 2_000;

/** Signed batches of 1,000 transactions over HTTP from eight partners, until all are posted. */
export const ingest: StagedBenchmark = {
  name: "ingest",
  unit: "transactions/s",
  target: { of: "ratio", must: 0.25, goal: 0.5 },
  isStaged: true,
  async prepare(stage) {
    const { installation, partners, cleanup } = stage;
    const database = await connectDatabase(installation.databaseUrl);
    cleanup.later(() => database.end());
    const bare = await openBareInserts(installation.databaseUrl);
    cleanup.later(() => bare.close());
    const client = openHttpClient(installation.url, IN_FLIGHT_PER_PARTNER * partners.length);
    cleanup.later(async () => client.close());
    await ingestOnce(stage, client, database, { name: "warm", batches: BATCHES_PER_PARTNER.warmUp });
    return async (run) => {
      const lastNo = await numberOf(database, "select max(no) from `transaction`");
      await sleep(REST_MS);
      const value = await ingestOnce(stage, client, database, { name: `r${run}`, batches: BATCHES_PER_PARTNER.run });
      await sleep(REST_MS);
      return { value, limit: await bare.measure(lastNo) };
    };
  },
};

interface Load {
  /** Begins the ids of its batches and transactions. */
  readonly name: string;
  /** Batches of each partner. */
  readonly batches: number;
}

/**
 * Transactions a second, from the first request to the last batch posted. Throws unless every one of them is in the
 * ledger.
 */
async function ingestOnce(
  { partners }: Pick<Stage, "partners">,
  client: HttpClient,
  database: Connection,
  load: Load,
): Promise<number> {
  const before = await storedOf(database);
  const loads: { token: string; bodies: readonly Buffer[] }[] = [];
  for (const partner of partners) {
    loads.push({ token: await partner.session.token(), bodies: await signedBodies(partner, load) });
  }
  const began = performance.now();
  await Promise.all(
    loads.flatMap(({ token, bodies }) => {
      const queue = bodies.values();
      return Array.from({ length: IN_FLIGHT_PER_PARTNER }, () => submitAll(client, token, queue));
    }),
  );
  await allPosted(database);
  const seconds = (performance.now() - began) / 1_000;
  const sent = partners.length * load.batches * ROWS_PER_BATCH;
  const after = await storedOf(database);
  if (after.posted - before.posted !== sent || after.rows - before.rows !== sent) {
    throw new Error(`${sent} transactions were sent: ${JSON.stringify({ before, after })}`);
  }
  return sent / seconds;
}

async function signedBodies(partner: BenchPartner, { name, batches }: Load): Promise<Buffer[]> {
  const bodies: Buffer[] = [];
  for (let batch = 0; batch < batches; batch++) {
    const jti = `${name}-${partner.index}-${batch}`;
    bodies.push(submitBody(await partner.sign(jti, transactionTexts(jti, ROWS_PER_BATCH)), 0));
  }
  return bodies;
}

/** Submits the next body that no other lane took, until none is left. */
async function submitAll(client: HttpClient, token: string, queue: Iterable<Buffer>): Promise<void> {
  for (const body of queue) await client.submit(token, body);
}

/** Asks the database rather than the api, so that asking costs what is measured next to nothing. */
async function allPosted(database: Connection): Promise<void> {
  for (let waitedMs = 0; waitedMs < POSTED_MS_MAX; waitedMs += POLL_MS) {
    if ((await numberOf(database, "select count(*) from batch where state = 'ACCEPTED'")) === 0) return;
    await sleep(POLL_MS);
  }
  throw new Error(`Not all batches are posted after ${POSTED_MS_MAX / 1_000} s`);
}

async function storedOf(database: Connection): Promise<{ posted: number; rows: number }> {
  return {
    posted: await numberOf(database, "select sum(posted_count) from batch where state = 'POSTED'"),
    rows: await numberOf(database, "select count(*) from `transaction` where state = 'POSTED'"),
  };
}
