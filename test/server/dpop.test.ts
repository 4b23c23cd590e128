import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "graphql-ws";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import WebSocket from "ws";
import { updateClient } from "../../src/identity/clients/service.js";
import { newNonce } from "../../src/identity/nonces/service.js";
import { issueToken } from "../../src/identity/tokens/service.js";
import { present } from "../../src/kernel/assert.js";
import { periodsOf } from "../../src/periods/closing/service.js";
import { closeApp } from "../../src/platform/open-app.js";
import { tokenForm } from "../identity/place.js";
import { beginProofs, newProofKey, type Proven, signProof } from "../identity/proving.js";
import { openTestApi, testApi } from "../support/api.js";
import { openTestApp, testApp } from "../support/app.js";
import { type Exchange, openExchange, payloadOf, sign } from "../support/batches.js";

const app = await testApp();
const api = await testApi(app);
const key = await newProofKey();
const ALGORITHMS = 'algs="EdDSA Ed25519 ES256 ES384 PS256"';
const WHO = { query: "{ viewer { clientId } }" };
let place: Exchange;
let token: string;

beforeAll(async () => {
  place = await openExchange(app);
  await beginProofs(app);
  token = await boundToken();
});

async function boundToken(): Promise<string> {
  const path = "/oauth/token";
  const text = await signProof(app, key, { url: app.config.publicUrl + path });
  return (await issueToken(app, await tokenForm(app, place), { text, method: "POST", path })).access_token;
}

/** The headers of a request under the bound token. */
async function headersFor(path: string, proven: Partial<Proven> = {}): Promise<Record<string, string>> {
  const proof = await signProof(app, key, { url: app.config.publicUrl + path, token, ...proven });
  return { authorization: `DPoP ${token}`, dpop: proof };
}

