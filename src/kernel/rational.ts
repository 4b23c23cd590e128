import { assert } from "./assert.js";

/** How an exact value becomes a whole number of minor units. */
export enum RoundingMode {
  HALF_EVEN = "HALF_EVEN",
  HALF_UP = "HALF_UP",
  HALF_DOWN = "HALF_DOWN",
  UP = "UP",
  DOWN = "DOWN",
  CEILING = "CEILING",
  FLOOR = "FLOOR",
}

const RATIONAL_PATTERN = /^(-?\d{1,400})(?:\.(\d{1,400})|\/(\d{1,400}))?$/;

/** An exact fraction in lowest terms with a positive denominator. Immutable. */
export class Rational {
  static readonly ZERO = new Rational(0n, 1n);
  static readonly ONE = new Rational(1n, 1n);

  private constructor(
    readonly n: bigint,
    readonly d: bigint,
  ) {}

  /** n/d in lowest terms; a zero denominator is a bug. */
  static of(n: bigint, d = 1n): Rational {
    assert(d !== 0n, "a denominator is not zero");
    const sign = d < 0n ? -1n : 1n;
    const divisor = greatestCommonDivisor(n < 0n ? -n : n, d < 0n ? -d : d);
    return new Rational((sign * n) / divisor, (sign * d) / divisor);
  }

  /** Reads `12`, `-0.12` or `1/3`; null for anything else. */
  static parse(text: string): Rational | null {
    const match = RATIONAL_PATTERN.exec(text);
    if (match === null) return null;
    const [, whole = "", fraction, denominator] = match;
    if (denominator !== undefined)
      return /^0+$/.test(denominator) ? null : Rational.of(BigInt(whole), BigInt(denominator));
    if (fraction === undefined) return Rational.of(BigInt(whole));
    return Rational.of(BigInt(whole + fraction), 10n ** BigInt(fraction.length));
  }

  plus(other: Rational): Rational {
    return Rational.of(this.n * other.d + other.n * this.d, this.d * other.d);
  }

  minus(other: Rational): Rational {
    return this.plus(other.negate());
  }

  times(other: Rational): Rational {
    return Rational.of(this.n * other.n, this.d * other.d);
  }

  over(other: Rational): Rational {
    return Rational.of(this.n * other.d, this.d * other.n);
  }

  negate(): Rational {
    return new Rational(-this.n, this.d);
  }

  /** Negative, zero or positive as this is less than, equal to or greater than the other. */
  compare(other: Rational): number {
    const difference = this.n * other.d - other.n * this.d;
    return difference < 0n ? -1 : difference > 0n ? 1 : 0;
  }

  equals(other: Rational): boolean {
    return this.n === other.n && this.d === other.d;
  }

  min(other: Rational): Rational {
    return this.compare(other) <= 0 ? this : other;
  }

  max(other: Rational): Rational {
    return this.compare(other) >= 0 ? this : other;
  }

  get isNegative(): boolean {
    return this.n < 0n;
  }

  get isZero(): boolean {
    return this.n === 0n;
  }

  /** The shortest exact decimal where one ends, else `n/d`; what `parse` reads back. */
  toText(): string {
    const places = decimalPlaces(this.d);
    if (places === null) return `${this.n}/${this.d}`;
    if (places === 0) return this.n.toString();
    const digits = ((this.n < 0n ? -this.n : this.n) * (10n ** BigInt(places) / this.d))
      .toString()
      .padStart(places + 1, "0");
    return `${this.n < 0n ? "-" : ""}${digits.slice(0, -places)}.${digits.slice(-places)}`;
  }

  /** The whole number this rounds to. */
  round(mode: RoundingMode): bigint {
    const quotient = this.n / this.d; // towards zero
    const remainder = this.n - quotient * this.d;
    if (remainder === 0n) return quotient;
    const away = quotient + (this.n < 0n ? -1n : 1n);
    return roundsAway(mode, this.n < 0n, compareToHalf(remainder, this.d), quotient) ? away : quotient;
  }
}

function roundsAway(mode: RoundingMode, isNegative: boolean, half: number, towardsZero: bigint): boolean {
  switch (mode) {
    case RoundingMode.UP:
      return true;
    case RoundingMode.DOWN:
      return false;
    case RoundingMode.CEILING:
      return !isNegative;
    case RoundingMode.FLOOR:
      return isNegative;
    case RoundingMode.HALF_UP:
      return half >= 0;
    case RoundingMode.HALF_DOWN:
      return half > 0;
    case RoundingMode.HALF_EVEN:
      return half > 0 || (half === 0 && towardsZero % 2n !== 0n);
  }
}

function compareToHalf(remainder: bigint, denominator: bigint): number {
  const doubled = 2n * (remainder < 0n ? -remainder : remainder);
  return doubled < denominator ? -1 : doubled > denominator ? 1 : 0;
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let [left, right] = [a, b];
  while (right !== 0n) [left, right] = [right, left % right];
  return left === 0n ? 1n : left;
}

/** How many decimals an exact decimal of that denominator needs; null where it never ends. */
function decimalPlaces(denominator: bigint): number | null {
  let rest = denominator;
  const [twos, fives] = [2n, 5n].map((prime) => {
    let count = 0;
    for (; rest % prime === 0n; rest /= prime) count += 1;
    return count;
  }) as [number, number];
  return rest === 1n ? Math.max(twos, fives) : null;
}
