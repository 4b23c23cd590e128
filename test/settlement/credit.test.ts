import { describe, expect, test } from "vitest";
import { outcomesOf as storedOutcomes } from "../../src/exchange/contents/service.js";
import { creditStanding } from "../../src/exchange/credit-standing/service.js";
import { expireCreditForAllTenants } from "../../src/exchange/expiry/service.js";
import { postBatches } from "../../src/exchange/posting/service.js";
import { present } from "../../src/kernel/assert.js";
import { decimalText } from "../../src/kernel/money.js";
import { balancesOf } from "../../src/ledger/service.js";
import { fsck } from "../../src/operations/fsck/service.js";
import { recomputeStatement } from "../../src/settlement/recompute.js";
import { settle } from "../../src/settlement/runs/service.js";
import type { StatementDocument } from "../../src/settlement/statement-schema.js";
import { documentOf, statementsOf } from "../../src/settlement/statements/service.js";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { example } from "../support/contracts.js";
import { openPlace, type Place, type Reported, report, submit } from "./place.js";

const app = await testApp();
const api = await testApi(app);

/** Noon of a day of March 2026 in Seoul, and the instant at which it is over and due. */
const noon = (day: number) => `2026-03-${String(day).padStart(2, "0")}T03:00:00.000Z`;
const after = (day: number) => `2026-03-${String(day).padStart(2, "0")}T22:00:00.000Z`;

const GGR = { measure: "GGR", freeRoundStake: "ZERO", jackpotWins: "EXCLUDED" };
const SETTLEMENT = { drawAt: "SETTLEMENT", whenExhausted: "POSTPAY_OVERAGE", lowWater: "0.6" };

async function open(credit: object | null = SETTLEMENT, changes: object = {}): Promise<Place> {
  app.clock.set(noon(2));
  const document = { ...example("config-daily-12pct"), base: GGR, ...(credit === null ? {} : { credit }), ...changes };
  return openPlace(app, "2026-03-01T15:00:00.000Z", { document });
}

const purchase = (day: number, amount: string, rest: object = {}): Reported => {
  return { kind: "CREDIT_PURCHASE", amount, occurredAt: noon(day), ...rest };
};

/** Reports and settles a day. */
async function day(place: Place, at: number, reported: readonly Reported[]) {
  app.clock.set(noon(at));
  if (reported.length > 0) await report(app, place, reported);
  return settled(place, at);
}

async function settled(place: Place, at: number) {
  app.clock.set(after(at));
  await settle(app, place.shell, { partnerId: place.partner.id, through: new Date(after(at)) });
  const [statement] = (await statementsOf(app, place.partner, "USD", { first: 1 })).rows;
  if (statement === undefined) throw new Error("no statement");
  const document = documentOf(statement);
  expect(recomputeStatement(document)).toEqual([]);
  return document;
}

async function accounts(place: Place): Promise<Record<string, string>> {
  const { accounts: held } = await balancesOf(app, place.partner, null);
  return Object.fromEntries(
    held
      .filter(({ balanceMinor }) => balanceMinor !== 0n)
      .map((each) => [each.account, decimalText(each.balanceMinor, 2)]),
  );
}

async function expectSound({ tenant }: Place): Promise<void> {
  expect((await fsck(app, { tenantId: tenant.id })).differences).toEqual([]);
}

/** Activity whose share at 12 % is a fee. */
const fee = (at: number, dollars: number): Reported => {
  return { kind: "BET", amount: (dollars / 0.12).toFixed(2), occurredAt: noon(at) };
};

/** Against the partner: what a negative fee is. */
const win = (at: number, amount: string): Reported => ({ kind: "JACKPOT_WIN", amount, occurredAt: noon(at) });

const POSTED = { outcome: "POSTED" };

async function outcomesOf(place: Place, reported: readonly Reported[], mode?: string) {
  const batch = await submit(app, place, reported, mode);
  await postBatches(app, place.partner);
  return present(await storedOutcomes(app.database.manager, place.tenant.no, batch.no), "outcomes");
}

function amounts({ lines }: StatementDocument, code: string): Record<string, string | null> {
  return Object.fromEntries(lines.filter((line) => line.code === code).map(({ scope, amount }) => [scope, amount]));
}

