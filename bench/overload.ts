import { setTimeout as sleep } from "node:timers/promises";
import type { Connection } from "mysql2/promise";
import { sendUntilAccepted, trySend } from "./admission.js";
import { RUNS, type Sample, type Stage, type StagedBenchmark } from "./benchmark.js";
import { connectDatabase } from "./database.js";
import { submitBody } from "./http-client.js";
import { allPosted, postedOf } from "./ingest.js";
import { openLoop } from "./open-loop.js";
import { graphqlRequest, openRawClient, type RawClient } from "./raw-client.js";
import { transactionTexts } from "./traffic.js";

const TIMES = 3;
const ROWS_PER_BATCH = 100;
const CONNECTIONS = 512;
const SECONDS = { search: 3, peak: 8, overload: 16 };
const REST_MS = 2_000;
/** Ways to load without offering more than is taken; the best of them says what the peak is. */
const CLOSED_LOOPS = [
  { clients: 16, waitMs: 30_000 },
  { clients: 64, waitMs: 30_000 },
  { clients: 16, waitMs: 0 },
] as const;
/** Signed before the peak is known, for each second of searching. */
const SEARCH_BATCHES_PER_SECOND = 400;
/** More than the peak's rate of an earlier run: no client may run out. */
const PEAK_ROOM = 1.5;

/** Three times the load that is posted at the peak, from clients that do not wait: what is posted meanwhile. */
export const overload: StagedBenchmark = {
  name: "overload",
  unit: "transactions/s",
  target: { of: "ratio", must: 0.8, goal: 0.95 },
  isExtra: false,
  runs: RUNS,
  isStaged: true,
  isAlone: true,
  async prepare(stage) {
    const { installation, cleanup, say } = stage;
    const database = await connectDatabase(installation.databaseUrl);
    cleanup.later(() => database.end());
    const client = await openRawClient(installation.url, CONNECTIONS);
    cleanup.later(async () => client.close());
    const load: Load = { ...stage, database, client };
    const found: Found[] = [];
    for (const [i, loop] of CLOSED_LOOPS.entries()) {
      const count = SEARCH_BATCHES_PER_SECOND * SECONDS.search;
      const requests = await signed(load, `search-${i}`, count, loop.waitMs);
      const perSecond = await closedGoodput(load, requests, loop.clients, SECONDS.search);
      say(`overload: ${loop.clients} clients that wait ${loop.waitMs} ms: ${Math.round(perSecond)} transactions/s`);
      found.push({ ...loop, perSecond });
    }
    const best = found.reduce((left, right) => (left.perSecond >= right.perSecond ? left : right));
    return (run) => measure(load, run, best);
  },
};

interface Load extends Stage {
  readonly database: Connection;
  readonly client: RawClient;
}

/** A closed loop and what it reached. */
interface Found {
  readonly clients: number;
  readonly waitMs: number;
  readonly perSecond: number;
}

async function measure(load: Load, run: number, best: Found): Promise<Sample> {
  const batches = Math.ceil((best.perSecond * SECONDS.peak * PEAK_ROOM) / ROWS_PER_BATCH);
  const requests = await signed(load, `peak-${run}`, batches, best.waitMs);
  await sleep(REST_MS);
  const peak = await closedGoodput(load, requests, best.clients, SECONDS.peak);
  const offered = (TIMES * peak) / ROWS_PER_BATCH;
  const tooMany = await signed(load, `over-${run}`, Math.ceil(offered * SECONDS.overload), 0);
  await sleep(REST_MS);
  const { goodput, ...remarks } = await overloaded(load, tooMany, offered);
  return { value: goodput, limit: peak, remarks };
}

/** Posted transactions a second, while clients send again when they are answered, until the last is posted. */
async function closedGoodput(
  { database, client }: Load,
  requests: readonly Buffer[],
  clients: number,
  seconds: number,
) {
  const before = await postedOf(database);
  const queue = requests.values();
  const began = performance.now();
  const lane = async () => {
    for (const request of queue) {
      await sendUntilAccepted(client, async () => request);
      if (performance.now() - began > seconds * 1_000) return;
    }
  };
  await Promise.all(Array.from({ length: clients }, lane));
  await allPosted(database);
  return ((await postedOf(database)) - before) / ((performance.now() - began) / 1_000);
}

/**
 * What is posted a second while so many batches are offered a second. What is refused is not sent again; what finds no
 * connection free counts as unsent. In the end everything that was accepted is posted, or it throws.
 */
async function overloaded({ database, client }: Load, requests: readonly Buffer[], perSecond: number) {
  const counts = { accepted: 0, refused: 0, unsent: 0 };
  const before = await postedOf(database);
  const began = performance.now();
  const offering = openLoop({
    ...{ perSecond, seconds: SECONDS.overload },
    send: async (place) => {
      const request = requests[place];
      if (request === undefined) return;
      if (!client.isFree()) counts.unsent += 1;
      else if ((await trySend(client, request)) === null) counts.accepted += 1;
      else counts.refused += 1;
    },
  });
  offering.catch(() => undefined); // awaited below
  await sleep((SECONDS.overload * 1_000) / 2);
  const half = { at: performance.now(), posted: await postedOf(database) };
  await sleep(SECONDS.overload * 1_000 - (half.at - began));
  const end = { at: performance.now(), posted: await postedOf(database) };
  const goodput = (end.posted - before) / ((end.at - began) / 1_000);
  const lastHalfPerSecond = (end.posted - half.posted) / ((end.at - half.at) / 1_000);
  await offering;
  await allPosted(database);
  const [sent, all] = [counts.accepted * ROWS_PER_BATCH, (await postedOf(database)) - before];
  if (all !== sent) throw new Error(`${sent} transactions were accepted and ${all} posted`);
  const drainedSeconds = (performance.now() - began) / 1_000 - SECONDS.overload;
  return { goodput, lastHalfPerSecond, offeredPerSecond: perSecond * ROWS_PER_BATCH, ...counts, drainedSeconds };
}

/** Requests of all partners in turn, signed now; good for five minutes. */
async function signed({ partners }: Load, name: string, count: number, waitMs: number): Promise<Buffer[]> {
  const tokens = await Promise.all(partners.map(({ session }) => session.token()));
  const requests: Buffer[] = [];
  for (let place = 0; place < count; place++) {
    const partner = partners[place % partners.length];
    if (partner === undefined) throw new Error("there is no partner");
    const jti = `${name}-${place}`;
    const jws = await partner.sign(jti, transactionTexts(jti, ROWS_PER_BATCH));
    requests.push(graphqlRequest(tokens[partner.index] ?? "", submitBody(jws, waitMs)));
  }
  return requests;
}
