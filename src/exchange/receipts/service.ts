import { encryptedFor } from "../../identity/recipients/service.js";
import type { Actor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import type { App } from "../../platform/app.js";
import { partnersByNumber } from "../../tenancy/service.js";
import type { Batch } from "../entities.js";
import { receiptOf } from "../submission/service.js";

/** A batch's receipt encrypted for its partner (`encryptedFor`); null where there is no receipt any more either. */
export async function encryptedReceipt(
  app: App,
  actor: Actor,
  batch: Batch,
  keyId: string | null,
): Promise<string | null> {
  if (batch.jti === null) return null;
  const { id: partnerId } = present((await partnersByNumber(app, actor, [batch.partnerNo]))[0], "a batch's partner");
  const content = await receiptOf(app, actor, batch);
  return encryptedFor(app, actor, { partnerId, keyId, content, cty: "quittance-receipt+jws" });
}
