import type { ActInput } from "../../acts/service.js";
import type { PartnerNumbers } from "../../periods/cursors/service.js";
import type { SettlementPeriod } from "../../periods/entities.js";
import type { Reader, TxSql } from "../../platform/database.js";
import { rowsOf } from "../../platform/rows.js";
import type { Partner } from "../../tenancy/entities.js";
import { CreditLot, CreditMoveKind } from "../credit/entities.js";
import { heldIn } from "../credit/rules.js";
import { insertMoves, knownCredit, lowWaterAct } from "../credit/service.js";
import { creditTermsOf } from "../credit-terms/service.js";
import { listLots, type StatementLot } from "./rules.js";

export type { StatementLot } from "./rules.js";

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
  return listLots(lots, {
    ...{ period, isLater: (periodNo) => isLater.has(periodNo) },
    drawnLater: (lotNo) => drawnLater.get(lotNo) ?? 0n,
  });
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

async function drawnIn(reader: Reader, { tenantNo, no }: PartnerNumbers, periodNos: readonly number[]) {
  if (periodNos.length === 0) return new Map<number, bigint>();
  const rows: { lot_no: number; minor: string }[] = await reader.query(
    `select lot_no, sum(amount_minor) as minor from credit_move
     where tenant_no = ? and partner_no = ? and period_no in (?) and kind = 'DRAWN' group by lot_no`,
    [tenantNo, no, periodNos],
  );
  return new Map(rows.map((row) => [row.lot_no, BigInt(row.minor)]));
}
