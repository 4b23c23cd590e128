import { assert, present } from "../../kernel/assert.js";
import { groupBy } from "../../kernel/group.js";
import { Rational } from "../../kernel/rational.js";
import { TransactionKind } from "../../periods/entities.js";
import { hasAny, type KindTotal, type Part, Timing } from "./activity.js";
import type { Contract } from "./contract.js";
import { boughtLines, type CreditFacts, type MetByCredit } from "./credit.js";
import { earningsOf, sumMinor } from "./earnings.js";
import { type ExactLine, LineSection, linesOf } from "./lines.js";
import { groupChange, movedInto, type Origin, type OriginChange, ownTotals, settleOrigin } from "./origin.js";
import type { PeriodDays } from "./period.js";
import { settlePosition } from "./position.js";
import { type StatementPosting, statementPostings } from "./postings.js";
import { rollReserve } from "./reserve.js";
import { carriedIn, type State, tidyState } from "./state.js";

/** Everything that decides a statement: nothing else may. */
export interface TermsInput {
  readonly contract: Contract;
  /** What was posted into the period, in one currency. */
  readonly totals: readonly KindTotal[];
  /** What the statement before left, besides its closing. */
  readonly state: State;
  /** Closing position of the statement before, in minor units. */
  readonly openingMinor: bigint;
  readonly period: PeriodDays;
  /** The periods of late items that settle at the terms of their origin; none where they settle here. */
  readonly origins?: readonly Origin[];
  /** Prepaid credit; absent or null where the partner has none in this currency. */
  readonly credit?: CreditFacts | null;
}

/** What a period came to. Rationals are exact minor units; `earned` is all lines of money but adjustments, reserves. */
export interface TermsResult {
  readonly lines: readonly ExactLine[];
  /** The period's own, before carry. */
  readonly base: Rational;
  readonly carryIn: Rational;
  readonly carryOut: Rational;
  readonly stateIn: State;
  readonly stateOut: State;
  readonly openingMinor: bigint;
  readonly earnedMinor: bigint;
  readonly adjustmentsMinor: bigint;
  readonly reserveHeldMinor: bigint;
  readonly reserveReleasedMinor: bigint;
  readonly payableMinor: bigint;
  readonly taxWithheldMinor: bigint;
  /** Null where the partner has no prepaid credit in this currency. */
  readonly met: MetByCredit | null;
  readonly closingMinor: bigint;
  readonly postings: readonly StatementPosting[];
  readonly origins: readonly OriginChange[];
}

const PURCHASES: Part = { kind: TransactionKind.CREDIT_PURCHASE, name: "purchases" };

/**
 * Settles one period in one currency: base, share and fees, one rounding, taxes and dues, what late items change at
 * their origin's terms, reserve, position, and the ledger entry. The same input gives the same result.
 */
export function calculate(input: TermsInput): TermsResult {
  const { contract, state, openingMinor, credit = null } = input;
  assert(carriedIn(state).compare(Rational.ZERO) <= 0, "only a negative base is carried");
  const hasPurchases = hasAny(input.totals, Timing.BOTH, [PURCHASES]);
  assert(credit !== null || !hasPurchases, "purchases come with the lots that they made");
  const late = lateChanges(input);
  const opened = { ...input, totals: ownTotals(contract, input.totals), state: late.opened };
  const earned = earningsOf(opened, late.minorOf);
  const changed = late.changes.flatMap(({ lines }) => lines);
  const bought = boughtLines(credit);
  const money = [...earned.money, ...bought, ...changed];
  const [earnedMinor, adjustmentsMinor] = [LineSection.EARNED, LineSection.ADJUSTMENTS].map((section) =>
    sumMinor(linesOf(money, section)),
  ) as [bigint, bigint];
  const moved = { openingMinor, earnedMinor, adjustmentsMinor };
  const { rounding, payout } = contract;
  const reserve = rollReserve(contract.reserve, { ...moved, minimumMinor: payout.minimumMinor, rounding, state });
  const settled = settlePosition({ ...moved, ...reserve, credit, boughtMinor: sumMinor(bought), state }, contract);
  const { met } = settled;
  const kept = [...reserve.state, ...(met?.state ?? [])];
  const stateOut = tidyState([...earned.groups.flatMap((group) => group.state), ...kept]);
  const counted = [earned, ...late.changes].flatMap((each) => each.counted);
  return balanced({
    lines: [...earned.lines, ...bought, ...changed, ...reserve.lines, ...settled.lines],
    ...{ base: earned.base, carryIn: carriedIn(opened.state), carryOut: carriedIn(stateOut), ...moved },
    ...{ stateIn: tidyState(state), stateOut },
    ...{ reserveHeldMinor: reserve.heldMinor, reserveReleasedMinor: reserve.releasedMinor },
    ...{ payableMinor: settled.payableMinor, taxWithheldMinor: settled.withheldMinor, met },
    closingMinor: settled.closingMinor,
    postings: statementPostings([...money, ...reserve.lines], settled, counted),
    origins: late.changes,
  });
}

/** What a period starts from, once late items moved what the statement before left. */
export function openedState(input: TermsInput): State {
  return lateChanges(input).opened;
}

/** What late items change at the terms of their origins, and what the present opens with after that. */
function lateChanges({ contract, totals, state, period, origins = [] }: TermsInput) {
  const here = { contract, totals: ownTotals(contract, totals), state, period };
  const late = contract.settlesLateAtOrigin ? totals.filter(({ originPeriodId }) => originPeriodId !== null) : [];
  const known = new Set(origins.map(({ periodId }) => periodId));
  assert(
    late.every(({ originPeriodId }) => known.has(originPeriodId ?? "")),
    "late items have an origin with terms",
  );
  const changes = origins.map((origin) => {
    return settleOrigin(
      origin,
      late.filter(({ originPeriodId }) => originPeriodId === origin.periodId),
    );
  });
  const moved = origins.flatMap((origin, index) => movedInto(here, origin, present(changes[index], "a change")));
  const minorOf = (scope: string) => changes.reduce((sum, change) => sum + groupChange(change, scope), 0n);
  return { changes, opened: tidyState([...state, ...moved]), minorOf };
}

/** The result, after the identities that must hold for every statement (domain 11 and 12). */
function balanced(result: TermsResult): TermsResult {
  const { openingMinor, earnedMinor, adjustmentsMinor, reserveHeldMinor, reserveReleasedMinor } = result;
  const before = openingMinor + earnedMinor + adjustmentsMinor - reserveHeldMinor + reserveReleasedMinor;
  assert(result.closingMinor === before - result.payableMinor, "a statement closes as it adds up");
  for (const [, postings] of groupBy(result.postings, ({ currency }) => currency ?? "")) {
    assert(sumMinor(postings) === 0n, "a statement's entry sums to zero in each currency");
  }
  return result;
}
