import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { publicKeysForAllTenants } from "../../src/identity/platform-keys/service.js";
import { later } from "../../src/kernel/clock.js";
import { AccountName } from "../../src/ledger/entities.js";
import { balanceOf } from "../../src/ledger/service.js";
import { fsck } from "../../src/operations/fsck/service.js";
import { dayEndMs } from "../../src/periods/rules.js";
import { settle } from "../../src/settlement/runs/service.js";
import type { StatementDocument } from "../../src/settlement/statement-schema.js";
import { documentOf, statementOf, verifyStatement } from "../../src/settlement/statements/service.js";
import { RateType } from "../../src/settlement/terms/fx.js";
import { testApp } from "../support/app.js";
import { example } from "../support/contracts.js";
import { openPlace, type Place, quoteRate, type Reported, report } from "./place.js";

const app = await testApp();
const PROGRAM = new URL("recompute.py", import.meta.url).pathname;
const hasPython = spawnSync("python3", ["--version"]).status === 0;
const DAY_MS = 86_400_000;
/** Monday 2 March in Seoul; a week ends a week later. */
const MONDAY = new Date("2026-03-01T15:00:00.000Z");
const GGR = { measure: "GGR", freeRoundStake: "FACE_VALUE", jackpotWins: "EXCLUDED" };
const WEEKLY = {
  ...example("config-daily-12pct"),
  ...{ cycle: { kind: "WEEKLY", weekday: "MONDAY" }, base: GGR, share: { kind: "FLAT", rate: "0.5" } },
  fx: { to: "EUR", type: "TRANSACTION", source: "ECB" },
};

/** Noon in Seoul, so many days after that Monday. */
const on = (day: number) => later(MONDAY, day * DAY_MS + DAY_MS / 2).toISOString();

async function open(changes: object = {}): Promise<Place> {
  app.clock.set(on(8));
  const currencies = ["EUR", "USD"];
  return openPlace(app, MONDAY.toISOString(), { document: { ...WEEKLY, ...changes }, currencies });
}

async function quote(place: Place, day: number, rate: string): Promise<void> {
  const pair = { base: "USD", quote: "EUR", type: RateType.TRANSACTION, source: "ECB" };
  await quoteRate(app, place, { ...pair, rate, asOf: new Date(on(day)) });
}

function item(day: number, kind: string, amount: number, more: object = {}): Reported {
  return { kind, amount: `${amount}.00`, occurredAt: on(day), ...more };
}

async function settleWeek(place: Place, week = 1): Promise<StatementDocument[]> {
  const through = later(MONDAY, week * 7 * DAY_MS);
  const rows = await settle(app, place.shell, { partnerId: place.partner.id, through });
  const jwks = { keys: await publicKeysForAllTenants(app) };
  const statements = await Promise.all(rows.map(({ statementId }) => statementOf(app, place.actor, statementId)));
  for (const { jws } of statements) expect(verifyStatement(jws, jwks)).toBeNull();
  const documents = statements.map(documentOf);
  if (hasPython) {
    const { stdout, stderr } = spawnSync("python3", [PROGRAM], { input: JSON.stringify(documents) });
    expect([stdout.toString().trim(), stderr.toString()]).toEqual(["", ""]);
  }
  expect((await fsck(app, { tenantId: place.tenant.id })).differences).toEqual([]);
  return documents;
}

