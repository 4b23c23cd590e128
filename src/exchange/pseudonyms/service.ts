import { keyedHash16 } from "../../kernel/digest.js";
import type { App } from "../../platform/app.js";
import type { Reader } from "../../platform/database.js";
import { playerKeyOf } from "../../tenancy/service.js";

/** A player's pseudonym as it is stored: 16 bytes under the tenant's key. */
export type PseudonymOf = (player: string) => Buffer;

/** The pseudonyms of a tenant's players; one is made once, since the same few players come again and again. */
export async function pseudonymsOf(app: App, reader: Reader, tenantId: string): Promise<PseudonymOf> {
  const key = await playerKeyOf(app, reader, tenantId);
  const known = new Map<string, Buffer>();
  return (player) => {
    const pseudonym = known.get(player) ?? keyedHash16(key, player);
    known.set(player, pseudonym);
    return pseudonym;
  };
}
