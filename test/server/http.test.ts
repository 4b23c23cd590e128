import { expect, onTestFinished, test } from "vitest";
import { cursorOf } from "../../src/kernel/page.js";
import { closeApp } from "../../src/platform/open-app.js";
import { CHALLENGE, openTestApi, testApi } from "../support/api.js";
import { openTestApp, testApp } from "../support/app.js";
import { startProxy } from "../support/proxy.js";
import { seedClient, seedPartner, seedTenant } from "../support/seeds.js";

const app = await testApp();
const api = await testApi(app);
const home = await seedTenant(app);
const partner = await seedPartner(app, home);
const token = await partner.token();
const adminToken = await (await seedClient(app, home.actor, null)).token();

test("who has not signed in is told so by 401, and how to", async () => {
  const answer = await api.ask({ query: "{ viewer { clientId } }" });
  expect(answer.status).toBe(401);
  expect(answer.headers.get("www-authenticate")).toBe(CHALLENGE);
  expect(answer.errors).toEqual([
    expect.objectContaining({ extensions: expect.objectContaining({ code: "UNAUTHENTICATED", retryable: false }) }),
  ]);
});

test("a token that is no good is refused whatever it asks, public fields too", async () => {
  const answer = await api.ask({ query: "{ errorCodes { code } }", token: `${token}x` });
  expect(answer.status).toBe(401);
  expect(answer.data).toBeUndefined();
});

test.each([
  ["{ errorCodes { code } }", 200],
  ["{ __typename }", 200],
  ["query A { ...F } fragment F on Query { __typename }", 200],
  ["{ __typename viewer { clientId } }", 401],
  ["query A { ...F } fragment F on Query { ... { viewer { clientId } } }", 401],
  ["mutation { __typename }", 401],
])("without a token %s answers %i", async (query, status) => {
  expect((await api.ask({ query })).status).toBe(status);
});

test("a field of another scope is refused and names the scope", async () => {
  const answer = await api.ask({
    query: 'mutation { createTenant(input: { name: "x", idempotencyKey: "k" }) { tenant { id } } }',
    token,
  });
  expect(answer.errors).toEqual([
    expect.objectContaining({ extensions: expect.objectContaining({ code: "FORBIDDEN", scope: "operations:manage" }) }),
  ]);
});

test("a request id and a trace that fit are taken and returned, on answers and on their errors", async () => {
  const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const headers = { "x-request-id": "batch:2026-03.1", traceparent };
  const answer = await api.ask({ query: "{ viewer { clientId } }", headers });
  expect(answer.headers.get("x-request-id")).toBe("batch:2026-03.1");
  expect(answer.headers.get("traceparent")).toBe(traceparent);
  expect(answer.errors?.[0]?.extensions).toMatchObject({
    requestId: "batch:2026-03.1",
    docUrl: `${api.url}/docs/errors#UNAUTHENTICATED`,
  });
});

test.each(["", "a b", "x".repeat(65), "Ümlaut".normalize("NFKD").slice(1, 2)])(
  "a request id of another form (%j) is replaced",
  async (id) => {
    const answer = await api.ask({ query: "{ __typename }", headers: { "x-request-id": encodeURI(`${id}%`) } });
    expect(answer.headers.get("x-request-id")).toMatch(/^req_[0-7][0-9a-z]{25}$/);
    expect(answer.headers.get("traceparent")).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  },
);

test("what a caller may not see answers exactly like what does not exist", async () => {
  const elsewhere = await seedPartner(app, await seedTenant(app));
  const sibling = await seedPartner(app, home);
  const answers: { data: unknown; errors: unknown }[] = [];
  for (const id of [elsewhere.partner.id, sibling.partner.id, "ptn_01m82c2t25fjhre72zyyz6d613"]) {
    for (const field of ["node", "partner"]) {
      const { data, errors } = await api.ask({ query: `{ ${field}(id: "${id}") { id } }`, token });
      answers.push({
        data: data?.[field] ?? null,
        errors: errors?.map(({ message, extensions }) => [message, extensions["code"]]),
      });
    }
  }
  expect(answers).toHaveLength(6);
  for (const answer of answers) expect(answer.errors).toEqual([["There is no such partner.", "NOT_FOUND"]]);
  expect(answers.every(({ data }) => data === null)).toBe(true);
});

