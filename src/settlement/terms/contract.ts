import type { Rational, RoundingMode } from "../../kernel/rational.js";

/** What the base starts from. */
export enum Measure {
  /** Accepted stakes less rolled-back ones. */
  TURNOVER = "TURNOVER",
  /** Turnover less winnings (domain: GGR). */
  GGR = "GGR",
  /** GGR less the deductions, in their order. */
  NGR = "NGR",
}

/** At what value a stake that was a gift counts. */
export enum FreeRoundStake {
  /** Not as a stake; what it won is a bonus cost. */
  ZERO = "ZERO",
  /** As a stake, and as a bonus cost of the same amount; what it won is a win. */
  FACE_VALUE = "FACE_VALUE",
}

/** The costs that a contract may deduct from GGR. */
export enum DeductionType {
  BONUS = "BONUS",
  JACKPOT_CONTRIBUTION = "JACKPOT_CONTRIBUTION",
  PAYMENT_FEES = "PAYMENT_FEES",
  GAMING_TAX = "GAMING_TAX",
  CHARGEBACKS = "CHARGEBACKS",
  ADMIN_FEE = "ADMIN_FEE",
  PROVIDER_FEES = "PROVIDER_FEES",
}

/** Where the amount of a deduction comes from; one of the two, never both. */
export enum DeductionSource {
  /** The period's total of the kinds that the type stands for. */
  TRANSACTIONS = "TRANSACTIONS",
  /** A rate times a basis. */
  RATE = "RATE",
}

/** What happens to a negative base when the period ends. */
export enum CarryPolicy {
  /** It is forgotten; the next period starts from zero. */
  NONE = "NONE",
  /** All of it reduces the next period's base. */
  FULL = "FULL",
}

/** What is rounded. */
export enum RoundingStage {
  /** Each earned line by itself. */
  LINE = "LINE",
  /** Their sum, once; the lines then share it by largest remainder. */
  TOTAL = "TOTAL",
}

/** An amount that a rate or a cap applies to: a measure, less deductions that stand earlier in the list. */
export interface Basis {
  readonly measure: Measure.TURNOVER | Measure.GGR;
  readonly less: readonly DeductionType[];
}

/** A rate of a basis. */
export interface RateOf {
  readonly rate: Rational;
  readonly basis: Basis;
}

/** One cost taken off GGR: the total of transactions (`share` null) or a rate of a basis, at most its cap. */
export interface Deduction {
  readonly type: DeductionType;
  /** Null: the total of the transactions of this type. */
  readonly rateOf: RateOf | null;
  /** At most this rate of the basis, which counts as zero when it is negative. */
  readonly cap: RateOf | null;
}

/** How exact values become minor units. */
export interface Rounding {
  readonly mode: RoundingMode;
  readonly stage: RoundingStage;
}

/** What partner and tenant agreed, as exact numbers for one currency: what `calculate` obeys. */
export interface Contract {
  readonly measure: Measure;
  readonly freeRoundStake: FreeRoundStake;
  readonly deductions: readonly Deduction[];
  readonly shareRate: Rational;
  readonly carryPolicy: CarryPolicy;
  readonly minimumPayoutMinor: bigint;
  readonly rounding: Rounding;
}
