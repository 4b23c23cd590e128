import { unnumberedForAllTenants } from "../events/relay/service.js";
import { backlogForAllTenants, intakeOf } from "../exchange/admission/service.js";
import type { App } from "../platform/app.js";
import { poolFigures, serverFigures } from "../platform/database-figures.js";
import type { Reading } from "../platform/metrics.js";
import { incidentsForAllTenants } from "../settlement/incidents/service.js";
import { refusedLogs } from "../transparency/forks/service.js";
import { logLagsForAllTenants } from "../transparency/lags/service.js";
import { waitingLogs } from "../transparency/waiting/service.js";
import { workerQueues } from "./worker-queues.js";

/** What is read once for all scrapes of so many milliseconds. */
const KEPT_MS = 2_000;

/** What each process tells of itself when it is asked. */
export function registerProcessGauges({ metrics, database }: App): void {
  const connections = { name: "database_connections", help: "connections of this process", labelNames: ["state"] };
  metrics.gauge(connections, () => {
    const { inUse, idle, waiting } = poolFigures(database);
    return [reading(inUse, "in_use"), reading(idle, "idle"), reading(waiting, "waiting")];
  });
}

/** What an api process has at work. */
export function registerIntakeGauges(app: App): void {
  app.metrics.gauge({ name: "intake_batches", help: "batches being accepted" }, () => one(intakeOf(app).batches));
  app.metrics.gauge({ name: "intake_bytes", help: "bytes of large requests" }, () => one(intakeOf(app).bytes));
}

/** How the whole installation stands; every relay tells it, whether it leads or not. */
export function registerInstallationGauges(app: App): void {
  registerBacklogGauges(app);
  registerLogGauges(app);
  const acts = kept(() => unnumberedForAllTenants(app));
  const { metrics, queues, database } = app;
  const lagged = { name: "relay_lag_acts", help: "acts without a number" };
  metrics.gauge(lagged, async () => one((await acts()).acts));
  const lag = { name: "relay_lag_seconds", help: "how long the oldest act has been without a number" };
  metrics.gauge(lag, async () => one((await acts()).oldestMs / 1_000));
  const jobs = { name: "queue_jobs", help: "jobs of a queue", labelNames: ["queue", "state"] };
  metrics.gauge(jobs, async () => {
    const depths = await queues.depths(workerQueues.map(({ queue }) => queue));
    return depths.map(({ queue, state, jobs: value }) => ({ labels: { queue, state }, value }));
  });
  const incidents = { name: "settlement_incidents", help: "partners that are not settled", labelNames: ["code"] };
  metrics.gauge(incidents, async () =>
    (await incidentsForAllTenants(app)).map(({ code, partners: value }) => ({ labels: { code }, value })),
  );
  const server = { name: "database_status", help: "the database server's own counters", labelNames: ["variable"] };
  metrics.gauge(server, async () =>
    (await serverFigures(database)).map(({ name: variable, value }) => ({ labels: { variable }, value })),
  );
}

function registerBacklogGauges(app: App): void {
  const backlog = kept(() => backlogForAllTenants(app));
  const labelNames = ["state"];
  const batches = { name: "backlog_batches", help: "batches that are not posted", labelNames };
  app.metrics.gauge(batches, async () => (await backlog()).map((each) => reading(each.batches, each.state)));
  const bytes = { name: "backlog_bytes", help: "payload bytes that are not posted", labelNames };
  app.metrics.gauge(bytes, async () => (await backlog()).map((each) => reading(each.bytes, each.state)));
  const age = { name: "backlog_age_seconds", help: "how long the oldest batch has not been posted", labelNames };
  app.metrics.gauge(age, async () => (await backlog()).map((each) => reading(each.oldestMs / 1_000, each.state)));
}

/** How far what outsiders can check is behind; that a log is refused or waits is known to the leading relay alone. */
function registerLogGauges(app: App): void {
  const lags = kept(() => logLagsForAllTenants(app));
  const { metrics } = app;
  metrics.gauge({ name: "log_refused", help: "logs that would fork" }, () => one(refusedLogs(app).size));
  const waiting = { name: "log_waiting", help: "logs that are not signed before an anchor was heard" };
  metrics.gauge(waiting, () => one(waitingLogs(app).size));
  const unsigned = { name: "log_checkpoint_lag_seconds", help: "how long the oldest act has been in no checkpoint" };
  metrics.gauge(unsigned, async () => one((await lags()).unsignedMs / 1_000));
  const labelNames = ["anchor"];
  const lag = { name: "log_anchor_lag_seconds", help: "how long the oldest act is not held outside", labelNames };
  metrics.gauge(lag, async () =>
    (await lags()).anchors.map(({ anchor, lagMs }) => ({ labels: { anchor }, value: lagMs / 1_000 })),
  );
  const faults = { name: "log_anchor_faults", help: "logs that an anchor does not hold", labelNames };
  metrics.gauge(faults, async () =>
    (await lags()).anchors.map(({ anchor, faults: value }) => ({ labels: { anchor }, value })),
  );
}

function reading(value: number, state: string): Reading {
  return { labels: { state }, value };
}

function one(value: number): Reading[] {
  return [{ labels: {}, value }];
}

/** Several gauges, and several scrapes, share one reading. */
function kept<T>(read: () => Promise<T>): () => Promise<T> {
  let last: Promise<T> | null = null;
  let readAtMs = 0;
  return () => {
    if (last !== null && performance.now() - readAtMs < KEPT_MS) return last;
    readAtMs = performance.now();
    last = read();
    return last;
  };
}
