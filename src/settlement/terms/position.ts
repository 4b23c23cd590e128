import { Rational } from "../../kernel/rational.js";
import type { Rounding } from "./contract.js";
import { type MoneyLine, moneyLine } from "./lines.js";
import { NegativePosition, type PayoutTerms, type TaxTerms } from "./payment-terms.js";
import { splitPayout } from "./splits.js";
import { withhold } from "./taxes.js";
import { amount, greatest, least, minus, plus, type Working, whereAtLeast, ZERO } from "./working.js";

/** The money that a statement starts from and adds, in minor units. */
export interface PositionParts {
  readonly openingMinor: bigint;
  readonly earnedMinor: bigint;
  readonly adjustmentsMinor: bigint;
  readonly heldMinor: bigint;
  readonly releasedMinor: bigint;
}

/** By which terms a position is settled. */
export interface PositionTerms {
  readonly payout: PayoutTerms;
  readonly taxes: TaxTerms;
  readonly rounding: Rounding;
}

/** How a statement ends: its last lines, what it releases, of that withheld, and what opens the next one. */
export interface Settled {
  readonly lines: readonly MoneyLine[];
  readonly payableMinor: bigint;
  readonly withheldMinor: bigint;
  readonly closingMinor: bigint;
}

/**
 * `closing = opening + earned + adjustments - reserveHeld + reserveReleased - payable`, where payable is the position
 * before it when that is positive and at least the minimum payout, else nothing (domain 11). A negative position is
 * carried, or collected whole. Tax is withheld from what is released; the rest is paid out, to several by weight.
 */
export function settlePosition(parts: PositionParts, { payout, taxes, rounding }: PositionTerms): Settled {
  const position = moneyLine("POSITION", null, positionOf(parts));
  const minimum = minor("minimumPayout", payout.minimumMinor);
  const before = minor("position", position.amountMinor);
  const below = payout.negative === NegativePosition.COLLECT ? least(before, ZERO) : ZERO;
  const released = whereAtLeast(before, minimum, greatest(before, ZERO), below);
  const payable = moneyLine("PAYABLE", "/payout/minimum", released);
  const closing = moneyLine("CLOSING", null, minus(before, minor("payable", payable.amountMinor)));
  const withheld = withhold(taxes, payable.amountMinor, rounding);
  const withheldMinor = withheld?.amountMinor ?? 0n;
  const left = minus(minor("payable", payable.amountMinor), minor("taxWithheld", withheldMinor));
  const paidOut = withheld === null ? [] : [withheld, moneyLine("PAID_OUT", null, left)];
  const splits = splitPayout(payout, payable.amountMinor - withheldMinor);
  return {
    lines: [position, payable, ...paidOut, ...splits, closing],
    payableMinor: payable.amountMinor,
    withheldMinor,
    closingMinor: closing.amountMinor,
  };
}

function positionOf({ openingMinor, earnedMinor, adjustmentsMinor, heldMinor, releasedMinor }: PositionParts): Working {
  const earned = plus(minor("opening", openingMinor), minor("earned", earnedMinor));
  const adjusted = plus(earned, minor("adjustments", adjustmentsMinor));
  if (heldMinor === 0n && releasedMinor === 0n) return adjusted;
  return plus(minus(adjusted, minor("reserveHeld", heldMinor)), minor("reserveReleased", releasedMinor));
}

function minor(name: string, units: bigint): Working {
  return amount(name, Rational.of(units));
}
