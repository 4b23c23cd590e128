import type { Rational } from "../../kernel/rational.js";
import type { KindTotal } from "./activity.js";
import { type Contract, Measure } from "./contract.js";
import { takeDeductions } from "./deductions.js";
import { type ExactLine, workingLine } from "./lines.js";
import { measure } from "./measures.js";
import { minus } from "./working.js";

/** The period's own base before any carry, and the lines that lead to it. */
export function baseOf(
  contract: Contract,
  totals: readonly KindTotal[],
): { readonly base: Rational; readonly lines: readonly ExactLine[] } {
  const measures = measure(contract, totals);
  const taken = takeDeductions({ contract, totals, measures });
  const start = measures.named[contract.measure === Measure.TURNOVER ? Measure.TURNOVER : Measure.GGR];
  const base = taken.reduce((left, { named }) => minus(left, named), start);
  const lines = [...measures.lines, ...taken.map(({ line }) => line), workingLine("BASE", "/base", base)];
  return { base: base.value, lines };
}
