import { ActType } from "../../acts/entities.js";
import { type ActInput, recordActs } from "../../acts/service.js";
import type { Actor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import type { Clock } from "../../kernel/clock.js";
import { groupBy } from "../../kernel/group.js";
import { newId } from "../../kernel/ids.js";
import { decimalText, scaleOf } from "../../kernel/money.js";
import type { PartnerNumbers } from "../../periods/cursors/service.js";
import type { Reader, TxSql } from "../../platform/database.js";
import { hexLiteral, literals } from "../../platform/sql-text.js";
import type { Partner } from "../../tenancy/entities.js";
import { CreditMoveKind } from "./entities.js";
import {
  type CreditBook,
  type CreditLine,
  type CreditMovement,
  type CreditTerms,
  creditLines,
  DRAWN_NOW,
  heldIn,
  isLow,
  type KnownCredit,
  type Level,
  type Lot,
} from "./rules.js";

/**
 * A partner's credit: lots that hold anything or are drawn, and those of the purchases named by their `dedupe`. Read it
 * under the cursor to decide on it.
 */
export async function knownCredit(
  reader: Reader | TxSql,
  { tenantNo, no }: PartnerNumbers,
  dedupes: readonly string[] = [],
): Promise<KnownCredit> {
  const named = dedupes.length === 0 ? "" : "or dedupe in (?)";
  const [open, last, drawnDown, drawn]: [LotRow[], LastRow[], SumRow[], SumRow[]] = await Promise.all([
    reader.query(`${SELECT_LOTS} where tenant_no = ? and partner_no = ? and (is_open = 1 ${named}) order by no`, [
      ...[tenantNo, no],
      ...(dedupes.length === 0 ? [] : [literals(dedupes.map(hexLiteral))]),
    ]),
    reader.query(
      `select lot.no, lot.currency, lot.level_minor from credit_lot as lot join (
         select currency, max(no) as no from credit_lot where tenant_no = ? and partner_no = ? group by currency
       ) as last on last.no = lot.no where lot.tenant_no = ? and lot.partner_no = ?`,
      [tenantNo, no, tenantNo, no],
    ),
    reader.query(
      `select total.currency, sum(if(total.kind = 'CREDIT_DRAWDOWN', total.sum_minor, -total.sum_minor)) as minor
       from settlement_period as period join activity_total as total on total.tenant_no = period.tenant_no
         and total.partner_no = period.partner_no and total.period_no = period.no
       where period.tenant_no = ? and period.partner_no = ? and period.state in (?)
         and total.kind in ('CREDIT_DRAWDOWN', 'ROLLBACK_CREDIT_DRAWDOWN') group by total.currency`,
      [tenantNo, no, NOT_ISSUED],
    ),
    reader.query(
      `select lot.currency, sum(move.amount_minor) as minor
       from settlement_period as period join credit_move as move on move.tenant_no = period.tenant_no
         and move.partner_no = period.partner_no and move.period_no = period.no and move.kind = 'DRAWN'
       join credit_lot as lot on lot.tenant_no = move.tenant_no and lot.partner_no = move.partner_no
         and lot.no = move.lot_no
       where period.tenant_no = ? and period.partner_no = ? and period.state in (?) group by lot.currency`,
      [tenantNo, no, NOT_ISSUED],
    ),
  ]);
  const minorOf = (rows: readonly SumRow[], currency: string) =>
    BigInt(rows.find((row) => row.currency === currency)?.minor ?? 0);
  const currencies = new Set([...last, ...drawnDown].map(({ currency }) => currency));
  const levels = [...currencies].map((currency): [string, Level] => {
    const fullMinor = BigInt(last.find((row) => row.currency === currency)?.level_minor ?? 0);
    const reserved = minorOf(drawnDown, currency) - minorOf(drawn, currency);
    return [currency, { fullMinor, reservedMinor: reserved > 0n ? reserved : 0n }];
  });
  return {
    lots: open.map(lotOf),
    levels: new Map(levels),
    lastNo: Math.max(0, ...last.map((row) => row.no)),
  };
}

/** The entry lines of what one entry does to lots. */
export function creditLinesOf(book: CreditBook | null, isOfEntry: (movement: CreditMovement) => boolean): CreditLine[] {
  if (book === null) return [];
  const lots = new Map(book.lots.map((lot) => [lot.no, lot]));
  return book.movements
    .filter(isOfEntry)
    .flatMap((movement) => creditLines(present(lots.get(movement.lotNo), "a moved lot"), movement));
}

/** What posting did to a partner's credit, to be written under its cursor. */
export interface PostedCredit {
  readonly before: KnownCredit;
  readonly book: CreditBook;
  readonly entryNoOf: (movement: CreditMovement) => bigint;
  readonly termsOf: (periodNo: number, currency: string) => CreditTerms | null;
  readonly clock: Clock;
  readonly actor: Actor;
}

/** Writes lots and moves as posting left them, and an act for each currency that came down to its low-water mark. */
export async function writeCredit(
  tx: TxSql,
  partner: Partner,
  { before, book, entryNoOf, termsOf, clock, actor }: PostedCredit,
): Promise<void> {
  const moves = book.movements.map((movement) => ({ ...movement, entryNo: entryNoOf(movement) }));
  if (moves.length === 0) return;
  const lots = new Map(book.lots.map((lot) => [lot.no, lot]));
  for (const [lotNo, own] of groupBy(moves, (move) => move.lotNo)) {
    const lot = present(lots.get(lotNo), "a moved lot");
    const lastDrawnEntryNo = lastDrawn(lot, own);
    const isNew = own.some(({ kind }) => kind === CreditMoveKind.BOUGHT);
    await (isNew ? insertLot : updateLot)(tx, partner, { ...lot, lastDrawnEntryNo }, clock);
  }
  await insertMoves(tx, partner, moves);
  const last = new Map(moves.map((move) => [present(lots.get(move.lotNo), "a moved lot").currency, move.periodNo]));
  const acts = [...last].flatMap(([currency, periodNo]) => {
    const terms = termsOf(periodNo, currency);
    const [was, is] = [before, book].map(({ lots: each }) => heldIn(each, currency)) as [bigint, bigint];
    const [wasFull, isFull] = [before.levels.get(currency)?.fullMinor ?? 0n, book.levelOf(currency).fullMinor];
    const levels = { currency, was, wasFull, is, isFull };
    return lowWaterAct(partner, terms, levels) ?? [];
  });
  await recordActs(tx, actor, clock.now(), acts);
}

/** The entry that drew last from a lot, by its number. */
function lastDrawn({ lastDrawnEntryNo }: Lot, moves: readonly NewMove[]): bigint {
  if (lastDrawnEntryNo < DRAWN_NOW) return lastDrawnEntryNo;
  const drawn = moves.filter(({ kind }) => kind === CreditMoveKind.DRAWN).map(({ entryNo }) => entryNo);
  return drawn.sort((a, b) => (a < b ? -1 : 1)).at(-1) ?? 0n;
}

/** What the lots of a currency held, and hold now; full is what they held after the last purchase. */
export interface Levels {
  readonly currency: string;
  readonly was: bigint;
  readonly wasFull: bigint;
  readonly is: bigint;
  readonly isFull: bigint;
}

/** The alert, where the low-water mark was crossed downwards: once a crossing. */
export function lowWaterAct(
  partner: Partner,
  terms: Pick<CreditTerms, "lowWater"> | null,
  { currency, was, wasFull, is, isFull }: Levels,
): ActInput | null {
  const lowWater = terms?.lowWater ?? null;
  if (lowWater === null || isLow(was, wasFull, lowWater) || !isLow(is, isFull, lowWater)) return null;
  const text = (minor: bigint) => decimalText(minor, scaleOf(currency));
  const after = { currency, held: text(is), heldAfterPurchase: text(isFull), lowWater: lowWater.toText() };
  return { type: ActType.CREDIT_LOW, subjectId: partner.id, partner, before: { held: text(was) }, after };
}

/** A move to be written: how much of which lot, by which entry. */
export interface NewMove {
  readonly entryNo: bigint;
  readonly lotNo: number;
  readonly kind: CreditMoveKind;
  readonly periodNo: number;
  readonly amountMinor: bigint;
}

/** Appends moves; the lots are changed by whoever calls, in the same transaction. */
export async function insertMoves(tx: TxSql, partner: PartnerNumbers, moves: readonly NewMove[]): Promise<void> {
  if (moves.length === 0) return;
  const rows = moves.map(({ entryNo, lotNo, kind, periodNo, amountMinor }) => [
    ...[partner.tenantNo, partner.no, entryNo, lotNo, kind, periodNo, amountMinor],
  ]);
  await tx.query(
    "insert into credit_move (tenant_no, partner_no, entry_no, lot_no, kind, period_no, amount_minor) values ?",
    [rows],
  );
}

/** States of periods whose statements are not issued. */
const NOT_ISSUED = ["OPEN", "CLOSED", "CALCULATED"];

const SELECT_LOTS = `select no, dedupe, code, currency, priority, expires_at, bought_at, face_minor, cost_minor,
  remaining_minor, drawn_minor, level_minor, last_drawn_entry_no, period_no, taken_back_period_no from credit_lot`;

interface LotRow {
  readonly no: number;
  readonly dedupe: Buffer;
  readonly code: string;
  readonly currency: string;
  readonly priority: number | null;
  readonly expires_at: Date | null;
  readonly bought_at: Date;
  readonly face_minor: string;
  readonly cost_minor: string;
  readonly remaining_minor: string;
  readonly drawn_minor: string;
  readonly level_minor: string;
  readonly last_drawn_entry_no: string;
  readonly period_no: number;
  readonly taken_back_period_no: number | null;
}

interface LastRow {
  readonly no: number;
  readonly currency: string;
  readonly level_minor: string;
}

interface SumRow {
  readonly currency: string;
  readonly minor: string;
}

function lotOf(row: LotRow): Lot {
  return {
    ...{ no: row.no, dedupe: row.dedupe.toString("hex"), code: row.code, currency: row.currency },
    ...{ priority: row.priority, expiresAt: row.expires_at, boughtAt: row.bought_at },
    ...{ faceMinor: BigInt(row.face_minor), costMinor: BigInt(row.cost_minor) },
    ...{ remainingMinor: BigInt(row.remaining_minor), drawnMinor: BigInt(row.drawn_minor) },
    ...{ levelMinor: BigInt(row.level_minor), lastDrawnEntryNo: BigInt(row.last_drawn_entry_no) },
    ...{ periodNo: row.period_no, takenBackPeriodNo: row.taken_back_period_no },
  };
}

async function insertLot(tx: TxSql, { tenantNo, no }: PartnerNumbers, lot: Lot, clock: Clock): Promise<void> {
  const isOpen = lot.remainingMinor > 0n || lot.drawnMinor > 0n;
  await tx.query(
    `insert into credit_lot (tenant_no, partner_no, no, id, dedupe, code, currency, priority, expires_at, bought_at,
       face_minor, cost_minor, remaining_minor, drawn_minor, settled_minor, expired_minor, level_minor, period_no,
       taken_back_period_no, last_drawn_entry_no, is_open) values (?)`,
    [
      [
        ...[tenantNo, no, lot.no, newId("lot", clock), Buffer.from(lot.dedupe, "hex"), lot.code, lot.currency],
        ...[lot.priority, lot.expiresAt, lot.boughtAt, lot.faceMinor, lot.costMinor, lot.remainingMinor],
        ...[lot.drawnMinor, 0, 0, lot.levelMinor, lot.periodNo, lot.takenBackPeriodNo, lot.lastDrawnEntryNo, isOpen],
      ],
    ],
  );
}

async function updateLot(tx: TxSql, { tenantNo, no }: PartnerNumbers, lot: Lot): Promise<void> {
  await tx.query(
    `update credit_lot set remaining_minor = ?, drawn_minor = ?, level_minor = ?, taken_back_period_no = ?,
       last_drawn_entry_no = ?, is_open = ? where tenant_no = ? and partner_no = ? and no = ?`,
    [
      ...[lot.remainingMinor, lot.drawnMinor, lot.levelMinor, lot.takenBackPeriodNo, lot.lastDrawnEntryNo],
      ...[lot.remainingMinor > 0n || lot.drawnMinor > 0n, tenantNo, no, lot.no],
    ],
  );
}
