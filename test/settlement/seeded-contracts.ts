import { type ConfigurationDocument, parseConfiguration } from "../../src/settlement/document.js";
import { example } from "../support/contracts.js";
import { ruled, table } from "../support/rules.js";

const GGR = { measure: "GGR", freeRoundStake: "FACE_VALUE", jackpotWins: "EXCLUDED" };
const BRACKETS = [{ upTo: "5000000", rate: "0.25" }, { upTo: "20000000000", rate: "1/3" }, { rate: "0.35" }];
const CPA = { kind: "PER_TRANSACTION", name: "tx", payer: "TENANT", amount: "0.25", kinds: ["BET"] };
const OF_GGR = { rate: "0.1", basis: { measure: "GGR" } };
const FENCE = { playerAtMost: "-7000", aggregateAtMost: "-2000" };
const TAXES = { withholding: { rate: "0.033", rounding: "DOWN" }, vat: { rate: "0.1", treatment: "INCLUDED" } };

const NGR = {
  ...{ measure: "NGR", freeRoundStake: "ZERO", jackpotWins: "INCLUDED" },
  deductions: [
    { type: "BONUS", source: "TRANSACTIONS", cap: OF_GGR },
    { type: "JACKPOT_CONTRIBUTION", source: "RATE", rate: "0.01", basis: { measure: "TURNOVER" } },
    { type: "PAYMENT_FEES", source: "TRANSACTIONS" },
    { type: "GAMING_TAX", source: "RATE", ...OF_GGR, basis: { measure: "GGR", less: ["BONUS", "PAYMENT_FEES"] } },
    { type: "CHARGEBACKS", source: "TRANSACTIONS" },
    { type: "ADMIN_FEE", source: "RATE", ...OF_GGR },
    { type: "ADMIN_FEE", source: "TRANSACTIONS" },
    { type: "PROVIDER_FEES", source: "TRANSACTIONS" },
  ],
};
const CUSTOM = {
  ...{ measure: "CUSTOM", freeRoundStake: "ZERO", jackpotWins: "EXCLUDED" },
  components: [
    { kind: "JACKPOT_WIN", rate: "1/7", sign: "PLUS" },
    { kind: "CHARGEBACK", rate: "1", sign: "MINUS" },
  ],
};
const OVERRIDES = [
  {
    for: { brand: "main" },
    share: { kind: "FLAT", rate: "0.2" },
    caps: [{ of: "EARNED", maximum: "90000", window: "WEEK" }],
  },
  { for: { product: "poker" }, base: { ...CUSTOM, jackpotWins: "INCLUDED" }, fees: [{ ...CPA, name: "poker" }] },
  {
    for: { category: "SLOTS" },
    share: { kind: "TIERED", mode: "MARGINAL", brackets: BRACKETS },
    guarantee: { kind: "FLOOR", amount: "100", prorate: "NONE" },
  },
  { for: { group: "TOP" }, share: { kind: "FLAT", rate: "1/9" } },
  { for: { currency: "USD" }, rounding: { mode: "HALF_DOWN", stage: "LINE" }, payout: { minimum: "5" } },
];
const ASKED = table({
  inputs: ["category", "ggr"],
  outputs: ["rate", "group", "bonusCost", "category", "freeRoundStake"],
  rows: [
    ['"SLOTS"', "> 5000000", '"1/3"', "", "", "", '"FACE_VALUE"'],
    ['"SLOTS", "CARDS"', "[0..5000000]", "", '"TOP"', "false", "", ""],
    ['"SLOTS"', "", "", "", "", '"LIVE"', '"FACE_VALUE"'],
    ['startsWith($, "LI")', "", '"0.07"', "", "true", "", ""],
    [],
  ],
});
const WHOLE = table({ inputs: ["ggr"], outputs: ["rate"], rows: [["> 5000000", '"1/3"'], ["< 0", '"0.2"'], []] });
/** Both values of free rounds' stakes in one base. */
const STAKED = table({ inputs: ["group"], outputs: ["freeRoundStake"], rows: [['"TOP"', '"FACE_VALUE"'], []] });

