import { createPublicKey, type KeyObject } from "node:crypto";
import { BoundedMap } from "../../kernel/bounded-map.js";
import { epochSeconds } from "../../kernel/clock.js";
import { isSignedBy } from "../../kernel/signature.js";
import type { App } from "../../platform/app.js";
import { OauthRefusal } from "../assertions/errors.js";
import { audienceSpellings, type OpenedToken, openToken } from "../assertions/rules.js";
import { nonceMadeAt } from "../nonces/service.js";
import { rememberProof } from "../replays/service.js";
import { type ProofClaims, proofClaims, proofEnd, proofFault, proofKey } from "./rules.js";

/** A request with the proof that came with it. */
export interface PresentedProof {
  /** The `DPoP` header, or what stands for it where there are no headers. */
  readonly text: string | undefined;
  readonly method: string;
  /** Path of the request under the public URL, without query. */
  readonly path: string;
}

/** What a proof must belong to besides its request. */
export interface TokenBinding {
  /** SHA-256 of the access token in base64url. */
  readonly tokenHash: string;
  /** Thumbprint of the key that the token is bound to (RFC 9449, section 6.1). */
  readonly jkt: string;
}

const KEYS_KEPT_MAX = 5_000;

interface ReadyKey {
  readonly alg: string;
  readonly jkt: string;
  readonly key: KeyObject;
}

/** By the header as it was sent, which a client repeats with every proof: reading a key costs more than using it. */
const readyKeys = new BoundedMap<string, ReadyKey>(KEYS_KEPT_MAX);

/**
 * The thumbprint of the key that a DPoP proof shows possession of, for this very request and, where one is given, for
 * that token (RFC 9449, section 4.3). Throws `OauthRefusal`: `invalid_dpop_proof`, or `use_dpop_nonce` where the proof
 * has no nonce of ours that is good. Each proof counts once, over all processes.
 */
export async function provePossession(app: App, proof: PresentedProof, bound: TokenBinding | null): Promise<string> {
  const opened = openToken(proof.text ?? "");
  if (opened === null)
    throw invalid(proof.text === undefined ? "There is no DPoP proof." : "The DPoP proof is no JWT.");
  const { alg, jkt, key } = readyKey(opened);
  if (!isSignedBy(alg, key, opened)) throw invalid("The signature of the DPoP proof does not hold.");
  const claims = proofClaims(opened);
  if (claims === null) throw invalid("The DPoP proof lacks a claim, or has one that is not in form.");
  const { publicUrl, isProduction } = app.config;
  const targets = audienceSpellings([publicUrl + proof.path], isProduction);
  const request = { method: proof.method, targets, tokenHash: bound?.tokenHash ?? null };
  const fault = proofFault(claims, request, epochSeconds(app.clock.now()));
  if (fault !== null) throw invalid(fault);
  if (bound !== null && bound.jkt !== jkt) throw invalid("The DPoP proof is by another key than the token's (jwk).");
  await useOnce(app, claims, jkt);
  return jkt;
}

async function useOnce(app: App, claims: ProofClaims, jkt: string): Promise<void> {
  // One without a nonce is asked about too: from then on everything is remembered, and the nonce it is sent counts.
  const madeAt = nonceMadeAt(app, claims.nonce ?? "") ?? 0;
  const expiresAt = proofEnd(claims) * 1_000;
  const use = await rememberProof(app, { jkt, jti: claims.jti, nonceMadeAt: madeAt, expiresAt });
  if (use === "REPLAY") throw invalid("The DPoP proof was used before (jti).");
  if (use === "UNKNOWABLE")
    throw new OauthRefusal("USE_DPOP_NONCE", "Put the nonce of DPoP-Nonce into the DPoP proof.");
}

function readyKey(opened: OpenedToken): ReadyKey {
  const header = opened.signed.slice(0, opened.signed.indexOf("."));
  const known = readyKeys.get(header);
  if (known !== undefined) return known;
  const read = proofKey(opened);
  if (typeof read === "string") throw invalid(read);
  const key = createPublicKey({ key: read.key.jwk, format: "jwk" });
  const ready = { alg: read.alg, jkt: read.key.thumbprint.toString("base64url"), key };
  readyKeys.set(header, ready);
  return ready;
}

function invalid(reason: string): OauthRefusal {
  return new OauthRefusal("INVALID_DPOP_PROOF", reason);
}
