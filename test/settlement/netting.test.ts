import { expect, onTestFinished, test } from "vitest";
import { AccountName } from "../../src/ledger/entities.js";
import { balanceOf, balancesOf } from "../../src/ledger/service.js";
import { fsck } from "../../src/operations/fsck/service.js";
import { PeriodState } from "../../src/periods/entities.js";
import { closeApp } from "../../src/platform/open-app.js";
import { setOffDebts, setOffsOf, sweepSetOffsForAllTenants } from "../../src/settlement/netting/service.js";
import { approveStatement, releaseStatement } from "../../src/settlement/reviews/service.js";
import { settle } from "../../src/settlement/runs/service.js";
import { statementOf } from "../../src/settlement/statements/service.js";
import { testApi } from "../support/api.js";
import { openTestApp, testApp } from "../support/app.js";
import { example } from "../support/contracts.js";
import { type SeededTenant, seedTenant } from "../support/seeds.js";
import { SqlFaults } from "../support/sql-faults.js";
import { activate, openPlace, type Place, report } from "./place.js";

const app = await testApp();
const api = await testApi(app);

const [DAY_1, DAY_2] = ["2026-03-01T15:00:00.000Z", "2026-03-02T15:00:00.000Z"];
const DAY_9 = "2026-03-09T15:00:00.000Z";
const { base: _, ...DAILY } = example("config-daily-12pct");
const GGR = { measure: "GGR", freeRoundStake: "ZERO", jackpotWins: "EXCLUDED" };

async function open(home: SeededTenant, code: string, others: readonly string[]): Promise<Place> {
  app.clock.set(DAY_1);
  return openPlace(app, DAY_1, { home, code, document: nettingWith(others) });
}

function nettingWith(others: readonly string[]): Readonly<Record<string, unknown>> {
  const netting = others.length === 0 ? {} : { netting: { with: others } };
  return { ...DAILY, base: GGR, payout: { minimum: "0", negative: "COLLECT" }, ...netting };
}

/** Adjusts what a partner is due by an amount, through its fees or jackpots, and settles the day. */
async function settled(place: Place, dollars: number): Promise<void> {
  const kind = dollars < 0 ? "JACKPOT_WIN" : "JACKPOT_CONTRIBUTION";
  app.clock.set(DAY_1);
  await report(app, place, [{ kind, amount: `${Math.abs(dollars)}.00`, occurredAt: DAY_1 }]);
  app.clock.set(DAY_2);
  const statementId = await close(place);
  await approveStatement(app, place.shell, statementId);
  await releaseStatement(app, place.shell, statementId);
}

/** Settles the day; answers the statement, which nobody approved yet. */
async function close({ shell, partner }: Place): Promise<string> {
  const rows = await settle(app, shell, { partnerId: partner.id, through: new Date(DAY_2) });
  return rows.at(-1)?.statementId ?? "";
}

async function owed({ partner }: Place): Promise<bigint> {
  return -(await balanceOf(app.database.manager, partner, AccountName.PAYABLE, "USD"));
}

test("opposite debts of linked partners are set off when the second is released, both gross legs kept", async () => {
  const home = await seedTenant(app);
  const studio = await open(home, "studio-a", ["resale-a"]);
  const resale = await open(home, "resale-a", ["studio-a"]);
  await settled(studio, 18_472);
  expect(await owed(studio)).toBe(1_847_200n);
  await settled(resale, -50_000);
  expect([await owed(studio), await owed(resale)]).toEqual([0n, -3_152_800n]); // 18,472 − 50,000
  for (const place of [studio, resale]) {
    expect((await setOffsOf(app, place.partner, {})).rows).toMatchObject([
      {
        ...{ creditorId: studio.partner.id, debtorId: resale.partner.id, currency: "USD", amountMinor: 1_847_200n },
        ...{ owedToCreditorMinor: 1_847_200n, owedByDebtorMinor: 5_000_000n },
      },
    ]);
    const hot = await balancesOf(app, place.partner, null);
    const payable = hot.accounts.find(({ account }) => account === AccountName.PAYABLE)?.balanceMinor ?? 0n;
    expect(payable).toBe(-(await owed(place)));
  }
  const told: { partnerNo: number; statements: string | null }[] = await app.database.query(
    `select partner_no as partnerNo, json_extract(detail, '$.after.statements[0].amount') as statements
     from act where tenant_no = ? and type = 'DEBTS_SET_OFF' order by partner_no`,
    [home.tenant.no],
  );
  expect(told).toEqual([
    { partnerNo: studio.partner.no, statements: "18472.00" }, // the creditor's own, of what it was taken
    { partnerNo: resale.partner.no, statements: null },
  ]);
  await Promise.all([studio, resale, studio].map(({ shell, partner }) => setOffDebts(app, shell, partner)));
  expect((await setOffsOf(app, studio.partner, {})).rows).toHaveLength(1);
  expect((await fsck(app, { tenantId: home.tenant.id })).differences).toEqual([]);
});

