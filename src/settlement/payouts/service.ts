import { ActType } from "../../acts/entities.js";
import type { Actor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { isId } from "../../kernel/ids.js";
import { decimalText, parseAmount, scaleOf } from "../../kernel/money.js";
import { type Page, type PageRequest, POSITION, pageOf, pageStart } from "../../kernel/page.js";
import { AccountName, EntryKind } from "../../ledger/entities.js";
import { changeBalances, type NewEntry, post } from "../../ledger/service.js";
import { holdCursor } from "../../periods/cursors/service.js";
import { PeriodState } from "../../periods/entities.js";
import type { App } from "../../platform/app.js";
import type { Tx } from "../../platform/database.js";
import { once } from "../../platform/idempotency.js";
import type { Partner } from "../../tenancy/entities.js";
import { partnerOf } from "../../tenancy/service.js";
import { settlementError } from "../errors.js";
import { type LockedStatement, lockStatement, moveStatement } from "../lifecycle/service.js";
import { moveSettled, purseOf } from "../purses/service.js";
import { Payout, PayoutState } from "./entities.js";
import { settledStatements } from "./rules.js";

/** What the bank did with a payout. */
export interface PayoutMark {
  readonly payoutId: string;
  /** A decimal; null for all that is left of it. */
  readonly amount: string | null;
  /** The bank's own word for it, or why; null where nobody says. */
  readonly note: string | null;
}

/** Which payouts; null is any. */
export interface PayoutFilter {
  readonly partner: Partner | null;
  readonly fileId: string | null;
  readonly statementId: string | null;
  readonly state: PayoutState | null;
  readonly endToEndId: string | null;
}

/**
 * Marks a payout as paid: all of it, or a part, of which the rest stays payable and may be exported again. PAYABLE and
 * cash move, the position does not. A statement of which nothing is left becomes PAID. Only what is `EXPORTED` can be
 * paid (`VERSION_CONFLICT`), and no more than it is (`VALIDATION`).
 */
export async function markPayoutPaid(
  app: App,
  actor: Actor,
  mark: PayoutMark,
  idempotencyKey: string | null = null,
): Promise<Payout> {
  return markPayout(app, actor, { operation: "markPayoutPaid", mark, idempotencyKey }, (payout) => {
    checkStands(payout, [PayoutState.EXPORTED]);
    const minor = amountOf(mark, payout, payout.amountMinor);
    const state = minor === payout.amountMinor ? PayoutState.PAID : PayoutState.PARTLY_PAID;
    return {
      type: ActType.PAYOUT_PAID,
      kind: EntryKind.PAYMENT,
      paidMinor: minor,
      change: { state, paidMinor: minor },
    };
  });
}

/** Marks a payout as not paid by the bank: nothing moves, and its money may be exported again (`VERSION_CONFLICT`). */
export async function markPayoutRefused(
  app: App,
  actor: Actor,
  mark: Omit<PayoutMark, "amount">,
  idempotencyKey: string | null = null,
): Promise<Payout> {
  const request = { operation: "markPayoutRefused", mark: { ...mark, amount: null }, idempotencyKey };
  return markPayout(app, actor, request, (payout) => {
    checkStands(payout, [PayoutState.EXPORTED]);
    return { type: ActType.PAYOUT_REFUSED, kind: null, paidMinor: 0n, change: { state: PayoutState.REFUSED } };
  });
}

/**
 * Marks what a payout paid, or a part of it, as given back by the bank: cash and PAYABLE move back, its statement is
 * PAYABLE again, and the money may be exported again. Only what was paid can come back, and no more (`VALIDATION`).
 */
export async function markPayoutReturned(
  app: App,
  actor: Actor,
  mark: PayoutMark,
  idempotencyKey: string | null = null,
): Promise<Payout> {
  return markPayout(app, actor, { operation: "markPayoutReturned", mark, idempotencyKey }, (payout) => {
    checkStands(payout, [PayoutState.PAID, PayoutState.PARTLY_PAID, PayoutState.RETURNED]);
    const { paidMinor, returnedMinor } = payout;
    const minor = amountOf(mark, payout, paidMinor - returnedMinor);
    const change = { state: PayoutState.RETURNED, returnedMinor: returnedMinor + minor };
    return { type: ActType.PAYOUT_RETURNED, kind: EntryKind.PAYMENT_RETURN, paidMinor: -minor, change };
  });
}

/** A payout that the actor may see: a partner its own, the tenant's people all; `NOT_FOUND` for anything else. */
export async function payoutOf(app: App, actor: Actor, id: string): Promise<Payout> {
  const own = actor.partnerId === null ? {} : { partnerId: actor.partnerId };
  const where = { tenantId: actor.tenantId, id, ...own };
  const payout = isId(id, "pay") ? await app.database.manager.findOneBy(Payout, where) : null;
  if (payout === null) throw settlementError("NOT_FOUND", { what: "payout" });
  return payout;
}

/** The tenant's payouts in the order of export, those that a filter leaves. */
export async function payoutsOf(
  app: App,
  actor: Actor,
  filter: PayoutFilter,
  request: PageRequest,
): Promise<Page<Payout>> {
  const { rows, after } = pageStart(request, "payouts", POSITION.ID);
  const query = selection(app, actor, filter);
  if (after !== null) query.andWhere("payout.id > :after", { after });
  const found = await query
    .orderBy("payout.id")
    .limit(rows + 1)
    .getMany();
  return pageOf(found, rows, ({ id }) => id);
}

/** How many payouts those are. */
export async function countPayouts(app: App, actor: Actor, filter: PayoutFilter): Promise<number> {
  return selection(app, actor, filter).getCount();
}

function selection(app: App, { tenantId }: Actor, filter: PayoutFilter) {
  const { partner, fileId, statementId, state, endToEndId } = filter;
  const query = app.database.manager
    .createQueryBuilder(Payout, "payout")
    .where("payout.tenantId = :tenantId", { tenantId });
  if (partner !== null) query.andWhere("payout.partnerId = :partnerId", { partnerId: partner.id });
  if (fileId !== null) query.andWhere("payout.fileId = :fileId", { fileId });
  if (statementId !== null) query.andWhere("payout.statementId = :statementId", { statementId });
  if (state !== null) query.andWhere("payout.state = :state", { state });
  if (endToEndId !== null) query.andWhere("payout.endToEndId = :endToEndId", { endToEndId });
  return query;
}

/** What a mark changes: the payout's columns, and money where a kind of entry is named. */
interface Marking {
  readonly type: ActType;
  readonly kind: EntryKind.PAYMENT | EntryKind.PAYMENT_RETURN | null;
  /** Minor units that left for the partner; below zero: that came back. */
  readonly paidMinor: bigint;
  readonly change: Partial<Pick<Payout, "state" | "paidMinor" | "returnedMinor">>;
}

interface MarkRequest {
  readonly operation: string;
  readonly mark: PayoutMark;
  readonly idempotencyKey: string | null;
}

async function markPayout(
  app: App,
  actor: Actor,
  { operation, mark, idempotencyKey }: MarkRequest,
  decide: (payout: Payout) => Marking,
): Promise<Payout> {
  const { partnerId } = await payoutOf(app, actor, mark.payoutId);
  const partner = await partnerOf(app, actor, partnerId);
  const marking = async (tx: Tx) => {
    await markLocked(app, tx, actor, { partner, mark, decide });
    return mark.payoutId;
  };
  const request = { operation, idempotencyKey, input: mark };
  await changeBalances(app, [partner], () => once(app, actor, request, marking));
  return payoutOf(app, actor, mark.payoutId);
}

interface ToMark {
  readonly partner: Partner;
  readonly mark: PayoutMark;
  readonly decide: (payout: Payout) => Marking;
}

/** The partner's cursor is the lock under which its payouts change. */
async function markLocked(app: App, tx: Tx, actor: Actor, { partner, mark, decide }: ToMark): Promise<void> {
  const cursor = await holdCursor(tx, partner);
  const key = { tenantId: partner.tenantId, id: mark.payoutId };
  const payout = present(await tx.findOneBy(Payout, key), "a payout that was just read");
  const marking = decide(payout);
  const changedAt = app.clock.now();
  await tx.update(Payout, key, { ...marking.change, changedAt });
  if (marking.kind !== null) await post(tx, partner, cursor, [entryOf(payout, marking, changedAt)]);
  await recordMark(app, tx, actor, { partner, payout, marking, note: mark.note });
  await moveSettled(app, tx, actor, partner, payout.currency);
}

function entryOf({ statementId, currency }: Payout, { kind, paidMinor }: Marking, recordedAt: Date): NewEntry {
  const lines = [
    { account: AccountName.PAYABLE, currency, amountMinor: paidMinor },
    { account: AccountName.CLEARING, currency, amountMinor: -paidMinor },
  ];
  return { kind: present(kind, "a kind of entry"), periodNo: 0, batchNo: null, statementId, recordedAt, lines };
}

interface Marked {
  readonly partner: Partner;
  readonly payout: Payout;
  readonly marking: Marking;
  readonly note: string | null;
}

/** The mark and the step of the statement that it brings about are one act. */
async function recordMark(app: App, tx: Tx, actor: Actor, { partner, payout, marking, note }: Marked): Promise<void> {
  const { id: subjectId, statementId, currency, endToEndId } = payout;
  const { type, paidMinor, change } = marking;
  const [before, payoutAfter] = [summaryOf(payout), summaryOf(Object.assign(new Payout(), payout, change))];
  const amount = decimalText(paidMinor < 0n ? -paidMinor : paidMinor, scaleOf(currency));
  const says = { payoutId: subjectId, endToEndId, amount, note, payoutBefore: before, payoutAfter };
  const locked = await lockStatement(tx, partner, statementId);
  const to = await statementAfter(tx, locked, payout);
  await moveStatement(app, tx, actor, locked, { ...(to === null ? {} : { to }), type, subjectId, says });
}

/** Where the payout's statement goes now; null where it stays. */
async function statementAfter(
  tx: Tx,
  { partner, statement }: LockedStatement,
  { statementId, currency }: Payout,
): Promise<PeriodState | null> {
  if (statement.state === PeriodState.PAID) return PeriodState.PAYABLE; // what was paid of it came back
  const isSettled = settledStatements(await purseOf(tx, partner, currency)).includes(statementId);
  return isSettled ? PeriodState.PAID : null;
}

function summaryOf({ state, currency, paidMinor, returnedMinor }: Payout) {
  const text = (minor: bigint) => decimalText(minor, scaleOf(currency));
  return { state, paid: text(paidMinor), returned: text(returnedMinor) };
}

function checkStands({ state }: Payout, states: readonly PayoutState[]): void {
  if (states.includes(state)) return;
  throw settlementError("VERSION_CONFLICT", { reason: `The payout is ${state}.` });
}

/** The amount of a mark in minor units: above zero, and no more than there is. */
function amountOf({ amount }: PayoutMark, { currency }: Payout, mostMinor: bigint): bigint {
  const refuse = (reason: string) => settlementError("VALIDATION", { path: "/amount", reason });
  if (mostMinor <= 0n) throw settlementError("VERSION_CONFLICT", { reason: "Nothing is left of this payout." });
  if (amount === null) return mostMinor;
  const minor = parseAmount(amount, scaleOf(currency));
  if (typeof minor !== "bigint" || minor <= 0n) throw refuse("An amount is above zero, in the currency's decimals.");
  if (minor > mostMinor) throw refuse(`The amount is at most ${decimalText(mostMinor, scaleOf(currency))}.`);
  return minor;
}
