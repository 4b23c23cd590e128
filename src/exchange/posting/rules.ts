import { present } from "../../kernel/assert.js";
import { later } from "../../kernel/clock.js";
import { hash16Hex } from "../../kernel/digest.js";
import { ErrorCode } from "../../kernel/errors.js";
import { TransactionKind } from "../../periods/entities.js";
import { type BookedTransaction, Books, Draft, type KnownBooks, type Place, type Writes } from "../books/rules.js";
import type { CreditTerms } from "../credit/rules.js";
import { BatchMode, TransactionState } from "../entities.js";
import type { Item, ItemRefusal } from "../validate.js";

/** What became of one item of a batch. */
export enum ItemOutcome {
  POSTED = "POSTED",
  DUPLICATE = "DUPLICATE",
  DUPLICATE_MISMATCH = "DUPLICATE_MISMATCH",
  PENDING_ORIGINAL = "PENDING_ORIGINAL",
  REFUSED = "REFUSED",
}

/** An item's outcome; code and path where it was refused. */
export interface Outcome {
  readonly outcome: ItemOutcome;
  readonly code?: ErrorCode;
  readonly path?: string;
}

/** A batch to decide on, its items already checked for shape. */
export interface BatchToPost {
  readonly no: string;
  readonly mode: BatchMode;
  readonly acceptedAt: Date;
  /** Whether the tenant signed it, or the partner itself. */
  readonly isTenants: boolean;
  readonly items: readonly HashedItem[];
}

/** An item in shape with what it is known by, both in hexadecimal; or its refusal. */
export type HashedItem =
  | {
      readonly ok: true;
      readonly item: Item;
      readonly dedupe: string;
      readonly contentHash: string;
      /** `dedupe` of what a rollback reverses; null for every other kind. */
      readonly reverses: string | null;
      /** The player's pseudonym as it is stored. */
      readonly player: string | null;
    }
  | ItemRefusal;

/** What is known of the partner before the batches; keys are `dedupe` in hexadecimal. */
export interface Facts extends KnownBooks {
  readonly currencies: ReadonlySet<string>;
  /** What the terms of a period say of credit in a currency; null where they say nothing. */
  readonly creditTermsOf: (periodNo: number, currency: string) => CreditTerms | null;
  readonly placeAt: (instant: Date) => Place | null;
  /** The open period for what belongs to a period that may be closed by now. */
  readonly placeOfOrigin: (originPeriodNo: number) => Place | null;
}

/** An outcome for every item, by batch number, and everything to write. */
export interface Decision extends Writes {
  readonly outcomes: ReadonlyMap<string, readonly Outcome[]>;
}

const AHEAD_MS_MAX = 5 * 60_000;

/**
 * First 16 bytes of SHA-256 over tenant, partner and external id, each with its length, in hexadecimal: a transaction's
 * place in the unique index.
 */
export function dedupeKey(tenantNo: number, partnerNo: number, externalId: string): string {
  return hash16Hex(`${tenantNo}:${partnerNo}:${externalId.length}:${externalId}`);
}

/**
 * The place in the unique index of a refused rollback that gave its id up: as `dedupeKey`, over its batch and item. The
 * first part is no tenant's number, so no id has this key.
 */
export function refusedKey(tenantNo: number, partnerNo: number, batchNo: string, index: number): string {
  return hash16Hex(`refused:${tenantNo}:${partnerNo}:${batchNo}:${index}`);
}

/**
 * Decides a group of batches of one partner, in order: an outcome for every item and all that is to be written. Pure:
 * what earlier batches of the group decided counts for later ones, and an aborted batch leaves no trace.
 */
export function decideGroup(batches: readonly BatchToPost[], facts: Facts): Decision {
  const books = new Books(facts);
  const isKnown = (key: string) => books.find(key) !== undefined || facts.removed.has(key);
  const outcomes = new Map<string, readonly Outcome[]>();
  for (const batch of batches) {
    const draft = batch.mode === BatchMode.ATOMIC ? new Draft(books) : books;
    const decided = batch.items.map((result) => decideItem(batch, result, facts, draft));
    const isAborted = draft !== books && decided.some(isBad);
    if (draft !== books && !isAborted) books.keep(draft);
    outcomes.set(batch.no, isAborted ? abortedOutcomes(batch, decided, isKnown) : decided);
  }
  return { outcomes, ...books.written };
}

const POSTED: Outcome = { outcome: ItemOutcome.POSTED };

