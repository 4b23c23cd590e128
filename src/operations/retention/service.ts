import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import { checkSecondPerson } from "../../identity/four-eyes/service.js";
import type { Actor } from "../../kernel/actor.js";
import { isId, newId } from "../../kernel/ids.js";
import { type Page, type PageRequest, POSITION, pageOf, pageStart } from "../../kernel/page.js";
import type { App } from "../../platform/app.js";
import type { Tx } from "../../platform/database.js";
import { once } from "../../platform/idempotency.js";
import { renewPlayerKey } from "../../tenancy/service.js";
import { operationsError } from "../errors.js";
import { RetentionChange, RetentionKind, RetentionState } from "./entities.js";

/** What somebody proposes; days are null where something is kept for ever, and of a key. */
export interface Proposal {
  readonly kind: RetentionKind;
  readonly itemDays: number | null;
  readonly originDays: number | null;
  readonly reason: string;
}

const TYPES: Readonly<Record<RetentionKind, Readonly<Record<"proposed" | "done" | "refused", ActType>>>> = {
  RETENTION: {
    proposed: ActType.RETENTION_PROPOSED,
    done: ActType.RETENTION_SET,
    refused: ActType.RETENTION_REFUSED,
  },
  PLAYER_KEY: {
    proposed: ActType.PLAYER_KEY_ERASURE_PROPOSED,
    done: ActType.PLAYER_KEY_ERASED,
    refused: ActType.PLAYER_KEY_ERASURE_REFUSED,
  },
};

/** Writes a proposal down; nothing changes before a second person approves it. */
export async function proposeChange(
  app: App,
  actor: Actor,
  proposal: Proposal,
  idempotencyKey: string | null = null,
): Promise<RetentionChange> {
  const { tenantId } = actor;
  const id = await once(app, actor, { operation: "proposeRetention", idempotencyKey, input: proposal }, async (tx) => {
    const proposedAt = app.clock.now();
    const change = { ...proposal, id: newId("rtn", app.clock), state: RetentionState.PENDING_APPROVAL };
    const who = { proposedBy: actor.principalId, proposedAt, decidedBy: null, decidedAt: null };
    const active = await activeChange(tx, tenantId, proposal.kind);
    await tx.insert(RetentionChange, { tenantId, ...change, ...who });
    const before = active === null ? {} : daysOf(active);
    const after = { ...daysOf(change), state: change.state, reason: proposal.reason };
    const act = { type: TYPES[proposal.kind].proposed, subjectId: change.id, partner: null, before, after };
    await recordActs(tx, actor, proposedAt, [act]);
    return change.id;
  });
  return changeOf(app, actor, id);
}

/**
 * Puts a proposal of somebody else in force: the days are those that count from now on, or the key is erased at once.
 * Who proposed it may not approve it, nor may a client of his (`FORBIDDEN`). A key is not erased while an open period
 * tells players apart by it (`VERSION_CONFLICT`).
 */
export async function approveChange(
  app: App,
  actor: Actor,
  id: string,
  idempotencyKey: string | null = null,
): Promise<RetentionChange> {
  await changeOf(app, actor, id);
  const request = { operation: "approveRetentionChange", idempotencyKey, input: { id } };
  await once(app, actor, request, async (tx) => {
    const pending = await lockPending(tx, actor, id);
    const reason = "Who proposed a change of retention may not approve it.";
    await checkSecondPerson(tx, actor, { by: [pending.proposedBy], reason });
    const active = await activeChange(tx, actor.tenantId, pending.kind);
    if (active !== null) await decide(app, tx, actor, { change: active, state: RetentionState.SUPERSEDED });
    await decide(app, tx, actor, { change: pending, state: RetentionState.ACTIVE });
    if (pending.kind === RetentionKind.PLAYER_KEY) await erasePlayerKey(app, tx, actor);
    const before = { ...(active === null ? {} : daysOf(active)), state: pending.state };
    const after = { ...daysOf(pending), state: RetentionState.ACTIVE, reason: pending.reason };
    const act = { type: TYPES[pending.kind].done, subjectId: id, partner: null, before, after };
    await recordActs(tx, actor, app.clock.now(), [act]);
    return id;
  });
  return changeOf(app, actor, id);
}

