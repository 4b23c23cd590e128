import { verify } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { describe, expect, test } from "vitest";
import { Act, ActType } from "../../src/acts/entities.js";
import { actorInTenant, clientsOf, createClient } from "../../src/identity/clients/service.js";
import { KeyPurpose, KeyState, PlatformKey } from "../../src/identity/entities.js";
import { revokeKey } from "../../src/identity/key-revocations/service.js";
import { encryptionKeyOf, keysOf, lockActiveKeys, signingKey } from "../../src/identity/keys/service.js";
import {
  installationSigner,
  platformSigner,
  publicKeysForAllTenants,
  signerByKid,
} from "../../src/identity/platform-keys/service.js";
import { type NewKeys, registerKeys } from "../../src/identity/registrations/service.js";
import { clientOf } from "../../src/identity/service.js";
import { authenticate, issueToken } from "../../src/identity/tokens/service.js";
import { type Actor, PrincipalKind, shellActor } from "../../src/kernel/actor.js";
import { present } from "../../src/kernel/assert.js";
import { newKeyPair } from "../../src/kernel/key-pairs.js";
import { transact } from "../../src/platform/database.js";
import { closeApp } from "../../src/platform/open-app.js";
import { ensurePlatformTenant, PLATFORM_TENANT_ID } from "../../src/tenancy/service.js";
import { openTestApp, testApp } from "../support/app.js";
import { cloneDatabase } from "../support/database.js";
import { clientFor, proofOf, settle, TENANT_SCOPES, tokenForm } from "./place.js";
import { newKey, rawToken } from "./signing.js";

const app = await testApp();
const { clock } = app;
const facts = { requestId: "req_test", traceparent: null, address: "127.0.0.1" };

const tokenOf = async (form: ReadonlyMap<string, string>) => (await issueToken(app, form)).access_token;
const actorOf = (token: string) => authenticate(app, { authorization: `Bearer ${token}`, ...facts });
/** A new key as `createClient` takes it, with the proof of its holder. */
const proven = async (actor: Actor, partnerId: string | null = null) => {
  const key = await newKey();
  return { jwks: JSON.stringify(key.publicJwk), proofs: [await proofOf(app, actor, key, { partnerId })] };
};
const publicText = async (alg = "EdDSA") => JSON.stringify((await newKey(alg)).publicJwk);

describe("platform keys", () => {
  test("two processes that need a tenant's key at once make one", async () => {
    const other = await openTestApp();
    const { shell } = await settle(app);
    const signers = await Promise.all([app, other, app, other].map((each) => platformSigner(each, shell.tenantId)));
    expect(new Set(signers.map(({ kid }) => kid)).size).toBe(1);
    expect(await app.database.manager.countBy(PlatformKey, { tenantId: shell.tenantId })).toBe(1);
    await closeApp(other);
  });

  test("two processes that need the installation's key first make one tenant and one key", async () => {
    const databaseUrl = await cloneDatabase(`quittance_test_fresh_${process.pid}`);
    const both = await Promise.all([1, 2].map(() => openTestApp({ config: { databaseUrl } })));
    const [one, other] = await Promise.all(both.map(installationSigner));
    expect(one?.kid).toBe(other?.kid);
    expect(await both[0]?.database.manager.countBy(PlatformKey, { tenantId: PLATFORM_TENANT_ID })).toBe(1);
    await Promise.all(both.map(closeApp));
  });

  test("the same payload gives the same bytes, by any process, and verifies with the published key", async () => {
    const { shell } = await settle(app);
    const signer = await platformSigner(app, shell.tenantId);
    const jws = signer.sign('{"a":1}', "quittance-receipt+jws");
    expect(signer.sign(Buffer.from('{"a":1}'), "quittance-receipt+jws")).toBe(jws);
    const other = await openTestApp();
    const pinned = await signerByKid(other, shell.tenantId, signer.kid);
    expect(pinned.sign('{"a":1}', "quittance-receipt+jws")).toBe(jws);
    await closeApp(other);
    expect(decodeProtectedHeader(jws)).toEqual({ alg: "EdDSA", kid: signer.kid, typ: "quittance-receipt+jws" });
    const published = (await publicKeysForAllTenants(app)).find(({ kid }) => kid === signer.kid);
    const [head, body, tail] = jws.split(".");
    const key = { key: { ...published }, format: "jwk" } as const;
    expect(verify(null, Buffer.from(`${head}.${body}`), key, Buffer.from(tail ?? "", "base64url"))).toBe(true);
  });

  test("a tenant's key is not another's", async () => {
    const [one, two] = [(await settle(app)).shell, (await settle(app)).shell];
    const signer = await platformSigner(app, one.tenantId);
    expect((await platformSigner(app, two.tenantId)).kid).not.toBe(signer.kid);
    await expect(signerByKid(app, two.tenantId, signer.kid)).rejects.toThrow("missing");
  });

  test("private keys lie sealed, and do not open under another master key", async () => {
    const { shell } = await settle(app);
    const { kid } = await platformSigner(app, shell.tenantId);
    const row = present(await app.database.manager.findOneBy(PlatformKey, { tenantId: shell.tenantId }), "the key");
    expect(row.privateJwkSealed.toString("latin1")).not.toContain("kty");
    const stolen = await openTestApp({ config: { masterKey: Buffer.alloc(32, 8) } });
    await expect(signerByKid(stolen, shell.tenantId, kid)).rejects.toThrow("is not configured");
    await closeApp(stolen);
  });
});

