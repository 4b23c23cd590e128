import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { ActType } from "../../src/acts/entities.js";
import { publicKeysForAllTenants } from "../../src/identity/platform-keys/service.js";
import { present } from "../../src/kernel/assert.js";
import { CodedError } from "../../src/kernel/errors.js";
import { AccountName } from "../../src/ledger/entities.js";
import { balanceOf } from "../../src/ledger/service.js";
import { fsck } from "../../src/operations/fsck/service.js";
import { PeriodState } from "../../src/periods/entities.js";
import { transact } from "../../src/platform/database.js";
import { draftConfiguration } from "../../src/settlement/configurations/service.js";
import { issueStatements } from "../../src/settlement/issuing/service.js";
import {
  approveExchangeRate,
  enterExchangeRate,
  exchangeRatesOf,
  type NewExchangeRate,
  refuseExchangeRate,
} from "../../src/settlement/rates/service.js";
import { recomputeStatement } from "../../src/settlement/recompute.js";
import { settle } from "../../src/settlement/runs/service.js";
import { RunStage } from "../../src/settlement/settlement-runs/entities.js";
import { simulatedStatements, simulateSettlement } from "../../src/settlement/simulations/service.js";
import { documentOf, statementOf, statementsOf, verifyStatement } from "../../src/settlement/statements/service.js";
import { RateType } from "../../src/settlement/terms/fx.js";
import { LineSection } from "../../src/settlement/terms/lines.js";
import { testApp } from "../support/app.js";
import { example } from "../support/contracts.js";
import { seedClient } from "../support/seeds.js";
import { closeDue, openPlace, type Place, periods, quoteRate, type Reported, report } from "./place.js";

const app = await testApp();

const PROGRAM = new URL("recompute.py", import.meta.url).pathname;
const hasPython = spawnSync("python3", ["--version"]).status === 0;
/** Seoul's day of 2 March. */
const [DAY_1, DAY_2] = ["2026-03-01T15:00:00.000Z", "2026-03-02T15:00:00.000Z"];
const GGR = { measure: "GGR", freeRoundStake: "ZERO", jackpotWins: "EXCLUDED" };
const FX = { to: "EUR", type: "PERIOD_CLOSE", source: "ECB" };

const RATE = {
  ...{ base: "USD", quote: "EUR", type: RateType.PERIOD_CLOSE, source: "ECB", rate: "0.9217", asOf: new Date(DAY_2) },
};

function document(changes: object = {}): object {
  const { base: _, ...daily } = example("config-daily-12pct");
  return JSON.parse(JSON.stringify({ ...daily, base: GGR, fx: FX, ...changes }));
}

async function open(changes: object = {}, currencies = ["EUR", "USD"]): Promise<Place> {
  app.clock.set(DAY_1);
  return openPlace(app, DAY_1, { document: document(changes), currencies });
}

async function quote(place: Place, changes: Partial<NewExchangeRate> = {}) {
  return quoteRate(app, place, { ...RATE, ...changes });
}

/** What was posted on the day, settled at its end. */
async function settled(place: Place, reported: readonly Omit<Reported, "occurredAt">[]) {
  await report(
    app,
    place,
    reported.map((item) => ({ ...item, occurredAt: DAY_1 }) as Reported),
  );
  return settleDay(place);
}

async function settleDay(place: Place) {
  app.clock.set(DAY_2);
  const rows = await settle(app, place.shell, { partnerId: place.partner.id, through: new Date(DAY_2) });
  const jwks = { keys: await publicKeysForAllTenants(app) };
  const statements = await Promise.all(rows.map(({ statementId }) => statementOf(app, place.actor, statementId)));
  for (const { jws } of statements) expect(verifyStatement(jws, jwks)).toBeNull();
  const documents = statements.map(documentOf);
  if (hasPython) {
    const { stdout, stderr } = spawnSync("python3", [PROGRAM], { input: JSON.stringify(documents) });
    expect([stdout.toString().trim(), stderr.toString()]).toEqual(["", ""]);
  }
  return documents;
}

async function codeOf(action: Promise<unknown>): Promise<unknown> {
  return action.then(
    () => "answered",
    (error: unknown) => (error instanceof CodedError ? error.code : error),
  );
}

async function balances({ partner }: Place, currency: string, ...accounts: AccountName[]): Promise<bigint[]> {
  return Promise.all(accounts.map((account) => balanceOf(app.database.manager, partner, account, currency)));
}

