import { instantText } from "../../kernel/clock.js";
import { groupBy } from "../../kernel/group.js";
import { AccountName } from "../../ledger/entities.js";
import type { PartnerNumbers } from "../../periods/cursors/service.js";
import type { Reader } from "../../platform/database.js";
import { rowsOf } from "../../platform/rows.js";
import { envelopesOf, transactionsOf } from "../contents/service.js";
import { CreditLot, CreditMoveKind } from "../credit/entities.js";
import { type CreditLine, creditLines, discountOf } from "../credit/rules.js";
import { packedPayload } from "../packing.js";
import { type Item, validateItems } from "../validate.js";

/** Lots whose purchases are read at once. */
const LOTS_MAX = 200;

/** A lot as its moves make it, and as it is stored, in words. */
export interface LotAgain {
  readonly no: number;
  readonly expected: string;
  readonly found: string;
}

/** A partner's credit, computed again. */
export interface CreditAgain {
  readonly lots: readonly LotAgain[];
  /** What CREDIT, DRAWN and CREDIT_DISCOUNT come to by the lots. */
  readonly balances: readonly CreditLine[];
  /** What postings of credit come to by the moves. */
  readonly posted: readonly CreditLine[];
  /** Face value bought less taken back, by currency. */
  readonly bought: ReadonlyMap<string, bigint>;
}

/** Computes a partner's credit again from the envelopes of its purchases, its lots and their moves. */
export async function creditAgain(reader: Reader, { tenantNo, no }: PartnerNumbers): Promise<CreditAgain> {
  const lots = await rowsOf(reader, CreditLot, "tenant_no = ? and partner_no = ? order by no", [tenantNo, no]);
  const moves: Moved[] = await reader.query(
    `select lot_no, kind, sum(amount_minor) as minor from credit_move where tenant_no = ? and partner_no = ?
     group by lot_no, kind`,
    [tenantNo, no],
  );
  const byLot = groupBy(moves, ({ lot_no }) => lot_no);
  const known = lots.map((lot) => ({ lot, moved: sumsOf(byLot.get(lot.no) ?? []) }));
  const strays = [...byLot.keys()].filter((lotNo) => !lots.some((lot) => lot.no === lotNo));
  const bought = new Map<string, bigint>();
  for (const { lot, moved } of known) {
    const own = moved(CreditMoveKind.BOUGHT) - moved(CreditMoveKind.TAKEN_BACK);
    bought.set(lot.currency, (bought.get(lot.currency) ?? 0n) + own);
  }
  return {
    lots: [
      ...known.map(({ lot, moved }) => ({ no: lot.no, expected: movedText(lot, moved), found: storedText(lot) })),
      ...(await purchasesAgain(reader, lots)),
      ...strays.map((lotNo) => ({ no: lotNo, expected: "a lot that moves name", found: "none" })),
    ],
    balances: lots.flatMap(balancesOf),
    posted: known.flatMap(({ lot, moved }) => {
      const kinds = [CreditMoveKind.BOUGHT, CreditMoveKind.TAKEN_BACK, CreditMoveKind.DRAWN];
      return kinds.flatMap((kind) => (moved(kind) === 0n ? [] : creditLines(lot, { kind, amountMinor: moved(kind) })));
    }),
    bought,
  };
}

/** Lots whose purchase, in the envelope that was signed, says something else. */
async function purchasesAgain(reader: Reader, lots: readonly CreditLot[]): Promise<LotAgain[]> {
  const again: LotAgain[] = [];
  for (let start = 0; start < lots.length; start += LOTS_MAX) {
    const some = lots.slice(start, start + LOTS_MAX);
    const items = await purchasesOf(reader, some);
    const removed = await removedOf(reader, some);
    for (const lot of some) {
      if (removed.has(lot.dedupe.toString("hex"))) continue; // its envelope is in an export
      const item = items.get(lot.dedupe.toString("hex"));
      const expected = item === undefined ? "a purchase" : purchaseText(boughtBy(item));
      const found = purchaseText(lot);
      if (expected !== found) again.push({ no: lot.no, expected, found });
    }
  }
  return again;
}

