import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { validateItems } from "../../src/exchange/validate.js";
import { isKnownCurrency, parseAmount, scaleOf } from "../../src/kernel/money.js";
import { controlTotals } from "../../src/server/demo/control.js";
import { DEMO_PROFILES, type PartnerProfile } from "../../src/server/demo/profile.js";
import type { SimulatedTransaction } from "../../src/server/demo/rounds.js";
import { type SimulatedBatch, simulateHistory, simulateTrickle } from "../../src/server/demo/simulator.js";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const TRANSACTIONS = 100_000;
const SEED = "demo";
const from = new Date("2026-09-30T15:00:00.000Z");
const through = new Date(from.getTime() + 30 * DAY_MS);
const BATCH_SCHEMA = new URL("../../schema/batch.schema.json", import.meta.url);
const TENANT_ONLY = ["ADJUSTMENT", "CHARGEBACK", "ACQUISITION"];
const IDENTIFIER = /^[A-Za-z0-9._:-]{1,64}$/;
const AFTER_THE_STAKE = ["WIN", "BONUS_WIN", "ROLLBACK"];

interface History {
  profile: PartnerProfile;
  batches: readonly SimulatedBatch[];
  items: readonly SimulatedTransaction[];
  distinct: ReadonlyMap<string, SimulatedTransaction>;
}

function historyOf(profile: PartnerProfile, seed = SEED, start = from): History {
  const end = new Date(start.getTime() + 30 * DAY_MS);
  const transactions = Math.round(TRANSACTIONS * profile.share);
  const batches = simulateHistory(profile, { seed, from: start, through: end, transactions });
  const items = batches.flatMap((batch) => batch.transactions);
  return { profile, batches, items, distinct: new Map(items.map((item) => [item.id, item])) };
}

function minorSum(items: Iterable<SimulatedTransaction>, kind: string): number {
  let sum = 0;
  for (const { kind: own, amount, currency } of items) {
    if (own === kind) sum += Number(parseAmount(amount, scaleOf(currency)));
  }
  return sum;
}

const HISTORIES = DEMO_PROFILES.map((profile) => historyOf(profile));
const NAMED = HISTORIES.map((history) => [history.profile.code, history] as const);

describe("the profiles", () => {
  test("are a game provider in KRW, an aggregator with two brands in USD, and an affiliate in BTC", () => {
    expect(DEMO_PROFILES.map(({ kind, currency, brands }) => [kind, currency, brands.length])).toEqual([
      ["GAME_PROVIDER", "KRW", 0],
      ["AGGREGATOR", "USD", 2],
      ["AFFILIATE", "BTC", 0],
    ]);
    expect(DEMO_PROFILES.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);
    expect(DEMO_PROFILES.map(({ signedByTenant }) => signedByTenant)).toEqual([false, false, true]);
    expect(DEMO_PROFILES.every(({ currency }) => isKnownCurrency(currency))).toBe(true);
  });
});

