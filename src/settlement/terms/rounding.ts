import { present } from "../../kernel/assert.js";
import { Rational, RoundingMode } from "../../kernel/rational.js";
import { type Rounding, RoundingStage } from "./contract.js";

/**
 * Exact earned amounts as whole minor units (domain 9): each rounded by itself, or their sum rounded once and shared
 * out by largest remainder, so that the parts always add up to the rounded sum. Where fewer decimals are wanted than
 * the currency has, everything is a multiple of what the last of them stands for.
 */
export function roundEarned(exact: readonly Rational[], rounding: Rounding, scale = 0): readonly bigint[] {
  const step = 10n ** BigInt(Math.max(scale - (rounding.scale ?? scale), 0));
  const steps = exact.map((value) => value.over(Rational.of(step)));
  return roundSteps(steps, rounding).map((count) => count * step);
}

function roundSteps(exact: readonly Rational[], { mode, stage }: Rounding): readonly bigint[] {
  if (stage === RoundingStage.LINE) return exact.map((value) => value.round(mode));
  const sum = exact.reduce((total, value) => total.plus(value), Rational.ZERO);
  return shareOut(sum.round(mode), exact);
}

/**
 * The largest remainder (domain 9). Each part's floor; what is left of the whole goes, a unit each, to the largest
 * fractions, the earlier part first.
 */
export function shareOut(whole: bigint, parts: readonly Rational[]): readonly bigint[] {
  const floors = parts.map((part) => part.round(RoundingMode.FLOOR));
  const left = floors.reduce((rest, floor) => rest - floor, whole);
  const byFraction = parts
    .map((part, index) => ({ index, fraction: part.minus(Rational.of(present(floors[index], "a floor"))) }))
    .sort((a, b) => b.fraction.compare(a.fraction) || a.index - b.index);
  const favoured = new Set(byFraction.slice(0, Number(left)).map(({ index }) => index));
  return floors.map((floor, index) => (favoured.has(index) ? floor + 1n : floor));
}
