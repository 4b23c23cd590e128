import { groupBy } from "../../kernel/group.js";
import { TransactionKind } from "../../periods/entities.js";
import { Grain, NOBODY } from "../../periods/grains/entities.js";
import type { BookedTransaction, Place, PostedItem } from "../books/rules.js";

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
export function activityOf(posted: readonly PostedItem[], numbers: DimensionNumbers): ActivitySum[] {
  const sums = new Map<string, Mutable<ActivitySum>>();
  for (const item of posted) {
    const { transaction, place } = item;
    const [brandNo, productNo] = placeNumbers(transaction, numbers);
    const [kind, category, currency] = [activityKind(item), transaction.category ?? "", transaction.currency];
    const key = `${place.periodNo} ${place.originPeriodNo} ${brandNo} ${productNo} ${kind} ${category} ${currency}`;
    let sum = sums.get(key);
    if (sum === undefined) {
      sum = { brandNo, productNo, kind, category, currency, count: 0n, units: 0n, sumMinor: 0n, ...place };
      sums.set(key, sum);
    }
    sum.count += 1n;
    sum.units += transaction.units ?? 0n;
    sum.sumMinor += transaction.amountMinor;
  }
  return [...sums.values()];
}

/** What posted items add to one total that is kept apart by player, day or both. */
export interface FineSum extends ActivitySum {
  readonly player: string;
  readonly day: string;
}

/** What it takes to tell posted items apart more finely than by period, place, kind and currency. */
export interface Sieve {
  /** By what the totals of an item are kept apart: by the terms of the period that takes it, and of its origin. */
  readonly grainsOf: (place: Place) => readonly Grain[];
  readonly dayOf: (instant: Date) => string;
  readonly numbers: DimensionNumbers;
}

/** What posted items add to the fine totals of the periods that keep some, one row per key. */
export function fineActivityOf(posted: readonly PostedItem[], { grainsOf, dayOf, numbers }: Sieve): FineSum[] {
  const groups = groupBy(posted, (item) => {
    const grains = grainsOf(item.place);
    if (grains.length === 0) return "";
    const { transaction } = item;
    const player = grains.includes(Grain.PLAYER) ? (transaction.player ?? NOBODY) : NOBODY;
    const day = grains.includes(Grain.DAY) ? dayOf(transaction.occurredAt) : "";
    return `${player} ${day} ${grains.includes(Grain.PLACE) ? "placed" : ""}`;
  });
  return [...groups].flatMap(([key, items]) => {
    if (key === "") return [];
    const [player = "", day = "", placed = ""] = key.split(" ");
    const sums = activityOf(items, placed === "" ? NOWHERE : numbers);
    return sums.map((sum) => ({ ...sum, player, day }));
  });
}

const NOWHERE: DimensionNumbers = { brands: new Map(), products: new Map() };

function placeNumbers({ brand, product }: BookedTransaction, { brands, products }: DimensionNumbers) {
  return [brand === null ? 0 : (brands.get(brand) ?? 0), product === null ? 0 : (products.get(product) ?? 0)] as const;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A posted item's kind in the totals: its own, or `ROLLBACK_<kind>` of what it reverses. */
function activityKind(item: PostedItem): string {
  return item.reversedKind === null ? item.transaction.kind : `${TransactionKind.ROLLBACK}_${item.reversedKind}`;
}
