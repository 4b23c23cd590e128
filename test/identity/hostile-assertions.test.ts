import { createHmac, createPublicKey, sign } from "node:crypto";
import { beforeAll, expect, test } from "vitest";
import { installationSigner } from "../../src/identity/platform-keys/service.js";
import { issueToken } from "../../src/identity/tokens/service.js";
import { closeApp } from "../../src/platform/open-app.js";
import { openTestApp, type TestApp, testApp } from "../support/app.js";
import { type KeyedClient, settle, tokenForm } from "./place.js";
import { signProof } from "./proving.js";
import { newKey, rawToken, signAssertion } from "./signing.js";

const app = await testApp();
const audience = app.config.publicUrl;
/** Another process of the same installation. */
let other: TestApp;
let mine: KeyedClient;

beforeAll(async () => {
  other = await openTestApp({ clock: app.clock, config: { publicUrl: audience } });
  mine = await (await settle(app)).client(["audit:read"]);
  return () => closeApp(other);
});

const seconds = () => Math.floor(app.clock.now().getTime() / 1000);
const claims = () => ({
  ...{ iss: mine.client.id, sub: mine.client.id, aud: audience, iat: seconds(), exp: seconds() + 60 },
  jti: `hostile-${process.pid}-${Math.trunc(performance.now() * 1000)}`,
});
const header = () => ({ alg: "EdDSA", kid: mine.key.kid, typ: "JWT" });
/** Signed by the client's own key, with other members of the header. */
const own = (over: object) => rawToken({ ...header(), ...over }, claims(), mine.key.privateKey);

async function verdictOf(at: TestApp, assertion: string): Promise<string> {
  const form = (await tokenForm(at, mine)).set("client_assertion", assertion);
  return issueToken(at, form).then(
    () => "a token",
    (refused: unknown) => String(Object(refused).error),
  );
}

