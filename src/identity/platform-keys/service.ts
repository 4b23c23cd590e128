import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { z } from "zod";
import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import { systemActor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { canonicalJson } from "../../kernel/canonical-json.js";
import { sha256 } from "../../kernel/digest.js";
import { newId } from "../../kernel/ids.js";
import type { App } from "../../platform/app.js";
import { type Tx, transact } from "../../platform/database.js";
import { seal, unseal } from "../../platform/seal.js";
import { ensurePlatformTenant, PLATFORM_TENANT_ID } from "../../tenancy/service.js";
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
}

/** The most keys a JWK Set lists, newest first. */
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

/** Opened keys of this process: a tenant's active one by tenant, any one by tenant and kid. A key never changes. */
interface OpenKeys {
  readonly active: Map<string, Promise<OpenKey>>;
  readonly byKid: Map<string, Promise<OpenKey>>;
}

const openKeys = new WeakMap<App, OpenKeys>();

/**
 * The tenant's signer. Its key is made on first use, once, whichever process comes first, and kept sealed under the
 * master key. Call it before a transaction, not inside one: the first use writes in its own.
 */
export async function platformSigner(app: App, tenantId: string): Promise<PlatformSigner> {
  return activeKey(app, tenantId);
}

/** The installation's own signer, for access tokens. */
export async function installationSigner(app: App): Promise<PlatformSigner> {
  const { active } = keysOf(app);
  if (!active.has(PLATFORM_TENANT_ID)) await ensurePlatformTenant(app);
  return activeKey(app, PLATFORM_TENANT_ID);
}

/** The signer that a row of ours pinned by its kid, retired or not. */
export async function signerByKid(app: App, tenantId: string, kid: string): Promise<PlatformSigner> {
  const { byKid } = keysOf(app);
  return remembered(byKid, `${tenantId} ${kid}`, async () => {
    const row = await app.database.manager.findOneBy(PlatformKey, { tenantId, kid });
    return opened(app, present(row, "a platform key that a row names"));
  });
}

/** Every public key that signs for the platform, for all tenants; retired ones too, so that old signatures verify. */
export async function publicKeysForAllTenants(app: App): Promise<PublicPlatformJwk[]> {
  const rows: { public_jwk: string }[] = await app.database.query(
    "select /* all tenants */ public_jwk from platform_key where purpose = ? order by id desc limit ?",
    [PlatformKeyPurpose.SIGNING, KEYS_LISTED_MAX],
  );
  return rows.map((row) => PublicJwk.parse(JSON.parse(row.public_jwk)));
}

function keysOf(app: App): OpenKeys {
  let keys = openKeys.get(app);
  if (keys === undefined) {
    keys = { active: new Map(), byKid: new Map() };
    openKeys.set(app, keys);
  }
  return keys;
}

async function activeKey(app: App, tenantId: string): Promise<OpenKey> {
  return remembered(keysOf(app).active, tenantId, async () => {
    const known = await newestKey(app.database.manager, tenantId);
    return opened(app, known ?? (await transact(app, (tx) => makeKeyOnce(app, tx, tenantId))));
  });
}

/** Keeps the promise, so that callers at once share one; a failure is forgotten and tried again by the next. */
async function remembered<T>(map: Map<string, Promise<T>>, name: string, make: () => Promise<T>): Promise<T> {
  const known = map.get(name);
  if (known !== undefined) return known;
  const making = make();
  map.set(name, making);
  try {
    return await making;
  } catch (error) {
    map.delete(name);
    throw error;
  }
}

async function newestKey(reader: Pick<Tx, "findOne">, tenantId: string): Promise<PlatformKey | null> {
  return reader.findOne(PlatformKey, {
    where: { tenantId, purpose: PlatformKeyPurpose.SIGNING },
    order: { id: "DESC" },
  });
}

/** Makes the key under the tenant's row lock, so that of two processes the second finds what the first made. */
async function makeKeyOnce(app: App, tx: Tx, tenantId: string): Promise<PlatformKey> {
  const [tenant]: { no: number }[] = await tx.query("select no from tenant where id = ? for update", [tenantId]);
  const tenantNo = present(tenant, "the tenant of a platform key").no;
  const made = await newestKey(tx, tenantId);
  if (made !== null) return made;
  const id = newId("key", app.clock);
  const createdAt = app.clock.now();
  const { kid, publicJwk, privateJwk } = newKeyPair();
  const privateJwkSealed = seal(app.config.masterKey, Buffer.from(privateJwk), sealPurpose(tenantId, kid));
  const purpose = PlatformKeyPurpose.SIGNING;
  await tx.insert(PlatformKey, { tenantId, id, purpose, kid, publicJwk, privateJwkSealed, createdAt, retiredAt: null });
  await recordActs(tx, systemActor({ tenantId, tenantNo }, newId("req", app.clock)), createdAt, [
    { type: ActType.KEY_REGISTERED, subjectId: id, partner: null, after: { owner: "PLATFORM", kid, alg: "EdDSA" } },
  ]);
  return present(await newestKey(tx, tenantId), "the new platform key");
}

function newKeyPair(): { kid: string; publicJwk: string; privateJwk: string } {
  const { privateKey } = generateKeyPairSync("ed25519");
  const { kty, crv, x, d } = privateKey.export({ format: "jwk" });
  const kid = sha256(canonicalJson({ kty, crv, x })).toString("base64url"); // RFC 7638
  return {
    kid,
    publicJwk: canonicalJson({ kty, crv, x, kid, alg: "EdDSA", use: "sig" }),
    privateJwk: canonicalJson({ kty, crv, x, d, kid }),
  };
}

function opened(app: App, row: PlatformKey): OpenKey {
  const { tenantId, kid } = row;
  const text = unseal(app.config.masterKey, row.privateJwkSealed, sealPurpose(tenantId, kid)).toString("utf8");
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

function sealPurpose(tenantId: string, kid: string): string {
  return `platform-key:${tenantId}:${kid}`;
}

function base64url(content: Uint8Array | string): string {
  return Buffer.from(content).toString("base64url");
}
