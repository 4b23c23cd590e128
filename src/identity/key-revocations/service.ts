import { In } from "typeorm";
import { ActType } from "../../acts/entities.js";
import { type ActInput, recordActs } from "../../acts/service.js";
import { type Actor, PrincipalKind } from "../../kernel/actor.js";
import { instantText } from "../../kernel/clock.js";
import { newId } from "../../kernel/ids.js";
import type { App } from "../../platform/app.js";
import type { Tx } from "../../platform/database.js";
import { once } from "../../platform/idempotency.js";
import { Partner } from "../../tenancy/entities.js";
import { partnerOf } from "../../tenancy/service.js";
import { Client, ClientKey, KeyState } from "../entities.js";
import { identityError } from "../errors.js";
import { checkedReason, keyToChange } from "../key-states/service.js";
import { keyOf } from "../keys/service.js";
import { checkMayEmpower, clientOf } from "../service.js";
import { RevocationCause } from "./entities.js";

/** Why keys are revoked, for the audit record and for what follows. */
export interface Cause {
  /** 1–200 characters. */
  readonly reason: string;
  readonly cause?: RevocationCause;
  /** With `COMPROMISED`: since when somebody else may have used them; not ahead. */
  readonly compromisedAt?: Date | null;
}

/** A key to be revoked. */
export interface Revocation extends Cause {
  readonly keyId: string;
}

/** Whose keys are all revoked: exactly one is said. */
export interface Emergency extends Cause {
  readonly clientId?: string | null;
  readonly partnerId?: string | null;
  readonly isWholeTenant?: boolean | null;
}

/** What an emergency came to. */
export interface EmergencyRevocation {
  /** Named by the act of each key. */
  readonly id: string;
  readonly keyCount: number;
}

/**
 * Revokes a key: from the commit on it neither authenticates nor signs; what it signed before stays verifiable.
 * Revoking twice answers the key as it stands, unless more is known now: that it is compromised, or was so before.
 */
export async function revokeKey(
  app: App,
  actor: Actor,
  { keyId, ...given }: Revocation,
  idempotencyKey: string | null = null,
): Promise<ClientKey> {
  const cause = checkedCause(given);
  const { key } = await keyToChange(app, actor, keyId);
  const request = { operation: "revokeKey", idempotencyKey, input: { keyId, ...textsOf(cause) } };
  await once(app, actor, request, async (tx) => {
    checkNotAhead(app, cause);
    await revokeInTx(app, tx, actor, { ...cause, revocationId: null, where: { clientId: key.clientId, id: keyId } });
    return keyId;
  });
  return keyOf(app, actor, keyId);
}

/**
 * Revokes at once every key of a client, of a partner, or of the whole tenant, the caller's own among them. What the
 * actor may not manage one by one (`FORBIDDEN`), and for partners what is not theirs, it may not revoke together.
 */
export async function revokeAllKeys(
  app: App,
  actor: Actor,
  emergency: Emergency,
  idempotencyKey: string | null = null,
): Promise<EmergencyRevocation> {
  const cause = checkedCause(emergency);
  const where = await selectionOf(app, actor, emergency);
  const input = { ...where, ...textsOf(cause) };
  const answer = await once(app, actor, { operation: "revokeAllKeys", idempotencyKey, input }, async (tx) => {
    checkNotAhead(app, cause);
    const revocationId = newId("krv", app.clock);
    return `${revocationId} ${await revokeInTx(app, tx, actor, { ...cause, revocationId, where })}`;
  });
  const [id = "", count] = answer.split(" ");
  return { id, keyCount: Number(count) };
}

/** The columns that select whose keys are meant; `NOT_FOUND` for who is not the actor's to see. */
async function selectionOf(
  app: App,
  actor: Actor,
  { clientId = null, partnerId = null, isWholeTenant = null }: Emergency,
): Promise<Readonly<Record<string, string>>> {
  if ([clientId !== null, partnerId !== null, isWholeTenant === true].filter(Boolean).length !== 1) {
    throw identityError("VALIDATION", { path: "/", reason: "Name a client or a partner, or say the whole tenant." });
  }
  if (clientId !== null) return { clientId: (await clientOf(app, actor, clientId)).id };
  if (partnerId !== null) return { partnerId: (await partnerOf(app, actor, partnerId)).id };
  if (actor.kind !== PrincipalKind.PARTNER) return {};
  throw identityError("FORBIDDEN", { reason: "A partner revokes its own keys." });
}

