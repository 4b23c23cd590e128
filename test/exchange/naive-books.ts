import type { ItemOutcome } from "../../src/exchange/posting/rules.js";

/** A transaction as the naive books see it; `day` is when it happened, 0 before the first period. */
export interface NaiveItem {
  readonly id: string;
  readonly kind: "BET" | "WIN" | "ROLLBACK" | "CREDIT_PURCHASE";
  readonly amount: number;
  readonly currency: "USD" | "EUR";
  readonly day: number;
  readonly reverses: string;
}

/** A batch of the naive books. */
export interface NaiveBatch {
  readonly isAtomic: boolean;
  readonly items: readonly NaiveItem[];
}

/** An outcome, and the code of a refusal. */
export type NaiveOutcome = keyof typeof ItemOutcome | `REFUSED ${string}`;

/** Days before this one are closed; what happened then is late. */
export const OPEN_FROM = 3;

interface Known {
  readonly item: NaiveItem;
  state: "POSTED" | "WAITING" | "REFUSED";
}

/**
 * What posting means, written down again as plainly as possible: one transaction after the other, everything in two
 * maps, an aborted batch undone by putting copies back.
 */
export class NaiveBooks {
  /** Who holds an id; what was refused holds none. */
  known = new Map<string, Known>();
  /** Everything that was ever taken. */
  rows: Known[] = [];
  rollbackOf = new Map<string, string>();
  totals = new Map<string, { count: number; sum: number }>();

  post(batch: NaiveBatch): NaiveOutcome[] {
    const before = structuredClone({
      known: this.known,
      rows: this.rows,
      rollbackOf: this.rollbackOf,
      totals: this.totals,
    });
    const outcomes = batch.items.map((item) => this.#postItem(item));
    const isBad = (outcome: NaiveOutcome) => outcome.startsWith("REFUSED") || outcome === "DUPLICATE_MISMATCH";
    if (!batch.isAtomic || !outcomes.some(isBad)) return outcomes;
    Object.assign(this, before);
    return outcomes.map((outcome, index) => {
      const wasKnown = before.known.has(batch.items[index]?.id ?? "");
      return isBad(outcome) || (outcome === "DUPLICATE" && wasKnown) ? outcome : "REFUSED BATCH_ABORTED";
    });
  }

  #postItem(item: NaiveItem): NaiveOutcome {
    const known = this.known.get(item.id);
    if (known !== undefined) return isSame(known.item, item) ? "DUPLICATE" : "DUPLICATE_MISMATCH";
    if (item.currency !== "USD") return "REFUSED CURRENCY_UNKNOWN";
    if (item.kind === "CREDIT_PURCHASE") return "REFUSED KIND_NOT_ALLOWED";
    return item.kind === "ROLLBACK" ? this.#rollBack(item) : this.#book(item);
  }

  #book(item: NaiveItem): NaiveOutcome {
    if (item.day === 0) return "REFUSED PERIOD_UNKNOWN";
    this.#take({ item, state: "POSTED" });
    this.#total(item.kind, item);
    const waiting = this.#waitingFor(item);
    if (waiting !== null) {
      waiting.state = "POSTED";
      this.#total(`ROLLBACK_${item.kind}`, item);
    }
    return "POSTED";
  }

  #rollBack(item: NaiveItem): NaiveOutcome {
    if (this.rollbackOf.has(item.reverses)) return "REFUSED ALREADY_REVERSED";
    const original = this.known.get(item.reverses)?.item;
    if (original !== undefined && !fits(item, original)) return "REFUSED ROLLBACK_MISMATCH";
    this.#take({ item, state: original === undefined ? "WAITING" : "POSTED" });
    this.rollbackOf.set(item.reverses, item.id);
    this.#waitingFor(item);
    if (original === undefined) return "PENDING_ORIGINAL";
    this.#total(`ROLLBACK_${original.kind}`, original);
    return "POSTED";
  }

  /**
   * The rollback that waits for an item, if it fits; else it is refused: its id is free, and the item may be
   * rolled back by another.
   */
  #waitingFor(item: NaiveItem): Known | null {
    const waiting = this.known.get(this.rollbackOf.get(item.id) ?? "");
    if (waiting === undefined) return null;
    if (fits(waiting.item, item)) return waiting;
    waiting.state = "REFUSED";
    this.known.delete(waiting.item.id);
    this.rollbackOf.delete(item.id);
    return null;
  }

  #take(transaction: Known): void {
    this.known.set(transaction.item.id, transaction);
    this.rows.push(transaction);
  }

  #total(kind: string, { day, amount }: NaiveItem): void {
    const name = `${Math.max(day, OPEN_FROM)} ${day} ${kind}`;
    const { count, sum } = this.totals.get(name) ?? { count: 0, sum: 0 };
    this.totals.set(name, { count: count + 1, sum: sum + amount });
  }
}

function fits(rollback: NaiveItem, original: NaiveItem): boolean {
  return original.kind !== "ROLLBACK" && original.amount === rollback.amount;
}

function isSame(left: NaiveItem, right: NaiveItem): boolean {
  const reverses = left.kind !== "ROLLBACK" || left.reverses === right.reverses;
  return (["kind", "amount", "currency", "day"] as const).every((name) => left[name] === right[name]) && reverses;
}
