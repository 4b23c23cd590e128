import {
  type ASTNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from "graphql";
import { defineErrors } from "../kernel/errors.js";

/** What an operation asks for, fragments expanded. */
export interface OperationMeasure {
  /** How deep fields nest. */
  readonly depth: number;
  readonly fields: number;
  readonly aliases: number;
  /** How deep connections nest. */
  readonly pages: number;
  /** How often the schema itself is asked for. */
  readonly introspections: number;
  /** Fields of the first level, each of which is asked for by itself. */
  readonly roots: number;
  readonly rootAliases: number;
}

/** The refusal of a document, or of what it asks for, that is over a limit. */
export const limitError = defineErrors({
  LIMIT_EXCEEDED: { message: "The request is over a limit: {reason}" },
});

/** How much of each a document may have as it is written, with what it is called. */
const WRITTEN = {
  operations: { max: 20, what: "operations" },
  fragments: { max: 50, what: "fragments" },
  spreads: { max: 200, what: "fragment spreads" },
  variables: { max: 50, what: "variables" },
  directives: { max: 50, what: "directives" },
  ownDirectives: { max: 5, what: "directives at one place" },
  // Validation compares all fields of one response name with each other, which is what this bounds.
  likes: { max: 100, what: "fields of one name" },
} as const;

/** How much an operation may ask for, fragments expanded. */
const ASKED: Readonly<Record<keyof OperationMeasure, { readonly max: number; readonly what: string }>> = {
  depth: { max: 16, what: "levels of fields" },
  fields: { max: 2_000, what: "fields" },
  aliases: { max: 50, what: "aliases" },
  roots: { max: 50, what: "fields at the root" },
  rootAliases: { max: 25, what: "aliases at the root" },
  pages: { max: 2, what: "connections within each other" }, // three levels of 500 rows would be millions
  introspections: { max: 2, what: "questions about the schema" },
};

/** The fields that tell of the schema. */
export const SCHEMA_FIELDS: ReadonlySet<string> = new Set(["__schema", "__type"]);

/**
 * Measures each operation of a document that need not be valid, in time that grows with its text alone: fragments are
 * measured once, and one that holds itself counts as nothing there. Refuses what is over a limit (`LIMIT_EXCEEDED`).
 */
export function measureDocument(document: DocumentNode): ReadonlyMap<OperationDefinitionNode, OperationMeasure> {
  checkWritten(document);
  const fragments = fragmentsOf(document);
  const known: Known = new Map();
  const measures = new Map<OperationDefinitionNode, OperationMeasure>();
  for (const node of document.definitions) {
    if (node.kind !== Kind.OPERATION_DEFINITION) continue;
    const measure = measureOf(node.selectionSet, fragments, known);
    for (const [name, { max, what }] of Object.entries(ASKED))
      check(measure[name as keyof OperationMeasure], max, what);
    measures.set(node, measure);
  }
  return measures;
}

/** The fragments of a document by name; of two with one name, the last. */
export function fragmentsOf(document: DocumentNode): ReadonlyMap<string, FragmentDefinitionNode> {
  return new Map(
    document.definitions.flatMap((node) => (node.kind === Kind.FRAGMENT_DEFINITION ? [[node.name.value, node]] : [])),
  );
}

function check(count: number, max: number, what: string): void {
  if (count > max) throw limitError("LIMIT_EXCEEDED", { reason: `${max} ${what} at most.` });
}

interface Written {
  readonly count: Record<keyof typeof WRITTEN, number>;
  readonly named: Map<string, number>;
}

function checkWritten(document: DocumentNode): void {
  const count = { operations: 0, fragments: 0, spreads: 0, variables: 0, directives: 0, ownDirectives: 0, likes: 0 };
  const written: Written = { count, named: new Map() };
  // A stack of our own: what nests without end must not end ours.
  const stack: ASTNode[] = [...document.definitions];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    tally(node, written);
    if ("variableDefinitions" in node) stack.push(...(node.variableDefinitions ?? []));
    if ("selectionSet" in node && node.selectionSet !== undefined) stack.push(...node.selectionSet.selections);
  }
  for (const [name, { max, what }] of Object.entries(WRITTEN)) check(count[name as keyof typeof count], max, what);
}

const COUNTED: Partial<Readonly<Record<Kind, keyof typeof WRITTEN>>> = {
  [Kind.OPERATION_DEFINITION]: "operations",
  [Kind.FRAGMENT_DEFINITION]: "fragments",
  [Kind.FRAGMENT_SPREAD]: "spreads",
  [Kind.VARIABLE_DEFINITION]: "variables",
};

function tally(node: ASTNode, { count, named }: Written): void {
  const what = COUNTED[node.kind];
  if (what !== undefined) count[what] += 1;
  if (node.kind === Kind.FIELD) count.likes = Math.max(count.likes, oneMore(named, responseName(node)));
  const directives = "directives" in node ? (node.directives ?? []).length : 0;
  count.directives += directives;
  count.ownDirectives = Math.max(count.ownDirectives, directives);
}

function responseName({ alias, name }: FieldNode): string {
  return (alias ?? name).value;
}

function oneMore(counts: Map<string, number>, name: string): number {
  const count = (counts.get(name) ?? 0) + 1;
  counts.set(name, count);
  return count;
}

type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;
type Known = Map<string, OperationMeasure>;

const NOTHING: OperationMeasure = {
  ...{ depth: 0, fields: 0, aliases: 0, pages: 0, introspections: 0 },
  ...{ roots: 0, rootAliases: 0 },
};

/** What a selection set asks for; the roots are the fields of its first level. */
function measureOf(set: SelectionSetNode | undefined, fragments: Fragments, known: Known): OperationMeasure {
  return (set?.selections ?? []).map((selection) => measureOfOne(selection, fragments, known)).reduce(both, NOTHING);
}

function measureOfOne(selection: SelectionNode, fragments: Fragments, known: Known): OperationMeasure {
  if (selection.kind === Kind.FRAGMENT_SPREAD) return fragmentMeasure(selection.name.value, fragments, known);
  const inner = measureOf(selection.selectionSet, fragments, known);
  return selection.kind === Kind.FIELD ? above(inner, selection) : inner;
}

/** What a field asks for, given what is inside it. */
function above(inner: OperationMeasure, { name: { value: name }, alias }: FieldNode): OperationMeasure {
  const aliases = alias === undefined ? 0 : 1;
  return {
    ...{ depth: inner.depth + 1, fields: inner.fields + 1, aliases: inner.aliases + aliases },
    pages: inner.pages + (name === "edges" ? 1 : 0),
    introspections: inner.introspections + (SCHEMA_FIELDS.has(name) ? 1 : 0),
    ...{ roots: 1, rootAliases: aliases },
  };
}

function both(one: OperationMeasure, other: OperationMeasure): OperationMeasure {
  return {
    depth: Math.max(one.depth, other.depth),
    fields: one.fields + other.fields,
    aliases: one.aliases + other.aliases,
    pages: Math.max(one.pages, other.pages),
    introspections: one.introspections + other.introspections,
    roots: one.roots + other.roots,
    rootAliases: one.rootAliases + other.rootAliases,
  };
}

function fragmentMeasure(name: string, fragments: Fragments, known: Known): OperationMeasure {
  const before = known.get(name);
  if (before !== undefined) return before;
  known.set(name, NOTHING); // where it holds itself; validation refuses that
  const measure = measureOf(fragments.get(name)?.selectionSet, fragments, known);
  known.set(name, measure);
  return measure;
}