function decideItem(batch: BatchToPost, result: HashedItem, facts: Facts, draft: Draft): Outcome {
  if (!result.ok) return refused(result.code, result.path);
  const { item, dedupe, contentHash } = result;
  const known = draft.find(dedupe)?.contentHash ?? facts.removed.get(dedupe);
  if (known !== undefined) {
    return { outcome: known === contentHash ? ItemOutcome.DUPLICATE : ItemOutcome.DUPLICATE_MISMATCH };
  }
  const refusal = refusalOf(batch, item, facts);
  if (refusal !== null) return refusal;
  return item.kind === TransactionKind.ROLLBACK
    ? decideRollback(batch, result, facts, draft)
    : decidePosting(batch, result, facts, draft);
}

type GoodItem = HashedItem & { readonly ok: true };

function refusalOf(batch: BatchToPost, item: Item, facts: Facts): Outcome | null {
  const path = `/transactions/${item.index}`;
  if (!facts.currencies.has(item.currency)) return refused(ErrorCode.CURRENCY_UNKNOWN, `${path}/currency`);
  if (item.occurredAt > later(batch.acceptedAt, AHEAD_MS_MAX))
    return refused(ErrorCode.CLOCK_SKEW, `${path}/occurredAt`);
  return null;
}

function decidePosting(batch: BatchToPost, result: GoodItem, facts: Facts, draft: Draft): Outcome {
  const { item } = result;
  const place = facts.placeAt(item.occurredAt);
  if (place === null) return refused(ErrorCode.PERIOD_UNKNOWN, `/transactions/${item.index}/occurredAt`);
  const refusal = isCredit(item.kind) ? moveCredit(batch, result, { place, facts, draft }) : null;
  if (refusal !== null) return refusal;
  const transaction = transactionOf(batch, result, TransactionState.POSTED, place.originPeriodNo);
  draft.booked.set(transaction.dedupe, transaction);
  draft.posted.push({ batchNo: batch.no, place, transaction, item, reversedKind: null });
  postWaitingRollback(batch, transaction, place, draft);
  return POSTED;
}

/** The rollback that came before its original, if it fits; one that does not is refused, and its id is free again. */
function fittingRollback(original: BookedTransaction, draft: Draft): BookedTransaction | null {
  const rollbackKey = draft.reversalOf(original.dedupe);
  const waiting = rollbackKey === undefined ? undefined : draft.find(rollbackKey);
  if (waiting === undefined) return null;
  if (mayReverse(waiting, original) && fits(waiting, original)) return waiting;
  draft.refuse(waiting, original.dedupe);
  return null;
}

/** A rollback that came before its original posts with it. */
function postWaitingRollback(batch: BatchToPost, original: BookedTransaction, place: Place, draft: Draft): void {
  const waiting = fittingRollback(original, draft);
  if (waiting === null) return;
  const transaction = reversalTransaction(waiting, original);
  if (isCredit(original.kind)) reverseCredit(batch, original, place, draft);
  draft.booked.set(waiting.dedupe, transaction);
  draft.posted.push({ batchNo: batch.no, place, transaction, item: null, reversedKind: original.kind });
}

function decideRollback(batch: BatchToPost, result: GoodItem, facts: Facts, draft: Draft): Outcome {
  const { item } = result;
  const path = `/transactions/${item.index}/reverses`;
  const originalKey = present(result.reverses, "what a rollback reverses");
  if (draft.reversalOf(originalKey) !== undefined) return refused(ErrorCode.ALREADY_REVERSED, path);
  if (facts.removed.has(originalKey)) return refused(ErrorCode.REMOVED, path);
  const original = draft.find(originalKey);
  if (original === undefined) {
    const waiting = transactionOf(batch, result, TransactionState.PENDING_ORIGINAL, 0);
    draft.booked.set(waiting.dedupe, waiting);
    draft.pending.push({ batchNo: batch.no, item, transaction: waiting });
    draft.reversed.set(originalKey, waiting.dedupe);
    fittingRollback(waiting, draft); // none fits: a rollback that waited for this one is refused
    return { outcome: ItemOutcome.PENDING_ORIGINAL };
  }
  const transaction = transactionOf(batch, result, TransactionState.POSTED, 0);
  if (!mayReverse(transaction, original)) return refused(ErrorCode.KIND_NOT_ALLOWED, path);
  if (!fits(transaction, original)) return refused(ErrorCode.ROLLBACK_MISMATCH, path);
  const place = facts.placeOfOrigin(original.originPeriodNo);
  if (place === null) return refused(ErrorCode.PERIOD_UNKNOWN, path);
  if (isCredit(original.kind) && !reverseCredit(batch, original, place, draft)) {
    return refused(ErrorCode.INSUFFICIENT_CREDIT, path);
  }
  const reversal = reversalTransaction(transaction, original);
  draft.booked.set(reversal.dedupe, reversal);
  draft.reversed.set(originalKey, reversal.dedupe);
  fittingRollback(reversal, draft);
  draft.posted.push({ batchNo: batch.no, place, transaction: reversal, item, reversedKind: original.kind });
  return POSTED;
}

