import { Rational } from "../../kernel/rational.js";
import { type Rounding, RoundingStage } from "./contract.js";
import { type MoneyLine, moneyLine, roundedLine } from "./lines.js";
import { ReserveOf, type ReserveTerms } from "./payment-terms.js";
import { itemsIn, type State, StateName } from "./state.js";
import { amount, greatest, least, minus, negate, plus, rate, times, type Working, ZERO } from "./working.js";

/** What a reserve looks at, in minor units. */
export interface Reserving {
  readonly openingMinor: bigint;
  readonly earnedMinor: bigint;
  readonly adjustmentsMinor: bigint;
  /** Below it nothing is payable. */
  readonly minimumMinor: bigint;
  readonly rounding: Rounding;
  readonly state: State;
}

/** What a reserve did to a statement: its lines, held ones negative, and the tranches that stay. */
export interface Reserved {
  readonly lines: readonly MoneyLine[];
  readonly heldMinor: bigint;
  readonly releasedMinor: bigint;
  readonly state: State;
}

/**
 * The rolling reserve: a tranche of a rate of what was earned, or of what would be payable, is held (as long as no more
 * than the maximum is held at once) and released by the statement so many periods later, whatever the contract is then.
 * What would be payable is never held below the minimum payout: of what stays unpaid it would be held again.
 */
export function rollReserve(terms: ReserveTerms | null, reserving: Reserving): Reserved {
  const aged = itemsIn(reserving.state, StateName.RESERVE, "").map(({ key, value }) => ({
    left: Number(key) - 1,
    value,
  }));
  const isDue = ({ left }: { readonly left: number }) => left <= 0;
  const released = aged.filter(isDue).reduce((sum, { value }) => sum.plus(value), Rational.ZERO);
  const kept = aged.filter((tranche) => !isDue(tranche));
  const balance = kept.reduce((sum, { value }) => sum.plus(value), Rational.ZERO);
  const release = released.isZero
    ? null
    : moneyLine("RESERVE_RELEASED", "/reserve/releaseAfterPeriods", amount("released", released));
  const releasedMinor = release?.amountMinor ?? 0n;
  const held = terms === null ? null : hold(terms, reserving, { releasedMinor, balance });
  const heldMinor = -(held?.amountMinor ?? 0n);
  const tranches = [
    ...kept.map(({ left, value }) => [left, value] as const),
    [terms?.releaseAfterPeriods ?? 0, Rational.of(heldMinor)] as const,
  ];
  return {
    lines: [held, release].filter((line) => line !== null),
    heldMinor,
    releasedMinor,
    state: tranches.map(([left, value]) => ({ name: StateName.RESERVE, scope: "", key: String(left), value })),
  };
}

/**
 * `-min(rate * max(basis, 0), max(maximum - balance, 0))`, rounded by itself; of what would be payable at most
 * `max(basis - minimumPayout, 0)`.
 */
function hold(
  { rate: part, of, maximum }: ReserveTerms,
  { openingMinor, earnedMinor, adjustmentsMinor, minimumMinor, rounding }: Reserving,
  { releasedMinor, balance }: { readonly releasedMinor: bigint; readonly balance: Rational },
): MoneyLine {
  const minor = (name: string, units: bigint) => amount(name, Rational.of(units));
  const earned = minor("earned", earnedMinor);
  const position = plus(plus(minor("opening", openingMinor), earned), minor("adjustments", adjustmentsMinor));
  const basis = of === ReserveOf.EARNED ? earned : plus(position, minor("released", releasedMinor));
  const isPaid = of === ReserveOf.EARNED || minimumMinor === 0n;
  const whole = times(rate("rate", part), greatest(basis, ZERO));
  const wanted = isPaid ? whole : least(whole, greatest(minus(basis, minor("minimumPayout", minimumMinor)), ZERO));
  const held: Working =
    maximum === null
      ? wanted
      : least(wanted, greatest(minus(amount("maximum", maximum), amount("balance", balance)), ZERO));
  return roundedLine("RESERVE_HELD", "/reserve", negate(held), { mode: rounding.mode, stage: RoundingStage.LINE });
}
