import { Rational, RoundingMode } from "../../kernel/rational.js";
import { type Rounding, RoundingStage } from "./contract.js";
import { type ExactLine, type MoneyLine, moneyLine, roundedLine, workingLine } from "./lines.js";
import { type State, StateName, valueIn } from "./state.js";
import { amount, greatest, least, minus, negate, over, plus, times, type Working, ZERO } from "./working.js";

/** A lot as a statement finds it, in minor units. */
export interface CreditLotFacts {
  /** Counts the partner's lots. */
  readonly no: number;
  /** As the partner named it. */
  readonly lot: string;
  readonly priority: number | null;
  /** The first instant at which it is good no more; null: never. */
  readonly expiresAt: Date | null;
  readonly faceMinor: bigint;
  readonly costMinor: bigint;
  readonly remainingMinor: bigint;
  /** Drawn at posting, in this period or before, and not met anything yet. */
  readonly drawnMinor: bigint;
  readonly settledMinor: bigint;
  readonly expiredMinor: bigint;
  /** Bought, or taken back, in this period. */
  readonly isBought: boolean;
  readonly isTakenBack: boolean;
  /** The place in which it was drawn last: a refill takes the highest first. */
  readonly lastDrawn: number;
}

/** Credit as a statement finds it, lots in the order of drawing. */
export interface CreditFacts {
  readonly lots: readonly CreditLotFacts[];
  /** Whether the terms let credit meet payables; else only what was drawn before does. */
  readonly isDrawn: boolean;
  /** The period's end: what is good until then may be drawn and refilled. */
  readonly endsAt: Date;
}

/** What a statement takes from a lot, in minor units; a refill is negative. */
export interface CreditUse {
  readonly lotNo: number;
  /** Of what was drawn at posting. */
  readonly drawnMetMinor: bigint;
  /** Straight from the lot. */
  readonly metMinor: bigint;
}

/** How credit met a payable, or a negative one refilled it. */
export interface MetByCredit {
  readonly lines: readonly ExactLine[];
  /** What is left of each lot. */
  readonly left: readonly ExactLine[];
  readonly uses: readonly CreditUse[];
  readonly drawnMinor: bigint;
  readonly creditMinor: bigint;
  readonly discountMinor: bigint;
  readonly state: State;
}

/** Whole minor units that add up to the whole, in however many parts it is used. */
const CUMULATIVE: Rounding = { mode: RoundingMode.FLOOR, stage: RoundingStage.LINE };
const PRICE = { name: StateName.CREDIT_PRICE, scope: "", key: "" };

/** What the partner is owed for credit that was bought in the period, a line a lot; taken back, negative. */
export function boughtLines(credit: CreditFacts | null): readonly MoneyLine[] {
  return (credit?.lots ?? [])
    .filter(({ isBought, isTakenBack }) => isBought !== isTakenBack)
    .map((lot) => {
      const cost = minor("cost", lot.costMinor);
      return moneyLine("CREDIT_BOUGHT", null, lot.isBought ? cost : negate(cost), scopeOf(lot));
    });
}

/** What a negative fee may give back to the lots that it was drawn from. */
export function refillableMinor(credit: CreditFacts | null): bigint {
  return refilledInOrder(credit).reduce((sum, { settledMinor }) => sum + settledMinor, 0n);
}

/** What was released, and what decides how much of it credit may meet. */
export interface Payable {
  readonly payableMinor: bigint;
  readonly closingMinor: bigint;
  readonly boughtMinor: bigint;
  readonly state: State;
}

/**
 * A payable is met by what was drawn before, then by the lots in their order (domain 12); what credit was bought for is
 * paid in money, so no credit buys itself. A negative payable refills the lots that were drawn from, last first.
 */
export function meetByCredit(credit: CreditFacts, payable: Payable): MetByCredit {
  const { payableMinor, closingMinor, boughtMinor, state } = payable;
  const price = greatest(plus(amount("priceBefore", valueIn(state, PRICE)), minor("bought", boughtMinor)), ZERO);
  const released = minor("payable", payableMinor);
  const inMoney = least(greatest(released, ZERO), price);
  const toMeet = workingLine("CREDIT_TO_MEET", null, minus(released, inMoney));
  const met = new Meeting(toMeet.value);
  for (const lot of credit.lots) met.take("CREDIT_DRAWN_MET", lot, lot.drawnMinor);
  for (const lot of goodLots(credit)) met.take("CREDIT_MET", lot, lot.remainingMinor);
  for (const lot of refilledInOrder(credit)) met.refill(lot);
  const discounts = credit.lots.flatMap((lot) => discountLine(lot, met.of(lot)) ?? []);
  const uses = credit.lots.map((lot) => ({ lotNo: lot.no, ...met.of(lot) })).filter(isSome);
  const priceLeft = price.value.minus(inMoney.value).min(Rational.of(closingMinor).max(Rational.ZERO));
  return {
    lines: [toMeet, ...met.lines, ...discounts],
    left: credit.lots.map((lot) => leftLine(lot, met.of(lot))),
    uses,
    drawnMinor: uses.reduce((sum, { drawnMetMinor }) => sum + drawnMetMinor, 0n),
    creditMinor: uses.reduce((sum, { metMinor }) => sum + metMinor, 0n),
    discountMinor: discounts.reduce((sum, { amountMinor }) => sum + amountMinor, 0n),
    state: [{ ...PRICE, value: priceLeft }],
  };
}