describe.each(NAMED)("the history of %s", (_code, { profile, batches, items, distinct }) => {
  test("is the same for the same seed, byte for byte, and another for another", () => {
    expect(JSON.stringify(historyOf(profile).batches)).toBe(JSON.stringify(batches));
    expect(JSON.stringify(historyOf(profile, "other").batches)).not.toBe(JSON.stringify(batches));
  });

  test("has exactly the distinct ids asked for, in batches within the limit and with jtis of their own", () => {
    expect(distinct.size).toBe(Math.round(TRANSACTIONS * profile.share));
    for (const { jti, transactions } of batches) {
      expect(transactions.length).toBeGreaterThan(0);
      expect(transactions.length).toBeLessThanOrEqual(Math.min(profile.batchSize, 1_000));
      expect(jti).toMatch(IDENTIFIER);
    }
    expect(new Set(batches.map(({ jti }) => jti)).size).toBe(batches.length);
  });

  test("writes every amount in the partner's currency with at most its decimals, only adjustments below zero", () => {
    const isFine = ({ amount, currency, kind }: SimulatedTransaction) =>
      currency === profile.currency &&
      typeof parseAmount(amount, scaleOf(currency), { signed: kind === "ADJUSTMENT" }) === "bigint";
    expect(items.filter((item) => !isFine(item))).toEqual([]);
  });

  test("holds stakes between the partner's bounds, with a heavy tail", () => {
    const scale = scaleOf(profile.currency);
    const stakes = [...distinct.values()].filter(({ kind }) => kind === "BET");
    const sorted = stakes.map(({ amount }) => Number(parseAmount(amount, scale))).sort((a, b) => a - b);
    const [least = 0, middle = 0, most = 0] = [sorted[0], sorted[sorted.length >> 1], sorted.at(-1)];
    expect(least).toBeGreaterThanOrEqual(profile.stake.min);
    expect(most).toBeLessThanOrEqual(profile.stake.max);
    expect(sorted.reduce((sum, stake) => sum + stake, 0) / sorted.length).toBeGreaterThan(1.5 * middle);
    expect(most).toBeGreaterThan(50 * middle);
  });

  test("names only known brands and products, identifiers of the contract, and kinds its signer may send", () => {
    const products = new Set(profile.products.map(({ code }) => code));
    const brands = new Set(profile.brands.map(({ code }) => code));
    const isFine = ({ id, kind, product, brand, round, player }: SimulatedTransaction) =>
      [id, product, round ?? "-"].every((text) => IDENTIFIER.test(text)) &&
      products.has(product) &&
      (brand === undefined || brands.has(brand)) &&
      (kind === "ROLLBACK" || /^[0-9a-f]{16}$/.test(player ?? "")) &&
      (profile.signedByTenant || !TENANT_ONLY.includes(kind));
    expect(items.filter((item) => !isFine(item))).toEqual([]);
  });

  test("happens within the window", () => {
    const [first, end] = [from.toISOString(), through.toISOString()];
    expect(items.filter(({ occurredAt }) => occurredAt < first || occurredAt >= end)).toEqual([]);
  });

  test("returns near 95 % of the stakes, and about 1 % of them as bonuses", () => {
    const { activities } = controlTotals(batches);
    const sum = (kind: string) => Number(activities[kind]?.[profile.currency]?.amount ?? 0);
    const turnover = sum("BET") - sum("ROLLBACK_BET");
    const rtp = (sum("WIN") - sum("ROLLBACK_WIN")) / turnover;
    expect(rtp).toBeGreaterThan(0.91);
    expect(rtp).toBeLessThan(0.995);
    const bonusRate = (sum("BONUS") + sum("BONUS_WIN")) / turnover;
    expect(bonusRate).toBeGreaterThan(0.007);
    expect(bonusRate).toBeLessThan(0.014);
  });

  test("reports a win or rollback never before its stake, and most wins within seconds", () => {
    const lags = [...distinct.values()]
      .filter(({ kind }) => AFTER_THE_STAKE.includes(kind))
      .map(({ id, kind, occurredAt, reverses }) => {
        const stake = distinct.get(reverses ?? id.replace(/W$/, "B"));
        return { kind, lagMs: Date.parse(occurredAt) - Date.parse(stake?.occurredAt ?? "") };
      });
    expect(lags.filter(({ lagMs }) => !(lagMs >= 0))).toEqual([]);
    const wins = lags.filter(({ kind }) => kind === "WIN");
    expect(wins.filter(({ lagMs }) => lagMs <= 15_000).length / wins.length).toBeGreaterThan(0.8);
  });

  test("takes back about 0.3 % of transactions, each once and whole", () => {
    const rollbacks = [...distinct.values()].filter(({ kind }) => kind === "ROLLBACK");
    expect(rollbacks.length / distinct.size).toBeGreaterThan(0.0015);
    expect(rollbacks.length / distinct.size).toBeLessThan(0.005);
    expect(new Set(rollbacks.map(({ reverses }) => reverses)).size).toBe(rollbacks.length);
    for (const { reverses, amount, currency } of rollbacks) {
      const original = distinct.get(reverses ?? "");
      expect(original).toMatchObject({ amount, currency });
      expect(original?.kind).not.toBe("ROLLBACK");
    }
  });

  test("sends about 0.2 % of items twice, word for word, never twice in one batch", () => {
    const copies = items.length - distinct.size;
    expect(copies / distinct.size).toBeGreaterThan(0.001);
    expect(copies / distinct.size).toBeLessThan(0.003);
    for (const { transactions } of batches) {
      expect(new Set(transactions.map(({ id }) => id)).size).toBe(transactions.length);
    }
    const wordings = new Set(items.map((item) => JSON.stringify(item)));
    expect(wordings.size).toBe(distinct.size);
  });

  test("delivers about 0.1 % of items hours late, the rest as they happen", () => {
    const seen = new Set<string>();
    const lags: number[] = [];
    let latest = from.getTime();
    for (const { id, occurredAt } of items) {
      latest = Math.max(latest, seen.has(id) ? 0 : Date.parse(occurredAt));
      if (!seen.has(id)) lags.push(latest - Date.parse(occurredAt));
      seen.add(id);
    }
    const late = lags.filter((lag) => lag >= 2 * HOUR_MS).length / lags.length;
    expect(late).toBeGreaterThan(0.0004);
    expect(late).toBeLessThan(0.002);
    expect(lags.filter((lag) => lag === 0).length / lags.length).toBeGreaterThan(0.99);
  });

  test("peaks in the partner's evening, ebbs at four in the morning, and grows by a third at weekends", () => {
    const byHour = new Map<number, number>();
    const byDay = new Map<string, number>();
    const format = new Intl.DateTimeFormat("en-US", {
      timeZone: profile.timezone,
      weekday: "short",
      hour: "2-digit",
      hourCycle: "h23",
    });
    for (const { occurredAt, kind } of distinct.values()) {
      if (kind !== "BET") continue;
      const parts = format.formatToParts(Date.parse(occurredAt));
      const hour = Number(parts.find(({ type }) => type === "hour")?.value);
      const day = parts.find(({ type }) => type === "weekday")?.value ?? "";
      byHour.set(hour, (byHour.get(hour) ?? 0) + 1);
      byDay.set(day, (byDay.get(day) ?? 0) + 1);
    }
    expect(byHour.get(21) ?? 0).toBeGreaterThan(5 * (byHour.get(4) ?? 0));
    const mean = (...days: string[]) => days.reduce((sum, day) => sum + (byDay.get(day) ?? 0), 0) / days.length;
    const weekend = mean("Sat", "Sun") / mean("Mon", "Tue", "Wed");
    expect(weekend).toBeGreaterThan(1.0);
    expect(weekend).toBeLessThan(1.7);
  });

  test("has control totals that agree with sums over the distinct items", () => {
    const totals = controlTotals(batches);
    const { currency } = profile;
    expect(totals).toMatchObject({ distinct: distinct.size, copies: items.length - distinct.size, unmatched: 0 });
    const amount = parseAmount(totals.kinds.BET?.[currency]?.amount ?? "", scaleOf(currency));
    expect(Number(amount)).toBe(minorSum(distinct.values(), "BET"));
    const counts = Object.values(totals.kinds).map((ofKind) => ofKind[currency]?.count ?? 0);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(distinct.size);
  });

  test("has a few players who play much and many who play little", () => {
    const counts = new Map<string, number>();
    for (const { player = "" } of distinct.values()) counts.set(player, (counts.get(player) ?? 0) + 1);
    const sorted = [...counts.values()].sort((a, b) => b - a);
    expect(sorted.length).toBeGreaterThan(300);
    const tenth = sorted.slice(0, Math.floor(sorted.length / 10)).reduce((sum, count) => sum + count, 0);
    expect(tenth / distinct.size).toBeGreaterThan(0.35);
    expect((sorted[0] ?? 0) / distinct.size).toBeLessThan(0.1);
  });

  test("passes the exchange's own checks of every item, live ones too", () => {
    const live = simulateTrickle(profile, { seed: SEED, at: through, sequence: 1, transactions: 200 });
    const results = validateItems([...items, ...live], { isTenant: profile.signedByTenant });
    expect(results.filter(({ ok }) => !ok)).toEqual([]);
  });

  test("is valid by schema/batch.schema.json", () => {
    const validate = new Ajv2020({ strict: false, formats: { "date-time": true } }).compile(
      JSON.parse(readFileSync(BATCH_SCHEMA, "utf8")),
    );
    const live = simulateTrickle(profile, { seed: SEED, at: through, sequence: 1, transactions: 200 });
    for (const { jti, transactions } of [...batches, { jti: "live", transactions: live }]) {
      const payload = { iss: "ptn_0", aud: "tnt_0", jti, iat: 1_764_000_000, transactions };
      validate(payload);
      expect(validate.errors ?? []).toEqual([]);
    }
  });
});

