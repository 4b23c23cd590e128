import { once } from "node:events";
import fc from "fast-check";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { openToken } from "../../src/identity/assertions/rules.js";
import { proofFault, proofKey } from "../../src/identity/dpop/rules.js";
import { newNonce, nonceMadeAt } from "../../src/identity/nonces/service.js";
import { SeenProof } from "../../src/identity/replays/entities.js";
import { purgeProofsForAllTenants } from "../../src/identity/replays/service.js";
import { issueToken } from "../../src/identity/tokens/service.js";
import { closeApp } from "../../src/platform/open-app.js";
import { openTestApp, type TestApp, testApp } from "../support/app.js";
import { loseRedis } from "../support/redis.js";
import { settle, tokenForm } from "./place.js";
import { bareJwk, beginProofs, newProofKey, proofClaims, signProof, verdictOn } from "./proving.js";
import { newKey, rawToken } from "./signing.js";

const app = await testApp();
const { clock } = app;
const url = `${app.config.publicUrl}/graphql`;
const token = "a.token.of-somebody";
const key = await newProofKey("EdDSA");
const proven = { url, token, jkt: key.jkt };
/** Another process of the same installation. */
let other: TestApp;

beforeAll(async () => {
  other = await twin();
  await beginProofs(app);
  return () => closeApp(other);
});

/** An App of the same installation, with the same database, Redis and address. */
function twin(config: Partial<TestApp["config"]> = {}): Promise<TestApp> {
  const { redisPrefix, publicUrl } = app.config;
  return openTestApp({ clock, config: { redisPrefix, publicUrl, ...config } });
}

