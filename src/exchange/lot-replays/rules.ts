import { present } from "../../kernel/assert.js";
import { groupBy } from "../../kernel/group.js";
import { CreditMoveKind } from "../credit/entities.js";
import { byDrawing } from "../credit/rules.js";
import { type HeldLot, type Listing, listLots, type StatementLot } from "../lots/rules.js";

/** How one entry moved one lot, as it is written. */
export interface LotMove {
  readonly entryNo: bigint;
  readonly lotNo: number;
  readonly kind: CreditMoveKind;
  readonly periodNo: number;
  readonly amountMinor: bigint;
  /** When the entry was recorded. */
  readonly at: Date;
}

/** All of one kind and period that moved a lot before a replay begins. */
export interface MovedBefore extends Pick<LotMove, "lotNo" | "kind" | "periodNo" | "amountMinor"> {
  /** The last entry of them that drew from the lot; 0 for none. */
  readonly lastDrawnEntryNo: bigint;
}

/** Where a replay of lots begins. */
export interface ReplayedLots {
  /** The partner's lots as they stand today; what they held before follows from the moves. */
  readonly lots: readonly HeldLot[];
  readonly before: readonly MovedBefore[];
  /** Whether draw-downs that were posted into a period took credit, and would take none by the replay's terms. */
  readonly isUndrawn: (periodNo: number) => boolean;
}

/** A draw-down, or several of one currency. */
export interface ReplayedDraw {
  readonly currency: string;
  readonly periodNo: number;
  readonly amountMinor: bigint;
}

/** What a statement that is replayed takes from the lots. */
export interface ReplayedUse {
  readonly lotNo: number;
  readonly drawnMetMinor: bigint;
  readonly metMinor: bigint;
}

/**
 * Lots, told twice: as they were, by every move that is written, and as they would have been had other statements drawn
 * from them. Purchases stay as they were. A draw-down at posting takes what it took while both stand alike; else it
 * draws again in the order of drawing (domain 10), as far as there is credit. What expires is what is left by then.
 */
export class LotReplay {
  readonly #static: ReadonlyMap<number, HeldLot>;
  readonly #were = new Map<number, Amounts>();
  readonly #are = new Map<number, Amounts>();
  readonly #differing = new Set<number>();
  /** What draw-downs of a period took at posting, by lot and period. */
  readonly #drawn = new Map<number, Map<number, bigint>>();
  /** What draw-downs of a period took at posting as they were, by currency and period. */
  readonly #drew = new Map<string, bigint>();

