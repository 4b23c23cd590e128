import { present } from "../kernel/assert.js";
import { canonicalJson } from "../kernel/canonical-json.js";
import { rate as rateText } from "./document-base.js";
import { isEmpty, type RuleContent, type RuleDocument, type RuleNode, type RuleTable } from "./document-rules.js";
import { settlementError } from "./errors.js";
import { type Evaluated, evaluate, passes, type RuleContext, type RuleValue } from "./rule-expressions.js";
import { FreeRoundStake } from "./terms/contract.js";
import {
  EACH_FACTS,
  FACTS,
  type FactType,
  type FiredRow,
  type RuleAnswer,
  type RuleCase,
  RuleEach,
  type RuleFacts,
  type RuleTerms,
  type Ruling,
} from "./terms/ruling.js";

/** What each fact is; the engine counts in numbers that keep fifteen digits exactly. */
export const FACT_TYPES: ReadonlyMap<string, FactType> = new Map([
  ...Object.entries(FACTS),
  ...Object.values(EACH_FACTS).map((name) => [name, "TEXT"] as const),
]);

const DIGITS_MAX = 15;
/** The most cases that one statement asks its rule about. */
const CASES_MAX = 5_000;

/** What a rule may choose by name: what overrides of its document are for. */
export interface RuleChoices {
  readonly categories: ReadonlySet<string>;
  readonly groups: ReadonlySet<string>;
}

/** What a rule is asked to decide with: its graph, and what it may choose. */
export interface Rule {
  readonly content: RuleContent;
  readonly choices: RuleChoices;
}

/**
 * Asks a rule about one case. The graph is walked here, and the engine evaluates each expression by itself: left alone,
 * the engine passes over a row in which something cannot be computed, as if it had not fired. Here that, a table of
 * which no row fires, and an answer that is none are refused (`RULE_FAILED`): no amount is made of a guess.
 */
export function ask({ content, choices }: Rule, { scope, facts }: RuleCase): Ruling {
  const fail = (reason: string) => settlementError("RULE_FAILED", { reason, about: aboutOf(scope) });
  const { context, fired } = walk(content, numbersOf(facts, fail), fail);
  return { scope, facts, answer: answerOf(context, { facts, choices, fail }), fired };
}

/** What of a document makes its rule. */
interface RuleMembers {
  readonly rules?: RuleDocument | undefined;
  readonly overrides?:
    | readonly { readonly for: { readonly category?: string | undefined; readonly group?: string | undefined } }[]
    | undefined;
}

/** What the rule of a document may choose by name. */
export function choicesIn({ overrides = [] }: RuleMembers): RuleChoices {
  return {
    categories: new Set(overrides.flatMap(({ for: { category } }) => category ?? [])),
    groups: new Set(overrides.flatMap(({ for: { group } }) => group ?? [])),
  };
}

/** How the rule of a document is asked; null where it has none. */
export function ruleTerms(
  members: RuleMembers,
  told: { readonly currency: string; readonly partnerKind: string },
): RuleTerms | null {
  const { rules } = members;
  if (rules === undefined) return null;
  const each = Object.values(RuleEach).filter((dimension) => rules.each?.includes(dimension));
  return { ...told, each, ask: asker({ content: rules.content, choices: choicesIn(members) }) };
}

/** Each case is asked about once, however often it is calculated. */
function asker(rule: Rule): (cases: readonly RuleCase[]) => readonly Ruling[] {
  const known = new Map<string, Ruling>();
  return (cases) => {
    checkCases(cases);
    return cases.map((each) => {
      const key = canonicalJson(each);
      const ruling = known.get(key) ?? ask(rule, each);
      known.set(key, ruling);
      return ruling;
    });
  };
}

/** Refuses (`RULE_FAILED`) to ask about more parts of the activity than a statement should show. */
function checkCases(cases: readonly RuleCase[]): void {
  if (cases.length <= CASES_MAX) return;
  throw settlementError("RULE_FAILED", { about: "the whole", reason: `there are more than ${CASES_MAX} cases` });
}

type Fail = (reason: string) => Error;

interface Walked {
  readonly context: RuleContext;
  readonly fired: readonly FiredRow[];
}

/** From the input to the output, along the one way that there is. */
function walk(content: RuleContent, facts: RuleContext, fail: Fail): Walked {
  const nodes = new Map(content.nodes.map((node) => [node.id, node]));
  const wayFrom = (id: string, handle: string | null) =>
    content.edges.find(({ sourceId, sourceHandle }) => sourceId === id && (handle === null || sourceHandle === handle));
  let at = present(
    content.nodes.find(({ type }) => type === "inputNode"),
    "an input",
  );
  let context = facts;
  const fired: FiredRow[] = [];
  while (at.type !== "outputNode") {
    const passed = passNode(at, context, fail);
    context = passed.context;
    fired.push(...passed.fired);
    const edge = present(wayFrom(at.id, passed.way), "a way on that was checked");
    at = present(nodes.get(edge.targetId), "a node that an edge names");
  }
  return { context, fired };
}

