import type { App } from "../../platform/app.js";
import type { Config } from "../../platform/config.js";
import { closeApp, openApp } from "../../platform/open-app.js";
import { databaseSchema } from "../database.js";
import { type Loop, runLoops } from "./loops.js";
import { openProbes } from "./probes.js";
import { leaveParent, reportReady, stopRequested } from "./stop.js";

/** A role at work. */
export interface Running {
  /** Where it answers, for a role that does. */
  readonly url?: string;
  /** Where it tells its health and metrics, for a role that has a port of its own for that. */
  readonly probesUrl?: string | null;
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
      const { url, probesUrl } = role;
      app.log.info({ url, probesUrl }, "ready");
      reportReady({
        ready: true,
        ...(url === undefined ? {} : { url }),
        ...(typeof probesUrl === "string" ? { probesUrl } : {}),
      });
      await stop;
      await role.close();
    } finally {
      await closeApp(app);
    }
  } finally {
    leaveParent();
  }
}

/** Runs loops as a role, or beside what else the role does, and tells health and metrics of its process. */
export async function startLoops(app: App, loops: readonly Loop[]): Promise<Running> {
  const probes = await openProbes(app);
  const ending = new AbortController();
  const ended = runLoops(app, loops, ending.signal);
  return {
    probesUrl: probes.url,
    async close() {
      ending.abort();
      await ended;
      await probes.close();
    },
  };
}
