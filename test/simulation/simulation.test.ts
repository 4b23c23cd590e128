import { afterAll, expect, test, vi } from "vitest";
import { testApp } from "../support/app.js";
import { startProxy } from "../support/proxy.js";
import { Crashes } from "./crashes.js";
import { History } from "./history.js";
import { Random } from "./random.js";

/** How many histories run in the ordinary tests; `npm run test:long` runs more. Of a seed that is given one runs. */
const HISTORIES = 6;

const seedGiven = process.env["SIMULATION_SEED"];
const count = Number(process.env["SIMULATION_HISTORIES"] ?? (seedGiven === undefined ? HISTORIES : 1));
const firstSeed = Number(seedGiven ?? (count === HISTORIES ? 1 : Date.now() % 1_000_000_000));
const seeds = Array.from({ length: count }, (_, index) => firstSeed + index);

vi.setConfig({ testTimeout: 120_000 });
const app = await testApp();
const crashes = new Crashes();
const proxy = await startProxy(app.config.databaseUrl);
const { clock, config } = app;
const { redisPrefix } = config;
const second = await testApp({ clock, config: { redisPrefix } });
const unlucky = await testApp({ clock, config: { redisPrefix, databaseUrl: proxy.url }, sqlLogger: crashes });
afterAll(() => proxy.close());

/** What all histories met, and how often. */
const met = new Map<string, number>();

test.each(seeds)("history of seed %i comes to what the naive ledger comes to", async (seed) => {
  const processes = { app, second, unlucky, crashes, proxy };
  const history = await History.open(new Random(seed), processes);
  const fault = await history.run().then(
    () => null,
    (error: unknown) => (error instanceof Error ? error : new Error("unknown", { cause: error })),
  );
  if (fault !== null) {
    const again = `SIMULATION_SEED=${seed} npx vitest run test/simulation`;
    throw new Error(`${history.log.join("\n")}\n${again}\n${fault.message}`, { cause: fault });
  }
  for (const [thing, times] of history.met) met.set(thing, (met.get(thing) ?? 0) + times);
  expect(history.log).toContain("end");
});

test.skipIf(count < HISTORIES)("every kind of crash struck, and the histories met all that they are for", () => {
  for (const crash of ["throw", "deadlock", "kill"] as const) expect(crashes.struck.get(crash)).toBeGreaterThan(0);
  expect(proxy.cuts()).toBeGreaterThan(0);
  const outcomes = ["POSTED", "DUPLICATE", "DUPLICATE_MISMATCH", "PENDING_ORIGINAL"];
  const refusals = ["VALIDATION", "CURRENCY_UNKNOWN", "KIND_NOT_ALLOWED", "CLOCK_SKEW", "PERIOD_UNKNOWN"];
  const reversals = ["ROLLBACK_MISMATCH", "ALREADY_REVERSED", "BATCH_ABORTED"];
  const posted = ["posted item", "posted item late", "posted rollback", "posted rollback late"];
  const others = ["transaction WAITING", "transaction REFUSED", "statement that pays", "statement that carries"];
  const things = [...outcomes, ...[...refusals, ...reversals].map((code) => `REFUSED ${code}`), ...posted, ...others];
  expect(things.filter((thing) => !met.has(thing))).toEqual([]);
});
