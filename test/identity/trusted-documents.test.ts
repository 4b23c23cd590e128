import { createClient } from "graphql-ws";
import { expect, onTestFinished, test, vi } from "vitest";
import { WebSocket } from "ws";
import { setClientPolicy } from "../../src/identity/policies/service.js";
import { sha256 } from "../../src/kernel/digest.js";
import { type Answer, testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { seedClient, seedPartner, seedTenant } from "../support/seeds.js";

const app = await testApp();
const api = await testApi(app);
const home = await seedTenant(app);
const admin = await (await seedClient(app, home.actor, null)).token();
const partner = await seedPartner(app, home);
const token = await partner.token();
const WHO = "query Who($a: Boolean = true) { viewer { clientId @include(if: $a) } }";
const IS_ME = { viewer: { clientId: partner.client.id } };

let keys = 0;
function mutate(name: string, type: string, payload: string, input: Readonly<Record<string, unknown>>, by = admin) {
  keys += 1;
  const query = `mutation ($input: ${type}!) { ${name}(input: $input) { ${payload} } }`;
  return api.ask({ query, variables: { input: { idempotencyKey: `key-${keys}`, ...input } }, token: by });
}

async function register(text: string, by = admin): Promise<string> {
  const payload = "document { sha256 withdrawnAt }";
  const { data, errors } = await mutate(
    ...([
      "registerTrustedDocument",
      "RegisterTrustedDocumentInput",
      payload,
      { name: "a document", text },
      by,
    ] as const),
  );
  expect(errors).toBeUndefined();
  expect(data.registerTrustedDocument.document).toEqual({ sha256: hex(text), withdrawnAt: null });
  return hex(text);
}

function hex(text: string): string {
  return sha256(text).toString("hex");
}

async function post(body: object, bearer: string | null = token): Promise<Answer> {
  const headers = { "content-type": "application/json", ...(bearer && { authorization: `Bearer ${bearer}` }) };
  const response = await fetch(`${api.url}/graphql`, { method: "POST", headers, body: JSON.stringify(body) });
  return { ...((await response.json()) as object), status: response.status, headers: response.headers };
}

function codes({ errors = [] }: Pick<Answer, "errors">): unknown[] {
  return errors.map(({ extensions }) => extensions["code"]);
}

/** The ways to name a document in a body. */
function named(hash: string): object[] {
  return [
    { documentId: hash },
    { documentId: `sha256:${hash}` },
    { extensions: { persistedQuery: { version: 1, sha256Hash: hash } } },
    { query: "", extensions: { persistedQuery: { version: 1, sha256Hash: hash } } },
    { query: WHO, extensions: { persistedQuery: { version: 1, sha256Hash: hash } } },
  ];
}

test("a registered document is run by its hash, with variables, in every way it is named", async () => {
  const hash = await register(WHO);
  for (const body of named(hash)) {
    expect((await post({ ...body, operationName: "Who", variables: { a: true } })).data).toEqual(IS_ME);
    expect((await post({ ...body, variables: { a: false } })).data).toEqual({ viewer: {} });
  }
});

test("by GET, over event streams and over WebSockets as well", async () => {
  const hash = await register(WHO);
  const authorization = `Bearer ${token}`;
  const persistedQuery = { version: 1, sha256Hash: hash };
  const extensions = JSON.stringify({ persistedQuery });
  for (const search of [{ documentId: hash }, { extensions, variables: '{"a":true}' }]) {
    const url = `${api.url}/graphql?${new URLSearchParams(search).toString()}`;
    expect(await (await fetch(url, { headers: { authorization } })).json()).toMatchObject({ data: IS_ME });
    const stream = await fetch(url.replace("/graphql?", "/graphql/stream?"), {
      headers: { authorization, accept: "text/event-stream" },
    });
    expect(await stream.text()).toContain(JSON.stringify({ data: IS_ME }));
  }
  const client = createClient({
    ...{ url: `${api.url.replace("http", "ws")}/graphql`, webSocketImpl: WebSocket, retryAttempts: 0 },
    connectionParams: { authorization },
  });
  onTestFinished(() => client.dispose());
  const events = client.iterate({ query: "", extensions: { persistedQuery } });
  expect((await events.next()).value).toEqual({ data: IS_ME });
});

test("an unknown hash, another tenant's, one that is no hash and one of other words run nothing", async () => {
  const other = await seedTenant(app);
  const hash = await register("{ viewer { kind } }", await (await seedClient(app, other.actor, null)).token());
  for (const unknown of [hash, "0".repeat(64)]) {
    for (const body of named(unknown).slice(0, 4)) {
      const answer = await post(body);
      expect([answer.status, codes(answer), answer.data]).toEqual([404, ["NOT_FOUND"], undefined]);
    }
  }
  for (const none of ["", "x", "A".repeat(64), `${"0".repeat(64)}\n`, "md5:0"]) {
    expect(codes(await post({ documentId: none }))).toEqual(["VALIDATION"]);
  }
  expect(codes(await post({ documentId: await register(WHO), query: "{ viewer { kind } }" }))).toEqual(["VALIDATION"]);
  expect(codes(await post({ documentId: hex(WHO) }, null))).toEqual(["UNAUTHENTICATED"]);
});

test("what is sent with a hash is never registered by that", async () => {
  const query = "{ viewer { kind expiresAt } }";
  const body = { query, extensions: { persistedQuery: { version: 1, sha256Hash: hex(query) } } };
  expect(codes(await post(body))).toEqual(["NOT_FOUND"]);
  expect(codes(await post({ documentId: hex(query) }))).toEqual(["NOT_FOUND"]);
});

test("a client that may run registered documents only runs no other, by any way", async () => {
  const bound = await seedPartner(app, home);
  const bearer = await bound.token();
  const hash = await register(WHO);
  const input = { clientId: bound.client.id, trustedDocumentsOnly: true };
  const payload = "client { policy { ratePoints trustedDocumentsOnly } }";
  const { data } = await mutate("setClientPolicy", "SetClientPolicyInput", payload, input);
  expect(data.setClientPolicy.client.policy).toEqual({ ratePoints: null, trustedDocumentsOnly: true });
  const me = { viewer: { clientId: bound.client.id } };
  for (const body of [...named(hash), { query: WHO }]) expect((await post(body, bearer)).data).toEqual(me);
  for (const query of [`${WHO} `, "{ viewer { clientId } }", "{ __typename }", "{ errorCodes { code } }"]) {
    const answer = await post({ query }, bearer);
    expect([answer.status, codes(answer)]).toEqual([403, ["FORBIDDEN"]]);
    const headers = { authorization: `Bearer ${bearer}`, accept: "text/event-stream" };
    const search = new URLSearchParams({ query }).toString();
    expect((await fetch(`${api.url}/graphql?${search}`, { headers })).status).toBe(403);
    expect(await (await fetch(`${api.url}/graphql/stream?${search}`, { headers })).text()).toContain("FORBIDDEN");
  }
  await mutate("setClientPolicy", "SetClientPolicyInput", payload, { clientId: bound.client.id });
  expect((await post({ query: "{ viewer { clientId } }" }, bearer)).data).toEqual(me);
});

test("a withdrawn document is run no more, and one registered again is", async () => {
  const text = "{ viewer { scopes } }";
  const hash = await register(text);
  expect((await post({ documentId: hash })).status).toBe(200);
  const input = { sha256: hash, reason: "old" };
  const payload = "document { name withdrawnAt registeredBy }";
  const { data } = await mutate("withdrawTrustedDocument", "WithdrawTrustedDocumentInput", payload, input);
  expect(data.withdrawTrustedDocument.document.withdrawnAt).not.toBeNull();
  expect(codes(await post({ documentId: hash }))).toEqual(["NOT_FOUND"]);
  await register(text);
  await vi.waitFor(async () => expect((await post({ documentId: hash })).status).toBe(200), { timeout: 5_000 });
});

test("only what is valid and within limits is registered, and by administrations alone", async () => {
  const payload = "document { sha256 }";
  const by = async (text: string, bearer = admin) => {
    const args = ["registerTrustedDocument", "RegisterTrustedDocumentInput", payload, { name: "x", text }] as const;
    return codes(await mutate(...args, bearer));
  };
  expect(await by("{ nothing }")).toEqual(["VALIDATION"]);
  expect(await by("{")).toEqual(["VALIDATION"]);
  expect(await by(`{ ${"__typename ".repeat(500)} }`)).toEqual(["LIMIT_EXCEEDED"]);
  expect(await by(`{ ${"a ".repeat(2_100)} }`)).toEqual(["VALIDATION"]);
  expect(await by(WHO, token)).toEqual(["FORBIDDEN"]);
  const foreign = await (await seedClient(app, (await seedTenant(app)).actor, null)).token();
  const input = { sha256: await register(WHO), reason: "mine" };
  const withdrawal = await mutate(
    ...(["withdrawTrustedDocument", "WithdrawTrustedDocumentInput", payload, input, foreign] as const),
  );
  expect(codes(withdrawal)).toEqual(["NOT_FOUND"]);
});

test("documents are listed by page, and another tenant sees none", async () => {
  const own = await seedTenant(app);
  const bearer = await (await seedClient(app, own.actor, null)).token();
  const texts = ["{ viewer { clientId kind } }", "{ viewer { clientId scopes } }", "{ __typename }"];
  for (const text of texts) await register(text, bearer);
  const page = async (after: string | null) => {
    const query = `query ($after: String) { trustedDocuments(first: 2, after: $after) {
      totalCount pageInfo { hasNextPage endCursor } edges { node { sha256 text } } } }`;
    return (await api.ask({ query, variables: { after }, token: bearer })).data.trustedDocuments;
  };
  const first = await page(null);
  const rest = await page(first.pageInfo.endCursor);
  expect([first.totalCount, first.pageInfo.hasNextPage, rest.pageInfo.hasNextPage]).toEqual([3, true, false]);
  const listed = [...first.edges, ...rest.edges].map(({ node }: { node: { text: string } }) => node.text);
  expect(listed.toSorted()).toEqual(texts.toSorted());
});

test("a client's own rate holds, nobody is given more than the installation allows, and the shell may", async () => {
  const busy = await seedPartner(app, home);
  const bearer = await busy.token();
  const payload = "client { policy { ratePoints } }";
  const input = { clientId: busy.client.id, ratePoints: 10 };
  const set = await mutate("setClientPolicy", "SetClientPolicyInput", payload, input);
  expect(set.data.setClientPolicy.client.policy).toEqual({ ratePoints: 10 });
  const statuses: number[] = [];
  for (let i = 0; i < 15; i++) statuses.push((await post({ query: "{ __typename }" }, bearer)).status);
  expect(statuses.filter((status) => status === 200).length).toBeLessThanOrEqual(10);
  expect(statuses.at(-1)).toBe(429);
  const more = { ...input, ratePoints: 300_000 };
  expect(codes(await mutate("setClientPolicy", "SetClientPolicyInput", payload, more))).toEqual(["VALIDATION"]);
  const policy = { ratePoints: 300_000, trustedDocumentsOnly: false };
  await setClientPolicy(app, home.actor, { clientId: busy.client.id, policy });
  await vi.waitFor(async () => expect((await post({ query: "{ __typename }" }, bearer)).status).toBe(200), 12_000);
});
