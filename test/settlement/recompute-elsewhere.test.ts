import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type ConfigurationDocument, parseConfiguration } from "../../src/settlement/document.js";
import { contractOf } from "../../src/settlement/document-contract.js";
import { recomputeStatement } from "../../src/settlement/recompute.js";
import { buildStatementDocument, type OriginFacts, totalsText } from "../../src/settlement/statement-document.js";
import type { StatementDocument } from "../../src/settlement/statement-schema.js";
import type { KindTotal } from "../../src/settlement/terms/activity.js";
import { calculate, type TermsInput } from "../../src/settlement/terms/calculate.js";
import { ownTotals } from "../../src/settlement/terms/origin.js";
import { periodDays } from "../../src/settlement/terms/period.js";
import type { State } from "../../src/settlement/terms/state.js";
import { anyTotals, example } from "../support/contracts.js";
import { ruled, table } from "../support/rules.js";

const PROGRAM = new URL("recompute.py", import.meta.url).pathname;
const hasPython = spawnSync("python3", ["--version"]).status === 0;

const [START, END] = [new Date("2026-03-01T15:00:00.000Z"), new Date("2026-03-02T15:00:00.000Z")];

const GGR = { measure: "GGR", freeRoundStake: "FACE_VALUE", jackpotWins: "EXCLUDED" };
const BRACKETS = [{ upTo: "5000000", rate: "0.25" }, { upTo: "20000000000", rate: "1/3" }, { rate: "0.35" }];
const CPA = { kind: "PER_TRANSACTION", name: "tx", payer: "TENANT", amount: "0.25", kinds: ["BET"] };

