import { createPublicKey, verify } from "node:crypto";
import { describe, expect, test, vi } from "vitest";
import { publicKeysForAllTenants } from "../../src/identity/platform-keys/service.js";
import { present } from "../../src/kernel/assert.js";
import { sha256Hex } from "../../src/kernel/digest.js";
import { AccountName } from "../../src/ledger/entities.js";
import { balanceOf, balancesOf } from "../../src/ledger/service.js";
import { duePartnersForAllTenants, fencePeriod } from "../../src/periods/closing/service.js";
import { holdCursor } from "../../src/periods/cursors/service.js";
import { PeriodState } from "../../src/periods/entities.js";
import type { App } from "../../src/platform/app.js";
import { transact } from "../../src/platform/database.js";
import { closeApp } from "../../src/platform/open-app.js";
import { configurationOf } from "../../src/settlement/configurations/service.js";
import {
  SETTLEMENT_QUEUE,
  settlementPartner,
  settlementStep,
  sweepDueForAllTenants,
} from "../../src/settlement/flows/jobs.js";
import { closePeriod, periodSeenBy, type SettledRow, settle } from "../../src/settlement/runs/service.js";
import { documentOf, statementOf, verifyStatement } from "../../src/settlement/statements/service.js";
import { openTestApp, testApp } from "../support/app.js";
import { example } from "../support/contracts.js";
import { closeDue, openPlace, type Place, periods, report, submit } from "./place.js";

const app = await testApp();

/** Seoul's days begin at 15:00 UTC. The first period is that of 2 March. */
const [DAY_1, DAY_2, DAY_3, DAY_4] = [1, 2, 3, 4].map((day) => `2026-03-0${day}T15:00:00.000Z`) as [
  string,
  string,
  string,
  string,
];

async function place(changes = {}): Promise<Place> {
  app.clock.set("2026-03-01T16:00:00.000Z");
  return openPlace(app, DAY_1, changes);
}

function bet(amount: string, occurredAt: string, more = {}) {
  return { kind: "BET", amount, occurredAt, ...more };
}

function win(amount: string, occurredAt: string, more = {}) {
  return { kind: "WIN", amount, occurredAt, ...more };
}

async function settleThrough(where: Place, through: string): Promise<SettledRow[]> {
  return settle(app, where.shell, { partnerId: where.partner.id, through: new Date(through) });
}

async function actsOf(where: Place): Promise<{ type: string; principal_kind: string }[]> {
  return app.database.query("select type, principal_kind from act where tenant_no = ? and partner_no = ? order by no", [
    where.partner.tenantNo,
    where.partner.no,
  ]);
}

