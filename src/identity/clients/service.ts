import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import { type Actor, isScope, PrincipalKind, type Scope } from "../../kernel/actor.js";
import { newId } from "../../kernel/ids.js";
import { type Page, type PageRequest, POSITION, pageOf, pageStart } from "../../kernel/page.js";
import type { App } from "../../platform/app.js";
import { isDuplicateKey } from "../../platform/database.js";
import { once } from "../../platform/idempotency.js";
import { PLATFORM_TENANT_ID, partnerOf, tenantOf } from "../../tenancy/service.js";
import { Client, ClientKind } from "../entities.js";
import { identityError } from "../errors.js";
import { checkNobodyIsIn, handedOver, isHandingOver } from "../hand-over/service.js";
import { readKeys } from "../key-reading/service.js";
import { insertKeys, keyTaken, possessionRefusal } from "../registrations/service.js";
import { scopeRefused } from "../rules.js";
import { actPartner, checkMayEmpower, clientOf, clientToManage } from "../service.js";

const NAME_LENGTH_MAX = 200;

/** What a new client needs. */
export interface NewClient {
  /** The partner it acts for; null for the tenant's own administration. */
  readonly partnerId: string | null;
  /** For people; 1–200 characters. */
  readonly name: string;
  readonly scopes: readonly string[];
  /** A public JWK, a JWK Set or a PEM. */
  readonly jwks: string;
  /** That whoever sent the keys holds their private halves; at the operator's shell there may be none. */
  readonly proofs?: readonly string[] | null;
  /** Whether it is given tokens bound to a key (RFC 9449, section 5.2) and no others. */
  readonly dpopBoundAccessTokens?: boolean;
}

/** How a client is to be. */
export interface ClientChange {
  readonly clientId: string;
  readonly dpopBoundAccessTokens: boolean;
}

/**
 * Creates a client of the actor's tenant with its public keys, which wait for a second person's approval. Refuses
 * scopes that its kind may not hold (`VALIDATION`) or that the actor does not hold (`FORBIDDEN`), and keys that are
 * private, weak, of another kind or taken. In another tenant, while nobody is in, an operator makes the first client of
 * its administration, whose keys are good at once, and nothing else (`FORBIDDEN`).
 */
export async function createClient(
  app: App,
  actor: Actor,
  input: NewClient,
  idempotencyKey: string | null = null,
): Promise<Client> {
  const keys = readKeys(input.jwks);
  const name = checkedName(input.name);
  const { partnerId, proofs = null } = input;
  const isHandOver = isHandingOver(actor);
  if (actor.kind === PrincipalKind.PARTNER) throw identityError("FORBIDDEN", { reason: "Partners make no clients." });
  if (isHandOver && partnerId !== null) throw handedOver();
  const partner = await actPartner(app, actor, partnerId);
  const kind = kindOf(actor, partnerId);
  const scopes = checkedScopes(kind, input.scopes);
  checkMayEmpower(actor, kind, scopes);
  const refusal = await possessionRefusal(app, actor, { clientId: null, partnerId }, { keys, proofs });
  const request = { operation: "createClient", idempotencyKey, input: { ...input, proofs } };
  try {
    const id = await once(app, actor, request, async (tx) => {
      if (refusal !== null) throw refusal;
      if (isHandOver) await checkNobodyIsIn(tx, actor.tenantId);
      const client = { id: newId("cli", app.clock), partnerId };
      const createdAt = app.clock.now();
      const scopeList = scopes.join(" ");
      const { dpopBoundAccessTokens = false } = input;
      const row = { ...client, kind, name, scopeList, dpopBoundAccessTokens, createdAt };
      await tx.insert(Client, { tenantId: actor.tenantId, ...row });
      const after = { kind, name, scopes, ...(dpopBoundAccessTokens ? { dpopBoundAccessTokens } : {}) };
      await recordActs(tx, actor, createdAt, [{ type: ActType.CLIENT_CREATED, subjectId: client.id, partner, after }]);
      await insertKeys(app, tx, actor, { client, partner, keys, proofs, isHandOver });
      return client.id;
    });
    return await clientOf(app, actor, id);
  } catch (error) {
    throw isDuplicateKey(error) ? keyTaken() : error;
  }
}

/**
 * Changes how a client gets its access tokens, in force everywhere within seconds: once it is to be given bound ones
 * alone, bearer tokens that it has are refused. What already is so is left as it is.
 */