describe("a proof", () => {
  test.each(["EdDSA", "Ed25519", "ES256", "ES384", "PS256"])("by %s shows possession of its key", async (alg) => {
    const own = await newProofKey(alg);
    const proof = await signProof(app, own, proven);
    expect(await verdictOn(app, proof, { ...proven, jkt: own.jkt })).toBe(own.jkt);
  });

  test("is for this address in any spelling of it that means the same", async () => {
    const { host } = new URL(url);
    const same = [`${url}?query=x#y`, `HTTP://${host.toUpperCase()}/graphql`, `ws://${host}/graphql`];
    for (const htu of [...same, `http://${host}/x/../graphql`, url.replace("localhost", "127.0.0.1")]) {
      expect(await verdictOn(app, await signProof(app, key, proven, { claims: { htu } }), proven), htu).toBe(key.jkt);
    }
  });

  const seconds = () => Math.floor(clock.now().getTime() / 1000);
  test.each<[string, () => object]>([
    ["another method", () => ({ htm: "GET" })],
    ["a method in other letters", () => ({ htm: "post" })],
    ["another path", () => ({ htu: `${url}/stream` })],
    ["another host", () => ({ htu: "http://elsewhere.example/graphql" })],
    ["another port", () => ({ htu: url.replace(/:\d+/, ":1") })],
    ["another scheme", () => ({ htu: url.replace("http", "https") })],
    ["a name and password in the address", () => ({ htu: url.replace("//", "//a:b@") })],
    ["no address", () => ({ htu: "graphql" })],
    ["another token", () => ({ ath: "x".repeat(43) })],
    ["no token", () => ({ ath: undefined })],
    ["no time", () => ({ iat: undefined })],
    ["a time as text", () => ({ iat: String(seconds()) })],
    ["a time long past", () => ({ iat: seconds() - 91 })],
    ["a time to come", () => ({ iat: seconds() + 32 })],
    ["its own end behind it", () => ({ exp: seconds() - 31 })],
    ["its own beginning ahead", () => ({ nbf: seconds() + 32 })],
    ["no jti", () => ({ jti: undefined })],
    ["an endless jti", () => ({ jti: "x".repeat(257) })],
    ["a nonce that is no text", () => ({ nonce: 7 })],
  ])("for %s is refused", async (_name, claims) => {
    const proof = await signProof(app, key, proven, { claims: { ...claims() } });
    expect(await verdictOn(app, proof, proven)).toBe("invalid_dpop_proof");
  });

  test("by another key than the token's is refused", async () => {
    const proof = await signProof(app, await newProofKey(), proven);
    expect(await verdictOn(app, proof, proven)).toBe("invalid_dpop_proof");
  });

  test("whose header or form invites an attack is refused (RFC 8725; RFC 9449, section 4.3)", async () => {
    const [stranger, mine] = [await newKey(), bareJwk(key)];
    const claims = proofClaims(app, proven);
    const header = { typ: "dpop+jwt", alg: "EdDSA", jwk: mine };
    const signed = (over: object, by = key.privateKey) => rawToken({ ...header, ...over }, claims, by);
    const [head = "", body = "", tail = ""] = signed({}).split(".");
    const rsa = async (alg: string) => ({ ...bareJwk(await newKey("PS256")), alg });
    const hostile: Record<string, string> = {
      nothing: "",
      "another key's signature": signed({}, stranger.privateKey),
      "no signature": `${head}.${body}.`,
      "no algorithm": rawToken({ ...header, alg: "none" }, claims),
      "HMAC with the public key": signed({ alg: "HS256" }),
      "an algorithm of another family": signed({ alg: "ES256" }),
      "another algorithm in its key": signed({ jwk: { ...mine, alg: "ES256" } }),
      RS256: signed({ alg: "RS256", jwk: await rsa("RS256") }),
      "no key": signed({ jwk: undefined }),
      "a key that is text": signed({ jwk: JSON.stringify(mine) }),
      "a symmetric key": signed({ jwk: { kty: "oct", k: "AAAA" } }),
      "a private key": signed({ jwk: key.privateKey.export({ format: "jwk" }) }),
      "a key for encryption": signed({ jwk: { ...mine, use: "enc" } }),
      "a point of small order": signed({ jwk: { kty: "OKP", crv: "Ed25519", x: "A".repeat(43) } }),
      "another type": signed({ typ: "JWT" }),
      "no type": signed({ typ: undefined }),
      "a key by its address": signed({ jku: "https://elsewhere.example/keys" }),
      "a certificate by its address": signed({ x5u: "https://elsewhere.example/cert" }),
      "a critical extension": signed({ crit: ["b64"], b64: true }),
      "a second spelling of the signature": `${head}.${body}.${malleable(tail)}`,
      padding: `${head}.${body}.${tail}==`,
      "a space": `${head}.${body}. ${tail}`,
      "a fourth part": `${head}.${body}.${tail}.`,
      "two proofs joined": `${head}.${body}.${tail}, ${head}.${body}.${tail}`,
      "a name twice": rawToken(header, claims, key.privateKey).replace(body, twice(claims)),
    };
    for (const [name, proof] of Object.entries(hostile)) {
      expect(await verdictOn(app, proof, proven), name).toBe("invalid_dpop_proof");
    }
    expect(await verdictOn(app, signed({}), proven)).toBe(key.jkt);
  });

  test("holds no longer once any of its characters is another", async () => {
    const proof = await signProof(app, key, proven);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(proof.length - 1),
        fc.constantFrom("A", "Z", "a", "z", "0", "9", "-", "_", "."),
        async (at, other) => {
          fc.pre(proof[at] !== other);
          const changed = proof.slice(0, at) + other + proof.slice(at + 1);
          expect(await verdictOn(app, changed, proven)).toBe("invalid_dpop_proof");
        },
      ),
      { numRuns: 60 },
    );
    expect(await verdictOn(app, proof, proven)).toBe(key.jkt);
  });

  test("is good within its time, leeway included, and at no other", () => {
    const opened = openToken(rawToken({ typ: "dpop+jwt", alg: "EdDSA", jwk: bareJwk(key) }, {}));
    expect(opened === null ? null : proofKey(opened)).toMatchObject({ alg: "EdDSA", key: { alg: "EdDSA" } });
    const request = { method: "GET", targets: ["https://q.example/graphql"], tokenHash: null };
    const claims = { jti: "1", method: "GET", target: "https://q.example/graphql", tokenHash: null, nonce: null };
    fc.assert(
      fc.property(fc.integer({ min: -200, max: 200 }), (age) => {
        const times = { issuedAt: 1_000_000 - age, expiresAt: null, notBefore: null };
        const isRefused = proofFault({ ...claims, ...times }, request, 1_000_000) !== null;
        expect(isRefused).toBe(age >= 90 || age < -30);
      }),
    );
  });
});

