import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import autocannon from "autocannon";
import { z } from "zod";
import { RUNS, type StagedBenchmark } from "./benchmark.js";
import type { Cleanup } from "./cleanup.js";
import { HOME } from "./installation.js";
import type { BenchPartner } from "./partners.js";
import { transactionTexts } from "./traffic.js";

const CONNECTIONS = 32;
/** Warmed up for so long that both have compiled what they run, as they have in production. */
const SECONDS = { warmUp: 10, run: 5 };
const BATCHES = 100;
const ITEMS_PER_BATCH = 5;
const POSTED_WAIT_MS = 30_000;
const BY_ID = "query BatchById($id: ID!) { batch(id: $id) { id state } }";

/** What is asked over and over, and what a right answer says. */
interface Question {
  readonly url: string;
  readonly token: string | null;
  /** Sent in turn. */
  readonly bodies: readonly string[];
  readonly answer: RegExp;
}

/** Authenticated queries of batches by id, beside Apollo on Fastify that answers `{__typename}`. */
export const query: StagedBenchmark = {
  name: "query",
  unit: "requests/s",
  target: { of: "ratio", must: 0.35, goal: 0.6 },
  isExtra: false,
  runs: RUNS,
  isStaged: true,
  isAlone: false,
  async prepare({ installation, partners, cleanup }) {
    const [partner] = partners;
    if (partner === undefined) throw new Error("there is no partner");
    const ids = await postedBatches(partner);
    const ours: Question = {
      url: installation.url,
      token: await partner.session.token(),
      bodies: ids.map((id) => JSON.stringify({ query: BY_ID, variables: { id } })),
      answer: /^\{"data":\{"batch":\{"id":"bat_[0-9a-z]{26}","state":"POSTED"\}\}\}\n?$/,
    };
    const bare: Question = {
      url: await startBareApollo(cleanup),
      token: null,
      bodies: [JSON.stringify({ query: "{__typename}" })],
      answer: /^\{"data":\{"__typename":"Query"\}\}\n?$/,
    };
    for (const question of [bare, ours]) await ask(question, SECONDS.warmUp);
    return async () => ({ limit: await ask(bare, SECONDS.run), value: await ask(ours, SECONDS.run) });
  },
};

/** The ids of new batches, all posted. */
function postedBatches(partner: BenchPartner): Promise<string[]> {
  const names = Array.from({ length: BATCHES }, (_, i) => `query-${i}`);
  return Promise.all(
    names.map(async (name) => {
      const jws = await partner.sign(name, transactionTexts(name, ITEMS_PER_BATCH));
      const { batch } = await partner.session.submit(jws, POSTED_WAIT_MS);
      if (batch.state !== "POSTED") throw new Error(`batch ${batch.id} is ${batch.state}`);
      return batch.id;
    }),
  );
}

/** Right answers a second; throws for a wrong one. */
async function ask({ url, token, bodies, answer }: Question, seconds: number): Promise<number> {
  const headers = {
    "content-type": "application/json",
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
  };
  const result = await autocannon({
    url,
    connections: CONNECTIONS,
    duration: seconds,
    requests: bodies.map((body) => ({ method: "POST", path: "/graphql", headers, body })),
    verifyBody: (body) => answer.test(body),
  });
  const wrong = result.non2xx + result.errors + result.timeouts + result.mismatches;
  if (wrong > 0 || result["2xx"] === 0) throw new Error(`${wrong} of ${result["2xx"]} answers of ${url} are wrong`);
  return result["2xx"] / result.duration;
}

async function startBareApollo(cleanup: Cleanup): Promise<string> {
  const child = fork(fileURLToPath(new URL("./bare-apollo.ts", import.meta.url)), {
    cwd: HOME,
    execArgv: ["--import", "tsx"],
  });
  cleanup.later(async () => {
    if (child.connected) child.disconnect();
  });
  return new Promise((resolve, reject) => {
    child.once("message", (url) => resolve(z.string().parse(url)));
    child.once("error", reject).once("exit", (code) => reject(new Error(`the bare Apollo ended (${code})`)));
  });
}
