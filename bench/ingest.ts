import { setTimeout as sleep } from "node:timers/promises";
import type { Connection } from "mysql2/promise";
import { openBareInserts } from "./bare-inserts.js";
import { RUNS, type Stage, type StagedBenchmark } from "./benchmark.js";
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
  isExtra: false,
  runs: RUNS,
  isStaged: true,
  isAlone: false,
  async prepare(stage) {
    const { installation, cleanup } = stage;
    const ingestion = await openIngestion(stage);
    const bare = await openBareInserts(installation.databaseUrl);
    cleanup.later(() => bare.close());
    await ingestion.warmUp();
    return async (run) => {
      const lastNo = await lastNoOf(ingestion.database);
      const value = await ingestion.measure(`r${run}`);
      await sleep(REST_MS);
      return { value, limit: await bare.measure(lastNo) };
    };
  },
};

/** Signed batches over HTTP into one installation, measured as often as asked. */
export interface Ingestion {
  readonly database: Connection;
  warmUp(name?: string): Promise<void>;
  /** Sends so many batches of each partner, until all are posted; transactions a second. */
  send(name: string, batches: number): Promise<number>;
  /** Transactions a second, after a rest; the name is new and begins the ids of its batches and transactions. */
  measure(name: string): Promise<number>;
}

/** Connects to what is on stage. */
export async function openIngestion({ installation, partners, cleanup }: Stage): Promise<Ingestion> {
  const database = await connectDatabase(installation.databaseUrl);
  cleanup.later(() => database.end());
  const client = openHttpClient(installation.url, IN_FLIGHT_PER_PARTNER * partners.length);
  cleanup.later(async () => client.close());
  const send = (name: string, batches: number) => ingestOnce({ partners, client, database }, { name, batches });
  return {
    database,
    send,
    async warmUp(name = "warm") {
      await send(name, BATCHES_PER_PARTNER.warmUp);
    },
    async measure(name) {
      await sleep(REST_MS);
      return send(name, BATCHES_PER_PARTNER.run);
    },
  };
}

/** The number of the last transaction that is stored; 0 where there is none. */
export function lastNoOf(database: Connection): Promise<number> {
  return numberOf(database, "select max(no) from `transaction`");
}

interface Load {
  /** Begins the ids of its batches and transactions. */
  readonly name: string;
  /** Batches of each partner. */
  readonly batches: number;
}

interface Lanes {
  readonly partners: readonly BenchPartner[];
  readonly client: HttpClient;
  readonly database: Connection;
}

/**
 * Transactions a second, from the first request to the last batch posted. Throws unless every one of them is in the
 * ledger.
 */
async function ingestOnce({ partners, client, database }: Lanes, load: Load): Promise<number> {
  const lastNo = await lastNoOf(database);
  const postedBefore = await postedOf(database);
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
  const posted = (await postedOf(database)) - postedBefore;
  const stored = await storedAfter(database, lastNo);
  if (posted !== sent || stored !== sent) {
    throw new Error(`${sent} transactions were sent: ${JSON.stringify({ posted, stored })}`);
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

/**
 * Waits until no batch is left to post. Asks the database rather than the api, so that asking costs what is measured
 * next to nothing.
 */
export async function allPosted(database: Connection): Promise<void> {
  for (let waitedMs = 0; waitedMs < POSTED_MS_MAX; waitedMs += POLL_MS) {
    if ((await waitingOf(database)) === 0) return;
    await sleep(POLL_MS);
  }
  throw new Error(`Not all batches are posted after ${POSTED_MS_MAX / 1_000} s`);
}

/** Batches that wait to be posted. */
export function waitingOf(database: Connection): Promise<number> {
  return numberOf(database, "select count(*) from batch where state = 'ACCEPTED'");
}

/** How many transactions the outcomes of all batches say are posted. */
export function postedOf(database: Connection): Promise<number> {
  return numberOf(database, "select sum(posted_count) from batch where state = 'POSTED'");
}

/** How many were posted since, by the transactions themselves; those before are not read, however many they are. */
function storedAfter(database: Connection, lastNo: number): Promise<number> {
  return numberOf(database, "select count(*) from `transaction` where no > ? and state = 'POSTED'", [lastNo]);
}
