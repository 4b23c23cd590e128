import { assert } from "../../kernel/assert.js";
import { AccountName } from "../../ledger/entities.js";
import type { LineCode, MoneyLine } from "./lines.js";

/** One side of the statement's ledger entry: minor units, debit positive, credit negative. */
export interface StatementPosting {
  readonly account: AccountName;
  readonly amountMinor: bigint;
}

/** The account that each line of money clears against the position: a positive line debits it and credits POSITION. */
const CLEARED: Partial<Record<LineCode, AccountName>> = {
  SHARE: AccountName.PARTNER_COST,
  JACKPOT_CONTRIBUTIONS: AccountName.JACKPOT_POOL,
  JACKPOT_WINS: AccountName.JACKPOT_POOL,
  FEES: AccountName.FEE_DUE,
  ADJUSTMENTS: AccountName.ADJUSTMENT_DUE,
};

/**
 * The statement's one ledger entry (domain 12): every line of money onto POSITION, and what is released from there to
 * PAYABLE. One sum for each account that moves, in the order of their names; they add up to zero.
 */
export function statementPostings(lines: readonly MoneyLine[], payableMinor: bigint): readonly StatementPosting[] {
  const sums = new Map<AccountName, bigint>();
  const move = (debit: AccountName, credit: AccountName, minor: bigint) => {
    sums.set(debit, (sums.get(debit) ?? 0n) + minor);
    sums.set(credit, (sums.get(credit) ?? 0n) - minor);
  };
  for (const { code, amountMinor } of lines) {
    const cleared = CLEARED[code];
    assert(cleared !== undefined, `${code} clears an account`);
    move(cleared, AccountName.POSITION, amountMinor);
  }
  move(AccountName.POSITION, AccountName.PAYABLE, payableMinor);
  return [...sums]
    .filter(([, amountMinor]) => amountMinor !== 0n)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([account, amountMinor]) => ({ account, amountMinor }));
}
