import { present } from "../../kernel/assert.js";
import { Rational, RoundingMode } from "../../kernel/rational.js";
import { type Rounding, RoundingStage } from "./contract.js";
import { type MoneyLine, workingLine } from "./lines.js";
import type { PayoutTerms } from "./payment-terms.js";
import { shareOut } from "./rounding.js";
import { amount, rate, times } from "./working.js";

const LARGEST_REMAINDER: Rounding = { mode: RoundingMode.FLOOR, stage: RoundingStage.TOTAL };

/** What each payee gets of a payout above zero, by weight and largest remainder (domain 9); they add up to it. */
export function splitPayout({ splits }: PayoutTerms, paidMinor: bigint): readonly MoneyLine[] {
  if (splits.length === 0 || paidMinor <= 0n) return [];
  const paid = amount("paidOut", Rational.of(paidMinor));
  const parts = splits.map(({ to, weight }) => ({ to, working: times(rate("weight", weight), paid) }));
  const shares = shareOut(
    paidMinor,
    parts.map(({ working }) => working.value),
  );
  return parts.map(({ to, working }, index) => ({
    ...workingLine("SPLIT", `/payout/splits/${index}`, working, to),
    amountMinor: present(shares[index], "a split"),
    rounding: LARGEST_REMAINDER,
  }));
}
