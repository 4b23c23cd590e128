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