test("nodes answers what is there in the order asked, and an error for the rest", async () => {
  const { id } = partner.partner;
  const { data, errors } = await api.ask({
    query: "query ($ids: [ID!]!) { nodes(ids: $ids) { id __typename } }",
    variables: { ids: [id, "x", id, "ptn_01m82c2t25fjhre72zyyz6d613"] },
    token,
  });
  expect(data?.["nodes"]).toEqual([{ id, __typename: "Partner" }, null, { id, __typename: "Partner" }, null]);
  expect(errors?.map((error) => error.path)).toEqual([
    ["nodes", 1],
    ["nodes", 3],
  ]);
});

test("at most five errors are shown", async () => {
  const variables = { ids: Array.from({ length: 50 }, () => "x") };
  const { errors } = await api.ask({ query: "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", variables, token });
  expect(errors).toHaveLength(5);
});

test.each([
  ["nested too deeply", `{ __schema { types { ${"ofType { ".repeat(15)}name ${"} ".repeat(15)}} } }`],
  ["too many aliases", `{ ${Array.from({ length: 51 }, (_, i) => `a${i}: __typename`).join(" ")} }`],
  ["too many fields by fragments in fragments", fanOut(8, 4)],
  [
    "pages of pages of pages",
    "{ disputes { edges { node { statement { disputes { edges { node { statement { disputes { edges { node { id } } }" +
      "} } } } } } } } }",
  ],
  ["too many tokens", `{ ${"__typename ".repeat(2_001)} }`],
])("a hostile query is refused with 400: %s", async (_name, query) => {
  const { status, errors } = await api.ask({ query, token });
  expect(errors?.[0]?.extensions["code"]).toBe("LIMIT_EXCEEDED");
  expect(status).toBe(400);
});

test("no error repeats a value that was sent", async () => {
  const secret = "hunter2;secret";
  const asked = [
    { query: "query ($first: Int) { partners(first: $first) { totalCount } }", variables: { first: secret } },
    { query: `{ partners(first: "${secret}") { totalCount } }` },
    { query: `{ partners(first: 5.5e${"9".repeat(3)}) { totalCount } }` },
    { query: `{ partners(first: 1) "${secret}" }` },
    { query: "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", variables: { ids: [{ secret }] } },
    { query: `{ node(id: { a: "${secret}" }) { id } }` },
  ];
  for (const question of asked) {
    const { errors } = await api.ask({ ...question, token });
    expect(errors?.[0]?.extensions["code"]).toBe("VALIDATION");
    expect(JSON.stringify(errors)).not.toMatch(/hunter2|secret|5\.5e/);
  }
});

test("a wrong document is 400, and 200 for a client of plain JSON, as GraphQL over HTTP says", async () => {
  const statuses: number[] = [];
  for (const accept of ["application/graphql-response+json", "application/json", "*/*"]) {
    for (const query of ["{", "{ nothing }"]) {
      statuses.push((await api.ask({ query, token, headers: { accept } })).status);
    }
  }
  expect(statuses).toEqual([400, 400, 200, 200, 200, 200]);
});

test.each([
  ["no JSON", "{", "application/json", 400],
  ["an array", "[]", "application/json", 400],
  ["a form", "query=%7B__typename%7D", "application/x-www-form-urlencoded", 415],
  ["plain text", "{ __typename }", "text/plain", 415],
  ["too much", `{"query":"${" ".repeat(12 * 1024 * 1024)}"}`, "application/json", 413],
])("a body that is %s is refused in the same shape", async (_name, body, type, status) => {
  const headers = { "content-type": type, authorization: `Bearer ${token}` };
  const response = await fetch(`${api.url}/graphql`, { method: "POST", headers, body });
  expect(response.status).toBe(status);
  expect(await response.json()).toMatchObject({
    errors: [{ extensions: { requestId: response.headers.get("x-request-id"), retryable: false } }],
  });
});