test("what nobody released is not set off, whichever of the two it is", async () => {
  const home = await seedTenant(app);
  const [left, right] = [await open(home, "left-b", ["right-b"]), await open(home, "right-b", ["left-b"])];
  app.clock.set(DAY_1);
  await report(app, left, [{ kind: "JACKPOT_CONTRIBUTION", amount: "70.00", occurredAt: DAY_1 }]);
  await report(app, right, [{ kind: "JACKPOT_WIN", amount: "50.00", occurredAt: DAY_1 }]);
  app.clock.set(DAY_2);
  const [credit, debt] = [await close(left), await close(right)];
  expect([await owed(left), await owed(right)]).toEqual([7_000n, -5_000n]);
  await approveStatement(app, left.shell, credit);
  await releaseStatement(app, left.shell, credit);
  await approveStatement(app, right.shell, debt);
  await Promise.all([left, right].map(({ shell, partner }) => setOffDebts(app, shell, partner)));
  expect([await owed(left), await owed(right)]).toEqual([7_000n, -5_000n]); // the debt is approved, not released
  await releaseStatement(app, right.shell, debt);
  expect([await owed(left), await owed(right)]).toEqual([2_000n, 0n]);
  expect((await statementOf(app, right.shell, debt)).state).toBe(PeriodState.PAID);
  expect((await fsck(app, { tenantId: home.tenant.id })).differences).toEqual([]);
});

test("both released at once set off each debt once", async () => {
  const home = await seedTenant(app);
  const [left, right] = [await open(home, "left-a", ["right-a"]), await open(home, "right-a", ["left-a"])];
  app.clock.set(DAY_1);
  await report(app, left, [{ kind: "JACKPOT_CONTRIBUTION", amount: "70.00", occurredAt: DAY_1 }]);
  await report(app, right, [{ kind: "JACKPOT_WIN", amount: "50.00", occurredAt: DAY_1 }]);
  app.clock.set(DAY_2);
  const statements = await Promise.all([left, right].map(close));
  for (const id of statements) await approveStatement(app, left.shell, id);
  await Promise.all(statements.map((id) => releaseStatement(app, left.shell, id)));
  expect([await owed(left), await owed(right)]).toEqual([2_000n, 0n]);
  expect((await setOffsOf(app, left.partner, {})).rows).toHaveLength(1);
  expect((await fsck(app, { tenantId: home.tenant.id })).differences).toEqual([]);
});

test("a set-off that died with its process right after the release is made up for by the sweeper, once", async () => {
  const home = await seedTenant(app);
  const [left, right] = [await open(home, "left-c", ["right-c"]), await open(home, "right-c", ["left-c"])];
  await settled(left, 70);
  app.clock.set(DAY_1);
  await report(app, right, [{ kind: "JACKPOT_WIN", amount: "50.00", occurredAt: DAY_1 }]);
  app.clock.set(DAY_2);
  const debt = await close(right);
  await approveStatement(app, right.shell, debt);
  const faults = new SqlFaults();
  const dying = await openTestApp({ clock: app.clock, sqlLogger: faults });
  onTestFinished(() => closeApp(dying));
  faults.fail("INSERT INTO `set_off`", { errno: 1290, sqlState: "HY000" }, 1);
  await expect(releaseStatement(dying, right.shell, debt)).rejects.toThrow("injected");
  expect(faults.struck()).toBe(1);
  expect((await statementOf(app, right.shell, debt)).state).toBe(PeriodState.PAYABLE); // released it was
  expect([await owed(left), await owed(right)]).toEqual([7_000n, -5_000n]);
  await Promise.all([sweepSetOffsForAllTenants(app), sweepSetOffsForAllTenants(app)]);
  expect([await owed(left), await owed(right)]).toEqual([2_000n, 0n]);
  await sweepSetOffsForAllTenants(app);
  expect((await setOffsOf(app, left.partner, {})).rows).toHaveLength(1);
  expect((await statementOf(app, right.shell, debt)).state).toBe(PeriodState.PAID);
  expect((await fsck(app, { tenantId: home.tenant.id })).differences).toEqual([]);
});

