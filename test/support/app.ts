import type { Logger } from "typeorm";
import { afterAll, inject } from "vitest";
import type { Clock } from "../../src/kernel/clock.js";
import type { App } from "../../src/platform/app.js";
import { BACKLOG_DEFAULTS, type Config, HTTP_DEFAULTS, RATE_DEFAULTS } from "../../src/platform/config.js";
import { closeApp, openApp } from "../../src/platform/open-app.js";
import { databaseSchema } from "../../src/server/database.js";
import { freePort } from "../../src/server/roles/api.js";
import { cloneDatabase } from "./database.js";

/** A clock that runs like the machine's, and can be set. */
export interface TestClock extends Clock {
  /** From now on it is this instant, running. */
  set(instant: Date | string): void;
  advance(ms: number): void;
}

/** An App on this worker's own database, with a clock that tests can set. */
export interface TestApp extends App {
  readonly clock: TestClock;
}

/** What a test wants otherwise. */
export interface TestAppOptions {
  readonly clock?: TestClock;
  readonly sqlLogger?: Logger;
  readonly config?: Partial<Config>;
}

const worker = process.env["VITEST_POOL_ID"] ?? "0";
let database: Promise<string> | undefined;

/** The file that begins has no database yet; its first App brings it one. */
export function forgetDatabase(): void {
  database = undefined;
}

/** A clock that starts at the machine's time. */
function testClock(): TestClock {
  let offsetMs = 0;
  return {
    now: () => new Date(Date.now() + offsetMs),
    set: (instant) => {
      offsetMs = new Date(instant).getTime() - Date.now();
    },
    advance: (ms) => {
      offsetMs += ms;
    },
  };
}

/**
 * An App for the tests of a file, closed after them: call it at the top of the file. All Apps of a file share one
 * database, cloned from the migrated template; each has its own prefix in Redis and its own free port.
 */
export async function testApp(options: TestAppOptions = {}): Promise<TestApp> {
  const app = await openTestApp(options);
  afterAll(() => closeApp(app));
  return app;
}

/** The same, to be closed by the test. */
export async function openTestApp({ clock = testClock(), sqlLogger, config }: TestAppOptions = {}): Promise<TestApp> {
  const app = await openApp({ ...(await testConfig()), ...config }, databaseSchema, {
    clock,
    ...(sqlLogger === undefined ? {} : { sqlLogger }),
  });
  return { ...app, clock };
}

/** The configuration of a test's App. */
export async function testConfig(): Promise<Config> {
  database ??= cloneDatabase(`quittance_test_${worker}`);
  const port = await freePort();
  return {
    databaseUrl: await database,
    redisUrl: inject("redisUrl"),
    redisPrefix: `{test-${worker}-${process.pid}-${port}}`,
    dataDir: "",
    publicUrl: `http://localhost:${port}`,
    host: "127.0.0.1",
    port,
    isProduction: false,
    masterKey: Buffer.alloc(32, 7),
    otherMasterKeys: [],
    platformKeyDays: 0,
    databaseConnectionsMax: 10,
    // Clocks that are set make everything old.
    backlog: { ...BACKLOG_DEFAULTS, ageMsMax: Number.MAX_SAFE_INTEGER, behindMs: Number.MAX_SAFE_INTEGER },
    ...{ rates: RATE_DEFAULTS, http: HTTP_DEFAULTS, statementMsMax: null },
    metricsPort: null,
    metricsHost: "127.0.0.1",
    anchorDir: null,
    witnesses: [],
    witnessQuorum: null,
    processName: `test-${worker}-${port}`,
    logLevel: "silent",
  };
}
