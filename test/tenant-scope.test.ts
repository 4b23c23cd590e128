import { describe, expect, test } from "vitest";
import { numberActsForAllTenants } from "../src/events/relay/service.js";
import { pollForAllTenants, sweepForAllTenants } from "../src/exchange/posting/jobs.js";
import { present } from "../src/kernel/assert.js";
import { balancesAt } from "../src/ledger/history/service.js";
import { fsck } from "../src/operations/fsck/service.js";
import { purgeAnswersForAllTenants } from "../src/platform/idempotency.js";
import { tryLease } from "../src/platform/lease.js";
import { closeDueForAllTenants, sweepDueForAllTenants } from "../src/settlement/flows/jobs.js";
import { createPayoutFile, voidPayoutFile } from "../src/settlement/payout-files/service.js";
import { PayoutState } from "../src/settlement/payouts/entities.js";
import { markPayoutPaid, markPayoutReturned, payoutsOf } from "../src/settlement/payouts/service.js";
import { planAheadForAllTenants } from "../src/settlement/planning/service.js";
import { settle } from "../src/settlement/runs/service.js";
import { tenantsForAllTenants } from "../src/tenancy/service.js";
import { signCheckpoint } from "../src/transparency/service.js";
import { EUROS, openPaid, released } from "./settlement/payout-place.js";
import { openPlace, report, submit } from "./settlement/place.js";
import { testApi } from "./support/api.js";
import { testApp } from "./support/app.js";
import { seedClient, seedPartner, seedTenant } from "./support/seeds.js";
import { ALL_TENANTS, recordSql, tenantTables, unscopedStatements } from "./support/tenant-scope.js";

const sql = recordSql();
const app = await testApp({ sqlLogger: sql.logger });
const api = await testApi(app);
const tables = tenantTables(app.database);

test("every statement of the API's flows says whose rows it reaches", async () => {
  const home = await seedTenant(app);
  const partner = await seedPartner(app, home);
  const admin = await seedClient(app, home.actor, null);
  const reads = `{
    viewer { clientId tenant { name } partner { id } }
    tenant { id }
    partners { totalCount edges { node { id } } }
    partner(id: "${partner.partner.id}") { id balances { version } }
    node(id: "${partner.partner.id}") { id }
    batches(partnerId: "${partner.partner.id}") { totalCount edges { node { id outcomes { totalCount } } } }
    transactions(filter: { partnerId: "${partner.partner.id}" }) { edges { node { externalId } } }
  }`;
  const asAdmin =
    "{ clients { totalCount edges { node { id keys { id } } } } keys { totalCount edges { node { id } } } }";
  for (const [query, token] of [
    [reads, await partner.token()],
    [reads, await admin.token()],
    [asAdmin, await admin.token()],
  ] as const) {
    const { errors } = await api.ask({ query, token });
    expect(errors).toBeUndefined();
  }
  const statements = sql.statements();
  expect(statements.length).toBeGreaterThan(20);
  expect(unscopedStatements(statements, tables)).toEqual([]);
});

test("every statement of posting, numbering, settling and checking says whose rows it reaches", async () => {
  app.clock.set("2026-03-10T12:00:00.000Z");
  const place = await openPlace(app, "2026-03-01T15:00:00.000Z");
  const bet = { kind: "BET", amount: "10.00", occurredAt: "2026-03-02T06:00:00.000Z", brand: "main" };
  const before = sql.statements().length;
  await report(app, place, [bet, { ...bet, kind: "WIN", amount: "4.00" }]);
  const batch = await submit(app, place, [{ ...bet, kind: "ROLLBACK", reverses: "unseen" }]);
  await sweepForAllTenants(app, app.clock.now());
  await pollForAllTenants(app);
  await settle(app, place.shell, { partnerId: place.partner.id, through: new Date("2026-03-05T15:00:00.000Z") });
  await sweepDueForAllTenants(app);
  await closeDueForAllTenants(app);
  await planAheadForAllTenants(app);
  await purgeAnswersForAllTenants(app);
  await numberActsForAllTenants(app, present(await tryLease(app, "test"), "a lease of the test's own"));
  for (const tenant of await tenantsForAllTenants(app)) await signCheckpoint(app, tenant);
  await balancesAt(app, place.partner, app.clock.now());
  const query = `{
    batch(id: "${batch.id}") { partner { id } inclusionProof { leaf } outcomes { edges { node { code } } } }
    settlementPeriods { edges { node { id statements { id lines { code } configuration { version } } } } }
    statements { totalCount edges { node { id jws } } } }`;
  expect((await api.ask({ query, token: await place.token() })).errors).toBeUndefined();
  expect((await fsck(app, { tenantId: place.tenant.id })).differences).toEqual([]);
  const statements = sql.statements().slice(before);
  expect(statements.length).toBeGreaterThan(80);
  expect(unscopedStatements(statements, tables)).toEqual([]);
});

