import { createPublicKey } from "node:crypto";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { compactDecrypt, type JWK } from "jose";
import { describe, expect, test } from "vitest";
import { encryptFor, isEncrypted, openEncrypted, readEncryptedHeader } from "../../src/identity/encryption/service.js";
import { CTY, type EncryptionPair, headerOf, joseEncrypt, newPair, PAIRS, withHeader, withPart } from "./encrypting.js";

const pairs = { "P-256": newPair("P-256"), "P-384": newPair("P-384"), X25519: newPair("X25519"), RSA: newPair("RSA") };
const pair = pairs["P-256"];
const TEXT = "a.signed.batch ".repeat(20);
const sample = await joseEncrypt(TEXT, pair, { alg: "ECDH-ES+A256KW", enc: "A256GCM" });
const rsaSample = await joseEncrypt(TEXT, pairs.RSA, { alg: "RSA-OAEP-256", enc: "A256CBC-HS512" });

/** What comes of it: the text, or the check that failed. */
async function opened(jwe: string, { privateKey }: Pick<EncryptionPair, "privateKey"> = pair): Promise<unknown> {
  const header = readEncryptedHeader(jwe, CTY);
  if ("check" in header) return header;
  const content = await openEncrypted(jwe, header, privateKey);
  return Buffer.isBuffer(content) ? content.toString() : content;
}

describe("an encrypted document", () => {
  test.each(PAIRS)("by %s for a key of %s with %s opens, and so does what we encrypt", async (alg, kind, enc) => {
    const { kid, publicJwk, privateKey } = pairs[kind];
    const theirs = await joseEncrypt(TEXT, pairs[kind], { alg, enc });
    expect(headerOf(theirs)).toEqual({ alg, enc, kid });
    expect(await opened(theirs, pairs[kind])).toBe(TEXT);
    const ours = await encryptFor({ kid, publicJwk }, TEXT, { cty: CTY, alg, enc });
    const { plaintext, protectedHeader } = await compactDecrypt(ours, privateKey);
    expect(new TextDecoder().decode(plaintext)).toBe(TEXT);
    expect(protectedHeader).toMatchObject({ alg, enc, kid, cty: CTY });
    expect(await opened(ours, pairs[kind])).toBe(TEXT);
  });

  test("may name its parties, and say that it is JOSE", async () => {
    const parties = { apu: Buffer.from("Alice").toString("base64url"), apv: Buffer.from("Bob").toString("base64url") };
    const jwe = await joseEncrypt(TEXT, pair, { alg: "ECDH-ES", enc: "A256GCM", typ: "JOSE", ...parties });
    expect(await opened(jwe)).toBe(TEXT);
  });

  test("may be empty inside", async () => {
    expect(await opened(await joseEncrypt("", pair, { alg: "ECDH-ES", enc: "A256GCM" }))).toBe("");
  });

  test("is told from a signed one by its five parts", () => {
    expect([sample, "....", "a.b.c", "a.b.c.d", "a.b.c.d.e.f", ""].map(isEncrypted)).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
  });
});

