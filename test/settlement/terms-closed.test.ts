import { expect, test } from "vitest";
import { publicKeysForAllTenants } from "../../src/identity/platform-keys/service.js";
import { fsck } from "../../src/operations/fsck/service.js";
import { settle } from "../../src/settlement/runs/service.js";
import { documentOf, statementOf, verifyStatement } from "../../src/settlement/statements/service.js";
import { testApp } from "../support/app.js";
import { send } from "../support/batches.js";
import { example } from "../support/contracts.js";
import { seedClient } from "../support/seeds.js";
import { openPlace, type Reported, report } from "./place.js";

const app = await testApp();

type Item = Omit<Reported, "occurredAt">;

/** A contract, what is reported day by day, by the partner and by the tenant, and what each day then earns. */
interface Case {
  readonly changes: object;
  readonly days: readonly (readonly Item[])[];
  readonly tenants?: readonly Item[];
  readonly earned: readonly string[];
  /** Results of lines of the last statement, by code. */
  readonly lines?: Readonly<Record<string, readonly string[]>>;
}

const GGR = { measure: "GGR", freeRoundStake: "FACE_VALUE", jackpotWins: "EXCLUDED" };
const NONE = { policy: "NONE" };
const TRANSACTIONS = { source: "TRANSACTIONS" };
const flat = (rate: string) => ({ kind: "FLAT", rate });
const item = (kind: string, amount: number, more: object = {}): Item => ({ kind, amount: amount.toFixed(2), ...more });
/** A day's activity that comes to a base. */
const based = (base: number): Item[] => [item(base < 0 ? "WIN" : "BET", Math.abs(base))];
const BRACKETS = ["5000", "20000", "50000", "100000", undefined].map((upTo, index) => {
  const rate = ["0.25", "0.3", "0.35", "0.4", "0.5"][index];
  return upTo === undefined ? { rate } : { upTo, rate };
});
const PROVIDER = [item("BET", 1_240_000), item("WIN", 1_170_000), item("BONUS", 12_000)];
const ngr = (less: object) => ({
  ...{ ...GGR, measure: "NGR" },
  deductions: [
    { type: "BONUS", ...TRANSACTIONS },
    { type: "JACKPOT_CONTRIBUTION", source: "RATE", rate: "0.01", basis: { measure: "TURNOVER" } },
    { type: "PAYMENT_FEES", ...TRANSACTIONS },
    { type: "GAMING_TAX", source: "RATE", rate: "0.1", basis: { measure: "GGR", ...less } },
    { type: "CHARGEBACKS", ...TRANSACTIONS },
  ],
});
const COSTS = [...PROVIDER, item("FEE", 3_500, { category: "PAYMENT" })];
const CPA = { kind: "PER_UNIT", name: "cpa", payer: "TENANT", amount: "80", kinds: ["ACQUISITION"] };
const guarantee = { amount: "10000", prorate: "NONE" };

