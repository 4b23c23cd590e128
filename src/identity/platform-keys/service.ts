import { createPrivateKey, createPublicKey, type KeyObject, sign } from "node:crypto";
import { z } from "zod";
import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import { type Actor, systemActor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { canonicalJson } from "../../kernel/canonical-json.js";
import { epochSeconds } from "../../kernel/clock.js";
import { sha256 } from "../../kernel/digest.js";
import { newId } from "../../kernel/ids.js";
import { newKeyPair } from "../../kernel/key-pairs.js";
import type { App } from "../../platform/app.js";
import { type Reader, type Tx, transact } from "../../platform/database.js";
import { perApp } from "../../platform/per-app.js";
import { recent } from "../../platform/recent.js";
import { ensurePlatformTenant, PLATFORM_TENANT_ID } from "../../tenancy/service.js";
import { vaultOf } from "../../tenancy/vaults/service.js";
import { PlatformKey, PlatformKeyPurpose } from "../entities.js";

/** Signs what the platform says, for one tenant or for the installation. */
export interface PlatformSigner {
  readonly kid: string;
  readonly publicKey: KeyObject;
  /**
   * Compact JWS (RFC 7515) by Ed25519 (RFC 8037) under the header `{"alg":"EdDSA","kid","typ"}`: the same payload gives
   * the same bytes, always and everywhere.
   */
  sign(payload: Uint8Array | string, typ: string): string;
}

/** A public platform key as the JWK Set lists it (RFC 7517). */
export interface PublicPlatformJwk {
  readonly kty: "OKP";
  readonly crv: "Ed25519";
  readonly x: string;
  readonly kid: string;
  readonly alg: "EdDSA";
  readonly use: "sig";
  /** Of a key that others may have had: since when, seconds since 1970 (as OpenID Federation 1.0 spells it). */
  readonly revoked?: { readonly revoked_at: number };
}

/** The most keys a JWK Set lists: those in use, then the newest; whatever key there ever was is found by its kid. */
const KEYS_LISTED_MAX = 10_000;

const PublicJwk = z.object({
  kty: z.literal("OKP"),
  crv: z.literal("Ed25519"),
  x: z.string(),
  kid: z.string(),
  alg: z.literal("EdDSA"),
  use: z.literal("sig"),
});

interface OpenKey extends PlatformSigner {
  readonly privateKey: KeyObject;
}

/** How a signing key stands. */
interface KeyFacts {
  readonly kid: string;
  readonly signsFrom: Date;
  readonly compromisedAt: Date | null;
}

/** Tenants' signing keys, newest first, and opened keys by tenant and kid: a key itself never changes. */
const rings = recent<readonly KeyFacts[]>({ keptMax: 10_000 });
const openKeys = perApp(() => new Map<string, Promise<OpenKey>>());

/**
 * The tenant's signer: its newest key that signs by now, as known at most two seconds ago. The first is made on first
 * use, once, whichever process comes first. Call it before a transaction, not inside one: the first use writes in its
 * own.
 */
export async function platformSigner(app: App, tenantId: string): Promise<PlatformSigner> {
  return activeKey(app, tenantId);
}

/** The installation's own signer, for access tokens. */
export async function installationSigner(app: App): Promise<PlatformSigner> {
  if ((await ringOf(app, PLATFORM_TENANT_ID)).length === 0) await ensurePlatformTenant(app);
  return activeKey(app, PLATFORM_TENANT_ID);
}

/**
 * The installation's key of that kid, for tokens that it signed, retired or not; null where there is none, and from two
 * seconds after it became known that others have it.
 */
export async function installationKey(app: App, kid: string): Promise<KeyObject | null> {
  const known = (await ringOf(app, PLATFORM_TENANT_ID)).find((key) => key.kid === kid);
  if (known === undefined || known.compromisedAt !== null) return null;
  return (await openKey(app, PLATFORM_TENANT_ID, kid)).publicKey;
}

/** The signer that a row of ours pinned by its kid, retired or not. */
export async function signerByKid(app: App, tenantId: string, kid: string): Promise<PlatformSigner> {
  return openKey(app, tenantId, kid);
}

/** Public keys that sign for the platform, for all tenants; retired ones too, so that old signatures verify. */
export async function publicKeysForAllTenants(app: App): Promise<PublicPlatformJwk[]> {
  const rows: PublicRow[] = await app.database.query(
    `select /* all tenants */ public_jwk, compromised_at from platform_key where purpose = ?
     order by retired_at is null desc, id desc limit ?`,
    [PlatformKeyPurpose.SIGNING, KEYS_LISTED_MAX],
  );
  return rows.map(publicJwkOf);
}

/** The public key of that kid that signs or ever signed, of whichever tenant; none or one. */
export async function publicKeysByKidForAllTenants(app: App, kid: string): Promise<PublicPlatformJwk[]> {
  const rows: PublicRow[] = await app.database.query(
    "select /* all tenants */ public_jwk, compromised_at from platform_key where purpose = ? and kid = ?",
    [PlatformKeyPurpose.SIGNING, kid],
  );
  return rows.map(publicJwkOf);
}

/** The same of one tenant. */
export async function publicKeysOf(app: App, tenantId: string): Promise<PublicPlatformJwk[]> {
  const rows: PublicRow[] = await app.database.query(
    "select public_jwk, compromised_at from platform_key where tenant_id = ? and purpose = ? order by id desc",
    [tenantId, PlatformKeyPurpose.SIGNING],
  );
  return rows.map(publicJwkOf);
}

/** A signing key to be written down, and from when on it signs. */
export interface NewSigningKey {
  readonly signsFrom: Date;
  /** What its act says besides. */
  readonly says: Readonly<Record<string, string>>;
}

/** Writes a new signing key of a tenant down, with its act; the caller holds the tenant's row. Answers its kid. */
export async function insertSigningKey(
  app: App,
  tx: Tx,
  actor: Actor,
  { signsFrom, says }: NewSigningKey,
): Promise<string> {
  const { tenantId } = actor;
  const [id, createdAt] = [newId("key", app.clock), app.clock.now()];
  const { kid, publicJwk, privateJwk } = newSigningKey();
  const vault = await vaultOf(app, tenantId, tx);
  const privateJwkSealed = vault.seal(Buffer.from(privateJwk), sealPurpose(tenantId, kid));
  const purpose = PlatformKeyPurpose.SIGNING;
  await tx.insert(PlatformKey, { tenantId, id, purpose, kid, publicJwk, privateJwkSealed, createdAt, signsFrom });
  const after = { owner: "PLATFORM", kid, alg: "EdDSA", ...says };
  await recordActs(tx, actor, createdAt, [{ type: ActType.KEY_REGISTERED, subjectId: id, partner: null, after }]);
  return kid;
}

/** Lets go of what this process knows of a tenant's keys, because it has just changed them. */
export function forgetRing(app: App, tenantId: string): void {
  rings(app).forget(tenantId);
}

interface PublicRow {
  readonly public_jwk: string;
  readonly compromised_at: Date | null;
}

function publicJwkOf({ public_jwk, compromised_at: at }: PublicRow): PublicPlatformJwk {
  const jwk = PublicJwk.parse(JSON.parse(public_jwk));
  return at === null ? jwk : { ...jwk, revoked: { revoked_at: epochSeconds(at) } };
}

async function activeKey(app: App, tenantId: string): Promise<OpenKey> {
  const known = activeIn(app, await ringOf(app, tenantId));
  return openKey(app, tenantId, known === null ? await firstKey(app, tenantId) : known.kid);
}

/** The newest that signs by now; where clocks disagree, the oldest, rather than none. */
function activeIn(app: App, ring: readonly KeyFacts[]): KeyFacts | null {
  const now = app.clock.now();
  const usable = ring.filter((key) => key.compromisedAt === null);
  return usable.find((key) => key.signsFrom <= now) ?? usable.at(-1) ?? null;
}

async function ringOf(app: App, tenantId: string): Promise<readonly KeyFacts[]> {
  return rings(app).of(tenantId, () => factsOf(app.database.manager, tenantId));
}

async function factsOf(reader: Reader, tenantId: string): Promise<readonly KeyFacts[]> {
  const rows: { kid: string; signs_from: Date; compromised_at: Date | null }[] = await reader.query(
    `select kid, signs_from, compromised_at from platform_key
     where tenant_id = ? and purpose = ? order by signs_from desc, id desc`,
    [tenantId, PlatformKeyPurpose.SIGNING],
  );
  return rows.map((row) => ({ kid: row.kid, signsFrom: row.signs_from, compromisedAt: row.compromised_at }));
}

/** Makes the first key under the tenant's row lock, so that of two processes the second finds what the first made. */
async function firstKey(app: App, tenantId: string): Promise<string> {
  const kid = await transact(app, async (tx) => {
    const [tenant]: { no: number }[] = await tx.query("select no from tenant where id = ? for update", [tenantId]);
    const tenantNo = present(tenant, "the tenant of a platform key").no;
    const made = activeIn(app, await factsOf(tx, tenantId));
    if (made !== null) return made.kid;
    const actor = systemActor({ tenantId, tenantNo }, newId("req", app.clock));
    return insertSigningKey(app, tx, actor, { signsFrom: app.clock.now(), says: {} });
  });
  forgetRing(app, tenantId);
  return kid;
}

/** Keeps the promise, so that callers at once share one; a failure is forgotten and tried again by the next. */
async function openKey(app: App, tenantId: string, kid: string): Promise<OpenKey> {
  const [open, name] = [openKeys(app), `${tenantId} ${kid}`];
  const opening = open.get(name) ?? opened(app, tenantId, kid);
  open.set(name, opening);
  try {
    return await opening;
  } catch (error) {
    open.delete(name);
    throw error;
  }
}

function newSigningKey(): { kid: string; publicJwk: string; privateJwk: string } {
  const { privateKey } = newKeyPair("ed25519");
  const { kty, crv, x, d } = privateKey.export({ format: "jwk" });
  const kid = sha256(canonicalJson({ kty, crv, x })).toString("base64url"); // RFC 7638
  return {
    kid,
    publicJwk: canonicalJson({ kty, crv, x, kid, alg: "EdDSA", use: "sig" }),
    privateJwk: canonicalJson({ kty, crv, x, d, kid }),
  };
}

async function opened(app: App, tenantId: string, kid: string): Promise<OpenKey> {
  const found = await app.database.manager.findOneBy(PlatformKey, {
    tenantId,
    kid,
    purpose: PlatformKeyPurpose.SIGNING,
  });
  const { privateJwkSealed } = present(found, "a platform key that a row names");
  const vault = await vaultOf(app, tenantId);
  const text = vault.unseal(privateJwkSealed, sealPurpose(tenantId, kid)).toString("utf8");
  const privateKey = createPrivateKey({ key: JSON.parse(text), format: "jwk" });
  const publicKey = createPublicKey(privateKey);
  return {
    kid,
    privateKey,
    publicKey,
    sign(payload, typ) {
      const header = base64url(canonicalJson({ alg: "EdDSA", kid, typ }));
      const signed = `${header}.${base64url(payload)}`;
      return `${signed}.${sign(null, Buffer.from(signed), privateKey).toString("base64url")}`;
    },
  };
}

/** What the private half of a key that the platform keeps for a tenant is sealed for: it opens as nothing else. */
export function sealPurpose(tenantId: string, kid: string): string {
  return `platform-key:${tenantId}:${kid}`;
}

function base64url(content: Uint8Array | string): string {
  return Buffer.from(content).toString("base64url");
}
