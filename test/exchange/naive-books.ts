import type { ItemOutcome } from "../../src/exchange/posting/rules.js";

/** A transaction as the naive books see it; `day` is when it happened, 0 before the first period. */
export interface NaiveItem {
  readonly id: string;
  readonly kind: string;
  /** Minor units; only an adjustment may be negative. */
  readonly amount: number;
  readonly currency: string;
  readonly day: number;
  readonly reverses: string;
  readonly product?: string;
  readonly category?: string;
  readonly units?: number;
}

/** A batch of the naive books. */
export interface NaiveBatch {
  readonly isAtomic: boolean;
  readonly items: readonly NaiveItem[];
  /** Whether the tenant signed it. */
  readonly isTenants?: boolean;
  /** The last day of what is not ahead of the batch's acceptance. */
  readonly today?: number;
}

/** An outcome, and the code of a refusal. */
export type NaiveOutcome = keyof typeof ItemOutcome | `REFUSED ${string}`;

/** A transaction that was taken at some time. */
export interface NaiveTransaction {
  readonly item: NaiveItem;
  readonly isTenants: boolean;
  state: "POSTED" | "WAITING" | "REFUSED";
}

/** Something that was added to a period: `item` is the original where a rollback takes it back. */
export interface NaivePosting {
  readonly item: NaiveItem;
  readonly isRollback: boolean;
  readonly day: number;
}

/** Days before this one are closed; what happened then is late. */
export const OPEN_FROM = 3;

/** Kinds that only the tenant may sign. */
const TENANTS_ALONE = ["ADJUSTMENT", "CHARGEBACK", "ACQUISITION"];

/**
 * What posting means, written down again as plainly as possible: one transaction after the other, everything in a few
 * maps and lists, an aborted batch undone by putting copies back.
 */
export class NaiveBooks {
  openFrom = OPEN_FROM;
  /** Who holds an id; what was refused holds none. */
  known = new Map<string, NaiveTransaction>();
  /** Everything that was ever taken. */
  rows: NaiveTransaction[] = [];
  rollbackOf = new Map<string, string>();
  postings: NaivePosting[] = [];

  constructor(readonly currencies: readonly string[] = ["USD"]) {}

  post(batch: NaiveBatch): NaiveOutcome[] {
    const { known, rows, rollbackOf, postings } = this;
    const before = structuredClone({ known, rows, rollbackOf, postings });
    const outcomes = batch.items.map((item) => this.#postItem(item, batch));
    const isBad = (outcome: NaiveOutcome) => outcome.startsWith("REFUSED") || outcome === "DUPLICATE_MISMATCH";
    if (!batch.isAtomic || !outcomes.some(isBad)) return outcomes;
    Object.assign(this, before);
    return outcomes.map((outcome, index) => {
      const wasKnown = before.known.has(batch.items[index]?.id ?? "");
      return isBad(outcome) || (outcome === "DUPLICATE" && wasKnown) ? outcome : "REFUSED BATCH_ABORTED";
    });
  }

  #postItem(item: NaiveItem, { isTenants = false, today = Number.POSITIVE_INFINITY }: NaiveBatch): NaiveOutcome {
    if (TENANTS_ALONE.includes(item.kind) && !isTenants) return "REFUSED KIND_NOT_ALLOWED";
    if (item.amount < 0 && item.kind !== "ADJUSTMENT") return "REFUSED VALIDATION";
    if (item.kind === "ROLLBACK" && item.id === item.reverses) return "REFUSED VALIDATION";
    const known = this.known.get(item.id);
    if (known !== undefined) return isSame(known.item, item) ? "DUPLICATE" : "DUPLICATE_MISMATCH";
    if (!this.currencies.includes(item.currency)) return "REFUSED CURRENCY_UNKNOWN";
    if (item.day > today) return "REFUSED CLOCK_SKEW";
    return item.kind === "ROLLBACK" ? this.#rollBack(item, isTenants) : this.#book(item, isTenants);
  }

  #book(item: NaiveItem, isTenants: boolean): NaiveOutcome {
    if (item.day === 0) return "REFUSED PERIOD_UNKNOWN";
    if (item.kind === "CREDIT_PURCHASE") return "REFUSED KIND_NOT_ALLOWED";
    const original = this.#take({ item, isTenants, state: "POSTED" });
    this.#add(item, false);
    const waiting = this.#waitingFor(original);
    if (waiting !== null) {
      waiting.state = "POSTED";
      this.#add(item, true);
    }
    return "POSTED";
  }

  #rollBack(item: NaiveItem, isTenants: boolean): NaiveOutcome {
    if (this.rollbackOf.has(item.reverses)) return "REFUSED ALREADY_REVERSED";
    const original = this.known.get(item.reverses);
    if (original?.isTenants === true && !isTenants) return "REFUSED KIND_NOT_ALLOWED";
    if (original !== undefined && !fits(item, original.item)) return "REFUSED ROLLBACK_MISMATCH";
    const taken = this.#take({ item, isTenants, state: original === undefined ? "WAITING" : "POSTED" });
    this.rollbackOf.set(item.reverses, item.id);
    this.#waitingFor(taken);
    if (original === undefined) return "PENDING_ORIGINAL";
    this.#add(original.item, true);
    return "POSTED";
  }

  /**
   * The rollback that waits for a transaction, if it fits; else it is refused: its id is free, and the transaction may
   * be rolled back by another.
   */
  #waitingFor({ item, isTenants }: NaiveTransaction): NaiveTransaction | null {
    const waiting = this.known.get(this.rollbackOf.get(item.id) ?? "");
    if (waiting === undefined) return null;
    if (fits(waiting.item, item) && (waiting.isTenants || !isTenants)) return waiting;
    waiting.state = "REFUSED";
    this.known.delete(waiting.item.id);
    this.rollbackOf.delete(item.id);
    return null;
  }

  #take(transaction: NaiveTransaction): NaiveTransaction {
    this.known.set(transaction.item.id, transaction);
    this.rows.push(transaction);
    return transaction;
  }

  #add(item: NaiveItem, isRollback: boolean): void {
    this.postings.push({ item, isRollback, day: Math.max(item.day, this.openFrom) });
  }
}

function fits(rollback: NaiveItem, original: NaiveItem): boolean {
  return original.kind !== "ROLLBACK" && original.amount === rollback.amount && original.currency === rollback.currency;
}

function isSame(left: NaiveItem, right: NaiveItem): boolean {
  const reverses = left.kind !== "ROLLBACK" || left.reverses === right.reverses;
  const names = ["kind", "amount", "currency", "day", "product", "category", "units"] as const;
  return names.every((name) => left[name] === right[name]) && reverses;
}
