import { setTimeout as sleep } from "node:timers/promises";
import type { Connection } from "mysql2/promise";
import { present } from "../src/kernel/assert.js";
import { sendUntilAccepted } from "./admission.js";
import { median, RUNS, type Sample, type Stage, type StagedBenchmark } from "./benchmark.js";
import { numberOf } from "./database.js";
import { submitBody } from "./http-client.js";
import { allPosted, openIngestion, postedOf, waitingOf } from "./ingest.js";
import { memoryTrend, residentMib } from "./memory.js";
import { openLoop } from "./open-loop.js";
import type { BenchPartner } from "./partners.js";
import { graphqlRequest, openRawClient } from "./raw-client.js";
import { transactionTexts } from "./traffic.js";

const SHARE_OF_INGEST = 0.7;
const ROWS_PER_BATCH = 1_000;
const CONNECTIONS = 16;
const SAMPLE_MS = 5_000;
const SAY_EVERY_SAMPLES = 6;
/** Of each partner, before memory is looked at: more than what Redis keeps of anything by its number. */
const SMALL_BATCHES = 1_100;

/** Ten minutes at 70 % of what `ingest` reaches: whether memory and queues stay as they are. */
export const soak: StagedBenchmark = {
  name: "soak",
  unit: "× of the memory a quarter in",
  target: { of: "value", must: 1.1, goal: 1.05 },
  isExtra: true,
  runs: 1,
  isStaged: true,
  isAlone: true,
  async prepare(stage) {
    const ingestion = await openIngestion(stage);
    await ingestion.warmUp();
    const rates: number[] = [];
    for (let i = 1; i <= RUNS; i++) rates.push(await ingestion.measure(`base${i}`));
    await fillStreams(stage);
    await allPosted(ingestion.database);
    const perSecond = median(rates) * SHARE_OF_INGEST;
    stage.say(`soak: ${stage.sizes.minutes} minutes at ${Math.round(perSecond)} transactions/s`);
    return (run) => soaked(stage, { database: ingestion.database, name: `soak-${run}`, perSecond });
  },
};

/** Small batches of every partner, until Redis keeps as many events of each as it ever will. */
async function fillStreams({ installation, partners, cleanup }: Stage): Promise<void> {
  const client = await openRawClient(installation.url, CONNECTIONS);
  cleanup.later(async () => client.close());
  const lane = async (partner: BenchPartner) => {
    for (let place = 0; place < SMALL_BATCHES; place++) {
      const jti = `small-${partner.index}-${place}`;
      const body = submitBody(await partner.sign(jti, transactionTexts(jti, 1)), 0);
      await sendUntilAccepted(client, async () => graphqlRequest(await partner.session.token(), body));
    }
  };
  await Promise.all(partners.map(lane));
}

interface Soaking {
  readonly database: Connection;
  /** Begins the ids of its batches and transactions. */
  readonly name: string;
  readonly perSecond: number;
}

async function soaked(stage: Stage, { database, name, perSecond }: Soaking): Promise<Sample> {
  const [postedBefore, began] = [await postedOf(database), performance.now()];
  const ended = new AbortController();
  const sending = sendAll(stage, { name, perSecond }).finally(() => ended.abort());
  const seen = await watch(stage, database, ended.signal);
  const { sent, refused } = await sending;
  await allPosted(database);
  const seconds = (performance.now() - began) / 1_000;
  const posted = (await postedOf(database)) - postedBefore;
  if (posted !== sent * ROWS_PER_BATCH) throw new Error(`${sent} batches were accepted, ${posted} transactions posted`);
  const poolMib = await numberOf(database, "select @@innodb_buffer_pool_size / 1048576");
  // MariaDB fills its buffer pool and stops there: below it, growth is no leak, and it counts as full.
  const counted = (part: string, mib: readonly number[]) =>
    part === "mariadb" ? mib.map((each) => Math.max(each, poolMib)) : mib;
  const trends = [...seen.mib].map(([part, mib]) => ({ part, ...memoryTrend(counted(part, mib), SAMPLE_MS) }));
  return {
    value: Math.max(...trends.map(({ firstMib, lastMib }) => lastMib / firstMib)),
    limit: null,
    remarks: {
      ...{ minutes: seconds / 60, offeredPerSecond: perSecond, postedPerSecond: posted / seconds, refused },
      ...{ isFlat: trends.every(({ isFlat }) => isFlat), bufferPoolMib: poolMib },
      ...Object.fromEntries(trends.map(({ part, ...trend }) => [part, trend])),
      batchesWaiting: quartersOf(seen.waiting),
    },
  };
}

/** What was seen at every interval until the end: memory by process in MiB, and batches that waited. */
async function watch({ installation, say }: Stage, database: Connection, end: AbortSignal) {
  const parts = Object.entries(installation.pids);
  const mib = new Map(parts.map(([part]): [string, number[]] => [part, []]));
  const waiting: number[] = [];
  while (!end.aborted) {
    await sleep(SAMPLE_MS, undefined, { signal: end }).catch(() => undefined); // it ended meanwhile
    for (const [part, pid] of parts) mib.get(part)?.push(residentMib(pid));
    waiting.push(await waitingOf(database));
    if (waiting.length % SAY_EVERY_SAMPLES !== 0) continue;
    const held = [...mib].map(([part, values]) => `${part} ${Math.round(values.at(-1) ?? 0)}`).join(", ");
    say(`soak: MiB ${held}; ${waiting.at(-1)} batches wait`);
  }
  return { mib, waiting };
}

/** Sends batches of all partners in turn at a constant rate; what is refused is sent again when the server says so. */
async function sendAll(
  { installation, partners, cleanup, sizes }: Stage,
  { name, perSecond }: Omit<Soaking, "database">,
) {
  const client = await openRawClient(installation.url, CONNECTIONS);
  cleanup.later(async () => client.close());
  const counts = { sent: 0, refused: 0 };
  await openLoop({
    perSecond: perSecond / ROWS_PER_BATCH,
    seconds: sizes.minutes * 60,
    async send(place) {
      const partner = present(partners[place % partners.length], "a partner");
      const jti = `${name}-${place}`;
      const body = submitBody(await partner.sign(jti, transactionTexts(jti, ROWS_PER_BATCH)), 0);
      const request = async () => graphqlRequest(await partner.session.token(), body);
      counts.refused += await sendUntilAccepted(client, request);
      counts.sent += 1;
    },
  });
  return counts;
}

/** Medians of the first quarter and the last, and the most there was. */
function quartersOf(values: readonly number[]) {
  const quarter = Math.max(Math.floor(values.length / 4), 1);
  return { first: median(values.slice(0, quarter)), last: median(values.slice(-quarter)), most: Math.max(...values) };
}
