import { spawn, spawnSync } from "node:child_process";
import { text } from "node:stream/consumers";
import fc from "fast-check";
import { present } from "../../src/kernel/assert.js";
import { Rational } from "../../src/kernel/rational.js";
import type { ConfigurationDocument } from "../../src/settlement/document.js";
import { contractOf, conversionOf } from "../../src/settlement/document-contract.js";
import { buildStatementDocument, type OriginFacts, totalsText } from "../../src/settlement/statement-document.js";
import type { StatementDocument } from "../../src/settlement/statement-schema.js";
import type { KindTotal } from "../../src/settlement/terms/activity.js";
import { calculate, type TermsInput } from "../../src/settlement/terms/calculate.js";
import type { CreditLotFacts } from "../../src/settlement/terms/credit.js";
import { type ExchangeRate, type Foreign, RateType } from "../../src/settlement/terms/fx.js";
import { ownTotals } from "../../src/settlement/terms/origin.js";
import { periodDays } from "../../src/settlement/terms/period.js";
import type { State } from "../../src/settlement/terms/state.js";
import { anyTotals } from "../support/contracts.js";
import { SEEDED_CONTRACTS } from "./seeded-contracts.js";

const PROGRAM = new URL("recompute.py", import.meta.url).pathname;
const DAYS = 31;
const SEED = 4;
const PLAYERS = [undefined, "a".repeat(32), "b".repeat(32)];
const PLACES = [
  { brand: "main", product: "crash", category: "SLOTS" },
  { brand: "main", product: "poker", category: "LIVE", group: "TOP" },
  { brand: "", product: "", category: "" },
];
const CURRENCIES = [
  { currency: "EUR", scale: 2 },
  { currency: "KRW", scale: 0 },
];
/** Enough of them to be in every place and currency. */
const FREE_ROUNDS = Array.from({ length: 12 }, (_, index): KindTotal => {
  const kind = index < 6 ? "BONUS_BET" : "BONUS_WIN";
  return { kind, category: "", originPeriodId: null, count: 1n, units: 0n, sumMinor: BigInt(index + 1) * 1_001n };
});

/** Whether the separate program can be run here. */
export const hasPython = spawnSync("python3", ["--version"]).status === 0;

/** What the separate program finds on some statements, a line each. */
export function faultsElsewhere(statements: readonly unknown[]): readonly string[] {
  const maxBuffer = 256 * 1024 * 1024;
  const { stdout, stderr, status } = spawnSync("python3", [PROGRAM], { input: JSON.stringify(statements), maxBuffer });
  const faults = stdout.toString().split("\n").slice(0, -1);
  if (stderr.length > 0 || status !== (faults.join("") === "" ? 0 : 1)) throw new Error(stderr.toString());
  return faults.filter((fault) => fault !== "");
}

/** Of each of some statements, whether the separate program finds anything. */
export async function areFaultyElsewhere(statements: readonly unknown[]): Promise<readonly boolean[]> {
  const program = spawn("python3", [PROGRAM], { stdio: ["pipe", "pipe", "inherit"] });
  program.stdin.end(JSON.stringify(statements));
  const places = new Set((await text(program.stdout)).split("\n").map((fault) => Number.parseInt(fault, 10)));
  return statements.map((_, index) => places.has(index));
}

/** March 2026 in Seoul, day by day, of a partner for each of some contracts that between them use every term. */
export function seededMonth(): readonly (readonly StatementDocument[])[] {
  return SEEDED_CONTRACTS.map((document, index) => {
    const [month] = fc.sample(fc.array(anyTotals, { minLength: DAYS, maxLength: DAYS }), {
      numRuns: 1,
      seed: SEED + index,
    });
    return chain(document, present(month, "a month"));
  });
}

/** A settled period, and what it takes to settle late items for it. */
interface Settled {
  readonly id: string;
  readonly input: TermsInput;
  readonly facts: OriginFacts;
}

