import type { PartnerNumbers } from "../../periods/cursors/service.js";
import { PeriodState, type SettlementPeriod } from "../../periods/entities.js";
import type { Reader } from "../../platform/database.js";
import { rowsOf } from "../../platform/rows.js";
import { CreditLot, type CreditMoveKind } from "../credit/entities.js";
import type { StatementLot } from "../lots/service.js";
import { type LotMove, LotReplay, type MovedBefore, type ReplayedDraw, type ReplayedUse } from "./rules.js";

export type { ReplayedDraw } from "./rules.js";

/** Settled periods, one after the other, whose lots are replayed; the first of them is given. */
export interface ReplayFrom {
  readonly first: SettlementPeriod;
  /** Whether draw-downs take credit at posting; null: as they did. */
  readonly isDrawnAtPosting: boolean | null;
}

/** A partner's lots, replayed period by period, from what the statements before the first period left. */
export class LotChain {
  readonly #replay: LotReplay;
  readonly #starts: ReadonlyMap<number, number>;
  /** Currencies whose lots stood otherwise before something that was posted was replayed. */
  readonly #otherwise = new Set<string>();
  #passedNo: bigint;
  #entryNo = 0n;

  constructor(replay: LotReplay, starts: ReadonlyMap<number, number>, passedNo: bigint) {
    this.#replay = replay;
    this.#starts = starts;
    this.#passedNo = passedNo;
  }

  /** The lots as a period's statements would have found them, by currency; periods come in their order. */
  async lotsOf(
    reader: Reader,
    partner: PartnerNumbers,
    period: SettlementPeriod,
    draws: readonly ReplayedDraw[],
  ): Promise<ReadonlyMap<string, readonly StatementLot[]>> {
    this.#entryNo = await statementEntry(reader, partner, period.no);
    for (const { currency } of this.#replay.from.lots) {
      if (this.#replay.isOtherwise(currency)) this.#otherwise.add(currency);
    }
    this.#replay.pass(await movesBetween(reader, partner, { after: this.#passedNo, through: this.#entryNo }));
    this.#passedNo = this.#entryNo;
    const { no, startsAt, endsAt } = period;
    for (const draw of draws) this.#replay.draw(draw, { entryNo: this.#entryNo, goodUntil: endsAt });
    this.#replay.expire(endsAt);
    const isLater = (periodNo: number) => (this.#starts.get(periodNo) ?? 0) > startsAt.getTime();
    return this.#replay.lotsOf({ period: { no, endsAt }, isLater });
  }

  /**
   * Whether draw-downs of that period, posted as they were, asked for more than lots covered, and these would have
   * stood otherwise: how much more would have been drawn, and from which lots, no move says.
   */
  isUncovered(draw: ReplayedDraw): boolean {
    return this.#otherwise.has(draw.currency) && this.#replay.uncoveredMinor(draw) > 0n;
  }

  /** What a statement of that period takes. */
  use(uses: readonly ReplayedUse[]): void {
    this.#replay.use(this.#entryNo, uses);
  }
}

/** The replay of a partner's lots; null where it never had any. */
export async function replayLots(
  reader: Reader,
  partner: PartnerNumbers,
  { first, isDrawnAtPosting }: ReplayFrom,
): Promise<LotChain | null> {
  const key = [partner.tenantNo, partner.no];
  const lots = await rowsOf(reader, CreditLot, "tenant_no = ? and partner_no = ? order by no", key);
  if (lots.length === 0) return null;
  const periods: { no: number; starts_at: Date; state: PeriodState }[] = await reader.query(
    "select no, starts_at, state from settlement_period where tenant_no = ? and partner_no = ? order by starts_at",
    key,
  );
  const starts = new Map(periods.map(({ no, starts_at }) => [no, starts_at.getTime()]));
  const last = periods.findLast(({ starts_at, state }) => starts_at < first.startsAt && state !== PeriodState.ABORTED);
  const passedNo = last === undefined ? 0n : await statementEntry(reader, partner, last.no);
  const isReplayed = (periodNo: number) => (starts.get(periodNo) ?? 0) >= first.startsAt.getTime();
  const isUndrawn = (periodNo: number) => isDrawnAtPosting === false && isReplayed(periodNo);
  const before = await movedBy(reader, partner, passedNo);
  return new LotChain(new LotReplay({ lots, before, isUndrawn }), starts, passedNo);
}

/** The number of the last entry that statements of a period posted; 0 where it has none. */
async function statementEntry(reader: Reader, { tenantNo, no }: PartnerNumbers, periodNo: number): Promise<bigint> {
  const [row]: { no: string }[] = await reader.query(
    `select no from entry where tenant_no = ? and partner_no = ? and period_no = ? and kind = 'STATEMENT'
     order by no desc limit 1`,
    [tenantNo, no, periodNo],
  );
  return BigInt(row?.no ?? 0);
}

async function movedBy(reader: Reader, { tenantNo, no }: PartnerNumbers, through: bigint): Promise<MovedBefore[]> {
  const rows: MoveRow[] = await reader.query(
    `select lot_no, kind, period_no, sum(amount_minor) as amount,
       max(if(kind in ('DRAWN', 'MET') and amount_minor > 0, entry_no, 0)) as entry_no
     from credit_move where tenant_no = ? and partner_no = ? and entry_no <= ? group by lot_no, kind, period_no`,
    [tenantNo, no, through],
  );
  return rows.map(({ lot_no: lotNo, kind, period_no: periodNo, amount, entry_no }) => {
    return { lotNo, kind, periodNo, amountMinor: BigInt(amount), lastDrawnEntryNo: BigInt(entry_no) };
  });
}

async function movesBetween(
  reader: Reader,
  { tenantNo, no }: PartnerNumbers,
  { after, through }: { readonly after: bigint; readonly through: bigint },
): Promise<LotMove[]> {
  const rows: (MoveRow & { recorded_at: Date })[] = await reader.query(
    `select move.entry_no, move.lot_no, move.kind, move.period_no, move.amount_minor as amount, entry.recorded_at
     from credit_move as move join entry on entry.tenant_no = move.tenant_no and entry.partner_no = move.partner_no
       and entry.no = move.entry_no
     where move.tenant_no = ? and move.partner_no = ? and move.entry_no > ? and move.entry_no <= ?
     order by move.entry_no, move.lot_no`,
    [tenantNo, no, after, through],
  );
  return rows.map(({ entry_no, lot_no: lotNo, kind, period_no: periodNo, amount, recorded_at: at }) => {
    return { entryNo: BigInt(entry_no), lotNo, kind, periodNo, amountMinor: BigInt(amount), at };
  });
}

interface MoveRow {
  readonly entry_no: string;
  readonly lot_no: number;
  readonly kind: CreditMoveKind;
  readonly period_no: number;
  readonly amount: string;
}
