import { In } from "typeorm";
import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import type { Actor } from "../../kernel/actor.js";
import { BoundedMap } from "../../kernel/bounded-map.js";
import { isId } from "../../kernel/ids.js";
import { type Page, type PageRequest, POSITION, pageOf, pageStart } from "../../kernel/page.js";
import type { App } from "../../platform/app.js";
import type { Tx, TxSql } from "../../platform/database.js";
import { once } from "../../platform/idempotency.js";
import { perApp } from "../../platform/per-app.js";
import { rowOf } from "../../platform/rows.js";
import { ClientKey, KeyPurpose, KeyState } from "../entities.js";
import { identityError } from "../errors.js";
import { clientOf, clientToManage } from "../service.js";
import { type KeyObstacle, type KeyStanding, keyObstacle } from "./rules.js";

const REASON_LENGTH_MAX = 200;

/** A key to be revoked, and why, for the audit record (1–200 characters). */
export interface Revocation {
  readonly keyId: string;
  readonly reason: string;
}

/**
 * Revokes a key: from the commit on it neither authenticates nor signs; what it signed before stays verifiable.
 * Revoking twice answers the key as it stands.
 */
export async function revokeKey(
  app: App,
  actor: Actor,
  { keyId, reason }: Revocation,
  idempotencyKey: string | null = null,
): Promise<ClientKey> {
  const trimmed = reason.trim();
  if (trimmed.length < 1 || trimmed.length > REASON_LENGTH_MAX) {
    throw identityError("VALIDATION", {
      path: "/reason",
      reason: `A reason has 1 to ${REASON_LENGTH_MAX} characters.`,
    });
  }
  const key = await keyOf(app, actor, keyId);
  const { client, partner } = await clientToManage(app, actor, key.clientId);
  const request = { operation: "revokeKey", idempotencyKey, input: { keyId, reason: trimmed } };
  await once(app, actor, request, async (tx) => {
    if ((await lockedState(tx, actor.tenantId, keyId)) === KeyState.ACTIVE) {
      const revokedAt = app.clock.now();
      await tx.update(ClientKey, { tenantId: actor.tenantId, id: keyId }, { state: KeyState.REVOKED, revokedAt });
      const before = { state: KeyState.ACTIVE };
      const after = { state: KeyState.REVOKED, client: client.id, kid: key.kid, reason: trimmed };
      await recordActs(tx, actor, revokedAt, [{ type: ActType.KEY_REVOKED, subjectId: keyId, partner, before, after }]);
    }
    return keyId;
  });
  return keyOf(app, actor, keyId);
}

const KEYS_KEPT_MAX = 10_000;
const KEY_FRESH_MS = 2_000;

interface KnownKey {
  readonly loadedAt: number;
  readonly key: ClientKey;
}

const knownKeys = perApp(() => new BoundedMap<string, KnownKey>(KEYS_KEPT_MAX));

/**
 * The tenant's key of that kid as MySQL had it at most two seconds ago, whoever's it is and whether revoked or not;
 * null when there is none. Its state is for `lockActiveKeys` to say, in the transaction that relies on it.
 */
export async function signingKey(app: App, tenantId: string, kid: string): Promise<ClientKey | null> {
  const kept = knownKeys(app);
  const name = `${tenantId} ${kid}`;
  const known = kept.get(name);
  if (known !== undefined && performance.now() - known.loadedAt < KEY_FRESH_MS) return known.key;
  const loadedAt = performance.now();
  const key = await rowOf(app.database.manager, ClientKey, "tenant_id = ? and kid = ?", [tenantId, kid]);
  if (key !== null) kept.set(name, { loadedAt, key });
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

/** The keys that the actor may see, of one client or of all, oldest first; `NOT_FOUND` for a client it may not see. */
export async function keysOf(
  app: App,
  actor: Actor,
  filter: { readonly clientId: string | null },
  request: PageRequest,
): Promise<Page<ClientKey>> {
  const { rows, after } = pageStart(request, "keys", POSITION.ID);
  if (filter.clientId !== null) await clientOf(app, actor, filter.clientId);
  const query = app.database.manager
    .createQueryBuilder(ClientKey, "key")
    .where("key.tenantId = :tenantId", { tenantId: actor.tenantId });
  if (actor.partnerId !== null) query.andWhere("key.partnerId = :partnerId", { partnerId: actor.partnerId });
  if (filter.clientId !== null) query.andWhere("key.clientId = :clientId", { clientId: filter.clientId });
  if (after !== null) query.andWhere("key.id > :after", { after });
  const keys = await query
    .orderBy("key.id")
    .limit(rows + 1)
    .getMany();
  return pageOf(keys, rows, (key) => key.id);
}

/** How many keys the actor may see, of one client or of all. */
export async function countKeys(app: App, actor: Actor, filter: { readonly clientId: string | null }): Promise<number> {
  return app.database.manager.countBy(ClientKey, {
    tenantId: actor.tenantId,
    ...(actor.partnerId === null ? {} : { partnerId: actor.partnerId }),
    ...(filter.clientId === null ? {} : { clientId: filter.clientId }),
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

async function lockedState(tx: Tx, tenantId: string, keyId: string): Promise<KeyState | null> {
  const rows: { state: KeyState }[] = await tx.query(
    "select state from client_key where tenant_id = ? and id = ? for update",
    [tenantId, keyId],
  );
  return rows[0]?.state ?? null;
}