/** What leaves a node, by which handle of a switch (null elsewhere), and the row that fired in it. */
function passNode(node: RuleNode, context: RuleContext, fail: Fail): Walked & { readonly way: string | null } {
  const failIn: Fail = (reason) => fail(`${node.name}: ${reason}`);
  const goOn = { context, fired: [], way: null };
  switch (node.type) {
    case "decisionTableNode": {
      const { outputs, row, id } = fire(node.content, context, failIn);
      const kept = node.content.passThrough === true ? context : {};
      return { ...goOn, context: { ...kept, ...outputs }, fired: [{ node: node.name, row, id }] };
    }
    case "expressionNode": {
      const own: Record<string, RuleValue> = {};
      for (const { key, value } of node.content.expressions) {
        own[key] = computed(evaluate(value, context, own), `the expression of ${key}`, failIn);
      }
      return { ...goOn, context: node.content.passThrough === true ? { ...context, ...own } : own };
    }
    case "switchNode": {
      const chosen = node.content.statements.find(({ condition }, index) => {
        return isEmpty(condition) || isTrue(evaluate(condition, context), `statement ${index + 1}`, failIn);
      });
      if (chosen === undefined) throw failIn("no statement is true");
      return { ...goOn, way: chosen.id };
    }
    default:
      return goOn;
  }
}

interface Fired {
  readonly outputs: RuleContext;
  readonly row: number;
  readonly id: string;
}

/** The first row of a table whose every cell holds. */
function fire({ inputs, outputs, rules }: RuleTable, context: RuleContext, fail: Fail): Fired {
  for (const [index, row] of rules.entries()) {
    const where = `row ${index + 1}`;
    const holds = inputs.every(({ id, field }) => {
      const cell = row[id] ?? "";
      if (isEmpty(cell)) return true;
      const tested = field === undefined ? evaluate(cell, context) : passes(cell, context, context[field] ?? null);
      return isTrue(tested, where, fail);
    });
    if (!holds) continue;
    const answers = outputs.flatMap(({ id, field }) => {
      const cell = row[id] ?? "";
      return isEmpty(cell) ? [] : [[field, computed(evaluate(cell, context), where, fail)] as const];
    });
    return { outputs: Object.fromEntries(answers), row: index + 1, id: row["_id"] ?? "" };
  }
  throw fail("no row fires");
}

function computed(evaluated: Evaluated, what: string, fail: Fail): RuleValue {
  if ("value" in evaluated) return evaluated.value;
  throw fail(`${what} cannot be computed`);
}

function isTrue(evaluated: Evaluated, what: string, fail: Fail): boolean {
  const value = computed(evaluated, what, fail);
  if (typeof value === "boolean") return value;
  throw fail(`${what} is neither true nor false`);
}

/** Facts as the engine takes them: an amount as a number, which holds it exactly or not at all. */
function numbersOf(facts: RuleFacts, fail: Fail): RuleContext {
  const entries = Object.entries(facts).map(([name, value]): readonly [string, RuleValue] => {
    if (FACT_TYPES.get(name) !== "AMOUNT") return [name, value];
    if (String(value).replaceAll(/\D|^-?0\.?/g, "").length > DIGITS_MAX) {
      throw fail(`${name} has more than ${DIGITS_MAX} digits`);
    }
    return [name, Number(value)];
  });
  return Object.fromEntries(entries);
}

interface AnswerMatter {
  readonly facts: RuleFacts;
  readonly choices: RuleChoices;
  readonly fail: Fail;
}

/** The members of an answer, each of its own type; a rate is text, because a number is no exact one. */
function answerOf(context: RuleContext, { facts, choices, fail }: AnswerMatter): RuleAnswer {
  const { rate = null, category = null, group = null, bonusCost = null, freeRoundStake = null } = context;
  if (rate !== null && !rateText.safeParse(rate).success) throw fail('rate is not text such as "0.12" or "1/3"');
  if (bonusCost !== null && typeof bonusCost !== "boolean") throw fail("bonusCost is neither true nor false");
  const isNamed = (value: RuleValue, named: ReadonlySet<string>, own: RuleFacts[string] | undefined) => {
    return value === null || value === "" || value === own || (typeof value === "string" && named.has(value));
  };
  if (!isNamed(category, choices.categories, facts["category"])) {
    throw fail("category is not one that an override has terms for");
  }
  if (!isNamed(group, choices.groups, facts["group"])) throw fail("group is not one that an override has terms for");
  const isStake = freeRoundStake === FreeRoundStake.ZERO || freeRoundStake === FreeRoundStake.FACE_VALUE;
  if (freeRoundStake !== null && !isStake) throw fail("freeRoundStake is neither ZERO nor FACE_VALUE");
  return {
    rate: typeof rate === "string" ? rate : null,
    category: typeof category === "string" && category !== facts["category"] ? category : null,
    group: typeof group === "string" ? group : null,
    bonusCost: typeof bonusCost === "boolean" ? bonusCost : null,
    freeRoundStake: isStake ? freeRoundStake : null,
  };
}

function aboutOf(scope: string): string {
  return scope === "" ? "the whole" : scope;
}
