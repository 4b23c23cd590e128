import { afterAll, expect, test, vi } from "vitest";
import { testApp } from "../support/app.js";
import { startProxy } from "../support/proxy.js";
import { Crashes } from "./crashes.js";
import { History } from "./history.js";
import { Random } from "./random.js";

/** How many histories run in the ordinary tests; `npm run test:long` runs more. */
const HISTORIES = 8;

const seedGiven = process.env["SIMULATION_SEED"];
const count = seedGiven === undefined ? Number(process.env["SIMULATION_HISTORIES"] ?? HISTORIES) : 1;
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

test.each(seeds)("history of seed %i comes to what the naive ledger comes to", async (seed) => {
  const processes = { app, second, unlucky, crashes, proxy };
  const history = await History.open(new Random(seed), processes);
  try {
    await history.run();
  } catch (error) {
    const again = `SIMULATION_SEED=${seed} npx vitest run test/simulation`;
    throw new Error(`${history.log.join("\n")}\n${again}\n${error instanceof Error ? error.message : ""}`, {
      cause: error,
    });
  }
});

test.skipIf(count === 1)("every kind of crash struck", () => {
  for (const crash of ["throw", "deadlock", "kill"] as const) expect(crashes.struck.get(crash)).toBeGreaterThan(0);
  expect(proxy.cuts()).toBeGreaterThan(0);
});
