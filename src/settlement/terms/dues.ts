import { TransactionKind } from "../../periods/entities.js";
import { hasAny, type KindTotal, type Part, sumOf, Timing } from "./activity.js";
import { type LineCode, type MoneyLine, moneyLine } from "./lines.js";
import { negate } from "./working.js";

/** Categories of fees that posting owes to the partner; the others are paid elsewhere (domain 12). */
const FEES_OWED_TO_PARTNER: readonly string[] = ["PLATFORM", "PROVIDER"];

interface Due {
  readonly code: LineCode;
  readonly part: Part;
  /** Whether it is the partner who owes it. */
  readonly isOwedByPartner?: boolean;
}

const DUES: readonly Due[] = [
  {
    code: "JACKPOT_CONTRIBUTIONS",
    part: { kind: TransactionKind.JACKPOT_CONTRIBUTION, name: "jackpotContributions" },
  },
  {
    code: "JACKPOT_WINS",
    part: { kind: TransactionKind.JACKPOT_WIN, name: "jackpotWins" },
    isOwedByPartner: true,
  },
  { code: "FEES", part: { kind: TransactionKind.FEE, categories: FEES_OWED_TO_PARTNER, name: "fees" } },
  { code: "ADJUSTMENTS", part: { kind: TransactionKind.ADJUSTMENT, name: "adjustments" } },
];

/**
 * What posting already owed one way or the other and now comes onto the statement whole, whatever the share (domain 9
 * and 12): a line each, positive in the partner's favour, late items counted. Kinds that did not occur have no line.
 */
export function dueLines(totals: readonly KindTotal[]): readonly MoneyLine[] {
  return DUES.filter(({ part }) => hasAny(totals, Timing.BOTH, [part])).map(({ code, part, isOwedByPartner }) => {
    const sum = sumOf(totals, Timing.BOTH, [part]);
    return moneyLine(code, null, isOwedByPartner ? negate(sum) : sum);
  });
}
