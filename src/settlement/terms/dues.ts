import { TransactionKind } from "../../periods/entities.js";
import {
  byCurrency,
  type CurrencyGroup,
  hasAny,
  type KindTotal,
  minorOf,
  type Part,
  sumOf,
  Timing,
} from "./activity.js";
import { type Contract, type Rounding, RoundingStage } from "./contract.js";
import { convertWorking } from "./fx.js";
import { type ExactLine, type LineCode, type MoneyLine, moneyLine, roundedLine, workingLine } from "./lines.js";
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
export function dueLines({ base, jackpots, rounding }: Contract, totals: readonly KindTotal[]): readonly MoneyLine[] {
  const isHere = ({ code }: Due) => {
    if (jackpots.isSeparate) return !JACKPOT_CODES.includes(code);
    return code !== "JACKPOT_WINS" || !base.jackpotWinsIncluded;
  };
  return byCurrency(totals).flatMap((group) => {
    const dues = DUES.filter((due) => isHere(due) && hasAny(group.totals, Timing.BOTH, [due.part]));
    return dues.map((due) => dueLine(due, group, rounding));
  });
}

/** In another currency: what was owed there, converted and rounded by itself. */
function dueLine(
  { code, part, isOwedByPartner }: Due,
  { foreign, totals, scope }: CurrencyGroup,
  { mode }: Rounding,
): MoneyLine {
  const sum = sumOf(totals, Timing.BOTH, [part]);
  const due = isOwedByPartner ? negate(sum) : sum;
  if (foreign === null) return moneyLine(code, null, due);
  const minor = minorOf(totals, part) * (isOwedByPartner ? -1n : 1n);
  const line = roundedLine(code, "/fx", convertWorking(foreign, due), { mode, stage: RoundingStage.LINE }, scope);
  return { ...line, converted: { foreign, minor } };
}

/**
 * Jackpot wins that are winnings by contract: posting charged them to the pool, and the statement moves them to the
 * winnings, each in its own currency.
 */
export function countedJackpots({ base }: Contract, totals: readonly KindTotal[]): readonly Reclassified[] {
  if (!base.jackpotWinsIncluded) return [];
  return byCurrency(totals).flatMap(({ foreign, totals }) => {
    const minor = minorOf(totals, WINS);
    return minor === 0n ? [] : [{ currency: foreign?.from.currency ?? null, minor }];
  });
}

/** Minor units that leave JACKPOT_POOL for WINNINGS; the currency is null for the statement's own. */
export interface Reclassified {
  readonly currency: string | null;
  readonly minor: bigint;
}

/** Contributions less wins where jackpots settle apart: a number on the statement, not money. */
export function separateJackpots({ base, jackpots }: Contract, totals: readonly KindTotal[]): readonly ExactLine[] {
  if (!jackpots.isSeparate) return [];
  const wins = base.jackpotWinsIncluded ? [] : [{ ...WINS, isTakenOff: true }];
  return byCurrency(totals).flatMap(({ totals, scope }) => {
    if (!hasAny(totals, Timing.BOTH, [CONTRIBUTIONS, ...wins])) return [];
    const pool = sumOf(totals, Timing.BOTH, [CONTRIBUTIONS, ...wins]);
    return [workingLine("JACKPOTS_SEPARATE", "/jackpots/settlement", pool, scope)];
  });
}

/** `rate * max(basis, 0) - posted`: with it the contributions come to the rate, whatever was posted of them. */
export function jackpotTrueUp(contract: Contract, totals: readonly KindTotal[]): readonly ExactLine[] {
  const { contribution, isSeparate } = contract.jackpots;
  if (contribution === null || isSeparate) return [];
  return byCurrency(totals).map(({ foreign, totals, scope }) => {
    const { named } = measure(contract.base, totals, "");
    const due = times(rate("rate", contribution.rate), greatest(named[contribution.basis.measure], ZERO));
    const posted = amount("jackpotContributions", sumOf(totals, Timing.BOTH, [CONTRIBUTIONS]).value);
    const missing = minus(due, posted);
    const working = foreign === null ? missing : convertWorking(foreign, missing);
    return workingLine("JACKPOT_TRUE_UP", "/jackpots/contribution", working, scope);
  });
}