export async function updateClient(
  app: App,
  actor: Actor,
  input: ClientChange,
  idempotencyKey: string | null = null,
): Promise<Client> {
  const { client, partner } = await clientToManage(app, actor, input.clientId);
  const request = { operation: "updateClient", idempotencyKey, input };
  const id = await once(app, actor, request, async (tx) => {
    const where = { tenantId: actor.tenantId, id: client.id };
    await tx.query("select id from client where tenant_id = ? and id = ? for update", [actor.tenantId, client.id]);
    const { dpopBoundAccessTokens } = input;
    if ((await tx.countBy(Client, { ...where, dpopBoundAccessTokens })) > 0) return client.id;
    await tx.update(Client, where, { dpopBoundAccessTokens });
    const change = { before: { dpopBoundAccessTokens: !dpopBoundAccessTokens }, after: { dpopBoundAccessTokens } };
    const act = { type: ActType.CLIENT_UPDATED, subjectId: client.id, partner, ...change };
    await recordActs(tx, actor, app.clock.now(), [act]);
    return client.id;
  });
  return clientOf(app, actor, id);
}

/**
 * The actor in another tenant, where an operator sets up that tenant's administration; for everybody else only the own
 * tenant exists (`NOT_FOUND`).
 */
export async function actorInTenant(app: App, actor: Actor, tenantId: string | null): Promise<Actor> {
  if (tenantId === null || tenantId === actor.tenantId) return actor;
  if (actor.kind !== PrincipalKind.OPERATOR) throw identityError("NOT_FOUND", { what: "tenant" });
  const tenant = await tenantOf(app, tenantId);
  return { ...actor, tenantId: tenant.id, tenantNo: tenant.no };
}

/**
 * The clients that the actor may see, of one partner or of all, oldest first; `NOT_FOUND` for a partner it may not see.
 */
export async function clientsOf(
  app: App,
  actor: Actor,
  filter: { readonly partnerId: string | null },
  request: PageRequest,
): Promise<Page<Client>> {
  const { rows, after } = pageStart(request, "clients", POSITION.ID);
  const partnerId = await visiblePartner(app, actor, filter.partnerId);
  const query = app.database.manager
    .createQueryBuilder(Client, "client")
    .where("client.tenantId = :tenantId", { tenantId: actor.tenantId });
  if (partnerId !== null) query.andWhere("client.partnerId = :partnerId", { partnerId });
  if (after !== null) query.andWhere("client.id > :after", { after });
  const clients = await query
    .orderBy("client.id")
    .limit(rows + 1)
    .getMany();
  return pageOf(clients, rows, (client) => client.id);
}

/** How many clients the actor may see, of one partner or of all. */
export async function countClients(
  app: App,
  actor: Actor,
  filter: { readonly partnerId: string | null },
): Promise<number> {
  const partnerId = await visiblePartner(app, actor, filter.partnerId);
  const ofPartner = partnerId === null ? {} : { partnerId };
  return app.database.manager.countBy(Client, { tenantId: actor.tenantId, ...ofPartner });
}

/** The partner whose clients to show: the one asked for, else the actor's own; null for all. */
async function visiblePartner(app: App, actor: Actor, partnerId: string | null): Promise<string | null> {
  return partnerId === null ? actor.partnerId : (await partnerOf(app, actor, partnerId)).id;
}

function kindOf(actor: Actor, partnerId: string | null): ClientKind {
  if (actor.tenantId === PLATFORM_TENANT_ID) return ClientKind.OPERATOR;
  return partnerId === null ? ClientKind.TENANT : ClientKind.PARTNER;
}

function checkedScopes(kind: ClientKind, names: readonly string[]): Scope[] {
  const refused = scopeRefused(kind, names);
  if (refused !== null || names.length === 0) {
    throw identityError("VALIDATION", {
      path: "/scopes",
      reason: refused === null ? "Name a scope." : "A scope is unknown, or not for a client of that kind.",
    });
  }
  return [...new Set(names)].filter(isScope);
}

function checkedName(name: string): string {
  const trimmed = name.trim();
  if (trimmed.length >= 1 && trimmed.length <= NAME_LENGTH_MAX) return trimmed;
  throw identityError("VALIDATION", { path: "/name", reason: `A name has 1 to ${NAME_LENGTH_MAX} characters.` });
}
