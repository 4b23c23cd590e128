import { createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { readEnvelope, verifyEnvelope } from "../src/exchange/envelope.js";
import { signingKey } from "../src/identity/keys/service.js";
import { newNonce } from "../src/identity/nonces/service.js";
import { authenticate } from "../src/identity/tokens/service.js";
import { epochSeconds } from "../src/kernel/clock.js";
import { sha256 } from "../src/kernel/digest.js";
import { newId } from "../src/kernel/ids.js";
import type { App } from "../src/platform/app.js";
import { readConfig } from "../src/platform/config.js";
import { closeApp, openApp } from "../src/platform/open-app.js";
import { databaseSchema } from "../src/server/database.js";
import { readSigningKey } from "../src/server/partner/signing-key.js";
import { openSession } from "../src/server/partner-client.js";
import { RUNS, type StagedBenchmark } from "./benchmark.js";
import type { BenchPartner } from "./partners.js";
import { transactionTexts } from "./traffic.js";

const REQUESTS = { warmUp: 1_000, run: 10_000 };
const AT_ONCE = 32;
const ITEMS_PER_BATCH = 10;
const PATH = "/graphql";

/** A request under a token that is bound to a key: its proof, and the batch that it submits. */
interface Submitting {
  readonly proof: string;
  readonly jws: string;
}

/**
 * What each request that submits a batch is checked for, in one process: its access token, the DPoP proof beside it,
 * and the signature of its batch. The limit is `crypto.verify` of the same two signatures and nothing else.
 */
export const tokens: StagedBenchmark = {
  name: "tokens",
  unit: "requests/s",
  target: { of: "ratio", must: 0.25, goal: 0.5 },
  isExtra: false,
  runs: RUNS,
  isStaged: true,
  isAlone: false,
  async prepare({ installation, partners, cleanup }) {
    const [partner] = partners;
    if (partner === undefined) throw new Error("there is no partner");
    const app = await openApp({ ...readConfig(installation), logLevel: "silent" }, databaseSchema);
    cleanup.later(() => closeApp(app));
    const { clientId, keyFile } = partner;
    const token = await (await openSession({ url: installation.url, clientId, keyFile, dpop: true })).token();
    await checkAll(app, partner, token, await requests(app, partner, token, "warm-up"));
    return async (run) => {
      const sent = await requests(app, partner, token, `tokens-${run}`);
      return { limit: verifyAll(partner, sent), value: await checkAll(app, partner, token, sent) };
    };
  },
};

/** Signed beforehand; one batch is enough, since nothing of it is remembered. */
async function requests(app: App, partner: BenchPartner, token: string, name: string): Promise<Submitting[]> {
  const key = await readSigningKey(partner.keyFile);
  const jws = await partner.sign(name, transactionTexts(name, ITEMS_PER_BATCH));
  const now = app.clock.now();
  const same = { htm: "POST", htu: app.config.publicUrl + PATH, iat: epochSeconds(now), nonce: newNonce(app) };
  const ath = sha256(token).toString("base64url");
  const sent: Submitting[] = [];
  const count = name === "warm-up" ? REQUESTS.warmUp : REQUESTS.run;
  for (let i = 0; i < count; i++) {
    sent.push({ jws, proof: await key.prove(JSON.stringify({ ...same, ath, jti: newId("tok", app.clock) })) });
  }
  return sent;
}

/** Requests checked a second, some at once; throws for one that is refused. */
async function checkAll(app: App, partner: BenchPartner, token: string, sent: readonly Submitting[]): Promise<number> {
  const waiting = sent.values();
  const began = performance.now();
  const client = async () => {
    for (const { proof, jws } of waiting) {
      const shown = { text: proof, method: "POST", path: PATH };
      const facts = { requestId: "bench", traceparent: null, address: null };
      const actor = await authenticate(app, { authorization: `DPoP ${token}`, proof: shown, ...facts });
      const envelope = readEnvelope(jws);
      const key = await signingKey(app, actor.tenantId, envelope.header.kid);
      if (key === null) throw new Error(`${partner.clientId} has no such key`);
      verifyEnvelope(envelope, key, app.clock.now());
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
  return (sent.length * 1_000) / (performance.now() - began);
}

/** Pairs of signatures verified a second by Node's crypto alone. */
function verifyAll({ keyFile }: BenchPartner, sent: readonly Submitting[]): number {
  const key = createPublicKey({ key: JSON.parse(readFileSync(keyFile, "utf8")), format: "jwk" });
  const taken = sent.map(({ proof, jws }) => [proof, jws].map(apart));
  const began = performance.now();
  for (const { signed, signature } of taken.flat()) {
    if (!verify(null, signed, key, signature)) throw new Error("a signature does not hold");
  }
  return (sent.length * 1_000) / (performance.now() - began);
}

function apart(jws: string): { signed: Buffer; signature: Buffer } {
  const end = jws.lastIndexOf(".");
  return { signed: Buffer.from(jws.slice(0, end)), signature: Buffer.from(jws.slice(end + 1), "base64url") };
}
