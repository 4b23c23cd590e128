import { expect, test } from "vitest";
import { type EnvelopeCover, readEnvelope, verifyEnvelope } from "../../src/exchange/envelope.js";
import { figuresOf } from "../../src/exchange/figures/rules.js";
import type { VerificationKey } from "../../src/exchange/jws.js";
import { packEnvelope, unpackEnvelope } from "../../src/exchange/packing.js";
import { readBatch } from "../../src/exchange/reading/service.js";
import { encryptFor } from "../../src/identity/encryption/service.js";
import { sha256 } from "../../src/kernel/digest.js";
import { CodedError } from "../../src/kernel/errors.js";
import { CTY, newPair, withPart } from "../identity/encrypting.js";
import { compact, headerText, ITEMS, newSigningKey, payloadWith, SIGNED_AT } from "./batch-samples.js";

/** Makes a batch one that a thread reads, and says nothing. */
const PADDING = " ".repeat(512 * 1024);
const key = await newSigningKey("EdDSA");
const rsa = await newSigningKey("PS256");
const padded = (payload: unknown) => `${JSON.stringify(payload)}${PADDING}`;
const good = await key.sign(padded(payloadWith()));
const pair = newPair("P-256");
const openingKey = async () => pair.privateKey;
const [head, , signature] = good.split(".");
const manyItems = Array.from({ length: 10_001 }, () => ITEMS[0]);

interface Sample {
  readonly jws: string | Promise<string>;
  readonly key?: VerificationKey;
  readonly now?: Date;
}

const samples: Readonly<Record<string, Sample>> = {
  "in order": { jws: good },
  "in order, of another algorithm": { jws: rsa.sign(padded(payloadWith({ mode: "ATOMIC" }))), key: rsa.registered },
  "of two parts": { jws: good.slice(0, good.lastIndexOf(".")) },
  "with a letter beyond ASCII whose low byte is a good one": { jws: good.replace("eyJ", "eyŊ") },
  "with padding": { jws: good.replace(`.${signature}`, `=.${signature}`) },
  "with a header that is none": { jws: compact("[]", padded(payloadWith())) },
  "with another type": { jws: compact(headerText({ typ: "JWT" }), padded(payloadWith())) },
  "with a flipped signature": { jws: good.replace(/.....$/, "AAAAA") },
  "with another's signature": {
    jws: `${head}.${compact("", padded(payloadWith({ jti: "x" }))).split(".")[1]}.${signature}`,
  },
  "of a key for another algorithm": { jws: good, key: { ...rsa.registered, kid: key.registered.kid } },
  "too old": { jws: good, now: new Date(SIGNED_AT.getTime() + 300_001) },
  "with a name twice": { jws: key.sign(`{"jti":"a","jti":"b"}${PADDING}`) },
  "with a name twice, and forged": { jws: compact(headerText(), `{"jti":"a","jti":"b"}${PADDING}`) },
  "that is no JSON": { jws: key.sign(`{${PADDING}`) },
  "without claims": { jws: key.sign(padded({ transactions: ITEMS })) },
  "of too many": { jws: key.sign(padded(payloadWith({ transactions: manyItems }))) },
  "too long": { jws: "a".repeat(8 * 1024 * 1024 + 1) },
};

test.each(Object.entries(samples))(
  "a large batch %s is to a thread what it is on the event loop",
  async (_, sample) => {
    const { key: signer = key.registered, now = SIGNED_AT } = sample;
    const jws = await sample.jws;
    const here = await outcome(async () => coverOf(readEnvelope(jws)));
    const there = await outcome(async () => coverOf(await readBatch(jws, openingKey)));
    expect(there).toEqual(here);
    const verifiedHere = await outcome(async () => {
      const { claims, transactions } = verifyEnvelope(readEnvelope(jws), signer, now);
      const figures = figuresOf(transactions);
      return { claims, itemCount: transactions.length, figures, packed: packEnvelope(jws) };
    });
    expect(await outcome(async () => (await readBatch(jws, openingKey)).verified(signer, now))).toEqual(verifiedHere);
  },
);

