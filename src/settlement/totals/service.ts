import { present } from "../../kernel/assert.js";
import { groupBy } from "../../kernel/group.js";
import { type SettlementPeriod, TransactionKind } from "../../periods/entities.js";
import { dailyActivityOf, type FineActivity } from "../../periods/fine-totals/service.js";
import { NOBODY } from "../../periods/grains/entities.js";
import { periodsByNumber } from "../../periods/service.js";
import type { Activity } from "../../periods/totals/service.js";
import type { Reader } from "../../platform/database.js";
import { dimensionsByNumber } from "../../tenancy/dimensions/service.js";
import type { Partner } from "../../tenancy/entities.js";
import type { ConfigurationDocument } from "../document.js";
import { conversionOf } from "../document-contract.js";
import { needsPlaces } from "../document-grains.js";
import { gamesAt } from "../games/service.js";
import { type Quoted, ratesAt } from "../quotes/service.js";
import type { KindTotal } from "../terms/activity.js";
import { conversionKey, type Foreign, RateType } from "../terms/fx.js";
import { type State, standsAlone } from "../terms/state.js";

/** A period's totals as the calculation takes them, by currency. */
export type PeriodTotals = ReadonlyMap<string, readonly KindTotal[]>;

/** What stands between the statements of one currency. */
export interface Standing {
  readonly currency: string;
  readonly closingMinor: bigint;
  readonly state: State;
}

/** How rows of totals are read under a document, and the rates that converted some of them. */
export interface Reading {
  /** By currency, that of a currency which is converted at close among those of the currency it becomes. */
  readonly totalsOf: (rows: readonly Activity[]) => Promise<PeriodTotals>;
  readonly quoted: readonly Quoted[];
}

/** What rows are read by: a period's rates, its document, and conversions that are known already. */
export interface ReadBy {
  readonly partner: Partner;
  readonly period: SettlementPeriod;
  readonly document: ConfigurationDocument;
  readonly known?: ReadonlyMap<string, Foreign>; // by `conversionKey`
}

/**
 * Reads rows of totals as the calculation takes them: with their places where a term looks at places, and converted by
 * the period's rates. Refused where a rate is missing (`RATE_MISSING`).
 */
export function readingOf(reader: Reader, { partner, period, document, known = new Map() }: ReadBy): Reading {
  const quoted: Quoted[] = [];
  const foreigns = new Map(known);
  const foreignOf = async ({ currency: from, day }: Activity & Partial<FineActivity>): Promise<Foreign | undefined> => {
    const fx = conversionOf(document, from);
    if (fx === null) return undefined;
    const told = fx.type === RateType.TRANSACTION ? { day: present(day, "the day of what is converted by day") } : {};
    const key = conversionKey({ from: { currency: from }, ...told });
    const known = foreigns.get(key);
    if (known !== undefined) return known;
    const quote = await ratesAt(reader, { partner, period, fx, from, ...told });
    quoted.push(quote);
    foreigns.set(key, quote.foreign);
    return quote.foreign;
  };
  const games = gamesOf(reader, partner, period, needsPlaces(document));
  const totalsOf = async (rows: readonly Activity[]) => {
    const origins = await originsOf(reader, partner, rows);
    const facts = { origins, games: await games };
    const totals = new Map<string, KindTotal[]>();
    for (const row of rows) {
      const foreign = await foreignOf(row);
      const total = { ...totalOf(row, facts), ...(foreign === undefined ? {} : { foreign }) };
      const currency = foreign?.into.currency ?? row.currency;
      const known = totals.get(currency);
      if (known === undefined) totals.set(currency, [total]);
      else known.push(total);
    }
    return totals;
  };
  return { totalsOf, quoted };
}

/** Rows as a document looks at them: those of a currency that is converted day by day come apart by day. */
export async function byDay(
  reader: Reader,
  partner: Partner,
  document: ConfigurationDocument,
  rows: readonly Activity[],
): Promise<readonly Activity[]> {
  if (document.fx?.type !== RateType.TRANSACTION) return rows;
  const isDaily = ({ currency }: Activity) => conversionOf(document, currency) !== null;
  const sources = groupBy(rows.filter(isDaily), ({ periodNo, originPeriodNo }) => `${periodNo} ${originPeriodNo}`);
  const daily: Activity[] = [];
  for (const [source] of sources.values()) if (source) daily.push(...(await dailyActivityOf(reader, partner, source)));
  return [...rows.filter((row) => !isDaily(row)), ...daily.filter(isDaily)];
}

/** In which currencies a period has statements: the settlement currency; others where something happened or stands. */
export function currenciesOf(partner: Partner, totals: PeriodTotals, before: readonly Standing[]): string[] {
  const standing = before.filter(({ closingMinor, state }) => closingMinor !== 0n || standsAlone(state));
  const settlementCurrency = present(partner.currencies[0], "a partner's settlement currency");
  const others = [...totals.keys(), ...standing.map(({ currency }) => currency)].sort();
  return [...new Set([settlementCurrency, ...others])];
}

async function originsOf(
  reader: Reader,
  { tenantNo }: Partner,
  rows: readonly Activity[],
): Promise<ReadonlyMap<number, SettlementPeriod>> {
  const late = rows.filter(({ periodNo, originPeriodNo }) => originPeriodNo !== periodNo);
  return periodsByNumber(reader, tenantNo, [...new Set(late.map(({ originPeriodNo }) => originPeriodNo))]);
}

interface TotalFacts {
  readonly origins: ReadonlyMap<number, SettlementPeriod>;
  readonly games: (activity: Activity) => Pick<KindTotal, "place" | "isBonusFree">;
}

function totalOf(row: Activity & Partial<FineActivity>, { origins, games }: TotalFacts): KindTotal {
  const { kind, category, count, units, sumMinor, periodNo, originPeriodNo, player } = row;
  const isOwn = originPeriodNo === periodNo;
  const originPeriodId = isOwn ? null : present(origins.get(originPeriodNo), "the period of late items").id;
  const told = player === undefined || player === NOBODY ? {} : { player };
  return { kind, category, originPeriodId, count, units, sumMinor, ...games(row), ...told };
}

/** Games as they were set when the period was fenced, or for one that is open as they are set now. */
async function gamesOf(
  reader: Reader,
  partner: Partner,
  { closedAt }: SettlementPeriod,
  isPlaced: boolean,
): Promise<TotalFacts["games"]> {
  const { termsOf, someAreBonusFree } = await gamesAt(reader, partner, closedAt);
  if (!isPlaced && !someAreBonusFree) return () => ({});
  const { brands, products } = await dimensionsByNumber(reader, partner);
  return ({ kind, brandNo, productNo }) => {
    const product = products.get(productNo) ?? "";
    const { category, group, bonusCost } = product === "" ? NO_GAME : termsOf(product);
    const place = { brand: brands.get(brandNo) ?? "", product, category, ...(group === "" ? {} : { group }) };
    const isBonusFree = !bonusCost && kind.includes(TransactionKind.BONUS);
    return { ...(isPlaced ? { place } : {}), ...(isBonusFree ? { isBonusFree } : {}) };
  };
}

/** What holds for activity that names no game. */
const NO_GAME = { category: "", group: "", bonusCost: true };