describe("clients", () => {
  test("a client is written down with its keys and an act for each", async () => {
    const { shell, partner } = await settle(app);
    const provider = await partner("provider");
    const keys = await Promise.all([newKey(), newKey("ES256")]);
    const jwks = JSON.stringify({ keys: keys.map(({ publicJwk }) => publicJwk) });
    const input = { partnerId: provider.id, name: " feed ", scopes: ["batches:submit"], jwks };
    const client = await createClient(app, shell, input);
    expect(client).toMatchObject({ name: "feed", kind: "PARTNER", partnerId: provider.id, scopes: ["batches:submit"] });
    const acts = await app.database.manager.findBy(Act, { tenantNo: shell.tenantNo, partnerNo: provider.no });
    expect(acts.map(({ type }) => type)).toEqual([
      ...[ActType.PARTNER_CREATED, ActType.CLIENT_CREATED, ActType.KEY_REGISTERED, ActType.KEY_REGISTERED],
      ...[ActType.KEY_APPROVED, ActType.KEY_APPROVED],
    ]);
    const found = await signingKey(app, shell.tenantId, keys[1]?.kid ?? "");
    expect(found).toMatchObject({ alg: "ES256", clientId: client.id, partnerId: provider.id, state: KeyState.ACTIVE });
  });

  test("the same request under the same key makes one client, another request is refused", async () => {
    const { shell } = await settle(app);
    const input = { partnerId: null, name: "admin", scopes: ["audit:read"], jwks: await publicText() };
    const clients = await Promise.all([1, 2, 3].map(() => createClient(app, shell, input, "once")));
    expect(new Set(clients.map(({ id }) => id)).size).toBe(1);
    const changed = createClient(app, shell, { ...input, name: "other" }, "once");
    await expect(changed).rejects.toMatchObject({ code: "IDEMPOTENCY_CONFLICT" });
  });

  test.each([
    ["an unknown scope", { scopes: ["batches:write"] }, "VALIDATION"],
    ["no scope", { scopes: [] }, "VALIDATION"],
    ["an operator's scope", { scopes: ["operations:manage"] }, "VALIDATION"],
    ["no name", { name: "  " }, "VALIDATION"],
    ["no key", { jwks: '{"keys":[]}' }, "VALIDATION"],
    ["no JSON", { jwks: "{" }, "VALIDATION"],
    ["a name that occurs twice", { jwks: '{"kty":"OKP","kty":"OKP"}' }, "VALIDATION"],
    ["another tenant's partner", { partnerId: "ptn_01kb000000000000000000000z" }, "NOT_FOUND"],
    ["an id that is none", { partnerId: "한국" }, "NOT_FOUND"],
  ])("%s is refused, and nothing is written", async (_name, changes, code) => {
    const { shell } = await settle(app);
    const input = { partnerId: null, name: "admin", scopes: ["audit:read"], jwks: await publicText() };
    await expect(createClient(app, shell, { ...input, ...changes })).rejects.toMatchObject({ code });
    expect((await clientsOf(app, shell, { partnerId: null }, {})).rows).toEqual([]);
  });

  test("a partner's client may not get what is the tenant's", async () => {
    const { shell, partner } = await settle(app);
    const { id: partnerId } = await partner("p");
    const input = { partnerId, name: "feed", scopes: ["configs:approve"], jwks: await publicText() };
    await expect(createClient(app, shell, input)).rejects.toMatchObject({ code: "VALIDATION" });
  });

  test("private and weak keys are refused with the reason", async () => {
    const { shell } = await settle(app);
    const refused = (jwks: object) =>
      createClient(app, shell, { partnerId: null, name: "x", scopes: ["audit:read"], jwks: JSON.stringify(jwks) });
    const secret = newKeyPair("ed25519").privateKey.export({ format: "jwk" });
    await expect(refused(secret)).rejects.toMatchObject({ details: { fault: "PRIVATE", path: "/jwks/keys/0" } });
    const weak = newKeyPair("rsa", { modulusLength: 1024 }).publicKey.export({ format: "jwk" });
    await expect(refused({ keys: [weak] })).rejects.toMatchObject({ details: { fault: "WEAK" } });
  });

  test("a key that somebody has is refused, in any tenant and under any name", async () => {
    const [one, two] = [await settle(app), await settle(app)];
    const { key } = await one.client(["audit:read"]);
    const again = { partnerId: null, name: "x", scopes: ["audit:read"] };
    const renamed = JSON.stringify({ ...key.publicJwk, kid: "another-name" });
    for (const { shell } of [one, two]) {
      const refused = createClient(app, shell, { ...again, jwks: renamed });
      await expect(refused).rejects.toMatchObject({ code: "VALIDATION", details: { path: "/jwks" } });
    }
    expect((await clientsOf(app, two.shell, { partnerId: null }, {})).rows).toEqual([]);
  });

  test("a tenant's client makes none that may do more than itself", async () => {
    const { client, partner } = await settle(app);
    const manager = await actorOf(await tokenOf(await tokenForm(app, await client(["clients:manage", "keys:manage"]))));
    const mighty = { partnerId: null, name: "x", scopes: ["payouts:manage"], jwks: await publicText() };
    await expect(createClient(app, manager, mighty)).rejects.toMatchObject({ code: "FORBIDDEN" });
    const above = await client(["payouts:manage"]);
    const more = { clientId: above.client.id, jwk: await publicText() };
    await expect(registerKeys(app, manager, more)).rejects.toMatchObject({ code: "FORBIDDEN" });
    const { id: partnerId } = await partner("p");
    const feed = { partnerId, name: "x", scopes: ["batches:submit"], ...(await proven(manager, partnerId)) };
    await expect(createClient(app, manager, feed)).resolves.toMatchObject({ kind: "PARTNER" });
  });
});

