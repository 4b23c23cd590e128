import { expect, test } from "vitest";
import { newId } from "../../src/kernel/ids.js";
import { fencePeriod, periodsOf, unsettledPeriods } from "../../src/periods/closing/service.js";
import { holdCursor, tryCursor } from "../../src/periods/cursors/service.js";
import { PeriodState, type SettlementPeriod } from "../../src/periods/entities.js";
import { movePeriod } from "../../src/periods/lifecycle/service.js";
import { extendPlan, planFrom } from "../../src/periods/planning/service.js";
import type { Cycle } from "../../src/periods/rules.js";
import { periodMap, periodOfPartner, periodOfTenant, placementAt } from "../../src/periods/service.js";
import { activityOf, addActivity } from "../../src/periods/totals/service.js";
import { type Tx, transact } from "../../src/platform/database.js";
import type { Partner } from "../../src/tenancy/entities.js";
import { testApp } from "../support/app.js";
import { seedPartner, seedTenant } from "../support/seeds.js";

const app = await testApp();

const NOW = "2026-03-01T16:00:00.000Z";
const [DAY_1, DAY_2, DAY_3, DAY_4] = [1, 2, 3, 4].map((day) => new Date(Date.UTC(2026, 2, day, 15))) as [
  Date,
  Date,
  Date,
  Date,
];

/** A partner in Seoul without periods. */
async function newPartner(): Promise<Partner> {
  app.clock.set(NOW);
  return (await seedPartner(app, await seedTenant(app))).partner;
}

async function plan(
  partner: Partner,
  effectiveFrom: Date,
  cycle: Cycle = { kind: "DAILY" },
  graceMs = 0,
): Promise<string> {
  const configurationId = newId("cfg", app.clock);
  await underCursor(partner, (tx) => planFrom(app, tx, partner, { configurationId, cycle, graceMs, effectiveFrom }));
  return configurationId;
}

async function underCursor<T>(partner: Partner, work: (tx: Tx) => Promise<T>): Promise<T> {
  return transact(app, async (tx) => {
    await holdCursor(tx, partner);
    return work(tx);
  });
}

async function all(partner: Partner): Promise<readonly SettlementPeriod[]> {
  return (await periodsOf(app, partner, null, { first: 500 })).rows;
}

async function fence(partner: Partner, period: SettlementPeriod | undefined): Promise<boolean> {
  if (period === undefined) throw new Error("there is no such period");
  return underCursor(partner, (tx) => fencePeriod(tx, partner, period, app.clock.now()));
}

test("planning lays periods end to end, each due after its grace, those due already marked as backfill", async () => {
  const partner = await newPartner();
  app.clock.set("2026-03-02T20:00:00.000Z");
  const configurationId = await plan(partner, DAY_1, { kind: "DAILY" }, 3_600_000);
  const periods = await all(partner);
  expect(periods.slice(0, 2)).toMatchObject([
    { startsAt: DAY_1, endsAt: DAY_2, dueAt: new Date(DAY_2.getTime() + 3_600_000), isBackfill: true },
    { startsAt: DAY_2, endsAt: DAY_3, isBackfill: false, state: PeriodState.OPEN, configurationId },
  ]);
  for (const [i, period] of periods.entries()) expect(period.startsAt).toEqual(periods[i - 1]?.endsAt ?? DAY_1);
});

test("another cycle replaces the periods after its instant, and starts when the running period ends", async () => {
  const partner = await newPartner();
  const daily = await plan(partner, DAY_1);
  const weekly = await plan(partner, new Date("2026-03-02T20:00:00.000Z"), { kind: "WEEKLY", weekday: "MONDAY" });
  const [first, second, short, whole] = await all(partner);
  expect([first?.configurationId, second?.configurationId]).toEqual([daily, daily]);
  expect(second).toMatchObject({ endsAt: DAY_3 });
  expect(short).toMatchObject({
    startsAt: DAY_3,
    endsAt: new Date("2026-03-08T15:00:00.000Z"),
    configurationId: weekly,
  });
  expect(whole).toMatchObject({ endsAt: new Date("2026-03-15T15:00:00.000Z") });
});

test("a period that holds transactions is not cut differently", async () => {
  const partner = await newPartner();
  await plan(partner, DAY_1);
  const [, second] = await all(partner);
  const dimensions = { periodNo: second?.no ?? 0, originPeriodNo: second?.no ?? 0, brandNo: 0, productNo: 0 };
  const bet = { ...dimensions, kind: "BET", category: "", currency: "BTC", count: 1n, units: 0n, sumMinor: 5n };
  await underCursor(partner, (tx) => addActivity(tx, partner, [bet]));
  await expect(plan(partner, DAY_1, { kind: "MONTHLY", dayOfMonth: 1 })).rejects.toMatchObject({
    code: "VALIDATION",
    details: { path: "/effectiveFrom" },
  });
  expect((await all(partner))[1]).toEqual(second);
  await plan(partner, DAY_1); // the same cut may take another version
  await underCursor(partner, (tx) => addActivity(tx, partner, [bet]));
  expect(await activityOf(app.database.manager, partner, second?.no ?? 0)).toEqual([
    { ...bet, count: 2n, sumMinor: 10n },
  ]);
});

