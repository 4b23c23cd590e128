import "reflect-metadata";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import {
  BACKLOG_DEFAULTS,
  type Config,
  childEnvironment,
  HTTP_DEFAULTS,
  RATE_DEFAULTS,
} from "../../src/platform/config.js";
import { openDatabase } from "../../src/platform/database.js";
import { createDatabase } from "../../src/platform/embedded/connect.js";
import { startPair, stopPair } from "../../src/platform/embedded/pair.js";
import { openPlace } from "../../src/platform/embedded/place.js";
import { SERVER_FOLDERS } from "../../src/platform/embedded/programs.js";
import { migrate } from "../../src/platform/migrate.js";
import { databaseSchema } from "../../src/server/database.js";

declare module "vitest" {
  // oxlint-disable-next-line typescript/consistent-type-definitions -- vitest reads this interface
  interface ProvidedContext {
    /** The migrated database that `cloneDatabase` copies; tests leave it as it is. */
    readonly templateUrl: string;
    readonly redisUrl: string;
  }
}

/** Small, since tests hold little; the settings that make commits durable are the real ones. */
export const TEST_SIZES = { bufferPoolBytes: 256 * 1024 * 1024, redoLogBytes: 96 * 1024 * 1024 };
const TEMPLATE = "quittance_template";
const FOLDER = /^quittance-test-(\d+)-/;

/**
 * Starts one private MariaDB and Redis for all tests of a run, and migrates the template. Answers what stops them
 * again.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await removeLeftovers();
  const folder = mkdtempSync(join(tmpdir(), `quittance-test-${process.pid}-`));
  const place = openPlace(folder);
  const { mariadb, redis } = await startPair(place, {
    isMariadbWanted: true,
    isRedisWanted: true,
    searchPath: testSearchPath(),
    sizes: TEST_SIZES,
    say: () => undefined,
  });
  if (mariadb === null || redis === null) throw new Error("both servers were wanted");
  const templateUrl = mariadb.url.replace("/quittance?", `/${TEMPLATE}?`);
  await migrateTemplate(templateUrl, redis.url);
  project.provide("templateUrl", templateUrl);
  project.provide("redisUrl", redis.url);
  return async () => {
    await stopPair(place);
    rmSync(folder, { recursive: true, force: true });
  };
}

/** The PATH of this run, and where packages keep servers. */
export function testSearchPath(): string {
  return [childEnvironment({})["PATH"] ?? "", ...SERVER_FOLDERS].join(":");
}

async function migrateTemplate(databaseUrl: string, redisUrl: string): Promise<void> {
  await createDatabase(databaseUrl);
  const config: Config = {
    databaseUrl,
    redisUrl,
    redisPrefix: "{template}",
    dataDir: "",
    publicUrl: "http://localhost",
    host: "127.0.0.1",
    port: 0,
    isProduction: false,
    masterKey: Buffer.alloc(32),
    otherMasterKeys: [],
    platformKeyDays: 0,
    databaseConnectionsMax: 2,
    ...{ backlog: BACKLOG_DEFAULTS, rates: RATE_DEFAULTS, http: HTTP_DEFAULTS, statementMsMax: null },
    metricsPort: null,
    metricsHost: "127.0.0.1",
    anchorDir: null,
    witnesses: [],
    witnessQuorum: null,
    processName: "test",
    logLevel: "silent",
  };
  const database = await openDatabase(config, databaseSchema);
  try {
    await migrate(database);
  } finally {
    await database.destroy();
  }
}

/** Stops and removes what a killed run left behind. */
async function removeLeftovers(): Promise<void> {
  const living = new Set(readdirSync("/proc"));
  for (const name of readdirSync(tmpdir())) {
    const owner = FOLDER.exec(name)?.[1];
    if (owner === undefined || living.has(owner)) continue;
    const folder = join(tmpdir(), name);
    await stopPair(openPlace(folder));
    rmSync(folder, { recursive: true, force: true });
  }
}
