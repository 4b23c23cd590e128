import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { calculateJwkThumbprint, decodeJwt, decodeProtectedHeader } from "jose";
import { afterAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { signingKey } from "../../src/identity/keys/service.js";
import { SCOPES } from "../../src/kernel/actor.js";
import { register as registerKeys } from "../../src/server/commands/keys.js";
import { openSession } from "../../src/server/partner-client.js";
import { ensurePlatformTenant } from "../../src/tenancy/service.js";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { runCommand } from "../support/commands.js";
import { clientFor, type KeyedClient, settle, TENANT_SCOPES, tokenForm } from "./place.js";
import { newKey, rawToken, signAssertion } from "./signing.js";

const app = await testApp();
const api = await testApi(app);
const folder = mkdtempSync(join(tmpdir(), "quittance-identity-"));
afterAll(() => rmSync(folder, { recursive: true }));

const post = (body: URLSearchParams | string, headers: Readonly<Record<string, string>> = {}) =>
  fetch(`${api.url}/oauth/token`, { method: "POST", body, headers });
const ask = async (form: ReadonlyMap<string, string>) => post(new URLSearchParams([...form]));
const TokenAnswer = z.looseObject({ access_token: z.string() });
const tokenOf = async (keyed: KeyedClient) =>
  TokenAnswer.parse(await (await ask(await tokenForm(app, keyed))).json()).access_token;
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
    ["a password beside it", async (keyed) => (await tokenForm(app, keyed)).set("client_secret", "x")],
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
  });
});

