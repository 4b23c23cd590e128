import { assert } from "../../kernel/assert.js";
import { decimalText } from "../../kernel/money.js";
import { AccountName } from "../../ledger/entities.js";
import type { DeductionType, Rounding } from "./contract.js";
import { exactText } from "./exact.js";
import type { Foreign } from "./fx.js";
import type { RuleAnswer, Ruling } from "./ruling.js";
import type { Quantity, Working } from "./working.js";

/** Which part of the statement a line belongs to. */
export enum LineSection {
  /** Working: numbers, not money. */
  BASE = "BASE",
  /** Money earned; these lines add up to `earned`. */
  EARNED = "EARNED",
  /** Money by correction; these lines add up to `adjustments`. */
  ADJUSTMENTS = "ADJUSTMENTS",
  /** Money withheld for, or released from, the rolling reserve. */
  RESERVE = "RESERVE",
  /** What becomes of the position. */
  POSITION = "POSITION",
  /** Prepaid credit: how it met what is released, its discount, and what is left of it. */
  CREDIT = "CREDIT",
}

/** Section, description, and for money the account that it clears: a positive line debits it, credits POSITION. */
type Entry = readonly [section: LineSection, description: string, cleared?: AccountName];

const { BASE, EARNED, ADJUSTMENTS, RESERVE, POSITION, CREDIT } = LineSection;

