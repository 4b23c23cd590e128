import { createPublicKey, diffieHellman } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { calculateJwkThumbprint } from "jose";
import { describe, expect, test } from "vitest";
import {
  assertionClaims,
  assertionFault,
  assertionHeader,
  audienceSpellings,
  openToken,
} from "../../src/identity/assertions/rules.js";
import { ClientKind, KeyPurpose, KeyState } from "../../src/identity/entities.js";
import { KeyFault } from "../../src/identity/key-material/rules.js";
import { isAlgorithmOf, jwksOf, KeyObstacle, keyObstacle, readPublicJwk } from "../../src/identity/keys/rules.js";
import { scopeNotHeld, scopeRefused, usableScopes } from "../../src/identity/rules.js";
import { SCOPES } from "../../src/kernel/actor.js";
import { newKeyPair } from "../../src/kernel/key-pairs.js";
import { newKey, rawToken } from "./signing.js";

const VECTORS = new URL("../../../shared/vectors/wycheproof/json_web_key_test.json", import.meta.url);
const ALGORITHMS = ["EdDSA", "ES256", "ES384", "PS256"];

describe("public keys", () => {
  test.each(ALGORITHMS)(
    "a %s key is read, named by its RFC 7638 thumbprint, and holds nothing more than it needs",
    async (alg) => {
      const { publicJwk } = await newKey(alg);
      const { kid: _, ...nameless } = publicJwk;
      const read = readPublicJwk({ ...nameless, x5c: ["zzz"], note: "mine" });
      if (typeof read === "string") throw new Error(read);
      expect(read.alg).toBe(alg);
      expect(read.kid).toBe(await calculateJwkThumbprint(publicJwk));
      expect(read.thumbprint.toString("base64url")).toBe(read.kid);
      expect(read.jwk).toEqual({ ...publicJwk, kid: read.kid });
    },
  );

  test("RFC 8037's example has the thumbprint that the RFC prints", () => {
    const read = readPublicJwk({ kty: "OKP", crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
    expect(read).toMatchObject({ kid: "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" });
  });

  test.each(ALGORITHMS)("a private %s key is refused as such, whatever else is wrong with it", async (alg) => {
    const { privateKey } = await newKey(alg);
    expect(readPublicJwk({ ...privateKey.export({ format: "jwk" }), alg: "none" })).toBe(KeyFault.PRIVATE);
  });

  test("a symmetric key is refused as secret", () => {
    expect(readPublicJwk({ kty: "oct", k: "AAAA" })).toBe(KeyFault.PRIVATE);
  });

  test.each([
    ["another curve", { kty: "OKP", crv: "Ed448", x: "AA" }, KeyFault.UNSUPPORTED],
    ["a key for key agreement of too few bytes", { kty: "OKP", crv: "X25519", x: "AA" }, KeyFault.MALFORMED],
    ["no JWK", "AAAA", KeyFault.MALFORMED],
    ["no key type", { crv: "Ed25519" }, KeyFault.MALFORMED],
    ["a missing member", { kty: "OKP", crv: "Ed25519" }, KeyFault.MALFORMED],
    ["too few bytes", { kty: "OKP", crv: "Ed25519", x: "AAAA" }, KeyFault.MALFORMED],
    ["padded base64url", { kty: "OKP", crv: "Ed25519", x: `${"A".repeat(43)}=` }, KeyFault.MALFORMED],
  ])("%s is refused", (_name, jwk, fault) => {
    expect(readPublicJwk(jwk)).toBe(fault);
  });

  test.each([
    { alg: "ES256" },
    { alg: "none" },
    { use: "enc" },
    { key_ops: ["sign"] },
    { key_ops: ["verify", "sign"] },
  ])("a key for another purpose is refused: %j", async (change) => {
    const { publicJwk } = await newKey();
    expect(readPublicJwk({ ...publicJwk, ...change })).toBe(KeyFault.PURPOSE);
  });

  test.each([
    ["X25519", () => newKeyPair("x25519"), { alg: "ECDH-ES" }, "ECDH-ES"],
    ["X25519", () => newKeyPair("x25519"), {}, "ECDH-ES+A256KW"],
    ["P-256", () => newKeyPair("ec", { namedCurve: "P-256" }), { use: "enc" }, "ECDH-ES+A256KW"],
    ["P-384", () => newKeyPair("ec", { namedCurve: "P-384" }), { alg: "ECDH-ES" }, "ECDH-ES"],
    ["RSA", () => newKeyPair("rsa", { modulusLength: 2048 }), { alg: "RSA-OAEP-256" }, "RSA-OAEP-256"],
  ])("a key of %s that encrypts is for that alone: %#", (_name, make, says, alg) => {
    const jwk = { ...make().publicKey.export({ format: "jwk" }), ...says };
    expect(readPublicJwk(jwk)).toMatchObject({ alg, purposes: [KeyPurpose.ENCRYPTION], jwk: { use: "enc", alg } });
    for (const signing of [[KeyPurpose.BATCH_SIGNING], [KeyPurpose.BATCH_SIGNING, KeyPurpose.ENCRYPTION], []]) {
      expect(readPublicJwk(jwk, signing)).toBe(KeyFault.PURPOSE);
    }
  });

  test("what a key is for is as asked, where its kind and its own word allow it", async () => {
    const { publicJwk } = await newKey("ES256");
    const { use: _, alg: __, ...silent } = publicJwk;
    expect(readPublicJwk(silent)).toMatchObject({ purposes: ["CLIENT_AUTHENTICATION", "BATCH_SIGNING"], alg: "ES256" });
    expect(readPublicJwk(silent, [KeyPurpose.ENCRYPTION])).toMatchObject({ alg: "ECDH-ES+A256KW" });
    expect(readPublicJwk(publicJwk, [KeyPurpose.BATCH_SIGNING])).toMatchObject({ purposes: ["BATCH_SIGNING"] });
    expect(readPublicJwk(publicJwk, [KeyPurpose.ENCRYPTION])).toBe(KeyFault.PURPOSE);
  });

  test("points of X25519 that make every secret zero are weak, and OpenSSL agrees on each", () => {
    const { privateKey } = newKeyPair("x25519");
    const field = 2n ** 255n - 19n;
    const orderEight = [
      325606250916557431795983626356110631294008115727848805560023387167927233504n,
      39382357235489614581723060781553021112529911719440698176882885853963445705823n,
    ];
    for (const u of [0n, 1n, field - 1n, ...orderEight]) {
      const x = Buffer.from(u.toString(16).padStart(64, "0"), "hex").reverse().toString("base64url");
      const jwk = { kty: "OKP", crv: "X25519", x };
      expect(readPublicJwk(jwk)).toBe(KeyFault.WEAK);
      const publicKey = createPublicKey({ key: jwk, format: "jwk" });
      expect(() => diffieHellman({ privateKey, publicKey })).toThrow("derivation");
    }
  });

  test("a key may be used between its bounds, while active, for what it is for; what lasts is said first", () => {
    const at = (day: number) => new Date(Date.UTC(2026, 2, day));
    const key = { state: KeyState.ACTIVE, purposes: [KeyPurpose.BATCH_SIGNING], notBefore: at(2), expiresAt: at(4) };
    const obstacle = (change: Partial<typeof key>, day = 3, purpose = KeyPurpose.BATCH_SIGNING) =>
      keyObstacle({ ...key, ...change }, purpose, at(day));
    expect([1, 2, 3, 4].map((day) => obstacle({}, day))).toEqual([
      ...[KeyObstacle.NOT_YET_VALID, null, null, KeyObstacle.EXPIRED],
    ]);
    expect(obstacle({}, 3, KeyPurpose.ENCRYPTION)).toBe(KeyObstacle.PURPOSE);
    for (const state of [KeyState.PENDING_APPROVAL, KeyState.SUSPENDED, KeyState.EXPIRED, KeyState.REVOKED]) {
      expect(obstacle({ state })).toBe(state);
      expect(obstacle({ state }, 1)).toBe(state);
    }
    expect(obstacle({ state: KeyState.REVOKED }, 5, KeyPurpose.ENCRYPTION)).toBe(KeyObstacle.REVOKED);
  });

  test("a kid that could not stand in a log is refused", async () => {
    const { publicJwk } = await newKey();
    for (const kid of ["", "a b", "é", "x".repeat(129), 7])
      expect(readPublicJwk({ ...publicJwk, kid })).toBe(KeyFault.MALFORMED);
  });

  test.each([1024, 2040])("RSA of %i bits is weak", (modulusLength) => {
    const { publicKey } = newKeyPair("rsa", { modulusLength });
    expect(readPublicJwk(publicKey.export({ format: "jwk" }))).toBe(KeyFault.WEAK);
  });

  test("RSA with a small exponent is weak", () => {
    const { publicKey } = newKeyPair("rsa", { modulusLength: 2048, publicExponent: 3 });
    expect(readPublicJwk(publicKey.export({ format: "jwk" }))).toBe(KeyFault.WEAK);
  });

  test("a modulus with the mark of CVE-2017-15361 is weak", () => {
    const primes = [
      3n,
      5n,
      7n,
      11n,
      13n,
      17n,
      19n,
      37n,
      53n,
      61n,
      71n,
      73n,
      79n,
      97n,
      103n,
      107n,
      109n,
      127n,
      151n,
      157n,
    ];
    const product = primes.reduce((all, prime) => all * prime, 2n);
    const residue = 65_537n ** 12_345n % product;
    const modulus = residue + product * ((2n ** 2047n + 2n ** 1000n) / product);
    const jwk = (n: bigint) => ({ kty: "RSA", e: "AQAB", n: Buffer.from(n.toString(16), "hex").toString("base64url") });
    expect(readPublicJwk(jwk(modulus))).toBe(KeyFault.WEAK);
    expect(readPublicJwk(jwk(modulus + 2n))).toMatchObject({ alg: "PS256" });
  });

  test("points off the curve are refused, on every curve", async () => {
    for (const alg of ["ES256", "ES384"]) {
      const { publicJwk } = await newKey(alg);
      const y = Buffer.from(String(publicJwk["y"]), "base64url");
      y.writeUInt8(y.readUInt8(5) ^ 1, 5);
      expect(readPublicJwk({ ...publicJwk, y: y.toString("base64url") })).toBe(KeyFault.INVALID_POINT);
    }
    const verdicts = Array.from({ length: 64 }, (_, i) => {
      const x = Buffer.alloc(32, 9);
      x.writeUInt8(i, 0);
      return readPublicJwk({ kty: "OKP", crv: "Ed25519", x: x.toString("base64url") });
    });
    const refused = verdicts.filter((verdict) => verdict === KeyFault.INVALID_POINT).length;
    expect(refused).toBeGreaterThan(16); // half of all numbers are no y coordinate
    expect(refused).toBeLessThan(48);
  });

  test("every Ed25519 key that OpenSSL makes is read as good", () => {
    for (let i = 0; i < 100; i++) {
      const { publicKey } = newKeyPair("ed25519");
      expect(readPublicJwk(publicKey.export({ format: "jwk" }))).toMatchObject({ alg: "EdDSA" });
    }
  });

  test.each([
    ["0100000000000000000000000000000000000000000000000000000000000000", KeyFault.WEAK],
    ["ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", KeyFault.WEAK],
    ["0000000000000000000000000000000000000000000000000000000000000080", KeyFault.WEAK],
    ["c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", KeyFault.WEAK],
    ["26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85", KeyFault.WEAK],
    ["eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", KeyFault.INVALID_POINT],
  ])("an Ed25519 point of small order or in a second spelling is refused: %s", (hex, fault) => {
    expect(readPublicJwk({ kty: "OKP", crv: "Ed25519", x: Buffer.from(hex, "hex").toString("base64url") })).toBe(fault);
  });

  test("a header's algorithm fits the key's own, under both names of Ed25519, and no other", () => {
    expect(isAlgorithmOf("EdDSA", "EdDSA")).toBe(true);
    expect(isAlgorithmOf("Ed25519", "EdDSA")).toBe(true);
    expect(isAlgorithmOf("ES256", "EdDSA")).toBe(false);
    expect(isAlgorithmOf("Ed25519", "ES256")).toBe(false);
  });

  test("a JWK and a JWK Set are told apart, and both from anything else", () => {
    expect(jwksOf({ kty: "OKP" })).toEqual([{ kty: "OKP" }]);
    expect(jwksOf({ keys: [1, 2] })).toEqual([1, 2]);
    expect(jwksOf({ keys: 1 })).toBeNull();
    expect(jwksOf("x")).toBeNull();
  });

  test.skipIf(!existsSync(VECTORS))("no key that Wycheproof calls bad is read as good", () => {
    const { testGroups } = JSON.parse(readFileSync(VECTORS, "utf8"));
    const bad = testGroups.filter(({ tests }: WycheproofGroup) => tests.every(({ result }) => result === "invalid"));
    const sets = bad.map((group: WycheproofGroup) => (group.public ?? group.private).keys);
    // Of several keys it is the set that is bad.
    const keys = sets.filter((set: readonly unknown[]) => set.length === 1).flat();
    expect(keys.length).toBeGreaterThan(10);
    for (const key of keys) {
      expect(readPublicJwk(key), JSON.stringify(key)).toEqual(expect.any(String));
      const { alg: _, use, ...material } = key;
      if (key.kty === "RSA" && use === "sig") expect(readPublicJwk(material)).toEqual(expect.any(String));
    }
  });
});

interface WycheproofGroup {
  readonly public: { readonly keys: readonly { readonly kty: string }[] } | null;
  readonly private: { readonly keys: readonly { readonly kty: string }[] };
  readonly tests: readonly { readonly result: string }[];
}

describe("scopes", () => {
  test("but that of keys, which everybody has, no scope is for everybody, and each is for somebody", () => {
    for (const scope of SCOPES.filter((each) => each !== "keys:manage")) {
      const holders = Object.values(ClientKind).filter((kind) => scopeRefused(kind, [scope]) === null);
      expect(holders.length, scope).toBeGreaterThan(0);
      expect(holders.length, scope).toBeLessThan(3);
    }
  });

  test("a partner's client submits, reads and manages its keys, and no more", () => {
    expect(usableScopes(ClientKind.PARTNER, SCOPES)).toEqual([
      ...["batches:submit", "batches:read", "balances:read", "settlements:read", "keys:manage"],
    ]);
  });

  test("operators read no money, and nobody else creates tenants", () => {
    expect(usableScopes(ClientKind.OPERATOR, SCOPES).filter((scope) => scope.endsWith(":read"))).toEqual([
      "audit:read",
    ]);
    expect(usableScopes(ClientKind.TENANT, SCOPES)).not.toContain("operations:manage");
  });

  test("an unknown scope is refused, and counts for nothing", () => {
    expect(scopeRefused(ClientKind.TENANT, ["batches:read", "batches:write"])).toBe("batches:write");
    expect(usableScopes(ClientKind.TENANT, ["batches:write", "batches:read"])).toEqual(["batches:read"]);
  });

  test("nobody gives away what is not held", () => {
    expect(scopeNotHeld(new Set(["clients:manage"]), ["clients:manage"])).toBeNull();
    expect(scopeNotHeld(new Set(["clients:manage"]), ["payouts:manage"])).toBe("payouts:manage");
  });
});

const NOW = 1_764_000_000;
const CLAIMS = { iss: "cli_a", sub: "cli_a", aud: "https://a.example", iat: NOW, exp: NOW + 60, jti: "j1" };

describe("client assertions", () => {
  test.each([
    ["two parts", "e30.e30"],
    ["four parts", "e30.e30.eA.eA"],
    ["an empty signature", "e30.e30."],
    ["padding", "e30=.e30.eA"],
    ["a space", "e3 0.e30.eA"],
    ["stray bits", "e31.e30.eA"],
    ["no JSON", "eA.e30.eA"],
    ["a list for a header", "W10.e30.eA"],
    ["a repeated name", `${Buffer.from('{"alg":"EdDSA","alg":"none"}').toString("base64url")}.e30.eA`],
    [
      "bytes that are no UTF-8",
      `${Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]).toString("base64url")}.e30.eA`,
    ],
    ["too many characters", `e30.${"e30".repeat(4_000)}.eA`],
  ])("a token with %s is none", (_name, text) => {
    expect(openToken(text)).toBeNull();
  });

  const headerOf = (header: object) => {
    const opened = openToken(rawToken(header, CLAIMS));
    return opened && assertionHeader(opened);
  };
  const claimsOf = (claims: object) => {
    const opened = openToken(rawToken({ alg: "EdDSA", kid: "k" }, { ...CLAIMS, ...claims }));
    return opened && assertionClaims(opened);
  };

  test.each([
    { alg: "EdDSA", kid: "k" },
    { alg: "PS256", kid: "k", typ: "JWT" },
  ])("a usual header is taken: %j", (header) => {
    expect(headerOf(header)).toEqual({ alg: header.alg, kid: "k" });
  });

  test.each([
    ...[{ alg: "none", kid: "k" }, { alg: "HS256", kid: "k" }, { alg: "RS256", kid: "k" }, { alg: "EdDSA" }],
    ...[
      { alg: "EdDSA", kid: "" },
      { alg: "EdDSA", kid: "é" },
      { alg: "EdDSA", kid: "k", typ: "quittance-batch+jws" },
    ],
    ...[
      { alg: "EdDSA", kid: "k", jwk: {} },
      { alg: "EdDSA", kid: "k", jku: "https://x" },
      { alg: "EdDSA", kid: "k", b64: true },
    ],
    ...[
      { alg: "EdDSA", kid: "k", crit: [] },
      { alg: "EdDSA", kid: "k", x5u: "https://x" },
      { alg: "EdDSA", kid: "k", typ: "at+jwt" },
    ],
  ])("a header that invites confusion is refused: %j", (header) => {
    expect(headerOf(header)).toBeNull();
  });

  test.each([
    ...[
      { sub: "cli_b" },
      { iss: undefined, sub: undefined },
      { aud: undefined },
      { aud: [] as string[] },
      { aud: [1] },
    ],
    ...[{ exp: undefined }, { exp: "soon" }, { exp: -1 }, { exp: 1e300 }, { iat: "x" }, { nbf: {} }],
    ...[{ jti: undefined }, { jti: "" }, { jti: "x".repeat(257) }, { iss: "é", sub: "é" }],
  ])("claims without what RFC 7523 asks for are refused: %j", (claims) => {
    expect(claimsOf(claims)).toBeNull();
  });

  test.each([
    ["an assertion in time", {}, null],
    ["one without iat", { iat: undefined }, null],
    ["several audiences", { aud: ["https://b.example", "https://a.example"] }, null],
    ["a clock 20 s behind", { exp: NOW - 20 }, null],
    ["another server", { aud: "https://b.example" }, /aud/],
    ["one with a slash more", { aud: "https://a.example/" }, /aud/],
    ["an expired one", { exp: NOW - 31 }, /exp/],
    ["a long life", { exp: NOW + 400 }, /longer/],
    ["one for later", { nbf: NOW + 60 }, /nbf/],
    ["one from the future", { iat: NOW + 60 }, /iat/],
    ["one from long ago", { iat: NOW - 3_600 }, /iat/],
  ])("%s is judged by its claims", (_name, changes, fault) => {
    const claims = claimsOf(changes);
    if (claims === null) throw new Error("the claims are in form");
    const found = assertionFault(claims, NOW, ["https://a.example"]);
    if (fault === null) expect(found).toBeNull();
    else expect(found).toMatch(fault);
  });

  test("loopback has several names on a development machine, and one in production", () => {
    const url = "http://localhost:4000/oauth/token";
    expect(audienceSpellings([url], true)).toEqual([url]);
    expect(audienceSpellings([url], false)).toEqual([
      ...[url, "http://127.0.0.1:4000/oauth/token", "http://[::1]:4000/oauth/token"],
    ]);
    expect(audienceSpellings(["https://a.example"], false)).toEqual(["https://a.example"]);
  });
});
