import { createPublicKey } from "node:crypto";
import { compactDecrypt, exportSPKI } from "jose";
import { describe, expect, test, vi } from "vitest";
import { Act, ActType } from "../../src/acts/entities.js";
import { approveKey } from "../../src/identity/approvals/service.js";
import { createClient } from "../../src/identity/clients/service.js";
import { type ClientKey, KeyPurpose, KeyState } from "../../src/identity/entities.js";
import { challengeKeys } from "../../src/identity/key-proofs/service.js";
import { readKeys } from "../../src/identity/key-reading/service.js";
import { RevocationCause } from "../../src/identity/key-revocations/entities.js";
import { revokeAllKeys, revokeKey } from "../../src/identity/key-revocations/service.js";
import { expireKey, expireKeysForAllTenants, resumeKey, suspendKey } from "../../src/identity/key-states/service.js";
import { keyOf, keysOf, signingKey } from "../../src/identity/keys/service.js";
import { registerKeys, rotateKey } from "../../src/identity/registrations/service.js";
import { authenticate, issueToken } from "../../src/identity/tokens/service.js";
import { type Actor, PrincipalKind } from "../../src/kernel/actor.js";
import { present } from "../../src/kernel/assert.js";
import { newKeyPair } from "../../src/kernel/key-pairs.js";
import { testApp } from "../support/app.js";
import { type KeyedClient, type Place, proofOf, settle, TENANT_SCOPES, tokenForm } from "./place.js";
import { newKey, type TestKey } from "./signing.js";

const app = await testApp();
const { clock, config } = app;
/** Another process on the same database. */
const second = await testApp({ clock, config: { publicUrl: config.publicUrl } });

const tokenOf = async (keyed: KeyedClient) => (await issueToken(app, await tokenForm(app, keyed))).access_token;
const actorOf = (token: string, by = app) =>
  authenticate(by, { authorization: `Bearer ${token}`, requestId: "req_t", traceparent: null, address: null });
const textOf = ({ publicJwk }: TestKey) => JSON.stringify(publicJwk);
const adminOf = async ({ client }: Place) => actorOf(await tokenOf(await client(TENANT_SCOPES)));
const partnersOwn = async ({ client, partner }: Place) => {
  const keyed = await client(["batches:submit", "keys:manage"], await partner("p"));
  return { ...keyed, actor: await actorOf(await tokenOf(keyed)) };
};
const keyIdOf = async ({ shell }: Place, { key }: KeyedClient) =>
  present(await signingKey(app, shell.tenantId, key.kid), "a registered key").id;
const actsOf = async ({ shell }: Place, subjectId: string) => {
  const acts = await app.database.manager.find(Act, {
    where: { tenantNo: shell.tenantNo, subjectId },
    order: { no: 1 },
  });
  return acts.map(({ type, principalKind, detail }) => ({ type, principalKind, ...JSON.parse(detail ?? "") }));
};
/** A key registered by somebody through the API, with its proof. */
const registered = async (actor: Actor, clientId: string, key: TestKey): Promise<ClientKey> => {
  const proofs = [await proofOf(app, actor, key, { clientId })];
  const [made] = await registerKeys(app, actor, { clientId, jwk: textOf(key), proofs });
  return present(made, "a registered key");
};