/** Contracts that between them use every term; the seeded month is settled by each of them. */
export const SEEDED_CONTRACTS: readonly ConfigurationDocument[] = [
  {},
  {
    base: GGR,
    share: { kind: "TIERED", mode: "SLAB", brackets: BRACKETS, window: "MONTH" },
    carryOver: { policy: "FULL", unit: "BASE", tierBasis: "GROSS" },
  },
  {
    base: GGR,
    share: { kind: "TIERED", mode: "MARGINAL", brackets: BRACKETS },
    carryOver: { policy: "CAPPED", unit: "BASE", rate: "0.5", expiresAfterPeriods: 2 },
    taxes: TAXES,
    payout: { minimum: "0", splits: ["0.5", "0.3", "0.2"].map((weight, index) => ({ to: `p${index}`, weight })) },
    rounding: { mode: "HALF_UP", stage: "LINE" },
  },
  {
    share: { kind: "TIERED", mode: "SLAB", brackets: BRACKETS },
    carryOver: { policy: "FULL", unit: "COMMISSION" },
    fees: [
      CPA,
      { kind: "FIXED", name: "desk", payer: "PARTNER", amount: "100", per: "WEEK" },
      { kind: "PER_UNIT", name: "players", payer: "TENANT", amount: "80", kinds: ["BET"] },
    ],
    caps: [{ of: "SHARE", maximum: "1000000", window: "MONTH" }],
    guarantee: { kind: "CUMULATIVE", amount: "5000", window: "MONTH", prorate: "DAYS" },
    reserve: { rate: "0.05", of: "PAYABLE", releaseAfterPeriods: 2, maximum: "100000" },
    payout: { minimum: "10", negative: "COLLECT", dueAfterDays: 2, businessDays: "KR" },
    rounding: { mode: "HALF_EVEN", stage: "TOTAL", scale: 1 },
  },
  {
    base: GGR,
    carryOver: {
      ...{ policy: "CAPPED", unit: "BASE", scope: "PLAYER", rate: "0.5", expiresAfterPeriods: 2 },
      ringFence: FENCE,
    },
    lateItems: "ORIGIN_TERMS",
  },
  {
    share: { kind: "TIERED", mode: "SLAB", brackets: BRACKETS, window: "MONTH" },
    carryOver: { policy: "FULL", unit: "BASE", ringFence: { playerAtMost: "-0.01", aggregateAtMost: "0" } },
    guarantee: { kind: "RECOUPABLE_ADVANCE", instalments: [{ amount: "5000", on: "2026-03-02" }] },
    taxes: { vat: { rate: "0.1", treatment: "ADDED" } },
    lateItems: "ORIGIN_TERMS",
  },
  {
    ...ruled(WHOLE),
    share: { kind: "TIERED", mode: "SLAB", brackets: BRACKETS, window: "MONTH" },
    carryOver: { policy: "FULL", unit: "BASE", ringFence: { playerAtMost: "-0.01", aggregateAtMost: "0" } },
    lateItems: "ORIGIN_TERMS",
  },
  {
    ...ruled(ASKED, ["CATEGORY"]),
    base: { ...NGR, jackpotWins: "EXCLUDED" },
    overrides: [
      { for: { group: "TOP" }, share: { kind: "FLAT", rate: "1/9" } },
      { for: { category: "LIVE" }, share: { kind: "FLAT", rate: "1/11" } },
    ],
  },
  {
    base: NGR,
    overrides: OVERRIDES,
    carryOver: { policy: "CAPPED", unit: "BASE", rate: "0.5", scope: "GAME" },
    reserve: { rate: "0.1", of: "EARNED", releaseAfterPeriods: 3 },
    jackpots: { contribution: { source: "RATE", rate: "0.01", basis: { measure: "TURNOVER" } }, settlement: "NETTED" },
  },
  {
    name: "disputed",
    ...ruled(STAKED, ["GROUP"]),
    base: { ...NGR, jackpotWins: "EXCLUDED" },
    fx: { to: "USD", type: "DAILY_CLOSE", source: "ECB", triangulateBy: "EUR" },
    jackpots: { contribution: { source: "TRANSACTIONS" }, settlement: "SEPARATE" },
  },
  {
    base: { ...CUSTOM, components: [...CUSTOM.components, { kind: "BET", rate: "0.01", sign: "PLUS" }] },
    fx: { to: "USD", from: ["EUR"], type: "TRANSACTION", source: "ECB" },
    share: { kind: "FLAT", rate: "1/3" },
  },
  {
    base: { ...GGR, measure: "TURNOVER" },
    share: { kind: "NONE" },
    fees: [CPA],
    credit: { drawAt: "POSTING", whenExhausted: "POSTPAY_OVERAGE" },
    taxes: { withholding: { rate: "0.033" } },
  },
].map((changes) => parseConfiguration(JSON.parse(JSON.stringify({ ...example("config-daily-12pct"), ...changes }))));
