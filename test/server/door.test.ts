import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test, vi } from "vitest";
import { WebSocket } from "ws";
import { type Config, HTTP_DEFAULTS, type HttpLimits } from "../../src/platform/config.js";
import { closeApp } from "../../src/platform/open-app.js";
import { refusalOf } from "../../src/server/format-error.js";
import { openTestApi, type TestApi, testApi } from "../support/api.js";
import { openTestApp, type TestApp, testApp } from "../support/app.js";
import { bet, openExchange, payloadOf, sign } from "../support/batches.js";
import { seedClient, seedPartner, seedTenant } from "../support/seeds.js";
import { dial, untilClosed } from "../support/tcp.js";

const ORIGIN = "https://console.example";
/** What most of the tests here look at; those that need other settings, or a count of their own, open another. */
const app = await testApp({
  config: { http: { ...HTTP_DEFAULTS, hasGraphiql: false, origins: [ORIGIN], liveMax: 2, bodyMsMax: 1_000 } },
});
const api = await testApi(app);
const home = await seedTenant(app);
const WHO = "{ viewer { clientId } }";

interface Opened {
  readonly app: TestApp;
  readonly api: TestApi;
}

/** An api of its own, until the test is over. */
async function open(http: Partial<HttpLimits>, config: Partial<Config> = {}): Promise<Opened> {
  const app = await openTestApp({ config: { ...config, http: { ...HTTP_DEFAULTS, ...http } } });
  const api = await openTestApi(app);
  onTestFinished(async () => {
    await api.close();
    await closeApp(app);
  });
  return { app, api };
}

function codesOf({ errors = [] }: { errors?: readonly { extensions: Readonly<Record<string, unknown>> }[] }) {
  return errors.map(({ extensions }) => extensions["code"]);
}

function counted({ metrics }: TestApp, name: string): Promise<string> {
  return metrics.registry.getSingleMetricAsString(`quittance_${name}_total`);
}

test("in production the schema is told to a tenant's administration, and no name of it to anybody else", async () => {
  const { app, api } = await open({}, { isProduction: true });
  const admin = await (await seedClient(app, home.actor, null)).token();
  const partner = await (await seedPartner(app, home)).token();
  const asked = ["{ __schema { queryType { name } } }", '{ __type(name: "Query") { name } }', "{ ...F }"].map(
    (query) => (query === "{ ...F }" ? `${query} fragment F on Query { __schema { queryType { name } } }` : query),
  );
  for (const query of asked) {
    expect((await api.ask({ query, token: admin })).data).toBeDefined();
    expect(codesOf(await api.ask({ query, token: partner }))).toEqual(["FORBIDDEN"]);
    expect(codesOf(await api.ask({ query }))).toEqual(["UNAUTHENTICATED"]);
    const headers = { accept: "text/event-stream", authorization: `Bearer ${partner}` };
    const search = new URLSearchParams({ query }).toString();
    expect(await (await fetch(`${api.url}/graphql/stream?${search}`, { headers })).text()).toContain("FORBIDDEN");
  }
  for (const query of ["{ viewr { clientId } }", "{ viewer { clientIt } }", "{ partner(idd: 1) { id } }"]) {
    expect(JSON.stringify(await api.ask({ query, token: admin }))).toContain("Did you mean");
    expect(JSON.stringify(await api.ask({ query, token: partner }))).not.toContain("Did you mean");
  }
  expect((await api.ask({ query: "{ errorCodes { code } }" })).status).toBe(200);
});

test("GraphiQL is served where it is allowed and nowhere else", async () => {
  for (const path of ["/graphiql", "/graphiql/boot.js"]) expect((await fetch(api.url + path)).status).toBe(404);
});

test("an operation that takes too long is answered; what it began is kept, and it begins nothing more", async () => {
  const slow = await open({ operationMsMax: 250 });
  const from = await openExchange(slow.app);
  const token = await from.token();
  const signed = (jti: string) => sign(payloadOf(slow.app, from, { jti, transactions: [bet({ id: jti })] }), from.key);
  const variables = { first: await signed("first"), second: await signed("second") };
  const query = `mutation ($first: String!, $second: String!) {
    first: submitBatch(input: { jws: $first, waitMs: 700 }) { replayed }
    second: submitBatch(input: { jws: $second, waitMs: 0 }) { replayed } }`;
  const answer = await slow.api.ask({ query, variables, token });
  expect([answer.status, codesOf(answer)]).toEqual([503, ["UNAVAILABLE"]]);
  expect(await counted(slow.app, "operations_late")).toContain(" 1");
  await sleep(1_000);
  const again = { query: query.replace("700", "0"), variables, token };
  const replayed = [{ replayed: true }, { replayed: false }];
  expect(Object.values((await slow.api.ask(again)).data)).toEqual(replayed);
});