test("nothing is planned over a closed period", async () => {
  const partner = await newPartner();
  await plan(partner, DAY_1);
  const [first] = await all(partner);
  await fence(partner, first);
  await expect(plan(partner, DAY_1)).rejects.toMatchObject({ code: "PERIOD_CLOSED" });
  await plan(partner, DAY_2);
});

test("a plan goes on from its last period without gap", async () => {
  const partner = await newPartner();
  const configurationId = await plan(partner, DAY_1);
  const before = await all(partner);
  const activatedAt = app.clock.now();
  app.clock.set("2026-04-20T00:00:00.000Z");
  const extend = () =>
    underCursor(partner, (tx) =>
      extendPlan(app, tx, partner, { configurationId, cycle: { kind: "DAILY" }, graceMs: 0, activatedAt }),
    );
  const added = await extend();
  const after = await all(partner);
  expect(added).toBeGreaterThan(40);
  expect(after).toHaveLength(before.length + added);
  for (const [i, period] of after.entries()) expect(period.startsAt).toEqual(after[i - 1]?.endsAt ?? DAY_1);
  expect(await extend()).toBe(0);
});

test("an instant belongs to its own period while that is open, and to the earliest open one after", async () => {
  const partner = await newPartner();
  await plan(partner, DAY_1);
  const [first, second] = await all(partner);
  await fence(partner, first);
  const map = await periodMap(app.database.manager, partner, DAY_1, DAY_3);
  const placed = (instant: Date) => {
    const placement = placementAt(map, instant);
    return placement && [placement.period.no, placement.origin.no];
  };
  expect(placed(DAY_1)).toEqual([second?.no, first?.no]);
  expect(placed(new Date(DAY_2.getTime() - 1))).toEqual([second?.no, first?.no]);
  expect(placed(DAY_2)).toEqual([second?.no, second?.no]);
  expect(placed(new Date(DAY_1.getTime() - 1))).toBeNull();
});

test("periods close in order and once; what has no statement is listed in order", async () => {
  const partner = await newPartner();
  await plan(partner, DAY_1);
  const [first, second, third] = await all(partner);
  await expect(fence(partner, second)).rejects.toMatchObject({
    code: "VALIDATION",
    details: { openPeriodId: first?.id },
  });
  expect([await fence(partner, first), await fence(partner, first), await fence(partner, second)]).toEqual([
    true,
    false,
    true,
  ]);
  const [from, to] = [PeriodState.CLOSED, PeriodState.CALCULATED];
  const calculated = (no = 0) => underCursor(partner, (tx) => movePeriod(tx, partner, { no, from, to }));
  expect([await calculated(third?.no), await calculated(first?.no), await calculated(first?.no)]).toEqual([
    ...[false, true, false],
  ]);
  const unsettled = await unsettledPeriods(app.database.manager, partner, DAY_4);
  expect(unsettled.map(({ no, state }) => [no, state])).toEqual([
    [first?.no, PeriodState.CALCULATED],
    [second?.no, PeriodState.CLOSED],
    [third?.no, PeriodState.OPEN],
  ]);
  const skip = { no: second?.no ?? 0, from: PeriodState.CLOSED, to: PeriodState.STATEMENT_ISSUED };
  await expect(underCursor(partner, (tx) => movePeriod(tx, partner, skip))).rejects.toThrow("a period may go");
});

test("of two that want the cursor one waits, or is told at once, the first time too", async () => {
  const partner = await newPartner();
  await underCursor(partner, async (tx) => {
    const other = await transact(app, (elsewhere) => tryCursor(elsewhere, partner));
    expect(other).toBeNull();
    expect(await holdCursor(tx, partner)).toMatchObject({ entryNo: 0n });
  });
  const epochs = await Promise.all(
    [1, 2, 3, 4].map(async () => (await transact(app, (tx) => holdCursor(tx, partner))).epoch),
  );
  expect(new Set(epochs).size).toBe(4);
});

test("a period is found by its own tenant and partner alone", async () => {
  const [mine, theirs] = [await newPartner(), await newPartner()];
  await plan(theirs, DAY_1);
  const [period] = await all(theirs);
  const id = period?.id ?? "";
  expect((await periodOfPartner(app, theirs, id)).no).toBe(period?.no);
  expect((await periodOfTenant(app, theirs.tenantNo, id)).no).toBe(period?.no);
  await expect(periodOfPartner(app, mine, id)).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(periodOfTenant(app, mine.tenantNo, id)).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("a list of periods is paged in order, each once", async () => {
  const partner = await newPartner();
  await plan(partner, DAY_1);
  const everything = await all(partner);
  const first = await periodsOf(app, partner, PeriodState.OPEN, { first: 20 });
  expect(first.hasNextPage).toBe(true);
  expect(first.rows).toEqual(everything.slice(0, 20));
});