async function actsOf({ tenant, partner }: Place, type: string): Promise<{ before: unknown; after: unknown }[]> {
  const rows: { detail: string }[] = await app.database.query(
    "select detail from act where tenant_no = ? and partner_no = ? and type = ? order by no",
    [tenant.no, partner.no, type],
  );
  return rows.map(({ detail }) => JSON.parse(detail));
}

const standing = (place: Place) => creditStanding(app, place.partner);

describe("domain 10 and 12, prepaid credit", () => {
  test("20,000 at 5 %: fees 3,120, 5,400 and −700 leave 16,880, 11,480 and 12,180", async () => {
    const place = await open();
    const bought = await day(place, 2, [purchase(2, "20000.00", { cost: "19000.00", lot: "march" })]);
    expect(bought).toMatchObject({ earned: "19000.00", payable: "19000.00", creditMet: "0.00", closing: "0.00" });
    expect(await accounts(place)).toMatchObject({
      CREDIT: "20000.00",
      CREDIT_DISCOUNT: "-1000.00",
      PAYABLE: "-19000.00",
    });
    const left: (string | undefined)[] = [];
    for (const [at, reported] of [
      [3, fee(3, 3_120)],
      [4, fee(4, 5_400)],
      [5, { kind: "JACKPOT_WIN", amount: "700.00", occurredAt: noon(5) }],
    ] as const) {
      const statement = await day(place, at, [reported]);
      expect(statement).toMatchObject({ creditMet: statement.payable, closing: "0.00" });
      left.push(statement.lines.find(({ code }) => code === "CREDIT_LEFT")?.result);
    }
    expect(left).toEqual(["16880.00", "11480.00", "12180.00"]);
    expect(await accounts(place)).toMatchObject({
      CREDIT: "12180.00",
      CREDIT_DISCOUNT: "-609.00",
      PAYABLE: "-19000.00",
    });
    await expectSound(place);
  });

  test("with a promo lot: 3,120 is 1,000 promo and 2,120 paid, cost 2,014.00, CREDIT 17,880, closing 0", async () => {
    const place = await open();
    const promo = { cost: "0.00", lot: "promo", priority: 1 };
    const paid = { cost: "19000.00", lot: "paid" };
    const statement = await day(place, 2, [
      purchase(2, "20000.00", paid),
      purchase(2, "1000.00", promo),
      fee(2, 3_120),
    ]);
    expect(amounts(statement, "CREDIT_MET")).toEqual({ "lot=promo#2": "1000.00", "lot=paid#1": "2120.00" });
    expect(amounts(statement, "CREDIT_DISCOUNT")).toEqual({ "lot=promo#2": "1000.00", "lot=paid#1": "106.00" });
    expect(statement).toMatchObject({ earned: "22120.00", payable: "22120.00", creditMet: "3120.00", closing: "0.00" });
    expect(await accounts(place)).toMatchObject({
      ...{ CREDIT: "17880.00", CREDIT_DISCOUNT: "-894.00", PARTNER_COST: "2014.00", PAYABLE: "-19000.00" },
    });
    await expectSound(place);
  });

  test("posted, before any statement: CREDIT 21,000, CREDIT_DUE −19,000, CREDIT_DISCOUNT −2,000", async () => {
    const place = await open();
    await report(app, place, [purchase(2, "20000.00", { cost: "19000.00" }), purchase(2, "1000.00", { cost: "0.00" })]);
    expect(await accounts(place)).toEqual({ CREDIT: "21000.00", CREDIT_DISCOUNT: "-2000.00", CREDIT_DUE: "-19000.00" });
    await expectSound(place);
  });
});

