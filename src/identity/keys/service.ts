import { In } from "typeorm";
import type { Actor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { isId } from "../../kernel/ids.js";
import { type Page, type PageRequest, POSITION, pageOf, pageStart } from "../../kernel/page.js";
import type { App } from "../../platform/app.js";
import type { Tx, TxSql } from "../../platform/database.js";
import { recent } from "../../platform/recent.js";
import { rowOf } from "../../platform/rows.js";
import { ClientKey, KeyPurpose, KeyState } from "../entities.js";
import { identityError } from "../errors.js";
import { clientOf } from "../service.js";
import { type KeyObstacle, type KeyStanding, keyObstacle } from "./rules.js";

const knownKeys = recent<ClientKey | null>({ keptMax: 10_000 });

/**
 * The tenant's key of that kid as MySQL had it at most two seconds ago, whoever's it is and whether revoked or not;
 * null when there is none. Its state is for `lockActiveKeys` to say, in the transaction that relies on it.
 */
export async function signingKey(app: App, tenantId: string, kid: string): Promise<ClientKey | null> {
  const [known, name] = [knownKeys(app), `${tenantId} ${kid}`];
  const read = () => rowOf(app.database.manager, ClientKey, "tenant_id = ? and kid = ?", [tenantId, kid]);
  const key = await known.of(name, read);
  if (key === null) known.forget(name); // it may be registered any moment
  return key;
}

/** What keeps a key from being used for a purpose at this moment; null when nothing does. */
export function obstacleNow(app: App, key: KeyStanding, purpose: KeyPurpose): `${KeyObstacle}` | null {
  return keyObstacle(key, purpose, app.clock.now());
}

/** Which of these keys are active, under a share lock: until the transaction ends nobody revokes them. */
export async function lockActiveKeys(tx: TxSql, tenantId: string, keyIds: ReadonlySet<string>): Promise<Set<string>> {
  const rows: { id: string }[] = await tx.query(
    "select id from client_key where tenant_id = ? and id in (?) and state = ? order by id lock in share mode",
    [tenantId, [...keyIds], KeyState.ACTIVE],
  );
  return new Set(rows.map((row) => row.id));
}

/** A key that the actor may see; anything else is `NOT_FOUND`. */
export async function keyOf(app: App, actor: Actor, keyId: string): Promise<ClientKey> {
  const isForm = isId(keyId, "key"); // the database compares ids as ASCII, and refuses what is not
  const where = { tenantId: actor.tenantId, id: keyId };
  const key = isForm ? await app.database.manager.findOneBy(ClientKey, where) : null;
  if (key === null || (actor.partnerId !== null && key.partnerId !== actor.partnerId)) {
    throw identityError("NOT_FOUND", { what: "key" });
  }
  return key;
}

/** A key under its row's lock; the actor may see it. */
export async function lockKey(tx: Tx, tenantId: string, keyId: string): Promise<ClientKey> {
  const lock = { mode: "pessimistic_write" } as const;
  return present(await tx.findOne(ClientKey, { where: { tenantId, id: keyId }, lock }), "a key that was just read");
}

/** Keys of the actor's tenant by id, in the order asked. */
export async function keysById(app: App, actor: Actor, ids: readonly string[]): Promise<ClientKey[]> {
  const found = await app.database.manager.findBy(ClientKey, { tenantId: actor.tenantId, id: In([...ids]) });
  const byId = new Map(found.map((key) => [key.id, key]));
  return ids.map((id) => present(byId.get(id), "a key that was just written"));
}

/** Which keys are asked for. */
export interface KeyFilter {
  readonly clientId: string | null;
  readonly state: KeyState | null;
}

/** The keys that the actor may see, by that filter, oldest first; `NOT_FOUND` for a client it may not see. */
export async function keysOf(
  app: App,
  actor: Actor,
  filter: KeyFilter,
  request: PageRequest,
): Promise<Page<ClientKey>> {
  const { rows, after } = pageStart(request, "keys", POSITION.ID);
  if (filter.clientId !== null) await clientOf(app, actor, filter.clientId);
  const query = app.database.manager
    .createQueryBuilder(ClientKey, "key")
    .where("key.tenantId = :tenantId", { tenantId: actor.tenantId });
  if (actor.partnerId !== null) query.andWhere("key.partnerId = :partnerId", { partnerId: actor.partnerId });
  if (filter.clientId !== null) query.andWhere("key.clientId = :clientId", { clientId: filter.clientId });
  if (filter.state !== null) query.andWhere("key.state = :state", { state: filter.state });
  if (after !== null) query.andWhere("key.id > :after", { after });
  const keys = await query
    .orderBy("key.id")
    .limit(rows + 1)
    .getMany();
  return pageOf(keys, rows, (key) => key.id);
}

/** How many keys those are. */
export async function countKeys(app: App, actor: Actor, { clientId, state }: KeyFilter): Promise<number> {
  return app.database.manager.countBy(ClientKey, {
    tenantId: actor.tenantId,
    ...(actor.partnerId === null ? {} : { partnerId: actor.partnerId }),
    ...(clientId === null ? {} : { clientId }),
    ...(state === null ? {} : { state }),
  });
}

/** All keys of the clients named, in the order asked; for loaders. */
export async function keysByClient(app: App, actor: Actor, clientIds: readonly string[]): Promise<ClientKey[][]> {
  const where = { tenantId: actor.tenantId, clientId: In([...clientIds]) };
  const keys = await app.database.manager.find(ClientKey, { where, order: { id: "ASC" } });
  return clientIds.map((clientId) => keys.filter((key) => key.clientId === clientId));
}

/**
 * A key of the partner to which something may be encrypted now, the newest; null when it has none. What is encrypted is
 * for the partner alone, whichever of its clients has the key.
 */
export async function encryptionKeyOf(app: App, tenantId: string, partnerId: string): Promise<ClientKey | null> {
  const where = { tenantId, partnerId, state: KeyState.ACTIVE };
  const keys = await app.database.manager.find(ClientKey, { where, order: { id: "DESC" } });
  const now = app.clock.now();
  return keys.find((key) => keyObstacle(key, KeyPurpose.ENCRYPTION, now) === null) ?? null;
}
