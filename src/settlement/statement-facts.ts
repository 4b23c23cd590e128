import { present } from "../kernel/assert.js";
import { instantText } from "../kernel/clock.js";
import { CodedError } from "../kernel/errors.js";
import { isKnownCurrency, scaleOf } from "../kernel/money.js";
import { Rational } from "../kernel/rational.js";
import { rateSpan } from "../periods/calendars/service.js";
import { configurationSha256, parseConfiguration } from "./document.js";
import { contractOf, conversionOf } from "./document-contract.js";
import type { StatementDocument, StatementOrigin } from "./statement-schema.js";
import { type KindTotal, type Place, unsettledKinds } from "./terms/activity.js";
import type { TermsInput } from "./terms/calculate.js";
import type { Contract } from "./terms/contract.js";
import type { Earning } from "./terms/earned.js";
import { parseExact } from "./terms/exact.js";
import {
  type CurrencyUnit,
  conversionKey,
  type ExchangeRate,
  type Foreign,
  faultOfRates,
  RateType,
} from "./terms/fx.js";
import type { Origin } from "./terms/origin.js";
import { type PeriodDays, periodDays } from "./terms/period.js";
import { type State, StateName } from "./terms/state.js";

/** What a period earned by, as its own statement or one that settles late items for it states it. */
type Described = Pick<StatementDocument, "configuration" | "period" | "totals" | "currency" | "scale"> & {
  readonly conversions?: StatementDocument["conversions"];
  readonly partnerKind?: StatementDocument["partnerKind"];
  readonly state: Pick<StatementDocument["state"], "opening">;
};
type Total = StatementDocument["totals"][number];
type Conversions = ReadonlyMap<string, Foreign>;

/** What a statement was computed from, read from itself; or why that cannot be, each `<JSON pointer> …`. */
export function factsIn(statement: StatementDocument): TermsInput | readonly string[] {
  const origins = (statement.origins ?? []).map((origin, index) => originIn(statement, origin, `/origins/${index}`));
  const unread = origins.flatMap((origin) => ("facts" in origin ? [] : origin.faults));
  const known = origins.flatMap((origin) => ("facts" in origin ? [origin] : []));
  const elsewhere = new Map(known.map(({ facts, conversions }) => [facts.periodId, conversions]));
  const earning = earningIn(statement, "", elsewhere);
  if (!("facts" in earning)) return [...earning.faults, ...unread];
  const opening = parseExact(statement.opening, statement.scale);
  const faults = [...unread, ...(opening?.d === 1n ? [] : [notWhole("/opening")])];
  return faults.length > 0
    ? faults
    : { ...earning.facts, openingMinor: opening?.n ?? 0n, origins: known.map(({ facts }) => facts) };
}

/** What a period's own statement was computed from, to compute it again with late items. */
export function originIn(
  { currency, scale, partnerKind }: Pick<StatementDocument, "currency" | "scale" | "partnerKind">,
  origin: StatementOrigin,
  pointer: string,
): Read<Origin> {
  const read = earningIn(
    { ...origin, totals: [...origin.totals, ...origin.late], currency, scale, partnerKind },
    pointer,
  );
  if (!("facts" in read)) return read;
  const own = origin.totals.length;
  const { totals, ...facts } = read.facts;
  const apart = { totals: totals.slice(0, own), before: totals.slice(own) };
  const isUnsettled = origin.statement === null && origin.late.length === 0;
  return { facts: { ...facts, ...apart, isUnsettled, periodId: origin.period.id }, conversions: read.conversions };
}

/** The rates by which a statement of ours converted its own activity, by `conversionKey`. */
export function conversionsOn(statement: StatementDocument): ReadonlyMap<string, Foreign> {
  return conversionsIn(statement, "").conversions;
}

/** What was read, with its conversions; or what of it cannot be. */
type Read<T> = { readonly facts: T; readonly conversions: Conversions } | { readonly faults: readonly string[] };