describe("a nonce", () => {
  test("is asked for where none is sent, or one that is not ours or too old", async () => {
    const old = newNonce(app);
    const foreign = newNonce(await twinWithKey());
    clock.advance(301_000);
    const flipped = newNonce(app).replace(/.$/, (last) => (last === "A" ? "Q" : "A"));
    for (const nonce of [undefined, old, foreign, flipped, "", "x", `${newNonce(app)}=`]) {
      const proof = await signProof(app, key, proven, { claims: { nonce: nonce === "" ? "-" : nonce } });
      expect(await verdictOn(app, proof, proven), String(nonce)).toBe("use_dpop_nonce");
    }
  });

  test("of any process is taken by every other, whatever either of them has stored", async () => {
    const proof = await signProof(app, key, { ...proven, nonce: newNonce(other) });
    expect(await verdictOn(app, proof, proven)).toBe(key.jkt);
    expect(nonceMadeAt(other, newNonce(app))).toBeLessThanOrEqual(clock.now().getTime());
  });

  test("made by a clock that was wrong is asked for anew", async () => {
    clock.advance(300_000);
    const early = newNonce(app);
    clock.advance(-300_000);
    expect(nonceMadeAt(app, early)).toBeNull();
  });

  async function twinWithKey(): Promise<TestApp> {
    const stranger = await twin({ masterKey: Buffer.alloc(32, 9) });
    onTestFinished(() => closeApp(stranger));
    return stranger;
  }
});

describe("a proof used before", () => {
  test("is refused by every process, however fast it comes", async () => {
    const proof = await signProof(app, key, proven);
    const verdicts = await Promise.all([app, other, app, other].map((each) => verdictOn(each, proof, proven)));
    expect(verdicts.filter((verdict) => verdict === key.jkt)).toHaveLength(1);
    expect(verdicts.filter((verdict) => verdict === "invalid_dpop_proof")).toHaveLength(3);
    expect(await verdictOn(other, proof, proven)).toBe("invalid_dpop_proof");
  });

  test("is not taken again after Redis has lost its memory; its sender takes a new nonce and goes on", async () => {
    const proof = await signProof(app, key, proven);
    expect(await verdictOn(app, proof, proven)).toBe(key.jkt);
    await loseRedis(app);
    clock.advance(1);
    for (const each of [app, other]) expect(await verdictOn(each, proof, proven)).toBe("use_dpop_nonce");
    expect(await verdictOn(other, await signProof(app, key, proven), proven)).toBe(key.jkt);
  });

  test("is not taken again while Redis is away, nor when it is back: the database remembers", async () => {
    const [one, two] = [await twin(), await twin()];
    onTestFinished(async () => void (await Promise.all([one, two].map(closeApp))));
    const before = await signProof(app, key, proven);
    expect(await verdictOn(one, before, proven)).toBe(key.jkt);
    for (const { redis } of [one, two]) {
      redis.disconnect();
      await once(redis, "end");
    }
    clock.advance(1);
    for (const each of [one, two]) expect(await verdictOn(each, before, proven)).toBe("use_dpop_nonce");
    const during = await signProof(app, key, proven);
    const verdicts = await Promise.all([one, two, one, two].map((each) => verdictOn(each, during, proven)));
    expect(verdicts.filter((verdict) => verdict === key.jkt)).toHaveLength(1);
    clock.advance(1);
    await Promise.all([one, two].map(({ redis }) => redis.connect()));
    for (const each of [one, two]) expect(await verdictOn(each, during, proven)).toBe("use_dpop_nonce");
    expect(await verdictOn(two, await signProof(app, key, proven), proven)).toBe(key.jkt);
    expect(await app.database.manager.count(SeenProof)).toBeGreaterThan(0);
    clock.advance(120_000);
    expect(await purgeProofsForAllTenants(app)).toBeGreaterThan(0);
    expect(await app.database.manager.count(SeenProof)).toBe(0);
  });

  test("is nothing to another key, whose proof has the same jti", async () => {
    const [one, two] = [await newProofKey(), await newProofKey()];
    const claims = { jti: "the same" };
    for (const each of [one, two]) {
      const proof = await signProof(app, each, proven, { claims });
      expect(await verdictOn(app, proof, { ...proven, jkt: each.jkt })).toBe(each.jkt);
    }
  });
});

test("at the token endpoint a proof is checked before the assertion is spent", async () => {
  const form = await tokenForm(app, await (await settle(app)).client(["audit:read"]));
  const proof = async (nonce?: string) => ({
    ...{ method: "POST", path: "/oauth/token" },
    text: await signProof(app, key, { url: `${app.config.publicUrl}/oauth/token` }, { claims: { nonce } }),
  });
  await expect(issueToken(app, form, await proof())).rejects.toMatchObject({ error: "use_dpop_nonce", status: 400 });
  expect(await issueToken(app, form, await proof(newNonce(app)))).toMatchObject({ token_type: "DPoP" });
});

/** The same bytes with a stray bit in the last character, which lenient decoders drop. */
function malleable(part: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const last = alphabet.indexOf(part.slice(-1));
  return part.slice(0, -1) + (alphabet[last ^ 1] ?? "");
}

function twice(claims: object): string {
  return Buffer.from(JSON.stringify(claims).replace("{", '{"htm":"GET",')).toString("base64url");
}
