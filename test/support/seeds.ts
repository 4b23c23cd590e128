import { createClient } from "../../src/identity/clients/service.js";
import type { Client } from "../../src/identity/entities.js";
import { authenticate, issueToken } from "../../src/identity/tokens/service.js";
import { type Actor, type Scope, shellActor } from "../../src/kernel/actor.js";
import { newId } from "../../src/kernel/ids.js";
import type { App } from "../../src/platform/app.js";
import { type Partner, PartnerKind, type Tenant } from "../../src/tenancy/entities.js";
import { createPartner, createTenant, type NewPartner } from "../../src/tenancy/service.js";
import { newKey, signAssertion, type TestKey } from "../identity/signing.js";

/** A tenant of a test's own. */
export interface SeededTenant {
  readonly tenant: Tenant;
  /** The operator's shell in that tenant: may do everything. */
  readonly actor: Actor;
}

/** A client with its key. */
export interface SeededClient {
  readonly client: Client;
  readonly key: TestKey;
  /** The client as the API knows it, by a real token. */
  readonly actor: Actor;
  /** A new access token. */
  token(): Promise<string>;
}

/** A partner with a client of its own. */
export interface SeededPartner extends SeededClient {
  readonly tenant: Tenant;
  readonly partner: Partner;
}

const PARTNER_SCOPES: readonly Scope[] = ["batches:submit", "batches:read", "balances:read", "settlements:read"];
const TENANT_SCOPES: readonly Scope[] = [
  ...(["batches:submit", "batches:read", "balances:read", "settlements:read", "settlements:manage"] as const),
  ...(["configs:draft", "configs:approve", "clients:manage", "keys:manage", "audit:read", "payouts:manage"] as const),
];

let seeded = 0;

/** A new tenant. */
export async function seedTenant(app: App, name = "Tenant"): Promise<SeededTenant> {
  const tenant = await createTenant(app, null, name);
  const actor = shellActor({ tenantId: tenant.id, tenantNo: tenant.no }, newId("req", app.clock));
  return { tenant, actor };
}

/** A new partner: a game provider in Asia/Seoul that settles in BTC, unless told otherwise, and a client of its own. */
export async function seedPartner(
  app: App,
  { tenant, actor }: SeededTenant,
  changes: Partial<NewPartner> & { readonly scopes?: readonly Scope[] } = {},
): Promise<SeededPartner> {
  seeded += 1;
  const code = `partner-${seeded}`;
  const { scopes = PARTNER_SCOPES, ...given } = changes;
  const partner = await createPartner(app, actor, {
    ...{ code, name: code, kind: PartnerKind.GAME_PROVIDER, timezone: "Asia/Seoul", currencies: ["BTC"] },
    ...given,
  });
  return { tenant, partner, ...(await seedClient(app, actor, partner.id, scopes)) };
}

/** A client of a partner, or of the tenant's administration where `partnerId` is null. */
export async function seedClient(
  app: App,
  actor: Actor,
  partnerId: string | null,
  scopes: readonly Scope[] = partnerId === null ? TENANT_SCOPES : PARTNER_SCOPES,
): Promise<SeededClient> {
  const key = await newKey();
  const jwks = JSON.stringify({ keys: [key.publicJwk] });
  const client = await createClient(app, actor, { partnerId, name: "test", scopes, jwks });
  const token = () => tokenFor(app, client.id, key);
  return { client, key, token, actor: await actorOf(app, await token()) };
}

/** An access token for a client, by the token endpoint's own operation. */
async function tokenFor(app: App, clientId: string, key: TestKey): Promise<string> {
  const audience = app.config.publicUrl;
  const assertion = await signAssertion(key, { clientId, audience, now: app.clock.now() });
  const form = new Map([
    ["grant_type", "client_credentials"],
    ["client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"],
    ["client_assertion", assertion],
  ]);
  return (await issueToken(app, form)).access_token;
}

function actorOf(app: App, token: string): Promise<Actor> {
  const requestId = newId("req", app.clock);
  return authenticate(app, { authorization: `Bearer ${token}`, requestId, traceparent: null, address: null });
}