describe("the header of an encrypted document", () => {
  const { kid } = pair;
  const epk = (JSON.parse(Buffer.from(sample.split(".")[0] ?? "", "base64url").toString()) as { epk: JWK }).epk;
  const y = Buffer.from(String(epk.y), "base64url");
  const off = Buffer.concat([y.subarray(0, 31), Buffer.of(y.readUInt8(31) ^ 1)]);
  const swapped = { kty: "EC", crv: "P-384", x: epk.x, y: epk.y };
  const long = "A".repeat(2_100);

  test.each([
    ["dir", { alg: "dir" }, "ALG"],
    ["RSA1_5", { alg: "RSA1_5" }, "ALG"],
    ["RSA-OAEP with SHA-1", { alg: "RSA-OAEP" }, "ALG"],
    ["a password", { alg: "PBES2-HS256+A128KW" }, "ALG"],
    ["a shared key", { alg: "A256KW" }, "ALG"],
    ["a shorter key wrap", { alg: "ECDH-ES+A128KW" }, "ALG"],
    ["an algorithm in other case", { alg: "ecdh-es" }, "ALG"],
    ["a list of algorithms", { alg: ["ECDH-ES"] }, "ALG"],
    ["an algorithm named like a method", { alg: "toString" }, "ALG"],
    ["a shorter content key", { enc: "A128GCM" }, "ENC"],
    ["a shorter CBC", { enc: "A128CBC-HS256" }, "ENC"],
    ["no enc", { enc: undefined }, "ENC"],
    ["no kid", { kid: undefined }, "KID"],
    ["a kid with a space", { kid: "a b" }, "KID"],
    ["no cty", { cty: undefined }, "CTY"],
    ["a statement inside", { cty: "quittance-statement+jws" }, "CTY"],
    ["a JWT inside", { cty: "JWT" }, "CTY"],
    ["another type", { typ: "JWT" }, "CTY"],
    ["no epk", { epk: undefined }, "EPK"],
    ["an epk off its curve", { epk: { ...epk, y: off.toString("base64url") } }, "EPK"],
    ["an epk at the origin", { epk: { ...epk, x: "A".repeat(43), y: "A".repeat(43) } }, "EPK"],
    ["an epk of another curve's name", { epk: swapped }, "EPK"],
    ["an epk on secp256k1", { epk: { ...epk, crv: "secp256k1" } }, "EPK"],
    ["an epk on a curve named like a method", { epk: { ...epk, crv: "constructor" } }, "EPK"],
    ["an epk with a private half", { epk: { ...epk, d: epk.x } }, "EPK"],
    ["an epk that says more", { epk: { ...epk, kid: "x" } }, "EPK"],
    ["an epk misspelt", { epk: { ...epk, x: `${epk.x}=` } }, "EPK"],
    ["an epk that is text", { epk: "x" }, "EPK"],
    ["one party twice", { apu: "QWxpY2U", apv: "QWxpY2U" }, "EPK"],
    ["a party misspelt", { apu: "QWxpY2U=" }, "EPK"],
    ["a party that is a number", { apv: 7 }, "EPK"],
  ])("with %s is refused by that check", async (_, over, check) => {
    expect(await opened(withHeader(sample, over))).toMatchObject({ check });
  });

  test.each(["zip", "crit", "p2c", "p2s", "jwk", "jku", "x5u", "x5c", "x5t", "iv", "tag", "b64", "iss"])(
    "with the member %s is refused, naming it",
    async (member) => {
      const zipped = await opened(withHeader(sample, { [member]: "DEF" }));
      expect(zipped).toEqual({ check: "HEADER_MEMBER", member, kid });
    },
  );

  test("is one object without repeated names, and short", async () => {
    const twice = `{"alg":"dir",${Buffer.from(sample.split(".")[0] ?? "", "base64url")
      .toString()
      .slice(1)}`;
    for (const text of ["[]", "{", "null", "", `\ufeff{}`, twice, '{"alg":"ECDH-ES","\\u0061lg":"dir"}']) {
      expect(await opened(withHeader(sample, text))).toEqual({ check: "HEADER_JSON" });
    }
    expect(await opened(withPart(sample, 0, () => Buffer.from([0x22, 0xff, 0x22])))).toEqual({ check: "HEADER_JSON" });
    expect(await opened(`${long}.a.b.c.d`)).toEqual({ check: "PARTS" });
    expect(await opened(sample.slice(0, sample.lastIndexOf(".")))).toEqual({ check: "PARTS" });
  });

  test("of RSA has no agreement in it", async () => {
    for (const over of [{ epk }, { apu: "QQ" }, { apv: "QQ" }]) {
      expect(await opened(withHeader(rsaSample, over), pairs.RSA)).toMatchObject({ check: "EPK" });
    }
  });
});

