import { CompactSign } from "jose";
import { createClient } from "../../src/identity/clients/service.js";
import type { Client } from "../../src/identity/entities.js";
import { challengeKeys, type KeyHolder } from "../../src/identity/key-proofs/service.js";
import { readKeys } from "../../src/identity/key-reading/service.js";
import { type Actor, SCOPES } from "../../src/kernel/actor.js";
import type { App } from "../../src/platform/app.js";
import { type Partner, PartnerKind } from "../../src/tenancy/entities.js";
import { createPartner } from "../../src/tenancy/service.js";
import { seedTenant } from "../support/seeds.js";
import { type AssertionChanges, newKey, signAssertion, type TestKey } from "./signing.js";

/** Every scope that a tenant's client may have. */
export const TENANT_SCOPES = SCOPES.filter((scope) => scope !== "operations:manage");

/** A client with the key that it signs with. */
export interface KeyedClient {
  readonly client: Pick<Client, "id">;
  readonly key: TestKey;
}

/** A tenant, with the partners and clients that tests of access need. */
export interface Place {
  /** The operator's shell in that tenant. */
  readonly shell: Actor;
  readonly partner: (code: string) => Promise<Partner>;
  readonly client: (scopes: readonly string[], partner?: Partner | null, alg?: string) => Promise<KeyedClient>;
}

/** A new tenant. */
export async function settle(app: App): Promise<Place> {
  const { actor: shell } = await seedTenant(app);
  const kind = PartnerKind.GAME_PROVIDER;
  return {
    shell,
    partner: (code) =>
      createPartner(app, shell, { code, name: code, kind, timezone: "Asia/Seoul", currencies: ["BTC"] }),
    client: (scopes, partner = null, alg = "EdDSA") => clientFor(app, shell, { scopes, partner, alg }),
  };
}

/** A client of the actor's tenant with a new key. */
export async function clientFor(
  app: App,
  actor: Actor,
  { scopes, partner = null, alg = "EdDSA" }: { scopes: readonly string[]; partner?: Partner | null; alg?: string },
): Promise<KeyedClient> {
  const key = await newKey(alg);
  const input = { partnerId: partner?.id ?? null, name: "a client", scopes, jwks: JSON.stringify(key.publicJwk) };
  return { client: await createClient(app, actor, input), key };
}

/** The proof of who holds the private half of a key, for a client or one to be created, by an independent library. */
export async function proofOf(
  app: App,
  actor: Actor,
  { kid, alg, privateKey, publicJwk }: TestKey,
  { clientId = null, partnerId = null }: Partial<KeyHolder> = {},
): Promise<string> {
  const keys = readKeys(JSON.stringify(publicJwk));
  const [asked] = await challengeKeys(app, actor, { clientId, partnerId }, keys);
  return new CompactSign(new TextEncoder().encode(JSON.stringify({ challenge: asked?.challenge })))
    .setProtectedHeader({ alg, kid, typ: "quittance-key-proof+jws" })
    .sign(privateKey);
}

/** A new key for a client as `registerKey` takes it, with its proof. */
export async function provenKey(app: App, actor: Actor, clientId: string): Promise<{ jwk: string; proofs: string[] }> {
  const key = await newKey();
  return { jwk: JSON.stringify(key.publicJwk), proofs: [await proofOf(app, actor, key, { clientId })] };
}

/** The form of a token request with an assertion of that client. */
export async function tokenForm(
  app: App,
  { client, key }: KeyedClient,
  changes: AssertionChanges = {},
): Promise<Map<string, string>> {
  const facts = { clientId: client.id, audience: app.config.publicUrl, now: app.clock.now() };
  return new Map([
    ["grant_type", "client_credentials"],
    ["client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"],
    ["client_assertion", await signAssertion(key, facts, changes)],
  ]);
}
