import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { expireCreditForAllTenants } from "../../src/exchange/expiry/service.js";
import { recomputeStatement } from "../../src/settlement/recompute.js";
import { settle } from "../../src/settlement/runs/service.js";
import {
  linesOf,
  simulatedStatements,
  simulateSettlement,
  simulateToEnd,
} from "../../src/settlement/simulations/service.js";
import { documentOf, statementsOf } from "../../src/settlement/statements/service.js";
import { testApp } from "../support/app.js";
import { example } from "../support/contracts.js";
import type { SeededTenant } from "../support/seeds.js";
import { openPlace, type Place, periods, type Reported, report } from "./place.js";

const app = await testApp();

const DAYS = 9;
/** An hour of a day of March 2026 in Seoul, whose days begin at 15:00 UTC. */
const hour = (day: number, hours: number) => new Date(Date.UTC(2026, 2, day, -9 + hours)).toISOString();

/** Everything that one statement leaves to the next, and credit beside it. */
const MIXED = {
  ...example("config-daily-12pct"),
  base: { measure: "GGR", freeRoundStake: "ZERO", jackpotWins: "EXCLUDED" },
  share: {
    ...{ kind: "TIERED", mode: "SLAB", window: "MONTH" },
    brackets: [{ upTo: "400", rate: "0.2" }, { upTo: "900", rate: "0.3" }, { rate: "1/3" }],
  },
  carryOver: {
    ...{ policy: "CAPPED", unit: "BASE", rate: "0.5", expiresAfterPeriods: 3 },
    ringFence: { playerAtMost: "-100", aggregateAtMost: "-40" },
  },
  guarantee: {
    kind: "RECOUPABLE_ADVANCE",
    instalments: [
      { amount: "50", on: "2026-03-03" },
      { amount: "70", on: "2026-03-06" },
    ],
  },
  reserve: { rate: "0.1", of: "EARNED", releaseAfterPeriods: 2 },
  taxes: { withholding: { rate: "0.033" } },
  payout: { minimum: "30.00" },
  lateItems: "ORIGIN_TERMS",
  credit: { drawAt: "POSTING", whenExhausted: "POSTPAY_OVERAGE" },
};
const { guarantee: _, reserve: __, ...PLAIN } = MIXED;
const DRAFTS = {
  tiers: {
    ...MIXED,
    share: { ...MIXED.share, mode: "MARGINAL", brackets: [{ upTo: "250", rate: "0.4" }, { rate: "0.15" }] },
  },
  settlement: { ...MIXED, share: { kind: "FLAT", rate: "0.5" }, credit: { ...MIXED.credit, drawAt: "SETTLEMENT" } },
  plain: { ...PLAIN, carryOver: { policy: "NONE" }, lateItems: "NEXT_BASE" },
};

/** What a day reports: activity of it and of days before, purchases of credit and draw-downs. */
const anyDay = fc.record({
  items: fc.array(
    fc.record({
      kind: fc.constantFrom("BET", "BET", "BET", "WIN", "BONUS_BET", "CREDIT_DRAWDOWN"),
      cents: fc.integer({ min: 1, max: 40_000 }),
      player: fc.constantFrom("p1", "p2", "p3"),
      daysLate: fc.constantFrom(0, 0, 0, 1, 2, 4),
    }),
    { minLength: 3, maxLength: 7 },
  ),
  lots: fc.array(fc.record({ cents: fc.integer({ min: 100, max: 12_000 }), expires: fc.constantFrom(null, 2, 3) }), {
    maxLength: 2,
  }),
  isEarly: fc.boolean(),
});
type Day = typeof anyDay extends fc.Arbitrary<infer T> ? T : never;

function money(cents: number): string {
  return (cents / 100).toFixed(2);
}

function reportedOn(day: number, { items, lots }: Day): readonly Reported[] {
  const bought = lots.map(({ cents, expires }, index): Reported => {
    const until = expires === null ? {} : { expiresAt: hour(day + expires, 6) };
    const price = { amount: money(cents), cost: money(cents - 50), lot: `lot-${day}-${index}` };
    return { kind: "CREDIT_PURCHASE", ...price, occurredAt: hour(day, 10), ...until };
  });
  const played = items.map(({ kind, cents, player, daysLate }): Reported => {
    const occurredAt = hour(Math.max(day - daysLate, 2), 11);
    return { kind, amount: money(kind === "CREDIT_DRAWDOWN" ? cents / 10 : cents), player, occurredAt };
  });
  return [...bought, ...played];
}

