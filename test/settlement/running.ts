import { expect, onTestFinished, vi } from "vitest";
import type { SettlementPeriod } from "../../src/periods/entities.js";
import { closeApp } from "../../src/platform/open-app.js";
import { workerQueues } from "../../src/server/worker-queues.js";
import { SETTLEMENT_QUEUE } from "../../src/settlement/flows/jobs.js";
import type { SettlementRun } from "../../src/settlement/settlement-runs/entities.js";
import { openTestApp, type TestApp } from "../support/app.js";
import { seedTenant } from "../support/seeds.js";
import type { SqlFaults } from "../support/sql-faults.js";
import { openPlace, type Place, type PlaceChanges, report } from "./place.js";

/** The periods of a place end by then. */
export const THROUGH = new Date("2026-03-05T15:00:00.000Z");
/** How many there are. */
export const DAYS = 4;

/** Partners of one tenant, each with a bet on each of four days that are over; of those named otherwise the terms. */
export async function openPlaces(
  app: TestApp,
  count: number,
  changes: Readonly<Record<number, PlaceChanges>> = {},
): Promise<Place[]> {
  app.clock.set("2026-03-05T16:00:00.000Z");
  const home = await seedTenant(app);
  const places: Place[] = [];
  for (let i = 0; i < count; i++) {
    const place = await openPlace(app, "2026-03-01T15:00:00.000Z", { home, ...changes[i] });
    const bets = [2, 3, 4, 5].map((day) => ({
      kind: "BET",
      amount: "9.00",
      occurredAt: `2026-03-0${day}T01:00:00.000Z`,
    }));
    await report(app, place, bets);
    places.push(place);
  }
  return places;
}

/** How many statements a place has. */
export async function countStatements(app: TestApp, place: Place): Promise<number> {
  const [{ many }] = await app.database.query(
    "select count(*) as many from statement where tenant_no = ? and partner_no = ?",
    [place.tenant.no, place.partner.no],
  );
  return Number(many);
}

/** What the acts say of a run, in order. */
export async function runActs(app: TestApp, run: SettlementRun): Promise<string[]> {
  const rows: { type: string }[] = await app.database.query(
    "select type from act where tenant_no = ? and subject_id = ? order by no",
    [run.tenantNo, run.id],
  );
  return rows.map(({ type }) => type);
}

/** Whoever moves the period waits at its row until let go. */
export async function holdPeriod(app: TestApp, { tenantNo, no }: SettlementPeriod): Promise<() => Promise<void>> {
  const runner = app.database.createQueryRunner();
  await runner.query("set session idle_transaction_timeout = 0"); // it is held for as long as the test takes
  await runner.startTransaction();
  await runner.query("select state from settlement_period where tenant_no = ? and no = ? for update", [tenantNo, no]);
  return async () => {
    await runner.rollbackTransaction();
    await runner.release();
  };
}

/** A worker of its own on the queue of an App, on its clock, until the test ends. */
export async function workSettlements(app: TestApp, concurrency: number, faults?: SqlFaults): Promise<void> {
  const { clock, config } = app;
  const options = { clock, config: { redisPrefix: config.redisPrefix } };
  const worker = await openTestApp({ ...options, ...(faults === undefined ? {} : { sqlLogger: faults }) });
  onTestFinished(() => closeApp(worker));
  const { kinds = [] } = workerQueues.find(({ queue }) => queue === SETTLEMENT_QUEUE) ?? {};
  worker.queues.work(worker, SETTLEMENT_QUEUE, kinds, concurrency);
}

/** How many jobs stand where. */
export async function depthsOf(app: TestApp): Promise<Record<string, number>> {
  return Object.fromEntries((await app.queues.depths([SETTLEMENT_QUEUE])).map(({ state, jobs }) => [state, jobs]));
}

/** Nothing waits any more, is at work, or has failed. */
export async function untilDrained(app: TestApp): Promise<void> {
  const empty = { wait: 0, active: 0, delayed: 0, "waiting-children": 0, failed: 0 };
  await vi.waitFor(async () => expect(await depthsOf(app)).toEqual(empty), { timeout: 25_000, interval: 20 });
}