test.each(Object.entries(samples).filter(([name]) => name !== "too long"))(
  "a large batch %s that comes encrypted is what it is signed alone",
  async (_, sample) => {
    const { key: signer = key.registered, now = SIGNED_AT } = sample;
    const jws = await sample.jws;
    const jwe = await encryptFor(pair, jws, { cty: CTY });
    const plain = await outcome(async () => coverOf(await readBatch(jws, openingKey)));
    expect(await outcome(async () => coverOf(await readBatch(jwe, openingKey)))).toEqual(plain);
    const verified = await outcome(async () => (await readBatch(jws, openingKey)).verified(signer, now));
    expect(await outcome(async () => (await readBatch(jwe, openingKey)).verified(signer, now))).toEqual(verified);
  },
);

test("an encrypted batch, large or small, says how it came; one signed alone does not", async () => {
  for (const jws of [good, await key.sign(payloadWith())]) {
    const jwe = await encryptFor(pair, jws, { cty: CTY, alg: "ECDH-ES", enc: "A256CBC-HS512" });
    const came = { alg: "ECDH-ES", enc: "A256CBC-HS512", kid: pair.kid, sha256: sha256(jwe) };
    expect((await readBatch(jwe, openingKey)).encryption).toEqual(came);
    expect((await readBatch(jws, openingKey)).encryption).toBeNull();
  }
});

test("what keeps a batch closed is told alike, large or small, by key, tag and text", async () => {
  const other = newPair("P-256");
  const refused = {
    ...{ code: "ENCRYPTION_INVALID", details: { check: "DECRYPTION", kid: pair.kid }, retryable: false },
    message: "The encrypted batch is refused; the check that failed is DECRYPTION.",
  };
  for (const jws of [good, await key.sign(payloadWith())]) {
    const jwe = await encryptFor(pair, jws, { cty: CTY });
    const spoilt = [1, 3, 4].map((at) => withPart(jwe, at, (bytes) => bytes.fill(bytes.readUInt8(9) ^ 1, 9, 10)));
    for (const each of spoilt) expect(await outcome(() => readBatch(each, openingKey))).toEqual(refused);
    expect(await outcome(() => readBatch(jwe, async () => other.privateKey))).toEqual(refused);
  }
});

test("an encrypted batch has one signed batch inside: another encrypted one is refused", async () => {
  const inner = await encryptFor(pair, await key.sign(payloadWith()), { cty: CTY });
  const jwe = await encryptFor(pair, inner, { cty: CTY });
  expect(await outcome(() => readBatch(jwe, openingKey))).toMatchObject({
    code: "SIGNATURE_INVALID",
    details: { check: "PARTS" },
  });
});

test("an encrypted batch is measured as it came, before any key is asked for", async () => {
  const never = () => Promise.reject(new Error("no key was to be asked for"));
  const jwe = (await encryptFor(pair, good, { cty: CTY })).padEnd(8 * 1024 * 1024 + 1, "A");
  expect(await outcome(() => readBatch(jwe, never))).toMatchObject({ code: "LIMIT_EXCEEDED" });
});

test("the event loop turns while a large batch is read, and not for a small one", async () => {
  const fiveTimes = async (jws: string) => {
    for (let time = 0; time < 5; time++) await readBatch(jws, openingKey);
  };
  expect(await turnsDuring(() => fiveTimes(good))).toBeGreaterThan(0);
  const small = await key.sign(payloadWith());
  expect(await turnsDuring(() => fiveTimes(small))).toBe(0);
});

test("a large batch is stored byte for byte, whatever else is read at the same time", async () => {
  const jwss = await Promise.all(
    Array.from({ length: 8 }, (_, index) => key.sign(padded(payloadWith({ jti: `batch-${index}` })))),
  );
  const packed = await Promise.all(
    jwss.map(async (jws) => (await (await readBatch(jws, openingKey)).verified(key.registered, SIGNED_AT)).packed),
  );
  expect(packed.map(unpackEnvelope)).toEqual(jwss);
});

function coverOf({ header, stated, payloadSha256, payloadBytes }: EnvelopeCover): EnvelopeCover {
  return { header, stated, payloadSha256, payloadBytes };
}

/** What comes of it: what is answered, or everything that a refusal says. */
async function outcome(work: () => Promise<object>): Promise<object> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    const { code, message, details, retryable } = error;
    return { code, message, details, retryable };
  }
}

async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let [turns, isOver] = [0, false];
  const turn = () => {
    turns += 1;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  await work();
  isOver = true;
  return turns;
}