/** Refuses a proposal for good, or takes one's own back. */
export async function refuseChange(
  app: App,
  actor: Actor,
  { id, reason }: { readonly id: string; readonly reason: string },
  idempotencyKey: string | null = null,
): Promise<RetentionChange> {
  await changeOf(app, actor, id);
  const request = { operation: "refuseRetentionChange", idempotencyKey, input: { id, reason } };
  await once(app, actor, request, async (tx) => {
    const change = await lockPending(tx, actor, id);
    await decide(app, tx, actor, { change, state: RetentionState.REFUSED });
    const [before, after] = [{ state: change.state }, { state: RetentionState.REFUSED, reason }];
    const act = { type: TYPES[change.kind].refused, subjectId: id, partner: null, before, after };
    await recordActs(tx, actor, app.clock.now(), [act]);
    return id;
  });
  return changeOf(app, actor, id);
}

/** A change of the actor's tenant; `NOT_FOUND` for anything else. */
async function changeOf(app: App, { tenantId, partnerId }: Actor, id: string): Promise<RetentionChange> {
  const isForm = partnerId === null && isId(id, "rtn");
  const change = isForm ? await app.database.manager.findOneBy(RetentionChange, { tenantId, id }) : null;
  if (change === null) throw operationsError("NOT_FOUND", { what: "change of retention" });
  return change;
}

/** All changes that were ever proposed in the actor's tenant, oldest first. */
export async function changesOf(app: App, actor: Actor, request: PageRequest): Promise<Page<RetentionChange>> {
  const { rows, after } = pageStart(request, "retention-changes", POSITION.ID);
  const query = app.database.manager
    .createQueryBuilder(RetentionChange, "change")
    .where("change.tenantId = :tenantId", { tenantId: actor.tenantId });
  if (after !== null) query.andWhere("change.id > :after", { after });
  const found = await query
    .orderBy("change.id")
    .limit(rows + 1)
    .getMany();
  return pageOf(found, rows, ({ id }) => id);
}

/** How many there are. */
export async function countChanges(app: App, { tenantId }: Actor): Promise<number> {
  return app.database.manager.countBy(RetentionChange, { tenantId });
}

/** For how long a tenant keeps things, as approved; null where nobody ever said so: for ever. */
export async function retentionOf(app: App, tenantId: string): Promise<RetentionChange | null> {
  return activeChange(app.database.manager, tenantId, RetentionKind.RETENTION);
}

async function activeChange(
  reader: Pick<Tx, "findOneBy">,
  tenantId: string,
  kind: RetentionKind,
): Promise<RetentionChange | null> {
  return reader.findOneBy(RetentionChange, { tenantId, kind, state: RetentionState.ACTIVE });
}

/** The tenant's row is the lock under which changes of its retention are decided. */
async function lockPending(tx: Tx, { tenantId }: Actor, id: string): Promise<RetentionChange> {
  await tx.query("select no from tenant where id = ? for update", [tenantId]);
  const change = await tx.findOneByOrFail(RetentionChange, { tenantId, id });
  if (change.state !== RetentionState.PENDING_APPROVAL) {
    throw operationsError("VERSION_CONFLICT", { reason: `The proposal is ${change.state}.` });
  }
  return change;
}

interface Decided {
  readonly change: RetentionChange;
  readonly state: RetentionState;
}

async function decide(app: App, tx: Tx, actor: Actor, { change: { tenantId, id }, state }: Decided): Promise<void> {
  const isNew = state !== RetentionState.SUPERSEDED; // who approved it stays written there
  const decision = isNew ? { decidedBy: actor.principalId, decidedAt: app.clock.now() } : {};
  await tx.update(RetentionChange, { tenantId, id }, { state, ...decision });
}

async function erasePlayerKey(app: App, tx: Tx, { tenantId, tenantNo }: Actor): Promise<void> {
  const [used] = await tx.query(
    "select id from settlement_period where tenant_no = ? and state = 'OPEN' and grain like '%PLAYER%' limit 1",
    [tenantNo],
  );
  if (used !== undefined) {
    const reason = "Terms that ring-fence players need the key: put others in force and close the periods first.";
    throw operationsError("VERSION_CONFLICT", { reason });
  }
  await renewPlayerKey(app, tx, tenantId);
}

function daysOf({ kind, itemDays, originDays }: Pick<RetentionChange, "kind" | "itemDays" | "originDays">) {
  return kind === RetentionKind.RETENTION ? { itemDays, originDays } : {};
}
