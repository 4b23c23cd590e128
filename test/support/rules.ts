import { present } from "../../src/kernel/assert.js";
import { parseConfiguration } from "../../src/settlement/document.js";
import { contractOf } from "../../src/settlement/document-contract.js";
import type { RuleFacts, Ruling } from "../../src/settlement/terms/ruling.js";
import { example } from "./contracts.js";

/** Cells of a row: those of the inputs, then those of the outputs. */
export type Row = readonly string[];

/** A table; an input without a name takes whole expressions. */
export interface TableShape {
  readonly id?: string;
  readonly inputs?: readonly string[];
  readonly outputs: readonly string[];
  readonly rows: readonly Row[];
}

/** A decision table as a node of JDM, its columns named `i0…` and `o0…`. */
export function table({ id = "t", inputs = [], outputs, rows }: TableShape): Record<string, unknown> {
  const ids = [...inputs.map((_, index) => `i${index}`), ...outputs.map((_, index) => `o${index}`)];
  const columns = inputs.map((field, index) => ({
    id: `i${index}`,
    name: `i${index}`,
    ...(field === "" ? {} : { field }),
  }));
  return {
    ...{ id, name: id, type: "decisionTableNode" },
    content: {
      hitPolicy: "first",
      inputs: columns,
      outputs: outputs.map((field, index) => ({ id: `o${index}`, name: field, field })),
      rules: rows.map((row, index) => ({
        _id: `r${index + 1}`,
        ...Object.fromEntries(ids.map((column, at) => [column, row[at] ?? ""])),
      })),
    },
  };
}

/** Daily 12 % of GGR under a rule: a whole graph, or one node between input and output. */
export function ruled(rule: Record<string, unknown>, each?: readonly string[]): Record<string, unknown> {
  const content = "nodes" in rule ? rule : graphOf(rule);
  return {
    ...example("config-daily-12pct"),
    rules: { format: "JDM", ...(each === undefined ? {} : { each }), content },
  };
}

/** Facts of a case, what a test does not say filled in. */
export function facts(stated: RuleFacts): RuleFacts {
  return {
    ...{ partnerKind: "GAME_PROVIDER", currency: "USD", firstDay: "2026-03-01", year: 2026, month: 3, days: 1 },
    ...{ turnover: "0.00", ggr: "0.00", base: "0.00" },
    ...stated,
  };
}

/** What a document's rule answers. */
export function ruleOn(document: unknown, stated: RuleFacts): Ruling {
  const { rule } = contractOf(parseConfiguration(document), { currency: "USD", scale: 2 });
  return present(rule?.ask([{ scope: "", facts: facts(stated) }])[0], "an answer");
}

function graphOf(node: Record<string, unknown>): Record<string, unknown> {
  const [first, last] = [
    { id: "in", name: "in", type: "inputNode" },
    { id: "out", name: "out", type: "outputNode" },
  ];
  const edges = [
    { id: "e0", sourceId: "in", targetId: node["id"] },
    { id: "e1", sourceId: node["id"], targetId: "out" },
  ];
  return { nodes: [first, node, last], edges };
}