describe("registration", () => {
  test.each(["EdDSA", "ES256", "ES384", "PS256"])("a PEM of a %s key is the same key as its JWK", async (alg) => {
    const { kid, publicJwk, privateKey } = await newKey(alg);
    const pem = await exportSPKI(createPublicKey(privateKey));
    expect(readKeys(pem)).toEqual(readKeys(JSON.stringify(publicJwk)).map((key) => ({ ...key, kid })));
  });

  test("private keys in PEM are refused as such, and other PEMs for what they are", async () => {
    const { privateKey } = newKeyPair("rsa", { modulusLength: 2048 });
    const wrapped = [
      privateKey.export({ type: "pkcs8", format: "pem" }),
      privateKey.export({ type: "pkcs1", format: "pem" }),
      privateKey.export({ type: "pkcs8", format: "pem", cipher: "aes-128-cbc", passphrase: "x" }),
    ];
    for (const pem of wrapped) expect(() => readKeys(String(pem))).toThrow(/throw it away/);
    expect(() => readKeys("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----")).toThrow(/PEM of a public/);
    expect(() => readKeys("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----")).toThrow(/PEM of a public/);
    const weak = newKeyPair("rsa", { modulusLength: 1024 }).publicKey.export({ type: "spki", format: "pem" });
    expect(() => readKeys(String(weak))).toThrow(/is weak/);
  });

  test("a set of keys is registered together or not at all", async () => {
    const place = await settle(app);
    const { client } = await place.client(["audit:read"]);
    const keys = [await newKey(), await newKey("ES256"), await newKey("PS256")];
    const jwk = JSON.stringify({ keys: keys.map(({ publicJwk }) => publicJwk) });
    const made = await registerKeys(app, place.shell, { clientId: client.id, jwk });
    expect(made.map(({ kid }) => kid)).toEqual(keys.map(({ kid }) => kid));
    const partly = JSON.stringify({ keys: [(await newKey()).publicJwk, keys[0]?.publicJwk] });
    const refused = registerKeys(app, place.shell, { clientId: client.id, jwk: partly });
    await expect(refused).rejects.toMatchObject({ code: "VALIDATION" });
    const { rows } = await keysOf(app, place.shell, { clientId: client.id, state: KeyState.ACTIVE }, {});
    expect(rows).toHaveLength(4);
  });

  test("through the API a key without the proof of its holder is refused, at the shell somebody vouches", async () => {
    const place = await settle(app);
    const [admin, { client }] = [await adminOf(place), await place.client(["audit:read"])];
    const [key, other] = [await newKey(), await newKey()];
    const clientId = client.id;
    const another = (await place.client(["audit:read"])).client.id;
    const stranger = await settle(app);
    const proof = await proofOf(app, admin, key, { clientId });
    const wrong: Record<string, string[]> = {
      none: [],
      "two for one key": [proof, proof],
      "no JWS": ["x"],
      "another key's": [await proofOf(app, admin, other, { clientId })],
      "another client's": [await proofOf(app, admin, key, { clientId: another })],
      "that of a client to come": [await proofOf(app, admin, key)],
      "another tenant's": [await proofOf(app, await adminOf(stranger), key)],
      "a signature of another": [await proofOf(app, admin, { ...key, privateKey: other.privateKey }, { clientId })],
      "another spelling": [`${proof}=`],
    };
    for (const [name, proofs] of Object.entries(wrong)) {
      const refused = registerKeys(app, admin, { clientId, jwk: textOf(key), proofs });
      await expect(refused, name).rejects.toMatchObject({ details: { path: expect.stringMatching(/^\/proofs/) } });
    }
    await expect(registerKeys(app, admin, { clientId, jwk: textOf(key) })).rejects.toMatchObject({
      code: "VALIDATION",
    });
    clock.advance(8 * 86_400_000);
    const late = registerKeys(app, admin, { clientId, jwk: textOf(key), proofs: [proof] });
    await expect(late).rejects.toThrow(/challenge has ended/);
    clock.advance(-8 * 86_400_000);
    const [made] = await registerKeys(app, admin, { clientId, jwk: textOf(key), proofs: [proof] });
    expect((await actsOf(place, made?.id ?? ""))[0]).toMatchObject({ after: { possession: "PROVEN" } });
    const [vouched] = await registerKeys(app, place.shell, { clientId, jwk: textOf(other) });
    expect((await actsOf(place, vouched?.id ?? ""))[0]).toMatchObject({ after: { possession: "VOUCHED" } });
  });

  test("a key that encrypts is proven by what it decrypts, and never by a challenge that was told openly", async () => {
    const place = await settle(app);
    const [admin, { client }] = [await adminOf(place), await place.client(["audit:read"])];
    const clientId = client.id;
    const { publicKey, privateKey } = newKeyPair("ec", { namedCurve: "P-256" });
    const jwk = JSON.stringify(publicKey.export({ format: "jwk" }));
    const ask = async (purposes: KeyPurpose[]) =>
      present((await challengeKeys(app, admin, { clientId, partnerId: null }, readKeys(jwk, purposes)))[0], "one");
    const { challenge, encryptedChallenge } = await ask([KeyPurpose.ENCRYPTION]);
    expect(challenge).toBeNull();
    const { plaintext } = await compactDecrypt(encryptedChallenge ?? "", privateKey);
    const open = (await ask([KeyPurpose.BATCH_SIGNING])).challenge ?? "";
    const input = { clientId, jwk, purposes: [KeyPurpose.ENCRYPTION] };
    const refused = registerKeys(app, admin, { ...input, proofs: [open] });
    await expect(refused).rejects.toMatchObject({ details: { path: "/proofs/0" } });
    const made = await registerKeys(app, admin, { ...input, proofs: [new TextDecoder().decode(plaintext)] });
    expect(made).toMatchObject([{ state: KeyState.PENDING_APPROVAL, purposes: [KeyPurpose.ENCRYPTION] }]);
  });
});

