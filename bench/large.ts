import { latencyRemarks, quantile, RUNS, type Stage, type StagedBenchmark } from "./benchmark.js";
import { type HttpClient, openHttpClient, submitBody } from "./http-client.js";
import { openLoop } from "./open-loop.js";
import type { BenchPartner } from "./partners.js";
import { transactionTexts } from "./traffic.js";

/** The most transactions that a batch may have, with ids so long that it has some 4 MB. */
const LARGE = { items: 10_000, nameLength: 50, perSecond: 0.5 };
const SINGLES_PER_SECOND = 40;
const SECONDS = 20;
const CONNECTIONS = 64;
const WAIT_MS = 30_000;
const P99 = 0.99;

/**
 * Batches of one transaction from seven partners at a constant rate, while the eighth sends one of 10,000 every two
 * seconds: from when a single one was due to being told that it is posted. Beside it, the same without the large ones.
 */
export const large: StagedBenchmark = {
  name: "large",
  unit: "ms (p99)",
  target: { of: "value", must: 150, goal: 50 },
  isExtra: true,
  runs: RUNS,
  isStaged: true,
  isAlone: true,
  async prepare(stage) {
    const client = openHttpClient(stage.installation.url, CONNECTIONS);
    stage.cleanup.later(async () => client.close());
    await measure(stage, client, { name: "warm", seconds: SECONDS / 2, hasLarge: true });
    return async (run) => {
      const limit = await measure(stage, client, { name: `without-${run}`, seconds: SECONDS, hasLarge: false });
      await lagsOf(stage); // what was before counts no more
      const { singles, larges } = await measure(stage, client, {
        name: `with-${run}`,
        seconds: SECONDS,
        hasLarge: true,
      });
      const remarks = { ...latencyRemarks(singles), large: latencyRemarks(larges), ...(await lagsOf(stage)) };
      return { value: quantile(singles, P99), limit: quantile(limit.singles, P99), remarks };
    };
  },
};

interface Load {
  readonly name: string;
  readonly seconds: number;
  readonly hasLarge: boolean;
}

/** How long each batch took, in milliseconds. */
interface Took {
  readonly singles: readonly number[];
  readonly larges: readonly number[];
}

async function measure({ partners }: Stage, client: HttpClient, load: Load): Promise<Took> {
  const [heavy, ...others] = partners;
  if (heavy === undefined) throw new Error("there is no partner");
  const { seconds, hasLarge } = load;
  const largeCount = hasLarge ? Math.round(seconds * LARGE.perSecond) : 0;
  const largeName = (place: number) => `${load.name}-${place}`.padEnd(LARGE.nameLength, "x");
  const larges = await prepared(largeCount, async (place) => sender(client, heavy, largeName(place), LARGE.items));
  const singles = await prepared(seconds * SINGLES_PER_SECOND, async (place) =>
    sender(client, others[place % others.length] ?? heavy, `${load.name}-one-${place}`, 1),
  );
  const [singlesTook, largesTook] = await Promise.all([
    openLoop({ perSecond: SINGLES_PER_SECOND, seconds, send: singles }),
    hasLarge ? openLoop({ perSecond: LARGE.perSecond, seconds, send: larges }) : [],
  ]);
  return { singles: singlesTook, larges: largesTook };
}

type Sender = () => Promise<void>;

/** Everything is signed before the first is sent. */
async function prepared(
  count: number,
  make: (place: number) => Promise<Sender>,
): Promise<(place: number) => Promise<void>> {
  const senders: Sender[] = [];
  for (let place = 0; place < count; place++) senders.push(await make(place));
  return async (place) => senders[place]?.();
}

async function sender(client: HttpClient, partner: BenchPartner, jti: string, items: number): Promise<Sender> {
  const body = submitBody(await partner.sign(jti, transactionTexts(jti, items)), WAIT_MS);
  const token = await partner.session.token();
  return async () => {
    const { id, state } = await client.submit(token, body);
    if (state !== "POSTED") throw new Error(`batch ${id} is ${state} after ${WAIT_MS} ms`);
  };
}

/** For how long the event loops of the api and the worker stood still since this was last asked, in milliseconds. */
async function lagsOf({ installation }: Stage): Promise<Readonly<Record<string, Readonly<Record<string, number>>>>> {
  const { url, metrics } = installation;
  const [api, worker] = await Promise.all([lagOf(url), lagOf(metrics["worker-1"] ?? "")]);
  return { apiLag: api, workerLag: worker };
}

async function lagOf(url: string): Promise<Readonly<Record<string, number>>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const ms = (name: string) => {
    const [, seconds] = new RegExp(`^nodejs_eventloop_lag_${name}_seconds (.*)$`, "m").exec(text) ?? [];
    return Number(seconds) * 1_000;
  };
  return { p99Ms: ms("p99"), maxMs: ms("max") };
}
