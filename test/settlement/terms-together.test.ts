import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { publicKeysForAllTenants } from "../../src/identity/platform-keys/service.js";
import { present } from "../../src/kernel/assert.js";
import { decimalText } from "../../src/kernel/money.js";
import { balancesOf } from "../../src/ledger/service.js";
import { fsck } from "../../src/operations/fsck/service.js";
import { PeriodState, type SettlementPeriod } from "../../src/periods/entities.js";
import { answerDispute, approveDisputeAnswer } from "../../src/settlement/answers/service.js";
import { DisputeOutcome } from "../../src/settlement/disputes/entities.js";
import { disputeReplied, disputeStatement } from "../../src/settlement/disputes/service.js";
import { parseConfiguration } from "../../src/settlement/document.js";
import { createPayoutFile } from "../../src/settlement/payout-files/service.js";
import { Payout } from "../../src/settlement/payouts/entities.js";
import { markPayoutPaid, markPayoutReturned } from "../../src/settlement/payouts/service.js";
import { replay } from "../../src/settlement/replays/service.js";
import { approveStatement, releaseStatement } from "../../src/settlement/reviews/service.js";
import { settle } from "../../src/settlement/runs/service.js";
import type { LineDifference } from "../../src/settlement/simulations/rules.js";
import type { StatementDocument } from "../../src/settlement/statement-schema.js";
import { documentOf, statementOf, verifyStatement } from "../../src/settlement/statements/service.js";
import { RateType } from "../../src/settlement/terms/fx.js";
import { testApp } from "../support/app.js";
import { example } from "../support/contracts.js";
import { ruled, table } from "../support/rules.js";
import { EUROS, openAccount, release } from "./payout-place.js";
import { activate, openPlace, type Place, periods, quoteRate, type Reported, report, setGame } from "./place.js";
import { DAY_1, DAY_2, DAY_3, signReply } from "./replying.js";

const app = await testApp();

const PROGRAM = new URL("recompute.py", import.meta.url).pathname;
const hasPython = spawnSync("python3", ["--version"]).status === 0;
const DAILY = example("config-daily-12pct");
const GGR = { measure: "GGR", freeRoundStake: "ZERO", jackpotWins: "EXCLUDED" };
const CREDIT = { drawAt: "SETTLEMENT", whenExhausted: "POSTPAY_OVERAGE" };
const AT_ORIGIN = { lateItems: "ORIGIN_TERMS" };
const ANY = ruled(table({ inputs: ["ggr"], outputs: ["rate"], rows: [["", '"0.1"']] }), ["CATEGORY"]);

async function open(document: object, currencies = ["USD"]): Promise<Place> {
  app.clock.set(DAY_1);
  return openPlace(app, DAY_1, { document: JSON.parse(JSON.stringify(document)), currencies });
}

/** Settles by an instant; the last statement, verified here and elsewhere, the books sound. */
async function settledBy(place: Place, through: string): Promise<StatementDocument> {
  app.clock.set(through);
  const rows = await settle(app, place.shell, { partnerId: place.partner.id, through: new Date(through) });
  const statements = await Promise.all(rows.map(({ statementId }) => statementOf(app, place.actor, statementId)));
  const documents = statements.map(documentOf);
  const jwks = { keys: await publicKeysForAllTenants(app) };
  expect(statements.map(({ jws }) => verifyStatement(jws, jwks))).toEqual(statements.map(() => null));
  if (hasPython) {
    const { stdout, stderr } = spawnSync("python3", [PROGRAM], { input: JSON.stringify(documents) });
    expect([stdout.toString().trim(), stderr.toString()]).toEqual(["", ""]);
  }
  expect((await fsck(app, { tenantId: place.tenant.id })).differences).toEqual([]);
  return present(documents.at(-1), "a statement");
}

async function accounts({ partner }: Place): Promise<Record<string, string>> {
  const { accounts: held } = await balancesOf(app, partner, null);
  const moved = held.filter(({ balanceMinor }) => balanceMinor !== 0n);
  return Object.fromEntries(moved.map((each) => [each.account, decimalText(each.balanceMinor, 2)]));
}

const at = (occurredAt: string, kind: string, amount: string, more: object = {}): Reported => {
  return { kind, amount, occurredAt, ...more };
};

