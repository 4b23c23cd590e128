import { Rational } from "../../kernel/rational.js";

/** An input of a formula: an amount in exact minor units, or a rate or count. */
export interface Quantity {
  readonly unit: "AMOUNT" | "RATE";
  readonly value: Rational;
}

/**
 * A formula, what it is fed by name, and what comes out, exactly. Text and value are built together, so they cannot
 * differ.
 */
export interface Working {
  readonly formula: string;
  readonly inputs: Readonly<Record<string, Quantity>>;
  readonly value: Rational;
}

/** Nothing. */
export const ZERO: Working = { formula: "0", inputs: {}, value: Rational.ZERO };

/** An amount by its name, in exact minor units. */
export function amount(name: string, value: Rational): Working {
  return { formula: name, inputs: { [name]: { unit: "AMOUNT", value } }, value };
}

/** A rate by its name. */
export function rate(name: string, value: Rational): Working {
  return { formula: name, inputs: { [name]: { unit: "RATE", value } }, value };
}

/** A count by its name: units, transactions, days. */
export function count(name: string, value: bigint): Working {
  return rate(name, Rational.of(value));
}

/** left + right */
export function plus(left: Working, right: Working): Working {
  return join(left, right, `${left.formula} + ${right.formula}`, left.value.plus(right.value));
}

/** left - right */
export function minus(left: Working, right: Working): Working {
  return join(left, right, `${left.formula} - ${bracketed(right)}`, left.value.minus(right.value));
}

/** -value */
export function negate(value: Working): Working {
  return { formula: `-${bracketed(value)}`, inputs: value.inputs, value: value.value.negate() };
}

/** left * right */
export function times(left: Working, right: Working): Working {
  return join(left, right, `${bracketed(left)} * ${bracketed(right)}`, left.value.times(right.value));
}

/** left / right */
export function over(left: Working, right: Working): Working {
  return join(left, right, `${bracketed(left)} / ${bracketed(right)}`, left.value.over(right.value));
}

/** The lesser of the two. */
export function least(left: Working, right: Working): Working {
  return join(left, right, `min(${left.formula}, ${right.formula})`, left.value.min(right.value));
}

/** The greater of the two. */
export function greatest(left: Working, right: Working): Working {
  return join(left, right, `max(${left.formula}, ${right.formula})`, left.value.max(right.value));
}

/** `yes` where `left` is at least `right`, else `no`, which alone may be a choice again. */
export function whereAtLeast(left: Working, right: Working, yes: Working, no: Working = ZERO): Working {
  const formula = `if ${left.formula} >= ${right.formula} then ${yes.formula} else ${no.formula}`;
  const { value } = left.value.compare(right.value) >= 0 ? yes : no;
  return { formula, inputs: { ...left.inputs, ...right.inputs, ...yes.inputs, ...no.inputs }, value };
}

function join(left: Working, right: Working, formula: string, value: Rational): Working {
  return { formula, inputs: { ...left.inputs, ...right.inputs }, value };
}

/** A name, a number or a call stands for itself; anything else needs brackets. */
function bracketed({ formula }: Working): string {
  return /^\w+$/.test(formula) || isCall(formula) ? formula : `(${formula})`;
}

/** Whether the bracket that a leading `min` or `max` opens is closed by the last character. */
function isCall(formula: string): boolean {
  if (!/^(?:min|max)\(/.test(formula)) return false;
  let depth = 0;
  for (const [at, character] of formula.split("").entries()) {
    if (character === "(") depth += 1;
    if (character === ")") depth -= 1;
    if (character === ")" && depth === 0) return at === formula.length - 1;
  }
  return false;
}
