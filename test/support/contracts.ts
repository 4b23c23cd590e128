import { readFileSync } from "node:fs";
import fc from "fast-check";
import { Rational, RoundingMode } from "../../src/kernel/rational.js";
import type { KindTotal } from "../../src/settlement/terms/activity.js";
import {
  type BaseTerms,
  CarryPolicy,
  CarryScope,
  type CarryTerms,
  CarryUnit,
  type Contract,
  type Deduction,
  DeductionType,
  FreeRoundStake,
  Measure,
  type RateOf,
  RoundingStage,
  type ShareTerms,
  TierBasis,
  TierMode,
  Window,
} from "../../src/settlement/terms/contract.js";
import { NegativePosition } from "../../src/settlement/terms/payment-terms.js";
import type { PeriodDays } from "../../src/settlement/terms/period.js";
import { type State, StateName } from "../../src/settlement/terms/state.js";

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

/** What a test wants of a contract otherwise; base, share and carry also by their most used members. */
export interface ContractChanges extends Partial<Omit<Contract, "carry">> {
  readonly measure?: Measure;
  readonly freeRoundStake?: FreeRoundStake;
  readonly deductions?: readonly Deduction[];
  readonly shareRate?: Rational;
  readonly carryPolicy?: CarryPolicy;
  readonly carry?: Partial<CarryTerms>;
  readonly minimumPayoutMinor?: bigint;
}

/** A contract of 12 % of GGR, FULL carry on the base, half-even, minimum payout 0, unless told otherwise. */
export function contractWith(changes: ContractChanges = {}): Contract {
  const { measure, freeRoundStake, deductions, shareRate, carryPolicy, carry, minimumPayoutMinor, ...own } = changes;
  return {
    ...{ scale: 2, fees: [], caps: [], guarantee: null, reserve: null, overrides: [], settlesLateAtOrigin: false },
    base: baseWith({
      measure: measure ?? (deductions === undefined ? Measure.GGR : Measure.NGR),
      freeRoundStake: freeRoundStake ?? FreeRoundStake.ZERO,
      deductions: deductions ?? [],
    }),
    share: flat(shareRate ?? exact("0.12")),
    carry: { ...CARRY, policy: carryPolicy ?? CarryPolicy.FULL, ...carry },
    jackpots: { contribution: null, isSeparate: false },
    taxes: { withholding: null, vat: null },
    payout: { minimumMinor: minimumPayoutMinor ?? 0n, negative: NegativePosition.CARRY, splits: [] },
    rounding: { mode: RoundingMode.HALF_EVEN, stage: RoundingStage.TOTAL },
    ...own,
  };
}

const CARRY: CarryTerms = {
  policy: CarryPolicy.FULL,
  unit: CarryUnit.BASE,
  tierBasis: TierBasis.NET,
  scope: CarryScope.PARTNER,
  rate: Rational.ONE,
  expiresAfterPeriods: null,
  ringFence: null,
};

/** A base of GGR, unless told otherwise. */
export function baseWith(changes: Partial<BaseTerms>): BaseTerms {
  return {
    ...{ pointer: "/base", measure: Measure.GGR, freeRoundStake: FreeRoundStake.ZERO, jackpotWinsIncluded: false },
    ...{ deductions: [], components: [] },
    ...changes,
  };
}

/** One rate of everything. */
function flat(rate: Rational, pointer = "/share"): ShareTerms {
  return { pointer, mode: TierMode.SLAB, brackets: [{ upTo: null, rate }], window: Window.PERIOD };
}

/** What was carried in, and nothing else. */
export function carrying(value: Rational): State {
  return value.isZero ? [] : [{ name: StateName.CARRY, scope: "", key: "", value }];
}

/** The whole of March 2026. */
export const MARCH = wholePeriod("2026-03-01", "2026-04-01");

/** A period that is all of its cycle's stretch, by its first day and the first day after it. */
export function wholePeriod(firstDay: string, nextDay: string): PeriodDays {
  return { firstDay, nextDay, cycleFirstDay: firstDay, cycleNextDay: nextDay };
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

/** Flat rates, and tables of rising bounds. */
export const anyShare: fc.Arbitrary<ShareTerms> = fc
  .record({
    mode: fc.constantFrom(...Object.values(TierMode)),
    bounds: fc.uniqueArray(fc.bigInt(1n, MINOR_MAX), { maxLength: 4, selector: String }),
    rates: fc.array(anyRate, { minLength: 5, maxLength: 5 }),
    window: fc.constantFrom(Window.PERIOD, Window.QUARTER),
  })
  .map(({ mode, bounds, rates, window }) => {
    const rising = [...bounds].sort((a, b) => (a < b ? -1 : 1));
    const uppers = [...rising.map((bound) => Rational.of(bound)), null];
    const brackets = uppers.map((upTo, index) => ({ upTo, rate: rates[index] ?? Rational.ZERO }));
    return { pointer: "/share", mode, brackets, window };
  });

const anyCarryTerms: fc.Arbitrary<CarryTerms> = fc
  .record({
    policy: fc.constantFrom(...Object.values(CarryPolicy)),
    unit: fc.constantFrom(...Object.values(CarryUnit)),
    tierBasis: fc.constant(TierBasis.NET),
    scope: fc.constant(CarryScope.PARTNER),
    rate: anyRate,
    expiresAfterPeriods: fc.option(fc.integer({ min: 1, max: 3 })),
    ringFence: fc.constant(null),
  })
  .map((carry) => (carry.policy === CarryPolicy.NONE ? { ...carry, expiresAfterPeriods: null } : carry));

/** Any contract that the calculation obeys. */
export const anyContract: fc.Arbitrary<Contract> = fc
  .record({
    measure: fc.constantFrom(Measure.TURNOVER, Measure.GGR, Measure.NGR),
    freeRoundStake: fc.constantFrom(...Object.values(FreeRoundStake)),
    deductions: anyDeductions,
    share: anyShare,
    carry: anyCarryTerms,
    minimumPayoutMinor: fc.bigInt(0n, MINOR_MAX),
    rounding: fc.record({
      mode: fc.constantFrom(...Object.values(RoundingMode)),
      stage: fc.constantFrom(...Object.values(RoundingStage)),
    }),
  })
  .map((changes) => contractWith(changes.measure === Measure.NGR ? changes : { ...changes, deductions: [] }));

/** A base that may be carried: negative, or nothing. */
export const anyCarry: fc.Arbitrary<Rational> = fc
  .tuple(fc.bigInt(0n, MINOR_MAX), fc.bigInt(1n, 999n))
  .map(([n, d]) => Rational.of(-n, d));

/** A position that may open a statement. */
export const anyOpening: fc.Arbitrary<bigint> = fc.bigInt(-MINOR_MAX, MINOR_MAX);