describe("a rule", () => {
  test("stands beside prepaid credit: the period closes, and credit meets what the rule's rate earns", async () => {
    const place = await open({ ...ANY, base: GGR, credit: CREDIT });
    const purchase = at(DAY_1, "CREDIT_PURCHASE", "1000.00", { cost: "900.00", lot: "march" });
    await report(app, place, [purchase, at(DAY_1, "BET", "500.00")]);
    const statement = await settledBy(place, DAY_2);
    expect(statement).toMatchObject({ earned: "950.00", payable: "950.00", creditMet: "50.00", closing: "0.00" });
    expect(await accounts(place)).toMatchObject({ CREDIT: "950.00", CREDIT_DISCOUNT: "-95.00", PAYABLE: "-900.00" });
  });

  test("of an origin that has no answer to its late items leaves the period open to other terms", async () => {
    const few = ruled(table({ inputs: ["ggr"], outputs: ["rate"], rows: [["< 1000", '"0.1"']] }));
    const place = await open({ ...few, ...AT_ORIGIN });
    await report(app, place, [at(DAY_1, "BET", "500.00")]);
    await settledBy(place, DAY_2);
    const plain = await activate(app, place, { ...DAILY, ...AT_ORIGIN }, DAY_3);
    expect(plain.version).toBe(2);
    app.clock.set(DAY_3);
    const through = (end: string) => settle(app, place.shell, { partnerId: place.partner.id, through: new Date(end) });
    await through(DAY_3);
    await report(app, place, [at(DAY_1, "BET", "600.00")]);
    app.clock.set("2026-03-04T15:00:00.000Z");
    await expect(through("2026-03-04T15:00:00.000Z")).rejects.toMatchObject({ code: "RULE_FAILED" });
    expect((await periods(app, place))[2]?.state).toBe(PeriodState.OPEN);
  });

  test("is asked again at the origin's terms about late items, beside late purchases of credit", async () => {
    const byGgr = table({
      inputs: ["ggr"],
      outputs: ["rate"],
      rows: [
        ["< 1000", '"0.1"'],
        ["", '"0.2"'],
      ],
    });
    const place = await open({ ...ruled(byGgr), base: GGR, credit: CREDIT, ...AT_ORIGIN });
    await report(app, place, [at(DAY_1, "CREDIT_PURCHASE", "100.00", { cost: "90.00" }), at(DAY_1, "BET", "500.00")]);
    expect(await settledBy(place, DAY_2)).toMatchObject({ earned: "140.00", payable: "140.00", creditMet: "50.00" });
    await report(app, place, [
      at(DAY_1, "BET", "700.00"),
      at(DAY_1, "CREDIT_PURCHASE", "40.00", { cost: "30.00" }),
      at(DAY_1, "CREDIT_PURCHASE", "70.00", { id: "returned" }),
      at(DAY_1, "ROLLBACK", "70.00", { reverses: "returned" }),
      at(DAY_2, "BET", "100.00"),
    ]);
    const second = await settledBy(place, DAY_3); // 1,200 × 20 % − 50, 10 of the day, 30 for the lot
    expect(second).toMatchObject({ earned: "230.00", payable: "230.00", creditMet: "90.00", closing: "0.00" });
    expect(second.credit?.lots.map(({ isBought, isTakenBack }) => [isBought, isTakenBack])).toEqual([
      [false, false],
      [true, false],
      [true, true],
    ]);
    expect(await accounts(place)).toMatchObject({ PAYABLE: "-230.00" });
  });
});

describe("prepaid credit", () => {
  const FIFTH = { ...DAILY, base: GGR, share: { kind: "FLAT", rate: "0.2" } };

  test("that meets all of a statement leaves nothing to pay: once released it is PAID", async () => {
    const place = await open({ ...FIFTH, credit: CREDIT });
    await report(app, place, [at(DAY_1, "CREDIT_PURCHASE", "1000.00")]);
    await settledBy(place, DAY_2);
    await report(app, place, [at(DAY_2, "BET", "500.00")]);
    const { jti } = await settledBy(place, DAY_3);
    await approveStatement(app, place.shell, jti);
    expect(await releaseStatement(app, place.shell, jti)).toMatchObject({ state: PeriodState.PAID });
    expect((await periods(app, place))[1]?.state).toBe(PeriodState.PAID);
    expect((await fsck(app, { tenantId: place.tenant.id })).differences).toEqual([]);
  });

  test("is drawn in a what-if of the terms that were, and not in one of terms without it", async () => {
    const place = await open({ ...FIFTH, credit: CREDIT });
    await report(app, place, [at(DAY_1, "CREDIT_PURCHASE", "1000.00")]);
    await settledBy(place, DAY_2);
    await report(app, place, [at(DAY_2, "BET", "500.00")]);
    await settledBy(place, DAY_3);
    const [first, second] = (await periods(app, place)) as [SettlementPeriod, SettlementPeriod];
    const parsed = (document: object) => parseConfiguration(JSON.parse(JSON.stringify(document)));
    const metUnder = async (document: object | null) => {
      const draft = document === null ? null : parsed(document);
      const replayed = replay(app, place.partner, { periods: [second], draft });
      const [statement] = (await replayed.next()).value ?? [];
      return statement.lines.find(({ code }: LineDifference) => code === "CREDIT_MET")?.after?.amount ?? null;
    };
    expect([await metUnder(null), await metUnder(FIFTH)]).toEqual(["100.00", null]);
    const converting = { ...FIFTH, fx: { to: "EUR", type: "PERIOD_CLOSE", source: "ECB" } };
    const rate = { base: "USD", quote: "EUR", type: RateType.PERIOD_CLOSE, source: "ECB", rate: "0.9" };
    await quoteRate(app, place, { ...rate, asOf: new Date(DAY_2) });
    const replayed = replay(app, place.partner, { periods: [first], draft: parsed(converting) });
    await expect(replayed.next()).rejects.toMatchObject({ code: "VALIDATION" });
  });
});