/** Statements in a row, a day each, as a reader has them; late items belong to one of the days before. */
function chain(document: ConfigurationDocument, days: readonly (readonly KindTotal[])[]): StatementDocument[] {
  let [state, openingMinor]: [State, bigint] = [[], 0n];
  const settled: Settled[] = [];
  const late = new Map<string, KindTotal[]>();
  return days.map((posted, index) => {
    const at = (day: number) => new Date(Date.UTC(2026, 1, 28 + day, 15));
    const [startsAt, endsAt] = [at(index), at(index + 1)];
    // every fifth day and the next one are parts of one period
    const cycle = {
      cycleStartsAt: at(index - Number(index % 5 === 1)),
      cycleEndsAt: at(index + 1 + Number(index % 5 === 0)),
    };
    const span = { startsAt, endsAt, ...cycle, timezone: "Asia/Seoul" };
    const period = { id: `prd_${index}`, ...span };
    const contract = contractOf(document, { currency: "USD", scale: 2, partnerKind: "GAME_PROVIDER" });
    const totals = placed(told(document, posted, endsAt), settled, contract.settlesLateAtOrigin);
    const mine = settled.filter(({ id }) => totals.some(({ originPeriodId }) => originPeriodId === id));
    const here = contract.settlesLateAtOrigin ? mine : [];
    const origins = here.map(({ id, input }) => ({ ...input, periodId: id, before: late.get(id) ?? [] }));
    const facts = here.map(({ id, facts: each }) => ({ ...each, late: totalsText(late.get(id) ?? [], 2) }));
    const credit = document.credit === undefined ? null : { lots: lotsOn(index, startsAt), isDrawn: true, endsAt };
    const bought = credit === null ? [] : [purchaseOf(credit.lots)];
    const input = {
      contract,
      totals: [...totals, ...bought],
      state,
      openingMinor,
      period: periodDays(period),
      origins,
      credit,
    };
    const result = calculate(input);
    const header = {
      ...{ tenantId: "tnt_a", partnerId: "ptn_b", statementId: "stm_c", issuedAt: endsAt, period, currency: "USD" },
      ...{ scale: 2, configuration: { id: "cfg_e", version: 3, document }, previousStatement: null, origins: facts },
      ...{ partnerKind: "GAME_PROVIDER", credit, payment: paymentOf(document), corrections: correctionsOf(totals) },
    };
    const statement: StatementDocument = JSON.parse(
      JSON.stringify(buildStatementDocument(header, input.totals, result)),
    );
    const own = {
      totals: totalsText(ownTotals(contract, totals), 2),
      late: [],
      state: { opening: statement.state.opening },
    };
    const link = { id: statement.jti, sha256: "0".repeat(64) };
    const { period: stated, configuration } = statement;
    settled.push({ id: period.id, input, facts: { period: stated, statement: link, configuration, ...own } });
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

/** Totals told apart by whatever the terms look at: players, places, currencies, days, disputes; some with units. */
function told(document: ConfigurationDocument, totals: readonly KindTotal[], endsAt: Date): readonly KindTotal[] {
  const { carryOver, overrides, rules, fx, name } = document;
  const isPlaced = overrides !== undefined || rules?.each !== undefined;
  const isDisputed = ({ kind, originPeriodId }: KindTotal) => kind === "ADJUSTMENT" && originPeriodId === null;
  const all = rules !== undefined && fx !== undefined ? [...totals, ...FREE_ROUNDS] : totals;
  return all.map((total, index) => ({
    ...total,
    ...(carryOver.ringFence === undefined ? {} : { player: PLAYERS[index % PLAYERS.length] }),
    ...(isPlaced ? { place: PLACES[index % PLACES.length] } : {}),
    ...(fx === undefined || index % 3 === 0 ? {} : { foreign: foreignOf(document, index, endsAt) }),
    ...(name === "disputed" && isDisputed(total) ? { category: `dsp_${index}` } : {}),
    units: total.kind === "BET" ? 7n : 0n,
  }));
}

function foreignOf(document: ConfigurationDocument, index: number, endsAt: Date): Foreign | undefined {
  const from = present(CURRENCIES[index % CURRENCIES.length], "a currency");
  const fx = conversionOf(document, from.currency);
  if (fx === null) return undefined;
  const into = { currency: fx.to, scale: 2 };
  const { type, source } = fx;
  const asOf = new Date(endsAt.getTime() - 1);
  const quote = (base: string, to: string, rate: string): ExchangeRate => {
    return { base, quote: to, type, source, asOf, rate: present(Rational.parse(rate), "a rate") };
  };
  const day =
    type === RateType.TRANSACTION
      ? { day: new Date(endsAt.getTime() - 1 + 9 * 3_600_000).toISOString().slice(0, 10) }
      : {};
  if (from.currency === "EUR" || fx.triangulateBy === undefined) {
    return { from, into, ...day, exchanges: [quote(from.currency, into.currency, "1.0849")] };
  }
  const through = fx.triangulateBy;
  return {
    from,
    into,
    ...day,
    exchanges: [quote(from.currency, through, "0.00067"), quote(through, into.currency, "1.0849")],
  };
}

function paymentOf({ payout: { dueAfterDays, businessDays } }: ConfigurationDocument) {
  if (dueAfterDays === undefined) return null;
  const closedDays = ["2026-03-07", "2026-03-08"];
  return { from: "2026-03-05", afterDays: dueAfterDays, calendar: businessDays ?? null, closedDays, on: "2026-03-09" };
}

function correctionsOf(totals: readonly KindTotal[]) {
  const disputed = totals.filter(({ kind, category }) => kind === "ADJUSTMENT" && category !== "");
  const statement = { id: "stm_a", sha256: "1".repeat(64) };
  return disputed.map(({ category, sumMinor, foreign }) => ({
    ...{ dispute: category, currency: foreign?.from.currency ?? "USD", reason: "A round is missing.", statement },
    amount:
      totalsText([{ kind: "A", category, originPeriodId: null, count: 1n, units: 0n, sumMinor, foreign }], 2)[0]?.sum ??
      "",
    ...{ lines: [0], disputeSha256: "2".repeat(64) },
  }));
}

/** Lots as a period may find them: bought in it, used in part, drawn at posting, expired. */
function lotsOn(index: number, startsAt: Date): readonly CreditLotFacts[] {
  const lot = {
    priority: null,
    expiresAt: null,
    drawnMinor: 0n,
    expiredMinor: 0n,
    isTakenBack: false,
    isBought: false,
  };
  const used = { ...lot, no: 3, lot: "a", priority: 1, faceMinor: 1_000n, costMinor: 667n, remainingMinor: 400n };
  const fresh = {
    ...lot,
    no: 1,
    lot: "a",
    faceMinor: 9_001n,
    costMinor: 8_000n,
    remainingMinor: 9_001n,
    settledMinor: 0n,
  };
  const spent = { ...lot, no: 2, lot: "b", faceMinor: 500n, costMinor: 600n, remainingMinor: 0n, settledMinor: 350n };
  const gone = { ...lot, no: 4, lot: "c", faceMinor: 77n, costMinor: 7n, remainingMinor: 77n, settledMinor: 0n };
  return [
    { ...used, settledMinor: 600n, lastDrawn: 3 },
    { ...gone, expiresAt: startsAt, lastDrawn: 0 },
    { ...fresh, isBought: index % 2 === 0, lastDrawn: 0 },
    { ...spent, drawnMinor: 150n, lastDrawn: 2 },
  ];
}

function purchaseOf(lots: readonly CreditLotFacts[]): KindTotal {
  const sumMinor = lots.reduce((sum, { isBought, faceMinor }) => sum + (isBought ? faceMinor : 0n), 0n);
  return { kind: "CREDIT_PURCHASE", category: "", originPeriodId: null, count: 1n, units: 0n, sumMinor };
}
