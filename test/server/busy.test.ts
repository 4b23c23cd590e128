import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test, vi } from "vitest";
import { submitBatch } from "../../src/exchange/submission/service.js";
import { BACKLOG_DEFAULTS } from "../../src/platform/config.js";
import { register as registerImport } from "../../src/server/commands/import.js";
import { deliver } from "../../src/server/partner/delivery.js";
import { RemoteRefusal, type Session, type Submitted } from "../../src/server/partner-client.js";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { openExchange, payloadOf, post, sign } from "../support/batches.js";
import { runCommand } from "../support/commands.js";

vi.setConfig({ testTimeout: 60_000 });
const app = await testApp({
  config: { backlog: { ...BACKLOG_DEFAULTS, partner: { batchesMax: 2, bytesMax: 1_000_000 } } },
});
const api = await testApi(app);
const folder = mkdtempSync(join(tmpdir(), "quittance-busy-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("an import waits while it is told to, and goes on: every row is posted once", async () => {
  const place = await openExchange(app);
  app.clock.advance(Date.now() - app.clock.now().getTime()); // the importer signs by the machine's clock
  for (let i = 0; i < 2; i++) {
    const jws = await sign(payloadOf(app, place), place.key);
    await submitBatch(app, place.actor, { jws, waitMs: 0 });
  }
  const key = join(folder, "key.json");
  const { kid, alg, privateKey } = place.key;
  writeFileSync(key, JSON.stringify({ ...privateKey.export({ format: "jwk" }), kid, alg }));
  const file = join(folder, "rows.csv");
  const rows = Array.from({ length: 8 }, (_, i) => `busy-${i},BET,crash,1.00,USD,2026-03-09T06:00:00.000Z`);
  writeFileSync(file, ["transactionId,kind,product,amount,currency,occurredAt", ...rows].join("\n"));
  let isOver = false;
  const args = ["--batch-size", "1", "--url", api.url, "--client", place.client.id, "--key", key, "--json"];
  const imported = runCommand(registerImport, "import", file, ...args).finally(() => {
    isOver = true;
  });
  await vi.waitFor(async () => expect(await limited()).toBeGreaterThan(0), 20_000);
  while (!isOver) {
    await post(app, place);
    await sleep(20);
  }
  const { stdout, exitCode } = await imported;
  expect(JSON.parse(stdout)).toMatchObject({ batches: 8, posted: 8, duplicates: 0, refused: 0 });
  expect(exitCode).toBe(0);
});

test("a batch whose signature grew too old while it waited is signed again under its own id", async () => {
  const sent: string[] = [];
  const delivered = await withSubmit(async (jws) => {
    sent.push(jws);
    vi.advanceTimersByTime(61_000);
    if (sent.length === 1) throw tooOld();
    return POSTED;
  });
  expect(delivered).toBe(1);
  expect(sent).toEqual(["1 the-jti", "2 the-jti"]);
});

test("a signature that is refused at once as too old is not made again: the clock is wrong", async () => {
  await expect(withSubmit(() => Promise.reject(tooOld()))).rejects.toThrow("CLOCK_SKEW");
});

const COUNTS = { itemCount: 1, postedCount: 1, duplicateCount: 0, pendingCount: 0, refusedCount: 0 };
const POSTED: Submitted = { batch: { id: "bat_1", state: "POSTED", ...COUNTS }, receipt: "", replayed: false };

function tooOld(): RemoteRefusal {
  return new RemoteRefusal("CLOCK_SKEW", "CLOCK_SKEW: too old", false);
}

/** Delivers one batch through a session that submits as told and signs with a count; answers how many were posted. */
async function withSubmit(submit: (jws: string) => Promise<Submitted>): Promise<number> {
  vi.useFakeTimers({ toFake: ["performance"] });
  let signatures = 0;
  const session: Session = {
    token: () => Promise.reject(new Error("not asked")),
    graphql: () => Promise.reject(new Error("not asked")),
    sign: (payload) => Promise.resolve(`${++signatures} ${JSON.parse(payload).jti}`),
    submit,
  };
  const parcels = (async function* () {
    yield { jti: "the-jti", items: ["{}"], content: null };
  })();
  let delivered = 0;
  try {
    await deliver({ session, parties: { iss: "ptn", aud: "tnt" }, mayReadBatches: true }, parcels, () => {
      delivered += 1;
    });
  } finally {
    vi.useRealTimers();
  }
  return delivered;
}

async function limited(): Promise<number> {
  const metrics = await app.metrics.registry.getMetricsAsJSON();
  const { values = [] } = metrics.find(({ name }) => name === "quittance_batches_rate_limited_total") ?? {};
  return values.reduce((sum, { value }) => sum + Number(value), 0);
}
