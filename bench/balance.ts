import { setTimeout as sleep } from "node:timers/promises";
import { latencyRemarks, quantile, RUNS, type Stage, type StagedBenchmark } from "./benchmark.js";
import { type HttpClient, openHttpClient, submitBody } from "./http-client.js";
import { closedLoop, openLoop } from "./open-loop.js";
import { graphqlRequest, openRawClient } from "./raw-client.js";
import { transactionTexts } from "./traffic.js";

const CONNECTIONS = 32;
/** Warmed up for so long that the api has compiled what it runs, as it has in production. */
const SECONDS = { warmUp: 20, maximum: 3, run: 10 };
const SHARE_OF_MAXIMUM = 0.5;
const POSTED = { items: 10, everyMs: 50 };
const P99 = 0.99;
const BALANCES = `query Balances($id: ID!) {
  partner(id: $id) { balances { version accounts { account balance { amount currency } } } }
}`;
const RIGHT = /^\{"data":\{"partner":\{"balances":\{"version":"\d+","accounts":\[\{"account"/;

/**
 * Reads of the balances of eight partners that keep changing, at half of the rate that the same reads reach at most:
 * from when a read was due to its answer.
 */
export const balance: StagedBenchmark = {
  name: "balance",
  unit: "ms (p99)",
  target: { of: "value", must: 20, goal: 5 },
  isExtra: false,
  runs: RUNS,
  isStaged: true,
  isAlone: false,
  async prepare(stage) {
    const { installation, cleanup } = stage;
    const read = await balanceReader(stage);
    const client = openHttpClient(installation.url, 1);
    cleanup.later(async () => client.close());
    await trickleDuring(stage, client, "balance-warm", () => closedLoop(CONNECTIONS, SECONDS.warmUp, read));
    return (run) =>
      trickleDuring(stage, client, `balance-${run}`, async () => {
        const maximum = await closedLoop(CONNECTIONS, SECONDS.maximum, read);
        const perSecond = maximum * SHARE_OF_MAXIMUM;
        const underWay: number[] = [];
        const send = async (place: number) => {
          const sentAt = performance.now();
          await read(place);
          underWay.push(performance.now() - sentAt);
        };
        const took = await openLoop({ perSecond, seconds: SECONDS.run, send });
        const rates = { maximumPerSecond: maximum, perSecond };
        const remarks = { ...latencyRemarks(took), p50UnderWayMs: quantile(underWay, 0.5), ...rates };
        return { value: quantile(took, P99), limit: null, remarks };
      });
  },
};

/** Reads the balances of the partners in turn; throws for an answer that is not right. */
async function balanceReader({ installation, partners, cleanup }: Stage): Promise<(place: number) => Promise<void>> {
  const client = await openRawClient(installation.url, CONNECTIONS);
  cleanup.later(async () => client.close());
  const requests = await Promise.all(
    partners.map(async ({ id, session }) => {
      return graphqlRequest(await session.token(), JSON.stringify({ query: BALANCES, variables: { id } }));
    }),
  );
  return async (place) => {
    const request = requests[place % requests.length];
    if (request === undefined) throw new Error("there is no partner");
    const { status, body } = await client.send(request);
    if (status !== 200 || !RIGHT.test(body)) throw new Error(`A balance was not read: ${status} ${body.slice(0, 500)}`);
  };
}

/** Posts a small batch of each partner in turn while something is measured, one before that too. */
async function trickleDuring<T>(
  { partners }: Stage,
  client: HttpClient,
  name: string,
  work: () => Promise<T>,
): Promise<T> {
  const ended = new AbortController();
  const post = async (place: number) => {
    const partner = partners[place % partners.length];
    if (partner === undefined) throw new Error("there is no partner");
    const jti = `${name}-${place}`;
    const jws = await partner.sign(jti, transactionTexts(jti, POSTED.items));
    await client.submit(await partner.session.token(), submitBody(jws, place < partners.length ? 10_000 : 0));
  };
  for (let place = 0; place < partners.length; place++) await post(place);
  const trickle = async () => {
    for (let place = partners.length; !ended.signal.aborted; place++) {
      await post(place);
      await sleep(POSTED.everyMs);
    }
  };
  const trickled = trickle();
  const tooEarly = trickled.then((): never => {
    throw new Error("the postings ended");
  });
  try {
    return await Promise.race([work(), tooEarly]);
  } finally {
    ended.abort();
    await trickled;
  }
}