const LINES = {
  RULE: [BASE, "Asked of the rule, which left the rate as the terms say it"],
  RULE_RATE: [BASE, "Rate that the rule chose"],
  TURNOVER: [BASE, "Turnover: bets less rolled-back bets"],
  WINS: [BASE, "Wins less rolled-back wins"],
  LATE_ITEMS: [BASE, "Late items of closed periods, counted here"],
  GGR: [BASE, "Gross gaming revenue: turnover less wins"],
  DEDUCTION_BONUS: [BASE, "Bonus cost deducted"],
  DEDUCTION_JACKPOT_CONTRIBUTION: [BASE, "Jackpot contributions deducted"],
  DEDUCTION_PAYMENT_FEES: [BASE, "Payment fees deducted"],
  DEDUCTION_GAMING_TAX: [BASE, "Gaming tax deducted"],
  DEDUCTION_CHARGEBACKS: [BASE, "Chargebacks deducted"],
  DEDUCTION_ADMIN_FEE: [BASE, "Administration fee deducted"],
  DEDUCTION_PROVIDER_FEES: [BASE, "Provider fees deducted"],
  BASE_PART: [BASE, "Base of the activity that has a base of its own"],
  BASE_CONVERTED: [BASE, "Base of another currency, converted at close"],
  BASE: [BASE, "Base of this period"],
  PLAYER_BASE: [BASE, "Base of one player's activity"],
  PLAYER_CARRY_IN: [BASE, "Negative amount carried in against one player alone"],
  PLAYER_OFFSET: [BASE, "What was carried in against the player and is taken off the player's own gain"],
  AGGREGATE: [BASE, "Base after what players absorbed themselves"],
  PLAYER_LOSS: [BASE, "Loss of a player beyond the ring-fence's bounds"],
  PLAYER_FENCED: [BASE, "Loss that is carried against the player alone"],
  FENCED_BASE: [BASE, "Base without what is carried against players alone"],
  PLAYER_EXPIRED: [BASE, "What was carried in against the player and expires now"],
  PLAYER_CARRY_OUT: [BASE, "Negative amount carried out against the player alone"],
  WINDOW_BASE: [BASE, "Base of the tier window so far"],
  CARRY_IN: [BASE, "Negative amount carried in from the statement before"],
  WINDOW_CARRY_IN: [BASE, "Negative amount that was carried into the tier window, by its first statement"],
  CARRY_OFFSET: [BASE, "What was carried in and is taken off now"],
  CARRY_EXPIRED: [BASE, "What was carried in and expires now"],
  CARRY_OUT: [BASE, "Negative amount carried out to the next statement"],
  NET_BASE: [BASE, "Base that is shared, after what was carried in"],
  TIER_RATE: [BASE, "Rate of the bracket that the base reaches"],
  COMMISSION: [BASE, "Commission before what was carried in"],
  SHARE: [EARNED, "Share of the base after what was carried in", AccountName.PARTNER_COST],
  FEE_FIXED: [EARNED, "Fixed fee by contract", AccountName.PARTNER_COST],
  FEE_PER_TRANSACTION: [EARNED, "Fee for each transaction", AccountName.PARTNER_COST],
  FEE_PER_UNIT: [EARNED, "Fee for each unit", AccountName.PARTNER_COST],
  CAP: [EARNED, "Taken off above a cap", AccountName.PARTNER_COST],
  GUARANTEED: [BASE, "Guaranteed for this period"],
  TOP_UP: [EARNED, "Topped up to what is guaranteed", AccountName.PARTNER_COST],
  JACKPOT_TRUE_UP: [EARNED, "Jackpot contributions by rate, less those posted", AccountName.PARTNER_COST],
  VAT: [EARNED, "Value added tax", AccountName.TAX_INPUT],
  VAT_INCLUDED: [EARNED, "Value added tax contained in what was earned", AccountName.PARTNER_COST],
  ADVANCE: [EARNED, "Advance given, or recouped where negative", AccountName.ADVANCE],
  JACKPOT_CONTRIBUTIONS: [EARNED, "Jackpot contributions owed to the pool", AccountName.JACKPOT_POOL],
  JACKPOT_WINS: [EARNED, "Jackpot wins due from the pool", AccountName.JACKPOT_POOL],
  JACKPOTS_SEPARATE: [BASE, "Jackpot contributions less wins, settled apart from this statement"],
  FEES: [EARNED, "Fees owed to the partner", AccountName.FEE_DUE],
  CREDIT_BOUGHT: [EARNED, "Price of credit bought; negative where it was taken back", AccountName.CREDIT_DUE],
  ADJUSTMENTS: [ADJUSTMENTS, "Adjustments; positive in the partner's favour", AccountName.ADJUSTMENT_DUE],
  RESERVE_HELD: [RESERVE, "Withheld for the rolling reserve", AccountName.RESERVE],
  RESERVE_RELEASED: [RESERVE, "Released from the rolling reserve", AccountName.RESERVE],
  POSITION: [POSITION, "Position before payment"],
  PAYABLE: [POSITION, "Released for payment"],
  CREDIT_TO_MEET: [CREDIT, "Of what is released, what credit may meet: not the price of credit"],
  CREDIT_DRAWN_MET: [CREDIT, "Met by credit that was drawn at posting"],
  CREDIT_MET: [CREDIT, "Met by credit of a lot"],
  CREDIT_REFILLED: [CREDIT, "Given back to a lot that it was drawn from"],
  CREDIT_DISCOUNT: [CREDIT, "Discount of the credit that met it, which lowers the cost"],
  CREDIT_LEFT: [CREDIT, "What is left of a lot"],
  TAX_WITHHELD: [POSITION, "Tax withheld from what is released"],
  PAID_OUT: [POSITION, "To be paid after credit and tax"],
  SPLIT: [POSITION, "To be paid to one of several payees"],
  CLOSING: [POSITION, "Closing position; it opens the next statement"],
} as const satisfies Record<string, Entry> & Record<`DEDUCTION_${DeductionType}`, Entry>;

/** The lines that a statement may have. */
export type LineCode = keyof typeof LINES;

/** Every one of them, as the statement's schema lists them. */
export const LINE_CODES: readonly LineCode[] = Object.keys(LINES).filter(isLineCode);

/** A line in exact numbers. */
export interface ExactLine extends Working {
  readonly code: LineCode;
  /** What the line is about: a part of the activity, a fee, a payee; empty where it is the whole. */
  readonly scope: string;
  /** JSON pointer to the member of the configuration document that the line obeys; null where no member governs it. */
  readonly term: string | null;
  /** Whether the value is a rate, not an amount. */
  readonly isRate?: true;
  /** The money it stands for, in minor units; null for a line that is working only. */
  readonly amountMinor: bigint | null;
  /** How the value became money; null where it is whole minor units by itself. */
  readonly rounding: Rounding | null;
  /** What of another currency it was converted from, where it was. */
  readonly converted?: ConvertedFrom;
  /** What the rule was told and answered, on a line that it stands on. */
  readonly ruling?: Ruling;
}