describe("closing a period", () => {
  test("issues a statement whose amounts follow from the contract, and posts it", async () => {
    const where = await place();
    await report(app, where, [
      bet("1000.00", DAY_1),
      win("400.00", DAY_1),
      { kind: "BONUS", amount: "100.00", occurredAt: DAY_1 },
    ]);
    app.clock.set(DAY_2);
    const [row] = await settleThrough(where, DAY_2);
    expect(row).toMatchObject({
      start: DAY_1,
      end: DAY_2,
      base: "540.00", // 600 - min(100, 10 % of 600)
      carryIn: "0.00",
      carryOut: "0.00",
      earned: "64.80",
      payable: "64.80",
      currency: "USD",
    });
    const balances = await balancesOf(app, where.partner, null);
    expect(Object.fromEntries(balances.accounts.map((each) => [each.account, each.balanceMinor]))).toEqual({
      ...{ CLEARING: 50_000n, STAKES: -100_000n, WINNINGS: 40_000n, BONUS_COST: 10_000n },
      ...{ PARTNER_COST: 6_480n, PAYABLE: -6_480n },
    });
    const [period] = await periods(app, where);
    expect(period).toMatchObject({ state: PeriodState.STATEMENT_ISSUED, closedAt: expect.any(Date) });
  });

  test("posts first what was accepted before", async () => {
    const where = await place();
    await submit(app, where, [bet("10.00", DAY_1)]);
    app.clock.set(DAY_2);
    const [row] = await settleThrough(where, DAY_2);
    expect(row?.base).toBe("10.00");
  });

  test("is refused before the period is due, and posts and changes nothing", async () => {
    const where = await place({ document: { ...example("config-daily-12pct"), grace: "PT6H" } });
    app.clock.set("2026-03-02T20:59:59.000Z");
    const [period] = await periods(app, where);
    await expect(closePeriod(app, where.shell, present(period, "period").id)).rejects.toMatchObject({
      code: "VALIDATION",
      message: expect.stringContaining("2026-03-02T21:00:00.000Z"),
    });
    expect((await periods(app, where))[0]?.state).toBe(PeriodState.OPEN);
    expect(await settleThrough(where, DAY_2)).toEqual([]);
  });

  test("is refused while the period before is open", async () => {
    const where = await place();
    app.clock.set(DAY_3);
    const [first, second] = await periods(app, where);
    await expect(closePeriod(app, where.shell, present(second, "second").id)).rejects.toMatchObject({
      code: "VALIDATION",
      message: expect.stringContaining(present(first, "first").id),
    });
    expect((await periods(app, where))[1]?.state).toBe(PeriodState.OPEN);
  });

  test("a second time is refused and posts nothing more", async () => {
    const where = await place();
    await report(app, where, [bet("10.00", DAY_1)]);
    app.clock.set(DAY_2);
    const [period] = await periods(app, where);
    const { id } = present(period, "period");
    await closePeriod(app, where.shell, id);
    const before = await balancesOf(app, where.partner, null);
    await expect(closePeriod(app, where.shell, id)).rejects.toMatchObject({ code: "PERIOD_CLOSED" });
    expect(await balancesOf(app, where.partner, null)).toEqual(before);
  });

  test("with the same idempotency key again answers the same period", async () => {
    const where = await place();
    app.clock.set(DAY_2);
    const { id } = present((await periods(app, where))[0], "period");
    const first = await closePeriod(app, where.shell, id, "close-1");
    expect(await closePeriod(app, where.shell, id, "close-1")).toEqual(first);
    await expect(closePeriod(app, where.shell, id, "close-2")).rejects.toMatchObject({ code: "PERIOD_CLOSED" });
  });

  test("by several at once issues one statement", async () => {
    const where = await place();
    await report(app, where, [bet("100.00", DAY_1)]);
    app.clock.set(DAY_2);
    const { id } = present((await periods(app, where))[0], "period");
    const tries = await Promise.allSettled([
      closePeriod(app, where.shell, id),
      closePeriod(app, where.shell, id),
      settleThrough(where, DAY_2),
      closeDue(app, where),
    ]);
    for (const result of tries.filter((each) => each.status === "rejected")) {
      expect(result.reason).toMatchObject({ code: "PERIOD_CLOSED" });
    }
    const acts = (await actsOf(where)).map(({ type }) => type);
    expect(acts.filter((type) => type === "PERIOD_CLOSED")).toHaveLength(1);
    expect(acts.filter((type) => type === "STATEMENT_ISSUED")).toHaveLength(1);
    expect(await settleThrough(where, DAY_2)).toHaveLength(1);
    expect(await balanceOf(app.database.manager, where.partner, AccountName.PAYABLE, "USD")).toBe(-1_200n);
  });

  test("that died between the fence and the statement is taken up again, in order", async () => {
    const where = await place();
    app.clock.set(DAY_3);
    await report(app, where, [bet("100.00", DAY_1), win("150.00", DAY_2)]);
    const [first, second] = await periods(app, where);
    for (const period of [present(first, "first"), present(second, "second")]) {
      await transact(app, async (tx) => {
        await holdCursor(tx, where.partner);
        expect(await fencePeriod(tx, where.partner, period, app.clock.now())).toBe(true);
      });
    }
    await closePeriod(app, where.shell, present(second, "second").id);
    const rows = await settleThrough(where, DAY_3);
    expect(rows.map(({ base, carryOut, payable }) => ({ base, carryOut, payable }))).toEqual([
      { base: "100.00", carryOut: "0.00", payable: "12.00" },
      { base: "-150.00", carryOut: "-150.00", payable: "0.00" },
    ]);
  });

  test.each([
    ["the fence", 1, true],
    ["the fence", 1, false],
    ["the calculation", 2, true],
    ["the calculation", 2, false],
    ["the statement", 3, true],
    ["the statement", 3, false],
  ])("settles once where COMMIT of %s (%i) is not answered, held or not (%s)", async (_what, nth, doesHold) => {
    const where = await place();
    await report(app, where, [bet("100.00", DAY_1)]);
    app.clock.set(DAY_2);
    const { id } = present((await periods(app, where))[0], "period");
    const lossy = await openTestApp({ clock: app.clock });
    try {
      loseAnswer(lossy, nth, doesHold);
      expect(await closePeriod(lossy, where.shell, id)).toMatchObject({ state: PeriodState.STATEMENT_ISSUED });
    } finally {
      await closeApp(lossy);
    }
    const acts = (await actsOf(where)).map(({ type }) => type).filter((type) => /^(PERIOD|STATEMENT)/.test(type));
    expect(acts).toEqual(["PERIOD_CLOSED", "PERIOD_CALCULATED", "STATEMENT_ISSUED"]);
    expect(await balanceOf(app.database.manager, where.partner, AccountName.PAYABLE, "USD")).toBe(-1_200n);
  });

  test("clears what posting owed: the worked example of domain 12", async () => {
    const bonus = { type: "BONUS", source: "TRANSACTIONS", cap: { rate: "0.1", basis: { measure: "GGR" } } };
    const deductions = [{ type: "JACKPOT_CONTRIBUTION", source: "TRANSACTIONS" }, bonus];
    const daily = example("config-daily-12pct");
    const where = await place({ document: { ...daily, base: { ...Object(daily["base"]), deductions } } });
    const rollback = (id: string, amount: string) => ({ kind: "ROLLBACK", reverses: id, amount, occurredAt: DAY_1 });
    const [bets, wins] = [`${where.partner.code}-B`, `${where.partner.code}-W`];
    await report(app, where, [
      ...[bet("1240000.00", DAY_1), bet("10000.00", DAY_1, { id: bets }), rollback(bets, "10000.00")],
      ...[win("1170000.00", DAY_1), win("2000.00", DAY_1, { id: wins }), rollback(wins, "2000.00")],
      { kind: "BONUS", amount: "12000.00", occurredAt: DAY_1 },
      { kind: "JACKPOT_CONTRIBUTION", amount: "12400.00", occurredAt: DAY_1 },
      { kind: "JACKPOT_WIN", amount: "50000.00", occurredAt: DAY_1 },
      { kind: "FEE", category: "PAYMENT", amount: "3500.00", occurredAt: DAY_1 },
    ]);
    app.clock.set(DAY_2);
    const [row] = await settleThrough(where, DAY_2);
    expect(row).toMatchObject({ base: "50600.00", earned: "-31528.00", payable: "0.00" });
    const { accounts } = await balancesOf(app, where.partner, null);
    expect(Object.fromEntries(accounts.map((each) => [each.account, each.balanceMinor / 100n]))).toEqual({
      ...{ CLEARING: 4_500n, STAKES: -1_240_000n, WINNINGS: 1_170_000n, BONUS_COST: 12_000n, FEE_COST: 3_500n },
      ...{ JACKPOT_COST: 12_400n, JACKPOT_POOL: 0n, PARTNER_COST: 6_072n, POSITION: 31_528n },
    });
  });

  test("a day without activity has a statement that says so", async () => {
    const where = await place();
    app.clock.set(DAY_2);
    const [row] = await settleThrough(where, DAY_2);
    const statement = await statementOf(app, where.actor, present(row, "row").statementId);
    expect(documentOf(statement)).toMatchObject({ hasActivity: false, totals: [], payable: "0.00", closing: "0.00" });
  });

  test("currencies settle apart; one that was never used has no statement", async () => {
    const where = await place({ currencies: ["USD", "BTC", "KRW"] });
    await report(app, where, [bet("100.00", DAY_1), win("1.5", DAY_1, { currency: "BTC" })]);
    app.clock.set(DAY_3);
    const rows = await settleThrough(where, DAY_3);
    expect(rows.map(({ currency, start, carryIn, carryOut }) => [currency, start, carryIn, carryOut])).toEqual([
      ["BTC", DAY_1, "0.00000000", "-1.50000000"],
      ["USD", DAY_1, "0.00", "0.00"],
      ["BTC", DAY_2, "-1.50000000", "-1.50000000"],
      ["USD", DAY_2, "0.00", "0.00"],
    ]);
  });

  test("of another tenant or partner does not exist", async () => {
    const [mine, theirs] = [await place(), await place()];
    app.clock.set(DAY_2);
    const { id } = present((await periods(app, theirs))[0], "period");
    const [row] = await settleThrough(theirs, DAY_2);
    const { statementId } = present(row, "row");
    const sibling = await openPlace(app, DAY_1, { home: theirs.home });
    for (const actor of [mine.shell, mine.actor, sibling.actor]) {
      await expect(closePeriod(app, actor, id)).rejects.toMatchObject({ code: "NOT_FOUND" });
      await expect(periodSeenBy(app, actor, id)).rejects.toMatchObject({ code: "NOT_FOUND" });
      await expect(statementOf(app, actor, statementId)).rejects.toMatchObject({ code: "NOT_FOUND" });
      await expect(configurationOf(app, actor, theirs.configuration.id)).rejects.toMatchObject({ code: "NOT_FOUND" });
      await expect(
        settle(app, actor, { partnerId: theirs.partner.id, through: new Date(DAY_2) }),
      ).rejects.toMatchObject({ code: "NOT_FOUND" });
    }
  });
});