function isCredit(kind: TransactionKind): boolean {
  return kind === TransactionKind.CREDIT_PURCHASE || kind === TransactionKind.CREDIT_DRAWDOWN;
}

interface CreditPlace {
  readonly place: Place;
  readonly facts: Facts;
  readonly draft: Draft;
}

/** Buys a lot or draws from lots, by the terms of the period that takes the item; answers why not. */
function moveCredit(batch: BatchToPost, { item, dedupe }: GoodItem, { place, facts, draft }: CreditPlace) {
  const path = `/transactions/${item.index}`;
  const { currency, amountMinor, occurredAt: at, expiresAt, priority } = item;
  const terms = facts.creditTermsOf(place.periodNo, currency);
  const { credit } = draft;
  if (credit === null || terms === null) return refused(ErrorCode.KIND_NOT_ALLOWED, `${path}/kind`);
  const into = { batchNo: batch.no, periodNo: place.periodNo };
  if (item.kind === TransactionKind.CREDIT_DRAWDOWN) {
    const isDrawn = credit.draw(into, { currency, amountMinor, at }, terms);
    return isDrawn ? null : refused(ErrorCode.INSUFFICIENT_CREDIT, `${path}/amount`);
  }
  if (amountMinor === 0n) return refused(ErrorCode.VALIDATION, `${path}/amount`);
  if (expiresAt !== null && expiresAt <= at) return refused(ErrorCode.VALIDATION, `${path}/expiresAt`);
  const price = { faceMinor: amountMinor, costMinor: item.costMinor ?? amountMinor };
  credit.buy(into, { dedupe, code: item.lot ?? item.id, currency, priority, expiresAt, boughtAt: at, ...price });
  return null;
}

/** Moves credit back; false where a purchase that was used cannot be taken back whole. */
function reverseCredit(batch: BatchToPost, original: BookedTransaction, { periodNo }: Place, draft: Draft): boolean {
  const credit = present(draft.credit, "the credit that a rollback names");
  const into = { batchNo: batch.no, periodNo };
  if (original.kind === TransactionKind.CREDIT_PURCHASE) return credit.takeBack(into, original.dedupe);
  credit.takeBackDraw(into, original);
  return true;
}

/** What the tenant signed only the tenant takes back: a partner does not undo a chargeback. */
function mayReverse(rollback: BookedTransaction, original: BookedTransaction): boolean {
  return rollback.isTenants || !original.isTenants;
}

/** A rollback reverses the whole of its original, and is none itself. */
function fits(rollback: BookedTransaction, original: BookedTransaction): boolean {
  return (
    original.kind !== TransactionKind.ROLLBACK &&
    original.amountMinor === rollback.amountMinor &&
    original.currency === rollback.currency
  );
}

/** All dimensions of a rollback are its original's. */
function reversalTransaction(rollback: BookedTransaction, original: BookedTransaction): BookedTransaction {
  const { brand, product, category, units, originPeriodNo, player, occurredAt } = original;
  const own = { brand, product, category, units, originPeriodNo, player, occurredAt };
  return { ...rollback, state: TransactionState.POSTED, ...own };
}

/** Written out member by member: spreading objects together costs more than all else that is decided on an item. */
function transactionOf(
  { isTenants }: BatchToPost,
  { item, dedupe, contentHash, player }: GoodItem,
  state: TransactionState,
  originPeriodNo: number,
): BookedTransaction {
  return {
    dedupe,
    contentHash,
    kind: item.kind,
    state,
    brand: item.brand,
    product: item.product,
    category: item.category,
    units: item.units,
    amountMinor: item.amountMinor,
    currency: item.currency,
    originPeriodNo,
    player,
    occurredAt: item.occurredAt,
    isTenants,
  };
}

function refused(code: ErrorCode, path: string): Outcome {
  return { outcome: ItemOutcome.REFUSED, code, path };
}

function isBad({ outcome }: Outcome): boolean {
  return outcome === ItemOutcome.REFUSED || outcome === ItemOutcome.DUPLICATE_MISMATCH;
}

/**
 * In an aborted batch the bad items keep their reason and old duplicates stay what they are; the rest was not taken.
 */
function abortedOutcomes(
  batch: BatchToPost,
  decided: readonly Outcome[],
  isKnown: (key: string) => boolean,
): Outcome[] {
  return decided.map((outcome, index) => {
    const result = batch.items[index];
    const wasKnown = result?.ok === true && isKnown(result.dedupe);
    const isOldDuplicate = outcome.outcome === ItemOutcome.DUPLICATE && wasKnown;
    return isBad(outcome) || isOldDuplicate ? outcome : { outcome: ItemOutcome.REFUSED, code: ErrorCode.BATCH_ABORTED };
  });
}
