import { createSecretKey } from "node:crypto";
import { keyedHash16Hex } from "../../kernel/digest.js";
import type { App } from "../../platform/app.js";
import type { Reader } from "../../platform/database.js";
import { playerKeyOf } from "../../tenancy/service.js";

/** A player's pseudonym as it is stored: 16 bytes under the tenant's key, in hexadecimal. */
export type PseudonymOf = (player: string) => string;

/** The pseudonyms of a tenant's players; one is made once, since the same few players come again and again. */
export async function pseudonymsOf(app: App, reader: Reader, tenantId: string): Promise<PseudonymOf> {
  const key = createSecretKey(await playerKeyOf(app, reader, tenantId));
  const known = new Map<string, string>();
  return (player) => {
    const pseudonym = known.get(player) ?? keyedHash16Hex(key, player);
    known.set(player, pseudonym);
    return pseudonym;
  };
}