/** Lot after lot, until all that is to be met is met. */
class Meeting {
  readonly lines: MoneyLine[] = [];
  readonly #uses = new Map<number, Omit<CreditUse, "lotNo">>();
  #metMinor = 0n;

  constructor(readonly toMeet: Rational) {}

  of({ no }: CreditLotFacts): Omit<CreditUse, "lotNo"> {
    return this.#uses.get(no) ?? { drawnMetMinor: 0n, metMinor: 0n };
  }

  take(code: "CREDIT_DRAWN_MET" | "CREDIT_MET", lot: CreditLotFacts, minorUnits: bigint): void {
    const open = greatest(minus(amount("toMeet", this.toMeet), minor("met", this.#metMinor)), ZERO);
    const name = code === "CREDIT_MET" ? "remaining" : "drawn";
    const term = code === "CREDIT_MET" ? "/credit" : null;
    this.#add(moneyLine(code, term, least(open, minor(name, minorUnits)), scopeOf(lot)), lot);
  }

  refill(lot: CreditLotFacts): void {
    const open = greatest(minus(minor("met", this.#metMinor), amount("toMeet", this.toMeet)), ZERO);
    const back = negate(least(open, minor("settled", lot.settledMinor)));
    this.#add(moneyLine("CREDIT_REFILLED", "/credit", back, scopeOf(lot)), lot);
  }

  #add(line: MoneyLine, lot: CreditLotFacts): void {
    if (line.amountMinor === 0n) return;
    const { drawnMetMinor, metMinor } = this.of(lot);
    const use =
      line.code === "CREDIT_DRAWN_MET"
        ? { drawnMetMinor: drawnMetMinor + line.amountMinor, metMinor }
        : { drawnMetMinor, metMinor: metMinor + line.amountMinor };
    this.lines.push(line);
    this.#uses.set(lot.no, use);
    this.#metMinor += line.amountMinor;
  }
}

/** Lots that the terms let statements draw from and refill. */
function goodLots({ lots, isDrawn, endsAt }: CreditFacts): readonly CreditLotFacts[] {
  return isDrawn ? lots.filter(({ expiresAt }) => expiresAt === null || expiresAt >= endsAt) : [];
}

/** Those that were drawn from, the last drawn first; lots drawn together against their order. */
function refilledInOrder(credit: CreditFacts | null): readonly CreditLotFacts[] {
  const used = credit === null ? [] : goodLots(credit).filter(({ settledMinor }) => settledMinor > 0n);
  return used.sort((left, right) => left.lastDrawn - right.lastDrawn).reverse();
}

/** `(face - cost) * (used + met) / face - discountBefore`, rounded down: all of the discount to all of the face. */
function discountLine(lot: CreditLotFacts, use: Omit<CreditUse, "lotNo">): MoneyLine | null {
  const usedMinor = lot.settledMinor + lot.expiredMinor;
  const metMinor = use.drawnMetMinor + use.metMinor;
  if (metMinor === 0n || lot.faceMinor === lot.costMinor) return null;
  const face = minor("face", lot.faceMinor);
  const discount = minus(face, minor("cost", lot.costMinor));
  const share = (used: Working) => over(times(discount, used), face);
  const before = share(minor("used", usedMinor)).value.round(RoundingMode.FLOOR);
  const after = share(plus(minor("used", usedMinor), minor("met", metMinor)));
  return roundedLine("CREDIT_DISCOUNT", null, minus(after, minor("discountBefore", before)), CUMULATIVE, scopeOf(lot));
}

function leftLine(lot: CreditLotFacts, { metMinor }: Omit<CreditUse, "lotNo">): ExactLine {
  return workingLine(
    "CREDIT_LEFT",
    null,
    minus(minor("remaining", lot.remainingMinor), minor("met", metMinor)),
    scopeOf(lot),
  );
}

/** Names a lot on its lines: two may have one name, none has another's number. */
function scopeOf({ lot, no }: CreditLotFacts): string {
  return `lot=${lot}#${no}`;
}

function isSome({ drawnMetMinor, metMinor }: CreditUse): boolean {
  return drawnMetMinor !== 0n || metMinor !== 0n;
}

function minor(name: string, units: bigint): Working {
  return amount(name, Rational.of(units));
}