/** A partner that was settled day by day; some days are settled only after later ones began to report. */
async function settled(document: unknown, month: readonly Day[], home?: SeededTenant): Promise<Place> {
  app.clock.set(hour(2, 0));
  const place = await openPlace(app, hour(2, 0), { document, ...(home === undefined ? {} : { home }) });
  const settleThrough = async (day: number) => {
    await settle(app, place.shell, { partnerId: place.partner.id, through: new Date(hour(day, 9)) });
    await expireCreditForAllTenants(app);
  };
  let next = 2;
  for (const [index, day] of month.entries()) {
    app.clock.set(hour(index + 2, 12));
    await report(app, place, reportedOn(index + 2, day));
    for (; day.isEarly && next <= index + 2; next++) await settleThrough(next);
  }
  app.clock.set(hour(month.length + 3, 9));
  for (; next <= month.length + 2; next++) await settleThrough(next);
  return place;
}

/** The month as it was settled, or as a draft has it: each statement's lines, ids of periods by their number. */
async function replayed(place: Place, from: number, document?: unknown) {
  const range = { from: new Date(hour(from, 0)), through: new Date(hour(DAYS + 2, 0)), partnerIds: [place.partner.id] };
  const simulation = await simulateSettlement(app, place.shell, { ...range, document });
  expect(simulation).toMatchObject({ state: "DONE", refusals: "[]" });
  const { rows } = await simulatedStatements(app, simulation, { first: 500 });
  return rows;
}

async function linesOfTwin(twin: Place) {
  const { rows } = await statementsOf(app, twin.partner, "USD", { first: 500 });
  return rows.toReversed().map((statement) => {
    const document = documentOf(statement);
    expect(recomputeStatement(document)).toEqual([]);
    return document.lines;
  });
}

/** Lines with the numbers of their periods in the place of ids. */
async function withNumbers<T>(place: Place, lines: T): Promise<T> {
  const ids = (await periods(app, place)).map(({ id }) => id);
  const text = ids.reduce((all, id, index) => all.replaceAll(id, `#${index}`), JSON.stringify(lines));
  return JSON.parse(text) as T;
}

const MONTHS = fc.sample(fc.array(anyDay, { minLength: DAYS, maxLength: DAYS }), { numRuns: 2, seed: 12 });

test("a mixed month, replayed by the terms it was settled by, differs in nothing", async () => {
  const codes = new Set<string>();
  for (const [index, month] of MONTHS.entries()) {
    const place = await settled(MIXED, month);
    for (const [from, document] of [
      [2, undefined],
      [2, MIXED],
      [5, MIXED],
    ] as const) {
      for (const row of await replayed(place, from, document)) {
        expect([index, from, row.closingAfterMinor]).toEqual([index, from, row.closingBeforeMinor]);
        for (const { code, delta, before, after } of linesOf(row)) {
          codes.add(code);
          expect(delta).toBe("0");
          expect(after).toEqual(before);
        }
      }
    }
  }
  const met = ["CREDIT_BOUGHT", "CREDIT_DRAWN_MET", "CREDIT_MET", "CREDIT_DISCOUNT"];
  const chained = ["ADVANCE", "RESERVE_HELD", "RESERVE_RELEASED", "WINDOW_BASE", "PLAYER_FENCED", "CARRY_OFFSET"];
  expect([...codes]).toEqual(expect.arrayContaining([...met, ...chained]));
});

test.each(Object.entries(DRAFTS))("a replay is what a twin got that ran with the draft: %s", async (_, draft) => {
  const month = MONTHS[Object.values(DRAFTS).indexOf(draft) % MONTHS.length] ?? [];
  const place = await settled(MIXED, month);
  const twin = await settled(draft, month, place.home); // a tenant names its players alike
  const rows = await replayed(place, 2, draft);
  const after = rows.map((row) => linesOf(row).flatMap((line) => line.after ?? []));
  expect(after.length).toBe(DAYS);
  expect(await withNumbers(place, after)).toEqual(await withNumbers(twin, await linesOfTwin(twin)));
  expect(rows.some((row) => row.payableAfterMinor !== row.payableBeforeMinor)).toBe(true);
});