describe("a statement that credit met in part", () => {
  const splits = [
    { to: "studio", weight: "2/3" },
    { to: "agent", weight: "1/3" },
  ];

  test("is split, taxed, paid, returned and paid again: the rest of it leaves once", async () => {
    const payout = { minimum: "0", splits };
    const terms = { ...DAILY, base: GGR, credit: CREDIT, payout, taxes: { withholding: { rate: "0.1" } } };
    app.clock.set(DAY_1);
    const place = await openPlace(app, DAY_1, { document: JSON.parse(JSON.stringify(terms)), currencies: ["EUR"] });
    await openAccount(app, place.shell, { partnerId: null });
    for (const { to: payee } of splits) await openAccount(app, place.shell, { partnerId: place.partner.id, payee });
    const euros = { currency: "EUR" };
    await report(app, place, [at(DAY_1, "CREDIT_PURCHASE", "100.00", { ...euros, cost: "80.00" })]);
    await settledBy(place, DAY_2);
    await report(app, place, [at(DAY_2, "JACKPOT_CONTRIBUTION", "400.01", euros)]);
    const { jti } = await settledBy(place, DAY_3);
    await release(app, place, jti);
    const exported = async () => {
      const { id } = await createPayoutFile(app, place.shell, EUROS);
      const where = { tenantId: place.tenant.id, fileId: id };
      return app.database.manager.find(Payout, { where, order: { place: "ASC" } });
    };
    const first = await exported(); // 400.01 less 100.00 by credit, less 30.00 of tax
    expect(first.map(({ payee, amountMinor }) => [payee, amountMinor])).toEqual([
      ["studio", 18_001n],
      ["agent", 9_000n],
    ]);
    for (const { id } of first) await markPayoutPaid(app, place.shell, { payoutId: id, amount: null, note: null });
    await markPayoutReturned(app, place.shell, { payoutId: first[1]?.id ?? "", amount: null, note: null });
    const again = await exported();
    expect(again.map(({ payee, amountMinor }) => [payee, amountMinor])).toEqual([["agent", 9_000n]]);
    await markPayoutPaid(app, place.shell, { payoutId: again[0]?.id ?? "", amount: null, note: null });
    expect((await periods(app, place)).map(({ state }) => state).slice(0, 2)).toEqual(["STATEMENT_ISSUED", "PAID"]);
    expect(await accounts(place)).toMatchObject({ PAYABLE: "-72.00", TAX_WITHHELD: "-38.00" });
    expect((await fsck(app, { tenantId: place.tenant.id })).differences).toEqual([]);
  });

  test("is set off for the rest against a linked partner's debt, and PAID, when both are released", async () => {
    const base = { ...DAILY, base: GGR, payout: { minimum: "0", negative: "COLLECT" } };
    app.clock.set(DAY_1);
    const document = { ...base, credit: CREDIT, netting: { with: ["debtor"] } };
    const place = await openPlace(app, DAY_1, { document, code: "creditor" });
    const linked = { document: { ...base, netting: { with: ["creditor"] } }, code: "debtor", home: place.home };
    const debtor = await openPlace(app, DAY_1, linked);
    await report(app, place, [at(DAY_1, "CREDIT_PURCHASE", "60.00", { cost: "0.00" })]);
    await report(app, place, [at(DAY_1, "JACKPOT_CONTRIBUTION", "100.00")]);
    await report(app, debtor, [at(DAY_1, "JACKPOT_WIN", "70.00")]);
    const [statement, debt] = [await settledBy(place, DAY_2), await settledBy(debtor, DAY_2)];
    expect(statement).toMatchObject({ payable: "100.00", creditMet: "60.00" });
    const owed = async () => [(await accounts(place))["PAYABLE"], (await accounts(debtor))["PAYABLE"]];
    expect(await owed()).toEqual(["-40.00", "70.00"]);
    for (const [of, { jti }] of [[place, statement] as const, [debtor, debt] as const]) await release(app, of, jti);
    expect(await owed()).toEqual([undefined, "30.00"]);
    const states = [place, debtor].map(async (each) => (await periods(app, each))[0]?.state);
    expect(await Promise.all(states)).toEqual([PeriodState.PAID, PeriodState.PAYABLE]);
    expect((await fsck(app, { tenantId: place.tenant.id })).differences).toEqual([]);
  });
});

