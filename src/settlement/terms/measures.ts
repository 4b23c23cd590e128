import { TransactionKind } from "../../periods/entities.js";
import { hasAny, type KindTotal, type Part, sumOf, Timing } from "./activity.js";
import { type BaseTerms, type Basis, FreeRoundStake, Measure } from "./contract.js";
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
const FACE_BETS: Part = { kind: TransactionKind.BONUS_BET, name: "bonusBets", isAtFaceValue: true };
const FACE_WINS: Part = { kind: TransactionKind.BONUS_WIN, name: "bonusWins", isAtFaceValue: true };
const JACKPOT_WINS: Part = { kind: TransactionKind.JACKPOT_WIN, name: "jackpotWins" };
const BONUSES: Part = { kind: TransactionKind.BONUS, name: "bonuses" };
const STAKES: readonly Part[] = [BETS, FACE_BETS];
const WINNINGS: readonly Part[] = [WINS, FACE_WINS];

/** What counts as bonus cost (domain 4): of free rounds their stakes at face value, else what they won. */
export const BONUS_COST: readonly Part[] = [BONUSES, { ...FACE_WINS, isAtFaceValue: false }, FACE_BETS];

/** Totals that all say at what value their free rounds' stakes count: as a rule chose, else as their base says. */
export function valueStakes({ freeRoundStake }: BaseTerms, totals: readonly KindTotal[]): readonly KindTotal[] {
  const isAtFaceValue = freeRoundStake === FreeRoundStake.FACE_VALUE;
  return totals.map((total) => ({ isAtFaceValue, ...total }));
}

/** Turnover and GGR of a period (domain 2). Late items stand on a line of their own and count in both. */
export function measure(terms: BaseTerms, counted: readonly KindTotal[], scope: string): Measures {
  const { pointer, freeRoundStake, jackpotWinsIncluded } = terms;
  const totals = valueStakes(terms, counted);
  const isRuled = totals.some((total) => total.isAtFaceValue !== (freeRoundStake === FreeRoundStake.FACE_VALUE));
  const stakeTerm = isRuled ? "/rules" : `${pointer}/freeRoundStake`;
  const winnings = jackpotWinsIncluded ? [...WINNINGS, JACKPOT_WINS] : WINNINGS;
  const turnover = sumOf(totals, Timing.OWN, STAKES);
  const wins = sumOf(totals, Timing.OWN, winnings);
  const late = lateSum(totals, [...STAKES, ...winnings.map((part) => ({ ...part, isTakenOff: true }))]);
  const ggr = plusLate(minus(amount("turnover", turnover.value), amount("wins", wins.value)), "lateItems", late);
  return {
    lines: [
      workingLine("TURNOVER", stakeTerm, turnover, scope),
      workingLine("WINS", stakeTerm, wins, scope),
      ...(late === null ? [] : [workingLine("LATE_ITEMS", "/lateItems", late, scope)]),
      workingLine("GGR", `${pointer}/measure`, ggr, scope),
    ],
    named: {
      [Measure.TURNOVER]: plusLate(amount("turnover", turnover.value), "lateTurnover", lateSum(totals, STAKES)),
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
