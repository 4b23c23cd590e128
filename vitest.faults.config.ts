import { mergeConfig } from "vitest/config";
import usual from "./vitest.config.js";

/** The long fault tests: `npm run test:faults`. They bring servers of their own, and take as long as there are seeds. */
export default mergeConfig(
  { ...usual, test: { ...usual.test, include: [] } },
  {
    test: {
      ...{ include: ["test/faults/mixed.ts"], maxWorkers: 1, testTimeout: 600_000, hookTimeout: 120_000 },
      env: { QUITTANCE_LONG: "1" },
    },
  },
);
