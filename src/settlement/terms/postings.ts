import { present } from "../../kernel/assert.js";
import { Rational } from "../../kernel/rational.js";
import { AccountName } from "../../ledger/entities.js";
import type { MetByCredit } from "./credit.js";
import type { Reclassified } from "./dues.js";
import { conversionPostings } from "./fx.js";
import { type ConvertedFrom, clearedBy, type MoneyLine } from "./lines.js";

/** One side of the statement's ledger entry: minor units, debit positive, credit negative. */
export interface StatementPosting {
  readonly account: AccountName;
  /** Absent for the statement's own. */
  readonly currency?: string;
  readonly amountMinor: bigint;
}

/** What leaves the position: released for payment, of which credit meets some and tax is withheld. */
export interface Released {
  readonly payableMinor: bigint;
  readonly withheldMinor: bigint;
  readonly met: Pick<MetByCredit, "drawnMinor" | "creditMinor" | "discountMinor"> | null;
}

/**
 * The statement's one ledger entry (domain 12): every line of money onto POSITION, and what is released from there to
 * DRAWN, CREDIT, TAX_WITHHELD and PAYABLE, the discount of that credit taken off the cost. One sum for each account
 * that moves, in the order of their names; they add up to zero.
 */
export function statementPostings(
  lines: readonly MoneyLine[],
  { payableMinor, withheldMinor, met }: Released,
  counted: readonly Reclassified[] = [],
): readonly StatementPosting[] {
  const sums = new Map<string, StatementPosting>();
  const add = (account: AccountName, minor: bigint, currency: string | null = null) => {
    const key = `${account} ${currency ?? ""}`;
    const own = currency === null ? {} : { currency };
    sums.set(key, { account, ...own, amountMinor: (sums.get(key)?.amountMinor ?? 0n) + minor });
  };
  const move = (debit: AccountName, credit: AccountName, minor: bigint, currency: string | null = null) => {
    add(debit, minor, currency);
    add(credit, -minor, currency);
  };
  for (const { code, amountMinor, converted } of lines) {
    const cleared = present(clearedBy(code), `the account that ${code} clears`);
    if (converted === undefined) move(cleared, AccountName.POSITION, amountMinor);
    else
      for (const posting of conversionOf(converted, amountMinor, cleared)) {
        const isOwn = posting.currency === converted.foreign.into.currency;
        add(posting.account, posting.amountMinor, isOwn ? null : posting.currency);
      }
  }
  for (const { currency, minor } of counted) move(AccountName.WINNINGS, AccountName.JACKPOT_POOL, minor, currency);
  const { drawnMinor, creditMinor, discountMinor } = met ?? { drawnMinor: 0n, creditMinor: 0n, discountMinor: 0n };
  move(AccountName.POSITION, AccountName.DRAWN, drawnMinor);
  move(AccountName.POSITION, AccountName.CREDIT, creditMinor);
  move(AccountName.POSITION, AccountName.TAX_WITHHELD, withheldMinor);
  move(AccountName.POSITION, AccountName.PAYABLE, payableMinor - drawnMinor - creditMinor - withheldMinor);
  move(AccountName.CREDIT_DISCOUNT, AccountName.PARTNER_COST, discountMinor);
  return [...sums]
    .filter(([, { amountMinor }]) => amountMinor !== 0n)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, posting]) => posting);
}

/** What an entry moves onto PAYABLE in the statement's own currency; below zero: what is to be collected. */
export function paidOutOf(postings: readonly StatementPosting[]): bigint {
  const paidOut = postings.find(({ account, currency }) => account === AccountName.PAYABLE && currency === undefined);
  return -(paidOut?.amountMinor ?? 0n);
}

function conversionOf({ foreign, minor }: ConvertedFrom, convertedMinor: bigint, cleared: AccountName) {
  const { from, into, exchanges } = foreign;
  return conversionPostings({ minor: Rational.of(minor), from, into, exchange: exchanges[0] }, convertedMinor, cleared);
}
