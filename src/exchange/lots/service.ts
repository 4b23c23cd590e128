import type { ActInput } from "../../acts/service.js";
import { groupBy } from "../../kernel/group.js";
import type { PartnerNumbers } from "../../periods/cursors/service.js";
import type { SettlementPeriod } from "../../periods/entities.js";
import type { Reader, TxSql } from "../../platform/database.js";
import { rowsOf } from "../../platform/rows.js";
import type { Partner } from "../../tenancy/entities.js";
import { CreditLot, CreditMoveKind } from "../credit/entities.js";
import { byDrawing, heldIn } from "../credit/rules.js";
import { insertMoves, knownCredit, lowWaterAct } from "../credit/service.js";
import { creditTermsOf } from "../credit-terms/service.js";

/** Lots of the past that a negative fee may still refill: the last that were drawn from. */
const REFILLED_MAX = 50;

/** A lot as the statement of a period finds it. */
export interface StatementLot {
  readonly lot: CreditLot;
  /** Drawn by this period or before, and not met anything yet. */
  readonly drawnMinor: bigint;
  readonly isBought: boolean;
  readonly isTakenBack: boolean;
  /** Ranks the lots by when they were drawn last; 0 for never. */
  readonly lastDrawn: number;
}

/**
 * The lots that a period's statements look at, by currency and in the order of drawing: bought until then, and holding
 * something, drawn, moved in the period or still to be refilled. What later periods drew is theirs.
 */
export async function statementLots(
  reader: Reader,
  partner: PartnerNumbers,
  period: SettlementPeriod,
): Promise<ReadonlyMap<string, readonly StatementLot[]>> {
  const key = [partner.tenantNo, partner.no];
  const lots = await rowsOf(reader, CreditLot, "tenant_no = ? and partner_no = ? order by no", key);
  if (lots.length === 0) return new Map();
  const later: { no: number }[] = await reader.query(
    `select no from settlement_period where tenant_no = ? and partner_no = ? and starts_at > ?`,
    [...key, period.startsAt],
  );
  const isLater = new Set(later.map(({ no }) => no));
  const drawnLater = await drawnIn(reader, partner, [...isLater]);
  const ofPeriod = lots.filter(({ periodNo }) => !isLater.has(periodNo));
  return new Map(
    [...groupBy(ofPeriod, ({ currency }) => currency)].map(([currency, own]) => {
      return [currency, listed(own, { period, drawnLater })];
    }),
  );
}

/** What a statement takes from a lot, in minor units; a refill is negative. */
export interface LotUse {
  readonly lotNo: number;
  /** Of what was drawn at posting. */
  readonly drawnMetMinor: bigint;
  /** Straight from the lot. */
  readonly metMinor: bigint;
}

/** The statement that uses lots. */
export interface LotUser {
  readonly period: SettlementPeriod;
  readonly currency: string;
  readonly entryNo: bigint;
  readonly uses: readonly LotUse[];
}

/** Writes what a statement took from the lots, under the cursor. Answers the low-water alert that this causes. */
export async function useLots(tx: TxSql, partner: Partner, user: LotUser): Promise<readonly ActInput[]> {
  const { period, currency, entryNo, uses } = user;
  if (uses.length === 0) return [];
  const known = await knownCredit(tx, partner);
  for (const { lotNo, drawnMetMinor, metMinor } of uses) {
    await tx.query(
      `update credit_lot set remaining_minor = remaining_minor - ?, drawn_minor = drawn_minor - ?,
         settled_minor = settled_minor + ?, last_drawn_entry_no = if(? > 0, ?, last_drawn_entry_no),
         is_open = remaining_minor > 0 or drawn_minor > 0
       where tenant_no = ? and partner_no = ? and no = ?`,
      [
        ...[metMinor, drawnMetMinor, metMinor + drawnMetMinor, metMinor, entryNo],
        ...[partner.tenantNo, partner.no, lotNo],
      ],
    );
  }
  const moves = uses.flatMap(({ lotNo, drawnMetMinor, metMinor }) => [
    { entryNo, lotNo, kind: CreditMoveKind.DRAWN_MET, periodNo: period.no, amountMinor: drawnMetMinor },
    { entryNo, lotNo, kind: CreditMoveKind.MET, periodNo: period.no, amountMinor: metMinor },
  ]);
  await insertMoves(
    tx,
    partner,
    moves.filter(({ amountMinor }) => amountMinor !== 0n),
  );
  const termsOf = await creditTermsOf(tx, partner.tenantNo, [period.configurationId]);
  const [was, full] = [heldIn(known.lots, currency), known.levels.get(currency)?.fullMinor ?? 0n];
  const is = uses.reduce((held, { metMinor }) => held - metMinor, was);
  const levels = { currency, was, wasFull: full, is, isFull: full };
  const act = lowWaterAct(partner, termsOf(period.configurationId, currency), levels);
  return act === null ? [] : [act];
}

interface Listing {
  readonly period: SettlementPeriod;
  /** By lot. */
  readonly drawnLater: ReadonlyMap<number, bigint>;
}

function listed(lots: readonly CreditLot[], { period, drawnLater }: Listing): readonly StatementLot[] {
  const inOrder = [...lots].sort(byDrawing);
  const drawn = inOrder.filter(({ lastDrawnEntryNo }) => lastDrawnEntryNo > 0n).sort(byLastDrawn);
  const last = new Set(drawn.slice(-REFILLED_MAX));
  const isRefillable = (lot: CreditLot) =>
    last.has(lot) && lot.settledMinor > 0n && (lot.expiresAt === null || lot.expiresAt >= period.endsAt);
  const isMoved = ({ periodNo, takenBackPeriodNo }: CreditLot) => [periodNo, takenBackPeriodNo].includes(period.no);
  return inOrder
    .filter((lot) => lot.isOpen || isMoved(lot) || isRefillable(lot))
    .map((lot) => ({
      lot,
      drawnMinor: drawnOf(lot, drawnLater.get(lot.no) ?? 0n),
      isBought: lot.periodNo === period.no,
      isTakenBack: lot.takenBackPeriodNo === period.no,
      lastDrawn: drawn.indexOf(lot) + 1,
    }));
}

/** What later periods drew is not this one's; what they gave back is gone for this one too. */
function drawnOf({ drawnMinor }: CreditLot, laterMinor: bigint): bigint {
  if (laterMinor <= 0n) return drawnMinor;
  return drawnMinor > laterMinor ? drawnMinor - laterMinor : 0n;
}

function byLastDrawn(left: CreditLot, right: CreditLot): number {
  return left.lastDrawnEntryNo < right.lastDrawnEntryNo ? -1 : left.lastDrawnEntryNo > right.lastDrawnEntryNo ? 1 : 0;
}

async function drawnIn(reader: Reader, { tenantNo, no }: PartnerNumbers, periodNos: readonly number[]) {
  if (periodNos.length === 0) return new Map<number, bigint>();
  const rows: { lot_no: number; minor: string }[] = await reader.query(
    `select lot_no, sum(amount_minor) as minor from credit_move
     where tenant_no = ? and partner_no = ? and period_no in (?) and kind = 'DRAWN' group by lot_no`,
    [tenantNo, no, periodNos],
  );
  return new Map(rows.map((row) => [row.lot_no, BigInt(row.minor)]));
}
