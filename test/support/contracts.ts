import { readFileSync } from "node:fs";
import fc from "fast-check";
import { Rational, RoundingMode } from "../../src/kernel/rational.js";
import type { KindTotal } from "../../src/settlement/terms/activity.js";
import {
  CarryPolicy,
  type Contract,
  type Deduction,
  DeductionType,
  FreeRoundStake,
  Measure,
  type RateOf,
  RoundingStage,
} from "../../src/settlement/terms/contract.js";

/** An example document of docs/examples, parsed as JSON. */
export function example(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(new URL(`../../docs/examples/${name}.json`, import.meta.url), "utf8"));
}

/** Totals in cents, from amounts in whole units. Keys are kinds; a fee's category stands behind a colon. */
export function totalsOf(sums: Readonly<Record<string, number>>, originPeriodId: string | null = null): KindTotal[] {
  return Object.entries(sums).map(([key, amount]) => {
    const [kind = "", category = ""] = key.split(":");
    return { kind, category, originPeriodId, count: 1n, units: 0n, sumMinor: BigInt(Math.round(amount * 100)) };
  });
}

/** A contract of `rate` of GGR, FULL carry on the base, half-even, minimum payout 0, unless told otherwise. */
export function contractWith(changes: Partial<Contract> = {}): Contract {
  return {
    measure: changes.deductions === undefined ? Measure.GGR : Measure.NGR,
    freeRoundStake: FreeRoundStake.ZERO,
    deductions: [],
    shareRate: exact("0.12"),
    carryPolicy: CarryPolicy.FULL,
    minimumPayoutMinor: 0n,
    rounding: { mode: RoundingMode.HALF_EVEN, stage: RoundingStage.TOTAL },
    ...changes,
  };
}

/** A rate of turnover or GGR, less some deductions. */
export function of(rate: string, measure: RateOf["basis"]["measure"], less: DeductionType[] = []): RateOf {
  return { rate: exact(rate), basis: { measure, less } };
}

/** A deduction of the transactions of a type. */
export function deducting(type: DeductionType, changes: Partial<Deduction> = {}): Deduction {
  return { type, rateOf: null, cap: null, ...changes };
}

/** A number written down. */
export function exact(text: string): Rational {
  const value = Rational.parse(text);
  if (value === null) throw new Error(`${text} is not a number`);
  return value;
}

const KINDS = ["BET", "WIN", "BONUS", "BONUS_BET", "BONUS_WIN", "JACKPOT_CONTRIBUTION", "JACKPOT_WIN", "CHARGEBACK"];
const CATEGORIES = ["PAYMENT", "PLATFORM", "PROVIDER", "TAX", "OTHER"];
const MINOR_MAX = 10n ** 14n;

const origin = fc.constantFrom(null, null, "prd_a", "prd_b");
const gross = fc.bigInt(0n, MINOR_MAX);

/** Some of every kind that may be posted, rolled back and late ones among them. */
export const anyTotals: fc.Arbitrary<KindTotal[]> = fc.array(
  fc
    .record({
      what: fc.oneof(
        fc.record({ kind: fc.constantFrom(...KINDS), category: fc.constant(""), sumMinor: gross }),
        fc.record({ kind: fc.constant("FEE"), category: fc.constantFrom(...CATEGORIES), sumMinor: gross }),
        fc.record({
          kind: fc.constant("ADJUSTMENT"),
          category: fc.constant(""),
          sumMinor: fc.bigInt(-MINOR_MAX, MINOR_MAX),
        }),
      ),
      isRollback: fc.boolean(),
      originPeriodId: origin,
      count: fc.bigInt(1n, 1_000n),
    })
    .map(({ what, isRollback, originPeriodId, count }) => {
      const kind = isRollback ? `ROLLBACK_${what.kind}` : what.kind;
      return { ...what, kind, originPeriodId, count, units: 0n };
    }),
  { maxLength: 24 },
);

const anyRate = fc.tuple(fc.bigInt(0n, 999n), fc.bigInt(1n, 999n)).map(([n, d]) => Rational.of(n, d).min(Rational.ONE));

function anyRateOf(less: readonly DeductionType[]): fc.Arbitrary<RateOf> {
  const basis = fc.record({
    measure: fc.constantFrom(Measure.TURNOVER as const, Measure.GGR as const),
    less: fc.subarray([...less]),
  });
  return fc.record({ rate: anyRate, basis });
}

const anyDeductions: fc.Arbitrary<Deduction[]> = fc
  .shuffledSubarray(Object.values(DeductionType), { minLength: 1 })
  .chain((types) =>
    fc.tuple(
      ...types.map((type, index) => {
        const rateOf = fc.option(anyRateOf(types.slice(0, index)));
        return fc.record({ type: fc.constant(type), rateOf, cap: rateOf });
      }),
    ),
  );

/** Any contract that the calculation obeys. */
export const anyContract: fc.Arbitrary<Contract> = fc
  .record({
    measure: fc.constantFrom(...Object.values(Measure)),
    freeRoundStake: fc.constantFrom(...Object.values(FreeRoundStake)),
    deductions: anyDeductions,
    shareRate: anyRate,
    carryPolicy: fc.constantFrom(...Object.values(CarryPolicy)),
    minimumPayoutMinor: fc.bigInt(0n, MINOR_MAX),
    rounding: fc.record({
      mode: fc.constantFrom(...Object.values(RoundingMode)),
      stage: fc.constantFrom(...Object.values(RoundingStage)),
    }),
  })
  .map((contract) => (contract.measure === Measure.NGR ? contract : { ...contract, deductions: [] }));

/** A base that may be carried: negative, or nothing. */
export const anyCarry: fc.Arbitrary<Rational> = fc
  .tuple(fc.bigInt(0n, MINOR_MAX), fc.bigInt(1n, 999n))
  .map(([n, d]) => Rational.of(-n, d));

/** A position that may open a statement. */
export const anyOpening: fc.Arbitrary<bigint> = fc.bigInt(-MINOR_MAX, MINOR_MAX);
