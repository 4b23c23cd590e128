import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { Act } from "../../src/acts/entities.js";
import { sha256Hex } from "../../src/kernel/digest.js";
import { newId } from "../../src/kernel/ids.js";
import { fsck } from "../../src/operations/fsck/service.js";
import { register } from "../../src/server/commands/payouts.js";
import { createPayoutFile } from "../../src/settlement/payout-files/service.js";
import { Payout } from "../../src/settlement/payouts/entities.js";
import { markPayoutPaid } from "../../src/settlement/payouts/service.js";
import { Partner, PartnerKind } from "../../src/tenancy/entities.js";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { runCommand } from "../support/commands.js";
import { type SeededClient, seedClient, seedPartner, seedTenant } from "../support/seeds.js";
import { EUROS, openPaid, released } from "./payout-place.js";
import type { Place } from "./place.js";

const app = await testApp();
const api = await testApi(app);
const folder = mkdtempSync(join(tmpdir(), "quittance-payouts-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const [START, DAY] = ["2026-03-01T15:00:00.000Z", "2026-03-02"];

async function ask(from: SeededClient, query: string) {
  const { data, errors = [] } = await api.ask({ query, token: await from.token() });
  return { data, codes: errors.map(({ extensions }) => extensions["code"]) };
}

async function exported(): Promise<{ place: Place; payout: Payout }> {
  const place = await openPaid(app, START);
  await released(app, place, DAY, "100.00");
  const { id: fileId } = await createPayoutFile(app, place.shell, EUROS);
  const payout = await app.database.manager.findOneByOrFail(Payout, { tenantId: place.tenant.id, fileId });
  app.clock.set(new Date());
  return { place, payout };
}

describe("through the API", () => {
  test("who may manage payouts makes a file, downloads it and marks what the bank did", async () => {
    const place = await openPaid(app, START);
    await released(app, place, DAY, "100.00");
    app.clock.set(new Date());
    const payer = await seedClient(app, place.shell, null, ["payouts:manage"]);
    const before = await ask(
      payer,
      '{ payables(currency: "EUR") { totalCount edges { node { owed { amount } ready { amount } } } } }',
    );
    expect(before.data.payables).toEqual({
      totalCount: 1,
      edges: [{ node: { owed: { amount: "100.00" }, ready: { amount: "100.00" } } }],
    });
    const made = await ask(
      payer,
      `mutation { createPayoutFile(input: { idempotencyKey: "m", currency: "EUR" }) {
        payoutFile { id state transfers total { amount currency } sha256 path } } }`,
    );
    const { id, path, sha256, ...file } = made.data.createPayoutFile.payoutFile;
    expect(file).toEqual({ state: "MADE", transfers: 1, total: { amount: "100.00", currency: "EUR" } });
    const headers = { authorization: `Bearer ${await payer.token()}` };
    const response = await fetch(api.url + path, { headers });
    expect(response.headers.get("content-disposition")).toContain(`${id}.xml`);
    expect(sha256Hex(await response.text())).toBe(sha256);
    const listed = await ask(
      payer,
      `{ payouts(fileId: "${id}") { edges { node { id endToEndId account { number } } } } }`,
    );
    const [{ node: payout }] = listed.data.payouts.edges;
    expect(payout.account.number).toBe("DE89370400440532013000");
    const found = await ask(payer, `{ payouts(endToEndId: "${payout.endToEndId}") { totalCount } }`);
    expect(found.data.payouts.totalCount).toBe(1);
    const input = `{ idempotencyKey: "p", payoutId: "${payout.id}", note: "camt.054 17" }`;
    const paid = await ask(payer, `mutation { markPayoutPaid(input: ${input}) { payout { state paid { amount } } } }`);
    expect(paid.data.markPayoutPaid.payout).toEqual({ state: "PAID", paid: { amount: "100.00" } });
  });

  test("a partner reads its own payouts, its account masked, and no file; nobody reads another's", async () => {
    const { place, payout } = await exported();
    const own = await ask(
      place,
      "{ payouts { totalCount edges { node { id amount { amount } account { number } } } } }",
    );
    expect(own.data.payouts).toEqual({
      totalCount: 1,
      edges: [{ node: { id: payout.id, amount: { amount: "100.00" }, account: { number: "DE****3000" } } }],
    });
    expect((await ask(place, `{ payoutFile(id: "${payout.fileId}") { id } }`)).codes).toEqual(["FORBIDDEN"]);
    expect((await ask(place, '{ payables(currency: "EUR") { totalCount } }')).codes).toEqual(["FORBIDDEN"]);
    const input = `{ idempotencyKey: "x", payoutId: "${payout.id}" }`;
    const marking = `mutation { markPayoutPaid(input: ${input}) { payout { id } } }`;
    expect((await ask(place, marking)).codes).toEqual(["FORBIDDEN"]);
    const sibling = await seedPartner(app, place.home, { currencies: ["EUR"] });
    const elsewhere = await seedClient(app, (await seedTenant(app)).actor, null, ["payouts:manage"]);
    for (const other of [sibling, elsewhere]) {
      expect((await ask(other, `{ payout(id: "${payout.id}") { id } }`)).codes).toEqual(["NOT_FOUND"]);
    }
    expect((await ask(sibling, `{ payouts(partnerId: "${place.partner.id}") { totalCount } }`)).codes).toEqual([
      "NOT_FOUND",
    ]);
    expect((await ask(elsewhere, "{ payouts { totalCount } }")).data.payouts.totalCount).toBe(0);
    expect((await ask(elsewhere, marking)).codes).toEqual(["NOT_FOUND"]);
  });

  test("a download is refused without the scope, without a token, and of another tenant", async () => {
    const { place, payout } = await exported();
    const get = async (from: SeededClient | null, id = payout.fileId) => {
      const headers = from === null ? {} : { authorization: `Bearer ${await from.token()}` };
      return (await fetch(`${api.url}/payout-files/${id}.xml`, { headers })).status;
    };
    const elsewhere = await seedClient(app, (await seedTenant(app)).actor, null, ["payouts:manage"]);
    expect([await get(null), await get(place), await get(elsewhere), await get(elsewhere, "x")]).toEqual([
      401, 403, 404, 404,
    ]);
  });
});

describe("at the shell", () => {
  const servers = ["--database-url", app.config.databaseUrl, "--redis-url", app.config.redisUrl];

  beforeAll(() => {
    vi.stubEnv("QUITTANCE_MASTER_KEY", app.config.masterKey.toString("base64url"));
    return () => vi.unstubAllEnvs();
  });

  test("money is paid, comes back and is paid again, each by a command", async () => {
    const place = await openPaid(app, START, { payees: [] });
    const run = async (...args: string[]) => {
      const all = ["payout", ...args, "--json", "--tenant", place.tenant.id, ...servers];
      return JSON.parse((await runCommand(register, ...all)).stdout);
    };
    const account = ["--holder", "Müller", "--country", "DE", "--iban", "DE89 3704 0044 0532 0130 00"];
    const { id } = await run("account", "--partner", place.partner.id, "--currency", "EUR", ...account);
    const acts = await app.database.manager.findBy(Act, { tenantNo: place.tenant.no, subjectId: id });
    expect(acts.map(({ principalKind }) => principalKind)).toEqual(["OPERATOR_SHELL", "OPERATOR_SHELL"]);
    await released(app, place, DAY, "100.00");
    expect(await run("payable", "--currency", "EUR")).toMatchObject([{ owed: "100.00", ready: "100.00" }]);
    const out = join(folder, "first.xml");
    const file = await run("make", "--currency", "EUR", "--out", out);
    expect(file).toMatchObject({ transfers: 1, total: "100.00", sha256: sha256Hex(readFileSync(out)) });
    expect(statSync(out).mode & 0o777).toBe(0o600);
    const again = join(folder, "again.xml");
    await run("download", file.id, "--out", again);
    expect(readFileSync(again, "utf8")).toBe(readFileSync(out, "utf8"));
    const [payout] = await run("list", "--file", file.id);
    expect(await run("paid", payout.id, "--amount", "70.00")).toMatchObject({ state: "PARTLY_PAID", paid: "70.00" });
    expect(await run("returned", payout.id, "--note", "AC04")).toMatchObject({ state: "RETURNED", returned: "70.00" });
    const second = await run("make", "--currency", "EUR", "--out", join(folder, "second.xml"));
    expect(second).toMatchObject({ total: "100.00" });
    expect(await run("void", second.id, "--reason", "RJCT")).toMatchObject({ state: "VOIDED" });
    const third = await run("make", "--currency", "EUR", "--out", join(folder, "third.xml"));
    const [last] = await run("list", "--file", third.id);
    expect(await run("refused", last.id)).toMatchObject({ state: "REFUSED" });
    expect(await run("payable", "--currency", "EUR")).toMatchObject([{ owed: "100.00", ready: "100.00" }]);
  });

  test("payable lists more partners than a page holds, and list refuses a file that is none", async () => {
    const { tenant } = await seedTenant(app);
    const { id: tenantId, no: tenantNo } = tenant;
    const partners = Array.from({ length: 501 }, (_, index) => ({
      ...{ tenantId, tenantNo, id: newId("ptn", app.clock), code: `p${index}`, name: "p", timezone: "UTC" },
      ...{ kind: PartnerKind.AFFILIATE, currencyList: "EUR", postingPartition: 0, createdAt: app.clock.now() },
    }));
    await app.database.manager.insert(Partner, partners);
    await app.database.query(
      `insert into account (tenant_no, partner_no, account, currency, balance_minor, version)
       select tenant_no, no, 'PAYABLE', 'EUR', 100, 1 from partner where tenant_no = ?`,
      [tenantNo],
    );
    const run = (...args: string[]) => runCommand(register, "payout", ...args, "--tenant", tenantId, ...servers);
    expect(JSON.parse((await run("payable", "--currency", "EUR", "--json")).stdout)).toHaveLength(501);
    await expect(run("list", "--file", newId("pfl", app.clock))).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("nothing is claimed where a message cannot be written, and none is left where nothing is payable", async () => {
    const place = await openPaid(app, START);
    const out = join(folder, "none.xml");
    const make = ["payout", "make", "--tenant", place.tenant.id, "--currency", "EUR", "--out", out, ...servers];
    await expect(runCommand(register, ...make)).rejects.toMatchObject({ code: "VALIDATION" });
    expect(() => statSync(out)).toThrow("ENOENT");
    await released(app, place, DAY, "100.00");
    expect((await runCommand(register, ...make)).stdout).toMatch(/^File pfl_\w+: 1 transfers, 100\.00 EUR/);
    await released(app, place, "2026-03-03", "5.00");
    await expect(runCommand(register, ...make)).rejects.toThrow("EEXIST");
    expect(await app.database.manager.countBy(Payout, { tenantId: place.tenant.id })).toBe(1);
  });
});

describe("fsck", () => {
  test.each([
    [/ paid stm_\w+$/, "update payout set paid_minor = paid_minor - 1 where tenant_id = ?"],
    [
      /PAYABLE EUR$/,
      "update account set balance_minor = balance_minor - 1 where account = 'PAYABLE' and tenant_no = ?",
    ],
    [/ released stm_\w+$/, "update statement set paid_out_minor = paid_out_minor + 1 where tenant_no = ?"],
    [/ paid stm_\w+$/, "update entry set kind = 'SET_OFF' where kind = 'PAYMENT' and tenant_no = ?"],
  ])("names %s after %s", async (subject, sql) => {
    const { place, payout } = await exported();
    await markPayoutPaid(app, place.shell, { payoutId: payout.id, amount: null, note: null });
    expect(await fsck(app, { tenantId: place.tenant.id })).toMatchObject({ ok: true, checked: { payouts: 1 } });
    await app.database.query(sql, [sql.includes("tenant_no") ? place.tenant.no : place.tenant.id]);
    const { differences } = await fsck(app, { tenantId: place.tenant.id });
    const found = differences.filter(({ check }) => String(check) === "PAYOUTS");
    expect(found.map((each) => each.subject)).toEqual([expect.stringMatching(subject)]);
  });
});
