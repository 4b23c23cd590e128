import { Act, ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import { type Actor, PrincipalKind, systemActor } from "../../kernel/actor.js";
import { newId } from "../../kernel/ids.js";
import type { App } from "../../platform/app.js";
import { type Tx, transact } from "../../platform/database.js";
import { once } from "../../platform/idempotency.js";
import { partnerOf } from "../../tenancy/service.js";
import { endInTx } from "../approvals/service.js";
import { ClientKey, KeyState } from "../entities.js";
import { identityError } from "../errors.js";
import { keyOf, lockKey } from "../keys/service.js";
import { clientToManage, type OwnedClient } from "../service.js";

/** A key whose state shall change, and why, for the audit record (1–200 characters). */
export interface KeyChange {
  readonly keyId: string;
  readonly reason: string;
}

const REASON_LENGTH_MAX = 200;

/**
 * Refuses everything from a key until it is resumed. Suspending twice answers the key as it stands, but for what a
 * partner suspended: the tenant's suspension is written down on top, so that it holds. Only a key that is in use can be
 * suspended (`VERSION_CONFLICT`).
 */
export async function suspendKey(
  app: App,
  actor: Actor,
  change: KeyChange,
  idempotencyKey: string | null = null,
): Promise<ClientKey> {
  const [from, to] = [KeyState.ACTIVE, KeyState.SUSPENDED];
  return moveKey(app, actor, change, {
    operation: "suspendKey",
    idempotencyKey,
    from,
    to,
    type: ActType.KEY_SUSPENDED,
  });
}

/**
 * Puts a suspended key to use again; resuming twice answers the key as it stands. A partner resumes only what partners
 * alone suspended (`FORBIDDEN`).
 */
export async function resumeKey(
  app: App,
  actor: Actor,
  change: KeyChange,
  idempotencyKey: string | null = null,
): Promise<ClientKey> {
  const [from, to] = [KeyState.SUSPENDED, KeyState.ACTIVE];
  return moveKey(app, actor, change, { operation: "resumeKey", idempotencyKey, from, to, type: ActType.KEY_RESUMED });
}

/**
 * Sets the instant from which a key is refused, not before now. It can be brought forward and never put off
 * (`VERSION_CONFLICT`): who lets a key live longer registers another.
 */
export async function expireKey(
  app: App,
  actor: Actor,
  { keyId, expiresAt }: { readonly keyId: string; readonly expiresAt: Date },
  idempotencyKey: string | null = null,
): Promise<ClientKey> {
  const { partner } = await keyToChange(app, actor, keyId);
  const request = { operation: "expireKey", idempotencyKey, input: { keyId, expiresAt: expiresAt.toISOString() } };
  await once(app, actor, request, async (tx) => {
    if (expiresAt < app.clock.now()) {
      throw identityError("VALIDATION", {
        path: "/expiresAt",
        reason: "A key ends now or later; revoke it otherwise.",
      });
    }
    const { state, expiresAt: before } = await lockKey(tx, actor.tenantId, keyId);
    if (!ENDLESS.includes(state) || (before !== null && before < expiresAt)) {
      throw identityError("VERSION_CONFLICT", { reason: `The key is ${state}, or ends before.` });
    }
    await endInTx(app, tx, actor, { keyId, partner, expiresAt, says: {} });
    return keyId;
  });
  return keyOf(app, actor, keyId);
}

/** A reason as it is kept; refused (`VALIDATION`) when it is empty or longer than 200 characters. */
export function checkedReason(reason: string): string {
  const trimmed = reason.trim();
  if (trimmed.length >= 1 && trimmed.length <= REASON_LENGTH_MAX) return trimmed;
  throw identityError("VALIDATION", { path: "/reason", reason: `A reason has 1 to ${REASON_LENGTH_MAX} characters.` });
}

/** A key that the actor may change, with its client's partner. */
export async function keyToChange(app: App, actor: Actor, keyId: string): Promise<OwnedClient & { key: ClientKey }> {
  const key = await keyOf(app, actor, keyId);
  return { key, ...(await clientToManage(app, actor, key.clientId)) };
}

/** The states that end with time. */
const ENDLESS: readonly KeyState[] = [KeyState.PENDING_APPROVAL, KeyState.ACTIVE, KeyState.SUSPENDED];
const EXPIRED_MAX = 500;

/**
 * Writes down which keys have ended, with an act each. They are refused from their instant on, whether it is written
 * down or not. Answers how many there were.
 */
export async function expireKeysForAllTenants(app: App): Promise<number> {
  const rows: { tenantId: string; tenantNo: number; id: string; partnerId: string | null }[] = await app.database.query(
    `/* all tenants */ select tenant.id as tenantId, tenant.no as tenantNo, client_key.id,
       client_key.partner_id as partnerId
     from client_key join tenant on tenant.id = client_key.tenant_id
     where client_key.expires_at <= ? and client_key.state in (?) limit ?`,
    [app.clock.now(), ENDLESS, EXPIRED_MAX],
  );
  for (const { id, partnerId, ...tenant } of rows) {
    const actor = systemActor(tenant, newId("req", app.clock));
    const partner = partnerId === null ? null : await partnerOf(app, actor, partnerId);
    await transact(app, (tx) => expireInTx(app, tx, actor, { keyId: id, partner }));
  }
  return rows.length;
}

async function expireInTx(
  app: App,
  tx: Tx,
  actor: Actor,
  { keyId, partner }: Pick<OwnedClient, "partner"> & { readonly keyId: string },
): Promise<void> {
  const { state, kid, clientId: client, expiresAt } = await lockKey(tx, actor.tenantId, keyId);
  const at = app.clock.now();
  if (!ENDLESS.includes(state) || expiresAt === null || expiresAt > at) return;
  await tx.update(ClientKey, { tenantId: actor.tenantId, id: keyId }, { state: KeyState.EXPIRED });
  const act = { type: ActType.KEY_EXPIRED, subjectId: keyId, partner };
  await recordActs(tx, actor, at, [{ ...act, before: { state }, after: { state: KeyState.EXPIRED, client, kid } }]);
}

/** The latest act says on whose behalf the key is suspended: a partner's never follows the tenant's. */
async function isSuspendedByPartner(tx: Tx, actor: Actor, keyId: string): Promise<boolean> {
  const [suspension] = await tx.find(Act, {
    where: { tenantNo: actor.tenantNo, subjectId: keyId, type: ActType.KEY_SUSPENDED },
    order: { no: "DESC" },
    take: 1,
  });
  return suspension?.principalKind === PrincipalKind.PARTNER;
}

interface Move {
  readonly operation: string;
  readonly idempotencyKey: string | null;
  readonly from: KeyState;
  readonly to: KeyState;
  readonly type: ActType;
}

async function moveKey(app: App, actor: Actor, { keyId, reason }: KeyChange, move: Move): Promise<ClientKey> {
  const { operation, idempotencyKey, from, to, type } = move;
  const stateReason = checkedReason(reason);
  const { key, client, partner } = await keyToChange(app, actor, keyId);
  const request = { operation, idempotencyKey, input: { keyId, reason: stateReason } };
  await once(app, actor, request, async (tx) => {
    const { state } = await lockKey(tx, actor.tenantId, keyId);
    const isPartner = actor.kind === PrincipalKind.PARTNER;
    const isPartners = state === KeyState.SUSPENDED && (await isSuspendedByPartner(tx, actor, keyId));
    const isOnTop = to === KeyState.SUSPENDED && isPartners && !isPartner;
    if (state === to && !isOnTop) return keyId;
    if (state !== from && !isOnTop) {
      throw identityError("VERSION_CONFLICT", { reason: `This key is ${state}, not ${from}.` });
    }
    if (to === KeyState.ACTIVE && isPartner && !isPartners) {
      throw identityError("FORBIDDEN", { reason: "The tenant suspended this key, so the tenant resumes it." });
    }
    await tx.update(ClientKey, { tenantId: actor.tenantId, id: keyId }, { state: to, stateReason });
    const after = { state: to, client: client.id, kid: key.kid, reason: stateReason };
    await recordActs(tx, actor, app.clock.now(), [{ type, subjectId: keyId, partner, before: { state }, after }]);
    return keyId;
  });
  return keyOf(app, actor, keyId);
}
