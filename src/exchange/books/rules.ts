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

/** What a group has written so far, on top of what was known before. */
export class Books {
  readonly written = {
    posted: [] as PostedItem[],
    pending: [] as PendingItem[],
    reversed: new Map<string, string>(),
    misfits: new Map<string, string>(),
  };
  readonly #booked = new Map<string, BookedTransaction>();

  constructor(readonly known: KnownBooks) {}

  draft(): Draft {
    return new Draft(
      (key) => this.#booked.get(key) ?? this.known.booked.get(key),
      (original) => this.written.reversed.get(original) ?? this.#known(original),
    );
  }

  keep(draft: Draft): void {
    for (const [key, transaction] of draft.booked) this.#booked.set(key, transaction);
    this.written.posted.push(...draft.posted);
    this.written.pending.push(...draft.pending);
    for (const [original, rollback] of draft.reversed) this.written.reversed.set(original, rollback);
    for (const [rollback, original] of draft.misfits) {
      this.written.misfits.set(rollback, original);
      if (!draft.reversed.has(original)) this.written.reversed.delete(original);
    }
  }

  #known(original: string): string | undefined {
    const rollback = this.known.reversals.get(original);
    return rollback !== undefined && this.written.misfits.has(rollback) ? undefined : rollback;
  }
}

/** What one batch would write; kept whole or not at all. */
export class Draft {
  readonly booked = new Map<string, BookedTransaction>();
  readonly posted: PostedItem[] = [];
  readonly pending: PendingItem[] = [];
  readonly reversed = new Map<string, string>();
  readonly misfits = new Map<string, string>();

  constructor(
    readonly findBefore: (key: string) => BookedTransaction | undefined,
    readonly reversalBefore: (original: string) => string | undefined,
  ) {}

  find(key: string): BookedTransaction | undefined {
    return this.booked.get(key) ?? this.findBefore(key);
  }

  reversalOf(original: string): string | undefined {
    const own = this.reversed.get(original);
    if (own !== undefined) return own;
    const before = this.reversalBefore(original);
    return before !== undefined && this.misfits.has(before) ? undefined : before;
  }
}
