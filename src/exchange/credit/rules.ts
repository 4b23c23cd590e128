import { present } from "../../kernel/assert.js";
import { Rational, RoundingMode } from "../../kernel/rational.js";
import { AccountName } from "../../ledger/entities.js";
import { CreditMoveKind, DrawAt, WhenExhausted } from "./entities.js";

/** What a configuration says of credit in one currency. */
export interface CreditTerms {
  readonly drawAt: DrawAt;
  readonly whenExhausted: WhenExhausted;
  readonly creditLimitMinor: bigint;
  /** Null: no alerts. */
  readonly lowWater: Rational | null;
}

/** Credit bought at once, as posting needs it. */
export interface Lot {
  /** Counts the partner's lots. */
  readonly no: number;
  /** Of the purchase, in hexadecimal. */
  readonly dedupe: string;
  readonly code: string;
  readonly currency: string;
  readonly priority: number | null;
  readonly expiresAt: Date | null;
  readonly boughtAt: Date;
  readonly faceMinor: bigint;
  readonly costMinor: bigint;
  readonly remainingMinor: bigint;
  readonly drawnMinor: bigint;
  readonly levelMinor: bigint;
  readonly lastDrawnEntryNo: bigint;
  readonly periodNo: number;
  readonly takenBackPeriodNo: number | null;
}

/** A partner's credit in one currency, besides its lots. */
export interface Level {
  /** What its lots held once the last one was bought or taken back. */
  readonly fullMinor: bigint;
  /** Draw-downs of statements that are not issued yet, as far as no lot was drawn for them. */
  readonly reservedMinor: bigint;
}

/** What is known of a partner's credit under its cursor. */
export interface KnownCredit {
  /** Those that hold anything, that are drawn, or that an item names. */
  readonly lots: readonly Lot[];
  readonly levels: ReadonlyMap<string, Level>;
  /** The number of the last lot. */
  readonly lastNo: number;
}

/** Where something is posted: one entry for each batch and period. */
export interface PostedInto {
  readonly batchNo: string;
  readonly periodNo: number;
}

/** How one entry moves one lot. */
export interface CreditMovement extends PostedInto {
  readonly lotNo: number;
  readonly kind: CreditMoveKind;
  readonly amountMinor: bigint;
}

/** A purchase. */
export type Purchase = Pick<
  Lot,
  "dedupe" | "code" | "currency" | "priority" | "expiresAt" | "boughtAt" | "faceMinor" | "costMinor"
>;

/** A draw-down: how much of which currency, and when it happened. */
export interface DrawDown {
  readonly currency: string;
  readonly amountMinor: bigint;
  readonly at: Date;
}

/** Stands for entries that have no number yet, above all that have one. */
export const DRAWN_NOW = 2n ** 62n;

/**
 * A partner's credit while a group of batches is decided. What an operation refuses leaves it as it was; a copy stands
 * for itself, so that an aborted batch leaves no trace.
 */
export class CreditBook {
  readonly #moves = new Map<string, CreditMovement>();
  readonly #lots: Map<number, Lot>;
  readonly #levels: Map<string, Level>;
  #lastNo: number;
  #turn = DRAWN_NOW;

  constructor(known: KnownCredit) {
    this.#lots = new Map(known.lots.map((lot) => [lot.no, lot]));
    this.#levels = new Map(known.levels);
    this.#lastNo = known.lastNo;
  }

