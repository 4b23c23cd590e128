import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import { checkSecondPerson } from "../../identity/four-eyes/service.js";
import type { Actor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { dayIn } from "../../kernel/clock.js";
import { decimalText, parseAmount, scaleOf } from "../../kernel/money.js";
import { EntryKind } from "../../ledger/entities.js";
import { changeBalances, linesOf, type NewEntry, post } from "../../ledger/service.js";
import { type HeldCursor, holdCursor } from "../../periods/cursors/service.js";
import { TransactionKind } from "../../periods/entities.js";
import { addFineActivity } from "../../periods/fine-totals/service.js";
import { earliestOpen } from "../../periods/service.js";
import { addActivity } from "../../periods/totals/service.js";
import type { App } from "../../platform/app.js";
import type { Tx } from "../../platform/database.js";
import { once } from "../../platform/idempotency.js";
import type { Partner } from "../../tenancy/entities.js";
import { partnerOf } from "../../tenancy/service.js";
import { adjustmentActivity, fineAdjustments } from "../corrections/service.js";
import { Dispute, DisputeOutcome, DisputeState } from "../disputes/entities.js";
import { decideDispute, disputeOf, lockedDispute } from "../disputes/service.js";
import { settlementError } from "../errors.js";
import { type LockedStatement, lockStatement } from "../lifecycle/service.js";

/** What the tenant answers to a dispute. */
export interface Answer {
  readonly disputeId: string;
  readonly outcome: DisputeOutcome;
  /** What is put right, as a decimal: positive in the partner's favour; null where nothing is. */
  readonly amount: string | null;
  readonly reason: string;
}

/** An answer that moves money, as its second person read it. */
export interface Approval {
  readonly disputeId: string;
  readonly amount: string;
}

/**
 * Answers a dispute. Where money moves the answer waits for a second person; before that it may be given anew. Refused
 * where a rejection has an amount, and once the dispute is decided (`VERSION_CONFLICT`).
 */
export async function answerDispute(
  app: App,
  actor: Actor,
  answer: Answer,
  idempotencyKey: string | null = null,
): Promise<Dispute> {
  const dispute = await disputeOf(app, actor, answer.disputeId);
  const partner = await partnerOf(app, actor, dispute.partnerId);
  const adjustmentMinor = amountIn(dispute.currency, answer.amount ?? "0");
  if (answer.outcome === DisputeOutcome.REJECTED && adjustmentMinor !== 0n) {
    throw settlementError("VALIDATION", { path: "/amount", reason: "A rejection puts nothing right." });
  }
  const request = { operation: "answerDispute", idempotencyKey, input: { ...answer } };
  await once(app, actor, request, async (tx) => {
    const locked = await lockStatement(tx, partner, dispute.statementId);
    const current = await lockedDispute(tx, locked.statement, dispute.id);
    const { outcome: wanted, reason } = answer;
    const answered = { outcome: DisputeState[wanted], adjustmentMinor, answer: reason, answeredBy: actor.principalId };
    const undecided = { locked, dispute: Object.assign(new Dispute(), current, answered) };
    await (adjustmentMinor === 0n ? decide : propose)(app, tx, actor, undecided);
    return dispute.id;
  });
  return disputeOf(app, actor, dispute.id);
}

/**
 * Lets an answer that moves money stand: the adjustment is posted into the partner's earliest open period, whose
 * statement has a line for it. Refused to who gave the answer (`FORBIDDEN`), except at the server's own shell; where
 * the amount is not what was answered (`VERSION_CONFLICT`); and while no period is open (`PERIOD_UNKNOWN`).
 */
export async function approveDisputeAnswer(
  app: App,
  actor: Actor,
  approval: Approval,
  idempotencyKey: string | null = null,
): Promise<Dispute> {
  const dispute = await disputeOf(app, actor, approval.disputeId);
  const partner = await partnerOf(app, actor, dispute.partnerId);
  const approvedMinor = amountIn(dispute.currency, approval.amount);
  const request = { operation: "approveDisputeAnswer", idempotencyKey, input: { ...approval } };
  const work = async (tx: Tx) => {
    const cursor = await holdCursor(tx, partner);
    const locked = await lockStatement(tx, partner, dispute.statementId);
    const current = await lockedDispute(tx, locked.statement, dispute.id);
    await checkApproval(tx, actor, current, approvedMinor);
    const decidedAt = app.clock.now();
    const periodNo = await postAdjustment(tx, { partner, cursor, dispute: current, decidedAt });
    await decide(app, tx, actor, { locked, dispute: current }, { periodNo, decidedAt });
    return dispute.id;
  };
  await changeBalances(app, [partner], () => once(app, actor, request, work));
  return disputeOf(app, actor, dispute.id);
}

function amountIn(currency: string, text: string): bigint {
  const minor = parseAmount(text, scaleOf(currency), { signed: true });
  if (typeof minor === "bigint") return minor;
  throw settlementError("VALIDATION", { path: "/amount", reason: `It is no amount of ${currency}.` });
}

async function checkApproval(tx: Tx, actor: Actor, dispute: Dispute, approvedMinor: bigint): Promise<void> {
  const { state, answeredBy, adjustmentMinor } = dispute;
  if (state !== DisputeState.PENDING_APPROVAL) {
    throw settlementError("VERSION_CONFLICT", { reason: "No answer to the dispute waits for approval." });
  }
  await checkSecondPerson(tx, actor, {
    by: [answeredBy],
    reason: "Who answered a dispute may not approve the answer.",
  });
  if (adjustmentMinor !== approvedMinor) {
    throw settlementError("VERSION_CONFLICT", { reason: "Another amount was answered since." });
  }
}

interface Undecided {
  readonly locked: LockedStatement;
  /** With its answer. */
  readonly dispute: Dispute;
}

async function propose(app: App, tx: Tx, actor: Actor, { locked, dispute }: Undecided): Promise<void> {
  const { tenantId, id, state: before, outcome, adjustmentMinor, answer, answeredBy } = dispute;
  const state = DisputeState.PENDING_APPROVAL;
  await tx.update(Dispute, { tenantId, id }, { outcome, adjustmentMinor, answer, answeredBy, state });
  const after = { statementId: locked.statement.id, ...saysOf(dispute), disputeState: state };
  const act = { type: ActType.DISPUTE_ANSWER_PROPOSED, subjectId: id, partner: locked.partner };
  await recordActs(tx, actor, app.clock.now(), [{ ...act, before: { disputeState: before }, after }]);
}

async function decide(
  app: App,
  tx: Tx,
  actor: Actor,
  { locked, dispute }: Undecided,
  { periodNo: adjustmentPeriodNo = null, decidedAt = app.clock.now() }: Posted = {},
): Promise<void> {
  const { outcome, adjustmentMinor, answer, answeredBy } = dispute;
  const state = present(outcome, "the outcome of an answered dispute");
  const type = state === DisputeState.REJECTED ? ActType.DISPUTE_REJECTED : ActType.DISPUTE_ACCEPTED;
  const approvedBy = adjustmentPeriodNo === null ? null : actor.principalId;
  const decided = { approvedBy, adjustmentPeriodNo, decidedAt };
  const change = { state, outcome, adjustmentMinor, answer, answeredBy, ...decided };
  await decideDispute(app, tx, actor, { locked, dispute, type, change, says: saysOf(dispute) });
}

/** Where and when an adjustment was posted; nothing where there is none. */
interface Posted {
  readonly periodNo?: number | null;
  readonly decidedAt?: Date;
}

function saysOf({ adjustmentMinor, currency, answer, outcome }: Dispute) {
  return { outcome, amount: decimalText(adjustmentMinor ?? 0n, scaleOf(currency)), currency, reason: answer };
}

interface ToPost {
  readonly partner: Partner;
  readonly cursor: HeldCursor;
  readonly dispute: Dispute;
  readonly decidedAt: Date;
}

/** Posts as an adjustment that the tenant reports: ADJUSTMENT_COST against ADJUSTMENT_DUE, and the period's totals. */
async function postAdjustment(tx: Tx, { partner, cursor, dispute, decidedAt }: ToPost): Promise<number> {
  const period = await earliestOpen(tx, partner);
  if (period === null) throw settlementError("PERIOD_UNKNOWN");
  const { id, currency } = dispute;
  const amountMinor = present(dispute.adjustmentMinor, "the amount of an answer");
  const lines = linesOf([{ kind: TransactionKind.ADJUSTMENT, category: null, currency, amountMinor }]);
  const entry: NewEntry = {
    ...{ kind: EntryKind.DISPUTE, periodNo: period.no, batchNo: null, statementId: null },
    ...{ recordedAt: decidedAt, lines },
  };
  const activity = [adjustmentActivity({ id, currency, amountMinor, periodNo: period.no })];
  await addActivity(tx, partner, activity);
  await addFineActivity(tx, partner, fineAdjustments(activity, period.grain, dayIn(partner.timezone)(decidedAt)));
  await post(tx, partner, cursor, [entry]);
  return period.no;
}
