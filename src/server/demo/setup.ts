import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Temporal } from "temporal-polyfill";
import { createClient } from "../../identity/clients/service.js";
import { Role } from "../../identity/users/entities.js";
import { createUser } from "../../identity/users/service.js";
import { type Actor, SCOPES, type Scope, shellActor } from "../../kernel/actor.js";
import { newId } from "../../kernel/ids.js";
import type { App } from "../../platform/app.js";
import { activateConfiguration, draftConfiguration } from "../../settlement/configurations/service.js";
import { PartnerKind, type Tenant } from "../../tenancy/entities.js";
import { createPartner, createTenant, ensurePlatformTenant, tenantOf } from "../../tenancy/service.js";
import { ensureKey } from "./keys.js";
import type { PartnerProfile } from "./profile.js";
import { ADMIN_KEY, type Cast, type DemoPlace, type DemoState } from "./state.js";

/** Days that the history covers. */
const HISTORY_DAYS = 30;

const TENANT_NAME = "Aurora Play (demo)";
const PARTNER_SCOPES: readonly Scope[] = ["batches:submit", "batches:read", "balances:read", "settlements:read"];
const ADMIN_SCOPES: readonly Scope[] = SCOPES.filter((scope) => scope !== "operations:manage");

/** How each kind of partner is settled, in docs/examples. */
const CONTRACTS: Readonly<Record<PartnerProfile["kind"], string>> = {
  [PartnerKind.GAME_PROVIDER]: "config-daily-12pct.json",
  [PartnerKind.AGGREGATOR]: "config-weekly-ggr.json",
  [PartnerKind.AFFILIATE]: "config-monthly-ngr.json",
  [PartnerKind.CREDIT_SUPPLIER]: "config-monthly-ngr.json",
};

/**
 * Creates the demo's tenant, partners, clients and configurations by the operations that the commands use, as the
 * operator at the shell. Begun again after an interruption it answers what is there already.
 */
export async function setUp(
  app: App,
  place: DemoPlace,
  state: DemoState,
  profiles: readonly PartnerProfile[],
): Promise<Cast> {
  await ensurePlatformTenant(app);
  const tenant = await createTenant(app, null, TENANT_NAME, `demo-${state.nonce}-tenant`);
  const actor = operatorIn(app, tenant);
  const client = async (name: string, partnerId: string | null) => {
    const jwks = await ensureKey(place.keyFile(name));
    const scopes = partnerId === null ? ADMIN_SCOPES : PARTNER_SCOPES;
    return (await createClient(app, actor, { partnerId, name, scopes, jwks }, `demo-${state.nonce}-client-${name}`)).id;
  };
  const adminClientId = await client(ADMIN_KEY, null);
  const players: Cast["players"] = [];
  for (const profile of profiles) {
    const partnerId = await setUpPartner(app, actor, profile, state);
    players.push({ code: profile.code, partnerId, clientId: await client(profile.code, partnerId) });
  }
  return { tenantId: tenant.id, adminClientId, players };
}

/** The operator at the shell, acting for the demo's tenant. */
export async function operatorOf(app: App, { tenantId }: Cast): Promise<Actor> {
  return operatorIn(app, await tenantOf(app, tenantId));
}

/** The link by which a person becomes the administrator of the demo's tenant; asked again, the same one. */
export async function invitePerson(app: App, cast: Cast, { nonce }: DemoState): Promise<string> {
  const person = { email: "you@example.com", name: "You", roles: [Role.ADMIN] };
  const { invitation } = await createUser(app, await operatorOf(app, cast), person, `demo-${nonce}-person`);
  return invitation.url;
}

/** Where a partner's history begins: a local day of its own, thirty days before the end. */
export function historyStart({ timezone }: PartnerProfile, { through }: DemoState): Date {
  const end = Temporal.Instant.from(through).toZonedDateTimeISO(timezone);
  return new Date(end.subtract({ days: HISTORY_DAYS }).startOfDay().epochMilliseconds);
}

/** The word for how often a profile's partner is settled, e.g. `DAILY`. */
export function cycleOf(profile: PartnerProfile): string {
  return contractOf(profile).cycle.kind;
}

async function setUpPartner(app: App, actor: Actor, profile: PartnerProfile, state: DemoState): Promise<string> {
  const { code, name, timezone, currency } = profile;
  const once = (step: string) => `demo-${state.nonce}-${step}-${code}`;
  const input = { code, name, kind: PartnerKind[profile.kind], timezone, currencies: [currency] };
  const { id } = await createPartner(app, actor, input, once("partner"));
  const draft = await draftConfiguration(app, actor, { partnerId: id, document: contractOf(profile) }, once("draft"));
  const activation = { configurationId: draft.id, effectiveFrom: historyStart(profile, state) };
  await activateConfiguration(app, actor, activation, once("activate"));
  return id;
}

function operatorIn(app: App, { id: tenantId, no: tenantNo }: Tenant): Actor {
  return shellActor({ tenantId, tenantNo }, newId("req", app.clock));
}

function contractOf({ kind }: PartnerProfile): { readonly cycle: { readonly kind: string } } {
  return JSON.parse(readFileSync(join(packageFolder(), "docs", "examples", CONTRACTS[kind]), "utf8"));
}

/** Where the package lies: above this file, be it the source or what was compiled of it. */
function packageFolder(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, "package.json")) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}