test("a statement of the database that takes too long ends there, and is told as busy", async () => {
  const { app } = await open({}, { statementMsMax: 100 });
  const slow = app.database.query("select count(*) from information_schema.columns a, information_schema.columns b");
  expect(refusalOf(await slow.catch((error: unknown) => error))).toMatchObject({
    code: "UNAVAILABLE",
    retryable: true,
  });
});

test("a body that dribbles in is ended, and its connection with it", async () => {
  const socket = await dial(api.url);
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const head = ["POST /graphql HTTP/1.1", "host: x", "content-type: application/json", "content-length: 5000", "", "{"];
  socket.write(head.join("\r\n"));
  const dribble = setInterval(() => socket.write(" "), 20);
  onTestFinished(() => clearInterval(dribble));
  await untilClosed(socket);
  expect(text).toMatch(/^HTTP\/1\.1 408 /);
  expect(text).toContain('"code":"UNAVAILABLE"');
  expect(await counted(app, "slow_bodies")).toContain(" 1");
  expect((await api.ask({ query: "{ __typename }" })).status).toBe(200);
});

test("headers have limits of their own", async () => {
  const response = await fetch(`${api.url}/healthz`, { headers: { "x-long": "x".repeat(20_000) } });
  expect(response.status).toBe(431);
});

test("an address has so many connections at once, and one that closes makes room", async () => {
  const { api } = await open({ connectionsMax: 3 });
  const isOpen = async () => {
    const socket = await dial(api.url);
    const answered = new Promise<true>((resolve) => {
      socket.once("data", () => resolve(true));
    });
    socket.write("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n");
    return Promise.race([answered, untilClosed(socket).then(() => false)]);
  };
  const first = await dial(api.url);
  expect([await isOpen(), await isOpen(), await isOpen()]).toEqual([true, true, false]);
  first.destroy();
  await vi.waitFor(async () => expect(await isOpen()).toBe(true));
});

test("pages of another origin may call us only where it is configured, and never with cookies", async () => {
  const origin = ORIGIN;
  const closed = await open({});
  const preflight = (url: string, from: string) =>
    fetch(`${url}/graphql`, {
      method: "OPTIONS",
      headers: { origin: from, "access-control-request-method": "POST", "access-control-request-headers": "dpop" },
    });
  const allowed = await preflight(api.url, origin);
  expect(allowed.status).toBe(204);
  expect(Object.fromEntries(allowed.headers)).toMatchObject({
    ...{ "access-control-allow-origin": origin, vary: "origin" },
    "access-control-allow-headers": expect.stringContaining("dpop"),
  });
  expect(allowed.headers.get("access-control-allow-credentials")).toBeNull();
  const strangers = [
    preflight(api.url, "https://evil.example"),
    preflight(api.url, "null"),
    preflight(closed.api.url, origin),
  ];
  for (const answer of await Promise.all(strangers)) {
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
    expect(answer.headers.get("access-control-allow-methods")).toBeNull();
  }
  const statusOf = async (from: string) => {
    const socket = new WebSocket(`${api.url.replace("http", "ws")}/graphql`, "graphql-transport-ws", { origin: from });
    onTestFinished(() => socket.terminate());
    return new Promise((resolve) => {
      socket.once("open", () => resolve(101)).once("error", ({ message }) => resolve(message));
    });
  };
  expect(await Promise.all(["https://evil.example", "null", origin, api.url].map(statusOf))).toEqual([
    ...["Unexpected server response: 403", "Unexpected server response: 403"],
    ...[101, 101],
  ]);
});

test("a client has so many live connections at once, and one that leaves makes room", async () => {
  const follower = await seedPartner(app, home);
  const headers = { accept: "text/event-stream", authorization: `Bearer ${await follower.token()}` };
  const search = new URLSearchParams({ query: "subscription { batchStatus { sequence } }" }).toString();
  const leaving = new AbortController();
  const stream = (signal?: AbortSignal) =>
    fetch(`${api.url}/graphql/stream?${search}`, { headers, ...(signal === undefined ? {} : { signal }) });
  expect([(await stream(leaving.signal)).status, (await stream()).status]).toEqual([200, 200]);
  const refused = await stream();
  expect([refused.status, codesOf((await refused.json()) as object)]).toEqual([400, ["LIMIT_EXCEEDED"]]);
  leaving.abort();
  await vi.waitFor(async () => expect((await stream()).status).toBe(200));
});

