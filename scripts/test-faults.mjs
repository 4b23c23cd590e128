// `npm run test:faults -- --seeds 1,2,3`: the long fault tests, a world for each seed; five seeds where none are named.
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";

const { values } = parseArgs({ options: { seeds: { type: "string", default: "" } } });
if (!/^(\d+(,\d+)*)?$/.test(values.seeds)) {
  console.error("error: --seeds takes whole numbers, such as 1,2,3");
  process.exit(2);
}
const { status } = spawnSync("npx", ["vitest", "run", "--config", "vitest.faults.config.ts"], {
  stdio: "inherit",
  env: { ...process.env, ...(values.seeds === "" ? {} : { QUITTANCE_SEEDS: values.seeds }) },
});
process.exit(status ?? 1);