test("statements of before, which named what was carried into a window otherwise, replay to the same", async () => {
  const share = {
    kind: "TIERED",
    mode: "SLAB",
    window: "MONTH",
    brackets: [{ upTo: "400", rate: "0.2" }, { rate: "0.3" }],
  };
  const weekly = { ...example("config-daily-12pct"), share, carryOver: { policy: "FULL", unit: "BASE" } };
  const days = [
    ["WIN", 5_000],
    ["BET", 9_000],
    ["WIN", 1_000],
  ] as const;
  const month = days.map(([kind, cents]): Day => {
    return { items: [{ kind, cents, player: "p1", daysLate: 0 }], lots: [], isEarly: true };
  });
  const place = await settled(weekly, month);
  const statements = [...(await statementsOf(app, place.partner, "USD", { first: 9 })).rows].reverse();
  const carried = statements.flatMap((each) => documentOf(each).lines.filter(({ code }) => /CARRY_IN/.test(code)));
  expect(carried.map(({ code }) => code)).toEqual(["CARRY_IN", "WINDOW_CARRY_IN", "WINDOW_CARRY_IN"]);
  const [first, second] = carried.map(({ code, description }) => JSON.stringify({ code, description }).slice(1, -1));
  for (const { id, jws } of statements) {
    const [header, payload = "", signature] = jws.split(".");
    const text = Buffer.from(payload, "base64url").toString();
    const older = Buffer.from(text.replaceAll(second ?? "", first ?? "")).toString("base64url");
    const before = [header, older, signature].join(".");
    await app.database.query("update statement set jws = ? where tenant_id = ? and id = ?", [
      ...[before, place.tenant.id, id],
    ]);
  }
  const lines = (await replayed(place, 2)).flatMap(linesOf);
  expect(lines.length).toBeGreaterThan(20);
  expect(lines.map(({ before }) => before)).toEqual(lines.map(({ after }) => after));
  const yearly = await replayed(place, 2, { ...weekly, share: { ...share, window: "YEAR" } });
  expect(yearly.flatMap(linesOf).filter(({ delta }) => delta !== "0")).toEqual([]);
});

describe("draw-downs at posting beyond the lots", () => {
  const { credit } = MIXED;
  const base = { measure: "GGR", freeRoundStake: "ZERO", jackpotWins: "EXCLUDED" };
  const at = (rate: string) => ({ ...example("config-daily-12pct"), base, share: { kind: "FLAT", rate }, credit });
  const item = (kind: "BET" | "CREDIT_DRAWDOWN", cents: number) => ({
    kind,
    cents,
    player: "p1" as const,
    daysLate: 0 as const,
  });
  /** A lot of 100.00, of which a share of 1,000.00 takes some; then, that being settled, a draw-down of 60.00. */
  const month: readonly Day[] = [
    { items: [item("BET", 100_000)], lots: [{ cents: 10_000, expires: null }], isEarly: true },
    { items: [item("BET", 100)], lots: [], isEarly: true },
    { items: [item("CREDIT_DRAWDOWN", 60_000), item("BET", 50_000)], lots: [], isEarly: true },
  ];

  async function warnings({ partner, shell }: Place, from: number, document?: unknown) {
    const range = { from: new Date(hour(from, 0)), through: new Date(hour(DAYS + 2, 0)), partnerIds: [partner.id] };
    return (await simulateToEnd(app, shell, { ...range, document })).partners.flatMap((each) => each.warnings);
  }

  test("are warned of where the draft leaves the lots otherwise, of which a twin would have drawn more", async () => {
    const place = await settled(at("0.08"), month); // it takes 80.00, so that 40.00 are uncovered
    const twin = await settled(at("0.01"), month, place.home);
    expect(await warnings(place, 2, at("0.01"))).toEqual(["DRAWDOWNS_UNCOVERED"]);
    const rows = await replayed(place, 2, at("0.01"));
    const after = rows.map((row) => linesOf(row).flatMap((line) => line.after ?? []));
    const twins = await linesOfTwin(twin);
    expect(await withNumbers(place, after[0])).toEqual(await withNumbers(twin, twins[0]));
    const leftIn = (lines: readonly { readonly code: string; readonly result: string }[] = []) =>
      lines.find(({ code }) => code === "CREDIT_LEFT")?.result;
    expect([leftIn(after[2]), leftIn(twins[2])]).toEqual(["69.99", "29.99"]);
    expect(rows.map(({ earnedAfterMinor }) => earnedAfterMinor)).toEqual([10_950n, 1n, 500n]);
  });

  test("are not warned of where the lots stand as they did, or cover it", async () => {
    const place = await settled(at("0.08"), month);
    expect(await warnings(place, 2)).toEqual([]);
    expect(await warnings(place, 2, { ...at("0.08"), name: "the same" })).toEqual([]);
    expect(await warnings(place, 4, at("0.01"))).toEqual([]); // the lots stood alike when it was posted
    const covered = await settled(at("0.02"), month, place.home);
    expect(await warnings(covered, 2, at("0.08"))).toEqual([]);
  });
});