describe("a token bound to a key", () => {
  test("says so, and is good with a proof for every request: queries, mutations, by GET and by POST", async () => {
    const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
    expect(claims.cnf).toEqual({ jkt: key.jkt });
    const who = await api.ask({ ...WHO, headers: await headersFor("/graphql") });
    expect(who.data).toEqual({ viewer: { clientId: place.client.id } });
    const got = await fetch(`${api.url}/graphql?query=${encodeURIComponent(WHO.query)}`, {
      headers: { "content-type": "application/json", ...(await headersFor("/graphql", { method: "GET" })) },
    });
    expect(await got.json()).toEqual({ data: { viewer: { clientId: place.client.id } } });
    const submitted = await api.ask({
      query: "mutation ($jws: String!) { submitBatch(input: { jws: $jws, waitMs: 0 }) { batch { state } } }",
      variables: { jws: await sign(payloadOf(app, place), place.key) },
      headers: await headersFor("/graphql"),
    });
    expect(submitted.data).toEqual({ submitBatch: { batch: { state: "ACCEPTED" } } });
  });

  test("comes back with the nonce for the next proof", async () => {
    const { headers } = await api.ask({ ...WHO, headers: await headersFor("/graphql") });
    const nonce = present(headers.get("dpop-nonce"), "a nonce");
    const next = await api.ask({ ...WHO, headers: await headersFor("/graphql", { nonce }) });
    expect(next.status).toBe(200);
    expect((await api.ask({ ...WHO, token: await place.token() })).headers.get("dpop-nonce")).toBeNull();
  });

  test.each<[string, () => Promise<Record<string, string>>, string]>([
    ["as a bearer token", async () => ({ authorization: `Bearer ${token}` }), "invalid_token"],
    [
      "as a bearer token with a proof",
      async () => ({ ...(await headersFor("/graphql")), authorization: `Bearer ${token}` }),
      "invalid_token",
    ],
    ["without a proof", async () => ({ authorization: `DPoP ${token}` }), "invalid_dpop_proof"],
    ["with a proof for another address", () => headersFor("/graphql/stream"), "invalid_dpop_proof"],
    ["with a proof for another method", () => headersFor("/graphql", { method: "GET" }), "invalid_dpop_proof"],
    ["with a proof for another token", () => headersFor("/graphql", { token: "x" }), "invalid_dpop_proof"],
    ["with a nonce that is too old", () => headersFor("/graphql", { nonce: "x" }), "use_dpop_nonce"],
  ])("is refused %s, with the challenge of its RFC", async (_name, headers, error) => {
    const sent = await headers();
    const answer = await api.ask({ ...WHO, headers: sent });
    expect(answer.status).toBe(401);
    const extensions = { code: "UNAUTHENTICATED", oauthError: error, hint: expect.any(String) };
    expect(answer.errors?.[0]?.extensions).toMatchObject(extensions);
    const [scheme = ""] = (sent["authorization"] ?? "").split(" ");
    const challenge = present(answer.headers.get("www-authenticate"), "a challenge");
    expect(challenge).toMatch(new RegExp(`^${scheme} error="${error}", error_description="[^"]+"`));
    expect(challenge.endsWith(ALGORITHMS)).toBe(scheme === "DPoP");
    expect(answer.headers.has("dpop-nonce")).toBe(sent["dpop"] !== undefined);
  });

  test("is refused with a proof that was used, by every process, and with two proofs", async () => {
    const { redisPrefix, publicUrl } = app.config;
    const twin = await openTestApp({ clock: app.clock, config: { redisPrefix, publicUrl } });
    onTestFinished(() => closeApp(twin));
    const other = await openTestApi(twin);
    onTestFinished(() => other.close());
    const headers = await headersFor("/graphql");
    const at = `http://127.0.0.1:${twin.config.port}`;
    const ask = (url: string, sent: Headers | Record<string, string>) =>
      fetch(`${url}/graphql`, { method: "POST", headers: sent, body: JSON.stringify(WHO) });
    const json = { "content-type": "application/json" };
    expect((await ask(at, { ...json, ...headers })).status).toBe(200);
    for (const url of [at, api.url]) {
      const replayed = await ask(url, { ...json, ...headers });
      expect(replayed.status).toBe(401);
      expect(replayed.headers.get("www-authenticate")).toContain('DPoP error="invalid_dpop_proof"');
    }
    const two = new Headers({ ...json, ...(await headersFor("/graphql")) });
    two.append("dpop", (await headersFor("/graphql"))["dpop"] ?? "");
    expect((await ask(api.url, two)).status).toBe(401);
  });

  test("is good for downloads, each with a proof of its own", async () => {
    const { rows } = await periodsOf(app, place.partner, null, { first: 1 });
    const path = `/periods/${rows[0]?.id}/transactions.ndjson`;
    const get = async (headers: Record<string, string>) => fetch(api.url + path, { headers });
    const response = await get(await headersFor(path, { method: "GET" }));
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/x-ndjson"]);
    expect((await get(await headersFor("/graphql", { method: "GET" }))).status).toBe(401);
    const scoped = await get({ authorization: `Bearer ${await scopedToken()}` });
    expect(scoped.status).toBe(403);
    expect(scoped.headers.get("www-authenticate")).toBe('Bearer error="insufficient_scope", scope="batches:read"');
  });

  test("is good for server-sent events", async () => {
    const open = async (headers: Record<string, string>) =>
      fetch(`${api.url}/graphql/stream`, {
        method: "POST",
        headers: { accept: "text/event-stream", "content-type": "application/json", ...headers },
        body: JSON.stringify(WHO),
      });
    const stream = await open(await headersFor("/graphql/stream"));
    expect(await stream.text()).toContain(place.client.id);
    expect((await open(await headersFor("/graphql"))).status).toBe(401);
  });
});

