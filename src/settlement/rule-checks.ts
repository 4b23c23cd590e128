import { canonicalJson } from "../kernel/canonical-json.js";
import { rate as rateText } from "./document-base.js";
import {
  expressionsIn,
  isEmpty,
  type RuleContent,
  type RuleDocument,
  type RuleExpression,
  type RuleNode,
  type RuleTable,
} from "./document-rules.js";
import type { DocumentProblem as Problem } from "./errors.js";
import { evaluate, literalText, passes, type RuleContext, readExpression } from "./rule-expressions.js";
import { FACT_TYPES, type RuleChoices } from "./ruling.js";
import { FreeRoundStake } from "./terms/contract.js";
import { EACH_FACTS, FACTS } from "./terms/ruling.js";

const CONTENT_LENGTH_MAX = 65_536;
const ROWS_MAX = 500;
const ANSWERS = ["rate", "category", "group", "bonusCost", "freeRoundStake"];
const ROW_NOTES = ["_id", "_description"];

/** What is wrong with a rule whose shape is right, by JSON pointer into the document. */
export function ruleProblems(rule: RuleDocument, choices: RuleChoices): readonly Problem[] {
  const { content } = rule;
  const shape = [...sizeProblems(content), ...wayProblems(content), ...content.nodes.flatMap(nodeProblems)];
  if (shape.length > 0) return shape.map(inDocument);
  const known = [...Object.keys(FACTS), ...(rule.each ?? []).map((each) => EACH_FACTS[each])];
  const names = namesAt(content, known);
  if (names === null) return [inDocument({ path: "/edges", reason: "go round in a circle" })];
  return [
    ...content.nodes.flatMap((node, index) => nameProblems(node, `/nodes/${index}/content`, names.get(node.id) ?? [])),
    ...expressionsIn(content).flatMap((expression) => textProblems(expression, known, choices)),
    ...answerProblems(content),
  ].map(inDocument);
}

/** What is allowed in a rule and may surprise, each as `<JSON pointer> <reason>`. */
export function ruleWarnings({ content }: RuleDocument): readonly string[] {
  return content.nodes.flatMap((node, index) => {
    if (node.type !== "decisionTableNode") return [];
    const { inputs, rules } = node.content;
    const at = `/rules/content/nodes/${index}/content/rules`;
    const tests = rules.map((row) => canonicalJson(inputs.map(({ id }) => (row[id] ?? "").trim())));
    const rest = rules.findIndex((row) => inputs.every(({ id }) => isEmpty(row[id])));
    return [
      ...tests.flatMap((test, row) => {
        const isBehind = (rest >= 0 && row > rest) || tests.indexOf(test) < row;
        return isBehind ? [`${at}/${row} never fires: a row above it takes every case`] : [];
      }),
      ...(rest < 0 ? [`${at} has no last row for everything else: where none fires, the settlement stops`] : []),
    ];
  });
}

function inDocument({ path, reason }: Problem): Problem {
  return { path: `/rules/content${path}`, reason };
}

function sizeProblems(content: RuleContent): readonly Problem[] {
  const rows = content.nodes.reduce((sum, node) => {
    return sum + (node.type === "decisionTableNode" ? node.content.rules.length : 0);
  }, 0);
  const isLong = canonicalJson(content).length > CONTENT_LENGTH_MAX;
  return [
    ...(isLong ? [{ path: "", reason: `is longer than ${CONTENT_LENGTH_MAX} characters` }] : []),
    ...(rows > ROWS_MAX ? [{ path: "/nodes", reason: `have more than ${ROWS_MAX} rows together` }] : []),
  ];
}

