import { setTimeout as sleep } from "node:timers/promises";
import { hostileDocuments } from "../test/support/hostile-documents.js";
import { quantile, RUNS, type StagedBenchmark } from "./benchmark.js";
import { openLoop } from "./open-loop.js";
import { graphqlRequest, openRawClient, type RawClient } from "./raw-client.js";

const SECONDS = { warmUp: 2, run: 6 };
/** A probe asks so often, alone and beside the attack. */
const PROBES_PER_SECOND = 100;
/** Attacks come so long after the last was answered; faster, the attacker's rate would end them. */
const PAUSE_MS = 15;
const P99 = 0.99;
const PROBE = JSON.stringify({ query: "{ viewer { clientId } }" });
const RIGHT = /^\{"data":\{"viewer":\{"clientId":"cli_/;
const REFUSED = /"code":"(LIMIT_EXCEEDED|VALIDATION)"/;

interface Attack {
  readonly name: string;
  readonly request: Buffer;
}

/** What a round of the attack came to. */
interface Round {
  /** The slowest answer of each attack. */
  readonly slowestMs: Map<string, number>;
  answers: number;
}

/**
 * The slowest answer to a corpus of hostile documents, and beside it the latency of another client's small query: while
 * it is alone, and while the attack goes on.
 */
export const hostile: StagedBenchmark = {
  name: "hostile",
  unit: "ms (slowest)",
  target: { of: "value", must: 50, goal: 20 },
  isExtra: false,
  runs: RUNS,
  isStaged: true,
  isAlone: false,
  async prepare({ installation, partners, cleanup }) {
    const [attacker, quiet] = partners;
    if (attacker === undefined || quiet === undefined) throw new Error("there are no two partners");
    const client = await openRawClient(installation.url, 1);
    const probes = await openRawClient(installation.url, 4);
    cleanup.later(async () => client.close());
    cleanup.later(async () => probes.close());
    const token = await attacker.session.token();
    const attacks = hostileDocuments.map(({ name, query, variables = {} }) => {
      return { name, request: graphqlRequest(token, JSON.stringify({ query, variables })) };
    });
    const probe = prober(probes, graphqlRequest(await quiet.session.token(), PROBE));
    await during(client, attacks, () => probed(probe, SECONDS.warmUp));
    return async () => {
      const alone = await probed(probe, SECONDS.run);
      const { took: beside, round } = await during(client, attacks, () => probed(probe, SECONDS.run));
      const [worst = ["none", 0]] = [...round.slowestMs].toSorted(([, a], [, b]) => b - a);
      const remarks = {
        probeAloneMs: { p50: quantile(alone, 0.5), p99: quantile(alone, P99) },
        probeBesideMs: { p50: quantile(beside, 0.5), p99: quantile(beside, P99) },
        attacks: round.answers,
        [`slowest: ${worst[0]}`]: worst[1],
      };
      return { value: worst[1], limit: null, remarks };
    };
  },
};

function prober(client: RawClient, request: Buffer): () => Promise<void> {
  return async () => {
    const { status, body } = await client.send(request);
    if (status !== 200 || !RIGHT.test(body))
      throw new Error(`A probe was not answered: ${status} ${body.slice(0, 500)}`);
  };
}

function probed(probe: () => Promise<void>, seconds: number): Promise<number[]> {
  return openLoop({ perSecond: PROBES_PER_SECOND, seconds, send: probe });
}

/** Attacks in turn while something is measured; an attack that is answered by anything but a refusal fails. */
async function during(client: RawClient, attacks: readonly Attack[], work: () => Promise<number[]>) {
  const ended = new AbortController();
  const round: Round = { slowestMs: new Map(), answers: 0 };
  const attacking = (async () => {
    for (let place = 0; !ended.signal.aborted; place++) {
      await attack(client, attacks[place % attacks.length], round);
      await sleep(PAUSE_MS);
    }
  })();
  try {
    return { took: await work(), round };
  } finally {
    ended.abort();
    await attacking;
  }
}

async function attack(client: RawClient, each: Attack | undefined, round: Round): Promise<void> {
  if (each === undefined) throw new Error("there is no attack");
  const began = performance.now();
  const { status, body } = await client.send(each.request);
  const tookMs = performance.now() - began;
  // By plain JSON, GraphQL over HTTP has 200 for a document that is not valid.
  if (status >= 500 || !REFUSED.test(body)) throw new Error(`${each.name}: ${status} ${body.slice(0, 500)}`);
  round.answers += 1;
  round.slowestMs.set(each.name, Math.max(round.slowestMs.get(each.name) ?? 0, tookMs));
}
