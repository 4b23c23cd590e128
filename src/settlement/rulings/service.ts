import { setImmediate as others } from "node:timers/promises";
import { CodedError } from "../../kernel/errors.js";
import { parseAmount } from "../../kernel/money.js";
import { readRule } from "../document-reading/service.js";
import { expressionsIn, type RuleDocument } from "../document-rules.js";
import { settlementError } from "../errors.js";
import { ruleWarnings } from "../rule-checks.js";
import { readExpression } from "../rule-expressions.js";
import { ask, FACT_TYPES, type Rule } from "../ruling.js";
import { casesOf, type RuleMatter } from "../terms/rule.js";
import { EACH_FACTS, FACTS, type FiredRow, type RuleAnswer, type RuleCase, type RuleFacts } from "../terms/ruling.js";

/** The most decimals that a currency has. */
const SCALE_MAX = 8;
const TEXT_LENGTH_MAX = 64;

/**
 * Asks a contract's rule about each of its cases before anything is calculated; others get their turn in between, and
 * the calculation meets answers that are known. Refused where it gives none (`RULE_FAILED`).
 */
export async function askAhead(matter: RuleMatter): Promise<void> {
  const { rule } = matter.contract;
  if (rule === null) return;
  for (const each of casesOf(matter)) {
    rule.ask([each]);
    await others();
  }
}

/** A rule to be tried, as callers send it. */
export interface TryRule {
  /** The member `rules` of a document. */
  readonly rules: unknown;
  /** Categories and groups that the document would have terms for. */
  readonly categories?: readonly string[] | null;
  readonly groups?: readonly string[] | null;
  readonly facts: readonly Readonly<Record<string, unknown>>[];
}

/** What a rule answers about one case, or why it gives no answer. */
export interface RuleOutcome extends RuleAnswer {
  readonly fired: readonly FiredRow[];
  readonly fault: string | null;
}

/** A rule that was tried. */
export interface RuleTrial {
  readonly outcomes: readonly RuleOutcome[];
  readonly warnings: readonly string[];
}

/**
 * Asks a rule that is in no document yet about facts that somebody names. Refused (`VALIDATION`) where it is no rule.
 */
export async function tryRule({ rules, categories, groups, facts }: TryRule): Promise<RuleTrial> {
  const choices = { categories: new Set(categories ?? []), groups: new Set(groups ?? []) };
  const document = await readRule(rules, choices);
  const names = factsOf(document);
  const cases = facts.map((stated, index) => ({ scope: "", facts: checkedFacts(stated, names, `/facts/${index}`) }));
  const outcomes: RuleOutcome[] = [];
  for (const each of cases) {
    outcomes.push(outcomeOf({ content: document.content, choices }, each));
    await others();
  }
  return { outcomes, warnings: ruleWarnings(document) };
}

function outcomeOf(rule: Rule, each: RuleCase): RuleOutcome {
  const none = { rate: null, category: null, group: null, bonusCost: null, freeRoundStake: null, fired: [] };
  try {
    const { answer, fired } = ask(rule, each);
    return { ...answer, fired, fault: null };
  } catch (error) {
    if (error instanceof CodedError) return { ...none, fault: error.message };
    throw error;
  }
}

interface FactNames {
  readonly known: ReadonlySet<string>;
  readonly needed: ReadonlySet<string>;
}

/** The facts that a rule is told, and those that it names. */
function factsOf({ each = [], content }: RuleDocument): FactNames {
  const known = new Set([...Object.keys(FACTS), ...each.map((dimension) => EACH_FACTS[dimension])]);
  const used = expressionsIn(content).flatMap(({ text, role, field }) => {
    return [...readExpression(text).names, ...(role === "TEST" ? [field] : [])];
  });
  return { known, needed: new Set(used.filter((name) => known.has(name))) };
}

function checkedFacts(
  stated: Readonly<Record<string, unknown>>,
  { known, needed }: FactNames,
  path: string,
): RuleFacts {
  const refuse = (reason: string) => settlementError("VALIDATION", { path, reason });
  const missing = [...needed].find((name) => stated[name] === undefined);
  if (missing !== undefined) throw refuse(`The rule is told ${missing}, which is not among the facts.`);
  const entries = Object.entries(stated).map(([name, value]) => {
    if (!known.has(name)) throw refuse("There is a fact that this rule is not told.");
    if (!isOfItsType(name, value)) throw refuse(`The fact ${name} is not of its type.`);
    return [name, value] as const;
  });
  return Object.fromEntries(entries);
}

function isOfItsType(name: string, value: unknown): value is string | number {
  const type = FACT_TYPES.get(name);
  if (type === "NUMBER") return Number.isSafeInteger(value);
  if (typeof value !== "string" || value.length > TEXT_LENGTH_MAX) return false;
  return type === "TEXT" || typeof parseAmount(value.replace(/^-/, ""), SCALE_MAX) === "bigint";
}