/** HMAC under whatever a confused library would take the public key for. */
function hmac(secret: string | Buffer): string {
  const signed = rawToken({ ...header(), alg: "HS256" }, claims())
    .split(".", 2)
    .join(".");
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

test.each<[string, () => string | Promise<string>]>([
  [
    "no algorithm and no signature",
    () =>
      `${rawToken({ ...header(), alg: "none" }, claims())
        .split(".", 2)
        .join(".")}.`,
  ],
  ["no algorithm in other letters", () => own({ alg: "nOnE" })],
  ["an algorithm that is a list", () => own({ alg: ["EdDSA"] })],
  ["HMAC with the public key's bytes", () => hmac(Buffer.from(String(mine.key.publicJwk["x"]), "base64url"))],
  [
    "HMAC with the public key as PEM",
    () => hmac(createPublicKey(mine.key.privateKey).export({ type: "spki", format: "pem" })),
  ],
  ["HMAC with the public key as JSON", () => hmac(JSON.stringify(mine.key.publicJwk))],
  ["HMAC with nothing", () => hmac("")],
  ["an algorithm of another family", () => own({ alg: "ES256" })],
  [
    "a key inside (jwk), signed with it",
    async () => {
      const stranger = await newKey();
      return rawToken({ ...header(), jwk: stranger.publicJwk }, claims(), stranger.privateKey);
    },
  ],
  ["its own key inside (jwk)", () => own({ jwk: mine.key.publicJwk })],
  ["an address of keys (jku)", () => own({ jku: "https://elsewhere.example/jwks.json" })],
  ["an address of a certificate (x5u)", () => own({ x5u: "https://elsewhere.example/cert.pem" })],
  ["a certificate (x5c)", () => own({ x5c: ["MIIB"] })],
  ["a critical extension (crit)", () => own({ crit: ["exp"] })],
  ["an empty list of critical extensions", () => own({ crit: [] })],
  ["a payload that is not encoded (b64)", () => own({ b64: false, crit: ["b64"] })],
  ["a compressed payload (zip)", () => own({ zip: "DEF" })],
  ["no key named", () => own({ kid: undefined })],
  ["a key named like a path", () => own({ kid: "../../../dev/null" })],
  ["a key named like SQL", () => own({ kid: "x' or '1'='1" })],
  ["a type that is a batch's", () => own({ typ: "quittance-batch+jws" })],
  ["a type that is a token's", () => own({ typ: "at+jwt" })],
  ["two audiences, none of them ours", () => signed({ aud: ["https://a.example", "https://b.example"] })],
  ["an audience that only begins like ours", () => signed({ aud: `${audience}.elsewhere.example` })],
  ["an audience with a slash more", () => signed({ aud: `${audience}/` })],
  ["no audience", () => signed({ aud: undefined })],
  ["an empty list of audiences", () => signed({ aud: [] })],
  ["an issuer that is not its subject", () => signed({ iss: "cli_01kb000000000000000000000z" })],
  ["a subject that is a list", () => signed({ sub: [mine.client.id] })],
  ["an end as text", () => signed({ exp: String(seconds() + 60) })],
  ["an end that never comes", () => signed({ exp: 1e10 })],
  ["a long life", () => signed({ exp: seconds() + 331 })],
  ["an end behind it", () => signed({ exp: seconds() - 31 })],
  ["a beginning ahead of it", () => signed({ nbf: seconds() + 31 })],
  ["a time of signing ahead of it", () => signed({ iat: seconds() + 32 })],
  ["a time of signing long past", () => signed({ iat: seconds() - 700 })],
  ["no jti", () => signed({ jti: undefined })],
  ["an empty jti", () => signed({ jti: "" })],
  ["a DPoP proof in its place", async () => signProof(app, mine.key, { url: `${audience}/oauth/token` })],
  ["something of ours in its place", async () => (await installationSigner(app)).sign(JSON.stringify(claims()), "JWT")],
  ["an access token in its place", async () => (await issueToken(app, await tokenForm(app, mine))).access_token],
  ["the signature of another payload", () => `${own({}).split(".", 2).join(".")}.${own({}).split(".")[2]}`],
  ["padding", () => `${own({})}==`],
  ["a stray bit at its end", () => malleable(own({}))],
  ["a space", () => own({}).replace(".", ". ")],
  ["a line break", () => `${own({})}\n`],
  [
    "the alphabet of plain base64",
    async () => (await signed({ jti: "?".repeat(9) })).replaceAll("_", "/").replaceAll("-", "+"),
  ],
  ["a part more", () => `${own({})}.e30`],
  ["a member twice", () => twice()],
  ["its payload an array", () => rawToken(header(), [claims()], mine.key.privateKey)],
  ["no end of it", () => `${own({})}${"A".repeat(9_000)}`],
])("an assertion with %s gets no token", async (_name, make) => {
  expect(await verdictOf(app, await make())).toBe("invalid_client");
});

test("the same assertion without any of that gets one, once, of whichever process", async () => {
  const assertion = own({});
  const verdicts = await Promise.all([app, other, app, other].map((each) => verdictOf(each, assertion)));
  expect(verdicts.toSorted((a, b) => a.localeCompare(b))).toEqual([
    ...["a token", "invalid_client", "invalid_client", "invalid_client"],
  ]);
});

function signed(changes: Record<string, unknown>): Promise<string> {
  const facts = { clientId: mine.client.id, audience, now: app.clock.now() };
  return signAssertion(mine.key, facts, { claims: changes });
}

/** The same bytes with a stray bit in the last character, which lenient decoders drop. */
function malleable(token: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return token.slice(0, -1) + (alphabet[alphabet.indexOf(token.slice(-1)) ^ 1] ?? "");
}

/** A payload that names its audience twice, signed as it is. */
function twice(): string {
  const text = JSON.stringify(claims()).replace("{", '{"aud":"https://elsewhere.example",');
  const parts = [JSON.stringify(header()), text].map((part) => Buffer.from(part).toString("base64url")).join(".");
  return `${parts}.${sign(null, Buffer.from(parts), mine.key.privateKey).toString("base64url")}`;
}
