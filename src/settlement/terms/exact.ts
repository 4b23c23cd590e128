import { decimalText } from "../../kernel/money.js";
import { Rational } from "../../kernel/rational.js";

/**
 * An exact number of minor units written in whole units: with the currency's decimals where they suffice, with more
 * where an exact decimal ends later, else as `n/d`.
 */
export function exactText(minor: Rational, scale: number): string {
  return minor.d === 1n ? decimalText(minor.n, scale) : minor.over(unitOf(scale)).toText();
}

/** The exact minor units that `exactText` wrote; null for a text that is not a number. */
export function parseExact(text: string, scale: number): Rational | null {
  return Rational.parse(text)?.times(unitOf(scale)) ?? null;
}

function unitOf(scale: number): Rational {
  return Rational.of(10n ** BigInt(scale));
}
