import { type SettlementPeriod, TransactionKind } from "../../periods/entities.js";
import {
  earliestOpen,
  isOpen,
  type PeriodMap,
  periodMap,
  periodsByNumber,
  placementAt,
} from "../../periods/service.js";
import type { TxSql } from "../../platform/database.js";
import { hexLiteral, literals, type SqlText } from "../../platform/sql-text.js";
import type { Partner } from "../../tenancy/entities.js";
import type { BookedTransaction, Place } from "../books/rules.js";
import { CreditBook, type KnownCredit } from "../credit/rules.js";
import { knownCredit } from "../credit/service.js";
import { creditTermsOf, type TermsOf } from "../credit-terms/service.js";
import type { TransactionState } from "../entities.js";
import type { BatchToPost, Facts } from "../posting/rules.js";

/** Keys of one IN list. */
const KEYS_MAX = 5_000;

/** Kinds that move prepaid credit. Where a group names none, nothing of credit is read. */
const CREDIT_KINDS: ReadonlySet<TransactionKind> = new Set([
  ...[TransactionKind.CREDIT_PURCHASE, TransactionKind.CREDIT_DRAWDOWN],
]);

/** What deciding needs to know, and the periods that what it posts may go into, by number. */
export interface ReadFacts extends Facts {
  readonly periods: ReadonlyMap<number, SettlementPeriod>;
  /** Prepaid credit as it stands before the batches; null where none of them names any. */
  readonly knownCredit: KnownCredit | null;
}

/** Reads, under the partner's cursor, all that deciding a group of batches needs to know; mostly in one round trip. */
export async function readFacts(tx: TxSql, partner: Partner, batches: readonly BatchToPost[]): Promise<ReadFacts> {
  const { keys, from, through, isCreditNamed } = namedBy(batches);
  const [reversals, named, inRange, removed] = await Promise.all([
    reversalsOf(tx, partner.tenantNo, keys),
    bookedByKey(tx, partner.tenantNo, keys),
    mapOf(tx, partner, from, through),
    removedByKey(tx, partner, keys),
  ]);
  const rollbacks = new Set([...reversals.values()].filter((rollback) => !keys.has(rollback)));
  const booked = new Map([...named, ...(await bookedByKey(tx, partner.tenantNo, rollbacks))]);
  const origins = await originPeriods(tx, partner.tenantNo, inRange, booked);
  const isComplete = inRange.earliestOpen !== null || [...origins.values()].every(isOpen);
  const map = isComplete ? inRange : { ...inRange, earliestOpen: await earliestOpen(tx, partner) };
  const periods = map.earliestOpen === null ? origins : new Map(origins).set(map.earliestOpen.no, map.earliestOpen);
  const isCredited = isCreditNamed || [...booked.values()].some(({ kind }) => CREDIT_KINDS.has(kind));
  const credited = isCredited ? await readCredit(tx, partner, booked, periods) : null;
  return {
    currencies: new Set(partner.currencies),
    credit: credited === null ? null : new CreditBook(credited.known),
    knownCredit: credited?.known ?? null,
    creditTermsOf: (periodNo, currency) => {
      const period = periods.get(periodNo);
      return period === undefined ? null : (credited?.termsOf(period.configurationId, currency) ?? null);
    },
    periods,
    booked,
    reversals,
    removed,
    placeAt: (instant) => {
      const placement = placementAt(map, instant);
      return placement === null ? null : { periodNo: placement.period.no, originPeriodNo: placement.origin.no };
    },
    placeOfOrigin: (originPeriodNo) => placeOfOrigin(map, origins, originPeriodNo),
  };
}

interface Named {
  /** `dedupe` of every item and of every original that one names. */
  readonly keys: Set<string>;
  /** The first and the last instant of any item, in milliseconds; infinite where there is none. */
  readonly from: number;
  readonly through: number;
  readonly isCreditNamed: boolean;
}

function namedBy(batches: readonly BatchToPost[]): Named {
  const keys = new Set<string>();
  let [from, through] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let isCreditNamed = false;
  for (const { items } of batches) {
    for (const result of items) {
      if (!result.ok) continue;
      keys.add(result.dedupe);
      if (result.reverses !== null) keys.add(result.reverses);
      isCreditNamed ||= CREDIT_KINDS.has(result.item.kind);
      const at = result.item.occurredAt.getTime();
      from = Math.min(from, at);
      through = Math.max(through, at);
    }
  }
  return { keys, from, through, isCreditNamed };
}

/** The partner's credit with the lots of purchases that are named, and the terms of periods that may take an item. */
async function readCredit(
  tx: TxSql,
  partner: Partner,
  booked: ReadonlyMap<string, BookedTransaction>,
  periods: ReadonlyMap<number, SettlementPeriod>,
): Promise<{ readonly known: KnownCredit; readonly termsOf: TermsOf }> {
  const purchases = [...booked.values()].filter(({ kind }) => kind === TransactionKind.CREDIT_PURCHASE);
  const configurationIds = new Set([...periods.values()].map(({ configurationId }) => configurationId));
  const [known, termsOf] = await Promise.all([
    knownCredit(
      tx,
      partner,
      purchases.map(({ dedupe }) => dedupe),
    ),
    creditTermsOf(tx, partner.tenantNo, [...configurationIds]),
  ]);
  return { known, termsOf };
}

