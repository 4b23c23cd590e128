import { createPublicKey } from "node:crypto";
import { CompactEncrypt, compactVerify, errors } from "jose";
import type { Actor } from "../../kernel/actor.js";
import { canonicalJson } from "../../kernel/canonical-json.js";
import { epochSeconds } from "../../kernel/clock.js";
import type { App } from "../../platform/app.js";
import { partnerOf } from "../../tenancy/service.js";
import { openToken } from "../assertions/rules.js";
import { KeyPurpose } from "../entities.js";
import { identityError } from "../errors.js";
import { isAlgorithmOf, type PublicKey } from "../keys/rules.js";
import { platformSigner, publicKeysOf } from "../platform-keys/service.js";
import { readSigned } from "../platform-signatures/service.js";
import { clientOf } from "../service.js";

/** Whose a key is to be: a client's that exists, or that of one to be created for a partner or for the tenant. */
export interface KeyHolder {
  readonly clientId: string | null;
  readonly partnerId: string | null;
}

/** What whoever holds a private key does something with, to show that it does. */
export interface KeyChallenge {
  readonly kid: string;
  /** To be signed by the key; null for a key that encrypts. */
  readonly challenge: string | null;
  /** To be decrypted by the key (compact JWE, RFC 7516); null for a key that signs. */
  readonly encryptedChallenge: string | null;
  readonly expiresAt: Date;
}

/** Keys travel between people, who answer within days. */
const CHALLENGE_DAYS = 7;
const DAY_SECONDS = 86_400;
const CHALLENGE_TYPE = "quittance-key-challenge+jws";
const PROOF_TYPE = "quittance-key-proof+jws";
const PROOF_MEMBERS = ["alg", "kid", "typ"];

/**
 * A challenge for each of the keys. It says whose the key is to be and is signed by the tenant's platform key, so that
 * every process knows it again and none keeps it.
 */
export async function challengeKeys(
  app: App,
  actor: Actor,
  holder: KeyHolder,
  keys: readonly PublicKey[],
): Promise<KeyChallenge[]> {
  const holderId = await holderIdOf(app, actor, holder);
  const exp = epochSeconds(app.clock.now()) + CHALLENGE_DAYS * DAY_SECONDS;
  const signer = await platformSigner(app, actor.tenantId);
  return Promise.all(
    keys.map(async (key) => {
      const challenge = signer.sign(canonicalJson(claimsOf(actor, holderId, key, exp)), CHALLENGE_TYPE);
      const expiresAt = new Date(exp * 1_000);
      if (!isForEncryption(key)) return { kid: key.kid, challenge, encryptedChallenge: null, expiresAt };
      return { kid: key.kid, challenge: null, encryptedChallenge: await encryptedTo(key, challenge), expiresAt };
    }),
  );
}

/**
 * The refusal (`VALIDATION`) unless there is a proof for each key, in their order; null where there is. A key that
 * signs is proven by a compact JWS of `{"challenge"}` under `typ: quittance-key-proof+jws`, one that encrypts by the
 * challenge as it was decrypted.
 */
export async function proofRefusal(
  app: App,
  actor: Actor,
  holder: KeyHolder,
  { keys, proofs }: { readonly keys: readonly PublicKey[]; readonly proofs: readonly string[] },
): Promise<Error | null> {
  if (proofs.length !== keys.length) {
    return identityError("VALIDATION", { path: "/proofs", reason: "Prove each key, in the order of the keys." });
  }
  const holderId = await holderIdOf(app, actor, holder);
  const jwks = { keys: await publicKeysOf(app, actor.tenantId) };
  for (const [index, key] of keys.entries()) {
    const challenge = await challengeIn(key, proofs[index] ?? "");
    const fault = challenge === null ? NOT_THIS_KEYS : challengeFault(app, actor, { challenge, jwks, holderId, key });
    if (fault !== null) return identityError("VALIDATION", { path: `/proofs/${index}`, reason: fault });
  }
  return null;
}

const NOT_THIS_KEYS = "The proof is not signed by this key, or is not of the form that the guide for partners names.";
const NOT_OURS = "The challenge is not ours, or is for another key, client or partner.";
const ENDED = "The challenge has ended; ask for another.";

interface Presented {
  readonly challenge: string;
  readonly jwks: unknown;
  readonly holderId: string;
  readonly key: PublicKey;
}

function challengeFault(app: App, actor: Actor, { challenge, jwks, holderId, key }: Presented): string | null {
  const read = readSigned(challenge, { jwks, typ: CHALLENGE_TYPE });
  if ("fault" in read) return NOT_OURS;
  const exp = expiryIn(read.payload);
  if (canonicalJson(read.payload) !== canonicalJson(claimsOf(actor, holderId, key, exp))) return NOT_OURS;
  return exp <= epochSeconds(app.clock.now()) ? ENDED : null;
}

function expiryIn(payload: unknown): number {
  return typeof payload === "object" && payload !== null && "exp" in payload ? Number(payload.exp) : 0;
}

function claimsOf({ tenantId }: Actor, holderId: string, key: PublicKey, exp: number) {
  const use = isForEncryption(key) ? "enc" : "sig";
  return { iss: tenantId, sub: holderId, jkt: key.thumbprint.toString("base64url"), use, exp };
}

/** The challenge that a proof shows to have been in the hands of whoever holds the key; null where it shows nothing. */
async function challengeIn(key: PublicKey, proof: string): Promise<string | null> {
  if (isForEncryption(key)) return proof;
  const opened = openToken(proof);
  if (opened === null || Object.keys(opened.header).some((member) => !PROOF_MEMBERS.includes(member))) return null;
  const { alg, kid, typ } = opened.header;
  const { challenge, ...more } = opened.claims;
  if (typeof alg !== "string" || !isAlgorithmOf(alg, key.alg) || kid !== key.kid || typ !== PROOF_TYPE) return null;
  if (typeof challenge !== "string" || Object.keys(more).length > 0) return null;
  try {
    await compactVerify(proof, createPublicKey({ key: key.jwk, format: "jwk" }), { algorithms: [alg] });
    return challenge;
  } catch (error) {
    if (!(error instanceof errors.JOSEError)) throw error;
    return null; // the caller refuses it
  }
}

async function encryptedTo(key: PublicKey, challenge: string): Promise<string> {
  return new CompactEncrypt(Buffer.from(challenge))
    .setProtectedHeader({ alg: key.alg, enc: "A256GCM", kid: key.kid })
    .encrypt(createPublicKey({ key: key.jwk, format: "jwk" }));
}

function isForEncryption({ purposes }: PublicKey): boolean {
  return purposes.includes(KeyPurpose.ENCRYPTION);
}

async function holderIdOf(app: App, actor: Actor, { clientId, partnerId }: KeyHolder): Promise<string> {
  if (clientId !== null) return (await clientOf(app, actor, clientId)).id;
  return partnerId === null ? actor.tenantId : (await partnerOf(app, actor, partnerId)).id;
}
