import { type ConfigOverrides, readConfig } from "../../platform/config.js";
import { registerInstallationGauges } from "../gauges.js";
import { relayLoops } from "../relay-loops.js";
import { runRole, startLoops } from "./role.js";

/** Runs the singleton loops until the process is told to stop; which relay of several leads is for them to settle. */
export async function runRelay(overrides: ConfigOverrides): Promise<void> {
  await runRole(readConfig(overrides), async (app) => {
    registerInstallationGauges(app);
    return startLoops(app, relayLoops);
  });
}
