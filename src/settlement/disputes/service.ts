import { In } from "typeorm";
import { ActType } from "../../acts/entities.js";
import type { Actor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { isId, newId } from "../../kernel/ids.js";
import { parseAmount, scaleOf } from "../../kernel/money.js";
import { type Page, type PageRequest, POSITION, pageOf, pageStart } from "../../kernel/page.js";
import { PeriodState } from "../../periods/entities.js";
import type { App } from "../../platform/app.js";
import type { Tx } from "../../platform/database.js";
import type { Statement } from "../entities.js";
import { settlementError } from "../errors.js";
import { type LockedStatement, moveStatement, type StatementMove } from "../lifecycle/service.js";
import { ReplyKind } from "../replies/entities.js";
import { disputeFault } from "../replies/rules.js";
import { type Replied, type ReplyTo, takeReply } from "../replies/service.js";
import {
  ACKNOWLEDGEMENT_TYPE,
  acknowledgementSchema,
  DISPUTE_TYPE,
  type DisputeContent,
  disputeSchema,
  WITHDRAWAL_TYPE,
  withdrawalSchema,
} from "../reply-schema.js";
import { documentOf } from "../statements/service.js";
import { Dispute, DisputeState } from "./entities.js";

const DISPUTES_MAX = 20;
const UNDECIDED: readonly DisputeState[] = [DisputeState.OPEN, DisputeState.PENDING_APPROVAL];

/** Whose disputes, and which. */
export interface DisputeFilter {
  readonly partnerId: string | null;
  readonly statementId: string | null;
  readonly state: DisputeState | null;
}

/**
 * Takes the partner's signed word that a statement is right: it can no longer be disputed, and moves on where nobody
 * has to approve it. Refused while a dispute of it is undecided, and a second time (`VERSION_CONFLICT`).
 */
export async function acknowledgeStatement(app: App, actor: Actor, jws: string): Promise<Replied> {
  return takeReply(app, actor, jws, {
    ...{ kind: ReplyKind.ACKNOWLEDGEMENT, typ: ACKNOWLEDGEMENT_TYPE, schema: acknowledgementSchema },
    act: async (tx, { locked, says, receivedAt: now }) => {
      const { acknowledgedAt, advancesAt } = locked.statement;
      if (acknowledgedAt !== null) throw conflict("The statement was acknowledged before.");
      if ((await countUndecided(tx, locked)) > 0) throw conflict("The statement is disputed.");
      const change = { acknowledgedAt: now, advancesAt: advancesAt !== null && advancesAt > now ? now : advancesAt };
      await moveStatement(app, tx, actor, locked, { type: ActType.STATEMENT_ACKNOWLEDGED, says, change });
      return null;
    },
  });
}

/**
 * Opens a dispute that the partner signed. What is not released yet waits for the answer. Refused once the window is
 * over or the statement was acknowledged (`DISPUTE_WINDOW_CLOSED`), and beyond twenty disputes of a statement.
 */
export async function disputeStatement(app: App, actor: Actor, jws: string): Promise<Replied> {
  return takeReply(app, actor, jws, {
    ...{ kind: ReplyKind.DISPUTE, typ: DISPUTE_TYPE, schema: disputeSchema },
    act: (tx, reply) => open(app, tx, actor, reply),
  });
}

/** Takes back a dispute that is not decided, as the partner signed. A decided one stays (`VERSION_CONFLICT`). */
export async function withdrawDispute(app: App, actor: Actor, jws: string): Promise<Replied> {
  return takeReply(app, actor, jws, {
    ...{ kind: ReplyKind.WITHDRAWAL, typ: WITHDRAWAL_TYPE, schema: withdrawalSchema },
    act: async (tx, { locked, content, says, receivedAt: decidedAt }) => {
      const dispute = await lockedDispute(tx, locked.statement, content.dispute);
      const change = { state: DisputeState.WITHDRAWN, decidedAt };
      await decideDispute(app, tx, actor, { locked, dispute, type: ActType.DISPUTE_WITHDRAWN, change, says });
      return dispute.id;
    },
  });
}

/** A dispute that the actor may see; `NOT_FOUND` for anything else. */
export async function disputeOf(app: App, { tenantId, partnerId }: Actor, id: string): Promise<Dispute> {
  const where = { tenantId, id, ...(partnerId === null ? {} : { partnerId }) };
  const dispute = isId(id, "dsp") ? await app.database.manager.findOneBy(Dispute, where) : null;
  if (dispute === null) throw settlementError("NOT_FOUND", { what: "dispute" });
  return dispute;
}

/** Whether a dispute has ended. */
export function isDecided({ state }: Pick<Dispute, "state">): boolean {
  return !UNDECIDED.includes(state);
}

/** The dispute that a reply opened or withdrew. */
export async function disputeReplied(app: App, actor: Actor, { reply }: Replied): Promise<Dispute> {
  return disputeOf(app, actor, present(reply.disputeId, "the dispute of a reply"));
}

/** Disputes that the actor may see, oldest first. */
export async function disputesOf(
  app: App,
  actor: Actor,
  filter: DisputeFilter,
  request: PageRequest,
): Promise<Page<Dispute>> {
  const { rows, after } = pageStart(request, "disputes", POSITION.ID);
  const query = selection(app, actor, filter);
  if (after !== null) query.andWhere("dispute.id > :after", { after });
  const found = await query
    .orderBy("dispute.id")
    .limit(rows + 1)
    .getMany();
  return pageOf(found, rows, ({ id }) => id);
}

/** How many disputes the actor may see. */
export async function countDisputes(app: App, actor: Actor, filter: DisputeFilter): Promise<number> {
  return selection(app, actor, filter).getCount();
}

/** A dispute of a locked statement, undecided; `NOT_FOUND` for anything else, `VERSION_CONFLICT` for a decided one. */
export async function lockedDispute(tx: Tx, { tenantId, id: statementId }: Statement, id: string): Promise<Dispute> {
  const dispute = isId(id, "dsp") ? await tx.findOneBy(Dispute, { tenantId, id, statementId }) : null;
  if (dispute === null) throw settlementError("NOT_FOUND", { what: "dispute" });
  if (isDecided(dispute)) throw conflict(`The dispute is ${dispute.state}.`);
  return dispute;
}

/** How a dispute ends, and the act that says so. */
export interface Decision {
  readonly locked: LockedStatement;
  readonly dispute: Dispute;
  readonly type: ActType;
  readonly change: Partial<Dispute> & { readonly state: DisputeState };
  readonly says: Readonly<Record<string, unknown>>;
}

/** Ends a dispute; a statement that waited for it alone waits for approval again. One act says both. */
export async function decideDispute(app: App, tx: Tx, actor: Actor, decision: Decision): Promise<void> {
  const { locked, dispute, type, change, says } = decision;
  const { tenantId, id } = dispute;
  await tx.update(Dispute, { tenantId, id }, change);
  const isLast = locked.statement.state === PeriodState.DISPUTED && (await countUndecided(tx, locked)) === 0;
  const move: StatementMove = {
    ...(isLast ? { to: PeriodState.STATEMENT_ISSUED } : {}),
    ...{ type, subjectId: id, says: { ...says, disputeState: change.state } },
  };
  await moveStatement(app, tx, actor, locked, move);
}

function conflict(reason: string): Error {
  return settlementError("VERSION_CONFLICT", { reason });
}

async function open(app: App, tx: Tx, actor: Actor, reply: ReplyTo<DisputeContent>): Promise<string> {
  const { locked, content, replyId, says, receivedAt: openedAt } = reply;
  const { statement, partner } = locked;
  const fault = disputeFault(statement, openedAt);
  if (fault !== null) throw settlementError("DISPUTE_WINDOW_CLOSED", { reason: fault });
  checkLines(statement, content);
  const { tenantId, tenantNo, id: statementId, currency } = statement;
  if ((await tx.countBy(Dispute, { tenantId, statementId })) >= DISPUTES_MAX) {
    throw settlementError("LIMIT_EXCEEDED", { reason: `A statement has at most ${DISPUTES_MAX} disputes.` });
  }
  const id = newId("dsp", app.clock);
  const state = DisputeState.OPEN;
  await tx.insert(Dispute, {
    ...{ tenantId, id, tenantNo, partnerId: partner.id, statementId, replyId, currency, state, openedAt },
  });
  const holdsUp = [PeriodState.STATEMENT_ISSUED, PeriodState.APPROVED].includes(statement.state);
  await moveStatement(app, tx, actor, locked, {
    ...(holdsUp ? { to: PeriodState.DISPUTED, change: { approvedBy: null } } : {}),
    ...{ type: ActType.DISPUTE_OPENED, subjectId: id },
    says: { ...says, disputeState: state, lines: content.lines.map(({ line }) => line) },
  });
  return id;
}

/** Every line is one of the statement's, named once, and what is claimed is an amount of its currency. */
function checkLines(statement: Statement, { lines }: DisputeContent): void {
  const stated = documentOf(statement).lines.length;
  const seen = new Set<number>();
  for (const [index, { line, claimed }] of lines.entries()) {
    const refuse = (member: string, reason: string) =>
      settlementError("VALIDATION", { path: `/lines/${index}/${member}`, reason });
    if (line >= stated) throw refuse("line", `The statement has ${stated} lines, numbered from 0.`);
    if (seen.has(line)) throw refuse("line", "A line is named once.");
    seen.add(line);
    if (claimed === undefined) continue;
    const isAmount = typeof parseAmount(claimed, scaleOf(statement.currency), { signed: true }) === "bigint";
    if (!isAmount) throw refuse("claimed", `It is no amount of ${statement.currency}.`);
  }
}

async function countUndecided(tx: Tx, { statement: { tenantId, id: statementId } }: LockedStatement): Promise<number> {
  return tx.countBy(Dispute, { tenantId, statementId, state: In([...UNDECIDED]) });
}

function selection(app: App, actor: Actor, { partnerId, statementId, state }: DisputeFilter) {
  const query = app.database.manager
    .createQueryBuilder(Dispute, "dispute")
    .where("dispute.tenantId = :tenantId", { tenantId: actor.tenantId });
  const seen = actor.partnerId ?? partnerId;
  if (seen !== null) query.andWhere("dispute.partnerId = :seen", { seen });
  if (statementId !== null) query.andWhere("dispute.statementId = :statementId", { statementId });
  if (state !== null) query.andWhere("dispute.state in (:...states)", { states: statesSeen(actor, state) });
  return query;
}

/** The states meant by one: to a partner a dispute is open until its answer stands. */
function statesSeen({ partnerId }: Actor, state: DisputeState): readonly (DisputeState | null)[] {
  if (partnerId === null || !UNDECIDED.includes(state)) return [state];
  return state === DisputeState.OPEN ? UNDECIDED : [null];
}