test("megabytes are not read from somebody who has not signed in", async () => {
  const body = `{"query":"{ __typename }","variables":{"a":"${"x".repeat(200_000)}"}}`;
  const headers = { "content-type": "application/json" };
  expect((await fetch(`${api.url}/graphql`, { method: "POST", headers, body })).status).toBe(401);
});

test.each(["/nowhere", "/healthz", "/docs/errors", "/graphql/nowhere"])(
  "megabytes are not read where no operation is expected: %s",
  async (path) => {
    const body = `{"a":"${"x".repeat(200_000)}"}`;
    const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
    expect((await fetch(`${api.url}${path}`, { method: "POST", headers, body })).status).toBe(413);
    expect((await fetch(`${api.url}${path}`, { method: "POST", headers, body: "{}" })).status).toBe(404);
  },
);

test.each(["/graphql", "/graphql/stream"])("an operation of megabytes is read from who signed in: %s", async (path) => {
  const headers = { "content-type": "application/json", accept: "*/*, text/event-stream" };
  const body = JSON.stringify({ query: "{ __typename }", variables: { a: "x".repeat(9_000_000) } });
  const signedIn = { ...headers, authorization: `Bearer ${token}` };
  expect((await fetch(`${api.url}${path}`, { method: "POST", headers: signedIn, body })).status).toBe(200);
});

test.each([
  ["query ($id: ID!) { node(id: $id) { id } }", { id: "\ud800" }, "/id"],
  ["query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", { ids: ["x", "a\udfff"] }, "/1"],
  ["query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", { ids: [], unused: { "\ud800": 1 } }, "/unused"],
  ["query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", { ids: [], unused: { "a b": { c: "\ud800" } } }, "/"],
  ["query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", { ids: [], "\ud800": 1 }, "/"],
])("text that is not Unicode is refused in variables, with its path: %s %j", async (query, variables, path) => {
  const posted = await api.ask({ query, variables, token });
  const search = new URLSearchParams({ query, variables: JSON.stringify(variables) });
  const got = await fetch(`${api.url}/graphql?${search.toString()}`, { headers: { authorization: `Bearer ${token}` } });
  expect([posted.status, got.status]).toEqual([400, 400]);
  const refusal = { extensions: { code: "VALIDATION", path } };
  expect(posted.errors).toMatchObject([refusal]);
  expect(await got.json()).toMatchObject({ errors: [refusal] });
});

test("text that is not Unicode is refused in a document, escaped or not", async () => {
  for (const id of ["\ud800", "\\ud800"]) {
    const { errors } = await api.ask({ query: `{ node(id: "${id}") { id } }`, token });
    expect(errors?.[0]?.extensions).toMatchObject({ code: "VALIDATION" });
  }
});

test("variables that nest without end are refused, not run", async () => {
  const body = `{"query":"{ __typename }","variables":{"a":${"[".repeat(20_000)}${"]".repeat(20_000)}}}`;
  const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
  const response = await fetch(`${api.url}/graphql`, { method: "POST", headers, body });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: "LIMIT_EXCEEDED" } }] });
});

test.each([
  ["partners", "partners", "", "한국"],
  ["clients", "clients", "", "cli_x"],
  ["keys", "keys", "", "' or 1=1"],
  ["batches", "batches", "partnerId: $id", "1e400"],
  ["transactions", "transactions", "filter: { partnerId: $id }", "x.y"],
  ["statements", "statements", "partnerId: $id", "x.stm"],
  ["settlementPeriods", "periods", "partnerId: $id", "x"],
  ["configurations", "configurations", "partnerId: $id", "한국"],
])("a cursor of %s that was made by hand is refused", async (field, list, whose, position) => {
  const args = whose.replace("$id", `"${partner.partner.id}"`);
  const query = `{ ${field}(${args} after: "${cursorOf(list, position)}") { edges { cursor } } }`;
  const { errors } = await api.ask({ query, token: adminToken });
  expect(errors?.[0]?.extensions).toMatchObject({ code: "VALIDATION", path: "/after" });
});

