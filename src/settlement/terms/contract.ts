import type { Rational, RoundingMode } from "../../kernel/rational.js";
import type { TransactionKind } from "../../periods/entities.js";
import type { PayoutTerms, ReserveTerms, TaxTerms } from "./payment-terms.js";
import type { RuleTerms } from "./ruling.js";

/** What the base starts from. */
export enum Measure {
  /** Accepted stakes less rolled-back ones. */
  TURNOVER = "TURNOVER",
  /** Turnover less winnings (domain: GGR). */
  GGR = "GGR",
  /** GGR less the deductions, in their order. */
  NGR = "NGR",
  /** Rates of kinds, added or taken off. */
  CUSTOM = "CUSTOM",
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

/** What happens to what stays below zero when a period, or a tier window, ends. */
export enum CarryPolicy {
  /** It is forgotten; the next period starts from zero. */
  NONE = "NONE",
  /** All of it reduces the next period's. */
  FULL = "FULL",
  /** It reduces the next period's by at most a rate of it; the rest is carried on. */
  CAPPED = "CAPPED",
}

/** What is carried. */
export enum CarryUnit {
  BASE = "BASE",
  /** The share; one below zero is what the tiers give for the base without its sign, negated. */
  COMMISSION = "COMMISSION",
}

/** By which base a tier is chosen. */
export enum TierBasis {
  /** After what was carried in. */
  NET = "NET",
  /** Before it. */
  GROSS = "GROSS",
}

/** What carries for itself. */
export enum CarryScope {
  PARTNER = "PARTNER",
  BRAND = "BRAND",
  GAME = "GAME",
}

/** How brackets apply (domain 5). */
export enum TierMode {
  /** The rate of the bracket that the base reaches, for all of it. */
  SLAB = "SLAB",
  /** To each part of the base the rate of its own bracket. */
  MARGINAL = "MARGINAL",
}

/** Over what something accumulates: local calendar weeks (Monday), months, quarters, years, or for ever. */
export enum Window {
  PERIOD = "PERIOD",
  WEEK = "WEEK",
  MONTH = "MONTH",
  QUARTER = "QUARTER",
  YEAR = "YEAR",
  CONTRACT = "CONTRACT",
}

/** For what a fee is charged. */
export enum FeeKind {
  /** A window, by the first statement of it. */
  FIXED = "FIXED",
  /** Each transaction of some kinds, less those rolled back. */
  PER_TRANSACTION = "PER_TRANSACTION",
  /** Each unit of some kinds, less those rolled back. */
  PER_UNIT = "PER_UNIT",
}

/** Who pays a fee. */
export enum FeePayer {
  TENANT = "TENANT",
  PARTNER = "PARTNER",
}

/** What is guaranteed (domain 8). */
export enum GuaranteeKind {
  /** That much in each period. */
  FLOOR = "FLOOR",
  /** That much for each period, counted over a window. */
  CUMULATIVE = "CUMULATIVE",
  /** Instalments given ahead and recouped from what is earned. */
  RECOUPABLE_ADVANCE = "RECOUPABLE_ADVANCE",
}

/** What a cap limits. */
export enum CapOf {
  SHARE = "SHARE",
  EARNED = "EARNED",
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

/** One cost taken off GGR: the total of transactions (`rateOf` null) or a rate of a basis, at most its cap. */
export interface Deduction {
  readonly type: DeductionType;
  /** Null: the total of the transactions of this type. */
  readonly rateOf: RateOf | null;
  /** At most this rate of the basis, which counts as zero when it is negative. */
  readonly cap: RateOf | null;
}

/** A kind in a CUSTOM base. */
export interface Component {
  readonly kind: TransactionKind;
  readonly rate: Rational;
  readonly isTakenOff: boolean;
}

/** What a share is computed from. `pointer`, here and below, is the JSON pointer of the member that says so. */
export interface BaseTerms {
  readonly pointer: string;
  readonly measure: Measure;
  readonly freeRoundStake: FreeRoundStake;
  /** Whether jackpot wins are winnings, not due from the pool. */
  readonly jackpotWinsIncluded: boolean;
  readonly deductions: readonly Deduction[];
  /** CUSTOM only. */
  readonly components: readonly Component[];
}

/** A bracket starts immediately above the one before; the last has no bound. */
export interface Bracket {
  /** Inclusive, in minor units. */
  readonly upTo: Rational | null;
  readonly rate: Rational;
}

/** The partner's part of a base; no bracket: none. One bracket is a flat rate. */
export interface ShareTerms {
  readonly pointer: string;
  readonly mode: TierMode;
  readonly brackets: readonly Bracket[];
  readonly window: Window;
}

/** A fee of an amount for a window, transaction or unit. */
export interface Fee {
  readonly pointer: string;
  readonly name: string;
  readonly kind: FeeKind;
  readonly payer: FeePayer;
  readonly amount: Rational;
  readonly kinds: readonly TransactionKind[];
  readonly window: Window;
}

/** The most of something in a window. */
export interface Cap {
  readonly pointer: string;
  readonly of: CapOf;
  readonly maximum: Rational;
  readonly window: Window;
}

/** The least that is earned. */
export interface Guarantee {
  readonly pointer: string;
  readonly kind: GuaranteeKind;
  readonly amount: Rational;
  readonly window: Window;
  readonly isProrated: boolean;
  /** RECOUPABLE_ADVANCE only; local dates. */
  readonly instalments: readonly { readonly amount: Rational; readonly on: string }[];
}

/** When a player's loss is kept from the others: how far down the player and the aggregate must be, at most zero. */
export interface RingFence {
  readonly playerAtMost: Rational;
  readonly aggregateAtMost: Rational;
}

/** What is carried from one period to the next. */
export interface CarryTerms {
  readonly policy: CarryPolicy;
  readonly unit: CarryUnit;
  readonly tierBasis: TierBasis;
  readonly scope: CarryScope;
  /** CAPPED only: of a positive base or commission, what a carry may take. */
  readonly rate: Rational;
  readonly expiresAfterPeriods: number | null;
  readonly ringFence: RingFence | null;
}

/** How jackpots settle. */
export interface JackpotTerms {
  /** Null: as they were posted. */
  readonly contribution: RateOf | null;
  readonly isSeparate: boolean;
}

/** How exact values become minor units. */
export interface Rounding {
  readonly mode: RoundingMode;
  readonly stage: RoundingStage;
  /** Decimals to round to; absent: those of the currency. */
  readonly scale?: number;
}

/** Whose terms an override says; what is null is not narrowed. */
export interface Match {
  readonly brand: string | null;
  readonly category: string | null;
  readonly product: string | null;
  readonly group: string | null;
}

/** Terms of some brands, categories, products or groups; what is null, or no fee or cap, is as for the rest. */
export interface Override {
  readonly match: Match;
  readonly base: BaseTerms | null;
  readonly share: ShareTerms | null;
  readonly fees: readonly Fee[] | null;
  readonly caps: readonly Cap[] | null;
  readonly guarantee: Guarantee | null;
}

/** What partner and tenant agreed, as exact numbers for one currency: what `calculate` obeys. */
export interface Contract {
  /** Decimals of the currency. */
  readonly scale: number;
  readonly base: BaseTerms;
  readonly share: ShareTerms;
  readonly fees: readonly Fee[];
  readonly caps: readonly Cap[];
  readonly guarantee: Guarantee | null;
  readonly carry: CarryTerms;
  readonly jackpots: JackpotTerms;
  readonly reserve: ReserveTerms | null;
  readonly taxes: TaxTerms;
  readonly payout: PayoutTerms;
  readonly rounding: Rounding;
  readonly overrides: readonly Override[];
  readonly rule: RuleTerms | null;
  /** Whether late items settle at the terms of the period in which they happened, apart from this one's. */
  readonly settlesLateAtOrigin: boolean;
}