describe("clients and keys through the API", () => {
  test("an administrator creates a client, gives it another key and revokes the first", async () => {
    const { client, partner } = await settle(app);
    const token = await tokenOf(await client(TENANT_SCOPES));
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
        },
      },
    });
    expect(created.errors).toBeUndefined();
    const Created = z.object({ client: z.looseObject({ id: z.string() }), keys: z.array(Id) });
    const { client: made, keys } = z.object({ createClient: Created }).parse(created.data).createClient;
    expect(made).toMatchObject({ kind: "PARTNER", partnerId, scopes: ["batches:submit"], keys: [{ kid: first.kid }] });
    const registered = await api.ask({
      token,
      query: "mutation ($input: RegisterKeyInput!) { registerKey(input: $input) { key { kid alg state } } }",
      variables: { input: { clientId: made.id, jwk: JSON.stringify(second.publicJwk), idempotencyKey: "key-2" } },
    });
    expect(registered.data).toEqual({ registerKey: { key: { kid: second.kid, alg: "ES384", state: "ACTIVE" } } });
    const revoked = await api.ask({
      token,
      query: "mutation ($input: RevokeKeyInput!) { revokeKey(input: $input) { key { state revokedAt } } }",
      variables: { input: { keyId: keys[0]?.id, reason: "rotated", idempotencyKey: "revoke-1" } },
    });
    expect(revoked.data).toEqual({ revokeKey: { key: { state: "REVOKED", revokedAt: expect.any(String) } } });
    const listed = await api.ask({
      token,
      query:
        "query ($id: ID!) { keys(clientId: $id, first: 1) { totalCount edges { node { kid } } pageInfo { hasNextPage } } }",
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
      `mutation { registerKey(input: { jwk: "${jwk}", ${input("clientId", clientId)} }) { key { id } } }`,
      `mutation { revokeKey(input: { reason: "r", ${input("keyId", key)} }) { key { id } } }`,
      `mutation { createClient(input: { name: "n", scopes: ["batches:read"], jwks: "${jwk}", ${input("partnerId", partnerId)} })
        { client { id } } }`,
      `mutation { createClient(input: { name: "n", scopes: ["batches:read"], jwks: "${jwk}",
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

describe("the partner's side", () => {
  const keyFile = (keyed: KeyedClient) => {
    const file = join(folder, `${keyed.key.kid}.json`);
    const { kid, alg } = keyed.key;
    writeFileSync(file, JSON.stringify({ ...keyed.key.privateKey.export({ format: "jwk" }), kid, alg }));
    return file;
  };

  test("a session gets one token for many questions, and another when the first has ended", async () => {
    const { client } = await settle(app);
    const keyed = await client(["audit:read", "configs:draft"]);
    const input = { url: `${api.url}/`, clientId: keyed.client.id, keyFile: keyFile(keyed), scope: "audit:read" };
    const session = await openSession(input);
    const Answer = z.object({ viewer: z.object({ clientId: z.string(), scopes: z.array(z.string()) }) });
    const answer = await session.graphql(Answer, "{ viewer { clientId scopes } }");
    expect(answer.viewer).toEqual({ clientId: keyed.client.id, scopes: ["audit:read"] });
    const first = await session.token();
    expect(await session.token()).toBe(first);
    app.clock.advance(700_000); // the server's clock alone: the session learns from its refusal
    try {
      await expect(session.graphql(Answer, "{ viewer { clientId scopes } }")).rejects.toThrow(/invalid_client/);
    } finally {
      app.clock.advance(-700_000);
    }
    await expect(session.graphql(Answer, "{ viewer { clientId scopes } }")).resolves.toEqual(answer);
    expect(await session.token()).not.toBe(first);
  });

  test("a refusal has the server's code, and a server that is away says so", async () => {
    const { client } = await settle(app);
    const keyed = await client(["configs:draft"]);
    const session = await openSession({ url: api.url, clientId: keyed.client.id, keyFile: keyFile(keyed) });
    await expect(session.graphql(z.unknown(), "{ keys { totalCount } }")).rejects.toMatchObject({ code: "FORBIDDEN" });
    await expect(session.graphql(z.unknown(), "{ nonsense }")).rejects.toMatchObject({ code: "VALIDATION" });
    const forged = await openSession({ url: api.url, clientId: "cli_x", keyFile: keyFile(keyed) });
    await expect(forged.token()).rejects.toMatchObject({ code: "invalid_client", retryable: false });
  });

  test("a file without a private key is refused before anything is asked", async () => {
    const file = join(folder, "public.json");
    writeFileSync(file, JSON.stringify((await newKey()).publicJwk));
    await expect(openSession({ url: api.url, clientId: "cli_x", keyFile: file })).rejects.toThrow(/private JWK/);
  });
});

describe("the commands", () => {
  const bin = fileURLToPath(new URL("../../bin/quittance", import.meta.url));
  writeFileSync(join(folder, "master.key"), app.config.masterKey.toString("base64url"));
  const { databaseUrl, redisUrl } = app.config;
  const server = ["--data-dir", folder, "--database-url", databaseUrl, "--redis-url", redisUrl];
  const file = (name: string) => join(folder, name);
  const PROCESSES_MS = 120_000; // each command is a process of its own, and the machine has other work
  /** As a shell runs it. */
  const run = async (...words: string[]): Promise<{ code: number; out: string; err: string }> => {
    try {
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [bin, ...words]);
      return { code: 0, out: stdout, err: stderr };
    } catch (error) {
      const Failed = z.object({ code: z.number(), stdout: z.string(), stderr: z.string() });
      const { code, stdout: out, stderr: err } = Failed.parse(error);
      return { code, out, err };
    }
  };
  const answerOf = async <T>(answer: z.ZodType<T>, ...words: string[]): Promise<T> => {
    const { code, out, err } = await run(...words, "--json");
    expect(code, err).toBe(0);
    return answer.parse(JSON.parse(out));
  };
  const Made = z.strictObject({ kid: z.string(), publicJwk: z.looseObject({ kid: z.string(), alg: z.string() }) });

  test(
    "from an empty installation to an access token, as an installer would script it",
    async () => {
      const tenant = await answerOf(
        z.strictObject({ id: z.string() }),
        "tenant",
        "create",
        "--name",
        "Casino",
        ...server,
      );
      const partner = await answerOf(
        z.strictObject({ id: z.string() }),
        ...["partner", "create", "--tenant", tenant.id, "--code", "P1", "--kind", "GAME_PROVIDER"],
        ...["--currency", "BTC", "USD", "--timezone", "Asia/Seoul", ...server],
      );
      const made = await answerOf(Made, "keygen", "--alg", "EdDSA", "--out", file("key.json"));
      expect(made.publicJwk).toMatchObject({ kid: made.kid, alg: "EdDSA" });
      expect(made.publicJwk).not.toHaveProperty("d");
      writeFileSync(file("pub.json"), JSON.stringify(made));
      const client = await answerOf(
        z.strictObject({ clientId: z.string() }),
        ...["client", "create", "--tenant", tenant.id, "--partner", partner.id, "--jwks", file("pub.json")],
        ...["--scopes", "batches:submit batches:read", ...server],
      );
      const token = await run("token", "--url", api.url, "--client", client.clientId, "--key", file("key.json"));
      expect(token).toMatchObject({ code: 0, err: "" });
      const text = token.out.trim();
      expect(decodeJwt(text)).toMatchObject({ client_id: client.clientId, partner: partner.id, tenant: tenant.id });
      const viewer = await api.ask({ query: "{ viewer { partner { code currencies timezone } } }", token: text });
      expect(viewer.data).toEqual({
        viewer: { partner: { code: "P1", currencies: ["BTC", "USD"], timezone: "Asia/Seoul" } },
      });
    },
    PROCESSES_MS,
  );

  test(
    "misuse ends with 2 and failure with 1, both with nothing on standard output",
    async () => {
      writeFileSync(file("one.json"), JSON.stringify((await newKey()).publicJwk));
      const misuse = await run("client", "create", "--jwks", file("one.json"), "--scopes", "audit:read", ...server);
      expect(misuse).toMatchObject({ code: 2, out: "", err: expect.stringMatching(/--tenant/) });
      const failure = await run("key", "revoke", "--tenant", "tnt_x", "--key", "key_x", "--reason", "lost", ...server);
      expect(failure).toMatchObject({ code: 1, out: "", err: expect.stringMatching(/no such tenant.*NOT_FOUND/) });
    },
    PROCESSES_MS,
  );

  test.each(["EdDSA", "Ed25519", "ES256", "ES384", "PS256"])(
    "keygen makes %s keys that only their owner can read",
    async (alg) => {
      const out = file(`${alg}.json`);
      const { stdout } = await runCommand(registerKeys, "keygen", "--alg", alg, "--out", out, "--json");
      const { kid, publicJwk } = Made.parse(JSON.parse(stdout));
      expect(publicJwk).toMatchObject({ kid, alg, use: "sig" });
      expect(await calculateJwkThumbprint(publicJwk)).toBe(kid);
      expect(statSync(out).mode & 0o777).toBe(0o600);
      const secret: unknown = JSON.parse(readFileSync(out, "utf8"));
      const { use: _, ...shared } = publicJwk;
      expect(secret).toMatchObject({ ...shared, d: expect.any(String) });
      await expect(runCommand(registerKeys, "keygen", "--out", out)).rejects.toThrow(/exists; --force/);
      expect(JSON.parse(readFileSync(out, "utf8"))).toEqual(secret);
      await runCommand(registerKeys, "keygen", "--out", out, "--force", "--json");
      expect(JSON.parse(readFileSync(out, "utf8"))).not.toEqual(secret);
    },
  );

  test("keys are registered and revoked, and private ones refused", async () => {
    const { shell, client } = await settle(app);
    const keyed = await client(["audit:read"]);
    const made = Made.parse(
      JSON.parse((await runCommand(registerKeys, "keygen", "--out", file("second.json"), "--json")).stdout),
    );
    writeFileSync(file("second-pub.json"), JSON.stringify({ keys: [made.publicJwk] }));
    const there = ["--tenant", shell.tenantId, "--json", ...server];
    const named = ["--client", keyed.client.id, "--jwk", file("second-pub.json")];
    const registered = await runCommand(registerKeys, "key", "register", ...named, ...there);
    const key = z.strictObject({ id: z.string(), kid: z.literal(made.kid) }).parse(JSON.parse(registered.stdout));
    const revoked = await runCommand(registerKeys, "key", "revoke", "--key", key.id, "--reason", "lost", ...there);
    expect(JSON.parse(revoked.stdout)).toEqual({ ...key, state: "REVOKED" });
    const leak = ["client", "create", "--jwks", file("second.json"), "--scopes", "audit:read", ...there];
    await expect(runCommand(registerKeys, ...leak)).rejects.toMatchObject({ details: { fault: "PRIVATE" } });
  });

  test("an operator's client belongs to the installation", async () => {
    const key = await newKey();
    writeFileSync(file("operator.json"), JSON.stringify(key.publicJwk));
    const create = ["client", "create", "--operator", "--jwks", file("operator.json"), "--json", ...server];
    const { stdout } = await runCommand(registerKeys, ...create, "--scopes", "operations:manage,clients:manage");
    const { clientId } = z.strictObject({ clientId: z.string() }).parse(JSON.parse(stdout));
    const facts = { clientId, audience: app.config.publicUrl, now: app.clock.now() };
    const form = (await tokenForm(app, await anotherClient())).set("client_assertion", await signAssertion(key, facts));
    const token = TokenAnswer.parse(await (await ask(form)).json()).access_token;
    expect((await api.ask({ query: "{ viewer { kind } }", token })).data).toEqual({ viewer: { kind: "OPERATOR" } });
  });
});

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
