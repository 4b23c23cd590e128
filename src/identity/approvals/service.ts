import { ActType } from "../../acts/entities.js";
import { type ActInput, recordActs } from "../../acts/service.js";
import { type Actor, PrincipalKind } from "../../kernel/actor.js";
import { instantText, later } from "../../kernel/clock.js";
import type { App } from "../../platform/app.js";
import type { Tx } from "../../platform/database.js";
import { once } from "../../platform/idempotency.js";
import { ClientKey, KeyState } from "../entities.js";
import { identityError } from "../errors.js";
import { checkSecondPerson } from "../four-eyes/service.js";
import { keyOf, lockKey } from "../keys/service.js";
import { clientToManage } from "../service.js";

/**
 * Puts a registered key to use. Who registered it may not, nor any client of a partner (`FORBIDDEN`); the operator's
 * shell may. Only what waits for approval can be approved (`VERSION_CONFLICT`). Where the key takes another's place,
 * the end of that one is set.
 */
export async function approveKey(
  app: App,
  actor: Actor,
  keyId: string,
  idempotencyKey: string | null = null,
): Promise<ClientKey> {
  const key = await keyOf(app, actor, keyId);
  if (actor.kind === PrincipalKind.PARTNER) {
    throw identityError("FORBIDDEN", { reason: "A partner's keys are approved by the tenant." });
  }
  const first = { by: [key.registeredBy], reason: "Who registered a key may not approve it." };
  await checkSecondPerson(app.database.manager, actor, first);
  const { partner } = await clientToManage(app, actor, key.clientId);
  await once(app, actor, { operation: "approveKey", idempotencyKey, input: { keyId } }, async (tx) => {
    await approveInTx(app, tx, actor, { keyId, partner });
    return keyId;
  });
  return keyOf(app, actor, keyId);
}

/** The step of `approveKey`: for keys that the shell registers it is in the same transaction. */
export async function approveInTx(
  app: App,
  tx: Tx,
  actor: Actor,
  { keyId, partner }: { readonly keyId: string; readonly partner: ActInput["partner"] },
): Promise<void> {
  const { tenantId, principalId } = actor;
  const { state, kid, clientId: client, replacesId, overlapSeconds } = await lockKey(tx, tenantId, keyId);
  if (state !== KeyState.PENDING_APPROVAL) {
    throw identityError("VERSION_CONFLICT", { reason: `This key is ${state} and waits for no approval.` });
  }
  const approvedAt = app.clock.now();
  const approved = { state: KeyState.ACTIVE, approvedBy: principalId, approvedAt };
  await tx.update(ClientKey, { tenantId, id: keyId }, approved);
  const act = { type: ActType.KEY_APPROVED, subjectId: keyId, partner };
  await recordActs(tx, actor, approvedAt, [
    { ...act, before: { state }, after: { state: KeyState.ACTIVE, client, kid } },
  ]);
  if (replacesId === null || overlapSeconds === null) return;
  const expiresAt = later(approvedAt, overlapSeconds * 1_000);
  await endInTx(app, tx, actor, { keyId: replacesId, partner, expiresAt, says: { replacedBy: keyId } });
}

/** An end to be set to a key, and what its act says besides. */
export interface KeyEnd {
  readonly keyId: string;
  readonly partner: ActInput["partner"];
  readonly expiresAt: Date;
  readonly says: Readonly<Record<string, string>>;
}

/** Sets the end of a key that may still be used, unless it ends before anyhow. */
export async function endInTx(
  app: App,
  tx: Tx,
  actor: Actor,
  { keyId, partner, expiresAt, says }: KeyEnd,
): Promise<void> {
  const { tenantId } = actor;
  const { state, kid, clientId: client, expiresAt: before } = await lockKey(tx, tenantId, keyId);
  if (state === KeyState.REVOKED || state === KeyState.EXPIRED || (before !== null && before <= expiresAt)) return;
  await tx.update(ClientKey, { tenantId, id: keyId }, { expiresAt });
  await recordActs(tx, actor, app.clock.now(), [
    {
      ...{ type: ActType.KEY_EXPIRY_SET, subjectId: keyId, partner },
      before: { expiresAt: before === null ? null : instantText(before) },
      after: { client, kid, expiresAt: instantText(expiresAt), ...says },
    },
  ]);
}
