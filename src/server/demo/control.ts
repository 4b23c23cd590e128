import { assert, present } from "../../kernel/assert.js";
import { decimalText, parseAmount, scaleOf } from "../../kernel/money.js";
import type { SimulatedTransaction } from "./rounds.js";

/** Sums of one kind in one currency; the amount is an exact decimal text with the currency's scale. */
export interface ControlSum {
  readonly count: number;
  readonly units: number;
  readonly amount: string;
}

/** Sums by kind, then currency. */
export type ControlSums = Readonly<Record<string, Readonly<Record<string, ControlSum>>>>;

/** What a receiver must have counted once all items are in: each id once, whatever the order and the copies. */
export interface ControlTotals {
  readonly items: number;
  readonly distinct: number;
  readonly copies: number;
  /** Rollbacks whose original is not among the items; they count in `kinds` only. */
  readonly unmatched: number;
  /** By the kind that was sent: what `import` prints. */
  readonly kinds: ControlSums;
  /** By the kind of activity: a rollback counts as `ROLLBACK_` and its original's kind, as period totals do. */
  readonly activities: ControlSums;
}

interface Sum {
  count: number;
  units: number;
  minor: bigint;
}

type Sums = Map<string, Map<string, Sum>>;

/** Folds batches into control totals by reading the items alone; a malformed amount is a bug and throws. */
export function controlTotals(
  batches: Iterable<{ readonly transactions: readonly SimulatedTransaction[] }>,
): ControlTotals {
  const distinct = new Map<string, SimulatedTransaction>();
  let items = 0;
  for (const { transactions } of batches) {
    items += transactions.length;
    for (const item of transactions) if (!distinct.has(item.id)) distinct.set(item.id, item);
  }
  const [kinds, activities]: [Sums, Sums] = [new Map(), new Map()];
  let unmatched = 0;
  for (const item of distinct.values()) {
    add(kinds, item.kind, item);
    const original = item.reverses === undefined ? undefined : distinct.get(item.reverses);
    if (item.kind !== "ROLLBACK") add(activities, item.kind, item);
    else if (original === undefined) unmatched += 1;
    else add(activities, `ROLLBACK_${original.kind}`, item);
  }
  return {
    items,
    distinct: distinct.size,
    copies: items - distinct.size,
    unmatched,
    kinds: written(kinds),
    activities: written(activities),
  };
}

function add(sums: Sums, kind: string, item: SimulatedTransaction): void {
  const minor = parseAmount(item.amount, scaleOf(item.currency), { signed: item.kind === "ADJUSTMENT" });
  assert(typeof minor === "bigint", "a simulated amount is well-formed");
  if (!sums.has(kind)) sums.set(kind, new Map());
  const ofKind = present(sums.get(kind), "sums of a kind");
  if (!ofKind.has(item.currency)) ofKind.set(item.currency, { count: 0, units: 0, minor: 0n });
  const sum = present(ofKind.get(item.currency), "sum of a currency");
  sum.count += 1;
  sum.units += item.units ?? 0;
  sum.minor += minor;
}

function written(sums: Sums): ControlSums {
  return Object.fromEntries(
    [...sums]
      .sort(byName)
      .map(([kind, ofKind]) => [kind, Object.fromEntries([...ofKind].sort(byName).map(writtenSum))]),
  );
}

function writtenSum([currency, { count, units, minor }]: [string, Sum]): [string, ControlSum] {
  return [currency, { count, units, amount: decimalText(minor, scaleOf(currency)) }];
}

function byName([left]: [string, unknown], [right]: [string, unknown]): number {
  return left < right ? -1 : 1;
}
