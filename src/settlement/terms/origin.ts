import type { Rational } from "../../kernel/rational.js";
import type { KindTotal } from "./activity.js";
import { calculate, type TermsInput } from "./calculate.js";

/** A fenced period into which late items came, as its own statement settled it. */
export interface Origin extends TermsInput {
  /** Every item that came late for it until now, in this period or before. */
  readonly late: readonly KindTotal[];
  /** What was settled for it: its own statement's `earned`, and what later statements added. */
  readonly settledMinor: bigint;
  /** Its own statement's carry-out, moved by what later statements moved it. */
  readonly carriedOut: Rational;
}

/** What late items change: an amount now, and the present carry-in. */
export interface OriginChange {
  readonly earnedMinor: bigint;
  readonly carryChange: Rational;
}

/**
 * Late items at their origin's terms (domain 6, ORIGIN_TERMS): what the origin earns with all of them by its pinned
 * version, less what was settled for it; the difference of its carry-out moves the present carry-in. Statements in
 * between are not recomputed.
 */
export function settleOrigin({ late, settledMinor, carriedOut, ...input }: Origin): OriginChange {
  const timely = late.map((total) => ({ ...total, originPeriodId: null }));
  const again = calculate({ ...input, totals: [...input.totals, ...timely] });
  return {
    earnedMinor: again.earnedMinor - settledMinor,
    carryChange: again.carryOut.minus(carriedOut),
  };
}