  constructor(readonly from: ReplayedLots) {
    this.#static = new Map(from.lots.map((lot) => [lot.no, lot]));
    for (const { no } of from.lots) for (const side of [this.#were, this.#are]) side.set(no, { ...NOTHING });
    for (const moved of from.before) this.#begin(moved);
  }

  /** Whether the lots of a currency hold or wait for other amounts than they did. */
  isOtherwise(currency: string): boolean {
    return [...this.#differing].some((no) => this.#lot(no).currency === currency);
  }

  /** Of draw-downs of a period, posted at once or one by one, what no lot covered when they were posted. */
  uncoveredMinor({ currency, periodNo, amountMinor }: ReplayedDraw): bigint {
    return amountMinor - (this.#drew.get(`${currency} ${periodNo}`) ?? 0n);
  }

  /** What was written of entries, in their order; statements' own uses change only what was. */
  pass(moves: readonly LotMove[]): void {
    for (const [, entry] of groupBy(moves, ({ entryNo }) => entryNo)) this.#passEntry(entry);
  }

  /** Takes what remains of lots that were used up when they expired, before the statements of a later period. */
  expire(endsAt: Date): void {
    for (const [no, { expiresAt, expiredMinor }] of this.#static) {
      const [was, is] = [amountsIn(this.#were, no), amountsIn(this.#are, no)];
      const isLeft = expiredMinor === 0n && was.remainingMinor === 0n && is.remainingMinor > 0n;
      if (expiresAt === null || expiresAt >= endsAt || !isLeft) continue;
      is.expiredMinor += is.remainingMinor;
      is.remainingMinor = 0n;
    }
  }

  /** Draws at posting where nothing was drawn so: from lots that are good until an instant. */
  draw(draw: ReplayedDraw, { entryNo, goodUntil }: { readonly entryNo: bigint; readonly goodUntil: Date }): void {
    const isGood = ({ expiresAt }: HeldLot) => expiresAt === null || expiresAt >= goodUntil;
    this.#drawAgain(draw, entryNo, isGood);
  }

  /** The lots as the statements of a period would have found them. */
  lotsOf(listing: Omit<Listing, "drawnLater">): ReadonlyMap<string, readonly StatementLot[]> {
    const drawnLater = (lotNo: number) =>
      [...(this.#drawn.get(lotNo) ?? [])].reduce((sum, [no, minor]) => sum + (listing.isLater(no) ? minor : 0n), 0n);
    return listLots(this.#lots(), { ...listing, drawnLater });
  }

  /** What a statement takes from the lots under the replay's terms. */
  use(entryNo: bigint, uses: readonly ReplayedUse[]): void {
    for (const { lotNo, drawnMetMinor, metMinor } of uses) {
      const is = amountsIn(this.#are, lotNo);
      is.remainingMinor -= metMinor;
      is.drawnMinor -= drawnMetMinor;
      is.settledMinor += metMinor + drawnMetMinor;
      if (metMinor > 0n) is.lastDrawnEntryNo = entryNo;
      this.#compare(lotNo);
    }
  }

  #begin({ lastDrawnEntryNo, ...move }: MovedBefore): void {
    const isDrawn = move.kind === CreditMoveKind.DRAWN;
    const isKept = !(isDrawn && this.from.isUndrawn(move.periodNo));
    for (const side of isKept ? [this.#were, this.#are] : [this.#were]) {
      const amounts = amountsIn(side, move.lotNo);
      moveAmounts(amounts, move);
      if (lastDrawnEntryNo > amounts.lastDrawnEntryNo) amounts.lastDrawnEntryNo = lastDrawnEntryNo;
    }
    if (isDrawn) this.#addDrew(move);
    if (isDrawn && isKept) this.#addDrawn(move.lotNo, move.periodNo, move.amountMinor);
    this.#compare(move.lotNo);
  }

  #passEntry(entry: readonly LotMove[]): void {
    const drawn = entry.filter(({ kind }) => kind === CreditMoveKind.DRAWN);
    for (const move of entry) if (!drawn.includes(move)) this.#passMove(move);
    for (const [currency, moves] of groupBy(drawn, ({ lotNo }) => this.#lot(lotNo).currency)) {
      this.#passDraws(currency, moves);
    }
    for (const { lotNo } of entry) this.#compare(lotNo);
  }

  #passMove(move: LotMove): void {
    moveAmounts(amountsIn(this.#were, move.lotNo), move);
    const is = amountsIn(this.#are, move.lotNo);
    if (move.kind === CreditMoveKind.BOUGHT) moveAmounts(is, move);
    if (move.kind === CreditMoveKind.TAKEN_BACK) is.remainingMinor = 0n;
    if (move.kind !== CreditMoveKind.EXPIRED) return;
    is.expiredMinor += is.remainingMinor;
    is.remainingMinor = 0n;
  }

  #passDraws(currency: string, moves: readonly LotMove[]): void {
    const [first] = moves;
    const isAlike = !this.isOtherwise(currency);
    for (const move of moves) {
      moveAmounts(amountsIn(this.#were, move.lotNo), move);
      this.#addDrew(move);
    }
    if (first === undefined || this.from.isUndrawn(first.periodNo)) return;
    const { entryNo, periodNo, at } = first;
    if (isAlike) {
      for (const move of moves) this.#take(move.lotNo, move);
      return;
    }
    const amountMinor = moves.reduce((sum, move) => sum + move.amountMinor, 0n);
    const drawnFrom = new Set(moves.map(({ lotNo }) => lotNo));
    const isGood = ({ no, expiresAt }: HeldLot) => expiresAt === null || expiresAt > at || drawnFrom.has(no);
    this.#drawAgain({ currency, periodNo, amountMinor }, entryNo, isGood);
  }

  #drawAgain(draw: ReplayedDraw, entryNo: bigint, isGood: (lot: HeldLot) => boolean): void {
    const { currency, periodNo, amountMinor } = draw;
    const own = this.#lots()
      .filter((lot) => lot.currency === currency)
      .sort(byDrawing);
    let left = amountMinor;
    for (const lot of amountMinor > 0n ? own.filter(isGood) : []) {
      const taken = least(left, lot.remainingMinor);
      left -= taken;
      this.#take(lot.no, { entryNo, periodNo, amountMinor: taken });
    }
    for (const lot of amountMinor < 0n ? own.sort(byLastDrawn).reverse() : []) {
      const back = least(-left, lot.drawnMinor);
      left += back;
      this.#take(lot.no, { entryNo, periodNo, amountMinor: -back });
    }
  }

  #take(lotNo: number, { entryNo, periodNo, amountMinor }: Pick<LotMove, "entryNo" | "periodNo" | "amountMinor">) {
    if (amountMinor === 0n) return;
    moveAmounts(amountsIn(this.#are, lotNo), { kind: CreditMoveKind.DRAWN, amountMinor, entryNo });
    this.#addDrawn(lotNo, periodNo, amountMinor);
    this.#compare(lotNo);
  }

  #addDrew({ lotNo, periodNo, amountMinor }: Pick<LotMove, "lotNo" | "periodNo" | "amountMinor">): void {
    const key = `${this.#lot(lotNo).currency} ${periodNo}`;
    this.#drew.set(key, (this.#drew.get(key) ?? 0n) + amountMinor);
  }

  #addDrawn(lotNo: number, periodNo: number, minor: bigint): void {
    const own = this.#drawn.get(lotNo) ?? new Map<number, bigint>();
    this.#drawn.set(lotNo, own.set(periodNo, (own.get(periodNo) ?? 0n) + minor));
  }

  #compare(lotNo: number): void {
    const [was, is] = [amountsIn(this.#were, lotNo), amountsIn(this.#are, lotNo)];
    const isAlike = was.remainingMinor === is.remainingMinor && was.drawnMinor === is.drawnMinor;
    if (isAlike) this.#differing.delete(lotNo);
    else this.#differing.add(lotNo);
  }

  #lot(no: number): HeldLot {
    return present(this.#static.get(no), "a lot that is moved");
  }

  #lots(): HeldLot[] {
    return [...this.#static.values()].map((lot) => ({ ...lot, ...amountsIn(this.#are, lot.no) }));
  }
}

/** What a lot has, in minor units, and the entry that drew from it last. */
interface Amounts {
  remainingMinor: bigint;
  drawnMinor: bigint;
  settledMinor: bigint;
  expiredMinor: bigint;
  lastDrawnEntryNo: bigint;
}

const NOTHING: Amounts = {
  ...{ remainingMinor: 0n, drawnMinor: 0n, settledMinor: 0n, expiredMinor: 0n, lastDrawnEntryNo: 0n },
};

function amountsIn(side: ReadonlyMap<number, Amounts>, lotNo: number): Amounts {
  return present(side.get(lotNo), "a lot that is moved");
}

/** The same sums as `credit_lot` keeps. */
function moveAmounts(
  amounts: Amounts,
  { kind, amountMinor, entryNo = 0n }: Pick<LotMove, "kind" | "amountMinor"> & { readonly entryNo?: bigint },
): void {
  const [remaining, drawn, settled, expired] = EFFECTS[kind];
  amounts.remainingMinor += remaining * amountMinor;
  amounts.drawnMinor += drawn * amountMinor;
  amounts.settledMinor += settled * amountMinor;
  amounts.expiredMinor += expired * amountMinor;
  const isDrawing = kind === CreditMoveKind.DRAWN || kind === CreditMoveKind.MET;
  if (isDrawing && amountMinor > 0n && entryNo > 0n) amounts.lastDrawnEntryNo = entryNo;
}

/** What a move adds to what remains, is drawn, settled and expired. */
const EFFECTS: Readonly<Record<CreditMoveKind, readonly [bigint, bigint, bigint, bigint]>> = {
  [CreditMoveKind.BOUGHT]: [1n, 0n, 0n, 0n],
  [CreditMoveKind.TAKEN_BACK]: [-1n, 0n, 0n, 0n],
  [CreditMoveKind.DRAWN]: [-1n, 1n, 0n, 0n],
  [CreditMoveKind.DRAWN_MET]: [0n, -1n, 1n, 0n],
  [CreditMoveKind.MET]: [-1n, 0n, 1n, 0n],
  [CreditMoveKind.EXPIRED]: [-1n, 0n, 0n, 1n],
};

function least(left: bigint, right: bigint): bigint {
  return left < right ? left : right;
}

function byLastDrawn(left: HeldLot, right: HeldLot): number {
  return left.lastDrawnEntryNo < right.lastDrawnEntryNo ? -1 : left.lastDrawnEntryNo > right.lastDrawnEntryNo ? 1 : 0;
}