describe("domain 9, FX through the database", () => {
  test("a base of 70,000 USD at 0.9217 is 64,519.00 EUR, and the statement shows both and the rate", async () => {
    const place = await open({ share: { kind: "FLAT", rate: "1" } });
    app.clock.set(DAY_2);
    await quote(place);
    app.clock.set(DAY_1);
    const [statement, ...others] = await settled(place, [
      { kind: "BET", amount: "1240000.00", currency: "USD" },
      { kind: "WIN", amount: "1170000.00", currency: "USD" },
    ]);
    expect(others).toEqual([]);
    expect(statement).toMatchObject({ currency: "EUR", base: "64519.00", earned: "64519.00" });
    expect(statement?.conversions).toEqual([
      {
        ...{ from: "USD", scale: 2 },
        rates: [{ rate: "0.9217", base: "USD", quote: "EUR", source: "ECB", asOf: DAY_2, type: "PERIOD_CLOSE" }],
      },
    ]);
    expect(statement?.totals.map(({ kind, currency }) => [kind, currency])).toEqual([
      ["BET", "USD"],
      ["WIN", "USD"],
    ]);
    const lines = statement?.lines.filter(({ scope }) => scope === "currency=USD") ?? [];
    expect(lines.map(({ code, result }) => [code, result])).toEqual([
      ["TURNOVER", "1240000.00"],
      ["WINS", "1170000.00"],
      ["GGR", "70000.00"],
      ["BASE_PART", "70000.00"],
      ["BASE_CONVERTED", "64519.00"],
    ]);
  });

  test("both currencies make one base, and what is owed in the other comes over by FX_CLEARING", async () => {
    const place = await open({}, ["EUR", "USD", "JPY"]);
    app.clock.set(DAY_2);
    await quote(place);
    await quote(place, { base: "JPY", rate: "0.0061" });
    app.clock.set(DAY_1);
    const [statement] = await settled(place, [
      { kind: "BET", amount: "100.00", currency: "EUR" },
      { kind: "BET", amount: "100.00", currency: "USD" },
      { kind: "BET", amount: "10000", currency: "JPY" },
      { kind: "JACKPOT_CONTRIBUTION", amount: "10.01", currency: "USD" },
      { kind: "JACKPOT_WIN", amount: "501", currency: "JPY" },
    ]);
    expect(statement?.base).toBe("253.17"); // 100 + 92.17 + 61
    const due = (code: string) => statement?.lines.find((line) => line.code === code);
    expect(due("JACKPOT_CONTRIBUTIONS")).toMatchObject({
      ...{ scope: "currency=USD", formula: "jackpotContributions * exchange", result: "9.226217", amount: "9.23" },
    });
    expect(due("JACKPOT_WINS")).toMatchObject({ scope: "currency=JPY", result: "-3.0561", amount: "-3.06" });
    expect(await balances(place, "USD", AccountName.JACKPOT_POOL, AccountName.FX_CLEARING)).toEqual([0n, -1_001n]);
    expect(await balances(place, "JPY", AccountName.JACKPOT_POOL, AccountName.FX_CLEARING)).toEqual([0n, 501n]);
    expect(await balances(place, "EUR", AccountName.FX_CLEARING, AccountName.POSITION)).toEqual([617n, 0n]);
    expect(statement?.payable).toBe("36.55"); // 12 % of 253.17 is 30.38; and 6.17
    expect((await fsck(app, { tenantId: place.tenant.id })).differences).toEqual([]);
  });

  test("a currency without a rule has its own statement, in its own money", async () => {
    const place = await open({ fx: { ...FX, from: ["USD"] } }, ["EUR", "USD", "JPY"]);
    app.clock.set(DAY_2);
    await quote(place);
    app.clock.set(DAY_1);
    const statements = await settled(place, [
      { kind: "BET", amount: "100.00", currency: "USD" },
      { kind: "BET", amount: "1000", currency: "JPY" },
    ]);
    expect(statements.map(({ currency, base }) => [currency, base])).toEqual([
      ["EUR", "92.17"],
      ["JPY", "1000"],
    ]);
  });

  test("without the rate the period waits, an incident says why once, and the rate ends it", async () => {
    const place = await open();
    await report(app, place, [{ kind: "BET", amount: "100.00", currency: "USD", occurredAt: DAY_1 }]);
    app.clock.set("2026-03-02T15:00:01.000Z");
    // Not of that source, of that type, of that period or that way around.
    await quote(place, { source: "OTHER" });
    await quote(place, { type: RateType.PERIOD_AVG });
    await quote(place, { asOf: new Date(DAY_1) });
    await quote(place, { base: "EUR", quote: "USD" });
    await closeDue(app, place);
    await closeDue(app, place);
    expect(await periods(app, place, PeriodState.CLOSED)).toHaveLength(1);
    const acts: { detail: string }[] = await app.database.query(
      "select detail from act where tenant_no = ? and type = ?",
      [place.tenant.no, ActType.SETTLEMENT_STOPPED],
    );
    expect(acts).toHaveLength(1);
    expect(acts[0]?.detail).toContain("No PERIOD_CLOSE rate of ECB from USD to EUR");
    expect(await codeOf(settleDay(place))).toBe("RATE_MISSING");
    await quote(place);
    expect((await settleDay(place)).map(({ base }) => base)).toEqual(["92.17"]);
  });

  test("a third currency stands in between only where the terms declare it", async () => {
    const place = await open({ fx: { ...FX, triangulateBy: "GBP" } });
    app.clock.set(DAY_2);
    await quote(place, { rate: "0.5", quote: "GBP" });
    await quote(place, { rate: "1.2", base: "GBP" });
    app.clock.set(DAY_1);
    const [statement] = await settled(place, [{ kind: "BET", amount: "100.00", currency: "USD" }]);
    expect(statement).toMatchObject({ base: "60.00" });
    expect(statement?.lines.find(({ code }) => code === "BASE_CONVERTED")?.formula).toBe(
      "(amount * exchange) * exchange2",
    );
  });

  test("a rate is corrected until a statement uses it, and never afterwards; each entering is an act", async () => {
    const place = await open();
    app.clock.set(DAY_2);
    const first = await quote(place, { rate: "9.217" });
    const second = await quote(place);
    expect(second).toMatchObject({ state: "ACTIVE", rate: "0.9217", usedAt: null });
    app.clock.set(DAY_1);
    await settled(place, [{ kind: "BET", amount: "100.00", currency: "USD" }]);
    expect(await codeOf(quote(place, { rate: "1" }))).toBe("VERSION_CONFLICT");
    const acts: { type: string }[] = await app.database.query(
      "select type from act where tenant_no = ? and type like 'EXCHANGE_RATE%' order by no",
      [place.tenant.no],
    );
    const [entered, approved] = [ActType.EXCHANGE_RATE_ENTERED, ActType.EXCHANGE_RATE_APPROVED];
    expect(acts.map(({ type }) => type)).toEqual([entered, approved, entered, approved]);
    const filter = { base: null, quote: null, state: null };
    expect((await exchangeRatesOf(app, place.shell, filter, {})).rows).toMatchObject([
      { id: first.id, rate: "9.217", state: "SUPERSEDED", usedAt: null },
      { id: second.id, rate: "0.9217", state: "ACTIVE", usedAt: expect.any(Date) },
    ]);
    expect(await codeOf(exchangeRatesOf(app, place.actor, filter, {}))).toBe("FORBIDDEN");
    const other = await open();
    expect((await exchangeRatesOf(app, other.shell, filter, {})).rows).toEqual([]);
  });

  test("a rate stands once somebody else approves it; what waits or was refused settles nothing", async () => {
    const place = await open();
    app.clock.set(DAY_2);
    const [one, two] = [await seedClient(app, place.shell, null), await seedClient(app, place.shell, null)];
    const enter = (rate: string) => enterExchangeRate(app, one.actor, { ...RATE, rate });
    const [wrong, right, late] = [await enter("9.217"), await enter("0.9217"), await enter("0.5")];
    expect(await codeOf(approveExchangeRate(app, one.actor, right.id))).toBe("FORBIDDEN");
    const refusal = { exchangeRateId: wrong.id, reason: "A slip." };
    expect(await refuseExchangeRate(app, two.actor, refusal)).toMatchObject({ state: "REFUSED" });
    app.clock.set(DAY_1);
    await report(app, place, [{ kind: "BET", amount: "100.00", currency: "USD", occurredAt: DAY_1 }]);
    expect(await codeOf(settleDay(place))).toBe("RATE_MISSING");
    const approved = await approveExchangeRate(app, two.actor, right.id);
    expect(approved).toMatchObject({ state: "ACTIVE", enteredBy: one.client.id, decidedBy: two.client.id });
    for (const { id } of [wrong, right]) {
      expect(await codeOf(approveExchangeRate(app, two.actor, id))).toBe("VERSION_CONFLICT");
    }
    expect((await settleDay(place)).map(({ base }) => base)).toEqual(["92.17"]);
    expect(await codeOf(approveExchangeRate(app, two.actor, late.id))).toBe("VERSION_CONFLICT"); // it was used
    expect(await codeOf(approveExchangeRate(app, place.actor, late.id))).toBe("NOT_FOUND");
  });

  test("no rate is used that waits, was refused or replaced, not even by a release that knows no states", async () => {
    const place = await open();
    app.clock.set(DAY_2);
    const replaced = await quote(place, { rate: "9.217" });
    const standing = await quote(place);
    const [refused, waiting] = [
      await enterExchangeRate(app, place.shell, RATE),
      await enterExchangeRate(app, place.shell, RATE),
    ];
    await refuseExchangeRate(app, place.shell, { exchangeRateId: refused.id, reason: "A slip." });
    const use = async ({ id, rate }: { readonly id: string; readonly rate: string }) => {
      const values = [new Date(DAY_2), place.tenant.id, id, rate];
      return app.database.query(
        "update exchange_rate set used_at = ? where tenant_id = ? and id = ? and rate = ?",
        values,
      );
    };
    for (const each of [replaced, refused, waiting]) await expect(use(each)).rejects.toThrow(/ck_exchange_rate_used/);
    await use(standing);
  });

  test.each([
    ["a later one", { asOf: new Date("2026-03-02T14:00:00.000Z") }, {}],
    ["a corrected one", {}, {}],
    ["one on the way through a third currency", { quote: "GBP" }, { triangulateBy: "GBP" }],
  ])("%s that comes between calculating and storing is the one that the statement stands on", async (_, first, fx) => {
    const place = await open({ fx: { ...FX, ...fx } });
    await report(app, place, [{ kind: "BET", amount: "100.00", currency: "USD", occurredAt: DAY_1 }]);
    app.clock.set(DAY_2);
    await closeDue(app, place); // which then waits for a rate
    const way = "quote" in first ? { quote: "GBP" } : {};
    if ("quote" in first) await quote(place, { base: "GBP", rate: "1" });
    await quote(place, { rate: "9.217", ...first });
    const [period] = await periods(app, place);
    let stored = 0;
    await issueStatements(app, place.shell, place.partner, present(period, "a period"), async (stage) => {
      if (stage !== RunStage.STATEMENT) return;
      stored += 1;
      if (stored === 1) await quote(place, way);
    });
    expect(stored).toBe(2); // it was calculated once more
    const [row] = (await statementsOf(app, place.partner, "EUR", { first: 1 })).rows;
    expect(row).toMatchObject({ base: "92.17", openingMinor: 0n });
    expect(recomputeStatement(documentOf(present(row, "a statement")))).toEqual([]);
    const filter = { base: "USD", quote: null, state: null };
    const used = (await exchangeRatesOf(app, place.shell, filter, {})).rows.map(({ rate, usedAt }) => [rate, usedAt]);
    expect(used).toEqual([
      ["9.217", null],
      ["0.9217", expect.any(Date)],
    ]);
  });

  test("a rate that statements stand on is locked by none: partners share rates, and wait for nobody", async () => {
    const place = await open();
    app.clock.set(DAY_2);
    const { id } = await quote(place);
    app.clock.set(DAY_1);
    await app.database.query("update exchange_rate set used_at = ? where id = ?", [new Date(DAY_2), id]);
    await transact(app, async (tx) => {
      await tx.query("select 1 from exchange_rate where id = ? for update", [id]); // as somebody's who is at it
      const rows = await settled(place, [{ kind: "BET", amount: "100.00", currency: "USD" }]);
      expect(rows.map(({ base }) => base)).toEqual(["92.17"]);
    });
  });

  test("what no rate can be is refused, and so are terms that cannot convert", async () => {
    const place = await open();
    app.clock.set(DAY_2);
    for (const changes of [{ rate: "0" }, { quote: "USD" }, { base: "XXX" }, { asOf: new Date("2026-03-03") }]) {
      expect([changes, await codeOf(quote(place, changes))]).toEqual([changes, "VALIDATION"]);
    }
    const draft = (fx: object, changes: object = {}) =>
      codeOf(
        draftConfiguration(app, place.shell, { partnerId: place.partner.id, document: document({ fx, ...changes }) }),
      );
    expect(await draft({ ...FX, to: "JPY" })).toBe("VALIDATION");
    expect(await draft({ ...FX, from: ["EUR"] })).toBe("VALIDATION");
    expect(await draft({ ...FX, type: "DAILY_CLOSE" })).toBe("answered");
    const monthly = { cycle: { kind: "MONTHLY", dayOfMonth: 1 } };
    expect(await draft({ ...FX, type: "DAILY_CLOSE" }, monthly)).toBe("VALIDATION");
  });

  test("a statement with another rate, or one that the terms do not name, is found out", async () => {
    const place = await open();
    app.clock.set(DAY_2);
    await quote(place);
    app.clock.set(DAY_1);
    const [statement] = await settled(place, [{ kind: "BET", amount: "100.00", currency: "USD" }]);
    const text = JSON.stringify(statement);
    for (const [from, to] of [
      ['"rate":"0.9217"', '"rate":"0.9218"'],
      ['"source":"ECB","asOf"', '"source":"BOE","asOf"'],
      ['"base":"USD"', '"base":"JPY"'],
      [`"asOf":"${DAY_2}"`, '"asOf":"2026-03-05T00:00:00.000Z"'],
      ['"exchange":"0.9217"', '"exchange":"0.9"'],
    ] as const) {
      const altered = text.replace(from, to);
      expect(altered).not.toBe(text);
      expect([from, recomputeStatement(JSON.parse(altered)).length > 0]).toEqual([from, true]);
    }
  });

  test("what-if: a draft that converts is compared currency by currency", async () => {
    const place = await open({ fx: undefined });
    app.clock.set(DAY_2);
    await quote(place);
    app.clock.set(DAY_1);
    await settled(place, [{ kind: "BET", amount: "100.00", currency: "USD" }]);
    const input = { from: new Date(DAY_1), through: new Date(DAY_2), document: document() };
    const simulation = await simulateSettlement(app, place.shell, input);
    const { rows } = await simulatedStatements(app, simulation, {});
    expect(
      rows.map(({ currency, earnedBeforeMinor, earnedAfterMinor }) => [currency, earnedBeforeMinor, earnedAfterMinor]),
    ).toEqual([
      ["EUR", 0n, 1_106n],
      ["USD", 1_200n, 0n],
    ]);
  });
});