describe("statements chain", () => {
  test("each opens with what the one before closed with, and names it by its hash", async () => {
    const document = { ...example("config-daily-12pct"), payout: { minimum: "50" } };
    const where = await place({ document });
    app.clock.set(DAY_4);
    await report(app, where, [bet("300.00", DAY_1), bet("200.00", DAY_2), bet("10.00", DAY_3)]);
    const rows = await settleThrough(where, DAY_4);
    const statements = await Promise.all(rows.map(({ statementId }) => statementOf(app, where.actor, statementId)));
    const documents = statements.map(documentOf);
    expect(documents.map(({ opening, earned, payable, closing }) => [opening, earned, payable, closing])).toEqual([
      ["0.00", "36.00", "0.00", "36.00"],
      ["36.00", "24.00", "60.00", "0.00"],
      ["0.00", "1.20", "0.00", "1.20"],
    ]);
    expect(documents.map(({ previousStatement }) => previousStatement)).toEqual([
      null,
      ...statements.slice(0, 2).map(({ id, jws }) => ({ id, sha256: sha256Hex(jws) })),
    ]);
    expect(await balanceOf(app.database.manager, where.partner, AccountName.POSITION, "USD")).toBe(-120n);
  });

  test("a loss is carried into the next base", async () => {
    const where = await place();
    app.clock.set(DAY_4);
    await report(app, where, [win("100.00", DAY_1), bet("30.00", DAY_2), bet("90.00", DAY_3)]);
    const rows = await settleThrough(where, DAY_4);
    expect(rows.map(({ base, carryIn, carryOut, earned }) => [base, carryIn, carryOut, earned])).toEqual([
      ["-100.00", "0.00", "-100.00", "0.00"],
      ["30.00", "-100.00", "-70.00", "0.00"],
      ["90.00", "-70.00", "0.00", "2.40"],
    ]);
  });

  test("an item that comes after the fence stands on a line of its own in the next base", async () => {
    const where = await place();
    await report(app, where, [bet("100.00", DAY_1)]);
    app.clock.set(DAY_2);
    const [early] = await settleThrough(where, DAY_2);
    await report(app, where, [bet("7.00", "2026-03-02T14:59:59.999Z"), bet("50.00", DAY_2)]);
    app.clock.set(DAY_3);
    const rows = await settleThrough(where, DAY_3);
    expect(rows[0]).toEqual(early);
    expect(rows[1]).toMatchObject({ base: "57.00", payable: "6.84" });
    const statement = await statementOf(app, where.actor, present(rows[1], "row").statementId);
    const { totals, lines } = documentOf(statement);
    expect(totals.map(({ originPeriodId, sum }) => [originPeriodId, sum])).toEqual([
      [null, "50.00"],
      [present(early, "row").periodId, "7.00"],
    ]);
    expect(lines.find(({ code }) => code === "LATE_ITEMS")).toMatchObject({ result: "7.00" });
  });

  test("none is issued over a position that is not the closing before", async () => {
    const where = await place({ document: { ...example("config-daily-12pct"), payout: { minimum: "50" } } });
    app.clock.set(DAY_3);
    await report(app, where, [bet("300.00", DAY_1), bet("200.00", DAY_2)]);
    await settleThrough(where, DAY_2);
    const move = (minor: number) =>
      app.database.query(
        "update account set balance_minor = balance_minor + ? where tenant_no = ? and partner_no = ? and account = ?",
        [minor, where.partner.tenantNo, where.partner.no, AccountName.POSITION],
      );
    await move(1);
    await expect(settleThrough(where, DAY_3)).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
    expect((await periods(app, where))[1]?.state).toBe(PeriodState.CALCULATED);
    await move(-1);
    expect((await settleThrough(where, DAY_3)).map(({ payable }) => payable)).toEqual(["0.00", "60.00"]);
  });

  test("settling again, and through an earlier instant, answers the same rows", async () => {
    const where = await place();
    app.clock.set(DAY_4);
    await report(app, where, [bet("100.00", DAY_1), win("20.00", DAY_2)]);
    const rows = await settleThrough(where, DAY_3);
    expect(rows).toHaveLength(2);
    expect(await settleThrough(where, DAY_3)).toEqual(rows);
    expect(await settleThrough(where, DAY_2)).toEqual(rows.slice(0, 1));
    expect((await periods(app, where, PeriodState.OPEN))[0]?.startsAt).toEqual(new Date(DAY_3));
  });
});

