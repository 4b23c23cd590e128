import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { onTestFinished } from "vitest";
import { type Config, childEnvironment } from "../../src/platform/config.js";

/** The command as it is installed: what `npm run build` compiled. */
const COMMAND = new URL("../../bin/quittance", import.meta.url).pathname;

/** A process of the command itself on a test's database, under its Redis prefix; killed when the test ends. */
export function spawnCommand(config: Config, args: readonly string[]): ChildProcess {
  const child = forkCommand(config, args);
  onTestFinished(() => {
    if (child.exitCode === null) child.kill("SIGKILL");
  });
  return child;
}

/** The same, for whoever ends it by himself. */
export function forkCommand(config: Config, args: readonly string[], execArgv: readonly string[] = []): ChildProcess {
  return fork(COMMAND, args, {
    execArgv: [...execArgv],
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    env: childEnvironment({
      DATABASE_URL: config.databaseUrl,
      REDIS_URL: config.redisUrl,
      QUITTANCE_REDIS_PREFIX: config.redisPrefix.slice(1, -1),
      QUITTANCE_MASTER_KEY: config.masterKey.toString("base64url"),
      QUITTANCE_LOG_LEVEL: "warn",
      ...(config.metricsPort === null ? {} : { QUITTANCE_METRICS_PORT: String(config.metricsPort) }),
      NODE_ENV: "development",
    }),
  });
}

/** A role that works: an api's URL, and where a worker or relay tells its metrics. */
export interface StartedRole {
  readonly child: ChildProcess;
  readonly url: string;
  readonly probesUrl: string;
}

/** Starts a role and waits until it works. */
export async function startRole(config: Config, ...args: string[]): Promise<StartedRole> {
  const child = spawnCommand(config, args);
  const [message] = await once(child, "message");
  return { child, url: String(message.url), probesUrl: String(message.probesUrl) };
}
