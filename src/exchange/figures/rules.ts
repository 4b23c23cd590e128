import { TransactionKind } from "../../periods/entities.js";
import type { BatchFigures } from "../../threat/entities.js";

/** Currencies whose largest amount is told; more in one batch are hardly meant. */
const CURRENCIES_MAX = 20;

interface Played {
  bets: number;
  betSum: number;
  winSum: number;
}

/**
 * A batch in figures for threat detection. Nothing is checked yet about its items, so whatever is no transaction counts
 * as an item and for nothing else. Sizes are read as floating numbers: they are compared, and never become money.
 */
export function figuresOf(transactions: readonly unknown[]): BatchFigures {
  const largest = new Map<string, number>();
  const played = new Map<string, Played>();
  for (const transaction of transactions) {
    const item = sizedOf(transaction);
    if (item === null) continue;
    const { kind, currency, size } = item;
    const known = largest.get(currency);
    if (known === undefined ? largest.size < CURRENCIES_MAX : size > known) largest.set(currency, size);
    if (kind === TransactionKind.BET || kind === TransactionKind.WIN) play(played, currency, kind, size);
  }
  let most: Played = { bets: 0, betSum: 0, winSum: 0 };
  for (const each of played.values()) if (each.bets > most.bets) most = each;
  return { items: transactions.length, largest: [...largest], ...most };
}

interface Sized {
  readonly kind: unknown;
  readonly currency: string;
  readonly size: number;
}

/** An item that has a size; null for any other. */
function sizedOf(item: unknown): Sized | null {
  if (typeof item !== "object" || item === null) return null;
  const { kind, currency, amount: decimal } = item as Record<string, unknown>;
  if (typeof currency !== "string" || typeof decimal !== "string") return null;
  const size = Math.abs(Number(decimal));
  return size > 0 && size < Number.POSITIVE_INFINITY ? { kind, currency, size } : null;
}

function play(played: Map<string, Played>, currency: string, kind: TransactionKind, size: number): void {
  let own = played.get(currency);
  if (own === undefined) {
    if (played.size >= CURRENCIES_MAX) return;
    own = { bets: 0, betSum: 0, winSum: 0 };
    played.set(currency, own);
  }
  if (kind === TransactionKind.WIN) own.winSum += size;
  else {
    own.bets += 1;
    own.betSum += size;
  }
}