describe("over a WebSocket", () => {
  const watch = (connectionParams: Record<string, unknown>) => {
    const client = createClient({
      ...{ url: `${api.url.replace("http", "ws")}/graphql`, webSocketImpl: WebSocket, connectionParams },
      ...{ retryAttempts: 0, lazyCloseTimeout: 0 },
    });
    onTestFinished(() => client.dispose());
    return client;
  };
  const answerOf = (connectionParams: Record<string, unknown>) =>
    watch(connectionParams)
      .iterate(WHO)
      .next()
      .catch((closed: unknown) => closed);

  test("one proof opens the connection, in which operations need none", async () => {
    const client = watch(await headersFor("/graphql", { method: "GET" }));
    const events = client.iterate({ query: "subscription { batchStatus { sequence } }" });
    const ended = events.next().catch(() => "closed by the server");
    for (const waitMs of [0, 0, 2_500]) {
      await sleep(waitMs); // it is checked again every two seconds
      const answer = await client.iterate(WHO).next();
      expect(answer.value).toEqual({ data: { viewer: { clientId: place.client.id } } });
    }
    await events.return?.();
    expect(await ended).not.toBe("closed by the server");
  });

  test("parameters may be spelt as headers are", async () => {
    const { dpop: DPoP, authorization: Authorization } = await headersFor("/graphql", { method: "GET" });
    expect(await answerOf({ DPoP, Authorization })).toMatchObject({ value: { data: {} } });
  });

  test("a proof that was used, or none, closes it, and a nonce is told in the reason", async () => {
    const headers = await headersFor("/graphql", { method: "GET" });
    expect(await answerOf(headers)).toMatchObject({ value: { data: {} } });
    expect(await answerOf(headers)).toMatchObject({ code: 4403, reason: "UNAUTHENTICATED" });
    const { authorization } = headers;
    expect(await answerOf({ authorization })).toMatchObject({ code: 4403, reason: "UNAUTHENTICATED" });
    const closed = await answerOf(await headersFor("/graphql", { method: "GET", nonce: "x" }));
    expect(closed).toMatchObject({ code: 4403, reason: expect.stringMatching(/^use_dpop_nonce [\w-]{30}$/) });
    const nonce = String(Object(closed).reason).slice(-30);
    expect(await answerOf(await headersFor("/graphql", { method: "GET", nonce }))).toMatchObject({ value: {} });
  });
});

describe("a client that is given bound tokens alone", () => {
  test("gets no other, and what bearer tokens it had are refused", async () => {
    const bound = await openExchange(app);
    const bearer = await bound.token();
    expect((await api.ask({ ...WHO, token: bearer })).status).toBe(200);
    const change = { clientId: bound.client.id, dpopBoundAccessTokens: true };
    const updated = await updateClient(app, bound.home.actor, change);
    expect(updated.dpopBoundAccessTokens).toBe(true);
    await sleep(2_100); // what a process remembers is two seconds old at most
    const refused = await api.ask({ ...WHO, token: bearer });
    expect(refused.errors?.[0]?.extensions).toMatchObject({ code: "UNAUTHENTICATED", oauthError: "invalid_token" });
    const post = async (headers: Record<string, string>) => {
      const body = new URLSearchParams([...(await tokenForm(app, bound))]);
      return (await fetch(`${api.url}/oauth/token`, { method: "POST", body, headers })).json();
    };
    expect(await post({})).toMatchObject({ error: "invalid_request" });
    const url = `${app.config.publicUrl}/oauth/token`;
    const answer = await post({ dpop: await signProof(app, key, { url, nonce: newNonce(app) }) });
    expect(answer).toMatchObject({ token_type: "DPoP", expires_in: 600 });
    await updateClient(app, bound.home.actor, { ...change, dpopBoundAccessTokens: false });
    expect(await post({})).toMatchObject({ token_type: "Bearer" });
  });
});

async function scopedToken(): Promise<string> {
  const form = await tokenForm(app, place);
  return (await issueToken(app, form.set("scope", "balances:read"))).access_token;
}
