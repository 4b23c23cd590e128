import { createPrivateKey, generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import { IsNull, type SelectQueryBuilder } from "typeorm";
import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import { type Actor, systemActor } from "../../kernel/actor.js";
import { canonicalJson } from "../../kernel/canonical-json.js";
import { later } from "../../kernel/clock.js";
import { sha256 } from "../../kernel/digest.js";
import { newId } from "../../kernel/ids.js";
import { type Page, type PageRequest, POSITION, pageOf, pageStart } from "../../kernel/page.js";
import type { App } from "../../platform/app.js";
import { type Tx, transact } from "../../platform/database.js";
import { once } from "../../platform/idempotency.js";
import { recent } from "../../platform/recent.js";
import { rowOf } from "../../platform/rows.js";
import { vaultOf } from "../../tenancy/vaults/service.js";
import type { EncryptedHeader, KeyEncryption, RecipientKey } from "../encryption/entities.js";
import { PlatformKey, PlatformKeyPurpose } from "../entities.js";
import { identityError } from "../errors.js";
import { sealPurpose } from "../platform-keys/service.js";
import { EncryptionKey, EncryptionKeyKind } from "./entities.js";

/** How long a retired key still opens what was encrypted for it; then it is destroyed. */
const OPENS_AFTER_RETIREMENT_DAYS = 30;

const OPENS_MS = OPENS_AFTER_RETIREMENT_DAYS * 86_400_000;
const RSA_BITS = 3_072;
const KEYS_LISTED_MAX = 10_000;
const DESTROYED_MAX = 100;
const ROTATED_MAX = 100;
const purpose = PlatformKeyPurpose.ENCRYPTION;

const KIND_OF: Readonly<Record<KeyEncryption, EncryptionKeyKind>> = {
  "ECDH-ES": EncryptionKeyKind.EC,
  "ECDH-ES+A256KW": EncryptionKeyKind.EC,
  "RSA-OAEP-256": EncryptionKeyKind.RSA,
};

/** The tenant's encryption keys, oldest first; the first, a P-256 pair, is made when somebody first asks. */
export async function encryptionKeysOf(app: App, actor: Actor, request: PageRequest): Promise<Page<EncryptionKey>> {
  const { rows, after } = pageStart(request, "encryptionKeys", POSITION.ID);
  await ensureKey(app, actor);
  const query = selection(app, actor);
  if (after !== null) query.andWhere("platform.id > :after", { after });
  const keys = await query
    .orderBy("platform.id")
    .limit(rows + 1)
    .getMany();
  return pageOf(keys.map(seenFromOutside), rows, (key) => key.id);
}

/** How many encryption keys the tenant has, retired ones too. */
export async function countEncryptionKeys(app: App, actor: Actor): Promise<number> {
  return selection(app, actor).getCount();
}

/**
 * Makes a new key of a kind and retires the one before, which goes on opening what was encrypted for it for
 * `OPENS_AFTER_RETIREMENT_DAYS`. For the tenant's administration alone (`FORBIDDEN`).
 */
export async function rotateEncryptionKey(
  app: App,
  actor: Actor,
  kind: EncryptionKeyKind,
  idempotencyKey: string | null = null,
): Promise<EncryptionKey> {
  if (actor.partnerId !== null) throw identityError("FORBIDDEN", { reason: "The tenant manages its encryption keys." });
  const privateKey = await newPrivateKey(kind);
  const request = { operation: "rotateEncryptionKey", idempotencyKey, input: { kind } };
  const id = await once(app, actor, request, async (tx) => {
    await lockTenant(tx, actor.tenantId);
    return insertKey(app, tx, actor, { privateKey, before: await currentKey(tx, actor.tenantId, kind) });
  });
  const key = await app.database.manager.findOneBy(PlatformKey, { tenantId: actor.tenantId, id });
  if (key === null) throw identityError("NOT_FOUND", { what: "key" }); // repeated so late that it is destroyed
  return seenFromOutside(key);
}

/** The public keys of all tenants that are to be encrypted for now, as a JWK Set lists them, newest first. */
export async function encryptionJwksForAllTenants(app: App): Promise<RecipientKey["publicJwk"][]> {
  const rows: { public_jwk: string }[] = await app.database.query(
    `select /* all tenants */ public_jwk from platform_key
     where purpose = ? and retired_at is null order by id desc limit ?`,
    [purpose, KEYS_LISTED_MAX],
  );
  return rows.map((row) => JSON.parse(row.public_jwk));
}

/**
 * The private key that a header names, as MySQL had it at most two seconds ago. Where the tenant has none, or it is of
 * another kind, one that opens nothing, so that all of it takes the same work and gets the same answer.
 */
export async function openingKey(app: App, tenantId: string, { alg, kid }: EncryptedHeader): Promise<KeyObject> {
  const key = await knownKey(app, tenantId, kid);
  return key?.kind === KIND_OF[alg] ? key.privateKey : decoyOf(KIND_OF[alg]);
}

/** Destroys keys that retired long ago; answers how many. What they opened is kept as it was signed, and needs none. */
export async function destroyRetiredKeysForAllTenants(app: App): Promise<number> {
  const due: { id: string; tenantId: string; tenantNo: number }[] = await app.database.query(
    `/* all tenants */ select platform_key.id, tenant.id as tenantId, tenant.no as tenantNo
     from platform_key join tenant on tenant.id = platform_key.tenant_id
     where platform_key.purpose = ? and platform_key.retired_at < ? limit ?`,
    [purpose, later(app.clock.now(), -OPENS_MS), DESTROYED_MAX],
  );
  for (const { id, ...tenant } of due) {
    await transact(app, (tx) => destroyKey(app, tx, systemActor(tenant, newId("req", app.clock)), id));
  }
  return due.length;
}

/** Rotates the encryption keys that are in use since before an instant; answers how many. */
export async function rotateAgedKeysForAllTenants(app: App, before: Date): Promise<number> {
  const due: { publicJwk: string; tenantId: string; tenantNo: number }[] = await app.database.query(
    `/* all tenants */ select platform_key.public_jwk as publicJwk, tenant.id as tenantId, tenant.no as tenantNo
     from platform_key join tenant on tenant.id = platform_key.tenant_id
     where platform_key.purpose = ? and platform_key.retired_at is null and platform_key.created_at < ? limit ?`,
    [purpose, before, ROTATED_MAX],
  );
  for (const { publicJwk, ...tenant } of due) {
    await rotateEncryptionKey(app, systemActor(tenant, newId("req", app.clock)), kindOf({ publicJwk }));
  }
  return due.length;
}

interface OpenKey {
  readonly kind: EncryptionKeyKind;
  readonly privateKey: KeyObject;
}

const knownKeys = recent<OpenKey | null>({ keptMax: 1_000 });

async function knownKey(app: App, tenantId: string, kid: string): Promise<OpenKey | null> {
  const [known, name] = [knownKeys(app), `${tenantId} ${kid}`];
  const key = await known.of(name, () => readKey(app, tenantId, kid));
  if (key === null) known.forget(name); // it may be made any moment
  return key;
}

async function readKey(app: App, tenantId: string, kid: string): Promise<OpenKey | null> {
  const where = "tenant_id = ? and kid = ? and purpose = ?";
  const row = await rowOf(app.database.manager, PlatformKey, where, [tenantId, kid, purpose]);
  if (row === null) return null;
  const text = (await vaultOf(app, tenantId)).unseal(row.privateJwkSealed, sealPurpose(tenantId, kid)).toString("utf8");
  const privateKey = createPrivateKey({ key: JSON.parse(text), format: "jwk" });
  return { kind: kindOf(row), privateKey };
}

const decoys = new Map<EncryptionKeyKind, Promise<KeyObject>>();

function decoyOf(kind: EncryptionKeyKind): Promise<KeyObject> {
  const decoy = decoys.get(kind) ?? newPrivateKey(kind);
  decoys.set(kind, decoy);
  return decoy;
}

const generate = promisify(generateKeyPair);

/** Made beside the event loop: RSA takes a while. */
async function newPrivateKey(kind: EncryptionKeyKind): Promise<KeyObject> {
  const isRsa = kind === EncryptionKeyKind.RSA;
  const pair = isRsa ? generate("rsa", { modulusLength: RSA_BITS }) : generate("ec", { namedCurve: "P-256" });
  return (await pair).privateKey;
}

async function ensureKey(app: App, { tenantId, tenantNo }: Actor): Promise<void> {
  const kind = EncryptionKeyKind.EC;
  if ((await currentKey(app.database.manager, tenantId, kind)) !== null) return;
  const privateKey = await newPrivateKey(kind);
  await transact(app, async (tx) => {
    await lockTenant(tx, tenantId); // so that of two processes the second finds what the first made
    if ((await currentKey(tx, tenantId, kind)) !== null) return;
    const author = systemActor({ tenantId, tenantNo }, newId("req", app.clock));
    await insertKey(app, tx, author, { privateKey, before: null });
  });
}

async function lockTenant(tx: Tx, tenantId: string): Promise<void> {
  await tx.query("select no from tenant where id = ? for update", [tenantId]);
}

/** The key of that kind that is to be encrypted for; there is at most one of each. */
async function currentKey(reader: Pick<Tx, "findBy">, tenantId: string, kind: EncryptionKeyKind) {
  const keys = await reader.findBy(PlatformKey, { tenantId, purpose, retiredAt: IsNull() });
  return keys.find((key) => kindOf(key) === kind) ?? null;
}

interface Replacement {
  readonly privateKey: KeyObject;
  readonly before: PlatformKey | null;
}

async function insertKey(app: App, tx: Tx, actor: Actor, { privateKey, before }: Replacement): Promise<string> {
  const { tenantId } = actor;
  const [id, createdAt] = [newId("key", app.clock), app.clock.now()];
  const { kid, publicJwk, privateJwk } = halvesOf(privateKey);
  const privateJwkSealed = (await vaultOf(app, tenantId, tx)).seal(Buffer.from(privateJwk), sealPurpose(tenantId, kid));
  await tx.insert(PlatformKey, { tenantId, id, purpose, kid, publicJwk, privateJwkSealed, createdAt });
  if (before !== null) await tx.update(PlatformKey, { tenantId, id: before.id }, { retiredAt: createdAt });
  const act = { type: ActType.ENCRYPTION_KEY_ROTATED, subjectId: id, partner: null, after: { kid } };
  await recordActs(tx, actor, createdAt, [before === null ? act : { ...act, before: { kid: before.kid } }]);
  return id;
}

/** Both halves as JWKs (RFC 7517); the thumbprint that names them is over the members of RFC 7638, section 3.2. */
function halvesOf(privateKey: KeyObject): { kid: string; publicJwk: string; privateJwk: string } {
  const jwk = privateKey.export({ format: "jwk" });
  const { kty, crv, x, y, n, e } = jwk;
  const isRsa = kty === "RSA";
  const material = isRsa ? { e, kty, n } : { crv, kty, x, y };
  const kid = sha256(canonicalJson(material)).toString("base64url");
  const publicJwk = { ...material, kid, use: "enc", ...(isRsa ? { alg: "RSA-OAEP-256" } : {}) };
  return { kid, publicJwk: canonicalJson(publicJwk), privateJwk: canonicalJson({ ...jwk, kid }) };
}

async function destroyKey(app: App, tx: Tx, actor: Actor, id: string): Promise<void> {
  const { tenantId } = actor;
  await lockTenant(tx, tenantId);
  const key = await tx.findOneBy(PlatformKey, { tenantId, id, purpose });
  if (key === null) return; // by another process
  await tx.delete(PlatformKey, { tenantId, id, purpose });
  const act = { type: ActType.ENCRYPTION_KEY_DESTROYED, subjectId: id, partner: null, after: { kid: key.kid } };
  await recordActs(tx, actor, app.clock.now(), [act]);
}

function selection(app: App, { tenantId }: Actor): SelectQueryBuilder<PlatformKey> {
  return app.database.manager
    .createQueryBuilder(PlatformKey, "platform")
    .where("platform.tenantId = :tenantId and platform.purpose = :purpose", { tenantId, purpose });
}

function seenFromOutside(key: PlatformKey): EncryptionKey {
  const { id, kid, publicJwk, createdAt, retiredAt } = key;
  const opensUntil = retiredAt === null ? null : later(retiredAt, OPENS_MS);
  return Object.assign(new EncryptionKey(), {
    id,
    kid,
    kind: kindOf(key),
    publicJwk,
    createdAt,
    retiredAt,
    opensUntil,
  });
}

function kindOf({ publicJwk }: Pick<PlatformKey, "publicJwk">): EncryptionKeyKind {
  return JSON.parse(publicJwk).kty === "RSA" ? EncryptionKeyKind.RSA : EncryptionKeyKind.EC;
}