type CheckedCause = Required<Cause>;

interface Selected extends CheckedCause {
  readonly revocationId: string | null;
  readonly where: Readonly<Record<string, string>>;
}

/** Revokes what is selected and not yet revoked for such a cause; answers how many keys that were. */
async function revokeInTx(app: App, tx: Tx, actor: Actor, selected: Selected): Promise<number> {
  const { tenantId } = actor;
  const { where, compromisedAt, reason: stateReason } = selected;
  const lock = { mode: "pessimistic_write" } as const;
  const found = await tx.find(ClientKey, { where: { tenantId, ...where }, order: { id: "ASC" }, lock });
  const keys = found.filter((key) => isNews(key, compromisedAt));
  if (keys.length === 0) return 0;
  await checkMayRevoke(tx, actor, keys);
  const revokedAt = app.clock.now();
  const acts = await actsOf(tx, actor, keys, selected);
  for (const { id, revokedAt: before } of keys) {
    const change = { state: KeyState.REVOKED, revokedAt: before ?? revokedAt, stateReason, compromisedAt };
    await tx.update(ClientKey, { tenantId, id }, change);
  }
  await recordActs(tx, actor, revokedAt, acts);
  return keys.length;
}

/** Whether a revocation says something new of a key. */
function isNews(key: ClientKey, compromisedAt: Date | null): boolean {
  if (key.state !== KeyState.REVOKED) return true;
  return compromisedAt !== null && (key.compromisedAt === null || compromisedAt < key.compromisedAt);
}

async function actsOf(
  tx: Tx,
  { tenantId }: Actor,
  keys: readonly ClientKey[],
  { cause, reason, compromisedAt, revocationId }: Selected,
): Promise<ActInput[]> {
  const partnerIds = [...new Set(keys.flatMap(({ partnerId }) => partnerId ?? []))];
  const partners = await tx.findBy(Partner, { tenantId, id: In(partnerIds) });
  const byId = new Map(partners.map(({ id, no }) => [id, { id, no }]));
  return keys.map(({ id, clientId: client, partnerId, kid, state, compromisedAt: before }) => ({
    ...{ type: ActType.KEY_REVOKED, subjectId: id, partner: byId.get(partnerId ?? "") ?? null },
    before: { state, compromisedAt: textOrNull(before) },
    after: {
      ...{ state: KeyState.REVOKED, client, kid, cause, reason, compromisedAt: textOrNull(compromisedAt) },
      ...(revocationId === null ? {} : { revocation: revocationId }),
    },
  }));
}

async function checkMayRevoke(tx: Tx, actor: Actor, keys: readonly ClientKey[]): Promise<void> {
  if (actor.kind === PrincipalKind.OPERATOR_SHELL) return;
  const clientIds = [...new Set(keys.map(({ clientId }) => clientId))];
  const clients = await tx.findBy(Client, { tenantId: actor.tenantId, id: In(clientIds) });
  for (const { kind, scopes } of clients) checkMayEmpower(actor, kind, scopes);
}

function checkedCause({ reason, cause = RevocationCause.OTHER, compromisedAt = null }: Cause): CheckedCause {
  if ((cause === RevocationCause.COMPROMISED) !== (compromisedAt !== null)) {
    const path = "/compromisedAt";
    throw identityError("VALIDATION", { path, reason: "Say since when with COMPROMISED, and with nothing else." });
  }
  return { reason: checkedReason(reason), cause, compromisedAt };
}

function checkNotAhead(app: App, { compromisedAt }: CheckedCause): void {
  if (compromisedAt === null || compromisedAt <= app.clock.now()) return;
  throw identityError("VALIDATION", { path: "/compromisedAt", reason: "That instant is ahead." });
}

function textsOf({ compromisedAt, ...cause }: CheckedCause) {
  return { ...cause, compromisedAt: textOrNull(compromisedAt) };
}

function textOrNull(instant: Date | null): string | null {
  return instant === null ? null : instantText(instant);
}