function earningIn(
  described: Described,
  pointer: string,
  elsewhere: ReadonlyMap<string, Conversions> = new Map(),
): Read<Earning> {
  const contract = contractIn(described, pointer);
  if (typeof contract === "string") return { faults: [contract] };
  const period = daysIn(described, pointer);
  if (typeof period === "string") return { faults: [period] };
  const { conversions, faults } = conversionsIn(described, pointer);
  const convertedBy = ({ originPeriodId }: Total) => {
    if (originPeriodId === null || !contract.settlesLateAtOrigin) return conversions;
    return elsewhere.get(originPeriodId) ?? conversions;
  };
  const totals = totalsIn(described, pointer, convertedBy);
  const state = stateIn(described, pointer);
  const found = [...faults, ...totals.faults, ...state.faults];
  if (found.length > 0) return { faults: found };
  return { facts: { contract, totals: totals.found, state: state.found, period }, conversions };
}

/** The contract that is embedded, or why it cannot be computed with. */
function contractIn(
  { configuration, currency, scale, partnerKind = "" }: Described,
  pointer: string,
): Contract | string {
  if (isKnownCurrency(currency) && scaleOf(currency) !== scale) return `/scale is not that of ${currency}`;
  try {
    const document = parseConfiguration(configuration.document);
    const isDigest = configurationSha256(document) === configuration.sha256;
    return isDigest
      ? contractOf(document, { currency, scale, partnerKind })
      : `${pointer}/configuration/sha256 is not the digest of the document`;
  } catch (error) {
    if (error instanceof CodedError) return `${pointer}/configuration/document: ${error.message}`;
    throw error;
  }
}

function totalsIn({ totals, scale }: Described, pointer: string, convertedBy: (total: Total) => Conversions) {
  const faults: string[] = [];
  const found = totals.map((total, index): KindTotal => {
    const at = `${pointer}/totals/${index}`;
    const { kind, category, originPeriodId, player } = total;
    const { currency, day } = total;
    const key =
      currency === undefined ? null : conversionKey({ from: { currency }, ...(day === undefined ? {} : { day }) });
    const foreign = key === null ? undefined : convertedBy(total).get(key);
    if (total.currency !== undefined && foreign === undefined) faults.push(`${at}/currency has no rates`);
    const sum = parseExact(total.sum, foreign?.from.scale ?? scale);
    if (sum?.d !== 1n) faults.push(notWhole(`${at}/sum`));
    return {
      ...{ kind, category, originPeriodId, count: BigInt(total.count), units: BigInt(total.units) },
      ...{ sumMinor: sum?.d === 1n ? sum.n : 0n, place: placeOf(total), foreign, player },
      ...bonusOf(total),
    };
  });
  for (const kind of unsettledKinds(found)) faults.push(`${pointer}/totals has ${kind}, which no term settles`);
  for (const kind of uncategorised(found)) faults.push(`${pointer}/totals has a category of ${kind}, which has none`);
  return { found, faults };
}

/** The kinds among these that have a category though only fees, and adjustments of disputes, have one. */
function uncategorised(totals: readonly KindTotal[]): readonly string[] {
  return totals.flatMap(({ kind, category }) =>
    category === "" || /(?:^|_)(?:FEE|ADJUSTMENT)$/.test(kind) ? [] : [kind],
  );
}

function stateIn({ state, scale }: Described, pointer: string) {
  const faults: string[] = [];
  const found: State = state.opening.map(({ value, ...item }, index) => {
    const exact = parseExact(value, scale);
    const at = `${pointer}/state/opening/${index}`;
    if (exact === null || !isPossible(item.name, exact)) faults.push(`${at}/value cannot be`);
    if (COUNTED.get(item.name)?.test(item.key) === false) faults.push(`${at}/key is no number of periods`);
    return { ...item, value: exact ?? Rational.ZERO };
  });
  return { found, faults };
}

function notWhole(pointer: string): string {
  return `${pointer} is not a number of whole minor units`;
}