describe("what falls due", () => {
  test("is closed by itself, but not before periods that were backfilled and wait for a person", async () => {
    app.clock.set("2026-03-03T16:00:00.000Z");
    const where = await openPlace(app, DAY_1);
    const isDue = async () => {
      const due = await duePartnersForAllTenants(app);
      return due.some(({ partnerId }) => partnerId === where.partner.id);
    };
    app.clock.set("2026-03-05T16:00:00.000Z");
    expect(await isDue()).toBe(false);
    await closeDue(app, where);
    expect(await periods(app, where, PeriodState.STATEMENT_ISSUED)).toEqual([]);
    await settleThrough(where, DAY_3);
    expect(await isDue()).toBe(true);
    await closeDue(app, where);
    expect(await isDue()).toBe(false);
    const issued = await periods(app, where, PeriodState.STATEMENT_ISSUED);
    expect(issued.map(({ startsAt, isBackfill }) => [startsAt.toISOString(), isBackfill])).toEqual([
      [DAY_1, true],
      [DAY_2, true],
      [DAY_3, false],
      [DAY_4, false],
    ]);
  });

  test("is taken up by a job that the sweeper queues, fenced periods without a statement too", async () => {
    const where = await place();
    app.clock.set(DAY_2);
    const period = present((await periods(app, where))[0], "period");
    await transact(app, async (tx) => {
      await holdCursor(tx, where.partner);
      await fencePeriod(tx, where.partner, period, app.clock.now());
    });
    expect(await sweepDueForAllTenants(app)).toBeGreaterThan(0);
    app.queues.work(app, SETTLEMENT_QUEUE, [settlementPartner, settlementStep], 1);
    await vi.waitFor(async () => expect((await periods(app, where))[0]?.state).toBe(PeriodState.STATEMENT_ISSUED), {
      timeout: 15_000,
      interval: 100,
    });
  });
});

