import { verify } from "node:crypto";
import { z } from "zod";
import { type Actor, PrincipalKind, SCOPES } from "../../kernel/actor.js";
import { BoundedMap } from "../../kernel/bounded-map.js";
import { canonicalJson } from "../../kernel/canonical-json.js";
import { epochSeconds } from "../../kernel/clock.js";
import { sha256 } from "../../kernel/digest.js";
import { newId } from "../../kernel/ids.js";
import type { App } from "../../platform/app.js";
import { isConnectionLoss } from "../../platform/database.js";
import { OauthRefusal } from "../assertions/errors.js";
import { ASSERTION_ALGORITHMS, openToken } from "../assertions/rules.js";
import {
  authenticateClient,
  type ClientRow,
  mayAuthenticate,
  spendAssertion,
  TOKEN_PATH,
} from "../assertions/service.js";
import { identityError } from "../errors.js";
import { installationSigner } from "../platform-keys/service.js";
import { usableScopes } from "../rules.js";

/** How long an access token is good for. */
const TOKEN_LIFE_SECONDS = 600;
/** Path of the platform's public keys under the public URL. */
export const JWKS_PATH = "/.well-known/jwks.json";
const TOKEN_TYPE = "at+jwt";
const VERIFIED_MAX = 20_000;
const PRINCIPALS_MAX = 10_000;
const PRINCIPAL_FRESH_MS = 2_000;

/** A successful answer of the token endpoint (RFC 6749, section 5.1). */
export interface TokenAnswer {
  readonly access_token: string;
  readonly token_type: "Bearer";
  readonly expires_in: number;
  readonly scope: string;
}

/** What a request brings to say who sent it. */
export interface Credentials {
  /** The `Authorization` header, or what stands for it where there are no headers. */
  readonly authorization: string | null | undefined;
  readonly requestId: string;
  readonly traceparent: string | null;
  readonly address: string | null;
}

/** What an authorization server says of itself (RFC 8414, section 2). */
export interface ServerMetadata {
  readonly issuer: string;
  readonly token_endpoint: string;
  readonly jwks_uri: string;
  readonly scopes_supported: readonly string[];
  readonly response_types_supported: readonly string[];
  readonly grant_types_supported: readonly string[];
  readonly token_endpoint_auth_methods_supported: readonly string[];
  readonly token_endpoint_auth_signing_alg_values_supported: readonly string[];
}

const AccessClaims = z.object({
  iss: z.string(),
  aud: z.string(),
  client_id: z.string(),
  exp: z.number(),
  scope: z.string(),
  tenant: z.string(),
  key: z.string(),
});

/** What a token of ours says; `expiresAt` bounds everything done with it. */
interface Grant {
  readonly clientId: string;
  readonly keyId: string;
  readonly tenantId: string;
  readonly scopes: readonly string[];
  readonly expiresAt: Date;
}

interface KnownPrincipal {
  readonly loadedAt: number;
  readonly row: Promise<ClientRow | null>;
}

/** What one process remembers: tokens it verified, by hash, and clients as they stood at most two seconds ago. */
interface Memory {
  readonly grants: BoundedMap<string, Grant>;
  readonly principals: BoundedMap<string, KnownPrincipal>;
}

const memories = new WeakMap<App, Memory>();

/**
 * Answers a request of the token endpoint: client credentials with `private_key_jwt` (RFC 6749, section 4.4; RFC 7523).
 * Throws `OauthRefusal`; a client may ask for fewer scopes than it has, never for others.
 */
export async function issueToken(app: App, form: ReadonlyMap<string, string>): Promise<TokenAnswer> {
  const { client, assertion } = await authenticateClient(app, form);
  const scopes = grantedScopes(client, form.get("scope"));
  await spendAssertion(app, client, assertion);
  const scope = scopes.join(" ");
  const access_token = await accessToken(app, client, scope);
  return { access_token, token_type: "Bearer", expires_in: TOKEN_LIFE_SECONDS, scope };
}

/**
 * Whom an access token (RFC 9068) stands for. Refuses every token alike that is not ours, has ended, or whose client or
 * key is gone or revoked (`UNAUTHENTICATED`); revocation counts within two seconds.
 */
export async function authenticate(app: App, credentials: Credentials): Promise<Actor> {
  const token = /^Bearer ([\w.-]+)$/i.exec(credentials.authorization ?? "")?.[1];
  if (token === undefined) throw identityError("UNAUTHENTICATED");
  const grant = await grantOf(app, token);
  if (grant === null || grant.expiresAt <= app.clock.now()) throw identityError("UNAUTHENTICATED");
  const client = await principalOf(app, grant);
  if (client === null || !mayAuthenticate(app, client)) throw identityError("UNAUTHENTICATED");
  const held = new Set(client.scope_list.split(" "));
  const { requestId, traceparent, address } = credentials;
  return {
    ...{ kind: PrincipalKind[client.kind], tenantId: client.tenant_id, tenantNo: client.tenant_no },
    ...{ partnerId: client.partner_id, principalId: client.client_id, requestId, traceparent, address },
    scopes: new Set(usableScopes(client.kind, grant.scopes).filter((scope) => held.has(scope))),
    expiresAt: grant.expiresAt,
  };
}

