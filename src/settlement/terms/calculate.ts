import { assert } from "../../kernel/assert.js";
import { Rational } from "../../kernel/rational.js";
import { type KindTotal, unsettledKinds } from "./activity.js";
import { baseOf } from "./base.js";
import type { Contract } from "./contract.js";
import { dueLines } from "./dues.js";
import { type ExactLine, LineSection, linesOf } from "./lines.js";
import { settlePosition } from "./position.js";
import { type StatementPosting, statementPostings } from "./postings.js";
import { shareOf } from "./share.js";

/** Everything that decides a statement: nothing else may. */
export interface TermsInput {
  readonly contract: Contract;
  /** What was posted into the period, in one currency. */
  readonly totals: readonly KindTotal[];
  /** Base carried out by the statement before, at most zero, in exact minor units. */
  readonly carryIn: Rational;
  /** Closing position of the statement before, in minor units. */
  readonly openingMinor: bigint;
}

/** What a period came to. Rationals are exact minor units; `earned` is all lines of money but adjustments. */
export interface TermsResult {
  readonly lines: readonly ExactLine[];
  /** The period's own, before carry. */
  readonly base: Rational;
  readonly carryIn: Rational;
  readonly carryOut: Rational;
  readonly openingMinor: bigint;
  readonly earnedMinor: bigint;
  readonly adjustmentsMinor: bigint;
  readonly payableMinor: bigint;
  readonly closingMinor: bigint;
  readonly postings: readonly StatementPosting[];
}

/**
 * Settles one period in one currency: base, share, dues, position, and the ledger entry. The same input gives the same
 * result.
 */
export function calculate({ contract, totals, carryIn, openingMinor }: TermsInput): TermsResult {
  assert(carryIn.compare(Rational.ZERO) <= 0, "only a negative base is carried");
  assert(unsettledKinds(totals).length === 0, "a term settles every kind");
  const { base, lines } = baseOf(contract, totals);
  const shared = shareOf(contract, base, carryIn);
  const money = [shared.share, ...dueLines(totals)];
  const earnedMinor = sumMinor(linesOf(money, LineSection.EARNED));
  const adjustmentsMinor = sumMinor(linesOf(money, LineSection.ADJUSTMENTS));
  const { minimumPayoutMinor } = contract;
  const settled = settlePosition({ openingMinor, earnedMinor, adjustmentsMinor, minimumPayoutMinor });
  const payableMinor = settled.payable.amountMinor;
  return balanced({
    lines: [...lines, shared.carryIn, ...money, shared.carryOut, settled.position, settled.payable, settled.closing],
    base,
    carryIn,
    carryOut: shared.carryOut.value,
    openingMinor,
    earnedMinor,
    adjustmentsMinor,
    payableMinor,
    closingMinor: settled.closing.amountMinor,
    postings: statementPostings(money, payableMinor),
  });
}

/** The result, after the identities that must hold for every statement (domain 11 and 12). */
function balanced(result: TermsResult): TermsResult {
  const { openingMinor, earnedMinor, adjustmentsMinor, payableMinor, closingMinor, postings } = result;
  assert(
    closingMinor === openingMinor + earnedMinor + adjustmentsMinor - payableMinor,
    "a statement closes as it adds up",
  );
  assert(sumMinor(postings) === 0n, "a statement's entry sums to zero");
  return result;
}

function sumMinor(parts: readonly { readonly amountMinor: bigint }[]): bigint {
  return parts.reduce((sum, { amountMinor }) => sum + amountMinor, 0n);
}
