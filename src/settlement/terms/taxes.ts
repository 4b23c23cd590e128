import { Rational } from "../../kernel/rational.js";
import { type Rounding, RoundingStage } from "./contract.js";
import { type MoneyLine, moneyLine, roundedLine } from "./lines.js";
import { type TaxTerms, VatTreatment } from "./payment-terms.js";
import { amount, greatest, negate, over, plus, rate, times, type Working, ZERO } from "./working.js";

const ONE: Working = { formula: "1", inputs: {}, value: Rational.ONE };

/** Value added tax on what was earned, rounded: on top, `rate * earned`, or inside, `earned * rate / (1 + rate)`. */
export function vatLines({ vat }: TaxTerms, earnedMinor: bigint, rounding: Rounding): readonly MoneyLine[] {
  if (vat === null) return [];
  const [vatRate, earned] = [rate("rate", vat.rate), amount("earned", Rational.of(earnedMinor))];
  if (vat.treatment === VatTreatment.ADDED) {
    return [roundedLine("VAT", "/taxes/vat", times(vatRate, earned), alone(rounding))];
  }
  const inside = roundedLine("VAT", "/taxes/vat", over(times(earned, vatRate), plus(ONE, vatRate)), alone(rounding));
  const off = negate(amount("vat", Rational.of(inside.amountMinor)));
  return [inside, moneyLine("VAT_INCLUDED", "/taxes/vat", off)];
}

/**
 * Tax withheld from what is released in money, rounded by itself: `rate * max(payable, 0)`, what credit met taken off.
 * Null where none is.
 */
export function withhold({ withholding }: TaxTerms, payable: Working, rounding: Rounding): MoneyLine | null {
  if (withholding === null) return null;
  const working = times(rate("rate", withholding.rate), greatest(payable, ZERO));
  return roundedLine("TAX_WITHHELD", "/taxes/withholding", working, alone({ ...rounding, mode: withholding.mode }));
}

function alone({ mode }: Rounding): Rounding {
  return { mode, stage: RoundingStage.LINE };
}