describe("the order of drawing", () => {
  test("is priority, earliest expiry, oldest; a refill goes to the last drawn first", async () => {
    const place = await open();
    await day(place, 2, [
      purchase(2, "10.00", { lot: "old" }),
      purchase(2, "10.00", { lot: "late", expiresAt: noon(28) }),
      purchase(2, "10.00", { lot: "soon", expiresAt: noon(20) }),
      purchase(2, "10.00", { lot: "first", priority: 1 }),
    ]);
    const drawn = await day(place, 3, [fee(3, 33)]);
    const met = { "lot=first#4": "10.00", "lot=soon#3": "10.00", "lot=late#2": "10.00", "lot=old#1": "3.00" };
    expect(amounts(drawn, "CREDIT_MET")).toEqual(met);
    const refilled = await day(place, 4, [win(4, "5.00")]);
    expect(amounts(refilled, "CREDIT_REFILLED")).toEqual({ "lot=old#1": "-3.00", "lot=late#2": "-2.00" });
    expect(refilled).toMatchObject({ payable: "-5.00", creditMet: "-5.00", closing: "0.00" });
    const beyond = await day(place, 5, [win(5, "40.00")]);
    expect(beyond).toMatchObject({ payable: "-28.00", creditMet: "-28.00", closing: "-12.00" });
    expect((await accounts(place))["CREDIT"]).toBe("40.00");
    await expectSound(place);
  });
});

describe("the price of credit", () => {
  test("is paid in money, now or once it is released, and no credit buys itself", async () => {
    const payout = { minimum: "150.00" };
    const place = await open(SETTLEMENT, { payout, taxes: { withholding: { rate: "0.033" } } });
    const kept = await day(place, 2, [purchase(2, "100.00", { cost: "95.00" }), fee(2, 3)]);
    expect(kept).toMatchObject({ payable: "0.00", creditMet: "0.00", closing: "98.00" });
    const released = await day(place, 3, [fee(3, 120)]);
    expect(released).toMatchObject({ payable: "218.00", creditMet: "100.00", taxWithheld: "3.89", closing: "0.00" });
    expect(await accounts(place)).toMatchObject({ TAX_WITHHELD: "-3.89", PAYABLE: "-114.11" });
    await expectSound(place);
  });

  test("comes back when the purchase is rolled back, whole and unused; used credit is not taken back", async () => {
    const place = await open();
    await day(place, 2, [
      { ...purchase(2, "100.00", { cost: "90.00" }), id: "buy" },
      { ...purchase(2, "50.00"), id: "more" },
    ]);
    app.clock.set(noon(3));
    const rollback = (id: string, amount: string): Reported => {
      return { id: `${id}-r`, kind: "ROLLBACK", reverses: id, amount, occurredAt: noon(3) };
    };
    const back = await day(place, 3, [rollback("buy", "100.00"), fee(3, 20)]);
    expect(amounts(back, "CREDIT_BOUGHT")).toEqual({ "lot=buy#1": "-90.00" });
    expect(back).toMatchObject({ earned: "-70.00", payable: "0.00", closing: "-70.00" });
    await day(place, 4, [fee(4, 80)]);
    expect(await outcomesOf(place, [rollback("more", "50.00")])).toEqual([
      { outcome: "REFUSED", code: "INSUFFICIENT_CREDIT", path: "/transactions/0/reverses" },
    ]);
    await expectSound(place);
  });
});

