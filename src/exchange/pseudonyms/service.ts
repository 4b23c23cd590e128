import { createSecretKey, type KeyObject } from "node:crypto";
import { BoundedMap } from "../../kernel/bounded-map.js";
import { keyedHash16Hex } from "../../kernel/digest.js";
import type { App } from "../../platform/app.js";
import type { Reader } from "../../platform/database.js";
import { perApp } from "../../platform/per-app.js";
import { playerKeyOf } from "../../tenancy/service.js";

/** A player's pseudonym as it is stored: 16 bytes under the tenant's key, in hexadecimal. */
export type PseudonymOf = (player: string) => string;

/** The pseudonyms of a tenant's players; one is made once, since the same few players come again and again. */
export async function pseudonymsOf(app: App, reader: Reader, tenantId: string): Promise<PseudonymOf> {
  const key = await keyOf(app, reader, tenantId);
  const known = new Map<string, string>();
  return (player) => {
    const pseudonym = known.get(player) ?? keyedHash16Hex(key, player);
    known.set(player, pseudonym);
    return pseudonym;
  };
}

const KEYS_KEPT_MAX = 1_000;
/** An erased key is forgotten by every process as soon. */
const KEY_KEPT_MS = 60_000;

interface KeptKey {
  readonly readAt: number;
  readonly key: KeyObject;
}

const keptKeys = perApp(() => new BoundedMap<string, KeptKey>(KEYS_KEPT_MAX));

async function keyOf(app: App, reader: Reader, tenantId: string): Promise<KeyObject> {
  const kept = keptKeys(app).get(tenantId);
  if (kept !== undefined && performance.now() - kept.readAt < KEY_KEPT_MS) return kept.key;
  const readAt = performance.now();
  const key = createSecretKey(await playerKeyOf(app, reader, tenantId));
  keptKeys(app).set(tenantId, { readAt, key });
  return key;
}
