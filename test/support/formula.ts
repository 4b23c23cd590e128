import type { Rational } from "../../src/kernel/rational.js";
import { exact } from "./contracts.js";

/**
 * A second, naive reader of a line's formula: `if a >= b then c else d`, `+ - * /`, unary minus, `min`, `max`,
 * brackets, names and numbers. It knows nothing of how formulas are made.
 */
export function evaluate(formula: string, inputs: Readonly<Record<string, string>>): Rational {
  const tokens = formula.match(/>=|[A-Za-z]\w*|\d+|[-+*/(),]/g) ?? [];
  let at = 0;

  const next = () => tokens[at++] ?? "";
  const take = (token: string) => {
    const found = next();
    if (found !== token) throw new Error(`${formula}: ${token} expected, found ${found}`);
  };

  function choice(): Rational {
    if (tokens[at] !== "if") return sum();
    take("if");
    const left = sum();
    take(">=");
    const right = sum();
    take("then");
    const yes = sum();
    take("else");
    const no = choice();
    return left.compare(right) >= 0 ? yes : no;
  }

  function sum(): Rational {
    let value = product();
    while (tokens[at] === "+" || tokens[at] === "-")
      value = next() === "+" ? value.plus(product()) : value.minus(product());
    return value;
  }

  function product(): Rational {
    let value = factor();
    while (tokens[at] === "*" || tokens[at] === "/")
      value = next() === "*" ? value.times(factor()) : value.over(factor());
    return value;
  }

  function factor(): Rational {
    const token = next();
    if (token === "-") return factor().negate();
    if (token === "(") return closed(sum());
    if (token === "min" || token === "max") return extreme(token);
    if (/^\d+$/.test(token)) return exact(token);
    return exact(inputs[token] ?? "");
  }

  function extreme(name: "min" | "max"): Rational {
    take("(");
    const left = sum();
    take(",");
    const right = closed(sum());
    return name === "min" ? left.min(right) : left.max(right);
  }

  function closed(value: Rational): Rational {
    take(")");
    return value;
  }

  const value = choice();
  if (at !== tokens.length) throw new Error(`${formula}: ${tokens.slice(at).join(" ")} left over`);
  return value;
}