test("a WebSocket says soon who it is, sends no large message and no flood of small ones", async () => {
  const authorization = `Bearer ${await (await seedPartner(app, home)).token()}`;
  const socketWith = async (send: (socket: WebSocket) => void) => {
    const socket = new WebSocket(`${api.url.replace("http", "ws")}/graphql`, "graphql-transport-ws");
    await once(socket, "open");
    const closed = once(socket, "close");
    send(socket);
    return (await closed)[0];
  };
  const init = JSON.stringify({ type: "connection_init", payload: { authorization } });
  const closings = await Promise.all([
    socketWith(() => undefined),
    socketWith((socket) => socket.send("x".repeat(2_000_000))),
    socketWith((socket) => {
      socket.send(init);
      for (let i = 0; i < 1_200; i++) socket.send('{"type":"ping"}');
    }),
  ]);
  expect(closings).toEqual([4408, 1009, 1008]);
});

test("an upgrade that is refused, and reset while it is answered, ends nothing but itself", async () => {
  for (let i = 0; i < 300; i++) {
    const socket = await dial(api.url);
    const [path, origin] = i % 2 === 0 ? ["/x", ""] : ["/graphql", "Origin: https://elsewhere.example\r\n"];
    socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n${origin}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
    if (i % 3 === 0) await once(socket, "data");
    socket.resetAndDestroy();
  }
  expect((await api.ask({ query: "{ __typename }" })).status).toBe(200);
});

test("a page's length counts wherever the document or the request says it", async () => {
  const token = await (await seedClient(app, home.actor, null)).token();
  const inner = "edges { node { id sessions(first: $n) { edges { node { id agent } } } } }";
  for (const [head, variables] of [
    ["($n: Int!)", { n: 500 }],
    ["($n: Int! = 500)", {}],
  ] as const) {
    const query = `query ${head} { users(first: $n) { ${inner} } }`;
    expect(codesOf(await api.ask({ query, variables, token }))).toEqual(["LIMIT_EXCEEDED"]);
  }
});

test("a client over its rate is told by 429 when to come again; aliases count, and others go on", async () => {
  const { app, api } = await open({}, { rates: { clientPointsMax: 40, addressPointsMax: 1_000 } });
  const [busy, quiet] = [await seedPartner(app, home), await seedPartner(app, home)];
  const token = await busy.token();
  const aliased = `{ ${Array.from({ length: 10 }, (_, i) => `v${i}: viewer { clientId }`).join(" ")} }`;
  const answers: Awaited<ReturnType<TestApi["ask"]>>[] = [];
  for (let i = 0; i < 6; i++) answers.push(await api.ask({ query: aliased, token }));
  expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(4);
  const refused = answers.at(-1);
  expect([refused?.status, codesOf(refused ?? {})]).toEqual([429, ["RATE_LIMITED"]]);
  const { retryAfterMs } = refused?.errors?.[0]?.extensions ?? {};
  expect(Number(refused?.headers.get("retry-after"))).toBe(Math.ceil(Number(retryAfterMs) / 1_000));
  expect((await api.ask({ query: WHO, token: await quiet.token() })).status).toBe(200);
  expect((await api.ask({ query: "{ __typename }" })).status).toBe(200);
  const statement = await fetch(`${api.url}/statements/stm_1.pdf`, { headers: { authorization: `Bearer ${token}` } });
  expect(statement.status).toBe(429);
  expect(await counted(app, "rate_limited")).toContain('whose="client"');
});

test("without a token the address counts, at the token endpoint too, and a token that is no good", async () => {
  const { api } = await open({}, { rates: { clientPointsMax: 1_000, addressPointsMax: 200 } });
  const statuses: number[] = [];
  for (let i = 0; i < 12; i++) {
    const form = { method: "POST", body: new URLSearchParams({ grant_type: "client_credentials" }) };
    statuses.push((await fetch(`${api.url}/oauth/token`, form)).status);
  }
  expect(statuses.slice(0, 9)).toEqual(statuses.slice(0, 9).map(() => 401));
  expect(statuses.at(-1)).toBe(429);
  const refused = await fetch(`${api.url}/oauth/token`, { method: "POST" });
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(await refused.json()).toMatchObject({ error: "temporarily_unavailable" });
  expect(codesOf(await api.ask({ query: WHO, token: "nonsense" }))).toEqual(["RATE_LIMITED"]);
  expect((await fetch(`${api.url}/healthz`)).status).toBe(200);
});

test("X-Forwarded-For is believed of trusted proxies alone", async () => {
  const rates = { clientPointsMax: 1_000, addressPointsMax: 10 };
  const trusted = await open({ trustedProxies: ["127.0.0.0/8", "::1/128"] }, { rates });
  const strict = await open({}, { rates });
  const spend = async (url: string) => {
    const statuses: number[] = [];
    for (let i = 0; i < 15; i++) {
      const headers = { "x-forwarded-for": `192.0.2.1, 198.51.100.${i}` };
      statuses.push((await fetch(`${url}/.well-known/jwks.json`, { headers })).status);
    }
    return new Set(statuses);
  };
  expect(await spend(trusted.api.url)).toEqual(new Set([200]));
  expect(await spend(strict.api.url)).toEqual(new Set([200, 429]));
});
