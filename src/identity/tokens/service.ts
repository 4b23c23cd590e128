import { verify } from "node:crypto";
import { z } from "zod";
import { type Actor, PrincipalKind } from "../../kernel/actor.js";
import { BoundedMap } from "../../kernel/bounded-map.js";
import { canonicalJson } from "../../kernel/canonical-json.js";
import { epochSeconds } from "../../kernel/clock.js";
import { sha256 } from "../../kernel/digest.js";
import { newId } from "../../kernel/ids.js";
import type { App } from "../../platform/app.js";
import { isConnectionLoss } from "../../platform/database.js";
import { perApp } from "../../platform/per-app.js";
import { recent } from "../../platform/recent.js";
import { OauthRefusal } from "../assertions/errors.js";
import { openToken } from "../assertions/rules.js";
import {
  authenticateClient,
  type ClientRow,
  mayAuthenticate,
  spendAssertion,
  TOKEN_PATH,
} from "../assertions/service.js";
import { type PresentedProof, provePossession } from "../dpop/service.js";
import { identityError } from "../errors.js";
import { noteKeyUse } from "../key-use/service.js";
import { installationKey, installationSigner } from "../platform-keys/service.js";
import { usableScopes } from "../rules.js";

/** How long an access token is good for. */
const TOKEN_LIFE_SECONDS = 600;
const TOKEN_TYPE = "at+jwt";
const NO_PROOF: PresentedProof = { text: undefined, method: "", path: "" };
const VERIFIED_MAX = 20_000;
/** How old what is known of a client may be when it counts: an answer may have been long under way. */
const PRINCIPAL_AGE_MS_MAX = 5_000;

/** A successful answer of the token endpoint (RFC 6749, section 5.1). */
export interface TokenAnswer {
  readonly access_token: string;
  readonly token_type: "Bearer" | "DPoP";
  readonly expires_in: number;
  readonly scope: string;
}

/** What a request brings to say who sent it. */
export interface Credentials {
  /** The `Authorization` header, or what stands for it where there are no headers. */
  readonly authorization: string | null | undefined;
  /** What shows that the caller has the key its token is bound to; none where it sent nothing of the kind. */
  readonly proof?: PresentedProof | typeof SHOWN_BEFORE;
  readonly requestId: string;
  readonly traceparent: string | null;
  readonly address: string | null;
}

/** In the place of a proof, where the same connection has shown one for the same token when it was opened. */
export const SHOWN_BEFORE = "shown before";

const SCHEMES: ReadonlySet<string> = new Set(["bearer", "dpop"]);

const AccessClaims = z.object({
  iss: z.string(),
  aud: z.string(),
  client_id: z.string(),
  exp: z.number(),
  scope: z.string(),
  tenant: z.string(),
  key: z.string(),
  jti: z.string(),
  cnf: z.strictObject({ jkt: z.string() }).optional(),
});

/** What a token of ours says; `expiresAt` bounds everything done with it. */
export interface Grant {
  readonly jti: string;
  /** SHA-256 of the whole token in base64url. */
  readonly tokenHash: string;
  /** Thumbprint of the key that it is bound to (RFC 9449, section 6.1); null for a bearer token. */
  readonly jkt: string | null;
  readonly clientId: string;
  readonly keyId: string;
  readonly tenantId: string;
  readonly scopes: readonly string[];
  readonly expiresAt: Date;
  /** The kid of the installation's key, which may turn out to be somebody else's too. */
  readonly signedBy: string;
}

interface PrincipalRow extends ClientRow {
  /** 1 where the token was revoked. */
  readonly is_revoked: number;
}

/** Tokens that this process verified, by hash. */
const knownGrants = perApp(() => new BoundedMap<string, Grant>(VERIFIED_MAX));
/** Clients as they stood at most two seconds ago, by their tokens' `jti`. */
const knownPrincipals = recent<PrincipalRow | null>({ keptMax: 10_000 });

/**
 * Answers a request of the token endpoint: client credentials with `private_key_jwt` (RFC 6749, section 4.4; RFC 7523).
 * With a DPoP proof the token is bound to its key (RFC 9449, section 5). Throws `OauthRefusal`; a client may ask for
 * fewer scopes than it has, never for others.
 */