  copy(): CreditBook {
    const copy = new CreditBook({ lots: this.lots, levels: this.#levels, lastNo: this.#lastNo });
    for (const [key, movement] of this.#moves) copy.#moves.set(key, movement);
    copy.#turn = this.#turn;
    return copy;
  }

  get lots(): readonly Lot[] {
    return [...this.#lots.values()];
  }

  /** What entries do to lots; one that moved a lot back and forth does nothing. */
  get movements(): readonly CreditMovement[] {
    return [...this.#moves.values()].filter(({ amountMinor }) => amountMinor !== 0n);
  }

  levelOf(currency: string): Level {
    return this.#levels.get(currency) ?? { fullMinor: 0n, reservedMinor: 0n };
  }

  /** What the lots of a currency hold. */
  heldIn(currency: string): bigint {
    return heldIn(this.lots, currency);
  }

  /** A new lot. */
  buy(into: PostedInto, purchase: Purchase): void {
    const { currency, faceMinor } = purchase;
    this.#lastNo += 1;
    const levelMinor = this.heldIn(currency) + faceMinor;
    const rest = { remainingMinor: faceMinor, drawnMinor: 0n, lastDrawnEntryNo: 0n, takenBackPeriodNo: null };
    this.#lots.set(this.#lastNo, { ...purchase, ...rest, no: this.#lastNo, levelMinor, periodNo: into.periodNo });
    this.#levels.set(currency, { ...this.levelOf(currency), fullMinor: levelMinor });
    this.#move(into, this.#lastNo, CreditMoveKind.BOUGHT, faceMinor);
  }

  /** Takes a purchase back, whole; false where some of it was used, or expired. */
  takeBack(into: PostedInto, dedupe: string): boolean {
    const lot = present(
      this.lots.find((each) => each.dedupe === dedupe),
      "the lot of a purchase",
    );
    if (lot.remainingMinor < lot.faceMinor) return false;
    const levelMinor = this.heldIn(lot.currency) - lot.faceMinor;
    this.#lots.set(lot.no, { ...lot, remainingMinor: 0n, levelMinor, takenBackPeriodNo: into.periodNo });
    this.#levels.set(lot.currency, { ...this.levelOf(lot.currency), fullMinor: levelMinor });
    this.#move(into, lot.no, CreditMoveKind.TAKEN_BACK, lot.faceMinor);
    return true;
  }

  /** Draws from the lots, or reserves; false where the terms refuse what the lots do not cover. */
  draw(into: PostedInto, { currency, amountMinor, at }: DrawDown, terms: CreditTerms): boolean {
    const level = this.levelOf(currency);
    const usable = this.lots.filter((lot) => lot.currency === currency && isGoodAt(lot, at)).sort(byDrawing);
    const held = heldIn(usable, currency);
    const isBounded = terms.whenExhausted !== WhenExhausted.POSTPAY_OVERAGE;
    if (isBounded && amountMinor > availableMinor({ heldMinor: held, level, terms })) return false;
    let left = amountMinor;
    for (const lot of terms.drawAt === DrawAt.POSTING ? usable : []) {
      const drawn = least(left, lot.remainingMinor);
      if (drawn === 0n) continue;
      this.#drawFrom(into, lot, drawn);
      left -= drawn;
    }
    this.#levels.set(currency, { ...level, reservedMinor: level.reservedMinor + left });
    return true;
  }

  /**
   * Takes a draw-down back: what was only reserved first, then into the lots it was drawn from, last first. What has
   * met a payable since is gone; it comes back with the fee that it met.
   */
  takeBackDraw(into: PostedInto, { currency, amountMinor }: Omit<DrawDown, "at">): void {
    const level = this.levelOf(currency);
    const released = least(amountMinor, level.reservedMinor);
    this.#levels.set(currency, { ...level, reservedMinor: level.reservedMinor - released });
    let left = amountMinor - released;
    const drawn = this.lots.filter((lot) => lot.currency === currency && lot.drawnMinor > 0n);
    for (const lot of drawn.sort(byDrawing).sort(byLastDrawn).reverse()) {
      const back = least(left, lot.drawnMinor);
      if (back > 0n) this.#drawFrom(into, lot, -back);
      left -= back;
    }
  }

  #drawFrom(into: PostedInto, lot: Lot, minor: bigint): void {
    if (minor > 0n) this.#turn += 1n;
    const lastDrawnEntryNo = minor > 0n ? this.#turn : lot.lastDrawnEntryNo;
    const [remainingMinor, drawnMinor] = [lot.remainingMinor - minor, lot.drawnMinor + minor];
    this.#lots.set(lot.no, { ...lot, remainingMinor, drawnMinor, lastDrawnEntryNo });
    this.#move(into, lot.no, CreditMoveKind.DRAWN, minor);
  }

  #move({ batchNo, periodNo }: PostedInto, lotNo: number, kind: CreditMoveKind, minor: bigint): void {
    const key = `${batchNo} ${periodNo} ${lotNo} ${kind}`;
    const amountMinor = (this.#moves.get(key)?.amountMinor ?? 0n) + minor;
    this.#moves.set(key, { batchNo, periodNo, lotNo, kind, amountMinor });
  }
}

/** `available = balance + creditLimit - reserved` (domain 10); the balance is what the lots hold. */
export function availableMinor({
  heldMinor,
  level: { reservedMinor },
  terms,
}: {
  readonly heldMinor: bigint;
  readonly level: Pick<Level, "reservedMinor">;
  readonly terms: Pick<CreditTerms, "creditLimitMinor"> | null;
}): bigint {
  return heldMinor + (terms?.creditLimitMinor ?? 0n) - reservedMinor;
}

/** What the lots of a currency hold between them. */
export function heldIn(lots: readonly Pick<Lot, "currency" | "remainingMinor">[], currency: string): bigint {
  return lots.filter((lot) => lot.currency === currency).reduce((sum, lot) => sum + lot.remainingMinor, 0n);
}

/** In the order of drawing: priority, earliest expiry, oldest (domain 10). */
export function byDrawing(left: DrawingOrder, right: DrawingOrder): number {
  const [a, b] = [left, right].map(({ priority, expiresAt, boughtAt, no }) => [
    ...[priority ?? Number.POSITIVE_INFINITY, expiresAt?.getTime() ?? Number.POSITIVE_INFINITY],
    ...[boughtAt.getTime(), no],
  ]) as [number[], number[]];
  const at = a.findIndex((value, index) => value !== b[index]);
  return at < 0 ? 0 : (a[at] ?? 0) < (b[at] ?? 0) ? -1 : 1;
}

type DrawingOrder = Pick<Lot, "priority" | "expiresAt" | "boughtAt" | "no">;

/** Whether credit has not expired at an instant; `expiresAt` is the first at which it has. */
export function isGoodAt({ expiresAt }: Pick<Lot, "expiresAt">, at: Date): boolean {
  return expiresAt === null || at < expiresAt;
}

/**
 * What of a lot's discount belongs to so much of its face: whole minor units, all of it to all of the face. So however
 * the face is used in parts, the parts' discounts add up.
 */
export function discountOf({ faceMinor, costMinor }: Pick<Lot, "faceMinor" | "costMinor">, usedMinor: bigint): bigint {
  return Rational.of((faceMinor - costMinor) * usedMinor, faceMinor).round(RoundingMode.FLOOR);
}

/** Whether so little is held that the low-water mark is reached: a rate of what was held after the last purchase. */
export function isLow(heldMinor: bigint, fullMinor: bigint, lowWater: Rational | null): boolean {
  if (lowWater === null || fullMinor <= 0n) return false;
  return Rational.of(heldMinor).compare(lowWater.times(Rational.of(fullMinor))) <= 0;
}

/** One side of an entry, in minor units. */
export interface CreditLine {
  readonly account: AccountName;
  readonly currency: string;
  readonly amountMinor: bigint;
}

/** The entry lines of a posted movement (domain 12); `amountMinor` is that of the movement. */
export function creditLines(
  { currency, costMinor, faceMinor }: Pick<Lot, "currency" | "costMinor" | "faceMinor">,
  { kind, amountMinor }: Pick<CreditMovement, "kind" | "amountMinor">,
): CreditLine[] {
  const line = (account: AccountName, minor: bigint) => ({ account, currency, amountMinor: minor });
  const bought = (sign: bigint) => [
    line(AccountName.CREDIT, sign * faceMinor),
    line(AccountName.CREDIT_DUE, -sign * costMinor),
    line(AccountName.CREDIT_DISCOUNT, -sign * (faceMinor - costMinor)),
  ];
  if (kind === CreditMoveKind.BOUGHT) return bought(1n);
  if (kind === CreditMoveKind.TAKEN_BACK) return bought(-1n);
  if (kind !== CreditMoveKind.DRAWN) return [];
  return [line(AccountName.DRAWN, amountMinor), line(AccountName.CREDIT, -amountMinor)];
}

function byLastDrawn(left: Lot, right: Lot): number {
  return left.lastDrawnEntryNo < right.lastDrawnEntryNo ? -1 : left.lastDrawnEntryNo > right.lastDrawnEntryNo ? 1 : 0;
}

function least(left: bigint, right: bigint): bigint {
  return left < right ? left : right;
}