describe("an operator's client", () => {
  const operatorOf = async (scopes: readonly string[]) => {
    const { id: tenantId, no: tenantNo } = await ensurePlatformTenant(app);
    const shell = shellActor({ tenantId, tenantNo }, facts.requestId);
    return {
      shell,
      actor: await actorOf(await tokenOf(await tokenForm(app, await clientFor(app, shell, { scopes })))),
    };
  };

  test("makes no operator, and registers no key for one, that may do more than itself", async () => {
    const { shell, actor } = await operatorOf(["clients:manage", "keys:manage"]);
    const input = { partnerId: null, name: "x", scopes: ["operations:manage"], jwks: await publicText() };
    await expect(createClient(app, actor, input)).rejects.toMatchObject({ code: "FORBIDDEN" });
    const above = await createClient(app, shell, input);
    const more = { clientId: above.id, jwk: await publicText() };
    await expect(registerKeys(app, actor, more)).rejects.toMatchObject({ code: "FORBIDDEN" });
    const equal = { ...input, scopes: ["keys:manage"], ...(await proven(actor)) };
    await expect(createClient(app, actor, equal)).resolves.toMatchObject({ kind: "OPERATOR" });
  });

  test("hands a tenant over by one client, however many come at once, and makes none after that", async () => {
    const { actor: operator } = await operatorOf(["clients:manage"]);
    const { shell, partner } = await settle(app);
    const provider = await partner("p");
    const actor = await actorInTenant(app, operator, shell.tenantId);
    const create = async (partnerId: string | null) => {
      const scopes = [partnerId === null ? "clients:manage" : "batches:read"];
      return createClient(app, actor, { partnerId, name: "x", scopes, ...(await proven(actor, partnerId)) });
    };
    await expect(create(provider.id)).rejects.toMatchObject({ code: "FORBIDDEN" });
    const first = await Promise.allSettled([create(null), create(null), create(null)]);
    expect(first.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    await expect(create(null)).rejects.toMatchObject({ code: "FORBIDDEN" });
    await expect(create(provider.id)).rejects.toMatchObject({ code: "FORBIDDEN" });
    expect((await clientsOf(app, shell, { partnerId: null }, {})).rows).toHaveLength(1);
    await expect(clientFor(app, shell, { scopes: ["audit:read"] })).resolves.toBeDefined(); // the shell is free
  });

  test("that asks again to hand a tenant over is answered the client it made", async () => {
    const { actor: operator } = await operatorOf(["clients:manage"]);
    const actor = await actorInTenant(app, operator, (await settle(app)).shell.tenantId);
    const input = { partnerId: null, name: "admin", scopes: ["clients:manage"], ...(await proven(actor)) };
    const client = await createClient(app, actor, input, "hand-over");
    expect(await createClient(app, actor, input, "hand-over")).toEqual(client);
  });
});

describe("keys", () => {
  test("a key does what it is for and no more, between its bounds", async () => {
    const { client, shell } = await settle(app);
    const { client: owner } = await client(["audit:read"]);
    const tokenBy = async (input: Partial<NewKeys>) => {
      const key = await newKey("ES256");
      const { use: _, alg: __, ...jwk } = key.publicJwk;
      await registerKeys(app, shell, { clientId: owner.id, jwk: JSON.stringify(jwk), ...input });
      return issueToken(app, await tokenForm(app, { client: owner, key }));
    };
    const later = (ms: number) => new Date(clock.now().getTime() + ms);
    await expect(tokenBy({ purposes: [KeyPurpose.CLIENT_AUTHENTICATION] })).resolves.toBeDefined();
    const refused: Partial<NewKeys>[] = [
      { purposes: [KeyPurpose.BATCH_SIGNING] },
      { purposes: [KeyPurpose.ENCRYPTION] },
      { notBefore: later(60_000) },
    ];
    for (const input of refused) await expect(tokenBy(input)).rejects.toMatchObject({ status: 401 });
    await expect(tokenBy({ expiresAt: later(-1) })).rejects.toMatchObject({ details: { path: "/expiresAt" } });
  });

  test("what is sent to a partner is encrypted to the newest key it has for that", async () => {
    const { client, shell, partner } = await settle(app);
    const [provider, other] = [await partner("p"), await partner("q")];
    const { client: owner } = await client(["batches:read"], provider);
    const register = async (input: Partial<NewKeys> = {}) => {
      const jwk = JSON.stringify(newKeyPair("x25519").publicKey.export({ format: "jwk" }));
      const [key] = await registerKeys(app, shell, { clientId: owner.id, jwk, ...input });
      return present(key, "a registered key");
    };
    expect(await encryptionKeyOf(app, shell.tenantId, provider.id)).toBeNull();
    const [first, second] = [await register(), await register()];
    await register({ notBefore: new Date(clock.now().getTime() + 60_000) });
    expect(await encryptionKeyOf(app, shell.tenantId, provider.id)).toMatchObject({ id: second.id });
    await revokeKey(app, shell, { keyId: second.id, reason: "lost" });
    expect(await encryptionKeyOf(app, shell.tenantId, provider.id)).toMatchObject({ id: first.id });
    expect(await encryptionKeyOf(app, shell.tenantId, other.id)).toBeNull();
  });

  test("a token ends with the key that got it", async () => {
    const { client, shell } = await settle(app);
    const [{ client: owner }, key] = [await client(["audit:read"]), await newKey()];
    const expiresAt = new Date(clock.now().getTime() + 60_000);
    await registerKeys(app, shell, { clientId: owner.id, jwk: JSON.stringify(key.publicJwk), expiresAt });
    const token = await tokenOf(await tokenForm(app, { client: owner, key }));
    await expect(actorOf(token)).resolves.toMatchObject({ principalId: owner.id });
    clock.advance(60_001);
    await expect(actorOf(token)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    clock.advance(-60_001);
  });

  test("a second key stands beside the first; the eleventh is refused, unless one is revoked", async () => {
    const { shell, client } = await settle(app);
    const { id: clientId } = (await client(["audit:read"])).client;
    for (let i = 2; i <= 10; i++) await registerKeys(app, shell, { clientId, jwk: await publicText() });
    const eleventh = { clientId, jwk: await publicText() };
    await expect(registerKeys(app, shell, eleventh)).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
    const { rows } = await keysOf(app, shell, { clientId, state: null }, {});
    await revokeKey(app, shell, { keyId: rows[0]?.id ?? "", reason: "rotated" });
    await expect(registerKeys(app, shell, eleventh)).resolves.toMatchObject([{ state: KeyState.ACTIVE }]);
  });

  test("revoking twice changes nothing and leaves one act", async () => {
    const { shell, client } = await settle(app);
    const { key } = await client(["audit:read"]);
    const { id: keyId } = present(await signingKey(app, shell.tenantId, key.kid), "the key");
    const revoked = await revokeKey(app, shell, { keyId, reason: "lost" });
    expect(revoked).toMatchObject({ state: KeyState.REVOKED });
    expect(await revokeKey(app, shell, { keyId, reason: "lost again" })).toEqual(revoked);
    const where = { tenantNo: shell.tenantNo, subjectId: keyId, type: ActType.KEY_REVOKED };
    const [act, ...more] = await app.database.manager.findBy(Act, where);
    expect(more).toEqual([]);
    expect(JSON.parse(act?.detail ?? "")).toMatchObject({ before: { state: "ACTIVE" }, after: { reason: "lost" } });
  });

  test("a revocation waits for the transaction that relied on the key, and the next one sees it", async () => {
    const { shell, client } = await settle(app);
    const { key } = await client(["audit:read"]);
    const { id: keyId } = present(await signingKey(app, shell.tenantId, key.kid), "the key");
    const order: string[] = [];
    let revoking: Promise<unknown> | undefined;
    await transact(app, async (tx) => {
      expect(await lockActiveKeys(tx, shell.tenantId, new Set([keyId]))).toEqual(new Set([keyId]));
      revoking = revokeKey(app, shell, { keyId, reason: "lost" }).then(() => order.push("revoked"));
      await sleep(300);
      order.push("accepted");
    });
    await revoking;
    expect(order).toEqual(["accepted", "revoked"]);
    for (const tenantId of [shell.tenantId, PLATFORM_TENANT_ID]) {
      expect(await transact(app, (tx) => lockActiveKeys(tx, tenantId, new Set([keyId])))).toEqual(new Set());
    }
  });
});

describe("what others may see", () => {
  test("another tenant's clients and keys do not exist, by any id or filter", async () => {
    const [one, two] = [await settle(app), await settle(app)];
    const { client, key } = await one.client(["audit:read"]);
    const registered = present(await signingKey(app, one.shell.tenantId, key.kid), "the key");
    const partner = await one.partner("p");
    const gone = { code: "NOT_FOUND" };
    const jwk = await publicText();
    await expect(clientOf(app, two.shell, client.id)).rejects.toMatchObject(gone);
    await expect(keysOf(app, two.shell, { clientId: client.id, state: null }, {})).rejects.toMatchObject(gone);
    await expect(clientsOf(app, two.shell, { partnerId: partner.id }, {})).rejects.toMatchObject(gone);
    await expect(registerKeys(app, two.shell, { clientId: client.id, jwk })).rejects.toMatchObject(gone);
    await expect(revokeKey(app, two.shell, { keyId: registered.id, reason: "x" })).rejects.toMatchObject(gone);
    expect(await signingKey(app, two.shell.tenantId, key.kid)).toBeNull();
  });

  test("a partner's actor sees its own clients alone", async () => {
    const { shell, partner, client } = await settle(app);
    const [mine, other] = [await partner("mine"), await partner("other")];
    const own = await client(["batches:read"], mine);
    await client(["batches:read"], other);
    await client(["audit:read"]);
    const actor: Actor = { ...shell, kind: PrincipalKind.PARTNER, partnerId: mine.id };
    const { rows } = await clientsOf(app, actor, { partnerId: null }, {});
    expect(rows.map(({ id }) => id)).toEqual([own.client.id]);
    await expect(clientsOf(app, actor, { partnerId: other.id }, {})).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("access tokens", () => {
  test.each(["EdDSA", "Ed25519", "ES256", "ES384", "PS256"])("a client with a %s key gets one", async (alg) => {
    const { client, shell, partner } = await settle(app);
    const provider = await partner("p");
    const keyed = await client(["batches:submit", "batches:read"], provider, alg);
    const answer = await issueToken(app, await tokenForm(app, keyed));
    expect(answer).toMatchObject({ token_type: "Bearer", expires_in: 600, scope: "batches:submit batches:read" });
    expect(decodeProtectedHeader(answer.access_token)).toMatchObject({ typ: "at+jwt", alg: "EdDSA" });
    const { publicUrl } = app.config;
    expect(decodeJwt(answer.access_token)).toMatchObject({
      ...{ iss: publicUrl, aud: publicUrl, sub: keyed.client.id, client_id: keyed.client.id },
      ...{ jti: expect.any(String), iat: expect.any(Number), scope: answer.scope, partner: provider.id },
    });
    expect(await actorOf(answer.access_token)).toMatchObject({
      ...{ kind: PrincipalKind.PARTNER, tenantId: shell.tenantId, tenantNo: shell.tenantNo, partnerId: provider.id },
      ...{ principalId: keyed.client.id, scopes: new Set(["batches:submit", "batches:read"]), ...facts },
    });
  });

  test("a client may ask for less, and not for what it lacks", async () => {
    const { client } = await settle(app);
    const keyed = await client(["audit:read", "configs:draft"]);
    const form = await tokenForm(app, keyed);
    const less = await issueToken(app, form.set("scope", "audit:read"));
    expect((await actorOf(less.access_token)).scopes).toEqual(new Set(["audit:read"]));
    for (const scope of ["configs:approve", "audit:read nonsense", " "]) {
      const refused = issueToken(app, (await tokenForm(app, keyed)).set("scope", scope));
      await expect(refused, scope).rejects.toMatchObject({ error: "invalid_scope", status: 400 });
    }
  });

  test("an assertion counts once, however often and however fast it comes", async () => {
    const { client } = await settle(app);
    const form = await tokenForm(app, await client(["audit:read"]));
    const answers = await Promise.allSettled([1, 2, 3, 4, 5].map(() => issueToken(app, form)));
    expect(answers.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const answer of answers) {
      if (answer.status === "rejected") expect(answer.reason).toMatchObject({ error: "invalid_client", status: 401 });
    }
  });

  test("ended assertions are forgotten", async () => {
    const { shell, client } = await settle(app);
    const keyed = await client(["audit:read"]);
    const count = async () => {
      const [row] = await app.database.query("select count(*) as n from seen_assertion where tenant_id = ?", [
        shell.tenantId,
      ]);
      return Number(row.n);
    };
    for (let i = 0; i < 3; i++) await issueToken(app, await tokenForm(app, keyed));
    expect(await count()).toBe(3);
    clock.advance(3_600_000);
    await issueToken(app, await tokenForm(app, keyed));
    expect(await count()).toBe(1);
  });

  test("whoever is unknown, has no such key, signs wrongly or with another algorithm is told the same", async () => {
    const { client, shell } = await settle(app);
    const [mine, theirs] = [await client(["audit:read"]), await client(["audit:read"])];
    const { id: keyId } = present(await signingKey(app, shell.tenantId, theirs.key.kid), "the key");
    await revokeKey(app, shell, { keyId, reason: "lost" });
    const stranger = { ...mine, client: { ...mine.client, id: "cli_01kb000000000000000000000z" } };
    const forger = { ...mine, key: { ...(await newKey()), kid: mine.key.kid } };
    const confused = { ...mine, key: { ...(await newKey("ES256")), kid: mine.key.kid } };
    const forms = [
      await tokenForm(app, stranger),
      await tokenForm(app, { ...mine, key: await newKey() }),
      await tokenForm(app, { ...mine, key: theirs.key }),
      await tokenForm(app, forger),
      await tokenForm(app, confused),
      await tokenForm(app, theirs),
    ];
    const refusals = await Promise.all(forms.map((form) => issueToken(app, form).catch((error: unknown) => error)));
    const told = refusals.map((error) => (error instanceof Error ? error.message : "a token"));
    expect(new Set(told)).toEqual(new Set(["The client is unknown, or its key is, or the signature does not hold."]));
    expect(refusals.every((error) => Object(error).status === 401)).toBe(true);
  });

  test("a token stands for its client only as long as key and clock allow", async () => {
    const { client, shell } = await settle(app);
    const keyed = await client(["audit:read"]);
    const token = await tokenOf(await tokenForm(app, keyed));
    await actorOf(token);
    const { id: keyId } = present(await signingKey(app, shell.tenantId, keyed.key.kid), "the key");
    await revokeKey(app, shell, { keyId, reason: "lost" });
    await sleep(2_100); // what a process remembers is two seconds old at most
    await expect(actorOf(token)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    const other = await tokenOf(await tokenForm(app, await client(["audit:read"])));
    await actorOf(other);
    clock.advance(600_000);
    await expect(actorOf(other)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  });

  test("what looks like a token of ours and is none is refused", async () => {
    const { client, shell } = await settle(app);
    const token = await tokenOf(await tokenForm(app, await client(["audit:read"])));
    const [header, claims] = [decodeProtectedHeader(token), decodeJwt(token)];
    const { privateKey } = await newKey();
    const installation = await installationSigner(app);
    const tenantSigner = await platformSigner(app, shell.tenantId);
    const text = JSON.stringify(claims);
    const [head = "", body = "", tail = ""] = token.split(".");
    const hostile = {
      "another signature": rawToken(header, claims, privateKey),
      "no algorithm": rawToken({ ...header, alg: "none" }, claims),
      "HS256 with the public key": rawToken({ ...header, alg: "HS256" }, claims),
      "another type by the right key": installation.sign(text, "quittance-statement+jws"),
      "a tenant's own key": tenantSigner.sign(text, "at+jwt"),
      "another issuer": installation.sign(JSON.stringify({ ...claims, iss: "https://x.example" }), "at+jwt"),
      "another audience": installation.sign(JSON.stringify({ ...claims, aud: "https://x.example" }), "at+jwt"),
      "another scope": [head, Buffer.from(text.replace("audit:read", "keys:manage")).toString("base64url"), tail].join(
        ".",
      ),
      "a second spelling": `${head}.${body}.${tail}=`,
      "its end cut off": token.slice(0, -2),
      nothing: "",
    };
    for (const [name, text] of Object.entries(hostile)) {
      await expect(actorOf(text), name).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    }
    for (const authorization of [null, undefined, "", "Basic YTpi", token, `Bearer  ${token}`, `Bearer ${token},x`]) {
      const refused = authenticate(app, { authorization, ...facts });
      await expect(refused, String(authorization)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    }
    await expect(actorOf(token)).resolves.toMatchObject({ tenantId: shell.tenantId });
  });

  test("an operator's client manages tenants and belongs to none of them", async () => {
    const platform = await ensurePlatformTenant(app);
    const { shell } = await settle(app);
    const operators = { ...shell, tenantId: platform.id, tenantNo: platform.no };
    const keyed = await clientFor(app, operators, { scopes: ["operations:manage", "clients:manage"] });
    const actor = await actorOf(await tokenOf(await tokenForm(app, keyed)));
    expect(actor).toMatchObject({ kind: PrincipalKind.OPERATOR, tenantId: PLATFORM_TENANT_ID, partnerId: null });
    const refused = clientFor(app, operators, { scopes: TENANT_SCOPES });
    await expect(refused).rejects.toMatchObject({ code: "VALIDATION" });
  });
});
