import { TransactionKind } from "../periods/entities.js";
import { AccountName } from "./entities.js";

/** One side of an entry, in one currency; debit positive, credit negative. */
export interface Line {
  readonly account: AccountName;
  readonly currency: string;
  readonly amountMinor: bigint;
}

/** The two accounts a posted transaction moves between. */
export interface Posting {
  readonly debit: AccountName;
  readonly credit: AccountName;
}

/** Fees of these categories are owed to the partner; the others the tenant pays elsewhere. */
const FEES_DUE_TO_PARTNER: ReadonlySet<string> = new Set(["PLATFORM", "PROVIDER"]);

const { CLEARING, STAKES, BONUS_STAKES, WINNINGS, BONUS_WINNINGS, BONUS_COST, JACKPOT_COST, JACKPOT_POOL } =
  AccountName;
const { FEE_COST, FEE_DUE, CHARGEBACK_COST, ADJUSTMENT_COST, ADJUSTMENT_DUE } = AccountName;

const POSTINGS: Readonly<Partial<Record<TransactionKind, Posting>>> = {
  [TransactionKind.BET]: { debit: CLEARING, credit: STAKES },
  [TransactionKind.BONUS_BET]: { debit: BONUS_COST, credit: BONUS_STAKES },
  [TransactionKind.WIN]: { debit: WINNINGS, credit: CLEARING },
  [TransactionKind.BONUS_WIN]: { debit: BONUS_WINNINGS, credit: CLEARING },
  [TransactionKind.BONUS]: { debit: BONUS_COST, credit: CLEARING },
  [TransactionKind.JACKPOT_CONTRIBUTION]: { debit: JACKPOT_COST, credit: JACKPOT_POOL },
  [TransactionKind.JACKPOT_WIN]: { debit: JACKPOT_POOL, credit: CLEARING },
  [TransactionKind.CHARGEBACK]: { debit: CHARGEBACK_COST, credit: CLEARING },
  [TransactionKind.ADJUSTMENT]: { debit: ADJUSTMENT_COST, credit: ADJUSTMENT_DUE },
};

/**
 * Debit and credit of a kind of transaction; null where it moves no money (ACQUISITION), is not one of its own
 * (ROLLBACK), or moves what its lots say (CREDIT_PURCHASE, CREDIT_DRAWDOWN).
 */
export function postingOf(kind: TransactionKind, category: string | null): Posting | null {
  if (kind === TransactionKind.FEE) {
    return { debit: FEE_COST, credit: category !== null && FEES_DUE_TO_PARTNER.has(category) ? FEE_DUE : CLEARING };
  }
  return POSTINGS[kind] ?? null;
}

/** Adds lines up per account and currency, in key order; what cancels out is left out. */
export function sumLines(lines: Iterable<Line>): Line[] {
  return touchedLines(lines).filter((line) => line.amountMinor !== 0n);
}

/** The same, with a zero for every account whose lines cancel out. */
export function touchedLines(lines: Iterable<Line>): Line[] {
  const sums = new Map<string, Line>();
  for (const line of lines) {
    const key = `${line.account} ${line.currency}`;
    const sum = sums.get(key);
    sums.set(key, sum === undefined ? line : { ...line, amountMinor: sum.amountMinor + line.amountMinor });
  }
  return [...sums.values()].toSorted(byAccount);
}

/** Whether an entry sums to zero in each of its currencies. */
export function isBalanced(lines: Iterable<Line>): boolean {
  const sums = new Map<string, bigint>();
  for (const { currency, amountMinor } of lines) sums.set(currency, (sums.get(currency) ?? 0n) + amountMinor);
  return [...sums.values()].every((sum) => sum === 0n);
}

function byAccount(left: Line, right: Line): number {
  const [a, b] = [`${left.account} ${left.currency}`, `${right.account} ${right.currency}`];
  return a < b ? -1 : a > b ? 1 : 0;
}
