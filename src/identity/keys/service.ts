import { In } from "typeorm";
import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import type { Actor } from "../../kernel/actor.js";
import { BoundedMap } from "../../kernel/bounded-map.js";
import { canonicalJson } from "../../kernel/canonical-json.js";
import { isId, newId } from "../../kernel/ids.js";
import { type Page, type PageRequest, POSITION, pageOf, pageStart } from "../../kernel/page.js";
import { parseStrictJson, StrictJsonFault } from "../../kernel/strict-json.js";
import type { App } from "../../platform/app.js";
import { isDuplicateKey, type Tx, type TxSql } from "../../platform/database.js";
import { once } from "../../platform/idempotency.js";
import { perApp } from "../../platform/per-app.js";
import { rowOf } from "../../platform/rows.js";
import { ClientKey, KeyState } from "../entities.js";
import { identityError } from "../errors.js";
import { clientOf, clientToManage, type OwnedClient } from "../service.js";
import { jwksOf, KeyFault, type PublicKey, readPublicJwk } from "./rules.js";

/** Active keys that a client may have, so that rotation can overlap and nothing grows without bound. */
const ACTIVE_KEYS_MAX = 10;

const JWKS_LENGTH_MAX = 20_000;
const REASON_LENGTH_MAX = 200;

const FAULTS: Readonly<Record<KeyFault, string>> = {
  [KeyFault.MALFORMED]: "is not a JWK (RFC 7517) of a public key",
  [KeyFault.PRIVATE]: "is a private key: throw it away, make another and send its public half",
  [KeyFault.UNSUPPORTED]: "is of another kind than Ed25519, P-256, P-384 or RSA",
  [KeyFault.PURPOSE]: "is for something else than signing with EdDSA, ES256, ES384 or PS256",
  [KeyFault.WEAK]: "is weak: RSA keys have 2048 to 4096 bits and an exponent of 65537 or more",
  [KeyFault.INVALID_POINT]: "is not a point of its curve",
};

/** The client that keys are written down for. */
export interface NewKeyOwner extends Pick<OwnedClient, "partner"> {
  readonly client: { readonly id: string; readonly partnerId: string | null };
}

/** A key to be registered for a client. */
export interface NewKey {
  readonly clientId: string;
  /** One public JWK as JSON text. */
  readonly jwk: string;
}

/** A key to be revoked, and why, for the audit record (1–200 characters). */
export interface Revocation {
  readonly keyId: string;
  readonly reason: string;
}

/**
 * The public keys of a JWK or JWK Set as JSON text: 1 to 10. Refused with a path when one may not be registered
 * (`VALIDATION`).
 */
export function readKeys(text: string): PublicKey[] {
  const members = jwksOf(parsedJson(text));
  if (members === null || members.length < 1 || members.length > ACTIVE_KEYS_MAX) {
    throw identityError("VALIDATION", { path: "/jwks", reason: `Send a JWK or a JWK Set of 1 to ${ACTIVE_KEYS_MAX}.` });
  }
  return members.map((member, index) => {
    const key = readPublicJwk(member);
    if (typeof key !== "string") return key;
    throw identityError("VALIDATION", { path: `/jwks/keys/${index}`, fault: key, reason: `The key ${FAULTS[key]}.` });
  });
}

/** Writes a client's keys down with an act each; a kid or a key that is taken fails as a duplicate of the database. */
export async function insertKeys(
  app: App,
  tx: Tx,
  actor: Actor,
  { client, partner }: NewKeyOwner,
  keys: readonly PublicKey[],
): Promise<string[]> {
  const at = app.clock.now();
  const ids = keys.map(() => newId("key", app.clock));
  const rows = keys.map(({ kid, alg, jwk, thumbprint }, index) => ({
    ...{ tenantId: actor.tenantId, id: ids[index] ?? "", clientId: client.id, partnerId: client.partnerId },
    ...{ kid, alg, publicJwk: canonicalJson(jwk), thumbprint, state: KeyState.ACTIVE, createdAt: at, revokedAt: null },
  }));
  for (const row of rows) await tx.insert(ClientKey, row);
  const acts = rows.map(({ id, kid, alg, thumbprint }) => ({
    ...{ type: ActType.KEY_REGISTERED, subjectId: id, partner },
    after: { client: client.id, kid, alg, thumbprint: thumbprint.toString("base64url"), state: KeyState.ACTIVE },
  }));
  await recordActs(tx, actor, at, acts);
  return ids;
}

/** What to answer when a key or its kid is taken: whose it is stays untold. */
export function keyTaken(): Error {
  return identityError("VALIDATION", { path: "/jwks", reason: "A key, or the name of one (kid), is taken already." });
}

/**
 * Registers one more key for a client of the tenant, beside those it has. Refuses a key or kid that is taken, an
 * eleventh active key (`LIMIT_EXCEEDED`), and a key for a client that may do more than the actor (`FORBIDDEN`).
 */
export async function registerKey(
  app: App,
  actor: Actor,
  input: NewKey,
  idempotencyKey: string | null = null,
): Promise<ClientKey> {
  const [key, ...more] = readKeys(input.jwk);
  if (key === undefined || more.length > 0) {
    throw identityError("VALIDATION", { path: "/jwk", reason: "Send one JWK." });
  }
  const owner = await clientToManage(app, actor, input.clientId);
  const request = { operation: "registerKey", idempotencyKey, input };
  try {
    const id = await once(app, actor, request, async (tx) => {
      await checkRoomForKey(tx, actor.tenantId, owner.client.id);
      const [keyId = ""] = await insertKeys(app, tx, actor, owner, [key]);
      return keyId;
    });
    return await keyOf(app, actor, id);
  } catch (error) {
    throw isDuplicateKey(error) ? keyTaken() : error;
  }
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

async function checkRoomForKey(tx: Tx, tenantId: string, clientId: string): Promise<void> {
  await tx.query("select id from client where tenant_id = ? and id = ? for update", [tenantId, clientId]);
  const active = await tx.countBy(ClientKey, { tenantId, clientId, state: KeyState.ACTIVE });
  if (active >= ACTIVE_KEYS_MAX) throw identityError("LIMIT_EXCEEDED", { max: ACTIVE_KEYS_MAX });
}

async function lockedState(tx: Tx, tenantId: string, keyId: string): Promise<KeyState | null> {
  const rows: { state: KeyState }[] = await tx.query(
    "select state from client_key where tenant_id = ? and id = ? for update",
    [tenantId, keyId],
  );
  return rows[0]?.state ?? null;
}

function parsedJson(text: string): unknown {
  if (text.length > JWKS_LENGTH_MAX)
    throw identityError("VALIDATION", { path: "/jwks", reason: "The keys are too long." });
  try {
    return parseStrictJson(text);
  } catch (error) {
    if (!(error instanceof StrictJsonFault)) throw error;
    throw identityError("VALIDATION", { path: "/jwks", reason: "The keys are not JSON, or a name occurs twice." });
  }
}