export async function issueToken(
  app: App,
  form: ReadonlyMap<string, string>,
  proof: PresentedProof | null = null,
): Promise<TokenAnswer> {
  checkGrantType(form.get("grant_type"));
  const { client, assertion } = await authenticateClient(app, form, TOKEN_PATH);
  const scopes = grantedScopes(client, form.get("scope"));
  if (proof === null && client.dpop_bound_access_tokens === 1) {
    throw new OauthRefusal("INVALID_REQUEST", "This client is given DPoP-bound tokens only: send a DPoP proof.");
  }
  const jkt = proof === null ? null : await provePossession(app, proof, null);
  await spendAssertion(app, client, assertion);
  noteKeyUse(app, client.tenant_id, client.key_id);
  const scope = scopes.join(" ");
  const access_token = await accessToken(app, client, { scope, jkt });
  return { access_token, token_type: jkt === null ? "Bearer" : "DPoP", expires_in: TOKEN_LIFE_SECONDS, scope };
}

/**
 * Whom an access token (RFC 9068) stands for. Refuses every token alike that is not ours, has ended, was revoked, or
 * whose client or key is gone or revoked (`UNAUTHENTICATED`); revocation counts within two seconds. A token that is
 * bound to a key counts only with a proof of it (RFC 9449, section 7), and one that is not only where none is wanted.
 */
export async function authenticate(app: App, credentials: Credentials): Promise<Actor> {
  const [sentScheme = "", token = "", ...more] = (credentials.authorization ?? "").split(" ", 3);
  const scheme = sentScheme.toLowerCase();
  if (!SCHEMES.has(scheme) || more.length > 0) throw identityError("UNAUTHENTICATED");
  const grant = await grantOf(app, token);
  if (grant === null || grant.expiresAt <= app.clock.now()) throw identityError("UNAUTHENTICATED");
  if ((await installationKey(app, grant.signedBy)) === null) throw identityError("UNAUTHENTICATED");
  const client = await principalOf(app, grant);
  if (client === null || client.is_revoked === 1) throw identityError("UNAUTHENTICATED");
  if (!mayAuthenticate(app, client)) throw identityError("UNAUTHENTICATED");
  const isBound = grant.jkt !== null;
  const isWantedBound = isBound || client.dpop_bound_access_tokens === 1;
  if (isWantedBound !== isBound || isBound !== (scheme === "dpop")) throw wrongScheme(isBound);
  await checkPossession(app, credentials.proof, grant);
  const held = new Set(client.scope_list.split(" "));
  const { requestId, traceparent, address } = credentials;
  return {
    kind: PrincipalKind[client.kind],
    tenantId: client.tenant_id,
    tenantNo: client.tenant_no,
    partnerId: client.partner_id,
    principalId: client.client_id,
    requestId,
    traceparent,
    address,
    scopes: new Set(usableScopes(client.kind, grant.scopes).filter((scope) => held.has(scope))),
    expiresAt: grant.expiresAt,
  };
}

/** Forgets what this process knows of a token's client, so that a revocation counts here at once. */
export function forgetPrincipal(app: App, { jti }: Pick<Grant, "jti">): void {
  knownPrincipals(app).forget(jti);
}

function checkGrantType(grantType: string | undefined): void {
  if (grantType === undefined) throw new OauthRefusal("INVALID_REQUEST", "grant_type is missing.");
  if (grantType === "client_credentials") return;
  throw new OauthRefusal("UNSUPPORTED_GRANT_TYPE", "Only client_credentials is supported.");
}

/** A refused proof is told as OAuth names it, so that clients know when to take a new nonce. */
async function checkPossession(app: App, proof: Credentials["proof"], { jkt, tokenHash }: Grant): Promise<void> {
  if (jkt === null || proof === SHOWN_BEFORE) return;
  try {
    await provePossession(app, proof ?? NO_PROOF, { jkt, tokenHash });
  } catch (error) {
    if (!(error instanceof OauthRefusal)) throw error;
    throw identityError("UNAUTHENTICATED", { oauthError: error.error, hint: error.message });
  }
}

function wrongScheme(isBound: boolean): Error {
  const hint = isBound
    ? "The access token is bound to a key: send it by DPoP."
    : "The access token is bound to no key.";
  return identityError("UNAUTHENTICATED", { oauthError: "invalid_token", hint });
}

