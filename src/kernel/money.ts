import { defineErrors } from "./errors.js";

/** Decimals of a currency that are not two (ISO 4217, and the tokens that partners settle in). */
const SCALES: Readonly<Record<string, number>> = {
  KRW: 0, JPY: 0, VND: 0, CLP: 0, ISK: 0, XAF: 0, XOF: 0, PYG: 0, UGX: 0, RWF: 0,
  USD: 2, EUR: 2, GBP: 2, CNY: 2, HKD: 2, SGD: 2, AUD: 2, NZD: 2, CAD: 2, CHF: 2, SEK: 2, NOK: 2, DKK: 2, PLN: 2,
  CZK: 2, HUF: 2, RON: 2, BGN: 2, TRY: 2, INR: 2, IDR: 2, MYR: 2, PHP: 2, THB: 2, TWD: 2, BRL: 2, MXN: 2, ARS: 2,
  COP: 2, PEN: 2, ZAR: 2, NGN: 2, KES: 2, GHS: 2, ILS: 2, AED: 2, SAR: 2, UAH: 2, KZT: 2, GEL: 2, PKR: 2, BDT: 2,
  BHD: 3, KWD: 3, OMR: 3, JOD: 3, TND: 3,
  BTC: 8, ETH: 8, LTC: 8, USDT: 6, USDC: 6, TRX: 6,
}; // biome-ignore format: a table reads best by scale

const AMOUNT_PATTERN = /^(-?)(\d{1,19})(?:\.(\d{1,8}))?$/;
const MINOR_BOUND = 10n ** 18n;

const moneyError = defineErrors({
  CURRENCY_UNKNOWN: { message: "The currency is not known." },
});

/** Why a text is not an amount. */
export enum AmountFault {
  MALFORMED = "MALFORMED",
  NEGATIVE = "NEGATIVE",
  TOO_MANY_DECIMALS = "TOO_MANY_DECIMALS",
  TOO_LARGE = "TOO_LARGE",
}

/** Whether amounts in that currency can be kept. */
export function isKnownCurrency(code: string): boolean {
  return Object.hasOwn(SCALES, code);
}

/** The number of decimals of a currency; refuses one that is not known (`CURRENCY_UNKNOWN`). */
export function scaleOf(currency: string): number {
  const scale = Object.hasOwn(SCALES, currency) ? SCALES[currency] : undefined;
  if (scale === undefined) throw moneyError("CURRENCY_UNKNOWN");
  return scale;
}

/**
 * Minor units of a decimal text, exactly, or why it is none. Fewer decimals than the currency's scale are fine; more,
 * exponents, separators, a plus sign and |minor units| ≥ 10^18 are not. `-` only where `signed`.
 */
export function parseAmount(text: string, scale: number, { signed = false } = {}): bigint | AmountFault {
  const match = AMOUNT_PATTERN.exec(text);
  if (match === null) return overlongFraction(text) ? AmountFault.TOO_MANY_DECIMALS : AmountFault.MALFORMED;
  const [, sign, whole = "", fraction = ""] = match;
  if (fraction.length > scale) return AmountFault.TOO_MANY_DECIMALS;
  const minor = BigInt(whole + fraction.padEnd(scale, "0"));
  if (minor >= MINOR_BOUND) return AmountFault.TOO_LARGE;
  if (sign === "") return minor;
  return signed ? -minor : AmountFault.NEGATIVE;
}

/** Minor units as a decimal text with exactly the scale's decimals. */
export function decimalText(minor: bigint, scale: number): string {
  const sign = minor < 0n ? "-" : "";
  const digits = (minor < 0n ? -minor : minor).toString().padStart(scale + 1, "0");
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

function overlongFraction(text: string): boolean {
  return /^-?\d{1,19}\.\d{9,64}$/.test(text);
}
