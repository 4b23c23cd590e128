import { type ConfigOverrides, readConfig } from "../../platform/config.js";
import { witnessesIn } from "../../transparency/witnesses/service.js";
import { registerInstallationGauges } from "../gauges.js";
import { relayLoops } from "../relay-loops.js";
import { runRole, startLoops } from "./role.js";

/** Runs the singleton loops until the process is told to stop; which relay of several leads is for them to settle. */
export async function runRelay(overrides: ConfigOverrides): Promise<void> {
  const config = readConfig(overrides);
  witnessesIn(config); // a key that is none is said at once
  await runRole(config, async (app) => {
    registerInstallationGauges(app);
    return startLoops(app, relayLoops);
  });
}
