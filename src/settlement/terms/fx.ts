import { assert } from "../../kernel/assert.js";
import { Rational } from "../../kernel/rational.js";
import { AccountName } from "../../ledger/entities.js";
import { amount, rate, times, type Working } from "./working.js";

/** How a rate came about. */
export enum RateType {
  TRANSACTION = "TRANSACTION",
  DAILY_CLOSE = "DAILY_CLOSE",
  PERIOD_AVG = "PERIOD_AVG",
  PERIOD_CLOSE = "PERIOD_CLOSE",
}

/** A stored rate: so many units of `quote` for one of `base`. */
export interface ExchangeRate {
  readonly rate: Rational;
  readonly base: string;
  readonly quote: string;
  /** Who says so. */
  readonly source: string;
  readonly asOf: Date;
  readonly type: RateType;
}

/** A currency with its number of decimals. */
export interface CurrencyUnit {
  readonly currency: string;
  readonly scale: number;
}

/** Activity in another currency than the statement's, and by which rates it becomes the statement's. */
export interface Foreign {
  readonly from: CurrencyUnit;
  readonly into: CurrencyUnit;
  /** Where each transaction is converted at the rate of its local day: that day. Sums are converted first of all. */
  readonly day?: string;
  /** One from the first to the second; or two, through a third that the contract declares. */
  readonly exchanges: readonly [ExchangeRate] | readonly [ExchangeRate, ExchangeRate];
}

/** By what conversions into one currency are told apart. */
export function conversionKey({
  from,
  day,
}: Pick<Foreign, "day"> & { readonly from: Pick<CurrencyUnit, "currency"> }): string {
  return [from.currency, ...(day === undefined ? [] : [day])].join(" ");
}

/** What is converted, from and into what. */
export interface Conversion {
  /** Exact minor units of the source. */
  readonly minor: Rational;
  readonly from: CurrencyUnit;
  readonly into: CurrencyUnit;
  readonly exchange: ExchangeRate;
}

/** One side of a conversion's entry. */
export interface ConversionPosting {
  readonly account: AccountName;
  readonly currency: string;
  readonly amountMinor: bigint;
}

/**
 * An amount in another currency, exactly: `amount * rate`, in minor units of the target (domain 9). Null where the rate
 * is not one of these two currencies, this way around: nothing is triangulated or inverted unless it is declared.
 */
export function convert({ minor, from, into, exchange }: Conversion): Working | null {
  if (exchange.base !== from.currency || exchange.quote !== into.currency) return null;
  const whole = amount("amount", minor.times(step(into)).over(step(from)));
  return times(whole, rate("rate", exchange.rate));
}

/** Of an amount's own minor units, those of the statement's decimals: it stays in its currency, written alike. */
function rescale({ from, into }: Pick<Foreign, "from" | "into">, minor: Rational): Rational {
  return minor.times(step(into)).over(step(from));
}

/**
 * What stands in sums for minor units of a foreign currency: the same amount in minor units of the statement's
 * decimals, converted already where that is done day by day.
 */
export function sumOfForeign(foreign: Foreign, minor: Rational): Rational {
  const rescaled = rescale(foreign, minor);
  if (foreign.day === undefined) return rescaled;
  return foreign.exchanges.reduce((value, exchange) => value.times(exchange.rate), rescaled);
}

/** Whether sums of it stand in the statement's currency: its own, or one that is converted day by day. */
export function isInOwnCurrency(foreign: Foreign | undefined): boolean {
  return foreign === undefined || foreign.day !== undefined;
}

/** A working over sums of a foreign currency, as the statement's currency. */
export function convertWorking({ exchanges, day }: Foreign, working: Working): Working {
  if (day !== undefined) return working;
  return exchanges.reduce(
    (converted, exchange, index) => times(converted, rate(index === 0 ? "exchange" : "exchange2", exchange.rate)),
    working,
  );
}

/** Why rates do not lead from one currency to the other; null where they do, this way around. */
export function faultOfRates({ from, into, exchanges }: Foreign): string | null {
  const [first, second] = exchanges;
  const last = second ?? first;
  const isChain = first.base === from.currency && last.quote === into.currency;
  return isChain && (second === undefined || first.quote === second.base) ? null : "do not lead to the currency";
}

/** Through a third currency that the contract declares: both rates, in the same way. */
export function triangulate(conversion: Conversion, second: ExchangeRate): Working | null {
  const { exchange, into } = conversion;
  const first = convert({ ...conversion, into: { ...into, currency: exchange.quote } });
  if (first === null || second.base !== exchange.quote || second.quote !== into.currency) return null;
  return times(first, rate("rate2", second.rate));
}

/**
 * The entry of a conversion (domain 12): FX_CLEARING against POSITION in the target, and the source account against
 * FX_CLEARING in the source. It sums to zero in each of the two currencies.
 */
export function conversionPostings(
  { minor, from, into }: Conversion,
  convertedMinor: bigint,
  source: AccountName,
): readonly ConversionPosting[] {
  assert(minor.d === 1n, "what leaves an account is whole minor units");
  const sourceMinor = minor.n;
  return [
    { account: AccountName.FX_CLEARING, currency: into.currency, amountMinor: convertedMinor },
    { account: AccountName.POSITION, currency: into.currency, amountMinor: -convertedMinor },
    { account: source, currency: from.currency, amountMinor: sourceMinor },
    { account: AccountName.FX_CLEARING, currency: from.currency, amountMinor: -sourceMinor },
  ];
}

function step({ scale }: CurrencyUnit): Rational {
  return Rational.of(10n ** BigInt(scale));
}