/** Whole minor units of another currency that a line of money was converted from. */
export interface ConvertedFrom {
  readonly foreign: Foreign;
  readonly minor: bigint;
}

/** A line that is money. */
export interface MoneyLine extends ExactLine {
  readonly amountMinor: bigint;
}

/** A line as published: what it is, how it was computed and from what, by which term, and how it was rounded. */
export interface Line {
  readonly code: LineCode;
  readonly section: LineSection;
  /** What it is about: `brand=…`, `category=…`, `product=…`, a fee's or payee's name; empty for the whole. */
  readonly scope: string;
  readonly description: string;
  /** Arithmetic over the names of `inputs`: `+ - * /`, `min`, `max`, brackets, and `if a >= b then c else d`. */
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
  /** Only on the lines of a rule: what it was told, what it answered, and which rows fired. */
  readonly rule?: RuledLine;
}

/** A rule as a line shows it: category and value of stakes only where it chose them. */
type RuledLine = Pick<Ruling, "facts" | "fired"> & {
  readonly answer: Pick<RuleAnswer, "rate" | "group" | "bonusCost"> & ChosenBesides;
};

interface ChosenBesides {
  readonly category?: string;
  readonly freeRoundStake?: NonNullable<RuleAnswer["freeRoundStake"]>;
}

/** A line that is working only: a number on the statement, not money. */
export function workingLine(code: LineCode, term: string | null, working: Working, scope = ""): ExactLine {
  return { code, scope, term, ...working, amountMinor: null, rounding: null };
}

/** A line of money that is whole minor units by itself. */
export function moneyLine(code: LineCode, term: string | null, working: Working, scope = ""): MoneyLine {
  return { code, scope, term, ...working, amountMinor: wholeMinor(working), rounding: null };
}

/** A line of money that is rounded by itself. */
export function roundedLine(
  code: LineCode,
  term: string | null,
  working: Working,
  rounding: Rounding,
  scope = "",
): MoneyLine {
  return { ...workingLine(code, term, working, scope), amountMinor: working.value.round(rounding.mode), rounding };
}

/** The account that a line of money clears against the position; null for one that clears none. */
export function clearedBy(code: LineCode): AccountName | null {
  const entry: Entry = LINES[code];
  return entry[2] ?? null;
}

/** What a line says of itself. */
export function descriptionOf(code: LineCode): string {
  return LINES[code][1];
}

/** The lines of one section. */
export function linesOf<L extends ExactLine>(lines: readonly L[], section: LineSection): readonly L[] {
  return lines.filter(({ code }) => LINES[code][0] === section);
}

/** The line as published, in whole units of a currency with so many decimals. */
export function publishLine(line: ExactLine, scale: number): Line {
  const [section] = LINES[line.code];
  const inputs = Object.entries(line.inputs).map(([name, quantity]) => [name, quantityText(quantity, scale)] as const);
  return {
    code: line.code,
    section,
    scope: line.scope,
    description: descriptionOf(line.code),
    formula: line.formula,
    inputs: Object.fromEntries(inputs),
    result: line.isRate ? line.value.toText() : exactText(line.value, scale),
    amount: line.amountMinor === null ? null : decimalText(line.amountMinor, scale),
    rounding: line.rounding,
    term: line.term,
    ...(line.ruling === undefined ? {} : { rule: ruledLine(line.ruling) }),
  };
}

function ruledLine({ facts, answer: { category, freeRoundStake, ...answer }, fired }: Ruling): RuledLine {
  const chosen = { ...(category === null ? {} : { category }), ...(freeRoundStake === null ? {} : { freeRoundStake }) };
  return { facts, answer: { ...answer, ...chosen }, fired };
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
