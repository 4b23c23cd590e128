import { z } from "zod";
import { RuleEach } from "./terms/ruling.js";

const NODES_MAX = 20;
const EDGES_MAX = 60;
const COLUMNS_MAX = 16;
const ROWS_MAX = 500;
const EXPRESSIONS_MAX = 32;
const EXPRESSION_LENGTH_MAX = 500;

const id = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "is 1 to 64 of [A-Za-z0-9_-]");
const name = z.string().min(1).max(100);
/** A fact, or what an earlier node computed. */
const field = z.string().regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/, "is a name of letters, digits and _");
const expression = z.string().max(EXPRESSION_LENGTH_MAX);
const position = z.strictObject({ x: z.number(), y: z.number() }).optional().describe("Where an editor draws it.");
const node = { id, name, position };
/** Members that editors write with one value, the one that is obeyed. */
const plain = {
  passThrough: z.boolean().optional().describe("Whether what came in goes on besides what was computed."),
  inputField: z.null().optional(),
  outputPath: z.null().optional(),
  executionMode: z.literal("single").optional(),
};

const table = z.strictObject({
  hitPolicy: z.literal("first", "is refused: the first row that fires is the only answer"),
  inputs: z
    .array(z.strictObject({ id, name, field: field.optional() }))
    .max(COLUMNS_MAX)
    .describe("A cell is a test of the field; without a field, an expression that is true or false; empty: any."),
  outputs: z
    .array(z.strictObject({ id, name, field }))
    .min(1)
    .max(COLUMNS_MAX)
    .describe("A cell is an expression; empty: not answered."),
  rules: z
    .array(z.record(z.string().max(64), expression))
    .min(1)
    .max(ROWS_MAX)
    .describe("Rows from top to bottom: `_id`, `_description`, and a cell for the id of each column."),
  ...plain,
});
const expressions = z.strictObject({
  expressions: z
    .array(z.strictObject({ id, key: field, value: expression.min(1) }))
    .min(1)
    .max(EXPRESSIONS_MAX)
    .describe("Computed in their order; `$.key` is what an earlier one gave."),
  ...plain,
});
const choice = z.strictObject({
  hitPolicy: z.literal("first").optional(),
  statements: z
    .array(z.strictObject({ id, condition: expression, isDefault: z.boolean().optional() }))
    .min(1)
    .max(NODES_MAX)
    .describe(
      "The first that is true is the way on; an empty condition, which only the last may have, is always true.",
    ),
});

const ruleNode = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("inputNode"), ...node, content: z.strictObject({}).optional() }),
  z.strictObject({ type: z.literal("outputNode"), ...node, content: z.strictObject({}).optional() }),
  z.strictObject({ type: z.literal("decisionTableNode"), ...node, content: table }),
  z.strictObject({ type: z.literal("expressionNode"), ...node, content: expressions }),
  z.strictObject({ type: z.literal("switchNode"), ...node, content: choice }),
]);

/** A graph of GoRules' JDM, as far as it is the same on every day it is asked. */
export const ruleContentSchema = z.strictObject({
  contentType: z.literal("application/vnd.gorules.decision").optional(),
  nodes: z.array(ruleNode).min(3).max(NODES_MAX),
  edges: z
    .array(
      z.strictObject({
        id,
        type: z.literal("edge").optional(),
        sourceId: id,
        targetId: id,
        sourceHandle: id.nullish(),
      }),
    )
    .min(2)
    .max(EDGES_MAX),
});

/** A rule in a configuration document. */
export const ruleSchema = z.strictObject({
  format: z.literal("JDM"),
  each: z
    .array(z.enum(RuleEach))
    .min(1)
    .max(4)
    .optional()
    .describe("The rule is asked once for each of these that there was activity of; absent: once, about the whole."),
  content: ruleContentSchema,
});

/** A rule as a document holds it. */
export type RuleDocument = z.infer<typeof ruleSchema>;
/** The graph of a rule. */
export type RuleContent = RuleDocument["content"];
/** A node of it. */
export type RuleNode = RuleContent["nodes"][number];
/** A decision table's columns and rows. */
export type RuleTable = z.infer<typeof table>;

/** An expression of a rule, where it stands, and what it may be. */
export interface RuleExpression {
  /** JSON pointer below the content. */
  readonly at: string;
  readonly text: string;
  /** TEST: of a field, named by `field`. CONDITION: true or false. VALUE: of the member `field`. */
  readonly role: "TEST" | "CONDITION" | "VALUE";
  readonly field: string;
}

/** Every expression of a rule that says something, in the order of its nodes. */
export function expressionsIn({ nodes }: RuleContent): readonly RuleExpression[] {
  return nodes.flatMap((node, index) => {
    const at = `/nodes/${index}/content`;
    switch (node.type) {
      case "decisionTableNode":
        return cellsIn(node.content, at);
      case "expressionNode":
        return node.content.expressions.map(({ key, value }, each): RuleExpression => {
          return { at: `${at}/expressions/${each}/value`, text: value, role: "VALUE", field: key };
        });
      case "switchNode":
        return node.content.statements.flatMap(({ condition }, each): RuleExpression[] => {
          return isEmpty(condition)
            ? []
            : [{ at: `${at}/statements/${each}/condition`, text: condition, role: "CONDITION", field: "" }];
        });
      default:
        return [];
    }
  });
}

/** Whether a cell says nothing. */
export function isEmpty(cell: string | undefined): boolean {
  return (cell ?? "").trim() === "";
}

function cellsIn({ inputs, outputs, rules }: RuleTable, at: string): readonly RuleExpression[] {
  return rules.flatMap((row, index) => {
    const cellOf = (column: string, role: RuleExpression["role"], named = ""): RuleExpression[] => {
      const text = row[column] ?? "";
      return isEmpty(text) ? [] : [{ at: `${at}/rules/${index}/${column}`, text, role, field: named }];
    };
    return [
      ...inputs.flatMap(({ id: column, field: of }) => cellOf(column, of === undefined ? "CONDITION" : "TEST", of)),
      ...outputs.flatMap(({ id: column, field: of }) => cellOf(column, "VALUE", of)),
    ];
  });
}
