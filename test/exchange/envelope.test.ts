import "reflect-metadata";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BATCH_LIMITS, readEnvelope, verifyEnvelope } from "../../src/exchange/envelope.js";
import { sha256 } from "../../src/kernel/digest.js";
import { CodedError } from "../../src/kernel/errors.js";
import {
  compact,
  headerText,
  ITEMS,
  newSigningKey,
  payloadWith,
  refusalOf,
  SIGNED_AT,
  type SigningKey,
  SMALL_LIMITS,
} from "./batch-samples.js";

const key = await newSigningKey("EdDSA");

async function submit(jws: string, signer: SigningKey = key, now = SIGNED_AT) {
  return verifyEnvelope(readEnvelope(jws), signer.registered, now);
}

async function refusedPayload(payload: unknown): Promise<CodedError> {
  const error: unknown = await submit(await key.sign(payload)).catch((refused: unknown) => refused);
  if (error instanceof CodedError) return error;
  throw new Error("was accepted");
}

describe("a batch in order", () => {
  test("is answered with its claims, its transactions and the SHA-256 of its payload", async () => {
    const text = JSON.stringify(payloadWith({ sub: "ptn_2", mode: "ATOMIC" }));
    const envelope = readEnvelope(await key.sign(text));
    expect(envelope.payloadSha256).toEqual(sha256(text));
    expect(envelope.header).toEqual({ alg: "EdDSA", kid: "key-1" });
    const { claims, transactions } = verifyEnvelope(envelope, key.registered, SIGNED_AT);
    expect(claims).toEqual({
      iss: "ptn_1",
      sub: "ptn_2",
      aud: "tnt_1",
      jti: "batch-1",
      iat: SIGNED_AT.getTime() / 1000,
      mode: "ATOMIC",
    });
    expect(envelope.stated).toEqual(claims);
    expect(transactions).toEqual(ITEMS);
  });

  test("without sub is the signer's own, without mode INDEPENDENT", async () => {
    const { claims } = await submit(await key.sign(payloadWith()));
    expect(claims).toMatchObject({ sub: "ptn_1", mode: "INDEPENDENT" });
  });

  test("signed again is the same batch by its payload's SHA-256", async () => {
    const other = await newSigningKey("ES256");
    const [first, again] = await Promise.all([key.sign(payloadWith()), other.sign(payloadWith())]);
    expect(first).not.toBe(again);
    expect(readEnvelope(first).payloadSha256).toEqual(readEnvelope(again).payloadSha256);
  });

  test.each(["EdDSA", "Ed25519", "ES256", "ES384", "PS256"])("verifies with a key for %s", async (alg) => {
    const signer = await newSigningKey(alg);
    const { claims } = await submit(await signer.sign(payloadWith()), signer);
    expect(claims.jti).toBe("batch-1");
  });

  test("may call an Ed25519 key's algorithm EdDSA or Ed25519, however it was registered", async () => {
    const { publicJwk, kid } = key.registered;
    for (const registered of ["EdDSA", "Ed25519"]) {
      for (const alg of ["EdDSA", "Ed25519"]) {
        const envelope = readEnvelope(await key.sign(payloadWith(), { alg }));
        expect(verifyEnvelope(envelope, { kid, alg: registered, publicJwk }, SIGNED_AT)).toBeDefined();
      }
    }
  });
});

