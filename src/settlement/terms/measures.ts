import { TransactionKind } from "../../periods/entities.js";
import { hasAny, type KindTotal, type Part, sumOf, Timing } from "./activity.js";
import { type BaseTerms, type Basis, type FreeRoundStake, Measure } from "./contract.js";
import { type ExactLine, workingLine } from "./lines.js";
import { amount, minus, plus, type Working } from "./working.js";

/** The measures of a period, and the lines that show how they came about. */
export interface Measures {
  readonly lines: readonly ExactLine[];
  /** Each measure by its name, late items counted, ready to stand in a formula. */
  readonly named: Readonly<Record<Basis["measure"], Working>>;
}

const BETS: Part = { kind: TransactionKind.BET, name: "bets" };
const WINS: Part = { kind: TransactionKind.WIN, name: "wins" };
const BONUS_BETS: Part = { kind: TransactionKind.BONUS_BET, name: "bonusBets" };
const BONUS_WINS: Part = { kind: TransactionKind.BONUS_WIN, name: "bonusWins" };
const JACKPOT_WINS: Part = { kind: TransactionKind.JACKPOT_WIN, name: "jackpotWins" };
const BONUSES: Part = { kind: TransactionKind.BONUS, name: "bonuses" };

/** What counts as stakes, as winnings and as bonus cost, by the value of a free round's stake (domain 4). */
export const COUNTED_AS: Readonly<
  Record<FreeRoundStake, Readonly<Record<"stakes" | "winnings" | "bonusCost", readonly Part[]>>>
> = {
  ZERO: { stakes: [BETS], winnings: [WINS], bonusCost: [BONUSES, BONUS_WINS] },
  FACE_VALUE: { stakes: [BETS, BONUS_BETS], winnings: [WINS, BONUS_WINS], bonusCost: [BONUSES, BONUS_BETS] },
};

/** Turnover and GGR of a period (domain 2). Late items stand on a line of their own and count in both. */
export function measure(terms: BaseTerms, totals: readonly KindTotal[], scope: string): Measures {
  const { stakes, winnings: ordinary } = COUNTED_AS[terms.freeRoundStake];
  const winnings = terms.jackpotWinsIncluded ? [...ordinary, JACKPOT_WINS] : ordinary;
  const { pointer, isStakeRuled = false } = terms;
  const stakeTerm = isStakeRuled ? "/rules" : `${pointer}/freeRoundStake`;
  const turnover = sumOf(totals, Timing.OWN, stakes);
  const wins = sumOf(totals, Timing.OWN, winnings);
  const late = lateSum(totals, [...stakes, ...winnings.map((part) => ({ ...part, isTakenOff: true }))]);
  const ggr = plusLate(minus(amount("turnover", turnover.value), amount("wins", wins.value)), "lateItems", late);
  return {
    lines: [
      workingLine("TURNOVER", stakeTerm, turnover, scope),
      workingLine("WINS", stakeTerm, wins, scope),
      ...(late === null ? [] : [workingLine("LATE_ITEMS", "/lateItems", late, scope)]),
      workingLine("GGR", `${pointer}/measure`, ggr, scope),
    ],
    named: {
      [Measure.TURNOVER]: plusLate(amount("turnover", turnover.value), "lateTurnover", lateSum(totals, stakes)),
      [Measure.GGR]: amount("ggr", ggr.value),
    },
  };
}

function lateSum(totals: readonly KindTotal[], parts: readonly Part[]): Working | null {
  return hasAny(totals, Timing.LATE, parts) ? sumOf(totals, Timing.LATE, parts) : null;
}

function plusLate(own: Working, name: string, late: Working | null): Working {
  return late === null ? own : plus(own, amount(name, late.value));
}