/** One input, one output, and from each node one way on; from a switch one for each statement. */
function wayProblems(content: RuleContent): readonly Problem[] {
  const { nodes, edges } = content;
  const ids = nodes.map(({ id }) => id);
  const strange = edges.findIndex(({ sourceId, targetId }) => !ids.includes(sourceId) || !ids.includes(targetId));
  if (strange >= 0) return [{ path: `/edges/${strange}`, reason: "ends at no node" }];
  const count = (type: RuleNode["type"]) => nodes.filter((node) => node.type === type).length;
  if (count("inputNode") !== 1 || count("outputNode") !== 1) {
    return [{ path: "/nodes", reason: "have not one inputNode and one outputNode" }];
  }
  return nodes.flatMap((node, index): Problem[] => {
    if (ids.indexOf(node.id) !== index) return [{ path: `/nodes/${index}/id`, reason: "is that of another node" }];
    const isReached = edges.some(({ targetId }) => targetId === node.id);
    if (isReached === (node.type === "inputNode")) {
      return [{ path: `/nodes/${index}`, reason: isReached ? "is the start and is led to" : "is not reached" }];
    }
    if (hasItsWays(node, edges)) return [];
    return [{ path: `/nodes/${index}`, reason: "has no one way on (a switch: one for each statement)" }];
  });
}

function hasItsWays(node: RuleNode, edges: RuleContent["edges"]): boolean {
  const ways = edges.filter(({ sourceId }) => sourceId === node.id);
  if (node.type !== "switchNode") return ways.length === (node.type === "outputNode" ? 0 : 1);
  const { statements } = node.content;
  return statements.length === ways.length && statements.every(({ id }) => ways.some((way) => way.sourceHandle === id));
}

function nodeProblems(node: RuleNode, index: number): readonly Problem[] {
  const path = `/nodes/${index}/content`;
  if (node.type === "decisionTableNode") return tableProblems(node.content, path);
  if (node.type !== "switchNode") return [];
  const early = node.content.statements.slice(0, -1).findIndex(({ condition }) => isEmpty(condition));
  return early < 0 ? [] : [{ path: `${path}/statements/${early}/condition`, reason: "is empty and not the last" }];
}

function tableProblems({ inputs, outputs, rules }: RuleTable, path: string): readonly Problem[] {
  const columns = [...inputs, ...outputs].map(({ id }) => id);
  const allowed = new Set([...columns, ...ROW_NOTES]);
  if (new Set(columns).size < columns.length || ROW_NOTES.some((note) => columns.includes(note))) {
    return [{ path, reason: "has two columns of one id" }];
  }
  return rules.flatMap((row, index) => {
    const missing = columns.find((id) => row[id] === undefined);
    const strange = Object.keys(row).some((id) => !allowed.has(id));
    if (strange) return [{ path: `${path}/rules/${index}`, reason: "has a cell of no column" }];
    return missing === undefined ? [] : [{ path: `${path}/rules/${index}`, reason: "lacks the cell of a column" }];
  });
}

/** Which names each node may use, whatever way led to it; null where the ways go round in a circle. */
function namesAt(
  { nodes, edges }: RuleContent,
  known: readonly string[],
): ReadonlyMap<string, readonly string[]> | null {
  const names = new Map<string, readonly string[]>();
  while (names.size < nodes.length) {
    const next = nodes.find(({ id }) => {
      const sources = edges.filter(({ targetId }) => targetId === id);
      return !names.has(id) && sources.every(({ sourceId }) => names.has(sourceId));
    });
    if (next === undefined) return null;
    const sources = nodes.filter(({ id }) => {
      return edges.some(({ sourceId, targetId }) => sourceId === id && targetId === next.id);
    });
    const [first = known, ...others] = sources.map((source) => namesAfter(source, names.get(source.id) ?? []));
    names.set(
      next.id,
      first.filter((name) => others.every((other) => other.includes(name))),
    );
  }
  return names;
}

function namesAfter(node: RuleNode, before: readonly string[]): readonly string[] {
  if (node.type !== "decisionTableNode" && node.type !== "expressionNode") return before;
  const kept = node.content.passThrough === true ? before : [];
  return [...kept, ...fieldsOf(node)];
}

function fieldsOf(node: RuleNode): readonly string[] {
  if (node.type === "decisionTableNode") return node.content.outputs.map(({ field }) => field);
  return node.type === "expressionNode" ? node.content.expressions.map(({ key }) => key) : [];
}

