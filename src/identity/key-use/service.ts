import { BoundedMap } from "../../kernel/bounded-map.js";
import type { App } from "../../platform/app.js";
import { perApp } from "../../platform/per-app.js";

const WRITTEN_EVERY_MS = 60_000;
const KEYS_KEPT_MAX = 10_000;

/** When this process last wrote a key's use down. */
const written = perApp(() => new BoundedMap<string, number>(KEYS_KEPT_MAX));

/**
 * Remembers that a key was used just now, for people who look for keys that nobody needs: written at most once a minute
 * for each key and process, and nobody waits for it.
 */
export function noteKeyUse(app: App, tenantId: string, keyId: string): void {
  const last = written(app).get(keyId);
  const now = performance.now();
  if (last !== undefined && now - last < WRITTEN_EVERY_MS) return;
  written(app).set(keyId, now);
  app.database
    .query("update client_key set last_used_at = ? where tenant_id = ? and id = ?", [app.clock.now(), tenantId, keyId])
    .catch((error: unknown) => app.log.warn({ err: error, keyId }, "keys: a last use was not written down"));
}