function grantedScopes(client: ClientRow, asked: string | undefined): readonly string[] {
  const usable = usableScopes(client.kind, client.scope_list.split(" "));
  if (asked === undefined) return usable;
  const names = new Set(asked.split(" "));
  const granted = usable.filter((scope) => names.has(scope));
  if (granted.length === names.size) return granted;
  throw new OauthRefusal("INVALID_SCOPE", "A scope is unknown, or not this client's.");
}

interface TokenContent {
  readonly scope: string;
  readonly jkt: string | null;
}

async function accessToken(app: App, client: ClientRow, { scope, jkt }: TokenContent): Promise<string> {
  const now = epochSeconds(app.clock.now());
  const signer = await installationSigner(app);
  const { publicUrl } = app.config;
  const claims = {
    ...{ iss: publicUrl, aud: publicUrl, sub: client.client_id, client_id: client.client_id, scope },
    ...{ iat: now, exp: now + TOKEN_LIFE_SECONDS, jti: newId("tok", app.clock) },
    ...{ tenant: client.tenant_id, key: client.key_id },
    ...(client.partner_id === null ? {} : { partner: client.partner_id }),
    ...(jkt === null ? {} : { cnf: { jkt } }),
  };
  return signer.sign(canonicalJson(claims), TOKEN_TYPE);
}

/** What a token says, when it is one of ours and its signature holds, whether it has ended or not; null otherwise. */
export async function grantOf(app: App, token: string): Promise<Grant | null> {
  const grants = knownGrants(app);
  const tokenHash = sha256(token).toString("base64url");
  const known = grants.get(tokenHash);
  if (known !== undefined) return known;
  const grant = await verifiedGrant(app, token, tokenHash);
  if (grant !== null) grants.set(tokenHash, grant);
  return grant;
}

async function verifiedGrant(app: App, token: string, tokenHash: string): Promise<Grant | null> {
  const opened = openToken(token);
  if (opened === null) return null;
  const { alg, kid, typ } = opened.header;
  if (alg !== "EdDSA" || typ !== TOKEN_TYPE || typeof kid !== "string") return null;
  const publicKey = await installationKey(app, kid);
  if (publicKey === null || !verify(null, Buffer.from(opened.signed), publicKey, opened.signature)) return null;
  const { success, data } = AccessClaims.safeParse(opened.claims);
  const { publicUrl } = app.config;
  if (!success || data.iss !== publicUrl || data.aud !== publicUrl) return null;
  const { client_id: clientId, key: keyId, tenant: tenantId, jti, cnf } = data;
  const [scopes, expiresAt] = [data.scope.split(" "), new Date(data.exp * 1_000)];
  return { jti, tokenHash, jkt: cnf?.jkt ?? null, clientId, keyId, tenantId, scopes, expiresAt, signedBy: kid };
}

/**
 * The client as it stood at most two seconds ago; callers at once share one query. What took the database more than
 * five seconds is refused (`UNAVAILABLE`): a key may have been revoked meanwhile. Ages by the clock that never jumps.
 */
async function principalOf(app: App, grant: Grant): Promise<PrincipalRow | null> {
  return knownPrincipals(app).of(grant.jti, async () => {
    const beganAt = performance.now();
    const row = await readPrincipal(app, grant);
    if (performance.now() - beganAt > PRINCIPAL_AGE_MS_MAX) throw identityError("UNAVAILABLE");
    return row;
  });
}

async function readPrincipal(app: App, { tenantId, clientId, keyId, jti }: Grant): Promise<PrincipalRow | null> {
  try {
    const rows: PrincipalRow[] = await app.database.query(
      `select c.tenant_id, t.no as tenant_no, c.id as client_id, c.partner_id, c.kind, c.scope_list,
              c.dpop_bound_access_tokens, k.id as key_id, k.state, k.purpose_list, k.not_before, k.expires_at,
              r.jti is not null as is_revoked
         from client c join tenant t on t.id = c.tenant_id
         join client_key k on k.tenant_id = c.tenant_id and k.client_id = c.id
         left join revoked_token r on r.tenant_id = c.tenant_id and r.jti = ?
        where c.tenant_id = ? and c.id = ? and k.id = ?`,
      [jti, tenantId, clientId, keyId],
    );
    return rows[0] ?? null;
  } catch (error) {
    throw isConnectionLoss(error) ? identityError("UNAVAILABLE") : error;
  }
}
