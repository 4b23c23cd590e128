import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import type { App } from "../../platform/app.js";
import { pendingMigrations } from "../../platform/migrate.js";
import { logStanding } from "../../transparency/service.js";
import { errorPage } from "../error-code.js";

/** How a part of us stands. */
type Health = "ok" | "unavailable" | "pending" | "refused" | "waiting";

const CHECK_MS_MAX = 2_000;

/** The probes and the page about error codes. */
export function registerHealth(server: FastifyInstance, app: App, isClosing: () => boolean): void {
  registerProbes(server, app, isClosing);
  server.get("/docs/errors", async (_request, reply) => {
    void reply.type("text/markdown; charset=utf-8");
    return errorPage();
  });
}

/**
 * `/healthz` (alive), `/readyz` (able to serve; where logs are signed, how those stand) and `/metrics` (Prometheus).
 */
export function registerProbes(server: FastifyInstance, app: App, isClosing: () => boolean): void {
  server.get("/healthz", async () => ({ status: "ok" }));
  server.get("/readyz", async (_request, reply) => {
    const needed = await checkDatabase(app);
    const log = logStanding(app);
    const useful = { redis: await checkRedis(app), ...(log === null ? {} : { log }) };
    const isReady = needed.database === "ok" && needed.migrations === "ok" && !isClosing();
    if (!isReady) void reply.code(503);
    return { status: statusOf(isReady, Object.values(useful)), checks: { ...needed, ...useful } };
  });
  server.get("/metrics", async (_request, reply) => {
    void reply.type(app.metrics.registry.contentType);
    return app.metrics.registry.metrics();
  });
}

function statusOf(isReady: boolean, useful: readonly Health[]): "ok" | "degraded" | "unavailable" {
  if (!isReady) return "unavailable";
  return useful.every((health) => health === "ok") ? "ok" : "degraded";
}

async function checkDatabase(app: App): Promise<{ database: Health; migrations: Health }> {
  const pending = await within(pendingMigrations(app.database));
  if (pending === null) return { database: "unavailable", migrations: "unavailable" };
  return { database: "ok", migrations: pending.length === 0 ? "ok" : "pending" };
}

async function checkRedis(app: App): Promise<Health> {
  if (app.redis.status !== "ready") return "unavailable";
  return (await within(app.redis.ping())) === null ? "unavailable" : "ok";
}

/** What was asked for, or null when it failed or took too long; a probe's answer is the only report of it. */
async function within<T>(asked: Promise<T>): Promise<T | null> {
  const timer = new AbortController();
  try {
    return await Promise.race([asked, sleep(CHECK_MS_MAX, null, { signal: timer.signal })]);
  } catch {
    return null;
  } finally {
    timer.abort();
  }
}
