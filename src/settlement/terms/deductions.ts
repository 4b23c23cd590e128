import { TransactionKind } from "../../periods/entities.js";
import { type KindTotal, type Part, sumOf, Timing } from "./activity.js";
import { type BaseTerms, type Basis, type Deduction, DeductionType, type RateOf } from "./contract.js";
import { type ExactLine, workingLine } from "./lines.js";
import { BONUS_COST, type Measures, valueStakes } from "./measures.js";
import { amount, greatest, least, minus, rate, times, type Working, ZERO } from "./working.js";

/** One deduction as it was taken off. */
export interface Taken {
  readonly type: DeductionType;
  readonly line: ExactLine;
  /** Its amount by its own name, ready to stand in a formula. */
  readonly named: Working;
}

/** What the deductions of a contract are computed from. */
export interface Facts {
  readonly terms: BaseTerms;
  readonly totals: readonly KindTotal[];
  readonly measures: Measures;
  readonly scope: string;
}

const NAMES: Readonly<Record<DeductionType, string>> = {
  BONUS: "bonusDeduction",
  JACKPOT_CONTRIBUTION: "jackpotDeduction",
  PAYMENT_FEES: "paymentFeeDeduction",
  GAMING_TAX: "gamingTaxDeduction",
  CHARGEBACKS: "chargebackDeduction",
  ADMIN_FEE: "adminFeeDeduction",
  PROVIDER_FEES: "providerFeeDeduction",
};

/** The deductions of a contract in their order (domain 3), each with its line; a later one may name earlier ones. */
export function takeDeductions(facts: Facts): readonly Taken[] {
  const taken: Taken[] = [];
  for (const deduction of facts.terms.deductions) taken.push(takeOne(facts, deduction, taken));
  return taken;
}

function takeOne(facts: Facts, deduction: Deduction, earlier: readonly Taken[]): Taken {
  const { type } = deduction;
  const { terms, scope } = facts;
  const cost = capped(facts, deduction, costOf(facts, deduction, earlier), earlier);
  const line = workingLine(`DEDUCTION_${type}`, `${terms.pointer}/deductions/${earlier.length}`, cost, scope);
  const before = earlier.filter((taken) => taken.type === type).length;
  return { type, line, named: amount(before === 0 ? NAMES[type] : `${NAMES[type]}${before + 1}`, line.value) };
}

/** What the cost is before any cap: the total of its transactions, or a rate of its basis. */
function costOf(facts: Facts, { type, rateOf }: Deduction, earlier: readonly Taken[]): Working {
  return rateOf === null
    ? sumOf(countedFor(type, valueStakes(facts.terms, facts.totals)), Timing.BOTH, partsOf(type))
    : ofBasis("rate", rateOf, facts, earlier);
}

/** `min(cost, capRate * max(basis, 0))` (domain 4); without a cap the cost itself. */
function capped(facts: Facts, { cap }: Deduction, cost: Working, earlier: readonly Taken[]): Working {
  return cap === null ? cost : least(cost, ofBasis("capRate", cap, facts, earlier));
}

/** `rate * max(basis, 0)`: nothing is deducted by rate from a basis below zero. */
function ofBasis(name: string, rateOf: RateOf, facts: Facts, earlier: readonly Taken[]): Working {
  return times(rate(name, rateOf.rate), greatest(basisOf(rateOf.basis, facts.measures, earlier), ZERO));
}

function basisOf({ measure, less }: Basis, measures: Measures, earlier: readonly Taken[]): Working {
  return earlier
    .filter(({ type }) => less.includes(type))
    .reduce((left, { named }) => minus(left, named), measures.named[measure]);
}

/** Some games' bonus cost is not deducted. */
function countedFor(type: DeductionType, totals: readonly KindTotal[]): readonly KindTotal[] {
  return type === DeductionType.BONUS ? totals.filter(({ isBonusFree }) => isBonusFree !== true) : totals;
}

function partsOf(type: DeductionType): readonly Part[] {
  switch (type) {
    case DeductionType.BONUS:
      return BONUS_COST;
    case DeductionType.JACKPOT_CONTRIBUTION:
      return [{ kind: TransactionKind.JACKPOT_CONTRIBUTION, name: "jackpotContributions" }];
    case DeductionType.CHARGEBACKS:
      return [{ kind: TransactionKind.CHARGEBACK, name: "chargebacks" }];
    case DeductionType.PAYMENT_FEES:
      return [{ kind: TransactionKind.FEE, categories: ["PAYMENT"], name: "paymentFees" }];
    case DeductionType.GAMING_TAX:
      return [{ kind: TransactionKind.FEE, categories: ["TAX"], name: "gamingTax" }];
    case DeductionType.ADMIN_FEE:
      return [{ kind: TransactionKind.FEE, categories: ["PLATFORM"], name: "adminFees" }];
    case DeductionType.PROVIDER_FEES:
      return [{ kind: TransactionKind.FEE, categories: ["PROVIDER"], name: "providerFees" }];
  }
}
