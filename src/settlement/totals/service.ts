import { present } from "../../kernel/assert.js";
import { type SettlementPeriod, TransactionKind } from "../../periods/entities.js";
import { periodsByNumber } from "../../periods/service.js";
import { type Activity, activityOf } from "../../periods/totals/service.js";
import type { Reader } from "../../platform/database.js";
import { dimensionsByNumber } from "../../tenancy/dimensions/service.js";
import type { Partner } from "../../tenancy/entities.js";
import type { ConfigurationDocument } from "../document.js";
import { conversionOf, needsPlaces } from "../document-contract.js";
import { gamesAt } from "../games/service.js";
import { type Quoted, ratesAt } from "../rates/service.js";
import type { KindTotal } from "../terms/activity.js";
import { type State, standsAlone } from "../terms/state.js";

/** A period's totals as the calculation takes them, by currency. */
export type PeriodTotals = ReadonlyMap<string, readonly KindTotal[]>;

/** What stands between the statements of one currency. */
export interface Standing {
  readonly currency: string;
  readonly closingMinor: bigint;
  readonly state: State;
}

/** What a period's calculation starts from, and the rates that converted some of it. */
export interface CalculatedFrom {
  readonly totals: PeriodTotals;
  readonly quoted: readonly Quoted[];
}

/**
 * What a period is calculated from under a document: its totals, those of a currency that is converted at close among
 * those of the currency it becomes. Refused where a rate is missing (`RATE_MISSING`).
 */
export async function totalsUnder(
  reader: Reader,
  partner: Partner,
  period: SettlementPeriod,
  document: ConfigurationDocument,
): Promise<CalculatedFrom> {
  const posted = await periodTotals(reader, partner, period, needsPlaces(document));
  const totals = new Map(posted);
  const quoted: Quoted[] = [];
  for (const [from, own] of posted) {
    const fx = conversionOf(document, from);
    if (fx === null) continue;
    const quote = await ratesAt(reader, { partner, period, fx, from });
    quoted.push(quote);
    totals.delete(from);
    const { foreign } = quote;
    totals.set(fx.to, [...(totals.get(fx.to) ?? []), ...own.map((total) => ({ ...total, foreign }))]);
  }
  return { totals, quoted };
}

/** What was posted into a period, in key order; each total with its place where a term looks at places. */
async function periodTotals(
  reader: Reader,
  partner: Partner,
  period: SettlementPeriod,
  isPlaced: boolean,
): Promise<PeriodTotals> {
  const activity = await activityOf(reader, partner, period.no);
  const origins = await originsOf(reader, partner, period, activity);
  const games = await gamesOf(reader, partner, period, isPlaced);
  const totals = new Map<string, KindTotal[]>();
  for (const row of activity) {
    const total = totalOf(row, { period, origins, games });
    const known = totals.get(row.currency);
    if (known === undefined) totals.set(row.currency, [total]);
    else known.push(total);
  }
  return totals;
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
  period: SettlementPeriod,
  activity: readonly Activity[],
): Promise<ReadonlyMap<number, SettlementPeriod>> {
  const numbers = new Set(activity.map(({ originPeriodNo }) => originPeriodNo));
  numbers.delete(period.no);
  return periodsByNumber(reader, tenantNo, [...numbers]);
}

interface TotalFacts {
  readonly period: SettlementPeriod;
  readonly origins: ReadonlyMap<number, SettlementPeriod>;
  readonly games: (activity: Activity) => Pick<KindTotal, "place" | "isBonusFree">;
}

function totalOf(row: Activity, { period, origins, games }: TotalFacts): KindTotal {
  const { kind, category, count, units, sumMinor, originPeriodNo } = row;
  const isOwn = originPeriodNo === period.no;
  const originPeriodId = isOwn ? null : present(origins.get(originPeriodNo), "the period of late items").id;
  return { kind, category, originPeriodId, count, units, sumMinor, ...games(row) };
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
