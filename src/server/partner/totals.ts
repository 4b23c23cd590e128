import { decimalText, scaleOf } from "../../kernel/money.js";

/** What was counted of one kind in one currency; the amount is an exact decimal with the currency's decimals. */
export interface ControlTotal {
  readonly count: number;
  readonly amount: string;
}

/** Control totals by kind, then currency, both in order of their names. */
export type ControlTotals = Readonly<Record<string, Readonly<Record<string, ControlTotal>>>>;

/** What a control total counts. */
export interface Countable {
  readonly kind: string;
  readonly currency: string;
  readonly amountMinor: bigint;
}

/** A running count of items by kind and currency. */
export interface ControlTally {
  add(item: Countable): void;
  totals(): ControlTotals;
}

/** A tally at its beginning: nothing counted. */
export function newTally(): ControlTally {
  const sums = new Map<string, { kind: string; currency: string; count: number; minor: bigint }>();
  return {
    add({ kind, currency, amountMinor }) {
      const key = `${kind} ${currency}`;
      const sum = sums.get(key) ?? { kind, currency, count: 0, minor: 0n };
      sum.count += 1;
      sum.minor += amountMinor;
      sums.set(key, sum);
    },
    totals() {
      const totals: Record<string, Record<string, ControlTotal>> = {};
      for (const key of [...sums.keys()].sort()) {
        const sum = sums.get(key);
        if (sum === undefined) continue;
        const { kind, currency, count, minor } = sum;
        totals[kind] = { ...totals[kind], [currency]: { count, amount: decimalText(minor, scaleOf(currency)) } };
      }
      return totals;
    },
  };
}