describe("what a dispute puts right", () => {
  const RING_FENCE = { playerAtMost: "-100", aggregateAtMost: "-50" };
  const CONVERTED = {
    ...{ ...DAILY, base: GGR, ...AT_ORIGIN, share: { kind: "FLAT", rate: "0.5" } },
    ...{ carryOver: { policy: "FULL", unit: "BASE", ringFence: RING_FENCE } },
    fx: { to: "EUR", type: "TRANSACTION", source: "ECB" },
  };

  async function putRight(place: Place, statementId: string, amount: string): Promise<void> {
    const statement = await statementOf(app, place.shell, statementId);
    const claim = { reason: "A round is missing.", lines: [{ line: 0 }] };
    const reply = await disputeStatement(app, place.actor, await signReply(app, place, statement, "dispute", claim));
    const { id: disputeId } = await disputeReplied(app, place.actor, reply);
    const outcome = DisputeOutcome.ACCEPTED;
    await answerDispute(app, place.shell, { disputeId, outcome, amount, reason: "It is." });
    await approveDisputeAnswer(app, place.shell, { disputeId, amount });
  }

  test("stands in a period that converts it by day, tells players apart and later has late items", async () => {
    const place = await open({ ...DAILY, base: GGR }, ["EUR", "USD"]);
    await activate(app, place, JSON.parse(JSON.stringify(CONVERTED)), DAY_2);
    await report(app, place, [at(DAY_1, "BET", "1000.00")]);
    const dollars = await settledBy(place, DAY_2);
    expect(dollars).toMatchObject({ currency: "USD", earned: "120.00" });
    const quote = async (asOf: string, rate: string) => {
      app.clock.set(asOf);
      const pair = { base: "USD", quote: "EUR", type: RateType.TRANSACTION, source: "ECB" };
      await quoteRate(app, place, { ...pair, rate, asOf: new Date(asOf) });
    };
    await quote("2026-03-02T18:00:00.000Z", "0.9");
    await putRight(place, dollars.jti, "10.00");
    await report(app, place, [
      at(DAY_2, "WIN", "300.00", { player: "p1" }),
      at(DAY_2, "BET", "100.00", { player: "p2" }),
    ]);
    const second = await settledBy(place, DAY_3);
    expect(second).toMatchObject({ currency: "EUR", earned: "0.00", adjustments: "9.00", closing: "0.00" });
    await quote("2026-03-03T18:00:00.000Z", "0.8");
    await report(app, place, [
      at(DAY_2, "BET", "50.00", { player: "p1" }),
      at(DAY_3, "BET", "10.00", { player: "p3" }),
    ]);
    await putRight(place, second.jti, "-3.00");
    const third = await settledBy(place, "2026-03-04T15:00:00.000Z");
    expect(third).toMatchObject({ currency: "EUR", earned: "4.00", adjustments: "-3.00", payable: "1.00" });
  });

  test("is owed as it is, also where a base is made of adjustments", async () => {
    const components = ["BET", "ADJUSTMENT"].map((kind) => ({ kind, rate: "1", sign: "PLUS" }));
    const { measure: _, ...counted } = GGR;
    const place = await open({ ...DAILY, base: { ...counted, measure: "CUSTOM", components } });
    await report(app, place, [at(DAY_1, "BET", "100.00")]);
    const { jti } = await settledBy(place, DAY_2);
    await putRight(place, jti, "50.00");
    await putRight(place, jti, "-8.00");
    expect(await settledBy(place, DAY_3)).toMatchObject({ earned: "0.00", adjustments: "42.00", payable: "42.00" });
  });

  test("asks nothing of a rule that knows only types of games", async () => {
    const slots = table({ inputs: ["category"], outputs: ["rate"], rows: [['"SLOTS"', '"0.1"']] });
    const place = await open({ ...ruled(slots, ["CATEGORY"]), base: GGR, credit: CREDIT });
    await setGame(app, place, { partnerId: place.partner.id, code: "crash", category: "SLOTS" });
    await report(app, place, [
      at(DAY_1, "BET", "1000.00"),
      at(DAY_1, "CREDIT_PURCHASE", "50.00", { product: undefined }),
    ]);
    const first = await settledBy(place, DAY_2);
    expect(first).toMatchObject({ earned: "150.00", creditMet: "50.00" });
    await putRight(place, first.jti, "7.00");
    expect(await settledBy(place, DAY_3)).toMatchObject({ earned: "0.00", adjustments: "7.00" });
  });
});