describe("domain 9, FX at the rate of each transaction", () => {
  test("each day is converted at its own rate, and makes one base with the statement's currency", async () => {
    const place = await open();
    await quote(place, 0, "0.9");
    await quote(place, 2, "0.8");
    await report(app, place, [
      item(0, "BET", 1_000),
      item(2, "BET", 500),
      item(2, "WIN", 100),
      item(1, "BET", 10, { currency: "EUR" }),
    ]);
    const [statement, ...others] = await settleWeek(place);
    expect(others).toEqual([]);
    expect(statement).toMatchObject({ currency: "EUR", base: "1230.00", earned: "615.00" }); // 900 + 400 − 80 + 10
    expect(statement?.conversions?.map(({ day, rates }) => [day, rates[0]?.rate])).toEqual([
      ["2026-03-02", "0.9"],
      ["2026-03-04", "0.8"],
    ]);
    expect(statement?.totals.filter(({ day }) => day === "2026-03-04").map(({ kind, sum }) => [kind, sum])).toEqual([
      ["BET", "500.00"],
      ["WIN", "100.00"],
    ]);
  });

  test("a reversal is converted at its original's rate", async () => {
    const place = await open();
    await quote(place, 0, "0.9");
    await quote(place, 3, "0.5");
    await report(app, place, [item(0, "BET", 1_000, { id: "b-1" })]);
    const rollback = { product: undefined, reverses: "b-1" };
    await report(app, place, [item(3, "ROLLBACK", 1_000, rollback), item(3, "BET", 10)]);
    const [statement] = await settleWeek(place);
    expect(statement?.base).toBe("5.00");
  });

  test("a day without a rate takes the last one before, at most seven days old; none stops the partner", async () => {
    const place = await open();
    await report(app, place, [item(6, "BET", 100)]);
    await quote(place, -1, "0.7");
    await expect(settleWeek(place)).rejects.toMatchObject({ code: "RATE_MISSING" });
    await quote(place, 0, "0.8");
    expect((await settleWeek(place))[0]?.base).toBe("80.00");
  });

  test("what posting owed comes over day by day, and both sides of FX_CLEARING are kept", async () => {
    const place = await open();
    await quote(place, 0, "0.9");
    await quote(place, 1, "0.8");
    const fee = { category: "PROVIDER" };
    await report(app, place, [item(0, "FEE", 100, fee), item(1, "FEE", 100, fee), item(1, "JACKPOT_WIN", 50)]);
    const [statement] = await settleWeek(place);
    expect(
      statement?.lines.flatMap(({ code, amount }) => (code === "FEES" || code === "JACKPOT_WINS" ? [amount] : [])),
    ).toEqual([...["-40.00", "170.00"]]);
    const of = (account: AccountName, currency: string) =>
      balanceOf(app.database.manager, place.partner, account, currency);
    expect(await of(AccountName.FEE_DUE, "USD")).toBe(0n);
    expect([await of(AccountName.FX_CLEARING, "USD"), await of(AccountName.FX_CLEARING, "EUR")]).toEqual([
      -15_000n,
      13_000n,
    ]);
  });

  test("with a ring-fence players are told apart by day, and late items keep the day of their origin", async () => {
    const ringFence = { playerAtMost: "-700", aggregateAtMost: "-200" };
    const place = await open({ carryOver: { policy: "NONE", ringFence }, lateItems: "ORIGIN_TERMS" });
    await quote(place, 0, "0.9");
    await quote(place, 1, "0.5");
    await report(app, place, [
      item(0, "WIN", 1_000, { player: "A" }),
      item(1, "WIN", 100, { player: "A" }),
      item(1, "BET", 400),
    ]);
    const [first] = await settleWeek(place);
    expect([first?.base, first?.carryOut]).toEqual(["-750.00", "-750.00"]); // −900 − 50 + 200
    await quote(place, 7, "1");
    await report(app, place, [item(0, "WIN", 100, { player: "A" }), item(7, "BET", 10)]);
    app.clock.set(on(15));
    const second = (await settleWeek(place, 2)).at(-1);
    expect([second?.base, second?.carryIn, second?.earned]).toEqual(["10.00", "-840.00", "5.00"]);
    expect(second?.origins?.[0]?.conversions?.map(({ day }) => day)).toEqual(["2026-03-02", "2026-03-03"]);
  });
});

test("a local day ends with its last instant, whatever the clocks do", () => {
  expect(new Date(dayEndMs("2026-03-08", "America/New_York") ?? 0).toISOString()).toBe("2026-03-09T03:59:59.999Z");
  expect(new Date(dayEndMs("2026-03-02", "Asia/Seoul") ?? 0).toISOString()).toBe("2026-03-02T14:59:59.999Z");
  expect([dayEndMs("2026-02-30", "Asia/Seoul"), dayEndMs("2026-03-02", "Nowhere/At_All")]).toEqual([null, null]);
});
