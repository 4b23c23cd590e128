import { assert, present } from "../../kernel/assert.js";
import { type Bracket, type ShareTerms, TierMode } from "./contract.js";
import { type ExactLine, workingLine } from "./lines.js";
import { amount, greatest, least, minus, plus, rate, times, type Working, whereAtLeast, ZERO } from "./working.js";

/** What brackets are applied to. */
export interface Tiered {
  /** What is shared, not below zero. */
  readonly shared: Working;
  /** What chooses the bracket of a SLAB. */
  readonly chosenBy: Working;
}

/**
 * A base, not below zero, by its brackets (domain 5). One bracket, or none that is bounded: `rate * base`. SLAB: the
 * rate of the bracket that the base reaches, on a line of its own. MARGINAL: to each part the rate of its bracket.
 */
export function applyTiers(
  { mode, brackets, pointer }: ShareTerms,
  { shared, chosenBy }: Tiered,
  scope: string,
): { readonly lines: readonly ExactLine[]; readonly due: Working } {
  const [first, ...others] = brackets;
  assert(first !== undefined, "a share has a bracket");
  if (others.length === 0) return { lines: [], due: times(rate("rate", first.rate), shared) };
  if (mode === TierMode.MARGINAL) {
    const net = workingLine("NET_BASE", pointer, shared, scope);
    return { lines: [net], due: marginal(brackets, amount("netBase", net.value)) };
  }
  const line = workingLine("TIER_RATE", `${pointer}/brackets`, rateOf(brackets, chosenBy), scope);
  return { lines: [{ ...line, isRate: true }], due: times(rate("rate", line.value), shared) };
}

/** Where brackets surprise: by the index of the bracket, in words that follow its pointer. */
export function tierWarnings({ mode, brackets }: Pick<ShareTerms, "mode" | "brackets">) {
  const pairs = brackets
    .slice(1)
    .map((above, index) => ({ above, below: present(brackets[index], "a bracket"), index }));
  return pairs.flatMap(({ above, below, index }) => {
    const difference = above.rate.compare(below.rate);
    if (difference === 0 || mode === TierMode.MARGINAL) {
      return difference < 0 ? [{ index: index + 1, reason: "has a lower rate than the bracket below it" }] : [];
    }
    const kind = difference > 0 ? "is a cliff: a base just above the bound earns more on all of it" : "pays less";
    return [
      { index: index + 1, reason: difference > 0 ? kind : `${kind} for a base just above its bound: not monotonic` },
    ];
  });
}

/** `if upTo1 >= base then rate1 else if upTo2 >= base then rate2 else …`: bounds are inclusive. */
function rateOf(brackets: readonly Bracket[], base: Working): Working {
  return brackets.reduceRight<Working>((above, bracket, index) => {
    const own = rate(`rate${index + 1}`, bracket.rate);
    return bracket.upTo === null ? own : whereAtLeast(amount(`upTo${index + 1}`, bracket.upTo), base, own, above);
  }, ZERO);
}

/** `Σ rate_i * max(min(base, upTo_i) - upTo_(i-1), 0)`. */
function marginal(brackets: readonly Bracket[], base: Working): Working {
  return brackets
    .map(({ upTo, rate: share }, index) => {
      const reached = upTo === null ? base : least(base, amount(`upTo${index + 1}`, upTo));
      const below = brackets[index - 1]?.upTo ?? null;
      const part = below === null ? reached : greatest(minus(reached, amount(`upTo${index}`, below)), ZERO);
      return times(rate(`rate${index + 1}`, share), part);
    })
    .reduce(plus);
}
