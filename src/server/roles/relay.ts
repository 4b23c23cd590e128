import { type ConfigOverrides, readConfig } from "../../platform/config.js";
import { closeApp, openApp } from "../../platform/open-app.js";
import { databaseSchema } from "../database.js";
import { relayLoops } from "../relay-loops.js";
import { runLoops } from "./loops.js";
import { leaveParent, reportReady, stopRequested } from "./stop.js";

/** Runs the singleton loops until the process is told to stop; which of several relays leads is for the loops to settle. */
export async function runRelay(overrides: ConfigOverrides): Promise<void> {
  const stop = stopRequested();
  const app = await openApp(readConfig(overrides), databaseSchema);
  const ending = new AbortController();
  const loops = runLoops(app, relayLoops, ending.signal);
  app.log.info("relay ready");
  reportReady({ ready: true });
  await stop;
  ending.abort();
  await loops;
  await closeApp(app);
  leaveParent();
}
