import {
  type DocumentNode,
  type FragmentDefinitionNode,
  getOperationAST,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  type SelectionSetNode,
} from "graphql";
import type { Actor } from "../../kernel/actor.js";
import { serverError } from "../errors.js";

/** The largest body of an operation: a batch of 8 MB, as a string inside JSON. */
export const OPERATION_BYTES_MAX = 12 * 1024 * 1024;
/** The most tokens a document may have; the parser stops there. */
export const TOKENS_MAX = 2_000;
const DEPTH_MAX = 16;
const FIELDS_MAX = 2_000;
const ALIASES_MAX = 50;
const LEVELS_MAX = 64;
/** Rows of a page, of each of these a page, and again: three levels of 500 would be millions. */
const PAGES_MAX = 2;
const PLAIN_NAME = /^[A-Za-z0-9_.-]{1,32}$/;

/** Root fields that anybody may ask, signed in or not. */
export const PUBLIC_FIELDS: ReadonlySet<string> = new Set(["__typename", "__schema", "__type", "errorCodes"]);

/**
 * Refuses an operation before it runs: one that is too deep, too wide, too often aliased, or asks for pages of pages of
 * pages, fragments expanded (`LIMIT_EXCEEDED`), and one that needs an actor where nobody signed in (`UNAUTHENTICATED`).
 * The document is valid.
 */
export function guardOperation(
  document: DocumentNode,
  operationName: string | null | undefined,
  actor: Actor | null,
): void {
  const operation = getOperationAST(document, operationName);
  if (operation === null || operation === undefined) return; // execution itself says which operations there are
  const fragments = fragmentsOf(document);
  checkSize(sizeOf(operation.selectionSet, fragments, new Map()));
  if (actor === null && !isPublic(operation, fragments)) throw serverError("UNAUTHENTICATED");
}

/**
 * Refuses variables that hold text which is not Unicode (a lone surrogate), which nothing behind could write down, in a
 * value or a member's name (`VALIDATION` with the path, or that of the object); and more than 64 levels
 * (`LIMIT_EXCEEDED`).
 */
export function guardVariables(variables: unknown): void {
  const place = illFormedPlace(variables, 0);
  if (place === null) return;
  // As elsewhere a path begins inside the variable; only that of the variable's own value is its name.
  const path = pointer(place.length > 1 ? place.slice(1) : place);
  throw serverError("VALIDATION", { path, reason: "The text is not well-formed Unicode." });
}

type Place = readonly string[];

/** Where inside a value the first text is that is not well-formed; null where all are. */
function illFormedPlace(value: unknown, level: number): Place | null {
  if (typeof value === "string") return value.isWellFormed() ? null : [];
  if (typeof value !== "object" || value === null) return null;
  if (level >= LEVELS_MAX) {
    throw serverError("LIMIT_EXCEEDED", { reason: `variables nest ${LEVELS_MAX} deep at most.` });
  }
  for (const [name, member] of Array.isArray(value) ? value.entries() : Object.entries(value)) {
    if (typeof name === "string" && !name.isWellFormed()) return [];
    const inside = illFormedPlace(member, level + 1);
    if (inside !== null) return [String(name), ...inside];
  }
  return null;
}

/** A JSON pointer (RFC 6901), cut before the first name that is not a plain one, since errors repeat no input. */
function pointer(place: Place): string {
  const odd = place.findIndex((name) => !PLAIN_NAME.test(name));
  return `/${(odd < 0 ? place : place.slice(0, odd)).join("/")}`;
}

interface Size {
  readonly depth: number;
  readonly fields: number;
  readonly aliases: number;
  /** How deep connections nest. */
  readonly pages: number;
}

type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;

function checkSize({ depth, fields, aliases, pages }: Size): void {
  if (depth > DEPTH_MAX) throw serverError("LIMIT_EXCEEDED", { reason: `fields nest ${DEPTH_MAX} deep at most.` });
  if (fields > FIELDS_MAX) throw serverError("LIMIT_EXCEEDED", { reason: `${FIELDS_MAX} fields at most.` });
  if (aliases > ALIASES_MAX) throw serverError("LIMIT_EXCEEDED", { reason: `${ALIASES_MAX} aliases at most.` });
  if (pages > PAGES_MAX) throw serverError("LIMIT_EXCEEDED", { reason: `connections nest ${PAGES_MAX} deep at most.` });
}

/** The size of a selection with fragments expanded; each fragment is measured once, however often it is spread. */
function sizeOf(selectionSet: SelectionSetNode, fragments: Fragments, measured: Map<string, Size>): Size {
  let [depth, fields, aliases, pages] = [0, 0, 0, 0];
  for (const selection of selectionSet.selections) {
    const isField = selection.kind === Kind.FIELD;
    const inner =
      selection.kind === Kind.FRAGMENT_SPREAD
        ? fragmentSize(selection.name.value, fragments, measured)
        : sizeOf(selection.selectionSet ?? NOTHING, fragments, measured);
    depth = Math.max(depth, inner.depth + (isField ? 1 : 0));
    fields += inner.fields + (isField ? 1 : 0);
    aliases += inner.aliases + (isField && selection.alias !== undefined ? 1 : 0);
    pages = Math.max(pages, inner.pages + (isField && selection.name.value === "edges" ? 1 : 0));
  }
  return { depth, fields, aliases, pages };
}

const NOTHING: SelectionSetNode = { kind: Kind.SELECTION_SET, selections: [] };

function fragmentSize(name: string, fragments: Fragments, measured: Map<string, Size>): Size {
  const known = measured.get(name);
  if (known !== undefined) return known;
  const size = sizeOf(fragments.get(name)?.selectionSet ?? NOTHING, fragments, measured);
  measured.set(name, size);
  return size;
}

function fragmentsOf(document: DocumentNode): Fragments {
  return new Map(
    document.definitions.flatMap((node) => (node.kind === Kind.FRAGMENT_DEFINITION ? [[node.name.value, node]] : [])),
  );
}

function isPublic(operation: OperationDefinitionNode, fragments: Fragments): boolean {
  return operation.operation === OperationTypeNode.QUERY && hasOnlyPublicFields(operation.selectionSet, fragments);
}

function hasOnlyPublicFields(selectionSet: SelectionSetNode, fragments: Fragments): boolean {
  return selectionSet.selections.every((selection) => {
    if (selection.kind === Kind.FIELD) return PUBLIC_FIELDS.has(selection.name.value);
    if (selection.kind === Kind.INLINE_FRAGMENT) return hasOnlyPublicFields(selection.selectionSet, fragments);
    return hasOnlyPublicFields(fragments.get(selection.name.value)?.selectionSet ?? NOTHING, fragments);
  });
}