/** The conversions that are stated, by currency, and what of them is not as the terms say. */
function conversionsIn({ conversions = [], configuration, currency, scale, period }: Described, pointer: string) {
  const document = parseConfiguration(configuration.document);
  const faults: string[] = [];
  const { timezone } = period;
  const found = conversions.map(({ from, scale: decimals, day, rates }, index): readonly [string, Foreign] => {
    const fx = conversionOf(document, from);
    const told = day === undefined ? {} : { day };
    const foreign = { ...foreignOf(rates, { currency: from, scale: decimals }, { currency, scale }), ...told };
    const isStated = fx?.to === currency && rates.every(({ type, source }) => type === fx.type && source === fx.source);
    const span = day === undefined ? { after: period.start, through: period.end } : rateSpanText(day, timezone);
    const isDaily = (day !== undefined) === (fx?.type === RateType.TRANSACTION);
    const isWithin = isDaily && rates.every(({ asOf }) => asOf > span.after && asOf <= span.through);
    const through = fx?.triangulateBy ?? null;
    const isDeclared = rates.length === 1 || rates[0]?.quote === through;
    const isKnown = !isKnownCurrency(from) || scaleOf(from) === decimals;
    const isRight = isStated && isWithin && isDeclared && isKnown && faultOfRates(foreign) === null;
    if (!isRight) faults.push(`${pointer}/conversions/${index} is not by the rates that the terms name`);
    return [conversionKey(foreign), foreign];
  });
  return { conversions: new Map(found), faults };
}

/** Between which instants a rate of a day lies, as text; a day that is none in the zone has none. */
function rateSpanText(day: string, timezone: string) {
  const span = rateSpan(day, timezone);
  return span === null
    ? { after: "", through: "" }
    : { after: instantText(span.after), through: instantText(span.through) };
}

type Rates = NonNullable<StatementDocument["conversions"]>[number]["rates"];

function foreignOf(rates: Rates, from: CurrencyUnit, into: CurrencyUnit): Foreign {
  const [first, second] = rates.map(({ rate, asOf, ...exchange }): ExchangeRate => {
    return { ...exchange, asOf: new Date(asOf), rate: Rational.parse(rate) ?? Rational.ZERO };
  });
  const one = present(first, "at least one rate");
  return { from, into, exchanges: second === undefined ? [one] : [one, second] };
}

const NEGATIVE: ReadonlySet<StateName> = new Set([StateName.CARRY, StateName.PLAYER_CARRY]);
const WHOLE: ReadonlySet<StateName> = new Set([
  ...[StateName.RESERVE, StateName.ADVANCE_EARNED, StateName.ADVANCE_INSTALMENTS, StateName.CREDIT_PRICE],
]);

/** Keys that end with a number of periods; of a carry that never expires with none. */
const COUNTED: ReadonlyMap<StateName, RegExp> = new Map([
  ...[StateName.CARRY, StateName.PLAYER_CARRY, StateName.WINDOW_CARRY].map(
    (name) => [name, /(?:^|\/)\d{0,4}$/] as const,
  ),
  [StateName.RESERVE, /^\d{1,4}$/],
]);

/** Carries are at most zero; reserves and advances are whole minor units; that a fee was charged is one. */
function isPossible(name: StateName, value: Rational): boolean {
  if (name === StateName.FEE_CHARGED) return value.equals(Rational.ONE);
  return NEGATIVE.has(name) ? value.compare(Rational.ZERO) <= 0 : !WHOLE.has(name) || value.d === 1n;
}

function placeOf({ brand, product, productCategory, productGroup: group }: Total): Place | undefined {
  if ((brand ?? product ?? productCategory ?? group) === undefined) return undefined;
  const place = { brand: brand ?? "", product: product ?? "", category: productCategory ?? "" };
  return group === undefined ? place : { ...place, group };
}

function bonusOf({ isBonusFree }: Total): Pick<KindTotal, "isBonusFree"> {
  return isBonusFree === undefined ? {} : { isBonusFree };
}

/** The local dates of the period and of its cycle's stretch, or why there are none. */
function daysIn({ period }: Described, pointer: string): PeriodDays | string {
  const { timezone, ...instants } = period;
  const [startsAt, endsAt] = [new Date(instants.start), new Date(instants.end)];
  const [cycleStartsAt, cycleEndsAt] = [new Date(instants.cycleStart), new Date(instants.cycleEnd)];
  const isPart = cycleStartsAt <= startsAt && startsAt < endsAt && endsAt <= cycleEndsAt;
  if (!isPart) return `${pointer}/period is not a part of its cycle's stretch`;
  try {
    return periodDays({ startsAt, endsAt, cycleStartsAt, cycleEndsAt, timezone });
  } catch (error) {
    if (error instanceof RangeError) return `${pointer}/period is not a stretch of time in a zone`;
    throw error;
  }
}