describe("four eyes", () => {
  test("who registers a key does not approve it, nor does a partner, and until then it opens nothing", async () => {
    const place = await settle(app);
    const [one, two, feed] = [await adminOf(place), await adminOf(place), await partnersOwn(place)];
    const key = await newKey();
    const { id } = await registered(one, feed.client.id, key);
    const signsIn = () => tokenOf({ client: feed.client, key });
    await expect(signsIn()).rejects.toMatchObject({ status: 401 });
    await expect(approveKey(app, one, id)).rejects.toMatchObject({ code: "FORBIDDEN" });
    await expect(approveKey(app, feed.actor, id)).rejects.toMatchObject({ code: "FORBIDDEN" });
    expect(await approveKey(app, two, id)).toMatchObject({ state: KeyState.ACTIVE, approvedAt: expect.any(Date) });
    await expect(signsIn()).resolves.toEqual(expect.any(String));
    await expect(approveKey(app, two, id)).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
    expect((await actsOf(place, id)).map(({ type }) => type)).toEqual([ActType.KEY_REGISTERED, ActType.KEY_APPROVED]);
  });

  test("a partner registers keys of its own clients alone, and the tenant approves them", async () => {
    const place = await settle(app);
    const feed = await partnersOwn(place);
    const { id } = await registered(feed.actor, feed.client.id, await newKey());
    await approveKey(app, await adminOf(place), id);
    const theirs = await place.client(["batches:read"], await place.partner("other"));
    const jwk = textOf(await newKey());
    for (const clientId of [theirs.client.id, (await place.client(["audit:read"])).client.id]) {
      const refused = registerKeys(app, feed.actor, { clientId, jwk, proofs: [] });
      await expect(refused).rejects.toMatchObject({ code: "NOT_FOUND" });
    }
    const mightier = await place.client(["balances:read"], await place.partner("q"));
    const narrow = {
      ...feed.actor,
      partnerId: (await keyOf(app, place.shell, await keyIdOf(place, mightier))).partnerId,
    };
    const more = registerKeys(app, narrow, { clientId: mightier.client.id, jwk, proofs: [] });
    await expect(more).rejects.toMatchObject({ code: "FORBIDDEN" });
    const client = { partnerId: feed.actor.partnerId, name: "x", scopes: ["batches:read"], jwks: jwk };
    await expect(createClient(app, feed.actor, client)).rejects.toMatchObject({ code: "FORBIDDEN" });
    await expect(createClient(app, feed.actor, { ...client, partnerId: null })).rejects.toMatchObject({
      code: "FORBIDDEN",
    });
  });

  test("the shell records both acts, and says that it was the shell", async () => {
    const place = await settle(app);
    const acts = await actsOf(place, await keyIdOf(place, await place.client(["audit:read"])));
    expect(acts).toMatchObject([
      { type: ActType.KEY_REGISTERED, principalKind: "OPERATOR_SHELL", after: { state: "PENDING_APPROVAL" } },
      { type: ActType.KEY_APPROVED, principalKind: "OPERATOR_SHELL", after: { state: "ACTIVE" } },
    ]);
  });
});