describe("the form of a batch", () => {
  test.each([
    ["no dot at all", "abc", "PARTS"],
    ["unsigned, two parts", compact(headerText(), "{}", "").slice(0, -1), "PARTS"],
    ["four parts", `${compact(headerText(), "{}")}.AAAA`, "PARTS"],
    ["nothing", "", "PARTS"],
    ["unsigned, an empty signature", compact(headerText(), "{}", ""), "SIGNATURE"],
    ["alg none", compact(headerText({ alg: "none" }), "{}", ""), "ALG"],
    ["a MAC", compact(headerText({ alg: "HS256" }), "{}"), "ALG"],
    ["RS256", compact(headerText({ alg: "RS256" }), "{}"), "ALG"],
    ["an algorithm in other case", compact(headerText({ alg: "eddsa" }), "{}"), "ALG"],
    ["a list of algorithms", compact(headerText({ alg: ["EdDSA"] }), "{}"), "ALG"],
    ["another type of token", compact(headerText({ typ: "JWT" }), "{}"), "TYP"],
    ["a type in other case", compact(headerText({ typ: "Quittance-Batch+JWS" }), "{}"), "TYP"],
    ["no type", compact('{"alg":"EdDSA","kid":"key-1"}', "{}"), "TYP"],
    ["no kid", compact('{"alg":"EdDSA","typ":"quittance-batch+jws"}', "{}"), "KID"],
    ["a kid with a space", compact(headerText({ kid: "key 1" }), "{}"), "KID"],
    ["a kid of 129 characters", compact(headerText({ kid: "k".repeat(129) }), "{}"), "KID"],
    ["a header that is a list", compact("[]", "{}"), "HEADER_JSON"],
    ["a header that is no JSON", compact("{", "{}"), "HEADER_JSON"],
    ["alg twice", compact('{"alg":"EdDSA","kid":"k","typ":"quittance-batch+jws","alg":"ES256"}', "{}"), "HEADER_JSON"],
    ["alg twice, once escaped", compact('{"alg":"EdDSA","\\u0061lg":"none"}', "{}"), "HEADER_JSON"],
    ["a huge header", compact(headerText({ kid: "k".repeat(2_000) }), "{}"), "HEADER_JSON"],
  ])("with %s is refused by that check", (_, jws, check) => {
    expect(refusalOf(() => readEnvelope(jws))).toMatchObject({ code: "SIGNATURE_INVALID", details: { check } });
  });

  test.each(["jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64", "cty", "zip"])(
    "with the header member %s is refused, naming the check, the member and the kid",
    (member) => {
      const refused = refusalOf(() => readEnvelope(compact(headerText({ [member]: "x" }), "{}")));
      expect(refused).toMatchObject({
        code: "SIGNATURE_INVALID",
        details: { check: "HEADER_MEMBER", member, kid: "key-1" },
      });
    },
  );

  test("with padding, spaces, the other alphabet or stray bits in any part is refused", async () => {
    const jws = await key.sign(payloadWith({ jti: "batch-12" })); // its last characters carry unused bits
    const parts = jws.split(".");
    for (const at of [0, 1, 2]) {
      for (const spoil of [
        (part: string) => `${part}=`,
        (part: string) => `${part}==`,
        (part: string) => ` ${part}`,
        (part: string) => `${part.slice(0, 4)}\n${part.slice(4)}`,
        (part: string) => `${part}+`,
        (part: string) => `${part.slice(0, -1)}/`,
        (part: string) => `${part}\u0000`,
        (part: string) => `${part}é`,
      ]) {
        const spoilt = parts.map((part, i) => (i === at ? spoil(part) : part)).join(".");
        expect(refusalOf(() => readEnvelope(spoilt))).toMatchObject({ details: { check: "BASE64URL" } });
      }
    }
    const signature = parts[2] ?? ""; // 64 bytes: the last character has four unused bits
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const stray = alphabet.charAt(alphabet.indexOf(signature.slice(-1)) + 1);
    const strayBits = `${parts[0]}.${parts[1]}.${signature.slice(0, -1)}${stray}`;
    expect(refusalOf(() => readEnvelope(strayBits))).toMatchObject({ details: { check: "BASE64URL" } });
  });

  test("over 8 MB is refused before anything is looked at", () => {
    const refused = refusalOf(() => readEnvelope("a".repeat(BATCH_LIMITS.bytesMax + 1)));
    expect(refused).toMatchObject({ code: "LIMIT_EXCEEDED", details: { unit: "bytes", max: 8_388_608 } });
    expect(refusalOf(() => readEnvelope("a".repeat(BATCH_LIMITS.bytesMax)))).toMatchObject({
      code: "SIGNATURE_INVALID",
    });
  });

  test("of 10,001 transactions is refused, of 10,000 is not", async () => {
    const items = (count: number) => payloadWith({ transactions: new Array(count).fill({}) });
    expect(refusalOf(() => readEnvelope(compact(headerText(), JSON.stringify(items(10_001)))))).toMatchObject({
      code: "LIMIT_EXCEEDED",
      details: { path: "/transactions", max: 10_000 },
    });
    const { transactions } = await submit(await key.sign(items(10_000)));
    expect(transactions).toHaveLength(10_000);
  });

  test("is measured by the limits it is read with", () => {
    const four = JSON.stringify(payloadWith({ transactions: [{}, {}, {}, {}] }));
    expect(refusalOf(() => readEnvelope(compact(headerText(), four), SMALL_LIMITS)).details.max).toBe(3);
    expect(refusalOf(() => readEnvelope("a".repeat(2_001), SMALL_LIMITS)).details.max).toBe(2_000);
  });

  test("never crashes the reader, whatever is sent", () => {
    const texts = fc.oneof(
      fc.string(),
      fc.tuple(fc.string(), fc.string()).map(([header, payload]) => compact(header, payload)),
      fc.json().map((payload) => compact(headerText(), payload)),
      fc.uint8Array().map((payload) => compact(headerText(), payload)),
    );
    fc.assert(
      fc.property(texts, (jws) => {
        try {
          readEnvelope(jws);
        } catch (error) {
          expect(error).toBeInstanceOf(CodedError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("the signature of a batch", () => {
  test("by another key under the same kid is refused, naming the check and the kid", async () => {
    const other = await newSigningKey("EdDSA");
    await expect(submit(await other.sign(payloadWith()))).rejects.toMatchObject({
      code: "SIGNATURE_INVALID",
      details: { check: "SIGNATURE", kid: "key-1" },
    });
  });

  test("with an algorithm that is not the key's own is refused", async () => {
    const other = await newSigningKey("ES256");
    await expect(submit(await other.sign(payloadWith()))).rejects.toMatchObject({
      code: "SIGNATURE_INVALID",
      details: { check: "KEY_ALG", kid: "key-1" },
    });
  });

  test("does not hold over any other byte, and says nothing else about the payload", async () => {
    const jws = await key.sign(payloadWith());
    const [header = "", payload = "", signature = ""] = jws.split(".");
    const bytes = Buffer.from(payload, "base64url");
    for (let at = 0; at < bytes.length; at += 7) {
      const altered = Buffer.from(bytes);
      altered.writeUInt8(altered.readUInt8(at) ^ 1, at);
      await expect(submit(`${header}.${altered.toString("base64url")}.${signature}`)).rejects.toMatchObject({
        code: "SIGNATURE_INVALID",
        details: { check: "SIGNATURE" },
      });
    }
  });

  test.each([0, 1, 63, 65, 128])("of %i bytes is refused", async (length) => {
    const [header, payload] = (await key.sign(payloadWith())).split(".");
    const jws = `${header}.${payload}.${Buffer.alloc(length).toString("base64url")}`;
    const verified = Promise.resolve().then(() => submit(jws));
    await expect(verified).rejects.toMatchObject({ code: "SIGNATURE_INVALID", details: { check: "SIGNATURE" } });
  });

  test("may be five minutes old or early, not a second more", async () => {
    const jws = await key.sign(payloadWith());
    for (const seconds of [-300, 300]) {
      await expect(submit(jws, key, new Date(SIGNED_AT.getTime() + seconds * 1000))).resolves.toBeDefined();
    }
    for (const seconds of [-301, 301]) {
      const now = new Date(SIGNED_AT.getTime() + seconds * 1000);
      await expect(submit(jws, key, now)).rejects.toMatchObject({ code: "CLOCK_SKEW", details: { path: "/iat" } });
    }
  });
});

describe("a signed payload", () => {
  test.each([
    ["no JSON", "{", "/"],
    ["a byte order mark", `\ufeff${JSON.stringify(payloadWith())}`, "/"],
    ["a list", "[]", "/"],
    ["null", "null", "/"],
    ["a repeated member", '{"iss":"a","iss":"b"}', "/iss"],
    ["a repeated member of an item", '{"transactions":[{},{"id":"1","\\u0069d":"2"}]}', "/transactions/1/id"],
    ["an unknown member", payloadWith({ exp: 1 }), "/exp"],
    ["a member named __proto__", '{"__proto__":{"iss":"x"}}', "/__proto__"],
    ["a member with a long name", payloadWith({ ["x".repeat(40)]: 1 }), "/"],
    ["a repeated lone surrogate", '{"\\ud800":1,"\\ud800":2}', "/"],
    ["a repeated member below an odd one", '{"a b":{"id":"1","id":"2"}}', "/"],
    ["a repeated member with a long name", `{"${"x".repeat(40)}":1,"${"x".repeat(40)}":2}`, "/"],
    ["an unknown member with an odd name", payloadWith({ "<script>": 1 }), "/"],
    ["no transactions", payloadWith({ transactions: undefined }), "/transactions"],
    ["an empty list", payloadWith({ transactions: [] }), "/transactions"],
    ["an object of transactions", payloadWith({ transactions: {} }), "/transactions"],
    ["no iss", payloadWith({ iss: undefined }), "/iss"],
    ["a list of audiences", payloadWith({ aud: ["tnt_1"] }), "/aud"],
    ["an empty jti", payloadWith({ jti: "" }), "/jti"],
    ["a jti of 65 characters", payloadWith({ jti: "j".repeat(65) }), "/jti"],
    ["a jti with a trailing newline", payloadWith({ jti: "batch-1\n" }), "/jti"],
    ["a numeric sub", payloadWith({ sub: 7 }), "/sub"],
    ["a null sub", payloadWith({ sub: null }), "/sub"],
    ["a fractional iat", payloadWith({ iat: 1764000000.5 }), "/iat"],
    ["a textual iat", payloadWith({ iat: "1764000000" }), "/iat"],
    ["a negative iat", payloadWith({ iat: -1 }), "/iat"],
    ["an unknown mode", payloadWith({ mode: "atomic" }), "/mode"],
  ])("with %s is refused with its path", async (_, payload, path) => {
    expect(await refusedPayload(payload)).toMatchObject({ code: "VALIDATION", details: { path } });
  });

  test("in another encoding is refused", async () => {
    const envelope = readEnvelope(compact(headerText(), Uint8Array.of(0x22, 0xff, 0x22)));
    expect(envelope.stated).toBeNull();
    expect(envelope.payload).toMatchObject({ code: "VALIDATION", details: { path: "/" } });
  });

  test("that cannot be read is told to nobody but the key's owner", async () => {
    const other = await newSigningKey("EdDSA");
    await expect(submit(await other.sign("{"))).rejects.toMatchObject({ code: "SIGNATURE_INVALID" });
    await expect(submit(await key.sign("{"))).rejects.toMatchObject({ code: "VALIDATION" });
  });
});
