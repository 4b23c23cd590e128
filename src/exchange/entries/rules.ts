import { TransactionKind } from "../../periods/entities.js";
import type { PostedItem } from "../books/rules.js";

/** The posted items of one batch that go into one period: one ledger entry. */
export interface EntryGroup {
  readonly batchNo: string;
  readonly periodNo: number;
  readonly items: readonly PostedItem[];
}

/** Groups posted items into entries, one per batch and period, in the order in which they were decided. */
export function entryGroups(posted: readonly PostedItem[]): EntryGroup[] {
  const groups = new Map<string, { batchNo: string; periodNo: number; items: PostedItem[] }>();
  for (const item of posted) {
    const { batchNo, place } = item;
    const key = `${batchNo} ${place.periodNo}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { batchNo, periodNo: place.periodNo, items: [item] });
    else group.items.push(item);
  }
  return [...groups.values()];
}

/** Money that a posted item moves between the accounts of its kind; negative where a rollback moves it back. */
export interface Move {
  readonly kind: TransactionKind;
  readonly category: string | null;
  readonly currency: string;
  readonly amountMinor: bigint;
}

/**
 * What posted items move, one sum per kind, category and currency: a rollback is its original's move, the other way.
 */
export function movesOf(items: readonly PostedItem[]): Move[] {
  const moves = new Map<string, Mutable<Move>>();
  for (const { transaction, reversedKind } of items) {
    const { category, currency } = transaction;
    const kind = reversedKind ?? transaction.kind;
    const amountMinor = reversedKind === null ? transaction.amountMinor : -transaction.amountMinor;
    const key = `${kind} ${category} ${currency}`;
    const move = moves.get(key);
    if (move === undefined) moves.set(key, { kind, category, currency, amountMinor });
    else move.amountMinor += amountMinor;
  }
  return [...moves.values()];
}

/** What a set of posted items adds to one total of a period. */
export interface ActivitySum {
  readonly periodNo: number;
  readonly originPeriodNo: number;
  readonly brandNo: number;
  readonly productNo: number;
  readonly kind: string;
  readonly category: string;
  readonly currency: string;
  readonly count: bigint;
  readonly units: bigint;
  readonly sumMinor: bigint;
}

/** Internal numbers of the brands and products that posted items name, by code. */
export interface DimensionNumbers {
  readonly brands: ReadonlyMap<string, number>;
  readonly products: ReadonlyMap<string, number>;
}

/** What posted items add to the totals of their periods, one row per key. */
export function activityOf(posted: readonly PostedItem[], { brands, products }: DimensionNumbers): ActivitySum[] {
  const sums = new Map<string, Mutable<ActivitySum>>();
  for (const item of posted) {
    const { transaction, place } = item;
    const brandNo = transaction.brand === null ? 0 : (brands.get(transaction.brand) ?? 0);
    const productNo = transaction.product === null ? 0 : (products.get(transaction.product) ?? 0);
    const [kind, category, currency] = [activityKind(item), transaction.category ?? "", transaction.currency];
    const key = `${place.periodNo} ${place.originPeriodNo} ${brandNo} ${productNo} ${kind} ${category} ${currency}`;
    let sum = sums.get(key);
    if (sum === undefined) {
      sum = { ...place, brandNo, productNo, kind, category, currency, count: 0n, units: 0n, sumMinor: 0n };
      sums.set(key, sum);
    }
    sum.count += 1n;
    sum.units += transaction.units ?? 0n;
    sum.sumMinor += transaction.amountMinor;
  }
  return [...sums.values()];
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A posted item's kind in the totals: its own, or `ROLLBACK_<kind>` of what it reverses. */
function activityKind(item: PostedItem): string {
  return item.reversedKind === null ? item.transaction.kind : `${TransactionKind.ROLLBACK}_${item.reversedKind}`;
}