/** Contracts that between them use every term. */
const CONTRACTS: readonly ConfigurationDocument[] = [
  {},
  { base: GGR, share: { kind: "TIERED", mode: "SLAB", brackets: BRACKETS, window: "MONTH" } },
  {
    base: GGR,
    share: { kind: "TIERED", mode: "MARGINAL", brackets: BRACKETS },
    carryOver: { policy: "CAPPED", unit: "BASE", rate: "0.5", expiresAfterPeriods: 2 },
    taxes: { withholding: { rate: "0.033" }, vat: { rate: "0.1", treatment: "INCLUDED" } },
    payout: { minimum: "0", splits: ["0.5", "0.3", "0.2"].map((weight, index) => ({ to: `p${index}`, weight })) },
    rounding: { mode: "HALF_UP", stage: "LINE" },
  },
  {
    share: { kind: "TIERED", mode: "SLAB", brackets: BRACKETS },
    carryOver: { policy: "FULL", unit: "COMMISSION" },
    fees: [CPA, { kind: "FIXED", name: "desk", payer: "PARTNER", amount: "100", per: "MONTH" }],
    caps: [{ of: "SHARE", maximum: "1000000", window: "MONTH" }],
    guarantee: { kind: "CUMULATIVE", amount: "5000", window: "MONTH", prorate: "DAYS" },
    reserve: { rate: "0.05", of: "PAYABLE", releaseAfterPeriods: 1, maximum: "100000" },
    payout: { minimum: "10", negative: "COLLECT" },
    rounding: { mode: "HALF_EVEN", stage: "TOTAL", scale: 1 },
  },
  {
    base: GGR,
    carryOver: {
      ...{ policy: "CAPPED", unit: "BASE", scope: "PLAYER", rate: "0.5", expiresAfterPeriods: 2 },
      ringFence: { playerAtMost: "-7000", aggregateAtMost: "-2000" },
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
    ...ruled(table({ inputs: ["ggr"], outputs: ["rate"], rows: [["> 5000000", '"1/3"'], ["< 0", '"0.2"'], []] })),
    share: { kind: "TIERED", mode: "SLAB", brackets: BRACKETS, window: "MONTH" },
    carryOver: { policy: "FULL", unit: "BASE", ringFence: { playerAtMost: "-0.01", aggregateAtMost: "0" } },
    lateItems: "ORIGIN_TERMS",
  },
].map((changes) => parseConfiguration({ ...example("config-daily-12pct"), ...changes }));

/** A settled period, and what it takes to settle late items for it. */
interface Settled {
  readonly id: string;
  readonly input: TermsInput;
  readonly facts: OriginFacts;
}

/** Three statements in a row, as a reader has them; late items belong to one of the periods before. */
function chain(document: ConfigurationDocument, periods: readonly (readonly KindTotal[])[]): StatementDocument[] {
  let [state, openingMinor]: [State, bigint] = [[], 0n];
  const settled: Settled[] = [];
  const late = new Map<string, KindTotal[]>();
  return periods.map((posted, index) => {
    const [startsAt, endsAt] = [index, index + 1].map((day) => new Date(Date.UTC(2026, 2, 1 + day, 15))) as [
      Date,
      Date,
    ];
    const cycle = { cycleStartsAt: startsAt, cycleEndsAt: endsAt };
    const period = { id: `prd_${index}`, startsAt, endsAt, ...cycle, timezone: "Asia/Seoul" };
    const contract = contractOf(document, { currency: "USD", scale: 2 });
    const totals = placed(posted, settled, contract.settlesLateAtOrigin);
    const mine = settled.filter(({ id }) => totals.some(({ originPeriodId }) => originPeriodId === id));
    const here = contract.settlesLateAtOrigin ? mine : [];
    const origins = here.map(({ id, input }) => ({ ...input, periodId: id, before: late.get(id) ?? [] }));
    const facts = here.map(({ id, facts: each }) => ({ ...each, late: totalsText(late.get(id) ?? [], 2) }));
    const input = { contract, totals, state, openingMinor, period: periodDays(period), origins };
    const result = calculate(input);
    const header = {
      ...{ tenantId: "tnt_a", partnerId: "ptn_b", statementId: "stm_c", issuedAt: endsAt, period, currency: "USD" },
      ...{ scale: 2, configuration: { id: "cfg_e", version: 3, document }, previousStatement: null, origins: facts },
    };
    const statement: StatementDocument = JSON.parse(JSON.stringify(buildStatementDocument(header, totals, result)));
    const own = { totals: totalsText(ownTotals(contract, totals), 2), late: [], state: statement.state };
    const { configuration } = statement;
    const link = { id: statement.jti, sha256: "0".repeat(64) };
    settled.push({ id: period.id, input, facts: { period: statement.period, statement: link, configuration, ...own } });
    for (const { id } of here) {
      late.set(id, [...(late.get(id) ?? []), ...totals.filter(({ originPeriodId }) => originPeriodId === id)]);
    }
    [state, openingMinor] = [result.stateOut, result.closingMinor];
    return statement;
  });
}

/** Late items of a period that was settled; where they need one and there is none, they are not late. */
function placed(totals: readonly KindTotal[], settled: readonly Settled[], needsOrigin: boolean): readonly KindTotal[] {
  return totals.map((total) => {
    const { originPeriodId } = total;
    if (originPeriodId === null || !needsOrigin) return total;
    return { ...total, originPeriodId: settled.at(originPeriodId === "prd_a" ? 0 : -1)?.id ?? null };
  });
}

/** Statements of a partner that sold credit, drawn at posting and by statements, refilled and half expired. */
function credited(): StatementDocument[] {
  const document = parseConfiguration({
    ...example("config-daily-12pct"),
    credit: { drawAt: "POSTING", whenExhausted: "POSTPAY_OVERAGE" },
    taxes: { withholding: { rate: "0.033" } },
  });
  const lot = { priority: null, expiresAt: null, drawnMinor: 0n, expiredMinor: 0n, isTakenBack: false };
  const lots = [
    {
      ...lot,
      no: 3,
      lot: "a",
      priority: 1,
      faceMinor: 1_000n,
      costMinor: 667n,
      remainingMinor: 400n,
      settledMinor: 600n,
    },
    { ...lot, no: 1, lot: "a", faceMinor: 9_001n, costMinor: 8_000n, remainingMinor: 9_001n, settledMinor: 0n },
    {
      ...lot,
      no: 2,
      lot: "b",
      faceMinor: 500n,
      costMinor: 600n,
      remainingMinor: 0n,
      settledMinor: 350n,
      drawnMinor: 150n,
    },
    { ...lot, no: 4, lot: "c", faceMinor: 77n, costMinor: 7n, remainingMinor: 77n, settledMinor: 0n, expiresAt: START },
  ].map((each) => ({ ...each, isBought: each.no === 1, lastDrawn: each.settledMinor > 0n ? each.no : 0 }));
  const bought = {
    kind: "CREDIT_PURCHASE",
    category: "",
    originPeriodId: null,
    count: 1n,
    units: 0n,
    sumMinor: 9_001n,
  };
  return [4_000n, 200_000n, -100_000n, -1_000n].map((sumMinor) => {
    const kind = sumMinor < 0n ? "JACKPOT_WIN" : "BET";
    const totals = [bought, { ...bought, kind, sumMinor: sumMinor < 0n ? -sumMinor : sumMinor }];
    const span = { startsAt: START, endsAt: END, cycleStartsAt: START, cycleEndsAt: END, timezone: "Asia/Seoul" };
    const contract = contractOf(document, { currency: "USD", scale: 2 });
    const credit = { lots, isDrawn: true, endsAt: END };
    const facts = { contract, totals, state: [], openingMinor: 0n, period: periodDays(span), credit };
    const header = {
      ...{ tenantId: "tnt_a", partnerId: "ptn_b", statementId: "stm_c", issuedAt: END, currency: "USD", scale: 2 },
      ...{ configuration: { id: "cfg_e", version: 3, document }, previousStatement: null, credit },
      period: { id: "prd_d", ...span },
    };
    return JSON.parse(JSON.stringify(buildStatementDocument(header, totals, calculate(facts))));
  });
}

function faultsOf(statements: readonly unknown[]): readonly string[] {
  const { stdout, stderr, status } = spawnSync("python3", [PROGRAM], { input: JSON.stringify(statements) });
  expect(stderr.toString()).toBe("");
  const faults = stdout
    .toString()
    .split("\n")
    .filter((line) => line !== "");
  expect(status).toBe(faults.length === 0 ? 0 : 1);
  return faults;
}

/** The same, some of it by players that are told apart. */
function withPlayers(totals: readonly KindTotal[]): fc.Arbitrary<KindTotal[]> {
  const player = fc.constantFrom(undefined, "a".repeat(32), "b".repeat(32));
  return fc.tuple(
    ...totals.map((total) => player.map((told) => (told === undefined ? total : { ...total, player: told }))),
  );
}

function someStatements(): StatementDocument[] {
  const periods = fc.array(anyTotals.chain(withPlayers), { minLength: 3, maxLength: 3 });
  const chains = fc.sample(fc.tuple(fc.constantFrom(...CONTRACTS), periods), { numRuns: 70, seed: 4 });
  return chains.flatMap(([document, totals]) => chain(document, totals));
}

test.skipIf(!hasPython)("a separate program, in another language, finds nothing on statements that are right", () => {
  const statements = someStatements();
  expect(statements.flatMap(recomputeStatement)).toEqual([]);
  const used = new Set(statements.flatMap(({ lines }) => lines.map(({ code }) => code)));
  expect([...used]).toEqual(
    expect.arrayContaining(["PLAYER_FENCED", "PLAYER_OFFSET", "PLAYER_EXPIRED", "ADVANCE", "RULE_RATE"]),
  );
  expect(statements.filter(({ origins = [] }) => origins.length > 0).length).toBeGreaterThan(5);
  expect(faultsOf(statements)).toEqual([]);
});

test.skipIf(!hasPython)("nor on statements with prepaid credit, whose every altered amount it names", () => {
  const statements = credited();
  expect(statements.flatMap(recomputeStatement)).toEqual([]);
  expect(faultsOf(statements)).toEqual([]);
  for (const name of ["face", "cost", "remaining", "settled"] as const) {
    const [first] = structuredClone(statements);
    const lot = first?.credit?.lots[0];
    if (first === undefined || lot === undefined) throw new Error("no lot");
    Object.assign(lot, { [name]: "6.66" });
    expect([name, faultsOf([first]).length > 0, recomputeStatement(first).length > 0]).toEqual([name, true, true]);
  }
});

test.skipIf(!hasPython)("and names what was altered: a total, a rate, a line, an amount, the terms", () => {
  const [statement] = chain(CONTRACTS[2] as ConfigurationDocument, [
    [{ kind: "BET", category: "", originPeriodId: null, count: 1n, units: 0n, sumMinor: 123_456n }],
  ]);
  const text = JSON.stringify(statement);
  const alterations: readonly (readonly [from: string, to: string])[] = [
    ['"sum":"1234.56"', '"sum":"1234.57"'],
    ['"payable":"', '"payable":"1'],
    ['"rate1":"0.25"', '"rate1":"0.26"'],
    ['"earned":"', '"earned":"1'],
    ['"weight":"0.5"}', '"weight":"0.4"}'],
    ['"carryOut":"0.00"', '"carryOut":"-1.00"'],
  ];
  for (const [from, to] of alterations) {
    expect(text).toContain(from);
    expect([from, faultsOf([JSON.parse(text.replace(from, to))]).length > 0]).toEqual([from, true]);
  }
});
