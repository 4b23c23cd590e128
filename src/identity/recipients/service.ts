import type { Actor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import type { App } from "../../platform/app.js";
import { KEY_ENCRYPTIONS, type KeyEncryption } from "../encryption/entities.js";
import { encryptFor } from "../encryption/service.js";
import { type ClientKey, KeyPurpose } from "../entities.js";
import { identityError } from "../errors.js";
import { encryptionKeyOf, keyOf, obstacleNow } from "../keys/service.js";

/** What goes out to a partner, and for which of the partner's keys; the newest where none is named. */
export interface Outgoing {
  readonly partnerId: string;
  readonly keyId: string | null;
  readonly content: string | Uint8Array;
  /** Media type of the content, without `application/` where it begins so (RFC 7516, section 4.1.12). */
  readonly cty: string;
}

/**
 * Something encrypted for a partner: a compact JWE (RFC 7516), another one each time. For the key named, which must be
 * the partner's (`NOT_FOUND`) and for that (`KEY_NOT_USABLE`), else for its newest; null where it has none.
 */
export async function encryptedFor(app: App, actor: Actor, outgoing: Outgoing): Promise<string | null> {
  const { partnerId, keyId, content, cty } = outgoing;
  const key = keyId === null ? await encryptionKeyOf(app, actor.tenantId, partnerId) : await keyOf(app, actor, keyId);
  if (key === null) return null;
  if (key.partnerId !== partnerId) throw identityError("NOT_FOUND", { what: "key" });
  const obstacle = obstacleNow(app, key, KeyPurpose.ENCRYPTION);
  if (obstacle === "REVOKED") throw identityError("KEY_REVOKED", { kid: key.kid });
  if (obstacle !== null) throw identityError("KEY_NOT_USABLE", { kid: key.kid, obstacle });
  const how = { cty, alg: algorithmOf(key) };
  return encryptFor({ kid: key.kid, publicJwk: JSON.parse(key.publicJwk) }, content, how);
}

function algorithmOf({ alg }: ClientKey): KeyEncryption {
  return present(
    KEY_ENCRYPTIONS.find((known) => known === alg),
    "the algorithm of a key that encrypts",
  );
}
