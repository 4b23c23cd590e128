import type { ActInput } from "../acts/service.js";
import { type Actor, PrincipalKind } from "../kernel/actor.js";
import { isId } from "../kernel/ids.js";
import type { App } from "../platform/app.js";
import { partnerOf } from "../tenancy/service.js";
import { Client, ClientKind } from "./entities.js";
import { identityError } from "./errors.js";
import { scopeNotHeld } from "./rules.js";

/** The principals whose clients are of that kind. */
const OF_SAME_KIND: Readonly<Record<ClientKind, PrincipalKind>> = {
  [ClientKind.PARTNER]: PrincipalKind.PARTNER,
  [ClientKind.TENANT]: PrincipalKind.TENANT,
  [ClientKind.OPERATOR]: PrincipalKind.OPERATOR,
};

/** A client and its partner as acts name it. */
export interface OwnedClient {
  readonly client: Client;
  readonly partner: ActInput["partner"];
}

/** A client that the actor may see; anything else is `NOT_FOUND`, whether it exists or not. */
export async function clientOf(app: App, actor: Actor, clientId: string): Promise<Client> {
  const isForm = isId(clientId, "cli"); // the database compares ids as ASCII, and refuses what is not
  const where = { tenantId: actor.tenantId, id: clientId };
  const client = isForm ? await app.database.manager.findOneBy(Client, where) : null;
  if (client === null || (actor.partnerId !== null && client.partnerId !== actor.partnerId)) {
    throw identityError("NOT_FOUND", { what: "client" });
  }
  return client;
}

/** A client whose keys the actor may change: one that can do no more than the actor (`FORBIDDEN` otherwise). */
export async function clientToManage(app: App, actor: Actor, clientId: string): Promise<OwnedClient> {
  const client = await clientOf(app, actor, clientId);
  checkMayEmpower(actor, client.kind, client.scopes);
  return { client, partner: await actPartner(app, actor, client.partnerId) };
}

/** The partner of a client as acts name it; `NOT_FOUND` when the actor may not see it. */
export async function actPartner(app: App, actor: Actor, partnerId: string | null): Promise<ActInput["partner"]> {
  if (partnerId === null) return null;
  const { id, no } = await partnerOf(app, actor, partnerId);
  return { id, no };
}

/**
 * Refuses (`FORBIDDEN`) that a client makes another of its kind mightier than itself. What a tenant gives partners'
 * clients stays within their partner, and an operator hands a tenant over with scopes that are none of its own, so
 * neither is held to that; the operator's shell is free.
 */
export function checkMayEmpower(actor: Actor, kind: ClientKind, scopes: readonly string[]): void {
  if (actor.kind !== OF_SAME_KIND[kind]) return;
  const scope = scopeNotHeld(actor.scopes, scopes);
  if (scope !== null) throw identityError("FORBIDDEN", { scope, reason: "You do not hold that scope yourself." });
}
