import { createHmac, randomBytes } from "node:crypto";
import { present } from "../../kernel/assert.js";
import { BoundedMap } from "../../kernel/bounded-map.js";
import type { App } from "../../platform/app.js";
import { type Reader, transact } from "../../platform/database.js";
import { perApp } from "../../platform/per-app.js";
import { rowOf } from "../../platform/rows.js";
import { seal, unseal } from "../../platform/seal.js";
import { DataKey, Tenant } from "../entities.js";

/** Keeps a tenant's secrets under its data key, which lies in the database under a master key. */
export interface Vault {
  /** Encrypts for rest, bound to what it is for (`platform/seal`). */
  seal(secret: Uint8Array, purpose: string): Buffer;
  /** Opens what was sealed for the same purpose; throws when it was not, or a byte is another. */
  unseal(sealed: Uint8Array, purpose: string): Buffer;
  /** HMAC-SHA-256 under the data key: 32 bytes. */
  mac(text: string): Buffer;
}

/** A vault that is new, with the row of its data key. */
export interface NewVault {
  readonly vault: Vault;
  readonly row: DataKey;
}

const DATA_KEY_BYTES = 32;
const VAULTS_KEPT_MAX = 10_000;
const RESEALED_MAX = 500;

/** Opened once for each tenant and process: a data key never changes, only what it is wrapped in. */
const vaults = perApp(() => new BoundedMap<string, Promise<Vault>>(VAULTS_KEPT_MAX));

/** The vault of a tenant. */
export async function vaultOf(app: App, tenantId: string, reader: Reader = app.database.manager): Promise<Vault> {
  const kept = vaults(app);
  const known = kept.get(tenantId);
  if (known !== undefined) return known;
  const opening = dataKeyOf(app, tenantId, reader).then(vaultUnder);
  kept.set(tenantId, opening);
  try {
    return await opening;
  } catch (error) {
    kept.delete(tenantId); // the next caller tries again
    throw error;
  }
}

/** A vault for a tenant to be created, which stores its row. */
export async function newVault(app: App, tenantId: string): Promise<NewVault> {
  const dataKey = randomBytes(DATA_KEY_BYTES);
  return { vault: vaultUnder(dataKey), row: await rowOfKey(app, tenantId, dataKey) };
}

/**
 * Wraps every data key under the current master key that is not yet, and gives tenants one who have none: of those from
 * before there were data keys it is the master key under which their secrets lie. Answers how many it wrapped.
 */
export async function rewrapDataKeysForAllTenants(app: App): Promise<number> {
  const rows: { tenantId: string; wrappedBy: string | null }[] = await app.database.query(
    `/* all tenants */ select tenant.id as tenantId, data_key.master_key as wrappedBy
     from tenant left join data_key on data_key.tenant_id = tenant.id
     where data_key.master_key is null or data_key.master_key <> ? limit ?`,
    [app.masterKeys.current, RESEALED_MAX],
  );
  for (const { tenantId, wrappedBy } of rows) {
    const row = await rowOfKey(app, tenantId, await dataKeyOf(app, tenantId, app.database.manager));
    await transact(app, async (tx) => {
      if (wrappedBy === null) return tx.insert(DataKey, row);
      return tx.update(DataKey, { tenantId, masterKey: wrappedBy }, row);
    });
  }
  return rows.length;
}

async function rowOfKey(app: App, tenantId: string, dataKey: Buffer): Promise<DataKey> {
  const wrapped = await app.masterKeys.wrap(dataKey, purposeOf(tenantId));
  return Object.assign(new DataKey(), { tenantId, ...wrapped, wrappedAt: app.clock.now() });
}

async function dataKeyOf(app: App, tenantId: string, reader: Reader): Promise<Buffer> {
  const row = await rowOf(reader, DataKey, "tenant_id = ?", [tenantId]);
  if (row !== null) return app.masterKeys.unwrap(row, purposeOf(tenantId));
  const tenant = present(await rowOf(reader, Tenant, "id = ?", [tenantId]), "the tenant of a vault");
  return present(
    app.masterKeys.direct.find((key) => opens(key, tenant)),
    `a configured master key that opens what tenant ${tenantId} keeps`,
  );
}

function opens(key: Buffer, { id, playerKeySealed }: Tenant): boolean {
  try {
    unseal(key, playerKeySealed, `player:${id}`);
    return true;
  } catch {
    return false; // sealed under another one
  }
}

function vaultUnder(dataKey: Buffer): Vault {
  return {
    seal: (secret, purpose) => seal(dataKey, secret, purpose),
    unseal: (sealed, purpose) => unseal(dataKey, sealed, purpose),
    mac: (text) => createHmac("sha256", dataKey).update(text).digest(),
  };
}

function purposeOf(tenantId: string): string {
  return `data-key:${tenantId}`;
}