describe("a statement", () => {
  async function issued() {
    const where = await place();
    await report(app, where, [bet("1000.00", DAY_1), win("400.00", DAY_1)]);
    app.clock.set(DAY_2);
    const [row] = await settleThrough(where, DAY_2);
    const statement = await statementOf(app, where.actor, present(row, "row").statementId);
    return { where, statement, jwks: { keys: await publicKeysForAllTenants(app) } };
  }

  test("verifies by hand with nothing but the published keys", async () => {
    const { statement, jwks } = await issued();
    const [header = "", payload = "", signature = ""] = statement.jws.split(".");
    const { kid, alg, typ } = JSON.parse(Buffer.from(header, "base64url").toString());
    expect({ alg, typ }).toEqual({ alg: "EdDSA", typ: "quittance-statement+jws" });
    const jwk = present(
      jwks.keys.find((each) => each.kid === kid),
      "the key",
    );
    const key = createPublicKey({ key: { ...jwk }, format: "jwk" });
    expect(verify(null, Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, "base64url"))).toBe(true);
  });

  test("holds as issued; altered, retyped or signed by another it does not", async () => {
    const { statement, jwks } = await issued();
    const [header = "", payload = "", signature = ""] = statement.jws.split(".");
    const altered = Buffer.from(payload, "base64url").toString().replace('"earned":"72.00"', '"earned":"99.00"');
    const encoded = (text: string) => Buffer.from(text).toString("base64url");
    const other = encoded(Buffer.from(header, "base64url").toString().replace("statement+jws", "receipt+jws"));
    expect(verifyStatement(statement.jws, jwks)).toBeNull();
    const faults = [
      verifyStatement(`${header}.${encoded(altered)}.${signature}`, jwks),
      verifyStatement(`${other}.${payload}.${signature}`, jwks),
      verifyStatement(statement.jws, { keys: [] }),
      verifyStatement(`${header}.${payload}`, jwks),
      verifyStatement(statement.jws, "no set"),
    ];
    expect(altered).toContain('"earned":"99.00"');
    expect(faults.map((fault) => fault?.reason)).toEqual([
      "SIGNATURE_INVALID",
      "TYPE_MISMATCH",
      "KEY_UNKNOWN",
      "MALFORMED",
      "JWKS_INVALID",
    ]);
  });
});

/** The nth COMMIT of an App is not answered: the connection is gone, after it was done or before. */
function loseAnswer({ database }: App, nth: number, doesHold: boolean): void {
  const open = database.createQueryRunner.bind(database);
  let commits = 0;
  database.createQueryRunner = (mode) => {
    const runner = open(mode);
    const commit = runner.commitTransaction.bind(runner);
    runner.commitTransaction = async () => {
      commits += 1;
      if (commits !== nth) return commit();
      await (doesHold ? commit() : runner.rollbackTransaction());
      throw Object.assign(new Error("read ECONNRESET"), { fatal: true, code: "ECONNRESET" });
    };
    return runner;
  };
}
