import { present } from "../../kernel/assert.js";
import { type KindTotal, sumOf, Timing } from "./activity.js";
import { type BaseTerms, Measure } from "./contract.js";
import { takeDeductions } from "./deductions.js";
import { isCorrection } from "./dues.js";
import { convertWorking, type Foreign } from "./fx.js";
import { type ExactLine, workingLine } from "./lines.js";
import { measure } from "./measures.js";
import { amount, minus, plus, rate, times, type Working, ZERO } from "./working.js";

/** Activity that shares one base's terms. */
export interface BasePart {
  readonly terms: BaseTerms;
  readonly totals: readonly KindTotal[];
  /** Null for the statement's own currency. */
  readonly foreign: Foreign | null;
}

/** A period's own base before any carry, and the lines that lead to it. */
export interface Based {
  readonly base: Working;
  readonly lines: readonly ExactLine[];
}

/** The base of some activity: of one part by its terms, of several their sum. */
export function baseOf(parts: readonly BasePart[], scope: string): Based {
  const [only, ...others] = parts.map((part) => partOf(part, scope));
  const first = present(only, "a base");
  if (others.length === 0 && first.foreign === null) {
    const line = workingLine("BASE", first.pointer, first.base, scope);
    return { lines: [...first.lines, line], base: amount("base", line.value) };
  }
  const named = [first, ...others].map(({ foreign, ...part }, index) => {
    const own = workingLine("BASE_PART", part.pointer, part.base, part.scope);
    const converted = foreign === null ? null : convertWorking(foreign, amount("amount", own.value));
    const line = converted === null ? null : workingLine("BASE_CONVERTED", "/fx", converted, part.scope);
    const lines = [...part.lines, own, ...(line === null ? [] : [line])];
    return { lines, value: (line ?? own).value, name: `base${index + 1}` };
  });
  const sum = named.map(({ name, value }) => amount(name, value)).reduce(plus);
  const lines = named.flatMap((part) => part.lines);
  return { lines: [...lines, workingLine("BASE", null, sum, scope)], base: amount("base", sum.value) };
}

function partOf({ terms, totals, foreign }: BasePart, unit: string) {
  const { pointer } = terms;
  const scope = foreign === null ? unit : withCurrency(unit, foreign.from.currency);
  if (terms.measure === Measure.CUSTOM) return { pointer, base: customBase(terms, totals), lines: [], foreign, scope };
  const measures = measure(terms, totals, scope);
  const taken = takeDeductions({ terms, totals, measures, scope });
  const start = measures.named[terms.measure === Measure.TURNOVER ? Measure.TURNOVER : Measure.GGR];
  const base = taken.reduce((left, { named }) => minus(left, named), start);
  return { pointer, base, lines: [...measures.lines, ...taken.map(({ line }) => line)], foreign, scope };
}

function withCurrency(scope: string, currency: string): string {
  return [scope, `currency=${currency}`].filter((text) => text !== "").join("; ");
}

/** `± rate1 * (sum of a kind) ± …`, late items counted; not what disputes put right, which is owed as it is. */
function customBase({ components }: BaseTerms, totals: readonly KindTotal[]): Working {
  const own = totals.filter((total) => !isCorrection(total));
  return components.reduce<Working>((base, component, index) => {
    const { kind } = component;
    const sum = sumOf(own, Timing.BOTH, [{ kind, name: nameOf(kind) }]);
    const part = times(rate(`rate${index + 1}`, component.rate), sum);
    return (component.isTakenOff ? minus : plus)(base, part);
  }, ZERO);
}

/** A kind as a name in a formula: `jackpotWin` of JACKPOT_WIN. */
function nameOf(kind: string): string {
  return kind.toLowerCase().replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