test("a cursor far behind the last row finds nothing", async () => {
  const after = cursorOf("periods", "9".repeat(15));
  const query = `{ settlementPeriods(partnerId: "${partner.partner.id}", after: "${after}") { edges { cursor } } }`;
  expect((await api.ask({ query, token: adminToken })).data).toEqual({ settlementPeriods: { edges: [] } });
});

test("a query comes by GET as well, with a token; a mutation does not", async () => {
  const get = (query: string, headers: Record<string, string>) =>
    fetch(`${api.url}/graphql?query=${encodeURIComponent(query)}`, { headers });
  const authorization = `Bearer ${token}`;
  expect((await get("{ viewer { clientId } }", { authorization })).status).toBe(200);
  expect((await get("mutation { __typename }", { authorization })).status).toBe(405);
  expect((await get("{ __typename }", {})).status).toBe(400); // a simple request of a browser: refused as possible CSRF
});

test("answers say that they are not to be stored, framed or sniffed", async () => {
  const { headers } = await api.ask({ query: "{ __typename }" });
  expect(Object.fromEntries(headers)).toMatchObject({
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "x-permitted-cross-domain-policies": "none",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
  });
});

test("GraphiQL comes whole from this host, and its policy allows no other", async () => {
  const page = await fetch(`${api.url}/graphiql`);
  const html = await page.text();
  expect(page.headers.get("content-security-policy")).toMatch(/default-src 'none'; script-src 'self';/);
  expect(html).not.toMatch(/https?:\/\//);
  const files = [...html.matchAll(/(?:src|href)="(\/[^"]*)"/g)].map(([, path]) => path);
  expect(files).toHaveLength(5);
  for (const path of files) {
    const file = await fetch(`${api.url}${path}`);
    expect(file.status).toBe(200);
    expect(file.headers.get("content-type")).toMatch(/^text\/(javascript|css)/);
    expect((await file.text()).length).toBeGreaterThan(500);
  }
});

test("health, readiness, metrics and the page about errors answer without a token", async () => {
  const ready = await fetch(`${api.url}/readyz`);
  expect([ready.status, await ready.json()]).toEqual([
    200,
    { status: "ok", checks: { database: "ok", migrations: "ok", redis: "ok" } },
  ]);
  expect(await (await fetch(`${api.url}/healthz`)).json()).toEqual({ status: "ok" });
  expect(await (await fetch(`${api.url}/metrics`)).text()).toMatch(/quittance_http_request_seconds_bucket\{/);
  expect(await (await fetch(`${api.url}/docs/errors`)).text()).toContain("## CLOCK_SKEW\n");
});

test("without Redis it is degraded and still ready; without the database it is not", async () => {
  const proxy = await startProxy(app.config.databaseUrl);
  const own = await openTestApp({ config: { databaseUrl: proxy.url, redisUrl: "unix:///nowhere/redis.sock" } });
  const server = await openTestApi(own);
  onTestFinished(async () => {
    await server.close();
    await closeApp(own);
  });
  const readiness = async () => {
    const response = await fetch(`${server.url}/readyz`);
    return [response.status, await response.json()];
  };
  const degraded = { database: "ok", migrations: "ok", redis: "unavailable" };
  expect(await readiness()).toEqual([200, { status: "degraded", checks: degraded }]);
  await proxy.close();
  const down = { database: "unavailable", migrations: "unavailable", redis: "unavailable" };
  expect(await readiness()).toEqual([503, { status: "unavailable", checks: down }]);
  const answer = await server.ask({ query: "{ viewer { clientId } }", token });
  expect(answer.status).toBe(503);
  expect(answer.errors?.[0]?.extensions).toMatchObject({ code: "UNAVAILABLE", retryable: true });
});

function fanOut(levels: number, width: number): string {
  const spread = (level: number) => Array.from({ length: width }, () => `...F${level}`).join(" ");
  const fragments = Array.from({ length: levels }, (_, i) => `fragment F${i} on Query { ${spread(i + 1)} }`).join(" ");
  return `{ ${spread(0)} } ${fragments} fragment F${levels} on Query { __typename }`;
}