describe("drawing at posting", () => {
  const drawdown = (at: number, amount: string, rest: object = {}): Reported => {
    return { kind: "CREDIT_DRAWDOWN", amount, occurredAt: noon(at), ...rest };
  };
  const SOLD = {
    base: { ...GGR, measure: "CUSTOM", components: [{ kind: "CREDIT_DRAWDOWN", rate: "1", sign: "PLUS" }] },
  };
  const all = { ...SOLD, share: { kind: "FLAT", rate: "1" } };

  test("moves CREDIT to DRAWN, which meets the payable; what is drawn for the next period waits", async () => {
    const place = await open({ drawAt: "POSTING", whenExhausted: "BLOCK" }, all);
    await report(app, place, [purchase(2, "100.00", { cost: "80.00", lot: "a" }), drawdown(2, "30.00")]);
    expect(await accounts(place)).toEqual({
      ...{ CREDIT: "70.00", DRAWN: "30.00", CREDIT_DUE: "-80.00", CREDIT_DISCOUNT: "-20.00" },
    });
    app.clock.set(noon(3));
    await report(app, place, [drawdown(3, "50.00")]);
    const first = await settled(place, 2);
    expect(amounts(first, "CREDIT_DRAWN_MET")).toEqual({ "lot=a#1": "30.00" });
    expect(first).toMatchObject({ payable: "110.00", creditMet: "30.00", closing: "0.00" });
    expect(await accounts(place)).toMatchObject({ CREDIT: "20.00", DRAWN: "50.00", PARTNER_COST: "24.00" });
    const second = await settled(place, 3);
    expect(second).toMatchObject({ payable: "50.00", creditMet: "50.00" });
    expect(await accounts(place)).toEqual({
      ...{ CREDIT: "20.00", CREDIT_DISCOUNT: "-4.00", PARTNER_COST: "64.00", PAYABLE: "-80.00" },
    });
    await expectSound(place);
  });

  /** Lots of 100.00, draw-downs of 30.00 and 60.00, and a fee of 50.00 that no draw-down announced. */
  async function twoDays(isOnTime: boolean) {
    const place = await open({ drawAt: "POSTING", whenExhausted: "POSTPAY_OVERAGE" }, all);
    const announced = { kind: "FEE", category: "PROVIDER", amount: "50.00", occurredAt: noon(2) };
    await report(app, place, [purchase(2, "100.00", { cost: "0.00", lot: "a" }), drawdown(2, "30.00"), announced]);
    const one = isOnTime ? [await settled(place, 2)] : [];
    app.clock.set(noon(3));
    await report(app, place, [drawdown(3, "60.00")]);
    const documents = [...one, ...(isOnTime ? [] : [await settled(place, 2)]), await settled(place, 3)];
    await expectSound(place);
    return { documents, held: await accounts(place) };
  }

  test("what is drawn is drawn: a draw-down before a statement leaves it less, and neither is lost", async () => {
    const [onTime, late] = [await twoDays(true), await twoDays(false)];
    const met = ({ documents }: typeof late) => documents.map(({ payable, creditMet }) => [payable, creditMet]);
    expect(met(onTime)).toEqual([
      ["80.00", "80.00"],
      ["60.00", "20.00"],
    ]);
    expect(met(late)).toEqual([
      ["80.00", "40.00"], // its own 30.00 drawn, and the 10.00 that the next day's draw-down left
      ["60.00", "60.00"],
    ]);
    expect(late.held).toEqual(onTime.held); // 100.00 of credit and 40.00 of money either way
    expect(late.held).toMatchObject({ PAYABLE: "-40.00" });
  });

  test("BLOCK refuses what the lots do not cover, alone; a rollback makes room", async () => {
    const place = await open({ drawAt: "POSTING", whenExhausted: "BLOCK" }, all);
    const refused = { outcome: "REFUSED", code: "INSUFFICIENT_CREDIT", path: "/transactions/2/amount" };
    const items = [purchase(2, "10.00"), drawdown(2, "8.00", { id: "d" }), drawdown(2, "2.01"), drawdown(2, "2.00")];
    expect(await outcomesOf(place, items)).toEqual([POSTED, POSTED, refused, POSTED]);
    const rollback = { id: "d-r", kind: "ROLLBACK", reverses: "d", amount: "8.00", occurredAt: noon(2) };
    expect(await outcomesOf(place, [rollback, drawdown(2, "7.00")])).toEqual([POSTED, POSTED]);
    expect(await accounts(place)).toMatchObject({ CREDIT: "1.00", DRAWN: "9.00" });
    await expectSound(place);
  });

  test("an aborted batch draws nothing", async () => {
    const place = await open({ drawAt: "POSTING", whenExhausted: "BLOCK" }, all);
    await report(app, place, [purchase(2, "10.00")]);
    const outcomes = await outcomesOf(place, [drawdown(2, "8.00"), drawdown(2, "8.00")], "ATOMIC");
    expect(outcomes.map(({ code }) => code)).toEqual(["BATCH_ABORTED", "INSUFFICIENT_CREDIT"]);
    expect(await accounts(place)).toMatchObject({ CREDIT: "10.00" });
    await expectSound(place);
  });

  test("a line goes so far beyond the lots, overage without end; the statement pays the rest in money", async () => {
    const line = await open({ drawAt: "POSTING", whenExhausted: "CREDIT_LINE", creditLimit: "5.00" }, all);
    const items = [purchase(2, "10.00"), drawdown(2, "14.00"), drawdown(2, "1.01"), drawdown(2, "1.00")];
    expect((await outcomesOf(line, items)).map(({ outcome }) => outcome)).toEqual([
      ...["POSTED", "POSTED", "REFUSED", "POSTED"],
    ]);
    expect(await standing(line)).toMatchObject([{ balanceMinor: 0n, reservedMinor: 500n, availableMinor: 0n }]);
    expect(await settled(line, 2)).toMatchObject({ payable: "25.00", creditMet: "10.00" });
    expect(await standing(line)).toMatchObject([{ balanceMinor: 0n, reservedMinor: 0n, availableMinor: 500n }]);
    await expectSound(line);
    const overage = await open({ drawAt: "POSTING", whenExhausted: "POSTPAY_OVERAGE" }, all);
    const statement = await day(overage, 2, [drawdown(2, "70.00")]);
    expect(statement).toMatchObject({ payable: "70.00", closing: "0.00" });
    await expectSound(overage);
  });

  test("at settlement a draw-down only reserves, until the statement is issued", async () => {
    const place = await open({ drawAt: "SETTLEMENT", whenExhausted: "BLOCK" });
    const items = [purchase(2, "10.00"), drawdown(2, "8.00"), drawdown(2, "2.01")];
    expect((await outcomesOf(place, items)).map(({ outcome }) => outcome)).toEqual(["POSTED", "POSTED", "REFUSED"]);
    expect(await accounts(place)).toMatchObject({ CREDIT: "10.00" });
    expect(await standing(place)).toMatchObject([{ balanceMinor: 1_000n, reservedMinor: 800n, availableMinor: 200n }]);
    await settled(place, 2);
    expect(await standing(place)).toMatchObject([{ balanceMinor: 1_000n, reservedMinor: 0n, availableMinor: 1_000n }]);
    await expectSound(place);
  });
});

