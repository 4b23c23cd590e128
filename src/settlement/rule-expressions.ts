import { evaluateExpressionSync, evaluateUnaryExpressionSync } from "@gorules/zen-engine";
import { z } from "zod";

/** A value that a rule works with. */
export type RuleValue = string | number | boolean | null | readonly RuleValue[];

/** What names stand for in an expression. */
export type RuleContext = Readonly<Record<string, RuleValue>>;

/** What became of an expression: its value, or that it is none, or that it cannot be computed with these names. */
export type Evaluated = { readonly value: RuleValue } | { readonly fault: "NO_EXPRESSION" | "NOT_COMPUTED" };

/** The value of an expression. What earlier keys of the same node gave stands under `$`. */
export function evaluate(text: string, context: RuleContext, own: RuleContext = {}): Evaluated {
  return tryTo(() => evaluateExpressionSync(text, { ...context, $: own }));
}

/** Whether a value passes the test in a table's cell, such as `> 5`, `"SLOTS", "LIVE"` or `[1..5]`. */
export function passes(test: string, context: RuleContext, value: RuleValue): Evaluated {
  return tryTo(() => evaluateUnaryExpressionSync(test, { ...context, $: value }));
}

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const result: z.ZodType<RuleValue> = z.union([scalar, z.array(scalar)]);
const engineFault = z.object({ type: z.string() });

/** The engine says in JSON, on the first line of its message, what kind of fault it met. */
function tryTo(evaluation: () => unknown): Evaluated {
  let value: unknown;
  try {
    value = evaluation();
  } catch (error) {
    const [line = ""] = String(error instanceof Error ? error.message : error).split("\n");
    return { fault: typeOf(line) === "vmError" ? "NOT_COMPUTED" : "NO_EXPRESSION" };
  }
  const parsed = result.safeParse(value);
  return parsed.success ? { value: parsed.data } : { fault: "NOT_COMPUTED" };
}

function typeOf(line: string): string | null {
  try {
    return engineFault.safeParse(JSON.parse(line)).data?.type ?? null;
  } catch {
    return null; // not JSON: a fault of another kind
  }
}

/** Functions of text; each gives the same every time and takes as long as its text. */
const FUNCTIONS = new Set(["len", "contains", "startsWith", "endsWith", "upper", "lower", "trim"]);
const WORDS = new Set(["and", "or", "not", "in", "true", "false", "null"]);
const TOKENS = /'[^']*'|"[^"]*"|\d+(?:\.\d+)?|[A-Za-z_$][\w$]*|\.\.|\?\?|[<>=!]=|\S/g;
/** What stands outside of texts. There is no arithmetic: rules compare and choose. */
const PLAIN = /^[ \w$.,:?()[\]<>=!\-'"]*$/;
const TEXT = /^(?:'[^']*'|"[^"]*")$/;
const NUMBER = /^\d+(?:\.\d+)?$/;
/** The engine ends the process where a number outgrows it. */
const DIGITS_MAX = 15;

/** What may not stand in an expression, in words that follow its place; and the names that it takes from outside. */
export interface Reading {
  readonly fault: string | null;
  readonly names: readonly string[];
  /** The values of the same node that it takes, as `$.key`. */
  readonly own: readonly string[];
}

/**
 * Reads an expression without evaluating it. Refused is what may differ from one day to the next (random numbers, the
 * clock), take long (loops), end the process (arithmetic that overflows, parts beyond a text) or hide something
 * (escapes, templates, comments).
 */
export function readExpression(text: string): Reading {
  const outside = text.replaceAll(/'[^']*'|"[^"]*"/g, "''");
  if (text.includes("\\") || !PLAIN.test(outside)) {
    return { fault: "has a sign that rules do not use", names: [], own: [] };
  }
  const tokens: readonly string[] = text.match(TOKENS) ?? [];
  const read = tokens.map((token, at) => useOf(token, tokens[at - 1], tokens[at + 1]));
  const of = (use: string) => read.filter(([found]) => found === use).map(([, what]) => what);
  const hasCountedRange = tokens.includes("..") && tokens.some((token) => FUNCTIONS.has(token));
  const fault = of("FAULT")[0] ?? (hasCountedRange ? "has a range beside a function" : null);
  return { fault, names: of("NAME"), own: of("OWN") };
}

type Use = readonly [use: "NAME" | "OWN" | "FAULT" | "PLAIN", what: string];

/** What a token of an expression is there for. */
function useOf(token: string, before: string | undefined, next: string | undefined): Use {
  if (/^[A-Za-z_$]/.test(token)) return useOfWord(token, before, next);
  if (NUMBER.test(token)) {
    const isLong = token.replace(".", "").length > DIGITS_MAX;
    return isLong ? ["FAULT", `has a number of more than ${DIGITS_MAX} digits`] : ["PLAIN", token];
  }
  const fault = faultOfSign(token, before, next);
  return fault === null ? ["PLAIN", token] : ["FAULT", fault];
}

function useOfWord(word: string, before: string | undefined, next: string | undefined): Use {
  if (WORDS.has(word) || word === "$") return ["PLAIN", word];
  if (before === ".") return next === "(" ? ["FAULT", `uses ${word}(), which rules do not have`] : ["OWN", word];
  if (next !== "(") return ["NAME", word];
  return FUNCTIONS.has(word) ? ["PLAIN", word] : ["FAULT", `uses ${word}(), which rules do not have`];
}

function faultOfSign(sign: string, before: string | undefined, next: string | undefined): string | null {
  const followsValue = before !== undefined && !WORDS.has(before) && /[\w$'")\]]$/.test(before);
  switch (sign) {
    case "=":
    case "!":
      return `uses ${sign} alone`;
    case "'":
    case '"':
      return "has a text without an end";
    case "-":
      return followsValue || !NUMBER.test(next ?? "") ? "computes, which is not for rules" : null;
    case ".":
      return before === "$" ? null : "asks for a part of a value";
    case "[":
      return followsValue ? "asks for a part of a value" : null;
    default:
      return null;
  }
}

/** The text that an expression is, without its quotes; null where it is not one text. */
export function literalText(text: string): string | null {
  const trimmed = text.trim();
  return TEXT.test(trimmed) ? trimmed.slice(1, -1) : null;
}
