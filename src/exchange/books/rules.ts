import type { TransactionKind } from "../../periods/entities.js";
import type { TransactionState } from "../entities.js";
import type { Item } from "../validate.js";

/** Where an item's money goes: the open period that takes it, and the one it happened in. */
export interface Place {
  readonly periodNo: number;
  readonly originPeriodNo: number;
}

/** A transaction that is in the books, or will be by this decision. */
export interface BookedTransaction {
  readonly dedupe: string;
  readonly contentHash: string;
  readonly kind: TransactionKind;
  readonly state: TransactionState;
  readonly brand: string | null;
  readonly product: string | null;
  readonly category: string | null;
  readonly units: bigint | null;
  readonly amountMinor: bigint;
  readonly currency: string;
  readonly originPeriodNo: number;
  /** Whether the tenant signed it; only the tenant takes that back. */
  readonly isTenants: boolean;
}

/** A transaction to be posted: its batch and item, its place, and what it moves. */
export interface PostedItem {
  readonly batchNo: string;
  readonly place: Place;
  readonly transaction: BookedTransaction;
  /** The item to insert; null where a waiting rollback is posted, whose row exists. */
  readonly item: Item | null;
  /** The kind that is moved back, when this is a rollback. */
  readonly reversedKind: TransactionKind | null;
}

/** A rollback to be kept until its original comes. */
export interface PendingItem {
  readonly batchNo: string;
  readonly item: Item;
  readonly transaction: BookedTransaction;
}

/** All that a group of batches writes. */
export interface Writes {
  readonly posted: readonly PostedItem[];
  readonly pending: readonly PendingItem[];
  /** Original → rollback, to be written. */
  readonly reversed: ReadonlyMap<string, string>;
  /** Waiting rollbacks that did not fit their original: `dedupe` of the rollback → of the original. */
  readonly misfits: ReadonlyMap<string, string>;
}

/** What was known before a group: transactions by `dedupe`, and which originals are reversed by what. */
export interface KnownBooks {
  readonly booked: ReadonlyMap<string, BookedTransaction>;
  readonly reversals: ReadonlyMap<string, string>;
}

/** What a layer of books lies on: what is known of a transaction, and by which rollback it is reversed. */
interface Ground {
  find(key: string): BookedTransaction | undefined;
  reversalOf(original: string): string | undefined;
}

/** The ground of a group: what the database holds. */
export function knownGround({ booked, reversals }: KnownBooks): Ground {
  return { find: (key) => booked.get(key), reversalOf: (original) => reversals.get(original) };
}

/** What is written on top of what was known before: by a group, or by one batch that is kept whole or not at all. */
export class Draft implements Writes, Ground {
  readonly booked = new Map<string, BookedTransaction>();
  readonly posted: PostedItem[] = [];
  readonly pending: PendingItem[] = [];
  readonly reversed = new Map<string, string>();
  readonly misfits = new Map<string, string>();

  constructor(readonly ground: Ground) {}

  find(key: string): BookedTransaction | undefined {
    return this.booked.get(key) ?? this.ground.find(key);
  }

  reversalOf(original: string): string | undefined {
    const own = this.reversed.get(original);
    if (own !== undefined) return own;
    const before = this.ground.reversalOf(original);
    return before !== undefined && this.misfits.has(before) ? undefined : before;
  }

  /** Takes over what a draft on top of this one wrote. */
  keep(draft: Draft): void {
    for (const [key, transaction] of draft.booked) this.booked.set(key, transaction);
    for (const posted of draft.posted) this.posted.push(posted);
    for (const pending of draft.pending) this.pending.push(pending);
    for (const [original, rollback] of draft.reversed) this.reversed.set(original, rollback);
    for (const [rollback, original] of draft.misfits) {
      this.misfits.set(rollback, original);
      if (!draft.reversed.has(original)) this.reversed.delete(original);
    }
  }
}
