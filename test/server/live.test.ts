import { setTimeout as sleep } from "node:timers/promises";
import { createClient as createSseClient } from "graphql-sse";
import { type Client, CloseCode, createClient } from "graphql-ws";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { revokeKey } from "../../src/identity/key-revocations/service.js";
import { closeApp } from "../../src/platform/open-app.js";
import { CHALLENGE, openTestApi, testApi } from "../support/api.js";
import { openTestApp, testApp } from "../support/app.js";
import { seedPartner, seedTenant } from "../support/seeds.js";

const app = await testApp();
const api = await testApi(app);
const home = await seedTenant(app);
const partner = await seedPartner(app, home);
const token = await partner.token();

const WATCH = { query: "subscription { batchStatus { sequence } }" };
const WHO = { query: "{ viewer { clientId } }" };

test("a query over WebSocket answers like one over HTTP, whatever case the header's name has", async () => {
  for (const name of ["authorization", "Authorization"]) {
    const client = webSocket(api.url, { [name]: `Bearer ${token}` });
    const answer = await client.iterate(WHO).next();
    expect(answer.value).toEqual({ data: { viewer: { clientId: partner.client.id } } });
  }
});

test.each([
  ["none", undefined],
  ["a bad one", "Bearer nonsense"],
])("a WebSocket with %s for a token is closed as forbidden, and says why", async (_name, authorization) => {
  const client = webSocket(api.url, authorization === undefined ? {} : { authorization });
  await expect(client.iterate(WHO).next()).rejects.toMatchObject({
    code: CloseCode.Forbidden,
    reason: "UNAUTHENTICATED",
  });
});

test("what is wrong with an operation comes in the shape of the contract, and names no input", async () => {
  const client = webSocket(api.url, { authorization: `Bearer ${token}` });
  const secret = "hunter2";
  const wrong = [
    { query: `{ partners(first: "${secret}") { totalCount } }`, code: "VALIDATION" },
    { query: "{", code: "VALIDATION" },
    { query: `{ ${Array.from({ length: 51 }, (_, i) => `a${i}: __typename`).join(" ")} }`, code: "LIMIT_EXCEEDED" },
    {
      query: 'subscription { batchStatus(partnerId: "ptn_01m82c2t25fjhre72zyyz6d613") { sequence } }',
      code: "NOT_FOUND",
    },
  ];
  for (const { query, code } of wrong) {
    const errors = await errorsOf(client, query);
    expect(errors).toEqual([expect.objectContaining({ extensions: expect.objectContaining({ code }) })]);
    expect(JSON.stringify(errors)).not.toContain(secret);
  }
});

test("text that is not Unicode is refused in variables over WebSocket and SSE too", async () => {
  const operation = { query: "query ($id: ID!) { node(id: $id) { id } }", variables: { id: "\ud800" } };
  const refusal = { extensions: { code: "VALIDATION", path: "/id" } };
  const client = webSocket(api.url, { authorization: `Bearer ${token}` });
  await expect(client.iterate(operation).next()).rejects.toMatchObject([refusal]);
  const [, data = ""] = /^data: (.*)$/m.exec(await (await sse(api.url, operation, token)).text()) ?? [];
  expect(JSON.parse(data)).toMatchObject({ errors: [refusal] });
});

test("a field of another scope is refused over WebSocket too", async () => {
  const limited = await seedPartner(app, home, { scopes: ["balances:read"] });
  const client = webSocket(api.url, { authorization: `Bearer ${await limited.token()}` });
  expect(await errorsOf(client, WATCH.query)).toEqual([
    expect.objectContaining({ extensions: expect.objectContaining({ code: "FORBIDDEN", scope: "batches:read" }) }),
  ]);
});

test("SSE answers an operation by `next` and `complete`, and refuses who has no token by 401", async () => {
  const response = await sse(api.url, WHO, token);
  expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  const data = JSON.stringify({ data: { viewer: { clientId: partner.client.id } } });
  expect(await response.text()).toBe(`:\n\nevent: next\ndata: ${data}\n\nevent: complete\ndata:\n\n`);
  const refused = await sse(api.url, WHO);
  expect([refused.status, refused.headers.get("www-authenticate")]).toEqual([401, CHALLENGE]);
});

