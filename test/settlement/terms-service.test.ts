import { expect, test } from "vitest";
import { publicKeysForAllTenants } from "../../src/identity/platform-keys/service.js";
import { AccountName } from "../../src/ledger/entities.js";
import { balanceOf } from "../../src/ledger/service.js";
import { type SettledRow, settle } from "../../src/settlement/runs/service.js";
import { documentOf, statementOf, verifyStatement } from "../../src/settlement/statements/service.js";
import { testApp } from "../support/app.js";
import { example } from "../support/contracts.js";
import { openPlace, type Place, report } from "./place.js";

const app = await testApp();

/** Seoul's days begin at 15:00 UTC: the first period is that of 2 March. */
const DAYS = [1, 2, 3, 4, 5].map((day) => `2026-03-0${day}T15:00:00.000Z`);
const [DAY_1 = "", DAY_2 = "", DAY_3 = ""] = DAYS;

async function openWith(changes: object): Promise<Place> {
  app.clock.set("2026-03-01T16:00:00.000Z");
  const { base: _, ...daily } = example("config-daily-12pct");
  const base = { measure: "GGR", freeRoundStake: "ZERO", jackpotWins: "EXCLUDED" };
  return openPlace(app, DAY_1, { document: { ...daily, base, ...changes } });
}

async function settleThrough(place: Place, through: string): Promise<SettledRow[]> {
  app.clock.set(through);
  return settle(app, place.shell, { partnerId: place.partner.id, through: new Date(through) });
}

async function documentsOf(place: Place, rows: readonly SettledRow[]) {
  const statements = await Promise.all(rows.map(({ statementId }) => statementOf(app, place.actor, statementId)));
  const jwks = { keys: await publicKeysForAllTenants(app) };
  for (const { jws } of statements) expect(verifyStatement(jws, jwks)).toBeNull();
  return statements.map(documentOf);
}

function balance({ partner }: Place, account: AccountName): Promise<bigint> {
  return balanceOf(app.database.manager, partner, account, "USD");
}

test("a tier window, a reserve and a tax run through the statements of three days", async () => {
  const place = await openWith({
    share: {
      ...{ kind: "TIERED", mode: "SLAB", window: "MONTH" },
      brackets: [{ upTo: "5000", rate: "0.25" }, { upTo: "20000", rate: "0.3" }, { rate: "0.35" }],
    },
    reserve: { rate: "0.05", of: "EARNED", releaseAfterPeriods: 2 },
    taxes: { withholding: { rate: "0.033" } },
  });
  for (const [index, amount] of ["4000.00", "3000.00", "15000.00"].entries()) {
    const occurredAt = DAYS[index] ?? "";
    app.clock.set(new Date(new Date(occurredAt).getTime() + 1_000).toISOString());
    await report(app, place, [{ kind: "BET", amount, occurredAt }]);
  }
  const rows = await settleThrough(place, DAYS[3] ?? "");
  expect(rows.map(({ earned }) => earned)).toEqual(["1000.00", "1100.00", "5600.00"]);

  const documents = await documentsOf(place, rows);
  expect(documents.map(({ reserveHeld, reserveReleased }) => [reserveHeld, reserveReleased])).toEqual([
    ["50.00", "0.00"],
    ["55.00", "0.00"],
    ["280.00", "50.00"],
  ]);
  expect(documents.map(({ payable, taxWithheld }) => [payable, taxWithheld])).toEqual([
    ["950.00", "31.35"],
    ["1045.00", "34.48"], // 34.485, half to even
    ["5370.00", "177.21"],
  ]);
  documents.slice(1).forEach((document, index) => {
    expect(document.state.opening).toEqual(documents[index]?.state.closing);
  });
  expect(await balance(place, AccountName.RESERVE)).toBe(-33_500n);
  expect(await balance(place, AccountName.TAX_WITHHELD)).toBe(-24_304n);
  expect(await balance(place, AccountName.PAYABLE)).toBe(-(736_500n - 24_304n));
  expect(await balance(place, AccountName.PARTNER_COST)).toBe(770_000n);
  expect(await balance(place, AccountName.POSITION)).toBe(0n);
});

test("a brand and a product settle at their own terms, and the statement says where what happened", async () => {
  const place = await openWith({
    overrides: [
      { for: { brand: "main" }, share: { kind: "FLAT", rate: "0.2" } },
      { for: { product: "dice" }, share: { kind: "FLAT", rate: "0.3" } },
    ],
  });
  await report(app, place, [
    { kind: "BET", amount: "100.00", occurredAt: DAY_1, brand: "main" },
    { kind: "WIN", amount: "150.00", occurredAt: DAY_1, brand: "main" },
    { kind: "BET", amount: "100.00", occurredAt: DAY_1, brand: "main", product: "dice" },
    { kind: "BET", amount: "100.00", occurredAt: DAY_1 },
  ]);
  app.clock.set(DAY_2);
  await report(app, place, [{ kind: "BET", amount: "60.00", occurredAt: DAY_2, brand: "main" }]);
  const rows = await settleThrough(place, DAY_3);
  expect(rows.map(({ earned, carryOut }) => [earned, carryOut])).toEqual([
    ["42.00", "-50.00"], // 12 % and 30 %; the brand's loss is carried for the brand
    ["2.00", "0.00"], // 20 % of 60 less 50
  ]);
  const [first] = await documentsOf(place, rows);
  expect(first?.totals).toContainEqual({
    ...{ kind: "BET", category: "", originPeriodId: null, count: 1, units: "0", sum: "100.00" },
    ...{ brand: "main", product: "dice", productCategory: "OTHER" },
  });
});