describe("rotation", () => {
  test("the overlap begins with the approval: both keys are good, then the new one alone", async () => {
    const place = await settle(app);
    const feed = await partnersOwn(place);
    const key = await newKey("ES256");
    const [keyId, clientId] = [await keyIdOf(place, feed), feed.client.id];
    const proofs = [await proofOf(app, feed.actor, key, { clientId })];
    const rotation = { keyId, jwk: textOf(key), proofs, overlapSeconds: 3_600 };
    const { id, replacesId } = await rotateKey(app, feed.actor, rotation);
    expect(replacesId).toBe(keyId);
    expect((await keyOf(app, place.shell, keyId)).expiresAt).toBeNull();
    await approveKey(app, await adminOf(place), id);
    const end = present((await keyOf(app, place.shell, keyId)).expiresAt, "the end of the old key");
    expect(Math.round((end.getTime() - clock.now().getTime()) / 60_000)).toBe(60);
    for (const each of [feed.key, key])
      await expect(tokenOf({ client: feed.client, key: each })).resolves.toBeDefined();
    clock.advance(3_600_001);
    await expect(tokenOf(feed)).rejects.toMatchObject({ status: 401 });
    await expect(tokenOf({ client: feed.client, key })).resolves.toBeDefined();
    await expireKeysForAllTenants(app);
    await expireKeysForAllTenants(second);
    expect((await keyOf(app, place.shell, keyId)).state).toBe(KeyState.EXPIRED);
    const types = (await actsOf(place, keyId)).map(({ type }) => type);
    expect(types.slice(2)).toEqual([ActType.KEY_EXPIRY_SET, ActType.KEY_EXPIRED]);
    clock.advance(-3_600_001);
  });

  test("a key that is not in use is not rotated, nor to a key for something else, nor to two", async () => {
    const place = await settle(app);
    const keyId = await keyIdOf(place, await place.client(["audit:read"]));
    const x25519 = JSON.stringify(newKeyPair("x25519").publicKey.export({ format: "jwk" }));
    await expect(rotateKey(app, place.shell, { keyId, jwk: x25519 })).rejects.toMatchObject({ code: "VALIDATION" });
    const two = JSON.stringify({ keys: [(await newKey()).publicJwk, (await newKey()).publicJwk] });
    await expect(rotateKey(app, place.shell, { keyId, jwk: two })).rejects.toMatchObject({ code: "VALIDATION" });
    await suspendKey(app, place.shell, { keyId, reason: "odd" });
    const rotated = rotateKey(app, place.shell, { keyId, jwk: textOf(await newKey()) });
    await expect(rotated).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
  });
});

