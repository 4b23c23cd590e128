import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { publicKeysForAllTenants } from "../../src/identity/platform-keys/service.js";
import { decimalText } from "../../src/kernel/money.js";
import { balancesOf } from "../../src/ledger/service.js";
import { fsck } from "../../src/operations/fsck/service.js";
import { PeriodState } from "../../src/periods/entities.js";
import { settle } from "../../src/settlement/runs/service.js";
import type { StatementDocument } from "../../src/settlement/statement-schema.js";
import { documentOf, statementOf, verifyStatement } from "../../src/settlement/statements/service.js";
import { testApp } from "../support/app.js";
import { example } from "../support/contracts.js";
import { ruled, table } from "../support/rules.js";
import { activate, openPlace, type Place, periods, type Reported, report } from "./place.js";
import { DAY_1, DAY_2, DAY_3 } from "./replying.js";

const app = await testApp();

const PROGRAM = new URL("recompute.py", import.meta.url).pathname;
const hasPython = spawnSync("python3", ["--version"]).status === 0;
const DAILY = example("config-daily-12pct");
const GGR = { measure: "GGR", freeRoundStake: "ZERO", jackpotWins: "EXCLUDED" };
const CREDIT = { drawAt: "SETTLEMENT", whenExhausted: "POSTPAY_OVERAGE" };
const AT_ORIGIN = { lateItems: "ORIGIN_TERMS" };
const ANY = ruled(table({ inputs: ["ggr"], outputs: ["rate"], rows: [["", '"0.1"']] }), ["CATEGORY"]);

async function open(document: object): Promise<Place> {
  app.clock.set(DAY_1);
  return openPlace(app, DAY_1, { document: JSON.parse(JSON.stringify(document)) });
}

/** Settles by an instant; the last statement, verified here and elsewhere, the books sound. */
async function settledBy(place: Place, through: string): Promise<StatementDocument> {
  app.clock.set(through);
  const rows = await settle(app, place.shell, { partnerId: place.partner.id, through: new Date(through) });
  const statement = await statementOf(app, place.actor, rows.at(-1)?.statementId ?? "");
  const document = documentOf(statement);
  expect(verifyStatement(statement.jws, { keys: await publicKeysForAllTenants(app) })).toBeNull();
  if (hasPython) {
    const { stdout, stderr } = spawnSync("python3", [PROGRAM], { input: JSON.stringify([document]) });
    expect([stdout.toString().trim(), stderr.toString()]).toEqual(["", ""]);
  }
  expect((await fsck(app, { tenantId: place.tenant.id })).differences).toEqual([]);
  return document;
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

  test("is asked again at the origin's terms about late items, purchases of credit and their return among them", async () => {
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
