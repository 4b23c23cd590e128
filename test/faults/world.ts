import { afterAll } from "vitest";
import { later, systemClock } from "../../src/kernel/clock.js";
import { BACKLOG_DEFAULTS, type Config, HTTP_DEFAULTS, RATE_DEFAULTS } from "../../src/platform/config.js";
import { openDatabase } from "../../src/platform/database.js";
import { migrate } from "../../src/platform/migrate.js";
import { closeApp, openApp } from "../../src/platform/open-app.js";
import { databaseSchema } from "../../src/server/database.js";
import { freePort } from "../../src/server/roles/api.js";
import { openPlace, type Place } from "../settlement/place.js";
import type { TestApp } from "../support/app.js";
import { type SeededClient, seedClient, seedTenant } from "../support/seeds.js";
import { type Line, startLine } from "./line.js";
import { Roles } from "./roles.js";
import { openServers, type Servers } from "./servers.js";
import { type SqlWire, startWire } from "./wire.js";

const DAY_MS = 86_400_000;
/** Days that are planned, and wait to be closed, before today. */
export const DAYS_BEFORE = 5;

/** A service of real processes on servers of its own, with a place for every fault. */
export interface World {
  /** Looks on from beside: on the same servers, past wire and line. */
  readonly app: TestApp;
  readonly servers: Servers;
  /** Between the roles and MariaDB. */
  readonly wire: SqlWire;
  /** Between the clients and the api. */
  readonly line: Line;
  readonly roles: Roles;
  readonly places: readonly Place[];
  /** The tenants' own clients, one for each place. */
  readonly tenants: ReadonlyMap<Place, SeededClient>;
  close(): Promise<void>;
}

/** How much of a world. */
export interface WorldSize {
  readonly roles: readonly string[];
  readonly tenants: number;
  readonly partnersEach: number;
}

/** Opens a world that is closed after the tests of the file. */
export async function testWorld(size: WorldSize): Promise<World> {
  const world = await openWorld(size);
  afterAll(() => world.close());
  return world;
}

/** Opens a world, to be closed by the test: servers, tables, tenants, partners with a contract, roles. */
export async function openWorld(size: WorldSize): Promise<World> {
  const servers = await openServers();
  const wire = await startWire(servers.plainUrl);
  const port = await freePort();
  const line = await startLine(port);
  const config = configOf(servers, port);
  await migrateAll(config);
  const app = await openApp(config, databaseSchema, { clock: systemClock });
  const watching: TestApp = { ...app, clock: { ...systemClock, set: still, advance: still } };
  const places: Place[] = [];
  const tenants = new Map<Place, SeededClient>();
  for (let tenant = 0; tenant < size.tenants; tenant++) {
    const home = await seedTenant(watching, `Tenant ${tenant}`);
    for (let partner = 0; partner < size.partnersEach; partner++) {
      const place = await openPlace(watching, dayStart(-DAYS_BEFORE), { home, timezone: "UTC" });
      places.push(place);
      tenants.set(place, await seedClient(watching, home.actor, null));
    }
  }
  const roles = new Roles({ ...config, databaseUrl: wire.url }, size.roles);
  await roles.start();
  return {
    ...{ app: watching, servers, wire, line, roles, places, tenants },
    async close() {
      await roles.close();
      await closeApp(app);
      await Promise.all([wire.close(), line.close()]);
      await servers.close();
    },
  };
}

/** Midnight in UTC, so many days from today. */
export function dayStart(days: number): string {
  const today = Math.floor(systemClock.now().getTime() / DAY_MS) * DAY_MS;
  return later(new Date(today), days * DAY_MS).toISOString();
}

function still(): never {
  throw new Error("the clock of a world is the machine's");
}

function configOf(servers: Servers, port: number): Config {
  return {
    databaseUrl: servers.databaseUrl,
    redisUrl: servers.redisUrl,
    redisPrefix: "{faults}",
    dataDir: "",
    publicUrl: `http://localhost:${port}`,
    host: "127.0.0.1",
    port,
    isProduction: false,
    masterKey: Buffer.alloc(32, 7),
    otherMasterKeys: [],
    platformKeyDays: 0,
    databaseConnectionsMax: 10,
    ...{ backlog: BACKLOG_DEFAULTS, rates: RATE_DEFAULTS, http: HTTP_DEFAULTS, statementMsMax: null },
    metricsPort: null,
    metricsHost: "127.0.0.1",
    anchorDir: null,
    witnesses: [],
    witnessQuorum: null,
    processName: "faults",
    logLevel: "silent",
  };
}

async function migrateAll(config: Config): Promise<void> {
  const database = await openDatabase(config, databaseSchema);
  try {
    await migrate(database);
  } finally {
    await database.destroy();
  }
}
