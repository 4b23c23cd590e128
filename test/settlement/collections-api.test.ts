import { beforeAll, describe, expect, test, vi } from "vitest";
import { Act } from "../../src/acts/entities.js";
import { register } from "../../src/server/commands/collections.js";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { runCommand } from "../support/commands.js";
import { type SeededClient, seedClient, seedPartner } from "../support/seeds.js";
import { openPaid, released } from "./payout-place.js";

const app = await testApp();
const api = await testApi(app);
const [START, DAY] = ["2026-03-01T15:00:00.000Z", "2026-03-02"];
const RECEIVABLES = `{ receivables(currency: "EUR") { totalCount edges { node { partner { id } due { amount }
  awaitingApproval { amount } statements { edges { node { statementId left { amount } paymentDueOn } } } } } } }`;

async function ask(from: SeededClient, query: string) {
  const { data, errors = [] } = await api.ask({ query, token: await from.token() });
  return { data, codes: errors.map(({ extensions }) => extensions["code"]) };
}

describe("through the API", () => {
  test("two people of the tenant book what a partner paid, and the partner sees what it owes and paid", async () => {
    const payout = { minimum: "0", negative: "COLLECT", dueAfterDays: 10 };
    const place = await openPaid(app, START, { payout });
    const debt = await released(app, place, DAY, "-30.00");
    app.clock.set(new Date());
    const one = await seedClient(app, place.shell, null, ["payouts:manage"]);
    const two = await seedClient(app, place.shell, null, ["payouts:manage"]);
    const valueOn = app.clock.now().toISOString().slice(0, 10);
    const input = `{ idempotencyKey: "r", partnerId: "${place.partner.id}", currency: "EUR", amount: "10.00",
      bankReference: "NTRF 17", valueOn: "${valueOn}" }`;
    const fields = "collection { id state amount { amount } bankReference valueOn recordedBy decidedBy }";
    const made = await ask(one, `mutation { recordCollection(input: ${input}) { ${fields} } }`);
    const { id, ...collection } = made.data.recordCollection.collection;
    expect(collection).toEqual({
      ...{ state: "PENDING_APPROVAL", amount: { amount: "10.00" }, bankReference: "NTRF 17", valueOn },
      ...{ recordedBy: one.client.id, decidedBy: null },
    });
    const node = { statementId: debt, left: { amount: "30.00" }, paymentDueOn: "2026-03-13" };
    const statements = { edges: [{ node }] };
    const owed = { partner: { id: place.partner.id }, due: { amount: "30.00" }, statements };
    const awaiting = { ...owed, awaitingApproval: { amount: "10.00" } };
    expect((await ask(one, RECEIVABLES)).data.receivables).toEqual({ totalCount: 1, edges: [{ node: awaiting }] });
    const approved = `{ idempotencyKey: "a", collectionId: "${id}" }`;
    const approval = `mutation { approveCollection(input: ${approved}) { ${fields} } }`;
    expect((await ask(one, approval)).codes).toEqual(["FORBIDDEN"]);
    expect((await ask(two, approval)).data.approveCollection.collection).toMatchObject({
      ...{ state: "COLLECTED", recordedBy: one.client.id, decidedBy: two.client.id },
    });
    const seen = (await ask(place, RECEIVABLES)).data.receivables.edges[0].node;
    expect(seen).toMatchObject({
      due: { amount: "20.00" },
      statements: { edges: [{ node: { left: { amount: "20.00" } } }] },
    });
    const own = `{ collections(bankReference: "NTRF 17") { totalCount edges { node { ${fields.slice(13, -2)} } } } }`;
    expect((await ask(place, own)).data.collections).toMatchObject({
      totalCount: 1,
      edges: [{ node: { id, state: "COLLECTED", recordedBy: null, decidedBy: null } }],
    });
    expect((await ask(place, approval)).codes).toEqual(["FORBIDDEN"]);
    const sibling = await seedPartner(app, place.home, { currencies: ["EUR"] });
    expect((await ask(sibling, RECEIVABLES)).data.receivables.totalCount).toBe(0);
    expect((await ask(sibling, own)).data.collections.totalCount).toBe(0);
  });
});

test("the statements that a partner owes of are paged, the oldest first", async () => {
  const place = await openPaid(app, START);
  const debts: string[] = [];
  for (const day of ["2026-03-02", "2026-03-03", "2026-03-04"]) debts.push(await released(app, place, day, "-30.00"));
  app.clock.set(new Date());
  const page = async (after: string | null) => {
    const asked = after === null ? "first: 2" : `first: 2, after: "${after}"`;
    const { data, codes } = await ask(
      place,
      `{ receivables(currency: "EUR") { edges { node { statements(${asked}) {
        totalCount pageInfo { hasNextPage endCursor } edges { node { statementId } } } } } } }`,
    );
    return { codes, ...data?.receivables.edges[0].node.statements };
  };
  const first = await page(null);
  expect(first).toMatchObject({ totalCount: 3, pageInfo: { hasNextPage: true } });
  const last = await page(first.pageInfo.endCursor);
  expect(last).toMatchObject({ totalCount: 3, pageInfo: { hasNextPage: false } });
  const ids = [...first.edges, ...last.edges].map(({ node }: { node: { statementId: string } }) => node.statementId);
  expect(ids).toEqual(debts);
  expect((await page("stm_1")).codes).toEqual(["VALIDATION"]);
});

describe("at the shell", () => {
  beforeAll(() => {
    vi.stubEnv("QUITTANCE_MASTER_KEY", app.config.masterKey.toString("base64url"));
    return () => vi.unstubAllEnvs();
  });

  test("a payment is recorded and approved as two acts, and what came back is owed again", async () => {
    const place = await openPaid(app, START);
    const debt = await released(app, place, DAY, "-30.00");
    const servers = ["--database-url", app.config.databaseUrl, "--redis-url", app.config.redisUrl];
    const run = async (...args: string[]) => {
      const { stdout } = await runCommand(register, "collection", ...args, "--tenant", place.tenant.id, ...servers);
      return args.includes("--json") ? JSON.parse(stdout) : stdout;
    };
    const [statement] = (await run("owed", "--currency", "EUR", "--json"))[0].statements;
    expect(statement).toEqual({ statementId: debt, left: "30.00", paymentDueOn: null });
    const payment = ["--currency", "EUR", "--amount", "30.00", "--reference", "NTRF 17", "--value-on", "2026-03-02"];
    const { id, state } = await run("record", "--partner", place.partner.id, ...payment, "--json");
    expect(state).toBe("COLLECTED");
    const acts = await app.database.manager.findBy(Act, { tenantNo: place.tenant.no, subjectId: id });
    expect(acts.map(({ type, principalKind }) => [type, principalKind])).toEqual([
      ["COLLECTION_RECORDED", "OPERATOR_SHELL"],
      ["COLLECTION_APPROVED", "OPERATOR_SHELL"],
    ]);
    expect(await run("owed", "--currency", "EUR", "--json")).toEqual([]);
    expect(await run("returned", id, "--amount", "12.50", "--reason", "AC04")).toBe(
      `Collection ${id} is RETURNED: 30.00, back 12.50 EUR.`,
    );
    expect(await run("owed", "--currency", "EUR")).toContain(`due 12.50 EUR`);
    expect(await run("list", "--partner", place.partner.id)).toMatch(/RETURNED +2026-03-02 +30\.00, back 12\.50 EUR/);
  });
});
