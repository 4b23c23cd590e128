import { expect, test } from "vitest";
import { SignatureTestCheck, SignatureTestOutcome } from "../../src/exchange/signature-tests/entities.js";
import { testSignature } from "../../src/exchange/signature-tests/service.js";
import { revokeKey } from "../../src/identity/key-revocations/service.js";
import { suspendKey } from "../../src/identity/key-states/service.js";
import { signingKey } from "../../src/identity/keys/service.js";
import { registerKeys } from "../../src/identity/registrations/service.js";
import { present } from "../../src/kernel/assert.js";
import { newKeyPair } from "../../src/kernel/key-pairs.js";
import { newKey } from "../identity/signing.js";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { bet, type Exchange, openExchange, payloadOf, type Sent, sign } from "../support/batches.js";

const app = await testApp();
const api = await testApi(app);

/** What failed, with its code. */
async function failures({ actor }: Pick<Exchange, "actor">, jws: string): Promise<string[]> {
  const { passes, checks } = await testSignature(app, actor, jws);
  const failed = checks.filter(({ outcome }) => outcome === SignatureTestOutcome.FAILED);
  expect(passes).toBe(checks.every(({ outcome }) => outcome === SignatureTestOutcome.PASSED));
  return failed.map(({ check, code }) => `${check} ${code}`);
}

const signed = (place: Exchange, over: Sent = {}, header: Sent = {}) =>
  sign(payloadOf(app, place, over), place.key, header);

test("a good batch passes every check, and leaves nothing behind", async () => {
  const place = await openExchange(app);
  const rows = async () =>
    app.database.query("select count(*) as acts from act where tenant_no = ?", [place.tenant.no]);
  const before = await rows();
  const answer = await api.ask({
    token: await place.token(),
    query: "query ($jws: String!) { testSignature(jws: $jws) { passes checks { check outcome code reason } } }",
    variables: { jws: await signed(place) },
  });
  expect(answer.data.testSignature.passes).toBe(true);
  expect(answer.data.testSignature.checks).toHaveLength(16);
  expect(await rows()).toEqual(before);
});

test("each check fails by itself, and those that do not hang on it are looked at all the same", async () => {
  const place = await openExchange(app);
  const jws = await signed(place);
  const [head = "", body = "", tail = ""] = jws.split(".");
  const seconds = Math.floor(app.clock.now().getTime() / 1_000);
  const cases: [string, string[]][] = [
    [`${head}.${body}`, ["PARTS SIGNATURE_INVALID"]],
    [`${jws}=`, ["BASE64URL SIGNATURE_INVALID"]],
    [`${Buffer.from("[]").toString("base64url")}.${body}.${tail}`, ["HEADER_JSON SIGNATURE_INVALID"]],
    [await signed(place, {}, { jku: "https://x.example" }), ["HEADER_MEMBER SIGNATURE_INVALID"]],
    [await signed(place, {}, { typ: "JWT" }), ["TYP SIGNATURE_INVALID"]],
    [await signed(place, {}, { kid: "nobody" }), ["KEY KEY_UNKNOWN"]],
    [`${head}.${body}.${Buffer.alloc(64, 1).toString("base64url")}`, ["SIGNATURE SIGNATURE_INVALID"]],
    [await sign("{}", place.key), ["PAYLOAD VALIDATION"]],
    [
      await signed(place, {
        iss: "x",
        aud: "y",
        iat: seconds - 3_600,
        transactions: [bet(), bet({ amount: "1.234" })],
      }),
      ["ISSUER KEY_NOT_OWNED", "AUDIENCE NOT_FOUND", "ISSUED_AT CLOCK_SKEW", "TRANSACTIONS VALIDATION"],
    ],
  ];
  for (const [text, expected] of cases) expect(await failures(place, text)).toEqual(expected);
  const wrongAlgorithm = { ...(await newKey("ES256")), kid: place.key.kid };
  expect(await failures(place, await sign(payloadOf(app, place), wrongAlgorithm))).toEqual([
    "KEY_ALG SIGNATURE_INVALID",
  ]);
  await expect(testSignature(app, place.actor, "x".repeat(300_000))).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
});

test("a key that may not sign says so, and its signature is looked at", async () => {
  const place = await openExchange(app);
  const keyId = present(await signingKey(app, place.tenant.id, place.key.kid), "the key").id;
  const { privateKey, publicKey } = newKeyPair("ec", { namedCurve: "P-256" });
  const jwk = JSON.stringify({ ...publicKey.export({ format: "jwk" }), kid: "for-encryption", use: "enc" });
  await registerKeys(app, place.home.actor, { clientId: place.client.id, jwk });
  const encrypting = { ...(await newKey("ES256")), privateKey, kid: "for-encryption" };
  expect(await failures(place, await sign(payloadOf(app, place), encrypting))).toEqual([
    ...["KEY_STATE KEY_NOT_USABLE", "KEY_ALG SIGNATURE_INVALID"],
  ]);
  const jws = await signed(place);
  await suspendKey(app, place.home.actor, { keyId, reason: "odd" });
  await revokeKey(app, place.home.actor, { keyId, reason: "lost" });
  const fresh = { ...app }; // a process that has not seen the key
  const { checks } = await testSignature(fresh, place.actor, jws);
  expect(checks.find(({ check }) => check === SignatureTestCheck.KEY_STATE)).toMatchObject({
    outcome: "FAILED",
    code: "KEY_REVOKED",
  });
  expect(checks.find(({ check }) => check === SignatureTestCheck.SIGNATURE)).toMatchObject({ outcome: "PASSED" });
});

test("a key of somebody else answers exactly as one that nobody has", async () => {
  const place = await openExchange(app);
  const [sibling, stranger] = [await openExchange(app, { home: place.home }), await openExchange(app)];
  const told = async (kid: string) => testSignature(app, place.actor, await signed(place, { jti: "same" }, { kid }));
  const unknown = await told("nobody");
  for (const { key } of [sibling, stranger]) expect(await told(key.kid)).toEqual(unknown);
});