test("nothing is set off where one does not name the other, where both are owed, or across tenants", async () => {
  const home = await seedTenant(app);
  const [named, silent] = [await open(home, "named-a", ["silent-a"]), await open(home, "silent-a", [])];
  await settled(silent, -50);
  await settled(named, 70);
  expect([await owed(named), await owed(silent)]).toEqual([7_000n, -5_000n]);
  const [one, two] = [await open(home, "one-a", ["two-a"]), await open(home, "two-a", ["one-a"])];
  await settled(one, 10);
  await settled(two, 20);
  expect([await owed(one), await owed(two)]).toEqual([1_000n, 2_000n]);
  const elsewhere = await open(await seedTenant(app), "two-a", ["one-a"]);
  await settled(elsewhere, -10);
  expect([await owed(one), await owed(elsewhere)]).toEqual([1_000n, -1_000n]);
});

test("a version for a later instant links nobody before it, and does not end a link before it either", async () => {
  const home = await seedTenant(app);
  const [later, early] = [await open(home, "later-a", []), await open(home, "early-a", ["later-a"])];
  await activate(app, later, nettingWith(["early-a"]), DAY_9);
  await settled(later, 70);
  await settled(early, -50);
  expect([await owed(later), await owed(early)]).toEqual([7_000n, -5_000n]);
  await sweepSetOffsForAllTenants(app);
  expect([await owed(later), await owed(early)]).toEqual([7_000n, -5_000n]);
  app.clock.set(DAY_9);
  await sweepSetOffsForAllTenants(app);
  expect([await owed(later), await owed(early)]).toEqual([2_000n, 0n]);
  const [leaving, left] = [await open(home, "leaving-a", ["left-a"]), await open(home, "left-a", ["leaving-a"])];
  await activate(app, leaving, nettingWith([]), DAY_9);
  await settled(leaving, 70);
  await settled(left, -50);
  expect([await owed(leaving), await owed(left)]).toEqual([2_000n, 0n]);
});

test("a partner reads its set-offs, and nobody else's", async () => {
  const home = await seedTenant(app);
  const studio = await open(home, "studio-b", ["resale-b"]);
  const resale = await open(home, "resale-b", ["studio-b"]);
  await settled(studio, 5);
  await settled(resale, -9);
  app.clock.set(new Date());
  const legs = "amount { amount } owedToCreditor { amount } owedByDebtor { amount }";
  const query = `{ setOffs { totalCount edges { node { creditorId ${legs} } } } }`;
  const { data } = await api.ask({ query, token: await resale.token() });
  expect(data).toEqual({
    setOffs: {
      totalCount: 1,
      edges: [
        {
          node: {
            ...{ creditorId: studio.partner.id, amount: { amount: "5.00" } },
            ...{ owedToCreditor: null, owedByDebtor: { amount: "9.00" } },
          },
        },
      ],
    },
  });
  const { data: creditors } = await api.ask({ query, token: await studio.token() });
  expect(creditors.setOffs.edges[0].node).toMatchObject({ owedToCreditor: { amount: "5.00" }, owedByDebtor: null });
  const other = `{ setOffs(partnerId: "${studio.partner.id}") { totalCount } }`;
  const { errors } = await api.ask({ query: other, token: await resale.token() });
  expect(errors?.[0]?.extensions["code"]).toBe("NOT_FOUND");
});
