import { In } from "typeorm";
import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import { type Actor, PrincipalKind, type TenantRef } from "../../kernel/actor.js";
import type { App } from "../../platform/app.js";
import type { Tx } from "../../platform/database.js";
import { once } from "../../platform/idempotency.js";
import { recent } from "../../platform/recent.js";
import { rowOf } from "../../platform/rows.js";
import type { Partner } from "../../tenancy/entities.js";
import { exchangeError } from "../errors.js";
import { EncryptionDemand } from "./entities.js";

/** Whether there is a demand, by partner. */
const knownDemands = recent<boolean>({ keptMax: 10_000 });

/** Whether what a partner signs must come encrypted. */
export interface Demand {
  readonly partner: Partner;
  readonly encryptedOnly: boolean;
}

/**
 * Demands that a partner's batches come encrypted, or takes that back, which only the tenant may (`FORBIDDEN`). In
 * force in every process within two seconds; asking for what is so already changes nothing.
 */
export async function demandEncryption(
  app: App,
  actor: Actor,
  { partner, encryptedOnly }: Demand,
  idempotencyKey: string | null = null,
): Promise<void> {
  if (actor.kind === PrincipalKind.PARTNER && !encryptedOnly) {
    throw exchangeError("FORBIDDEN", { reason: "Only the tenant takes a demand for encryption back." });
  }
  const request = { operation: "demandEncryption", idempotencyKey, input: { partner: partner.id, encryptedOnly } };
  await once(app, actor, request, async (tx) => {
    const wasInForce = await lockedDemand(tx, partner);
    if (wasInForce !== encryptedOnly) await changeDemand(app, tx, actor, { partner, encryptedOnly });
    return partner.id;
  });
  knownDemands(app).forget(partner.id);
}

/** Refuses what a partner sent signed alone where it must come encrypted (`ENCRYPTION_REQUIRED`). */
export async function refuseUnlessDemandMet(app: App, { partnerId }: Actor, partner: Partner): Promise<void> {
  if (partnerId === null) return; // the tenant's own batches are nobody's to open
  const isInForce = await knownDemands(app).of(partner.id, () => isDemanded(app, partner));
  if (isInForce) throw exchangeError("ENCRYPTION_REQUIRED");
}

/** Which of the partners' batches must come encrypted, in the order asked; for loaders. */
export async function demandsOf(app: App, { tenantId }: TenantRef, partnerIds: readonly string[]): Promise<boolean[]> {
  const where = { tenantId, partnerId: In([...partnerIds]), isInForce: true };
  const inForce = await app.database.manager.findBy(EncryptionDemand, where);
  const ids = new Set(inForce.map(({ partnerId }) => partnerId));
  return partnerIds.map((id) => ids.has(id));
}

async function isDemanded(app: App, { tenantId, id }: Partner): Promise<boolean> {
  const row = await rowOf(app.database.manager, EncryptionDemand, "tenant_id = ? and partner_id = ?", [tenantId, id]);
  return row?.isInForce === true;
}

/** Under the partner's row lock, since there may be no row of the demand to lock. */
async function lockedDemand(tx: Tx, { tenantId, id }: Partner): Promise<boolean> {
  await tx.query("select no from partner where tenant_id = ? and id = ? for update", [tenantId, id]);
  const demand = await tx.findOneBy(EncryptionDemand, { tenantId, partnerId: id });
  return demand?.isInForce === true;
}

async function changeDemand(app: App, tx: Tx, actor: Actor, { partner, encryptedOnly }: Demand): Promise<void> {
  const { tenantId, id, no } = partner;
  const changedAt = app.clock.now();
  await tx.query(
    `insert into encryption_demand (tenant_id, partner_id, is_in_force, changed_at) values (?, ?, ?, ?)
     on duplicate key update is_in_force = values(is_in_force), changed_at = values(changed_at)`,
    [tenantId, id, encryptedOnly, changedAt],
  );
  const act = { type: ActType.ENCRYPTION_DEMANDED, subjectId: id, partner: { id, no } };
  await recordActs(tx, actor, changedAt, [
    { ...act, before: { encryptedOnly: !encryptedOnly }, after: { encryptedOnly } },
  ]);
}
