import { groupBy } from "../../kernel/group.js";
import type { CreditLot } from "../credit/entities.js";
import { byDrawing } from "../credit/rules.js";

/** Lots of the past that a negative fee may still refill: the last that were drawn from. */
const REFILLED_MAX = 50;

/** A lot as posting and statements left it. */
export type HeldLot = Pick<
  CreditLot,
  | ("no" | "code" | "currency" | "priority" | "expiresAt" | "boughtAt" | "faceMinor" | "costMinor" | "periodNo")
  | ("takenBackPeriodNo" | "remainingMinor" | "drawnMinor" | "settledMinor" | "expiredMinor" | "lastDrawnEntryNo")
>;

/** A lot as the statement of a period finds it. */
export interface StatementLot {
  readonly lot: HeldLot;
  /** Drawn by this period or before, and not met anything yet. */
  readonly drawnMinor: bigint;
  readonly isBought: boolean;
  readonly isTakenBack: boolean;
  /** Ranks the lots by when they were drawn last; 0 for never. */
  readonly lastDrawn: number;
}

/** The period that lots are listed for. */
export interface Listing {
  readonly period: { readonly no: number; readonly endsAt: Date };
  readonly isLater: (periodNo: number) => boolean;
  /** What later periods drew of a lot at posting. */
  readonly drawnLater: (lotNo: number) => bigint;
}

/**
 * The lots that a period's statements look at, by currency and in the order of drawing: bought until then, and holding
 * something, drawn, moved in the period or still to be refilled. What later periods drew is theirs.
 */
export function listLots(lots: readonly HeldLot[], listing: Listing): ReadonlyMap<string, readonly StatementLot[]> {
  const ofPeriod = lots.filter(({ periodNo }) => !listing.isLater(periodNo));
  const byCurrency = groupBy(ofPeriod, ({ currency }) => currency);
  return new Map([...byCurrency].map(([currency, own]) => [currency, listed(own, listing)]));
}

function listed(lots: readonly HeldLot[], { period, drawnLater }: Listing): readonly StatementLot[] {
  const inOrder = [...lots].sort(byDrawing);
  const drawn = inOrder.filter(({ lastDrawnEntryNo }) => lastDrawnEntryNo > 0n).sort(byLastDrawn);
  const last = new Set(drawn.slice(-REFILLED_MAX));
  const isOpen = ({ remainingMinor, drawnMinor }: HeldLot) => remainingMinor > 0n || drawnMinor > 0n;
  const isRefillable = (lot: HeldLot) =>
    last.has(lot) && lot.settledMinor > 0n && (lot.expiresAt === null || lot.expiresAt >= period.endsAt);
  const isMoved = ({ periodNo, takenBackPeriodNo }: HeldLot) => [periodNo, takenBackPeriodNo].includes(period.no);
  return inOrder
    .filter((lot) => isOpen(lot) || isMoved(lot) || isRefillable(lot))
    .map((lot) => ({
      lot,
      drawnMinor: drawnOf(lot, drawnLater(lot.no)),
      isBought: lot.periodNo === period.no,
      isTakenBack: lot.takenBackPeriodNo === period.no,
      lastDrawn: drawn.indexOf(lot) + 1,
    }));
}

/** What later periods drew is not this one's; what they gave back is gone for this one too. */
function drawnOf({ drawnMinor }: HeldLot, laterMinor: bigint): bigint {
  if (laterMinor <= 0n) return drawnMinor;
  return drawnMinor > laterMinor ? drawnMinor - laterMinor : 0n;
}

function byLastDrawn(left: HeldLot, right: HeldLot): number {
  return left.lastDrawnEntryNo < right.lastDrawnEntryNo ? -1 : left.lastDrawnEntryNo > right.lastDrawnEntryNo ? 1 : 0;
}