test("every statement of paying says whose rows it reaches", async () => {
  const place = await openPaid(app, "2026-03-01T15:00:00.000Z");
  const before = sql.statements().length;
  await released(app, place, "2026-03-02", "100.00");
  const marks = [markPayoutPaid, markPayoutReturned];
  for (const done of ["marked", "voided"]) {
    const { id } = await createPayoutFile(app, place.shell, EUROS);
    if (done === "voided") await voidPayoutFile(app, place.shell, { payoutFileId: id, reason: "RJCT" });
    const filter = { partner: null, fileId: id, statementId: null, state: PayoutState.EXPORTED, endToEndId: null };
    const { rows } = await payoutsOf(app, place.shell, filter, {});
    for (const mark of marks) {
      for (const payout of rows) await mark(app, place.shell, { payoutId: payout.id, amount: null, note: null });
    }
  }
  const admin = await seedClient(app, place.shell, null);
  const query = `{
    payables(currency: "EUR") { totalCount edges { node { owed { amount } } } }
    payoutFiles { totalCount edges { node { id } } } payoutAccounts { totalCount edges { node { number } } }
    payouts(partnerId: "${place.partner.id}") { totalCount edges { node { id account { id } } } } }`;
  expect((await api.ask({ query, token: await admin.token() })).errors).toBeUndefined();
  expect((await fsck(app, { tenantId: place.tenant.id })).differences).toEqual([]);
  const statements = sql.statements().slice(before);
  expect(statements.length).toBeGreaterThan(40);
  expect(unscopedStatements(statements, tables)).toEqual([]);
});

describe("the check itself", () => {
  test("knows every table of a tenant's", () => {
    expect([...tables]).toEqual(
      expect.arrayContaining(["act", "batch", "client", "entry_line", "partner", "statement"]),
    );
    expect([...tables]).not.toEqual(expect.arrayContaining(["lease"]));
  });

  test.each([
    "select * from batch where id = ?",
    "SELECT `Batch`.`tenant_no` AS `a`, `Batch`.`id` FROM `batch` `Batch` WHERE `Batch`.`id` = ?",
    "select tenant_no from batch where id = ? order by tenant_no limit 1",
    "select b.id from batch b join partner p on p.no = b.partner_no where b.tenant_no = ?",
    "select id from partner where tenant_id = ? and no in (select partner_no from batch where state = 'POSTED')",
    "select * from partner where tenant_id = ? union all select * from partner where code = 'tenant_id'",
    "select count(*) from act",
    "update batch set tenant_no = ?, state = ? where no = ?",
    "delete from act where no < ?",
    "insert into batch (id, state) values ?",
    "insert into batch (tenant_no, id) select 1, id from partner",
  ])("finds %s", (statement) => {
    expect(unscopedStatements([statement], tables)).toEqual([statement]);
  });

  test.each([
    "select * from batch where tenant_no = ? and id = ?",
    "SELECT `Batch`.`id` FROM `batch` `Batch` WHERE (`Batch`.`tenant_no` = ?) ORDER BY `Batch`.`no`",
    "select b.id from batch b join partner p on p.tenant_no = b.tenant_no where b.tenant_no = ?",
    "insert into batch (tenant_no, id) values ?",
    "update batch set state = ? where (tenant_no, no) in (?)",
    "select holder from lease where name = ?",
    "select id from tenant",
    "START TRANSACTION",
    `select tenant_no, partner_no from batch ${ALL_TENANTS} where state = 'ACCEPTED'`,
  ])("passes %s", (statement) => {
    expect(unscopedStatements([statement], tables)).toEqual([]);
  });
});
