import type { Logger } from "typeorm";
import { type Clock, systemClock } from "../kernel/clock.js";
import type { App } from "./app.js";
import type { Config } from "./config.js";
import { openDatabase, type Schema } from "./database.js";
import { openLog } from "./log.js";
import { configuredMasterKeys } from "./master-keys.js";
import { openMetrics } from "./metrics.js";
import { openQueues } from "./queues.js";
import { awaitRedis, openRedis } from "./redis.js";
import { openSignals } from "./signals.js";

/** What tests put in the place of the real thing. */
export interface AppOptions {
  readonly clock?: Clock;
  readonly sqlLogger?: Logger;
}

const REDIS_WAIT_MS = 2_000;

/** Connects everything; the database must be there, Redis may come later. */
export async function openApp(
  config: Config,
  schema: Schema,
  { clock = systemClock, sqlLogger }: AppOptions = {},
): Promise<App> {
  const log = openLog(config);
  const database = await openDatabase(config, schema, { logger: sqlLogger });
  const noSchema = { entities: [], migrations: [] };
  const manyStatements = await openDatabase(config, noSchema, { logger: sqlLogger, takesManyStatements: true });
  const redis = openRedis(config, log);
  const signals = openSignals(config.redisPrefix, redis, openRedis(config, log, "subscriber"));
  await awaitRedis(redis, REDIS_WAIT_MS);
  return {
    config,
    clock,
    log,
    metrics: openMetrics(),
    database,
    manyStatements,
    redis,
    signals,
    queues: openQueues(config, log),
    masterKeys: configuredMasterKeys(config),
  };
}

/** Lets go of everything: jobs first, then Redis, the database last. */
export async function closeApp(app: App): Promise<void> {
  await app.queues.close();
  await app.signals.close();
  app.redis.disconnect();
  await app.manyStatements.destroy();
  await app.database.destroy();
}