describe("expiry", () => {
  test("writes off what is left, once, and not before every period that it could meet is settled", async () => {
    const place = await open();
    await day(place, 2, [purchase(2, "100.00", { cost: "90.00", lot: "a", expiresAt: "2026-03-03T15:00:00.000Z" })]);
    app.clock.set(noon(3));
    await report(app, place, [fee(3, 25)]);
    app.clock.set("2026-03-03T16:00:00.000Z"); // it expired as its day ended, and the day is not settled
    await expireCreditForAllTenants(app);
    expect(await accounts(place)).toMatchObject({ CREDIT: "100.00" });
    expect(await settled(place, 3)).toMatchObject({ creditMet: "25.00" });
    await Promise.all([1, 2, 3].map(() => expireCreditForAllTenants(app)));
    expect(await accounts(place)).toMatchObject({ PARTNER_COST: "22.50", BREAKAGE: "67.50", PAYABLE: "-90.00" });
    expect(Object.keys(await accounts(place))).not.toContain("CREDIT_DISCOUNT");
    expect(await actsOf(place, "CREDIT_EXPIRED")).toMatchObject([
      { after: { lot: "a", expired: "75.00", cost: "67.50" } },
    ]);
    const refund = await day(place, 4, [win(4, "5.00")]); // no lot takes it back
    expect(refund).toMatchObject({ payable: "0.00", closing: "-5.00" });
    await expectSound(place);
  });
});

test("an alert tells, once a crossing, that the lots came down to the low-water mark", async () => {
  const place = await open({ ...SETTLEMENT, lowWater: "0.1" });
  await day(place, 2, [purchase(2, "100.00")]);
  await day(place, 3, [fee(3, 89.99)]);
  expect(await actsOf(place, "CREDIT_LOW")).toEqual([]);
  await day(place, 4, [fee(4, 0.01)]);
  await day(place, 5, [fee(5, 4)]);
  expect(await actsOf(place, "CREDIT_LOW")).toMatchObject([{ before: { held: "10.01" }, after: { held: "10.00" } }]);
  await day(place, 6, [purchase(6, "54.00")]); // 60.00
  await day(place, 7, [fee(7, 54)]);
  expect(await actsOf(place, "CREDIT_LOW")).toHaveLength(2);
  await expectSound(place);
});

