import { Rational } from "../../kernel/rational.js";
import type { Rounding } from "./contract.js";
import { type CreditFacts, type MetByCredit, meetByCredit, refillableMinor } from "./credit.js";
import { type ExactLine, moneyLine } from "./lines.js";
import { NegativePosition, type PayoutTerms, type TaxTerms } from "./payment-terms.js";
import { splitPayout } from "./splits.js";
import type { State } from "./state.js";
import { withhold } from "./taxes.js";
import { amount, greatest, least, minus, negate, plus, type Working, whereAtLeast, ZERO } from "./working.js";

/** The money that a statement starts from and adds, in minor units. */
export interface PositionParts {
  readonly openingMinor: bigint;
  readonly earnedMinor: bigint;
  readonly adjustmentsMinor: bigint;
  readonly heldMinor: bigint;
  readonly releasedMinor: bigint;
  /** Null where the partner has none in this currency. */
  readonly credit: CreditFacts | null;
  /** Of earned, what credit was bought for. */
  readonly boughtMinor: bigint;
  readonly state: State;
}

/** By which terms a position is settled. */
export interface PositionTerms {
  readonly payout: PayoutTerms;
  readonly taxes: TaxTerms;
  readonly rounding: Rounding;
}

/** How a statement ends: its last lines, what it releases, of that withheld, and what opens the next one. */
export interface Settled {
  readonly lines: readonly ExactLine[];
  readonly payableMinor: bigint;
  readonly withheldMinor: bigint;
  readonly met: MetByCredit | null;
  readonly closingMinor: bigint;
}

/**
 * `closing = opening + earned + adjustments - reserveHeld + reserveReleased - payable`, where payable is the position
 * before it when that is positive and at least the minimum payout, else nothing (domain 11). A negative position is
 * collected whole, or refills prepaid credit that it was drawn from and is carried beyond. Credit meets what is
 * released; of the rest tax is withheld, and what is left is paid out, to several by weight.
 */
export function settlePosition(parts: PositionParts, { payout, taxes, rounding }: PositionTerms): Settled {
  const position = moneyLine("POSITION", null, positionOf(parts));
  const minimum = minor("minimumPayout", payout.minimumMinor);
  const before = minor("position", position.amountMinor);
  const below = payout.negative === NegativePosition.COLLECT ? least(before, ZERO) : refill(before, parts.credit);
  const payable = moneyLine("PAYABLE", "/payout/minimum", whereAtLeast(before, minimum, greatest(before, ZERO), below));
  const closing = moneyLine("CLOSING", null, minus(before, minor("payable", payable.amountMinor)));
  const [{ amountMinor: payableMinor }, { amountMinor: closingMinor }] = [payable, closing];
  const { credit, boughtMinor, state } = parts;
  const met = credit === null ? null : meetByCredit(credit, { payableMinor, closingMinor, boughtMinor, state });
  const metMinor = met === null ? null : met.drawnMinor + met.creditMinor;
  const released = minor("payable", payableMinor);
  const inMoney = metMinor === null ? released : minus(released, minor("creditMet", metMinor));
  const withheld = withhold(taxes, inMoney, rounding);
  const withheldMinor = withheld?.amountMinor ?? 0n;
  const left = withheld === null ? inMoney : minus(inMoney, minor("taxWithheld", withheldMinor));
  const paidOut = withheld === null && met === null ? [] : [moneyLine("PAID_OUT", null, left)];
  const splits = splitPayout(payout, payableMinor - (metMinor ?? 0n) - withheldMinor);
  return {
    lines: [
      ...[position, payable, ...(met?.lines ?? []), ...(withheld === null ? [] : [withheld])],
      ...[...paidOut, ...splits, closing, ...(met?.left ?? [])],
    ],
    ...{ payableMinor, withheldMinor, closingMinor, met },
  };
}

/** What of a position below zero refills credit: `-min(-position, refillable)`. */
function refill(position: Working, credit: CreditFacts | null): Working {
  const most = refillableMinor(credit);
  return most === 0n ? ZERO : negate(least(greatest(negate(position), ZERO), minor("refillable", most)));
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