describe("the end of a key", () => {
  /** Whether a process takes a token, asked until it does or does not any more. */
  const untilTaken = (token: string, isTaken: boolean) =>
    vi.waitFor(
      async () => {
        const taken = await Promise.all(
          [app, second].map((by) =>
            actorOf(token, by).then(
              () => true,
              () => false,
            ),
          ),
        );
        expect(taken).toEqual([isTaken, isTaken]);
      },
      { timeout: 5_000, interval: 200 },
    );

  test("suspended, resumed and revoked, it is so in every process within five seconds, without Redis", async () => {
    const place = await settle(app);
    const keyed = await place.client(["audit:read"]);
    const [keyId, token] = [await keyIdOf(place, keyed), await tokenOf(keyed)];
    await untilTaken(token, true);
    await app.redis.flushall();
    await suspendKey(app, place.shell, { keyId, reason: "odd" });
    await untilTaken(token, false);
    await expect(tokenOf(keyed)).rejects.toMatchObject({ status: 401 });
    await resumeKey(second, place.shell, { keyId, reason: "even" });
    await untilTaken(token, true);
    await revokeKey(app, place.shell, { keyId, reason: "lost" });
    await untilTaken(token, false);
    await expect(resumeKey(app, place.shell, { keyId, reason: "x" })).rejects.toMatchObject({
      code: "VERSION_CONFLICT",
    });
  });

  test("what the tenant suspended a partner does not resume; what a partner suspended it does", async () => {
    const place = await settle(app);
    const partner = await place.partner("studio");
    const keyId = await keyIdOf(place, await place.client(["batches:submit"], partner));
    const partners: Actor = { ...place.shell, kind: PrincipalKind.PARTNER, partnerId: partner.id };
    await suspendKey(app, place.shell, { keyId, reason: "odd" });
    const resumed = resumeKey(app, partners, { keyId, reason: "even" });
    await expect(resumed).rejects.toMatchObject({ code: "FORBIDDEN" });
    await resumeKey(app, place.shell, { keyId, reason: "even" });
    await suspendKey(app, partners, { keyId, reason: "lost" });
    expect(await resumeKey(app, partners, { keyId, reason: "found" })).toMatchObject({ state: KeyState.ACTIVE });
  });

  test("what the tenant suspended on top of a partner's own suspension a partner does not resume", async () => {
    const place = await settle(app);
    const partner = await place.partner("studio");
    const keyId = await keyIdOf(place, await place.client(["batches:submit"], partner));
    const partners: Actor = { ...place.shell, kind: PrincipalKind.PARTNER, partnerId: partner.id };
    await suspendKey(app, partners, { keyId, reason: "moving" });
    const held = await suspendKey(app, place.shell, { keyId, reason: "stolen" });
    expect(held).toMatchObject({ state: KeyState.SUSPENDED, stateReason: "stolen" });
    await suspendKey(app, partners, { keyId, reason: "moving" }); // which takes nothing off
    await suspendKey(app, place.shell, { keyId, reason: "stolen" });
    const resumed = resumeKey(app, partners, { keyId, reason: "moved" });
    await expect(resumed).rejects.toMatchObject({ code: "FORBIDDEN" });
    const acts = (await actsOf(place, keyId)).filter(({ type }) => type === ActType.KEY_SUSPENDED);
    expect(acts.map(({ principalKind, before, after }) => [principalKind, before.state, after.reason])).toEqual([
      [PrincipalKind.PARTNER, KeyState.ACTIVE, "moving"],
      [PrincipalKind.OPERATOR_SHELL, KeyState.SUSPENDED, "stolen"],
    ]);
    expect(await resumeKey(app, place.shell, { keyId, reason: "found" })).toMatchObject({ state: KeyState.ACTIVE });
  });

  test("an end is brought forward, never put off", async () => {
    const place = await settle(app);
    const keyId = await keyIdOf(place, await place.client(["audit:read"]));
    const inDays = (days: number) => new Date(clock.now().getTime() + days * 86_400_000);
    await expireKey(app, place.shell, { keyId, expiresAt: inDays(9) });
    expect(await expireKey(app, place.shell, { keyId, expiresAt: inDays(5) })).toMatchObject({
      state: KeyState.ACTIVE,
    });
    const later = expireKey(app, place.shell, { keyId, expiresAt: inDays(6) });
    await expect(later).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
    const past = expireKey(app, place.shell, { keyId, expiresAt: inDays(-1) });
    await expect(past).rejects.toMatchObject({ code: "VALIDATION" });
  });

  test("a compromise says since when, also of a key revoked before, and an earlier instant counts", async () => {
    const place = await settle(app);
    const keyId = await keyIdOf(place, await place.client(["audit:read"]));
    const ago = (hours: number) => new Date(clock.now().getTime() - hours * 3_600_000);
    const compromised = (compromisedAt: Date | null) =>
      revokeKey(app, place.shell, { keyId, reason: "stolen", cause: RevocationCause.COMPROMISED, compromisedAt });
    await expect(compromised(null)).rejects.toMatchObject({ details: { path: "/compromisedAt" } });
    await expect(compromised(ago(-1))).rejects.toMatchObject({ details: { path: "/compromisedAt" } });
    const { revokedAt } = await revokeKey(app, place.shell, { keyId, reason: "rotated" });
    const [later, earlier] = [ago(1), ago(2)];
    expect(await compromised(later)).toMatchObject({ revokedAt, compromisedAt: later, stateReason: "stolen" });
    expect(await compromised(earlier)).toMatchObject({ revokedAt, compromisedAt: earlier });
    expect(await compromised(later)).toMatchObject({ compromisedAt: earlier });
    const revocations = (await actsOf(place, keyId)).filter(({ type }) => type === ActType.KEY_REVOKED);
    expect(revocations.map(({ after }) => [after.cause, after.compromisedAt])).toEqual([
      ["OTHER", null],
      ["COMPROMISED", later.toISOString()],
      ["COMPROMISED", earlier.toISOString()],
    ]);
  });

  test("in an emergency every key of a client, a partner or the tenant is revoked at once, and no other", async () => {
    const place = await settle(app);
    const [p, q] = [await place.partner("a"), await place.partner("b")];
    const clients = [
      ...[await place.client(["batches:read"], p), await place.client(["batches:read"], p)],
      ...[await place.client(["batches:read"], q), await place.client(["audit:read"])],
    ];
    const [first] = clients;
    const elsewhere = await settle(app);
    const theirs = await elsewhere.client(["audit:read"]);
    await registerKeys(app, place.shell, { clientId: first?.client.id ?? "", jwk: textOf(await newKey()) });
    const admin = await adminOf(place);
    const states = async () =>
      Promise.all(clients.map(async (each) => (await keyOf(app, place.shell, await keyIdOf(place, each))).state));
    const all = (emergency: object) => revokeAllKeys(app, admin, { reason: "a break-in", ...emergency });
    await expect(all({})).rejects.toMatchObject({ code: "VALIDATION" });
    await expect(all({ partnerId: p.id, isWholeTenant: true })).rejects.toMatchObject({ code: "VALIDATION" });
    await expect(all({ clientId: theirs.client.id })).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(await all({ clientId: first?.client.id })).toMatchObject({ keyCount: 2 });
    expect(await states()).toEqual(["REVOKED", "ACTIVE", "ACTIVE", "ACTIVE"]);
    const { id, keyCount } = await all({ partnerId: p.id });
    expect(keyCount).toBe(1);
    expect(await states()).toEqual(["REVOKED", "REVOKED", "ACTIVE", "ACTIVE"]);
    const act = (await actsOf(place, await keyIdOf(place, present(clients[1], "a client")))).at(-1);
    expect(act).toMatchObject({ type: ActType.KEY_REVOKED, after: { revocation: id, reason: "a break-in" } });
    expect(await all({ isWholeTenant: true })).toMatchObject({ keyCount: 3 });
    expect(await states()).toEqual(["REVOKED", "REVOKED", "REVOKED", "REVOKED"]);
    await expect(tokenOf(theirs)).resolves.toBeDefined();
  });

  test("a partner revokes all its own keys and nobody else's", async () => {
    const place = await settle(app);
    const feed = await partnersOwn(place);
    const admin = await place.client(["audit:read"]);
    const whole = revokeAllKeys(app, feed.actor, { reason: "x", isWholeTenant: true });
    await expect(whole).rejects.toMatchObject({ code: "FORBIDDEN" });
    const other = revokeAllKeys(app, feed.actor, { reason: "x", clientId: admin.client.id });
    await expect(other).rejects.toMatchObject({ code: "NOT_FOUND" });
    const own = revokeAllKeys(app, feed.actor, { reason: "x", partnerId: feed.actor.partnerId });
    await expect(own).resolves.toMatchObject({ keyCount: 1 });
  });
});

test("the last use of a key is known, and written down once for many uses", async () => {
  const place = await settle(app);
  const keyed = await place.client(["audit:read"]);
  const keyId = await keyIdOf(place, keyed);
  const lastUse = async () => (await keyOf(app, place.shell, keyId)).lastUsedAt;
  expect(await lastUse()).toBeNull();
  await tokenOf(keyed);
  await vi.waitFor(async () => expect(await lastUse()).not.toBeNull());
  const first = await lastUse();
  clock.advance(5_000);
  await tokenOf(keyed);
  clock.advance(-5_000);
  expect(await lastUse()).toEqual(first);
});
