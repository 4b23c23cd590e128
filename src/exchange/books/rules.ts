import type { TransactionKind } from "../../periods/entities.js";
import type { CreditBook } from "../credit/rules.js";
import { TransactionState } from "../entities.js";
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
  /** The player's pseudonym as it is stored; a posted rollback has its original's, and its instant. */
  readonly player: string | null;
  readonly occurredAt: Date;
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

/** A rollback to be kept until its original comes; REFUSED where that came in the same group and does not fit. */
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
  /** Originals whose rollback, known before, is theirs no more; freed before `reversed` is written. */
  readonly freed: readonly string[];
  /** Waiting rollbacks, known before, that do not fit their original: `dedupe`. */
  readonly misfits: readonly string[];
  /** Ids taken anew that a refused rollback, known before or one of `misfits`, has to give up first: `dedupe`. */
  readonly givenUp: readonly string[];
  /** What became of prepaid credit; null where no item named any. */
  readonly credit: CreditBook | null;
}

/** What was known before a group: transactions by `dedupe`, and which originals are reversed by what. */
export interface KnownBooks {
  readonly booked: ReadonlyMap<string, BookedTransaction>;
  readonly reversals: ReadonlyMap<string, string>;
  /** Of transactions that were removed after the retention, only this is known: `dedupe` → hash of the content. */
  readonly removed: ReadonlyMap<string, string>;
  /** Prepaid credit; null where no item names any. */
  readonly credit: CreditBook | null;
}

/** What a layer of books lies on: who holds an id, and by which rollback an original is reversed. */
interface Ground {
  find(key: string): BookedTransaction | undefined;
  reversalOf(original: string): string | undefined;
  readonly credit: CreditBook | null;
}

/** What is written on top of what was known before: by a group, or by one batch that is kept whole or not at all. */
export class Draft implements Ground {
  /** Null where a rollback was refused and gave its id up. */
  readonly booked = new Map<string, BookedTransaction | null>();
  readonly posted: PostedItem[] = [];
  readonly pending: PendingItem[] = [];
  /** Original → rollback; null where the rollback turned out not to fit. */
  readonly reversed = new Map<string, string | null>();
  readonly misfits = new Set<BookedTransaction>();
  credit: CreditBook | null;

  constructor(readonly ground: Ground) {
    this.credit = ground.credit?.copy() ?? null;
  }

  /** The transaction that holds an id; a refused one holds none. */
  find(key: string): BookedTransaction | undefined {
    const own = this.booked.get(key);
    return own === undefined ? this.ground.find(key) : holderOf(own);
  }

  reversalOf(original: string): string | undefined {
    const own = this.reversed.get(original);
    return own === undefined ? this.ground.reversalOf(original) : (own ?? undefined);
  }

  /** A waiting rollback does not fit its original: it is refused, and both are free for another. */
  refuse(waiting: BookedTransaction, original: string): void {
    this.misfits.add(waiting);
    this.booked.set(waiting.dedupe, null);
    this.reversed.set(original, null);
  }

  /** Takes over what a draft on top of this one wrote. */
  keep(draft: Draft): void {
    for (const [key, transaction] of draft.booked) this.booked.set(key, transaction);
    for (const posted of draft.posted) this.posted.push(posted);
    for (const pending of draft.pending) this.pending.push(pending);
    for (const [original, rollback] of draft.reversed) this.reversed.set(original, rollback);
    for (const misfit of draft.misfits) this.misfits.add(misfit);
    this.credit = draft.credit;
  }
}

/** The books of a group, on top of what the database holds. */
export class Books extends Draft {
  constructor(readonly known: KnownBooks) {
    const find = (key: string) => holderOf(known.booked.get(key));
    super({ find, reversalOf: (original) => known.reversals.get(original), credit: known.credit });
  }

  get written(): Writes {
    const { booked, reversals } = this.known;
    return {
      posted: this.posted,
      pending: this.pending.map((waiting) => (this.misfits.has(waiting.transaction) ? refusedLater(waiting) : waiting)),
      reversed: new Map([...this.reversed].flatMap(([original, by]) => (by === null ? [] : [[original, by]]))),
      freed: [...this.reversed.keys()].filter((original) => reversals.has(original)),
      misfits: [...this.misfits].flatMap((misfit) => (booked.get(misfit.dedupe) === misfit ? [misfit.dedupe] : [])),
      credit: this.credit,
      givenUp: booked.size === 0 ? [] : this.#taken().filter((key) => booked.has(key)),
    };
  }

  /** Ids that rows to be inserted take. */
  #taken(): string[] {
    const inserted = [...this.posted.filter(({ item }) => item !== null), ...this.pending];
    return [...new Set(inserted.map(({ transaction }) => transaction.dedupe))];
  }
}

function holderOf(transaction: BookedTransaction | null | undefined): BookedTransaction | undefined {
  return transaction?.state === TransactionState.REFUSED ? undefined : (transaction ?? undefined);
}

function refusedLater(waiting: PendingItem): PendingItem {
  return { ...waiting, transaction: { ...waiting.transaction, state: TransactionState.REFUSED } };
}
