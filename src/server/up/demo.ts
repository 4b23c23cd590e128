import type { Config } from "../../platform/config.js";
import type { Place } from "../../platform/embedded/place.js";
import { type Grace, launch, stopHolders } from "../../platform/embedded/processes.js";
import { pidFileOf } from "../../platform/embedded/server.js";
import { isDemoDone } from "./data-dir.js";
import { environmentOf, MAIN } from "./roles.js";
import type { Terminal } from "./terminal.js";

const [STDOUT, STDERR] = [1, 2];

/**
 * Starts the demo on this terminal: its history the first time, its live trickle alone from then on. It stops with
 * everything else; that it fails is said and stops nothing.
 */
export function startDemo(place: Place, config: Config, terminal: Terminal): void {
  const child = launch({
    command: process.execPath,
    args: [
      ...[MAIN, "demo", "--url", config.publicUrl, "--data-dir", place.dataDir],
      ...(isDemoDone(place) ? ["--trickle-only"] : []),
    ],
    env: environmentOf(config, "demo"),
    pidFile: pidFileOf(place, "demo"),
    output: [terminal.isForPrograms ? STDERR : STDOUT, STDERR],
    hasChannel: true,
  });
  child.once("error", (error) => terminal.say(`the demo cannot be started: ${error.message}`));
  child.once("exit", (code) => {
    if (code !== null && code !== 0) terminal.say(`the demo ended with exit code ${code}; everything else runs on`);
  });
}

/** Stops the demo, if it still runs. */
export async function stopDemo(place: Place, grace: Grace): Promise<void> {
  await stopHolders(pidFileOf(place, "demo"), grace);
}