/** The items that bought lots, read again from their envelopes, by `dedupe`. */
async function purchasesOf(reader: Reader, lots: readonly CreditLot[]): Promise<ReadonlyMap<string, Item>> {
  const tenantNo = lots[0]?.tenantNo ?? 0;
  const rows: { dedupe: Buffer; batch_no: string; item: number }[] = await reader.query(
    "select dedupe, batch_no, item from transaction where tenant_no = ? and dedupe in (?)",
    [tenantNo, lots.map(({ dedupe }) => dedupe)],
  );
  const envelopes = await envelopesOf(reader, tenantNo, [...new Set(rows.map((row) => String(row.batch_no)))]);
  return new Map(
    rows.flatMap(({ dedupe, batch_no, item: index }): [string, Item][] => {
      const envelope = envelopes.get(String(batch_no));
      if (envelope === undefined) return [];
      const result = validateItems(transactionsOf(packedPayload(envelope)), { isTenant: true })[index];
      return result?.ok === true ? [[dedupe.toString("hex"), result.item]] : [];
    }),
  );
}

async function removedOf(reader: Reader, lots: readonly CreditLot[]): Promise<ReadonlySet<string>> {
  const [{ tenantNo, partnerNo } = { tenantNo: 0, partnerNo: 0 }] = lots;
  const rows: { dedupe: Buffer }[] = await reader.query(
    "select dedupe from taken_id where tenant_no = ? and partner_no = ? and dedupe in (?)",
    [tenantNo, partnerNo, lots.map(({ dedupe }) => dedupe)],
  );
  return new Set(rows.map(({ dedupe }) => dedupe.toString("hex")));
}

type Bought = Pick<CreditLot, "code" | "currency" | "priority" | "expiresAt" | "boughtAt" | "faceMinor" | "costMinor">;

function boughtBy({ id, lot, currency, priority, expiresAt, occurredAt: boughtAt, ...price }: Item): Bought {
  const { amountMinor: faceMinor, costMinor } = price;
  return { code: lot ?? id, currency, priority, expiresAt, boughtAt, faceMinor, costMinor: costMinor ?? faceMinor };
}

function purchaseText({ code, currency, priority, expiresAt, boughtAt, faceMinor, costMinor }: Bought): string {
  const order = `priority ${priority ?? "none"}, bought ${instantText(boughtAt)}`;
  const end = expiresAt === null ? "never" : instantText(expiresAt);
  return `${code}: ${faceMinor} for ${costMinor} ${currency}, ${order}, expires ${end}`;
}

interface Moved {
  readonly lot_no: number;
  readonly kind: CreditMoveKind;
  readonly minor: string;
}

type SumOf = (kind: CreditMoveKind) => bigint;

function sumsOf(moves: readonly Moved[]): SumOf {
  return (kind) => BigInt(moves.find((move) => move.kind === kind)?.minor ?? 0);
}

function movedText({ faceMinor, takenBackPeriodNo }: CreditLot, moved: SumOf): string {
  const { BOUGHT, TAKEN_BACK, DRAWN, DRAWN_MET, MET, EXPIRED } = CreditMoveKind;
  const [remaining, drawn] = [
    moved(BOUGHT) - moved(TAKEN_BACK) - moved(DRAWN) - moved(MET) - moved(EXPIRED),
    moved(DRAWN) - moved(DRAWN_MET),
  ];
  const isWhole = moved(BOUGHT) === faceMinor && moved(TAKEN_BACK) === (takenBackPeriodNo === null ? 0n : faceMinor);
  return textOf({ remaining, drawn, settled: moved(DRAWN_MET) + moved(MET), expired: moved(EXPIRED), isWhole });
}

function storedText({ remainingMinor, drawnMinor, settledMinor, expiredMinor }: CreditLot): string {
  const amounts = { remaining: remainingMinor, drawn: drawnMinor, settled: settledMinor, expired: expiredMinor };
  return textOf({ ...amounts, isWhole: true });
}

function textOf(lot: Readonly<Record<"remaining" | "drawn" | "settled" | "expired", bigint>> & { isWhole: boolean }) {
  const amounts = `remaining ${lot.remaining}, drawn ${lot.drawn}, settled ${lot.settled}, expired ${lot.expired}`;
  return lot.isWhole ? amounts : `${amounts}, and another face`;
}

function balancesOf(lot: CreditLot): CreditLine[] {
  const { currency, remainingMinor, drawnMinor, settledMinor, expiredMinor, faceMinor, costMinor } = lot;
  const open = faceMinor - costMinor - discountOf(lot, settledMinor + expiredMinor);
  return [
    { account: AccountName.CREDIT, currency, amountMinor: remainingMinor },
    { account: AccountName.DRAWN, currency, amountMinor: drawnMinor },
    { account: AccountName.CREDIT_DISCOUNT, currency, amountMinor: lot.takenBackPeriodNo === null ? -open : 0n },
  ];
}