test("fsck names a lot that holds more than its moves, and one that is not as its purchase was signed", async () => {
  const place = await open();
  await report(app, place, [purchase(2, "100.00")]);
  const where = [place.tenant.no, place.partner.no];
  const change = (by: number) =>
    app.database.query(
      "update credit_lot set remaining_minor = remaining_minor + ? where tenant_no = ? and partner_no = ?",
      [...[by, ...where]],
    );
  await change(1);
  const { differences } = await fsck(app, { tenantId: place.tenant.id });
  expect(differences).toMatchObject([{ check: "CREDIT", found: expect.stringContaining("remaining 10001") }]);
  await change(-1);
  await app.database.query("update credit_lot set priority = 1 where tenant_no = ? and partner_no = ?", where);
  const [outOfOrder] = (await fsck(app, { tenantId: place.tenant.id })).differences;
  expect(outOfOrder).toMatchObject({ check: "CREDIT", expected: expect.stringContaining("priority none") });
  await app.database.query("update credit_lot set priority = null where tenant_no = ? and partner_no = ?", where);
  await expectSound(place);
});

test("credit is refused where the terms say nothing of it, and a lot of nothing, or expired, always", async () => {
  const silent = await open(null);
  const code = (outcomes: readonly { code?: string; path?: string }[]) =>
    outcomes.map((each) => `${each.code} ${each.path}`);
  expect(code(await outcomesOf(silent, [purchase(2, "1.00")]))).toEqual(["KIND_NOT_ALLOWED /transactions/0/kind"]);
  const place = await open();
  const items = [purchase(2, "0.00"), purchase(2, "1.00", { expiresAt: noon(2) })];
  expect(code(await outcomesOf(place, items))).toEqual([
    ...["VALIDATION /transactions/0/amount", "VALIDATION /transactions/1/expiresAt"],
  ]);
});

test("a partner reads its lots and what is available, and nobody else's", async () => {
  const place = await open({ drawAt: "POSTING", whenExhausted: "CREDIT_LINE", creditLimit: "5.00", lowWater: "0.5" });
  await report(app, place, [
    purchase(2, "10.00", { cost: "9.00", lot: "a" }),
    purchase(2, "3.00", { lot: "b", priority: 7 }),
    { kind: "CREDIT_DRAWDOWN", amount: "3.00", occurredAt: noon(2) },
  ]);
  const other = await open();
  app.clock.set(new Date());
  const token = await place.token();
  const lot = "no code priority face { amount } cost { amount } remaining { amount } drawn { amount }";
  const page = `totalCount edges { cursor node { ${lot} } }`;
  const query = `{ creditLots(openOnly: true, currency: "USD", first: 1) { ${page} } }`;
  const { data } = await api.ask({ query, token });
  const node = { no: 1, code: "a", priority: null, face: { amount: "10.00" }, cost: { amount: "9.00" } };
  expect(data.creditLots).toMatchObject({
    totalCount: 2,
    edges: [{ node: { ...node, remaining: { amount: "10.00" }, drawn: { amount: "0.00" } } }],
  });
  const { cursor } = data.creditLots.edges[0];
  const next = await api.ask({ query: `{ creditLots(after: "${cursor}") { edges { node { code } } } }`, token });
  expect(next.data.creditLots.edges).toEqual([{ node: { code: "b" } }]);
  const credit =
    "credit { balance { amount } creditLimit { amount } reserved { amount } available { amount } whenExhausted }";
  const standing = await api.ask({ query: `{ partner(id: "${place.partner.id}") { ${credit} } }`, token });
  expect(standing.data.partner.credit).toEqual([
    {
      ...{ balance: { amount: "10.00" }, creditLimit: { amount: "5.00" }, reserved: { amount: "0.00" } },
      ...{ available: { amount: "15.00" }, whenExhausted: "CREDIT_LINE" },
    },
  ]);
  const theirs = await api.ask({ query: `{ creditLots(partnerId: "${other.partner.id}") { totalCount } }`, token });
  expect(theirs.errors?.[0]?.extensions["code"]).toBe("NOT_FOUND");
});
