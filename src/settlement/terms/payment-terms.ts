import type { Rational, RoundingMode } from "../../kernel/rational.js";

/** What a reserve is a rate of. */
export enum ReserveOf {
  EARNED = "EARNED",
  PAYABLE = "PAYABLE",
}

/** How value added tax stands to what was earned. */
export enum VatTreatment {
  /** On top of it. */
  ADDED = "ADDED",
  /** Inside of it. */
  INCLUDED = "INCLUDED",
}

/** What becomes of a position below zero. */
export enum NegativePosition {
  CARRY = "CARRY",
  COLLECT = "COLLECT",
}

/** A rolling reserve. */
export interface ReserveTerms {
  readonly rate: Rational;
  readonly of: ReserveOf;
  readonly releaseAfterPeriods: number;
  /** The most that is held at once. */
  readonly maximum: Rational | null;
}

/** Taxes. */
export interface TaxTerms {
  readonly withholding: { readonly rate: Rational; readonly mode: RoundingMode } | null;
  readonly vat: { readonly rate: Rational; readonly treatment: VatTreatment } | null;
}

/** What is released for payment, and to whom. */
export interface PayoutTerms {
  readonly minimumMinor: bigint;
  readonly negative: NegativePosition;
  readonly splits: readonly { readonly to: string; readonly weight: Rational }[];
}
