import { type LoneBenchmark, RUNS } from "./benchmark.js";
import { startInstallation } from "./installation.js";

const NPM_START = ["npm", "start", "--silent", "--"];

/** `npm start` on an installed tree and an empty data directory, until it says that it is ready. */
export const start: LoneBenchmark = {
  name: "start",
  unit: "s",
  target: { of: "value", must: 8, goal: 4 },
  isExtra: false,
  runs: RUNS,
  isStaged: false,
  async run(cleanup) {
    const installation = await startInstallation(cleanup, NPM_START);
    await installation.stop();
    return { value: installation.readyMs / 1_000, limit: null };
  },
};