interface BookedRow {
  readonly dedupe: Buffer;
  readonly content_hash: Buffer;
  readonly kind: TransactionKind;
  readonly state: TransactionState;
  readonly brand: string | null;
  readonly product: string | null;
  readonly category: string | null;
  readonly units: string | null;
  readonly amount_minor: string;
  readonly currency: string;
  readonly origin_period_no: number;
  readonly player: Buffer | null;
  readonly occurred_at: Date;
  readonly issuer_no: number;
}

async function bookedByKey(
  tx: TxSql,
  tenantNo: number,
  keys: ReadonlySet<string>,
): Promise<Map<string, BookedTransaction>> {
  const asked = parts(await takenKeys(tx, tenantNo, keys)).map(
    (part): Promise<BookedRow[]> =>
      tx.query(
        `select t.dedupe, t.content_hash, t.kind, t.state, brand.code as brand, product.code as product, t.category,
         t.units, t.amount_minor, t.currency, t.origin_period_no, t.player, t.occurred_at, batch.issuer_no
       from transaction as t
       join batch on batch.tenant_no = t.tenant_no and batch.no = t.batch_no
       left join brand on brand.tenant_no = t.tenant_no and brand.no = t.brand_no
       left join product on product.tenant_no = t.tenant_no and product.no = t.product_no
       where t.tenant_no = ? and t.dedupe in (?)`,
        [tenantNo, part],
      ),
  );
  return new Map((await Promise.all(asked)).flat().map((row) => [row.dedupe.toString("hex"), bookedOf(row)]));
}

/** Those of the keys that are taken. Mostly none is, and an index alone says so. */
async function takenKeys(tx: TxSql, tenantNo: number, keys: ReadonlySet<string>): Promise<Set<string>> {
  const asked = parts(keys).map(
    (part): Promise<{ dedupe: Buffer }[]> =>
      tx.query("select dedupe from transaction where tenant_no = ? and dedupe in (?)", [tenantNo, part]),
  );
  return new Set((await Promise.all(asked)).flat().map(({ dedupe }) => dedupe.toString("hex")));
}

function bookedOf(row: BookedRow): BookedTransaction {
  const { kind, state, brand, product, category, currency } = row;
  return {
    ...{ kind, state, brand, product, category, currency },
    dedupe: row.dedupe.toString("hex"),
    contentHash: row.content_hash.toString("hex"),
    units: row.units === null ? null : BigInt(row.units),
    amountMinor: BigInt(row.amount_minor),
    originPeriodNo: row.origin_period_no,
    player: row.player === null ? null : row.player.toString("hex"),
    occurredAt: row.occurred_at,
    isTenants: row.issuer_no === 0,
  };
}

async function reversalsOf(tx: TxSql, tenantNo: number, originals: ReadonlySet<string>): Promise<Map<string, string>> {
  const asked = parts(originals).map(
    (part): Promise<{ original: Buffer; rollback: Buffer }[]> =>
      tx.query("select original, rollback from reversal where tenant_no = ? and original in (?)", [tenantNo, part]),
  );
  const rows = (await Promise.all(asked)).flat();
  return new Map(rows.map((row) => [row.original.toString("hex"), row.rollback.toString("hex")]));
}

/** The hash of the content of each key whose transaction was removed. Most partners have none, and are not searched. */
async function removedByKey(tx: TxSql, { tenantNo, no }: Partner, keys: ReadonlySet<string>) {
  const [any] = await tx.query("select 1 from taken_id where tenant_no = ? and partner_no = ? limit 1", [tenantNo, no]);
  const asked = (any === undefined ? [] : parts(keys)).map(
    (part): Promise<{ dedupe: Buffer; hash: Buffer }[]> =>
      tx.query(
        `select dedupe, content_hash as hash from taken_id
         where tenant_no = ? and partner_no = ? and dedupe in (?)`,
        [tenantNo, no, part],
      ),
  );
  const rows = (await Promise.all(asked)).flat();
  return new Map(rows.map(({ dedupe, hash }) => [dedupe.toString("hex"), hash.toString("hex")]));
}

async function mapOf(tx: TxSql, partner: Partner, from: number, through: number): Promise<PeriodMap> {
  if (from > through) return { periods: [], earliestOpen: null };
  return periodMap(tx, partner, new Date(from), new Date(through));
}

/** The periods in which known transactions happened, for those that a rollback may move back. */
async function originPeriods(
  tx: TxSql,
  tenantNo: number,
  map: PeriodMap,
  booked: ReadonlyMap<string, BookedTransaction>,
): Promise<Map<number, SettlementPeriod>> {
  const here = new Map(map.periods.map((period) => [period.no, period]));
  const numbers = new Set([...booked.values()].map((transaction) => transaction.originPeriodNo));
  const elsewhere = [...numbers].filter((no) => no !== 0 && !here.has(no));
  return new Map([...here, ...(await periodsByNumber(tx, tenantNo, elsewhere))]);
}

function placeOfOrigin(
  map: PeriodMap,
  origins: ReadonlyMap<number, SettlementPeriod>,
  originPeriodNo: number,
): Place | null {
  const origin = origins.get(originPeriodNo);
  const period = origin !== undefined && isOpen(origin) ? origin : map.earliestOpen;
  return period === null ? null : { periodNo: period.no, originPeriodNo };
}

function parts(keys: ReadonlySet<string>): SqlText[] {
  const all = [...keys].map(hexLiteral);
  return Array.from({ length: Math.ceil(all.length / KEYS_MAX) }, (_, index) =>
    literals(all.slice(index * KEYS_MAX, (index + 1) * KEYS_MAX)),
  );
}
