import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Config, childEnvironment } from "../../platform/config.js";
import type { Place } from "../../platform/embedded/place.js";
import { type Grace, stopHolders } from "../../platform/embedded/processes.js";
import { freePort } from "./ports.js";
import { type Role, type RolePlan, runRole, type Supervision } from "./role.js";

/** How many processes of each role. */
export interface RoleCounts {
  readonly api: number;
  readonly worker: number;
  readonly relay: number;
}

/** In the order they stop: first whoever takes work in. */
const KINDS = ["api", "worker", "relay"] as const;
/**
 * Room for young objects, MiB, which V8 takes twice: what batches are read into dies young, if it is not moved to the
 * old ones before. The relay reads nothing large.
 */
const YOUNG_SPACE_MIB = { api: 32, worker: 32, relay: 4 } as const;
const LEFT_BEHIND = /^((api|worker|relay)-\d+|demo)\.pid$/;

/** The compiled command that every process of ours runs. */
export const MAIN = fileURLToPath(new URL("../main.js", import.meta.url));

/**
 * The ports of the api processes: the configured one and those after it, or any free ones. Throws when one is taken.
 */
export async function apiPorts({ host, port }: Pick<Config, "host" | "port">, count: number): Promise<number[]> {
  const ports: number[] = [];
  for (let i = 0; i < count; i++) ports.push(await freePort(host, port === 0 ? 0 : port + i));
  return ports;
}

/** The processes that have a port for their metrics alone; those of `api` tell them on their own. */
const PROBED_KINDS = ["worker", "relay"] as const;
/** From the last api port to the first of these. */
const PROBE_PORTS_FROM = 100;

/**
 * A port for each worker's and relay's metrics, by the process's name: from the configured one on, else a hundred above
 * the last api port; where one is taken, any other.
 */
export async function probePorts(
  { metricsHost: host, metricsPort }: Pick<Config, "metricsHost" | "metricsPort">,
  counts: RoleCounts,
  apiPort: number,
): Promise<ReadonlyMap<string, number>> {
  const names = PROBED_KINDS.flatMap((kind) => Array.from({ length: counts[kind] }, (_, i) => `${kind}-${i + 1}`));
  const first = metricsPort ?? apiPort + PROBE_PORTS_FROM;
  const ports = new Map<string, number>();
  for (const [index, name] of names.entries()) {
    const wanted = first === 0 || first + index > PORT_MAX ? 0 : first + index;
    ports.set(name, await freePort(host, wanted).catch(() => freePort(host, 0)));
  }
  return ports;
}

const PORT_MAX = 65_535;

/** Every role process to run; they share the servers, the data directory and the public URL of the configuration. */
export function planRoles(
  config: Config,
  counts: RoleCounts,
  ports: readonly number[],
  probes: ReadonlyMap<string, number>,
): RolePlan[] {
  return KINDS.flatMap((kind) =>
    Array.from({ length: counts[kind] }, (_, i) => {
      const name = `${kind}-${i + 1}`;
      const args = kind === "api" ? ["--port", String(ports[i])] : [];
      return {
        name,
        command: process.execPath,
        args: [`--max-semi-space-size=${YOUNG_SPACE_MIB[kind]}`, MAIN, kind, ...args],
        env: environmentOf(config, name, probes.get(name)),
      };
    }),
  );
}

/** Starts all at once and answers when every one is ready; throws the first trouble once all are settled. */
export async function startRoles(place: Place, plans: readonly RolePlan[], supervision: Supervision): Promise<Role[]> {
  const outcomes = await Promise.allSettled(plans.map((plan) => runRole(place, plan, supervision)));
  const roles = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed === undefined) return roles;
  await stopRoles(roles, { graceMs: 0 });
  throw failed.reason;
}

/** Stops all processes of a kind at once, kind after kind. */
export async function stopRoles(roles: readonly Role[], grace: Grace): Promise<void> {
  for (const kind of KINDS) {
    await Promise.all(roles.filter(({ name }) => name.startsWith(`${kind}-`)).map((role) => role.stop(grace)));
  }
}

/** Stops the processes that a killed or failed start left behind, the demo among them; answers how many there were. */
export async function stopLeftovers(place: Place, grace: Grace): Promise<number> {
  const names = readdirSync(place.runDir).filter((name) => LEFT_BEHIND.test(name));
  const counts = await Promise.all(names.map((name) => stopHolders(join(place.runDir, name), grace)));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** The environment of a process of ours, by the name it calls itself, and the port for its metrics if it has one. */
export function environmentOf(config: Config, name: string, metricsPort?: number): NodeJS.ProcessEnv {
  return childEnvironment({
    ...(metricsPort === undefined ? {} : { QUITTANCE_METRICS_PORT: String(metricsPort) }),
    DATABASE_URL: config.databaseUrl,
    REDIS_URL: config.redisUrl,
    QUITTANCE_DATA_DIR: config.dataDir,
    QUITTANCE_PUBLIC_URL: config.publicUrl,
    QUITTANCE_PROCESS: name,
  });
}
