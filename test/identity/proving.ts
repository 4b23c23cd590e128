import { createHash } from "node:crypto";
import { CompactSign, calculateJwkThumbprint, type JWK } from "jose";
import { OauthRefusal } from "../../src/identity/assertions/errors.js";
import { provePossession } from "../../src/identity/dpop/service.js";
import { newNonce } from "../../src/identity/nonces/service.js";
import type { App } from "../../src/platform/app.js";
import { newKey, type TestKey } from "./signing.js";

/** What a proof says unless a test changes it; `undefined` leaves a member out. */
export interface ProofChanges {
  readonly header?: Readonly<Record<string, unknown>>;
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** A request that a proof is for, and the access token that goes with it. */
export interface Proven {
  readonly url: string;
  readonly method?: string;
  readonly token?: string;
  readonly nonce?: string;
}

let made = 0;

/** The bare public JWK of a key, as proofs carry it. */
export function bareJwk({ publicJwk: { kid: _kid, alg: _alg, use: _use, ...jwk } }: TestKey): JWK {
  return jwk;
}

/** The claims of a proof for a request (RFC 9449, section 4.2). */
export function proofClaims(app: App, { url, method = "POST", token, nonce = newNonce(app) }: Proven): object {
  made += 1;
  return {
    ...{
      jti: `proof-${process.pid}-${made}`,
      htm: method,
      htu: url,
      iat: Math.floor(app.clock.now().getTime() / 1000),
    },
    ...{ nonce, ...(token === undefined ? {} : { ath: tokenHash(token) }) },
  };
}

/** SHA-256 of an access token in base64url. */
function tokenHash(token: string): string {
  return createHash("sha256").update(token).digest("base64url");
}

/** A DPoP proof as a client's program would sign it, by an independent library. */
export async function signProof(
  app: App,
  key: TestKey,
  proven: Proven,
  { header = {}, claims = {} }: ProofChanges = {},
): Promise<string> {
  return new CompactSign(Buffer.from(JSON.stringify({ ...proofClaims(app, proven), ...claims })))
    .setProtectedHeader({ typ: "dpop+jwt", alg: key.alg, jwk: bareJwk(key), ...header })
    .sign(key.privateKey);
}

/** A key for proofs, with its thumbprint. */
export async function newProofKey(alg = "ES256"): Promise<TestKey & { readonly jkt: string }> {
  const key = await newKey(alg);
  return { ...key, jkt: await calculateJwkThumbprint(bareJwk(key)) };
}

/** Has the memory of proofs begin, as a client's first request, which has no nonce, does. */
export async function beginProofs(app: App): Promise<void> {
  const url = `${app.config.publicUrl}/graphql`;
  const proof = await signProof(app, await newProofKey(), { url }, { claims: { nonce: undefined } });
  if ((await verdictOn(app, proof, { url })) !== "use_dpop_nonce") throw new Error("a proof needs no nonce");
}

/** What a resource says to a proof for a request: the key's thumbprint, or what OAuth calls it. */
export async function verdictOn(
  app: App,
  proof: string,
  { url, method = "POST", token, jkt }: Proven & { readonly jkt?: string },
): Promise<string> {
  const bound = token === undefined || jkt === undefined ? null : { tokenHash: tokenHash(token), jkt };
  const path = new URL(url).pathname;
  return provePossession(app, { text: proof, method, path }, bound).catch((error: unknown) => {
    if (error instanceof OauthRefusal) return error.error;
    throw error;
  });
}
