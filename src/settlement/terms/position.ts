import { Rational } from "../../kernel/rational.js";
import { type MoneyLine, moneyLine } from "./lines.js";
import { amount, greatest, minus, plus, type Working, whereAtLeast, ZERO } from "./working.js";

/** The money that a statement starts from and adds, in minor units. */
export interface PositionParts {
  readonly openingMinor: bigint;
  readonly earnedMinor: bigint;
  readonly adjustmentsMinor: bigint;
  readonly minimumPayoutMinor: bigint;
}

/** The three lines that end a statement. */
export interface Settled {
  readonly position: MoneyLine;
  readonly payable: MoneyLine;
  readonly closing: MoneyLine;
}

/**
 * `closing = opening + earned + adjustments - payable`, where payable is the position before it when that is positive
 * and at least the minimum payout, else nothing (domain 11). A negative position is carried.
 */
export function settlePosition(parts: PositionParts): Settled {
  const position = moneyLine("POSITION", null, positionOf(parts));
  const minimum = minor("minimumPayout", parts.minimumPayoutMinor);
  const before = minor("position", position.amountMinor);
  const payable = moneyLine("PAYABLE", "/payout/minimum", whereAtLeast(before, minimum, greatest(before, ZERO)));
  const closing = moneyLine("CLOSING", null, minus(before, minor("payable", payable.amountMinor)));
  return { position, payable, closing };
}

function positionOf({ openingMinor, earnedMinor, adjustmentsMinor }: PositionParts): Working {
  const earned = plus(minor("opening", openingMinor), minor("earned", earnedMinor));
  return plus(earned, minor("adjustments", adjustmentsMinor));
}

function minor(name: string, units: bigint): Working {
  return amount(name, Rational.of(units));
}