describe("the trickle", () => {
  const at = new Date("2026-11-01T12:00:00.000Z");

  test.each(NAMED)(
    "of %s is a few items that happened in the last minute, the same for the same call",
    (_code, { profile }) => {
      const items = simulateTrickle(profile, { seed: SEED, at, sequence: 7 });
      expect(items.length).toBeGreaterThanOrEqual(2);
      expect(items.length).toBeLessThan(12);
      expect(simulateTrickle(profile, { seed: SEED, at, sequence: 7 })).toEqual(items);
      for (const { occurredAt } of items) {
        expect(Date.parse(occurredAt)).toBeLessThanOrEqual(at.getTime());
        expect(Date.parse(occurredAt)).toBeGreaterThanOrEqual(at.getTime() - 60_000);
      }
    },
  );

  test.each(NAMED)("of %s never repeats an id, of itself or of the history", (_code, { profile, distinct }) => {
    const seen = new Set(distinct.keys());
    for (let sequence = 0; sequence < 500; sequence += 1) {
      const instant = new Date(at.getTime() + Math.floor(sequence / 2) * 1_000);
      for (const { id } of simulateTrickle(profile, { seed: SEED, at: instant, sequence })) {
        expect(seen.has(id)).toBe(false);
        seen.add(id);
      }
    }
  });

  test.each(NAMED)("of %s is played by the history's players", (_code, { profile, distinct }) => {
    const known = new Set([...distinct.values()].map(({ player }) => player));
    const items = simulateTrickle(profile, { seed: SEED, at, sequence: 1, transactions: 200 });
    expect(items.filter(({ player }) => known.has(player)).length / items.length).toBeGreaterThan(0.8);
  });
});

test.each(NAMED)(
  "in other months and with other seeds %s returns what luck explains, no more",
  (_code, { profile }) => {
    const returns = [1, 2].map((month) => {
      const { distinct } = historyOf(profile, `seed ${month}`, new Date(from.getTime() + month * 33 * DAY_MS));
      return minorSum(distinct.values(), "WIN") / minorSum(distinct.values(), "BET");
    });
    expect(Math.min(...returns)).toBeGreaterThan(0.84);
    expect(Math.max(...returns)).toBeLessThan(1.08);
  },
);

test("a demo's hundred thousand transactions take seconds of processor time at most", () => {
  const before = process.cpuUsage();
  for (const profile of DEMO_PROFILES) historyOf(profile);
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1_000_000).toBeLessThan(4);
});
