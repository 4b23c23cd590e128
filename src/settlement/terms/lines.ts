import { assert } from "../../kernel/assert.js";
import { decimalText } from "../../kernel/money.js";
import type { DeductionType, Rounding } from "./contract.js";
import { exactText } from "./exact.js";
import type { Quantity, Working } from "./working.js";

/** Which part of the statement a line belongs to. */
export enum LineSection {
  /** Working: numbers, not money. */
  BASE = "BASE",
  /** Money earned; these lines add up to `earned`. */
  EARNED = "EARNED",
  /** Money by correction; these lines add up to `adjustments`. */
  ADJUSTMENTS = "ADJUSTMENTS",
  /** What becomes of the position. */
  POSITION = "POSITION",
}

type Entry = readonly [section: LineSection, description: string];

const LINES = {
  TURNOVER: [LineSection.BASE, "Turnover: bets less rolled-back bets"],
  WINS: [LineSection.BASE, "Wins less rolled-back wins"],
  LATE_ITEMS: [LineSection.BASE, "Late items of closed periods, counted here"],
  GGR: [LineSection.BASE, "Gross gaming revenue: turnover less wins"],
  DEDUCTION_BONUS: [LineSection.BASE, "Bonus cost deducted"],
  DEDUCTION_JACKPOT_CONTRIBUTION: [LineSection.BASE, "Jackpot contributions deducted"],
  DEDUCTION_PAYMENT_FEES: [LineSection.BASE, "Payment fees deducted"],
  DEDUCTION_GAMING_TAX: [LineSection.BASE, "Gaming tax deducted"],
  DEDUCTION_CHARGEBACKS: [LineSection.BASE, "Chargebacks deducted"],
  DEDUCTION_ADMIN_FEE: [LineSection.BASE, "Administration fee deducted"],
  DEDUCTION_PROVIDER_FEES: [LineSection.BASE, "Provider fees deducted"],
  BASE: [LineSection.BASE, "Base of this period"],
  CARRY_IN: [LineSection.BASE, "Negative base carried in from the statement before"],
  CARRY_OUT: [LineSection.BASE, "Negative base carried out to the next statement"],
  SHARE: [LineSection.EARNED, "Share of the base after what was carried in"],
  JACKPOT_CONTRIBUTIONS: [LineSection.EARNED, "Jackpot contributions owed to the pool"],
  JACKPOT_WINS: [LineSection.EARNED, "Jackpot wins due from the pool"],
  FEES: [LineSection.EARNED, "Fees owed to the partner"],
  ADJUSTMENTS: [LineSection.ADJUSTMENTS, "Adjustments; positive in the partner's favour"],
  POSITION: [LineSection.POSITION, "Position before payment"],
  PAYABLE: [LineSection.POSITION, "Released for payment"],
  CLOSING: [LineSection.POSITION, "Closing position; it opens the next statement"],
} as const satisfies Record<string, Entry> & Record<`DEDUCTION_${DeductionType}`, Entry>;

/** The lines that a statement may have. */
export type LineCode = keyof typeof LINES;

/** Every one of them, as the statement's schema lists them. */
export const LINE_CODES: readonly LineCode[] = Object.keys(LINES).filter(isLineCode);

/** A line in exact numbers. */
export interface ExactLine extends Working {
  readonly code: LineCode;
  /** JSON pointer to the member of the configuration document that the line obeys; null where no member governs it. */
  readonly term: string | null;
  /** The money it stands for, in minor units; null for a line that is working only. */
  readonly amountMinor: bigint | null;
  /** How the value became money; null where it is whole minor units by itself. */
  readonly rounding: Rounding | null;
}

/** A line that is money. */
export interface MoneyLine extends ExactLine {
  readonly amountMinor: bigint;
}

/** A line as published: what it is, how it was computed and from what, by which term, and how it was rounded. */
export interface Line {
  readonly code: LineCode;
  readonly section: LineSection;
  readonly description: string;
  /** Arithmetic over the names of `inputs`: `+ - *`, `min`, `max`, brackets, and `if a >= b then c else d`. */
  readonly formula: string;
  /** Amounts in whole units, and rates: exact decimals, or `n/d`. */
  readonly inputs: Readonly<Record<string, string>>;
  /** What the formula gives, exactly: a decimal, or `n/d`. */
  readonly result: string;
  /** The money of the line, with the currency's decimals; null for a line that is working only. */
  readonly amount: string | null;
  /** How `result` became `amount`; null where nothing was rounded. */
  readonly rounding: Rounding | null;
  /** JSON pointer into the configuration document; null where no member governs the line. */
  readonly term: string | null;
}

/** A line that is working only: a number on the statement, not money. */
export function workingLine(code: LineCode, term: string | null, working: Working): ExactLine {
  return { code, term, ...working, amountMinor: null, rounding: null };
}

/** A line of money that is whole minor units by itself. */
export function moneyLine(code: LineCode, term: string | null, working: Working): MoneyLine {
  return { code, term, ...working, amountMinor: wholeMinor(working), rounding: null };
}

/** The lines of one section. */
export function linesOf<L extends ExactLine>(lines: readonly L[], section: LineSection): readonly L[] {
  return lines.filter(({ code }) => LINES[code][0] === section);
}

/** The line as published, in whole units of a currency with so many decimals. */
export function publishLine(line: ExactLine, scale: number): Line {
  const [section, description] = LINES[line.code];
  const inputs = Object.entries(line.inputs).map(([name, quantity]) => [name, quantityText(quantity, scale)] as const);
  return {
    code: line.code,
    section,
    description,
    formula: line.formula,
    inputs: Object.fromEntries(inputs),
    result: exactText(line.value, scale),
    amount: line.amountMinor === null ? null : decimalText(line.amountMinor, scale),
    rounding: line.rounding,
    term: line.term,
  };
}

function isLineCode(code: string): code is LineCode {
  return Object.hasOwn(LINES, code);
}

function quantityText({ unit, value }: Quantity, scale: number): string {
  return unit === "RATE" ? value.toText() : exactText(value, scale);
}

function wholeMinor({ value, formula }: Working): bigint {
  assert(value.d === 1n, `${formula} gives whole minor units`);
  return value.n;
}
