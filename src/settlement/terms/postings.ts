import { present } from "../../kernel/assert.js";
import { AccountName } from "../../ledger/entities.js";
import { clearedBy, type MoneyLine } from "./lines.js";

/** One side of the statement's ledger entry: minor units, debit positive, credit negative. */
export interface StatementPosting {
  readonly account: AccountName;
  readonly amountMinor: bigint;
}

/** What leaves the position: released for payment, of which tax is withheld. */
export interface Released {
  readonly payableMinor: bigint;
  readonly withheldMinor: bigint;
}

/**
 * The statement's one ledger entry (domain 12): every line of money onto POSITION, and what is released from there to
 * TAX_WITHHELD and PAYABLE. One sum for each account that moves, in the order of their names; they add up to zero.
 */
export function statementPostings(
  lines: readonly MoneyLine[],
  { payableMinor, withheldMinor }: Released,
): readonly StatementPosting[] {
  const sums = new Map<AccountName, bigint>();
  const move = (debit: AccountName, credit: AccountName, minor: bigint) => {
    sums.set(debit, (sums.get(debit) ?? 0n) + minor);
    sums.set(credit, (sums.get(credit) ?? 0n) - minor);
  };
  for (const { code, amountMinor } of lines) {
    move(present(clearedBy(code), `the account that ${code} clears`), AccountName.POSITION, amountMinor);
  }
  move(AccountName.POSITION, AccountName.TAX_WITHHELD, withheldMinor);
  move(AccountName.POSITION, AccountName.PAYABLE, payableMinor - withheldMinor);
  return [...sums]
    .filter(([, amountMinor]) => amountMinor !== 0n)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([account, amountMinor]) => ({ account, amountMinor }));
}