describe("what does not open", () => {
  const CLOSED = { check: "DECRYPTION", kid: pair.kid };

  test.each(PAIRS)("by %s for %s with %s answers alike whichever byte was flipped", async (alg, kind, enc) => {
    const jwe = await joseEncrypt(TEXT, pairs[kind], { alg, enc });
    const parts = jwe.split(".").map((part) => Buffer.from(part, "base64url").length);
    const places = [1, 2, 3, 4].filter((at) => parts[at] !== 0);
    const flips = fc.tuple(fc.constantFrom(...places), fc.nat(), fc.integer({ min: 1, max: 255 }));
    await fc.assert(
      fc.asyncProperty(flips, async ([at, position, bits]) => {
        const spoilt = withPart(jwe, at, (bytes) => {
          const index = position % bytes.length;
          bytes.writeUInt8(bytes.readUInt8(index) ^ bits, index);
          return bytes;
        });
        expect(await opened(spoilt, pairs[kind])).toEqual(CLOSED);
      }),
      { numRuns: 25 },
    );
  });

  test("never crashes the reader, whichever character of it is another", async () => {
    const changes = fc.tuple(fc.nat(), fc.oneof(fc.string({ maxLength: 3 }), fc.constantFrom(".", "=", "A", "_", " ")));
    await fc.assert(
      fc.asyncProperty(changes, async ([position, text]) => {
        const at = position % sample.length;
        const changed = `${sample.slice(0, at)}${text}${sample.slice(at + 1)}`;
        const content = await opened(changed);
        expect(content === TEXT).toBe(changed === sample);
      }),
      { numRuns: 300 },
    );
  });

  test("answers alike for another key, another algorithm, and parts cut, swapped, emptied or added to", async () => {
    const cbc = await joseEncrypt(TEXT, pair, { alg: "ECDH-ES", enc: "A256CBC-HS512" });
    const [head, key, iv, text, tag] = sample.split(".");
    const spoilt: readonly (readonly [string, keyof typeof pairs])[] = [
      ...(["P-384", "X25519"] as const).map((kind) => [sample, kind] as const),
      [withHeader(sample, { alg: "ECDH-ES" }), "P-256"],
      [withHeader(sample, { enc: "A256CBC-HS512" }), "P-256"],
      [withHeader(cbc, { enc: "A256GCM" }), "P-256"],
      [withHeader(cbc, { alg: "ECDH-ES+A256KW" }), "P-256"],
      [withHeader(sample, { apu: "QQ" }), "P-256"],
      ...[1, 2, 3, 4].map((at) => [withPart(sample, at, () => Buffer.alloc(0)), "P-256"] as const),
      ...[1, 2, 3, 4].map((at) => [withPart(sample, at, (bytes) => bytes.subarray(1)), "P-256"] as const),
      ...[2, 3, 4].map((at) => [withPart(cbc, at, (bytes) => bytes.subarray(0, -1)), "P-256"] as const),
      ...[2, 3, 4].map((at) => [withPart(cbc, at, (bytes) => Buffer.concat([bytes, bytes])), "P-256"] as const),
      [withPart(cbc, 1, () => Buffer.alloc(40)), "P-256"],
      [withPart(rsaSample, 1, () => Buffer.alloc(256)), "RSA"],
      [withPart(rsaSample, 1, () => Buffer.alloc(8_192, 255)), "RSA"],
      [[head, key, tag, text, iv].join("."), "P-256"],
      [[head, iv, key, text, tag].join("."), "P-256"],
    ];
    for (const [jwe, kind] of spoilt) {
      expect(await opened(jwe, pairs[kind])).toEqual(CLOSED);
    }
    expect(await opened(sample, newPair("P-256"))).toEqual(CLOSED);
    expect(await opened(rsaSample, newPair("RSA"))).toEqual(CLOSED);
  });

  test("is refused before it is decrypted when a part is misspelt", async () => {
    const parts = sample.split(".");
    for (const at of [0, 1, 2, 3, 4]) {
      for (const spoil of [(part: string) => `${part}=`, (part: string) => ` ${part}`, (part: string) => `${part}+`]) {
        const spoilt = parts.map((part, index) => (index === at ? spoil(part) : part)).join(".");
        expect(await opened(spoilt)).toMatchObject({ check: "BASE64URL" });
      }
    }
  });

  test("a compressed content stays what it is: nothing is inflated", async () => {
    const jwe = await joseEncrypt(gzipSync("x".repeat(10_000)), pair, { alg: "ECDH-ES", enc: "A256GCM" });
    expect(await openEncrypted(jwe, headerOf(jwe), pair.privateKey)).toEqual(gzipSync("x".repeat(10_000)));
  });

  test("a public half opens nothing", async () => {
    const publicHalf = { privateKey: createPublicKey(pair.privateKey) };
    await expect(opened(sample, publicHalf)).rejects.toBeInstanceOf(TypeError);
  });
});
