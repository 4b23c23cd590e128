import { CompactSign, createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { signingKey } from "../../src/identity/keys/service.js";
import { SCOPES } from "../../src/kernel/actor.js";
import { ensurePlatformTenant } from "../../src/tenancy/service.js";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { clientFor, type KeyedClient, settle, TENANT_SCOPES, tokenForm } from "./place.js";
import { newKey, rawToken, type TestKey } from "./signing.js";

const app = await testApp();
const api = await testApi(app);

const post = (body: URLSearchParams | string, headers: Readonly<Record<string, string>> = {}) =>
  fetch(`${api.url}/oauth/token`, { method: "POST", body, headers });
const ask = async (form: ReadonlyMap<string, string>) => post(new URLSearchParams([...form]));
const TokenAnswer = z.looseObject({ access_token: z.string() });
const tokenOf = async (keyed: KeyedClient) =>
  TokenAnswer.parse(await (await ask(await tokenForm(app, keyed))).json()).access_token;
/** A client that would authenticate by a password. */
const PASSWORD_FORM: [string, string][] = [
  ["grant_type", "client_credentials"],
  ["token", "x"],
  ["client_id", "cli_x"],
  ["client_secret", "x"],
];
const Id = z.object({ id: z.string() });

describe("the token endpoint", () => {
  test.each(["EdDSA", "Ed25519", "ES256", "ES384", "PS256"])(
    "gives a client that signs with %s a token",
    async (alg) => {
      const { client } = await settle(app);
      const response = await ask(await tokenForm(app, await client(["audit:read"], null, alg)));
      expect(response.status).toBe(200);
      expect(response.headers.get("cache-control")).toBe("no-store");
      const answer = TokenAnswer.parse(await response.json());
      expect(answer).toEqual({
        access_token: expect.any(String),
        token_type: "Bearer",
        expires_in: 600,
        scope: "audit:read",
      });
      const viewer = await api.ask({ query: "{ viewer { kind scopes } }", token: answer.access_token });
      expect(viewer.data).toEqual({ viewer: { kind: "TENANT", scopes: ["audit:read"] } });
    },
  );

  test.each<[string, (keyed: KeyedClient) => Promise<Map<string, string>>]>([
    [
      "no algorithm",
      async (keyed) => withAssertion(keyed, rawToken({ alg: "none", kid: keyed.key.kid }, claims(keyed))),
    ],
    [
      "a signature by HMAC",
      async (keyed) => withAssertion(keyed, rawToken({ alg: "HS256", kid: keyed.key.kid }, claims(keyed))),
    ],
    [
      "a key of its own inside",
      async (keyed) => {
        const { publicJwk: jwk, privateKey } = await newKey();
        return withAssertion(keyed, rawToken({ alg: "EdDSA", kid: keyed.key.kid, jwk }, claims(keyed), privateKey));
      },
    ],
    ["another audience", (keyed) => tokenForm(app, keyed, { claims: { aud: "https://elsewhere.example" } })],
    ["another type", (keyed) => tokenForm(app, keyed, { header: { typ: "quittance-batch+jws" } })],
    ["its time over", (keyed) => tokenForm(app, keyed, { claims: { exp: seconds() - 60 } })],
    ["too long a life", (keyed) => tokenForm(app, keyed, { claims: { exp: seconds() + 3_600 } })],
    ["no end", (keyed) => tokenForm(app, keyed, { claims: { exp: undefined } })],
    ["no jti", (keyed) => tokenForm(app, keyed, { claims: { jti: undefined } })],
    ["another subject", (keyed) => tokenForm(app, keyed, { claims: { sub: "cli_01kb000000000000000000000z" } })],
    ["another client's key", async (keyed) => tokenForm(app, { ...keyed, key: (await anotherClient()).key })],
    ["another client_id beside it", async (keyed) => (await tokenForm(app, keyed)).set("client_id", "cli_x")],
    ["a password instead", async () => new Map([...PASSWORD_FORM])],
    ["another kind of assertion", async (keyed) => (await tokenForm(app, keyed)).set("client_assertion_type", "saml2")],
  ])("refuses an assertion with %s as invalid_client", async (_name, make) => {
    const { client } = await settle(app);
    const response = await ask(await make(await client(["audit:read"])));
    expect(response.status).toBe(401);
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(await response.json()).toEqual({ error: "invalid_client", error_description: expect.any(String) });
  });

  test("takes an assertion once", async () => {
    const { client } = await settle(app);
    const form = await tokenForm(app, await client(["audit:read"]));
    expect((await ask(form)).status).toBe(200);
    const again = await ask(form);
    expect(again.status).toBe(401);
    expect(await again.json()).toMatchObject({
      error: "invalid_client",
      error_description: expect.stringMatching(/jti/),
    });
  });

  test("takes its own address for the audience, and its issuer, under every name of loopback", async () => {
    const { client } = await settle(app);
    const keyed = await client(["audit:read"]);
    const other = app.config.publicUrl.replace("localhost", "127.0.0.1");
    for (const aud of [
      app.config.publicUrl,
      `${app.config.publicUrl}/oauth/token`,
      other,
      [`${other}/oauth/token`, "x"],
    ]) {
      expect((await ask(await tokenForm(app, keyed, { claims: { aud } }))).status, String(aud)).toBe(200);
    }
  });

  test("says what is wrong with a request as RFC 6749 lists it", async () => {
    const { client } = await settle(app);
    const form = async () => tokenForm(app, await client(["audit:read"]));
    const body = async (change: (form: Map<string, string>) => void) => {
      const changed = await form();
      change(changed);
      return new URLSearchParams([...changed]);
    };
    const twice = await body(() => undefined);
    twice.append("grant_type", "client_credentials");
    const cases: [string, URLSearchParams | string, Record<string, string>, string][] = [
      ["no grant type", await body((each) => each.delete("grant_type")), {}, "invalid_request"],
      ["an empty grant type", await body((each) => each.set("grant_type", "")), {}, "invalid_request"],
      ["another grant", await body((each) => each.set("grant_type", "password")), {}, "unsupported_grant_type"],
      ["another scope", await body((each) => each.set("scope", "audit:write")), {}, "invalid_scope"],
      ["a parameter twice", twice, {}, "invalid_request"],
      [
        "JSON",
        JSON.stringify({ grant_type: "client_credentials" }),
        { "content-type": "application/json" },
        "invalid_request",
      ],
      ["two methods", await body(() => undefined), { authorization: "Basic YTpi" }, "invalid_request"],
      ["a password beside the assertion", await body((each) => each.set("client_secret", "x")), {}, "invalid_request"],
      ["nothing", "", {}, "invalid_request"],
    ];
    for (const [name, content, headers, error] of cases) {
      const response = await post(content, headers);
      expect(response.status, name).toBe(400);
      expect(await response.json(), name).toMatchObject({ error });
    }
    const long = await post(new URLSearchParams({ grant_type: "x".repeat(40_000) }));
    expect(long.status).toBe(413);
  });

  test.each([
    ["Basic YTpi", "Basic"],
    ["basic", "basic"],
    ["Bearer abc", "Bearer"],
    ["DPoP abc", "DPoP"],
    ["Negotiate", "Negotiate"],
    ['"quoted" x', "Basic"],
    ["x".repeat(50), "Basic"],
  ])("names the scheme of %j that was tried instead of ours (RFC 6749, section 5.2)", async (authorization, scheme) => {
    for (const path of ["token", "revoke"]) {
      const body = new URLSearchParams(PASSWORD_FORM);
      const response = await fetch(`${api.url}/oauth/${path}`, { method: "POST", body, headers: { authorization } });
      expect(response.status).toBe(401);
      expect(response.headers.get("www-authenticate")).toBe(`${scheme} realm="Quittance"`);
      expect(await response.json()).toMatchObject({ error: "invalid_client" });
    }
    const none = await post(new URLSearchParams(PASSWORD_FORM));
    expect([none.status, none.headers.get("www-authenticate")]).toEqual([401, null]);
  });

  test("repeats nothing of what it was sent", async () => {
    const { client } = await settle(app);
    const form = await tokenForm(app, await client(["audit:read"]));
    for (const name of ["scope", "grant_type", "client_id"]) {
      const response = await ask(new Map(form).set(name, "<script>sentinel</script>"));
      expect(await response.text()).not.toContain("sentinel");
    }
  });
});

describe("discovery", () => {
  test("the metadata name what there is, and no more", async () => {
    const response = await fetch(`${api.url}/.well-known/oauth-authorization-server`);
    const issuer = app.config.publicUrl;
    expect(await response.json()).toEqual({
      issuer,
      token_endpoint: `${issuer}/oauth/token`,
      jwks_uri: `${issuer}/.well-known/jwks.json`,
      scopes_supported: [...SCOPES],
      response_types_supported: [],
      grant_types_supported: ["client_credentials"],
      token_endpoint_auth_methods_supported: ["private_key_jwt"],
      token_endpoint_auth_signing_alg_values_supported: ["EdDSA", "Ed25519", "ES256", "ES384", "PS256"],
      revocation_endpoint: `${issuer}/oauth/revoke`,
      revocation_endpoint_auth_methods_supported: ["private_key_jwt"],
      revocation_endpoint_auth_signing_alg_values_supported: ["EdDSA", "Ed25519", "ES256", "ES384", "PS256"],
      dpop_signing_alg_values_supported: ["EdDSA", "Ed25519", "ES256", "ES384", "PS256"],
    });
  });

  test("the key set holds the key of every token, and no private member", async () => {
    const { client } = await settle(app);
    const token = await tokenOf(await client(["audit:read"]));
    const response = await fetch(`${api.url}/.well-known/jwks.json`);
    const { keys } = z.object({ keys: z.array(z.looseObject({ kid: z.string() })) }).parse(await response.json());
    const { kid } = decodeProtectedHeader(token);
    expect(keys.find((key) => key.kid === kid)).toEqual({
      ...{ kty: "OKP", crv: "Ed25519", x: expect.any(String), kid, alg: "EdDSA", use: "sig" },
    });
    expect(keys.some((key) => "d" in key)).toBe(false);
    const { publicUrl } = app.config;
    const jwks = createRemoteJWKSet(new URL(`${api.url}/.well-known/jwks.json`));
    const verified = await jwtVerify(token, jwks, { issuer: publicUrl, audience: publicUrl, typ: "at+jwt" });
    expect(verified.payload).toMatchObject({ scope: "audit:read" });
  });
});

test("a key that is in use is listed, and every key is found by its kid, however many there are", async () => {
  const { client } = await settle(app);
  const token = await tokenOf(await client(["audit:read"]));
  const { kid = "" } = decodeProtectedHeader(token);
  const digit =
    "(select 0 as d union select 1 union select 2 union select 3 union select 4 union select 5 \
    union select 6 union select 7 union select 8 union select 9)";
  const many = "concat('zzz', a.d, b.d, c.d, e.d)";
  await app.database.query(
    `insert into platform_key (tenant_id, id, purpose, kid, public_jwk, private_jwk_sealed, created_at, retired_at)
     select tenant_id, ${many}, purpose, ${many}, json_set(public_jwk, '$.kid', ${many}), private_jwk_sealed,
       created_at, created_at
     from platform_key, ${digit} as a, ${digit} as b, ${digit} as c, ${digit} as e where kid = ?`,
    [kid],
  );
  const kidsAt = async (query: string) => {
    const response = await fetch(`${api.url}/.well-known/jwks.json${query}`);
    const { keys } = z.object({ keys: z.array(z.object({ kid: z.string() })) }).parse(await response.json());
    return keys.map((key) => key.kid);
  };
  const listed = await kidsAt("");
  expect(listed).toContain(kid);
  expect(listed).not.toContain("zzz0000");
  expect(await kidsAt("?kid=zzz0000")).toEqual(["zzz0000"]);
  for (const none of ["unknown", "%C3%A9", "%F0%9F%98%80", "%00", ""]) expect(await kidsAt(`?kid=${none}`)).toEqual([]);
  await app.database.query("delete from platform_key where kid like 'zzz%'");
});

describe("clients and keys through the API", () => {
  test("one administrator registers keys, another approves them, and one of them is revoked", async () => {
    const { client, partner } = await settle(app);
    const [token, other] = [await tokenOf(await client(TENANT_SCOPES)), await tokenOf(await client(TENANT_SCOPES))];
    const { id: partnerId } = await partner("p");
    const [first, second] = [await newKey(), await newKey("ES384")];
    const created = await api.ask({
      token,
      query: `mutation ($input: CreateClientInput!) {
        createClient(input: $input) { client { id kind partnerId scopes keys { kid } } keys { id kid state } } }`,
      variables: {
        input: {
          ...{ partnerId, name: "feed", scopes: ["batches:submit"], idempotencyKey: "feed-1" },
          jwks: JSON.stringify({ keys: [first.publicJwk] }),
          proofs: [await provenBy(first, token, { partnerId })],
        },
      },
    });
    expect(created.errors).toBeUndefined();
    const Created = z.object({ client: z.looseObject({ id: z.string() }), keys: z.array(Id) });
    const { client: made, keys } = z.object({ createClient: Created }).parse(created.data).createClient;
    expect(made).toMatchObject({ kind: "PARTNER", partnerId, scopes: ["batches:submit"], keys: [{ kid: first.kid }] });
    const registered = await api.ask({
      token,
      query:
        "mutation ($input: RegisterKeyInput!) { registerKey(input: $input) { key { id kid alg state purposes } } }",
      variables: {
        input: {
          ...{ clientId: made.id, jwk: JSON.stringify(second.publicJwk), idempotencyKey: "key-2" },
          proofs: [await provenBy(second, token, { clientId: made.id })],
        },
      },
    });
    const purposes = ["CLIENT_AUTHENTICATION", "BATCH_SIGNING"];
    const pending = { kid: second.kid, alg: "ES384", state: "PENDING_APPROVAL", purposes };
    expect(registered.data).toEqual({ registerKey: { key: { id: expect.any(String), ...pending } } });
    const approve = (by: string, keyId: string) =>
      api.ask({
        token: by,
        query: "mutation ($input: ApproveKeyInput!) { approveKey(input: $input) { key { state } } }",
        variables: { input: { keyId, idempotencyKey: `approve-${keyId}` } },
      });
    const secondId: string = registered.data.registerKey.key.id;
    expect((await approve(token, secondId)).errors?.[0]?.extensions).toMatchObject({ code: "FORBIDDEN" });
    expect((await approve(other, secondId)).data).toEqual({ approveKey: { key: { state: "ACTIVE" } } });
    expect((await approve(other, keys[0]?.id ?? "")).data).toEqual({ approveKey: { key: { state: "ACTIVE" } } });
    await expect(tokenOf({ client: made, key: first })).resolves.toEqual(expect.any(String));
    const revoked = await api.ask({
      token,
      query: "mutation ($input: RevokeKeyInput!) { revokeKey(input: $input) { key { state revokedAt } } }",
      variables: { input: { keyId: keys[0]?.id, reason: "rotated", idempotencyKey: "revoke-1" } },
    });
    expect(revoked.data).toEqual({ revokeKey: { key: { state: "REVOKED", revokedAt: expect.any(String) } } });
    const nodes = await api.ask({
      token,
      query: "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }",
      variables: { ids: [made.id, keys[0]?.id] },
    });
    expect(nodes.data).toEqual({
      nodes: [
        { __typename: "Client", id: made.id },
        { __typename: "ClientKey", id: keys[0]?.id },
      ],
    });
    const listed = await api.ask({
      token,
      query: `query ($id: ID!) {
        keys(clientId: $id, first: 1) { totalCount edges { node { kid } } pageInfo { hasNextPage } } }`,
      variables: { id: made.id },
    });
    expect(listed.data).toEqual({
      keys: { totalCount: 2, edges: [{ node: { kid: first.kid } }], pageInfo: { hasNextPage: true } },
    });
  });

  test("each field asks for its own scope", async () => {
    const { client } = await settle(app);
    const token = await tokenOf(await client(["configs:draft"]));
    for (const query of ["{ clients { totalCount } }", "{ keys { totalCount } }", '{ client(id: "cli_x") { id } }']) {
      expect((await api.ask({ query, token })).errors?.[0]?.extensions).toMatchObject({ code: "FORBIDDEN" });
    }
    const refused = await api.ask({
      token,
      query: 'mutation { createTenant(input: { name: "T", idempotencyKey: "1" }) { tenant { id } } }',
    });
    expect(refused.errors?.[0]?.extensions).toMatchObject({ code: "FORBIDDEN" });
  });

  test("ids of another tenant, and ids that are none, answer alike", async () => {
    const [mine, theirs] = [await settle(app), await settle(app)];
    const token = await tokenOf(await mine.client(TENANT_SCOPES));
    const { client, key } = await theirs.client(["audit:read"]);
    const partner = await theirs.partner("p");
    const keyId = (await signingKey(app, theirs.shell.tenantId, key.kid))?.id;
    const jwk = JSON.stringify((await newKey()).publicJwk).replaceAll('"', '\\"');
    const input = (name: string, id: string) => `${name}: "${id}", idempotencyKey: "x-${id.length}"`;
    const questions = (clientId: string, key: string, partnerId: string) => [
      `{ client(id: "${clientId}") { id } }`,
      `{ key(id: "${key}") { id } }`,
      `{ keys(clientId: "${clientId}") { totalCount } }`,
      `{ clients(partnerId: "${partnerId}") { totalCount } }`,
      `{ partner(id: "${partnerId}") { id } }`,
      `mutation { registerKey(input: { proofs: [], jwk: "${jwk}", ${input("clientId", clientId)} }) { key { id } } }`,
      `mutation { revokeKey(input: { reason: "r", ${input("keyId", key)} }) { key { id } } }`,
      `mutation { createClient(input: { proofs: [], name: "n", scopes: ["batches:read"], jwks: "${jwk}",
        ${input("partnerId", partnerId)} }) { client { id } } }`,
      `mutation { createClient(input: { proofs: [], name: "n", scopes: ["batches:read"], jwks: "${jwk}",
        ${input("tenantId", theirs.shell.tenantId)} }) { client { id } } }`,
    ];
    const outcome = async (query: string) => (await api.ask({ query, token })).errors?.[0]?.extensions["code"];
    for (const query of questions(client.id, String(keyId), partner.id))
      expect(await outcome(query), query).toBe("NOT_FOUND");
    for (const query of questions("한국", "é", "😀")) expect(await outcome(query), query).toBe("NOT_FOUND");
  });

  test("an operator sets a tenant up and hands it over", async () => {
    const platform = await ensurePlatformTenant(app);
    const { shell } = await settle(app);
    const operators = { ...shell, tenantId: platform.id, tenantNo: platform.no };
    const operator = await tokenOf(
      await clientFor(app, operators, { scopes: ["operations:manage", "clients:manage"] }),
    );
    const create = (name: string) =>
      api.ask({
        token: operator,
        query: "mutation ($input: CreateTenantInput!) { createTenant(input: $input) { tenant { id name } } }",
        variables: { input: { name, idempotencyKey: `create-${operator.slice(-20)}` } },
      });
    const next = await create("Next");
    const { tenant } = z.object({ createTenant: z.object({ tenant: Id }) }).parse(next.data).createTenant;
    expect((await create("Next")).data).toEqual(next.data);
    expect((await create("Other")).errors?.[0]?.extensions).toMatchObject({ code: "IDEMPOTENCY_CONFLICT" });
    const key = await newKey();
    const handed = await api.ask({
      token: operator,
      query: "mutation ($input: CreateClientInput!) { createClient(input: $input) { client { id kind } } }",
      variables: {
        input: {
          ...{ tenantId: tenant.id, name: "admin", scopes: TENANT_SCOPES, idempotencyKey: "hand-over" },
          jwks: JSON.stringify(key.publicJwk),
          proofs: [await provenBy(key, operator, { tenantId: tenant.id })],
        },
      },
    });
    const Handed = z.object({
      createClient: z.object({ client: z.object({ id: z.string(), kind: z.literal("TENANT") }) }),
    });
    const { client } = Handed.parse(handed.data).createClient;
    const admin = await tokenOf({ client, key });
    const seen = await api.ask({
      query: "{ viewer { tenant { id } partner { id } } partners { totalCount } }",
      token: admin,
    });
    expect(seen.data).toEqual({ viewer: { tenant: { id: tenant.id }, partner: null }, partners: { totalCount: 0 } });
  });
});

/** A proof as a partner makes it of what `keyChallenges` answers. */
async function provenBy({ kid, alg, privateKey, publicJwk }: TestKey, token: string, holder: object): Promise<string> {
  const { data } = await api.ask({
    token,
    query: "query ($input: KeyChallengesInput!) { keyChallenges(input: $input) { kid challenge encryptedChallenge } }",
    variables: { input: { jwk: JSON.stringify(publicJwk), ...holder } },
  });
  expect(data.keyChallenges).toEqual([{ kid, challenge: expect.any(String), encryptedChallenge: null }]);
  const { challenge } = data.keyChallenges[0];
  return new CompactSign(new TextEncoder().encode(JSON.stringify({ challenge })))
    .setProtectedHeader({ alg, kid, typ: "quittance-key-proof+jws" })
    .sign(privateKey);
}

function seconds(): number {
  return Math.floor(app.clock.now().getTime() / 1000);
}

function claims({ client }: KeyedClient): object {
  const now = seconds();
  return { iss: client.id, sub: client.id, aud: app.config.publicUrl, iat: now, exp: now + 60, jti: `raw-${now}` };
}

async function withAssertion(keyed: KeyedClient, assertion: string): Promise<Map<string, string>> {
  return (await tokenForm(app, keyed)).set("client_assertion", assertion);
}

async function anotherClient(): Promise<KeyedClient> {
  const { client } = await settle(app);
  return client(["audit:read"]);
}