test("the client of graphql-sse understands our streams, results with errors too", async () => {
  const headers = { authorization: `Bearer ${token}` };
  const client = createSseClient({ url: `${api.url}/graphql/stream`, headers, retryAttempts: 0 });
  onTestFinished(() => client.dispose());
  expect(await client.iterate(WHO).next()).toMatchObject({ value: { data: { viewer: {} } } });
  expect(await client.iterate({ query: "{ nothing }" }).next()).toMatchObject({
    value: { errors: [{ extensions: { code: "VALIDATION" } }] },
  });
});

test("revoking the key ends what is open within five seconds, by WebSocket and by SSE", async () => {
  const doomed = await seedPartner(app, home);
  const doomedToken = await doomed.token();
  const events = webSocket(api.url, { authorization: `Bearer ${doomedToken}` }).iterate(WATCH);
  const next = events.next().catch((caught: unknown) => caught);
  const stream = await sse(api.url, WATCH, doomedToken);
  const text = stream.text();
  await sleep(200);
  const startedAt = performance.now();
  const [{ id: keyId }] = await app.database.query("select id from client_key where client_id = ?", [doomed.client.id]);
  await revokeKey(app, home.actor, { keyId, reason: "COMPROMISED" });
  expect(await next).toMatchObject({ code: CloseCode.Forbidden, reason: "UNAUTHENTICATED" });
  expect(await text).toBe(":\n\n"); // cut off, not complete
  expect(performance.now() - startedAt).toBeLessThan(5_000);
});

test("when the token ends the last event of a subscription says so", async () => {
  const own = await openTestApp();
  const server = await openTestApi(own);
  onTestFinished(async () => {
    await server.close();
    await closeApp(own);
  });
  const guest = await seedPartner(own, await seedTenant(own));
  const guestToken = await guest.token();
  own.clock.advance(598_500);
  const stream = await sse(server.url, WATCH, guestToken);
  expect(stream.status).toBe(200);
  expect(await stream.text()).toMatch(
    /^:\n\n(event: next\ndata: .*"UNAUTHENTICATED".*\n\nevent: complete\ndata:\n\n)?$/,
  );
});

test("closing ends subscriptions as going away, finishes requests under way, and completes nothing", async () => {
  const own = await openTestApp();
  const server = await openTestApi(own);
  onTestFinished(() => closeApp(own));
  const guest = await seedPartner(own, await seedTenant(own));
  const guestToken = await guest.token();
  const next = webSocket(server.url, { authorization: `Bearer ${guestToken}` })
    .iterate(WATCH)
    .next()
    .catch((caught: unknown) => caught);
  const stream = await sse(server.url, WATCH, guestToken);
  await sleep(200);
  const slow = Array.from({ length: 20 }, () => server.ask({ ...WHO, token: guestToken }));
  const startedAt = performance.now();
  await server.close();
  expect(performance.now() - startedAt).toBeLessThan(3_000);
  expect((await Promise.all(slow)).map(({ status }) => status)).toEqual(slow.map(() => 200));
  expect(await next).toMatchObject({ code: 1001 });
  expect(await stream.text()).toBe(":\n\n");
});

test("a WebSocket on another path is not opened", async () => {
  const socket = new WebSocket(`${api.url.replace("http", "ws")}/elsewhere`, "graphql-transport-ws");
  const error = await new Promise<Error>((resolve) => {
    socket.once("error", resolve);
  });
  expect(error.message).toContain("404");
});

/** The errors of an operation, whether it was refused before it ran or while it did. */
async function errorsOf(client: Client, query: string): Promise<unknown> {
  const iterator = client.iterate({ query });
  const answer: unknown = await iterator.next().then(
    ({ value }) => value.errors,
    (refused: unknown) => refused,
  );
  await iterator.return?.();
  return answer;
}

function webSocket(url: string, connectionParams: Record<string, unknown>): Client {
  const client = createClient({
    url: `${url.replace("http", "ws")}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams,
    retryAttempts: 0,
    lazyCloseTimeout: 0,
  });
  onTestFinished(() => client.dispose());
  return client;
}

function sse(url: string, operation: object, bearer?: string): Promise<Response> {
  return fetch(`${url}/graphql/stream`, {
    method: "POST",
    headers: {
      accept: "text/event-stream",
      "content-type": "application/json",
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
    },
    body: JSON.stringify(operation),
  });
}