describe("domain 2 and 12, jackpot wins that are winnings", () => {
  test("a pooled win counts as a win, is not due from the pool, and ends in WINNINGS", async () => {
    const place = await open({ fx: undefined, base: { ...GGR, jackpotWins: "INCLUDED" } }, ["USD"]);
    const [statement] = await settled(place, [
      { kind: "BET", amount: "1240000.00" },
      { kind: "WIN", amount: "1170000.00" },
      { kind: "JACKPOT_CONTRIBUTION", amount: "12400.00" },
      { kind: "JACKPOT_WIN", amount: "50000.00" },
    ]);
    expect(statement).toMatchObject({ base: "20000.00", earned: "14800.00" }); // 12 %, and the contributions
    const accounts = [AccountName.WINNINGS, AccountName.JACKPOT_POOL, AccountName.JACKPOT_COST, AccountName.CLEARING];
    expect(await balances(place, "USD", ...accounts)).toEqual([122_000_000n, 0n, 1_240_000n, 2_000_000n]);
    expect((await fsck(app, { tenantId: place.tenant.id })).differences).toEqual([]);
  });

  test("domain 9: 12,400 to the pool, a win of 50,000 and a fee of 6,072 make −31,528.00", async () => {
    const base = {
      ...{ measure: "NGR", freeRoundStake: "ZERO", jackpotWins: "EXCLUDED" },
      deductions: [
        { type: "JACKPOT_CONTRIBUTION", source: "TRANSACTIONS" },
        { type: "BONUS", source: "TRANSACTIONS", cap: { rate: "0.1", basis: { measure: "GGR" } } },
      ],
    };
    const place = await open({ fx: undefined, base }, ["USD"]);
    const [statement] = await settled(place, [
      { kind: "BET", amount: "1240000.00" },
      { kind: "WIN", amount: "1170000.00" },
      { kind: "BONUS", amount: "12000.00" },
      { kind: "JACKPOT_CONTRIBUTION", amount: "12400.00" },
      { kind: "JACKPOT_WIN", amount: "50000.00" },
    ]);
    expect(statement?.closing).toBe("-31528.00");
    const money = statement?.lines.filter(({ section }) => section === LineSection.EARNED);
    expect(money?.map(({ code, amount }) => [code, amount])).toEqual([
      ["SHARE", "6072.00"],
      ["JACKPOT_CONTRIBUTIONS", "12400.00"],
      ["JACKPOT_WINS", "-50000.00"],
    ]);
    expect(await balances(place, "USD", AccountName.POSITION, AccountName.JACKPOT_POOL)).toEqual([3_152_800n, 0n]);
  });
});