const CASES: Readonly<Record<string, Case>> = {
  "domain 3: tax on GGR comes to 34,500.00": {
    changes: { base: ngr({}), share: flat("1") },
    days: [COSTS],
    tenants: [item("CHARGEBACK", 600)],
    earned: ["34500.00"],
    lines: { DEDUCTION_GAMING_TAX: ["7000.00"], DEDUCTION_JACKPOT_CONTRIBUTION: ["12400.00"] },
  },
  "domain 3: tax on GGR less bonus comes to 35,700.00": {
    changes: { base: ngr({ less: ["BONUS"] }), share: flat("1") },
    days: [COSTS],
    tenants: [item("CHARGEBACK", 600)],
    earned: ["35700.00"],
  },
  "domain 5: marginal tiers on 25,000 come to 7,500.00, without a carry from a day of loss": {
    changes: { share: { kind: "TIERED", mode: "MARGINAL", brackets: BRACKETS }, carryOver: NONE },
    days: [based(-10_000), based(25_000)],
    earned: ["0.00", "7500.00"],
  },
  "domain 6: interim marginal 1,000, 850, 4,600": {
    changes: { share: { kind: "TIERED", mode: "MARGINAL", brackets: BRACKETS, window: "MONTH" } },
    days: [4_000, 3_000, 15_000].map(based),
    earned: ["1000.00", "850.00", "4600.00"],
  },
  "domain 7: CAPPED 50 % gives 0, 2,250, 1,650": {
    changes: { share: flat("0.3"), carryOver: { policy: "CAPPED", unit: "BASE", rate: "0.5" } },
    days: [-10_000, 15_000, 8_000].map(based),
    earned: ["0.00", "2250.00", "1650.00"],
  },
  "domain 7: a carried base with the tier on gross leaves 5,250": {
    changes: {
      share: { kind: "TIERED", mode: "SLAB", brackets: BRACKETS },
      carryOver: { policy: "FULL", unit: "BASE", tierBasis: "GROSS" },
    },
    days: [-10_000, 25_000].map(based),
    earned: ["0.00", "5250.00"],
  },
  "domain 7: a carried commission leaves 5,750 of 8,750": {
    changes: {
      share: { kind: "TIERED", mode: "SLAB", brackets: [{ upTo: "20000", rate: "0.3" }, { rate: "0.35" }] },
      carryOver: { policy: "FULL", unit: "COMMISSION" },
    },
    days: [-10_000, 25_000].map(based),
    earned: ["0.00", "5750.00"],
  },
  "domain 7: a carry that expires, and one by game": {
    changes: {
      share: flat("0.5"),
      carryOver: { policy: "FULL", unit: "BASE", scope: "GAME", expiresAfterPeriods: 1 },
    },
    days: [
      [item("WIN", 100, { product: "slots" }), item("BET", 40)],
      [item("BET", 40, { product: "slots" })],
      [item("BET", 10, { product: "slots" })],
    ],
    earned: ["20.00", "0.00", "5.00"],
  },
  "domain 8: a cumulative floor pays 10,000, 13,000, 7,000, 13,000": {
    changes: { share: flat("1"), guarantee: { kind: "CUMULATIVE", window: "YEAR", ...guarantee } },
    days: [8_000, 15_000, 6_000, 14_000].map(based),
    earned: ["10000.00", "13000.00", "7000.00", "13000.00"],
  },
  "domain 8: an advance of 10,000 and 10,000 against 12,000 pays 10,000, then 2,000, then 8,000": {
    changes: {
      share: flat("1"),
      guarantee: {
        kind: "RECOUPABLE_ADVANCE",
        instalments: ["2026-03-02", "2026-03-04"].map((on) => ({ on, amount: "10000" })),
      },
    },
    days: [[], based(12_000), []],
    earned: ["10000.00", "2000.00", "8000.00"],
  },
  "domain 9: CPA 40 × 80 and 20 % of 34,500 come to 10,100.00": {
    changes: { share: flat("0.2"), fees: [CPA] },
    days: [based(34_500)],
    tenants: [{ kind: "ACQUISITION", units: 40, product: undefined }],
    earned: ["10100.00"],
  },
  "domain 9: 100.01 is split 50.01, 30.00, 20.00": {
    changes: {
      share: flat("1"),
      payout: { minimum: "0", splits: ["0.5", "0.3", "0.2"].map((weight, index) => ({ to: `p${index}`, weight })) },
    },
    days: [based(100.01)],
    earned: ["100.01"],
    lines: { SPLIT: ["50.005", "30.003", "20.002"] },
  },
  "domain 9: 12,400 to the pool by 1 % of the turnover, 50,000 from it, and the royalty: −31,528.00": {
    changes: {
      base: {
        ...{ ...GGR, measure: "NGR" },
        deductions: [
          { type: "JACKPOT_CONTRIBUTION", source: "RATE", rate: "0.01", basis: { measure: "TURNOVER" } },
          { type: "BONUS", ...TRANSACTIONS, cap: { rate: "0.1", basis: { measure: "GGR" } } },
        ],
      },
      jackpots: {
        contribution: { source: "RATE", rate: "0.01", basis: { measure: "TURNOVER" } },
        settlement: "NETTED",
      },
    },
    days: [[...PROVIDER, item("JACKPOT_WIN", 50_000)]],
    earned: ["-31528.00"],
    lines: { SHARE: ["6072.00"], JACKPOT_TRUE_UP: ["12400.00"], CLOSING: ["-31528.00"] },
  },
  "caps by the month, a base of its own making, tax inside, and whole dollars": {
    changes: {
      base: {
        ...{ ...GGR, measure: "CUSTOM" },
        components: [
          { kind: "BET", rate: "1", sign: "PLUS" },
          { kind: "WIN", rate: "0.5", sign: "MINUS" },
        ],
      },
      share: flat("1"),
      caps: [{ of: "EARNED", maximum: "1000", window: "MONTH" }],
      taxes: { vat: { rate: "0.1", treatment: "INCLUDED" } },
      rounding: { mode: "HALF_UP", stage: "LINE", scale: 0 },
    },
    days: [[item("BET", 1_000.6), item("WIN", 400)], [item("BET", 700)]],
    earned: ["801.00", "199.00"],
    lines: { CAP: ["-500.60"] },
  },
};

/** Noon in Seoul on a day of March 2026. */
const on = (day: number) => `2026-03-0${day}T03:00:00.000Z`;

test.each(Object.entries(CASES))(
  "%s, through the close",
  async (_name, { changes, days, tenants = [], earned, lines = {} }) => {
    app.clock.set("2026-03-05T20:00:00.000Z");
    const { fees: _, ...daily } = example("config-daily-12pct");
    const document = { ...daily, base: GGR, ...changes };
    const place = await openPlace(app, "2026-02-28T15:00:00.000Z", { document });
    const posted = days.flatMap((items, index) =>
      items.map((each) => ({ ...each, occurredAt: on(index + 1) }) as Reported),
    );
    await report(app, place, posted);
    if (tenants.length > 0) {
      const tenant = { ...(await seedClient(app, place.home.actor, null)), tenant: place.tenant };
      const signed = tenants.map((each, index) => ({ id: `s-${index}`, currency: "USD", ...each, occurredAt: on(1) }));
      const outcomes = await send(app, place, signed, { from: tenant, sub: place.partner.id });
      expect(outcomes).toEqual(tenants.map(() => "POSTED"));
    }
    const through = new Date(`2026-03-0${days.length}T15:00:00.000Z`);
    const rows = await settle(app, place.shell, { partnerId: place.partner.id, through });
    expect(rows.map((row) => row.earned)).toEqual(earned);
    const jwks = { keys: await publicKeysForAllTenants(app) };
    const statements = await Promise.all(rows.map(({ statementId }) => statementOf(app, place.actor, statementId)));
    for (const { jws } of statements) expect(verifyStatement(jws, jwks)).toBeNull();
    const last = documentOf(statements.at(-1) ?? { jws: "" });
    for (const [code, results] of Object.entries(lines)) {
      expect(last.lines.filter((line) => line.code === code).map(({ result }) => result)).toEqual(results);
    }
    expect((await fsck(app, { tenantId: place.tenant.id })).differences).toEqual([]);
  },
);
