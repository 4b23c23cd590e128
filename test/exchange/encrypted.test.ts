import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { CompactEncrypt, importJWK, type JWK } from "jose";
import { beforeEach, describe, expect, test } from "vitest";
import { Act, ActType } from "../../src/acts/entities.js";
import { envelopesOf } from "../../src/exchange/contents/service.js";
import { Batch } from "../../src/exchange/entities.js";
import { checkBatches } from "../../src/exchange/evidence/service.js";
import { unpackEnvelope } from "../../src/exchange/packing.js";
import { submitBatch } from "../../src/exchange/submission/service.js";
import { EncryptionKeyKind } from "../../src/identity/encryption-keys/entities.js";
import {
  destroyRetiredKeysForAllTenants,
  encryptionKeysOf,
  rotateEncryptionKey,
} from "../../src/identity/encryption-keys/service.js";
import { present } from "../../src/kernel/assert.js";
import { sha256 } from "../../src/kernel/digest.js";
import { CTY, withHeader, withPart } from "../identity/encrypting.js";
import { type Answer, testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { bet, type Exchange, openExchange, payloadOf, type Sent, send, sign } from "../support/batches.js";
import { type SeededClient, seedClient } from "../support/seeds.js";

const app = await testApp();
const api = await testApi(app);
const second = await testApp({ clock: app.clock });
const DAY_MS = 86_400_000;

let place: Exchange;
beforeEach(async () => {
  place = await openExchange(app);
});

async function ask(client: SeededClient, query: string, variables: Sent = {}): Promise<Answer> {
  return api.ask({ query, variables, token: await client.token() });
}

const KEYS =
  "{ encryptionKeys { edges { node { id kid kind publicJwk createdAt retiredAt opensUntil } } totalCount } }";
const SUBMIT = `mutation ($input: SubmitBatchInput!) { submitBatch(input: $input) {
  batch { id jti kid payloadSha256 encryption { kid sha256 } } receipt replayed } }`;

async function submit(jws: string, from: SeededClient = place): Promise<Answer> {
  return ask(from, SUBMIT, { input: { jws, waitMs: 0 } });
}

interface ListedKey {
  readonly kid: string;
  readonly kind: string;
  readonly retiredAt: string | null;
  readonly opensUntil: string | null;
  readonly jwk: JWK;
}

async function keysOf(client: SeededClient = place): Promise<ListedKey[]> {
  const { data } = await ask(client, KEYS);
  return data.encryptionKeys.edges.map(({ node }: { node: { publicJwk: string } }) => ({
    ...node,
    jwk: JSON.parse(node.publicJwk),
  }));
}

async function keyOf(kind: EncryptionKeyKind = EncryptionKeyKind.EC): Promise<JWK> {
  if (kind === EncryptionKeyKind.RSA) await rotateEncryptionKey(app, place.home.actor, kind);
  const key = (await keysOf()).find((each) => each.kind === String(kind) && each.retiredAt === null);
  return present(key, "an encryption key").jwk;
}

async function encrypt(jws: string, jwk: JWK, header: { alg?: string; enc?: string } = {}): Promise<string> {
  const { alg = "ECDH-ES", enc = "A256GCM" } = header;
  return new CompactEncrypt(new TextEncoder().encode(jws))
    .setProtectedHeader({ alg, enc, kid: String(jwk.kid), cty: CTY })
    .encrypt(await importJWK(jwk, alg));
}

function signed(over: Sent = {}): Promise<string> {
  return sign(payloadOf(app, place, over), place.key);
}

function refusalIn({ errors }: Answer): Sent {
  const [error] = errors ?? [];
  const { requestId, ...extensions } = error?.extensions ?? {};
  return { message: error?.message, ...extensions };
}

const ALGORITHMS = [
  ["ECDH-ES", EncryptionKeyKind.EC],
  ["ECDH-ES+A256KW", EncryptionKeyKind.EC],
  ["RSA-OAEP-256", EncryptionKeyKind.RSA],
] as const;
const PAIRS = ALGORITHMS.flatMap(([alg, kind]) =>
  (["A256GCM", "A256CBC-HS512"] as const).map((enc) => [alg, enc, kind] as const),
);

describe("a batch that comes encrypted", () => {
  test.each(PAIRS)("by %s and %s is taken, and says how it came", async (alg, enc, kind) => {
    const jwk = await keyOf(kind);
    const [jws, jwe] = await signed().then(async (inner) => [inner, await encrypt(inner, jwk, { alg, enc })] as const);
    const { data, errors } = await submit(jwe);
    expect(errors).toBeUndefined();
    expect(data.submitBatch).toMatchObject({
      replayed: false,
      batch: { encryption: { kid: jwk.kid, sha256: sha256(jwe).toString("hex") } },
    });
    const payload = Buffer.from(jws.split(".")[1] ?? "", "base64url");
    expect(data.submitBatch.batch.payloadSha256).toBe(sha256(payload).toString("hex"));
  });

  test("of 600 kB is taken as well", async () => {
    const transactions = Array.from({ length: 3_000 }, () => bet());
    const jwe = await encrypt(await signed({ transactions }), await keyOf());
    expect(jwe.length).toBeGreaterThan(600_000);
    expect((await submit(jwe)).data.submitBatch.batch.encryption.sha256).toBe(sha256(jwe).toString("hex"));
  });

  test("keeps the signed batch as its evidence, and its act says how it came", async () => {
    const [jwk, jws] = [await keyOf(), await signed()];
    const jwe = await encrypt(jws, jwk, { alg: "ECDH-ES+A256KW" });
    const { id } = (await submit(jwe)).data.submitBatch.batch;
    const { tenantNo } = place.partner;
    const batch = await app.database.manager.findOneByOrFail(Batch, { tenantNo, id });
    const envelopes = await envelopesOf(app.database.manager, tenantNo, [batch.no]);
    expect(unpackEnvelope(present(envelopes.get(batch.no), "an envelope"))).toBe(jws);
    const act = await app.database.manager.findOneByOrFail(Act, { tenantNo, subjectId: id });
    const hash = sha256(jwe).toString("hex");
    expect(JSON.parse(act.detail ?? "").after.encryption).toEqual({
      ...{ alg: "ECDH-ES+A256KW", enc: "A256GCM", kid: jwk.kid, sha256: hash },
    });
    const checked = await checkBatches(app, app.database.manager, place.partner, "0");
    expect(checked).toMatchObject({ batches: 1, mismatch: null });
  });

  test("is the same batch however it comes: encrypted anew, for another key, or signed alone", async () => {
    const [jwk, jws] = [await keyOf(), await signed()];
    const first = (await submit(await encrypt(jws, jwk))).data.submitBatch;
    const others = [await encrypt(jws, jwk), await encrypt(jws, await keyOf(EncryptionKeyKind.RSA), RSA), jws];
    app.clock.advance(DAY_MS); // and long after
    for (const other of others) {
      expect((await submit(other)).data.submitBatch).toEqual({ ...first, replayed: true });
    }
  });

  test("signed alone first is the same batch encrypted; another payload under its jti is refused", async () => {
    const jws = await signed({ jti: "once" });
    const first = (await submit(jws)).data.submitBatch;
    expect(first.batch.encryption).toBeNull();
    const jwk = await keyOf();
    expect((await submit(await encrypt(jws, jwk))).data.submitBatch).toEqual({ ...first, replayed: true });
    const other = await encrypt(await signed({ jti: "once" }), jwk);
    expect(refusalIn(await submit(other))["code"]).toBe("IDEMPOTENCY_CONFLICT");
  });

  test("is held to every check of what is inside", async () => {
    const jwk = await keyOf();
    const stranger = await seedClient(app, place.home.actor, null);
    const cases = [
      [await sign(payloadOf(app, place), stranger.key), "KEY_NOT_OWNED"],
      [withPart(await signed(), 2, (bytes) => bytes.fill(0)), "SIGNATURE_INVALID"],
      ["not a batch", "SIGNATURE_INVALID"],
      [await signed({ iat: 1 }), "CLOCK_SKEW"],
      [await signed({ transactions: [] }), "VALIDATION"],
    ] as const;
    for (const [jws, code] of cases) expect(refusalIn(await submit(await encrypt(jws, jwk)))["code"]).toBe(code);
  });

  test("of another library, jwcrypto, is taken with every algorithm", async ({ skip }) => {
    const run = (input: object) => spawnSync(PYTHON, [PROGRAM], { input: JSON.stringify(input), encoding: "utf8" });
    if (spawnSync(PYTHON, ["-c", "import jwcrypto"]).status !== 0) skip();
    for (const [alg, enc, kind] of PAIRS) {
      const jwk = await keyOf(kind);
      const header = { alg, enc, kid: jwk.kid, cty: CTY };
      const { stdout, stderr } = run({ jwk, jws: await signed(), header });
      expect(stderr).toBe("");
      expect((await submit(stdout.trim())).data.submitBatch.batch.encryption.kid).toBe(jwk.kid);
    }
  });
});

const RSA = { alg: "RSA-OAEP-256" };
const PYTHON = "/usr/bin/python3"; // where Debian's python3-jwcrypto is
const PROGRAM = fileURLToPath(new URL("jwcrypto-encrypt.py", import.meta.url));

describe("what does not open", () => {
  test("gets one answer: unknown key, another tenant's, one of another kind, or any part changed", async () => {
    const jwk = await keyOf();
    const rsa = await keyOf(EncryptionKeyKind.RSA);
    const theirs = present((await keysOf(await openExchange(app)))[0], "a key").jwk;
    const jwe = await encrypt(await signed(), jwk, { alg: "ECDH-ES+A256KW" });
    const rsaJwe = await encrypt(await signed(), rsa, RSA);
    const flip = (bytes: Buffer) => bytes.fill(bytes.readUInt8(0) ^ 1, 0, 1);
    const closed = [
      ...[1, 2, 3, 4].map((at) => withPart(jwe, at, flip)),
      ...[1, 2, 3, 4].map((at) => withPart(rsaJwe, at, flip)),
      await encrypt(await signed(), theirs),
      withHeader(jwe, { kid: "nobody" }),
      withHeader(jwe, { kid: rsa.kid }),
      withHeader(rsaJwe, { kid: jwk.kid }),
      withHeader(rsaJwe, { kid: "nobody" }),
      withHeader(jwe, { alg: "ECDH-ES" }),
    ];
    for (const each of closed) {
      const { kid, ...answer } = refusalIn(await submit(each));
      expect(answer).toEqual({
        ...{ code: "ENCRYPTION_INVALID", check: "DECRYPTION", retryable: false },
        message: "The encrypted batch is refused; the check that failed is DECRYPTION.",
        docUrl: expect.stringMatching(/#ENCRYPTION_INVALID$/),
      });
      expect(kid).toBe(JSON.parse(Buffer.from(each.split(".")[0] ?? "", "base64url").toString()).kid);
    }
    expect((await submit(jwe)).errors).toBeUndefined();
  });

  test("leaves an act that names check and key, and nothing of what came", async () => {
    const jwe = withHeader(await encrypt(await signed(), await keyOf()), { zip: "DEF" });
    expect(refusalIn(await submit(jwe))).toMatchObject({ check: "HEADER_MEMBER", member: "zip" });
    const { tenantNo } = place.partner;
    const act = await app.database.manager.findOneByOrFail(Act, { tenantNo, type: ActType.BATCH_REFUSED });
    expect(JSON.parse(act.detail ?? "").after).toMatchObject({ code: "ENCRYPTION_INVALID", check: "HEADER_MEMBER" });
  });
});

describe("the tenant's encryption keys", () => {
  test("are made once, when first asked for, whichever process and client asks", async () => {
    const actors = [place.actor, (await seedClient(app, place.home.actor, null)).actor];
    const pages = await Promise.all(
      [app, second].flatMap((process) => actors.map((actor) => encryptionKeysOf(process, actor, {}))),
    );
    const kids = pages.map(({ rows }) => rows.map(({ kid }) => kid));
    expect(kids[0]).toHaveLength(1);
    expect(kids).toEqual(kids.map(() => kids[0]));
  });

  test("stand in the JWK Set for encryption, without private members", async () => {
    const [ec, rsa] = [await keyOf(), await keyOf(EncryptionKeyKind.RSA)];
    const { keys } = (await (await fetch(`${api.url}/.well-known/jwks.json`)).json()) as { keys: JWK[] };
    expect(keys).toEqual(expect.arrayContaining([ec, rsa]));
    expect(Object.keys(ec).sort()).toEqual(["crv", "kid", "kty", "use", "x", "y"]);
    expect(Object.keys(rsa).sort()).toEqual(["alg", "e", "kid", "kty", "n", "use"]);
    expect([ec.use, rsa.use, rsa.alg]).toEqual(["enc", "enc", "RSA-OAEP-256"]);
  });

  test("are replaced with an overlap: what is on its way opens for thirty days, then never again", async () => {
    const old = await keyOf();
    const manager = await seedClient(app, place.home.actor, null);
    const rotate = `mutation ($input: RotateEncryptionKeyInput!) { rotateEncryptionKey(input: $input) {
      encryptionKey { kid retiredAt } } }`;
    const { data } = await ask(manager, rotate, { input: { idempotencyKey: "rotate" } });
    const fresh = data.rotateEncryptionKey.encryptionKey;
    expect(fresh.retiredAt).toBeNull();
    const [first, next] = await keysOf();
    const retiredAt = Date.parse(String(first?.retiredAt));
    expect(first).toMatchObject({ kid: old.kid, opensUntil: new Date(retiredAt + 30 * DAY_MS).toISOString() });
    expect(next).toMatchObject({ kid: fresh.kid, retiredAt: null, opensUntil: null });
    const { keys } = (await (await fetch(`${api.url}/.well-known/jwks.json`)).json()) as { keys: JWK[] };
    expect(keys.map(({ kid }) => kid)).toContain(fresh.kid);
    expect(keys.map(({ kid }) => kid)).not.toContain(old.kid);

    app.clock.advance(29 * DAY_MS);
    await destroyRetiredKeysForAllTenants(app);
    const taken = (await submit(await encrypt(await signed(), old))).data.submitBatch;
    app.clock.advance(2 * DAY_MS);
    expect(await destroyRetiredKeysForAllTenants(app)).toBeGreaterThan(0);
    const late = await encrypt(await signed(), old);
    // Another process, since one that has just opened it looks again within two seconds.
    await expect(submitBatch(second, place.actor, { jws: late, waitMs: 0 })).rejects.toMatchObject({
      code: "ENCRYPTION_INVALID",
      details: { check: "DECRYPTION" },
    });
    const { tenantNo } = place.partner;
    const acts = await app.database.manager.findBy(Act, { tenantNo, type: ActType.ENCRYPTION_KEY_DESTROYED });
    expect(acts.map(({ detail }) => JSON.parse(detail ?? "").after.kid)).toEqual([old.kid]);
    const checked = await checkBatches(app, app.database.manager, place.partner, "0");
    expect(checked).toMatchObject({ batches: 1, mismatch: null });
    expect(taken.replayed).toBe(false);
  });

  test("are the tenant's to replace, not a partner's", async () => {
    const query = 'mutation { rotateEncryptionKey(input: { idempotencyKey: "x" }) { encryptionKey { id } } }';
    expect(refusalIn(await ask(place, query))["code"]).toBe("FORBIDDEN");
    await expect(rotateEncryptionKey(app, place.actor, EncryptionKeyKind.EC)).rejects.toMatchObject({
      code: "FORBIDDEN",
    });
  });
});

describe("a demand for encryption", () => {
  const DEMAND = `mutation ($input: DemandEncryptionInput!) { demandEncryption(input: $input) {
    partner { id encryptedOnly } } }`;
  let manager: SeededClient;
  beforeEach(async () => {
    manager = await seedClient(app, place.home.actor, null);
  });

  test("by the partner refuses what comes signed alone, not what is known or comes encrypted", async () => {
    const known = await signed();
    await submit(known);
    const input = { idempotencyKey: "demand", encryptedOnly: true };
    const { data } = await ask(place, DEMAND, { input });
    expect(data.demandEncryption.partner).toEqual({ id: place.partner.id, encryptedOnly: true });
    const jws = await signed();
    expect(refusalIn(await submit(jws))).toMatchObject({
      code: "ENCRYPTION_REQUIRED",
      message: "This partner's batches are taken encrypted only.",
    });
    expect((await submit(known)).data.submitBatch.replayed).toBe(true);
    expect((await submit(await encrypt(jws, await keyOf()))).data.submitBatch.replayed).toBe(false);
  });

  test("is taken back by the tenant alone, and leaves an act each time that it changes", async () => {
    const change = (client: SeededClient, idempotencyKey: string, encryptedOnly: boolean) =>
      ask(client, DEMAND, { input: { idempotencyKey, partnerId: place.partner.id, encryptedOnly } });
    await change(manager, "a", true);
    await change(place, "b", true); // so already
    expect(refusalIn(await change(place, "c", false))["code"]).toBe("FORBIDDEN");
    expect(refusalIn(await submit(await signed()))["code"]).toBe("ENCRYPTION_REQUIRED");
    await change(manager, "d", false);
    expect((await submit(await signed())).errors).toBeUndefined();
    const { tenantNo } = place.partner;
    const acts = await app.database.manager.findBy(Act, { tenantNo, type: ActType.ENCRYPTION_DEMANDED });
    expect(acts.map(({ detail }) => JSON.parse(detail ?? "").after.encryptedOnly)).toEqual([true, false]);
  });

  test("binds the partner, not what the tenant signs for it", async () => {
    await ask(manager, DEMAND, { input: { idempotencyKey: "a", partnerId: place.partner.id, encryptedOnly: true } });
    const { tenant, partner } = place;
    const from = { key: manager.key, actor: manager.actor, tenant };
    expect(await send(app, place, [bet()], { from, iss: tenant.id, sub: partner.id })).toEqual(["POSTED"]);
  });
});
