import { createPublicKey, type KeyObject, sign } from "node:crypto";
import { CompactSign, calculateJwkThumbprint } from "jose";
import { newKeyPair } from "../../src/kernel/key-pairs.js";

/** A key pair of a client, made for a test. */
export interface TestKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: KeyObject;
  readonly publicJwk: Readonly<Record<string, unknown>>;
}

const PAIRS: Readonly<Record<string, () => KeyObject>> = {
  EdDSA: () => newKeyPair("ed25519").privateKey,
  Ed25519: () => newKeyPair("ed25519").privateKey,
  ES256: () => newKeyPair("ec", { namedCurve: "P-256" }).privateKey,
  ES384: () => newKeyPair("ec", { namedCurve: "P-384" }).privateKey,
  PS256: () => newKeyPair("rsa", { modulusLength: 2048 }).privateKey,
};

/** A new key pair for an algorithm; its kid is its thumbprint. */
export async function newKey(alg = "EdDSA"): Promise<TestKey> {
  const privateKey = PAIRS[alg]?.();
  if (privateKey === undefined) throw new Error(`no such algorithm: ${alg}`);
  const jwk = createPublicKey(privateKey).export({ format: "jwk" });
  const kid = await calculateJwkThumbprint(createPublicKey(privateKey));
  return { kid, alg, privateKey, publicJwk: { ...jwk, kid, alg, use: "sig" } };
}

/** What a client assertion says unless a test changes it; `undefined` leaves a member out. */
export interface AssertionChanges {
  readonly header?: Readonly<Record<string, unknown>>;
  readonly claims?: Readonly<Record<string, unknown>>;
}

let made = 0;

/** A client assertion as a partner's program would sign it, by an independent library. */
export async function signAssertion(
  key: TestKey,
  { clientId, audience, now }: { readonly clientId: string; readonly audience: string; readonly now: Date },
  { header = {}, claims = {} }: AssertionChanges = {},
): Promise<string> {
  const seconds = Math.floor(now.getTime() / 1000);
  made += 1;
  const payload = {
    ...{
      iss: clientId,
      sub: clientId,
      aud: audience,
      iat: seconds,
      exp: seconds + 60,
      jti: `jti-${process.pid}-${made}`,
    },
    ...claims,
  };
  return new CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: "JWT", ...header })
    .sign(key.privateKey);
}

/** A compact JWS by Ed25519 with any header at all, for what libraries refuse to make. */
export function rawToken(header: object, claims: object, key?: KeyObject): string {
  const signed = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  const signature = key === undefined ? Buffer.from("x") : sign(null, Buffer.from(signed), key);
  return `${signed}.${signature.toString("base64url")}`;
}