/** The metadata document of this installation's authorization server. */
export function serverMetadata(app: App): ServerMetadata {
  const issuer = app.config.publicUrl;
  return {
    issuer,
    token_endpoint: issuer + TOKEN_PATH,
    jwks_uri: issuer + JWKS_PATH,
    scopes_supported: SCOPES,
    response_types_supported: [], // RFC 8414 wants the member; there is no authorization endpoint
    grant_types_supported: ["client_credentials"],
    token_endpoint_auth_methods_supported: ["private_key_jwt"],
    token_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
  };
}

function grantedScopes(client: ClientRow, asked: string | undefined): readonly string[] {
  const usable = usableScopes(client.kind, client.scope_list.split(" "));
  if (asked === undefined) return usable;
  const names = new Set(asked.split(" "));
  const granted = usable.filter((scope) => names.has(scope));
  if (granted.length === names.size) return granted;
  throw new OauthRefusal("INVALID_SCOPE", "A scope is unknown, or not this client's.");
}

async function accessToken(app: App, client: ClientRow, scope: string): Promise<string> {
  const now = epochSeconds(app.clock.now());
  const signer = await installationSigner(app);
  const { publicUrl } = app.config;
  const claims = {
    ...{ iss: publicUrl, aud: publicUrl, sub: client.client_id, client_id: client.client_id, scope },
    ...{ iat: now, exp: now + TOKEN_LIFE_SECONDS, jti: newId("tok", app.clock) },
    ...{ tenant: client.tenant_id, key: client.key_id },
    ...(client.partner_id === null ? {} : { partner: client.partner_id }),
  };
  return signer.sign(canonicalJson(claims), TOKEN_TYPE);
}

function memoryOf(app: App): Memory {
  let memory = memories.get(app);
  if (memory === undefined) {
    memory = { grants: new BoundedMap(VERIFIED_MAX), principals: new BoundedMap(PRINCIPALS_MAX) };
    memories.set(app, memory);
  }
  return memory;
}

async function grantOf(app: App, token: string): Promise<Grant | null> {
  const { grants } = memoryOf(app);
  const hash = sha256(token).toString("base64");
  const known = grants.get(hash);
  if (known !== undefined) return known;
  const grant = await verifiedGrant(app, token);
  if (grant !== null) grants.set(hash, grant);
  return grant;
}

async function verifiedGrant(app: App, token: string): Promise<Grant | null> {
  const opened = openToken(token);
  if (opened === null) return null;
  const { alg, kid, typ } = opened.header;
  const signer = await installationSigner(app);
  if (alg !== "EdDSA" || typ !== TOKEN_TYPE || kid !== signer.kid) return null;
  if (!verify(null, Buffer.from(opened.signed), signer.publicKey, opened.signature)) return null;
  const { success, data } = AccessClaims.safeParse(opened.claims);
  const { publicUrl } = app.config;
  if (!success || data.iss !== publicUrl || data.aud !== publicUrl) return null;
  const { client_id: clientId, key: keyId, tenant: tenantId } = data;
  return { clientId, keyId, tenantId, scopes: data.scope.split(" "), expiresAt: new Date(data.exp * 1_000) };
}

/**
 * The client as it stood at most two seconds ago; callers at once share one query. Ages by the clock that never jumps.
 */
async function principalOf(app: App, grant: Grant): Promise<ClientRow | null> {
  const { principals } = memoryOf(app);
  const known = principals.get(grant.keyId);
  const loadedAt = performance.now();
  if (known !== undefined && loadedAt - known.loadedAt < PRINCIPAL_FRESH_MS) return known.row;
  const row = loadPrincipal(app, grant);
  principals.set(grant.keyId, { loadedAt, row });
  return row;
}

async function loadPrincipal(app: App, { tenantId, clientId, keyId }: Grant): Promise<ClientRow | null> {
  try {
    const rows: ClientRow[] = await app.database.query(
      `select c.tenant_id, t.no as tenant_no, c.id as client_id, c.partner_id, c.kind, c.scope_list,
              k.id as key_id, k.state, k.purpose_list, k.not_before, k.expires_at
         from client c join tenant t on t.id = c.tenant_id
         join client_key k on k.tenant_id = c.tenant_id and k.client_id = c.id
        where c.tenant_id = ? and c.id = ? and k.id = ?`,
      [tenantId, clientId, keyId],
    );
    return rows[0] ?? null;
  } catch (error) {
    memoryOf(app).principals.delete(keyId);
    throw isConnectionLoss(error) ? identityError("UNAVAILABLE") : error;
  }
}
