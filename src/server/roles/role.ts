import type { App } from "../../platform/app.js";
import type { Config } from "../../platform/config.js";
import { closeApp, openApp } from "../../platform/open-app.js";
import { databaseSchema } from "../database.js";
import { type Loop, runLoops } from "./loops.js";
import { leaveParent, reportReady, stopRequested } from "./stop.js";

/** A role at work. */
export interface Running {
  /** Where it answers, for a role that does. */
  readonly url?: string;
  /** Finishes what is under way. */
  close(): Promise<void>;
}

/** Runs a role until the process is told to stop, or cannot start; either way everything is let go of. */
export async function runRole(config: Config, start: (app: App) => Promise<Running>): Promise<void> {
  const stop = stopRequested();
  try {
    const app = await openApp(config, databaseSchema);
    try {
      const role = await start(app);
      app.log.info({ url: role.url }, "ready");
      reportReady({ ready: true, ...(role.url === undefined ? {} : { url: role.url }) });
      await stop;
      await role.close();
    } finally {
      await closeApp(app);
    }
  } finally {
    leaveParent();
  }
}

/** Runs loops as a role, or beside what else the role does. */
export function startLoops(app: App, loops: readonly Loop[]): Running {
  const ending = new AbortController();
  const ended = runLoops(app, loops, ending.signal);
  return {
    async close() {
      ending.abort();
      await ended;
    },
  };
}