/** A name that stands for nothing is null, so that a row would silently never fire. */
function nameProblems(node: RuleNode, at: string, names: readonly string[]): readonly Problem[] {
  const content = { nodes: [node], edges: [] };
  const own = node.type === "expressionNode" ? fieldsOf(node) : [];
  const columns = node.type === "decisionTableNode" ? node.content.inputs : [];
  const tested = columns.flatMap(({ field }, index) => {
    const isKnown = field === undefined || names.includes(field);
    return isKnown ? [] : [{ path: `${at}/inputs/${index}/field`, reason: "is not known here" }];
  });
  const used = expressionsIn(content).flatMap((expression, index) => {
    const path = expression.at.replace("/nodes/0/content", at);
    const reading = readExpression(expression.text);
    const unknown =
      reading.names.find((name) => !names.includes(name)) ??
      reading.own.find((name) => !own.slice(0, index).includes(name));
    const stated = unknown === undefined ? null : `names ${unknown}, which is not known here; text stands in quotes`;
    return stated === null ? [] : [{ path, reason: stated }];
  });
  return [...tested, ...used];
}

/** What an expression says by itself: that it is one, that facts of their types fit into it, what it answers. */
function textProblems(expression: RuleExpression, known: readonly string[], choices: RuleChoices): readonly Problem[] {
  const reading = readExpression(expression.text);
  const names = [...reading.names, ...reading.own];
  const reason =
    reading.fault ??
    faultOfTrial(expression, [...names, ...(expression.role === "TEST" ? [expression.field] : [])], known) ??
    (expression.role === "VALUE" && names.length === 0 ? faultOfAnswer(expression, choices) : null);
  return reason === null ? [] : [{ path: expression.at, reason }];
}

/** Tried with facts that are made up, of the right types; what depends on earlier nodes is tried for its grammar. */
function faultOfTrial({ text, role, field }: RuleExpression, used: readonly string[], known: readonly string[]) {
  const sample: RuleContext = Object.fromEntries(
    known.map((name) => [name, FACT_TYPES.get(name) === "TEXT" ? "text" : 1]),
  );
  const tried = role === "TEST" ? passes(text, sample, sample[field] ?? null) : evaluate(text, sample);
  if ("value" in tried) return null;
  if (tried.fault === "NO_EXPRESSION") return "is not an expression";
  return used.every((name) => known.includes(name)) ? "cannot be computed of facts of these types" : null;
}

function faultOfAnswer({ text, field }: RuleExpression, { categories, groups }: RuleChoices): string | null {
  const literal = literalText(text);
  const isNamed = (named: ReadonlySet<string>) => literal !== null && (literal === "" || named.has(literal));
  switch (field) {
    case "rate":
      return rateText.safeParse(literal).success
        ? null
        : 'is not a rate as text, such as "0.12" or "1/3", in its quotes';
    case "category":
      return isNamed(categories) ? null : "is not a category that an override has terms for";
    case "group":
      return isNamed(groups) ? null : "is not a group that an override has terms for";
    case "bonusCost":
      return ["true", "false"].includes(text.trim()) ? null : "is neither true nor false";
    case "freeRoundStake":
      return Object.values<string | null>(FreeRoundStake).includes(literal)
        ? null
        : 'is neither "ZERO" nor "FACE_VALUE"';
    default:
      return null;
  }
}

/** That something is answered, and nothing computed in vain. */
function answerProblems(content: RuleContent): readonly Problem[] {
  const all = expressionsIn(content);
  const used = new Set([
    ...ANSWERS,
    ...all.flatMap(({ text, role, field }) => {
      const { names, own } = readExpression(text);
      return [...names, ...own, ...(role === "TEST" ? [field] : [])];
    }),
  ]);
  const fields = content.nodes.flatMap((node, index) => fieldsOf(node).map((field) => ({ field, index })));
  const idle = fields.filter(({ field }) => !used.has(field));
  const isAnswered = (name: string) => fields.some(({ field }) => field === name);
  return [
    ...idle.map(({ field, index }) => ({
      path: `/nodes/${index}/content`,
      reason: `computes ${field}, which is neither an answer (${ANSWERS.join(", ")}) nor used`,
    })),
    ...(ANSWERS.some(isAnswered) ? [] : [{ path: "/nodes", reason: "answer nothing" }]),
  ];
}
