import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { childEnvironment, readConfig } from "../platform/config.js";
import { stopPair } from "../platform/embedded/pair.js";
import { openPlace, type Place } from "../platform/embedded/place.js";
import { logFileOf } from "../platform/embedded/server.js";
import { claimDataDir, ensureMasterKey, removeServices, writeServices } from "./up/data-dir.js";
import { startDemo, stopDemo } from "./up/demo.js";
import type { Role } from "./up/role.js";
import { apiPorts, planRoles, probePorts, type RoleCounts, startRoles, stopLeftovers, stopRoles } from "./up/roles.js";
import { findServers, keepServers } from "./up/servers.js";
import { type StopSignals, takeStopSignals } from "./up/stop-signals.js";
import { openTerminal, type Terminal } from "./up/terminal.js";
import { watchTrouble } from "./up/trouble.js";

/** What `quittance up` is told. */
export interface UpOptions extends RoleCounts {
  /** Of the first api process; the others take those after it. 0 takes free ones. */
  readonly port: number;
  readonly dataDir: string;
  /** Somebody else's servers; a private one in the place of each that is missing. */
  readonly databaseUrl?: string | undefined;
  readonly redisUrl?: string | undefined;
  /** Whether to play the demo, once per data directory. */
  readonly demo: boolean;
  /** Whether standard output holds one JSON document and nothing else. */
  readonly json: boolean;
}

const ROLE_STOP_MS_MAX = 10_000;
const READY_MS_MAX = 30_000;
const READY_LOOK_MS = 100;

/**
 * Runs everything on this machine until it is told to stop, then stops it: MariaDB and Redis, migrations, roles, demo.
 * Throws a sentence for people when something does not start, or another process already does this for the data
 * directory.
 */
export async function up(options: UpOptions): Promise<void> {
  const terminal = openTerminal(options.json);
  const place = openPlace(options.dataDir);
  const claim = await claimDataDir(place);
  const signals = takeStopSignals();
  const running: Running = { roles: [], ends: [] };
  try {
    await start(place, options, { terminal, signals, running });
    await aborted(signals.stop);
    terminal.say("stopping");
  } catch (error) {
    if (!signals.stop.aborted) throw error; // else we were told to stop while starting
  } finally {
    await stop(place, running, signals);
    await claim.release();
    signals.release();
  }
  terminal.say("stopped");
}

/** What was started, to be ended in the end. */
interface Running {
  roles: Role[];
  /** Ends the watches. */
  readonly ends: (() => void | Promise<void>)[];
}

interface Surroundings {
  readonly terminal: Terminal;
  readonly signals: StopSignals;
  readonly running: Running;
}

async function start(place: Place, options: UpOptions, { terminal, signals, running }: Surroundings): Promise<void> {
  const { say } = terminal;
  say(`data directory ${place.dataDir}`);
  const left = await stopLeftovers(place, { graceMs: ROLE_STOP_MS_MAX, force: signals.force });
  removeServices(place);
  if (left > 0) say(`stopped ${left} processes that a killed start left behind`);
  const named = { databaseUrl: options.databaseUrl ?? null, redisUrl: options.redisUrl ?? null };
  // What knows every table is loaded while the servers start, and not at all when we are refused.
  const [servers, { migrateDatabase }] = await Promise.all([
    findServers(place, named, say),
    import("./up/migrations.js"),
  ]);
  signals.stop.throwIfAborted();
  running.ends.push(keepServers(place, named, servers, say));
  if (childEnvironment({})["QUITTANCE_MASTER_KEY"] === undefined && ensureMasterKey(place)) {
    say("made master.key, which seals private keys; keep a copy of it with your backups");
  }
  const asked = readConfig({ ...servers, dataDir: place.dataDir, port: options.port });
  const ports = await apiPorts(asked, options.api);
  const config = readConfig({ ...servers, dataDir: place.dataDir, port: ports[0] ?? options.port });
  const ran = await migrateDatabase(config);
  say(ran === 0 ? "the tables are up to date" : `ran ${ran} migrations`);
  signals.stop.throwIfAborted();
  writeServices(place, { ...servers, url: config.publicUrl });
  const probes = await probePorts(config, options, ports.at(-1) ?? config.port);
  const plans = planRoles(config, options, ports, probes);
  running.ends.push(
    watchTrouble(
      plans.map(({ name }) => ({ name, logFile: logFileOf(place, name) })),
      say,
    ),
  );
  running.roles = await startRoles(place, plans, { say, stop: signals.stop });
  for (const port of ports) await untilServing(localUrl(config.host, port), signals.stop);
  const pids = { ...servers.pids, ...Object.fromEntries(running.roles.map(({ name, pid }) => [name, pid])) };
  say(
    Object.entries(pids)
      .map(([name, pid]) => `${name} ${pid}`)
      .join(", "),
  );
  const metrics = Object.fromEntries([...probes].map(([name, port]) => [name, localUrl(config.metricsHost, port)]));
  terminal.sayReady(config.publicUrl, pids, metrics);
  if (options.demo) startDemo(place, config, terminal);
}

async function stop(place: Place, { roles, ends }: Running, { force }: StopSignals): Promise<void> {
  for (const end of ends) await end();
  const grace = { graceMs: ROLE_STOP_MS_MAX, force };
  await stopDemo(place, grace);
  await stopRoles(roles, grace);
  await stopLeftovers(place, grace); // what a start that failed half-way does not know of
  await stopPair(place, force);
  removeServices(place);
}

/** Waits until an api process answers that it can serve; throws what it answers instead when that takes too long. */
async function untilServing(url: string, signal: AbortSignal): Promise<void> {
  let last = "nothing";
  for (let waitedMs = 0; waitedMs < READY_MS_MAX; waitedMs += READY_LOOK_MS) {
    signal.throwIfAborted();
    const response = await fetch(`${url}/readyz`).catch(() => null); // not listening yet
    if (response?.ok === true) return;
    if (response !== null) last = `${response.status} ${await response.text()}`;
    await sleep(READY_LOOK_MS);
  }
  throw new Error(`${url}/readyz answers ${last} after ${READY_MS_MAX / 1_000} s`);
}

function localUrl(host: string, port: number): string {
  const name = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  return `http://${name.includes(":") ? `[${name}]` : name}:${port}`;
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, "abort");
}
