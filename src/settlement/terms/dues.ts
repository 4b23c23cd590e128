import { TransactionKind } from "../../periods/entities.js";
import { hasAny, type KindTotal, type Part, sumOf, Timing } from "./activity.js";
import type { Contract } from "./contract.js";
import { type ExactLine, type LineCode, type MoneyLine, moneyLine, workingLine } from "./lines.js";
import { measure } from "./measures.js";
import { amount, greatest, minus, negate, rate, times, ZERO } from "./working.js";

/** Categories of fees that posting owes to the partner; the others are paid elsewhere (domain 12). */
const FEES_OWED_TO_PARTNER: readonly string[] = ["PLATFORM", "PROVIDER"];

interface Due {
  readonly code: LineCode;
  readonly part: Part;
  /** Whether it is the partner who owes it. */
  readonly isOwedByPartner?: boolean;
}

const CONTRIBUTIONS: Part = { kind: TransactionKind.JACKPOT_CONTRIBUTION, name: "jackpotContributions" };
const WINS: Part = { kind: TransactionKind.JACKPOT_WIN, name: "jackpotWins" };
const JACKPOT_CODES: readonly LineCode[] = ["JACKPOT_CONTRIBUTIONS", "JACKPOT_WINS"];

const DUES: readonly Due[] = [
  { code: "JACKPOT_CONTRIBUTIONS", part: CONTRIBUTIONS },
  { code: "JACKPOT_WINS", part: WINS, isOwedByPartner: true },
  { code: "FEES", part: { kind: TransactionKind.FEE, categories: FEES_OWED_TO_PARTNER, name: "fees" } },
  { code: "ADJUSTMENTS", part: { kind: TransactionKind.ADJUSTMENT, name: "adjustments" } },
];

/**
 * What posting already owed one way or the other and now comes onto the statement whole, whatever the share (domain 9
 * and 12): a line each, positive in the partner's favour, late items counted. Kinds that did not occur have no line.
 * Jackpots that settle apart stay with the pool.
 */
export function dueLines({ base, jackpots }: Contract, totals: readonly KindTotal[]): readonly MoneyLine[] {
  const isHere = ({ code }: Due) => {
    if (jackpots.isSeparate) return !JACKPOT_CODES.includes(code);
    return code !== "JACKPOT_WINS" || !base.jackpotWinsIncluded;
  };
  const dues = DUES.filter((due) => isHere(due) && hasAny(totals, Timing.BOTH, [due.part]));
  return dues.map(({ code, part, isOwedByPartner }) => {
    const sum = sumOf(totals, Timing.BOTH, [part]);
    return moneyLine(code, null, isOwedByPartner ? negate(sum) : sum);
  });
}

/** Contributions less wins where jackpots settle apart: a number on the statement, not money. */
export function separateJackpots({ jackpots }: Contract, totals: readonly KindTotal[]): readonly ExactLine[] {
  if (!jackpots.isSeparate || !hasAny(totals, Timing.BOTH, [CONTRIBUTIONS, WINS])) return [];
  const pool = sumOf(totals, Timing.BOTH, [CONTRIBUTIONS, { ...WINS, isTakenOff: true }]);
  return [workingLine("JACKPOTS_SEPARATE", "/jackpots/settlement", pool)];
}

/** `rate * max(basis, 0) - posted`: with it the contributions come to the rate, whatever was posted of them. */
export function jackpotTrueUp(contract: Contract, totals: readonly KindTotal[]): readonly ExactLine[] {
  const { contribution, isSeparate } = contract.jackpots;
  if (contribution === null || isSeparate) return [];
  const { named } = measure(contract.base, totals, "");
  const due = times(rate("rate", contribution.rate), greatest(named[contribution.basis.measure], ZERO));
  const posted = amount("jackpotContributions", sumOf(totals, Timing.BOTH, [CONTRIBUTIONS]).value);
  return [workingLine("JACKPOT_TRUE_UP", "/jackpots/contribution", minus(due, posted))];
}
