import { expect, test } from "vitest";
import { z } from "zod";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { seedClient, seedPartner, seedTenant } from "../support/seeds.js";

const app = await testApp();
const api = await testApi(app);

test("an administrator creates a partner and finds it, by every way to it", async () => {
  const { tenant, actor } = await seedTenant(app, "Casino");
  const token = await (await seedClient(app, actor, null)).token();
  const input = {
    ...{ code: "P1", name: "Provider", kind: "AGGREGATOR", timezone: "Europe/Malta", currencies: ["EUR", "BTC"] },
    idempotencyKey: "partner-1",
  };
  const create = () =>
    api.ask({
      token,
      query: "mutation ($input: CreatePartnerInput!) { createPartner(input: $input) { partner { id } } }",
      variables: { input },
    });
  const created = await create();
  const Created = z.object({ createPartner: z.object({ partner: z.object({ id: z.string() }) }) });
  const { id } = Created.parse(created.data).createPartner.partner;
  expect((await create()).data).toEqual(created.data);
  const found = await api.ask({
    token,
    query: `query ($id: ID!) {
      tenant { id name }
      partner(id: $id) { code name kind timezone currencies createdAt }
      partners(first: 10) { totalCount edges { node { id } } pageInfo { hasNextPage hasPreviousPage } }
      node(id: $id) { id }
    }`,
    variables: { id },
  });
  const { code, name, kind, timezone, currencies } = input;
  expect(found.data).toEqual({
    tenant: { id: tenant.id, name: "Casino" },
    partner: { code, name, kind, timezone, currencies, createdAt: expect.stringMatching(/\.\d{3}Z$/) },
    partners: { totalCount: 1, edges: [{ node: { id } }], pageInfo: { hasNextPage: false, hasPreviousPage: false } },
    node: { id },
  });
});

test("a partner's client sees itself alone and creates nothing", async () => {
  const place = await seedTenant(app);
  const [mine, other] = [await seedPartner(app, place), await seedPartner(app, place)];
  const token = await mine.token();
  const seen = await api.ask({ token, query: "{ partners { totalCount edges { node { id } } } }" });
  expect(seen.data).toEqual({ partners: { totalCount: 1, edges: [{ node: { id: mine.partner.id } }] } });
  const refused = await api.ask({ token, query: `{ partner(id: "${other.partner.id}") { id } }` });
  expect(refused.errors?.[0]?.extensions).toMatchObject({ code: "NOT_FOUND" });
  const created = await api.ask({
    token,
    query: `mutation { createPartner(input: { code: "x", name: "x", kind: AFFILIATE, timezone: "UTC",
      currencies: ["USD"], idempotencyKey: "x" }) { partner { id } } }`,
  });
  expect(created.errors?.[0]?.extensions).toMatchObject({ code: "FORBIDDEN" });
});

test("what is wrong in an input is named by its path, and not repeated", async () => {
  const { actor } = await seedTenant(app);
  const token = await (await seedClient(app, actor, null)).token();
  const good = { code: "P1", name: "x", kind: "AFFILIATE", timezone: "UTC", currencies: ["USD"], idempotencyKey: "k" };
  const wrong = {
    code: "한국",
    name: "x".repeat(201),
    timezone: "UTC+9",
    idempotencyKey: "ключ",
    currencies: ["sentinel"],
  };
  for (const [name, value] of Object.entries(wrong)) {
    const refused = await api.ask({
      token,
      query: "mutation ($input: CreatePartnerInput!) { createPartner(input: $input) { partner { id } } }",
      variables: { input: { ...good, [name]: value } },
    });
    expect(refused.errors?.[0]?.extensions, name).toMatchObject({ path: expect.stringContaining(name) });
    expect(JSON.stringify(refused.errors)).not.toContain("sentinel");
  }
});
