import { auditServer } from "graphql-http";
import { expect, test } from "vitest";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { seedPartner, seedTenant } from "../support/seeds.js";

const app = await testApp();
const api = await testApi(app);

test("every audit of GraphQL over HTTP passes with a bearer token", async () => {
  const partner = await seedPartner(app, await seedTenant(app));
  const authorization = `Bearer ${await partner.token()}`;
  const results = await auditServer({
    url: `${api.url}/graphql`,
    fetchFn: (url: string, init: RequestInit = {}) => {
      return fetch(url, { ...init, headers: { ...Object.fromEntries(new Headers(init.headers)), authorization } });
    },
  });
  const failed = results.filter(({ status }) => status !== "ok").map(({ name }) => name);
  expect(failed).toEqual([]);
  expect(results).toHaveLength(61);
});
