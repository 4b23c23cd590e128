import {
  type DocumentNode,
  type GraphQLError,
  getOperationAST,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  type SelectionSetNode,
} from "graphql";
import type { Actor, Scope } from "../../kernel/actor.js";
import type { App } from "../../platform/app.js";
import { costOf } from "../../platform/document-cost.js";
import { fragmentsOf, type OperationMeasure, SCHEMA_FIELDS } from "../../platform/document-limits.js";
import { checkDocument } from "../../platform/documents.js";
import { serverError } from "../errors.js";
import { serverSchema } from "../schema.js";

/** The largest body of an operation: a batch of 8 MB, as a string inside JSON. */
export const OPERATION_BYTES_MAX = 12 * 1024 * 1024;
/** How many fields answering an operation may take; the usual question about the whole schema takes 40,000. */
const COST_MAX = 50_000;
const LEVELS_MAX = 64;
/** Values in the variables of an operation; a batch is one of them. */
const VALUES_MAX = 10_000;
const PLAIN_NAME = /^[A-Za-z0-9_.-]{1,32}$/;

/** Root fields that anybody may ask, signed in or not. */
export const PUBLIC_FIELDS: ReadonlySet<string> = new Set(["__typename", "errorCodes"]);
/** In production the schema is told to those who hold one of these: a tenant's administration, and operators. */
const SCHEMA_SCOPES: readonly Scope[] = ["clients:manage", "operations:manage"];

/** An operation as it was asked for. */
export interface AskedOperation {
  readonly document: DocumentNode;
  readonly operationName?: string | null | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
}

/** Who asks, and of which installation. */
interface Asker {
  readonly app: App;
  readonly actor: Actor | null;
}

/** A document that GraphQL's rules of validation refuse. */
export class InvalidDocument extends Error {
  override readonly name = "InvalidDocument";
  constructor(readonly faults: readonly GraphQLError[]) {
    super("the document is not valid");
  }
}

/** What may be run, in numbers. */
export interface Weight {
  /** Fields of the root, each of which counts as a request. */
  readonly roots: number;
  /** How many fields answering it takes, at most. */
  readonly cost: number;
}

const NOT_THERE = "The document has no operation of the name in `operationName`.";
const WHICH = "The document has several operations: `operationName` must say which is to run.";

/**
 * Refuses an operation before it runs: a document over a limit, before it is even validated (`LIMIT_EXCEEDED`); one
 * that is not valid (`InvalidDocument`), or has no such operation (`VALIDATION`); one that needs an actor where nobody
 * signed in (`UNAUTHENTICATED`); in production a question about the schema from who may not ask (`FORBIDDEN`); and one
 * that costs too much.
 */
export function guardOperation(asker: Asker, { document, operationName, variables }: AskedOperation): Weight {
  const schema = serverSchema();
  const { faults, measures } = checkDocument(schema, document);
  if (faults.length > 0) throw new InvalidDocument(faults);
  guardVariables(variables);
  const operation = getOperationAST(document, operationName);
  const measure = operation ? measures.get(operation) : undefined;
  if (operation === null || operation === undefined || measure === undefined) {
    throw serverError("VALIDATION", { reason: typeof operationName === "string" ? NOT_THERE : WHICH });
  }
  checkWhoAsks(asker, operation, measure, document);
  const fragments = fragmentsOf(document);
  const cost = costOf({ schema, operation, fragments, variables });
  if (cost > COST_MAX) {
    const reason = `answering takes ${COST_MAX} fields at most; this asks for ${Math.ceil(cost)}.`;
    throw serverError("LIMIT_EXCEEDED", { reason });
  }
  return { roots: measure.roots, cost };
}

/** Whether somebody may ask about the schema, and be told what a name that is wrong was perhaps meant to be. */
export function maySeeSchema({ app, actor }: Asker): boolean {
  return !app.config.isProduction || SCHEMA_SCOPES.some((scope) => actor?.scopes.has(scope));
}

/**
 * Refuses variables that hold text which is not Unicode (a lone surrogate), which nothing behind could write down, in a
 * value or a member's name (`VALIDATION` with the path, or that of the object); and more than 64 levels or 10,000
 * values (`LIMIT_EXCEEDED`).
 */
function guardVariables(variables: unknown): void {
  const place = illFormedPlace(variables, 0, { values: 0 });
  if (place === null) return;
  // As elsewhere a path begins inside the variable; only that of the variable's own value is its name.
  const path = pointer(place.length > 1 ? place.slice(1) : place);
  throw serverError("VALIDATION", { path, reason: "The text is not well-formed Unicode." });
}

type Place = readonly string[];

/** Where inside a value the first text is that is not well-formed; null where all are. */
function illFormedPlace(value: unknown, level: number, seen: { values: number }): Place | null {
  seen.values += 1;
  if (seen.values > VALUES_MAX) {
    throw serverError("LIMIT_EXCEEDED", { reason: `variables hold ${VALUES_MAX} values at most.` });
  }
  if (typeof value === "string") return value.isWellFormed() ? null : [];
  if (typeof value !== "object" || value === null) return null;
  if (level >= LEVELS_MAX) {
    throw serverError("LIMIT_EXCEEDED", { reason: `variables nest ${LEVELS_MAX} deep at most.` });
  }
  for (const [name, member] of Array.isArray(value) ? value.entries() : Object.entries(value)) {
    if (typeof name === "string" && !name.isWellFormed()) return [];
    const inside = illFormedPlace(member, level + 1, seen);
    if (inside !== null) return [String(name), ...inside];
  }
  return null;
}

/** A JSON pointer (RFC 6901), cut before the first name that is not a plain one, since errors repeat no input. */
function pointer(place: Place): string {
  const odd = place.findIndex((name) => !PLAIN_NAME.test(name));
  return `/${(odd < 0 ? place : place.slice(0, odd)).join("/")}`;
}

function checkWhoAsks(
  asker: Asker,
  operation: OperationDefinitionNode,
  { introspections }: OperationMeasure,
  document: DocumentNode,
): void {
  const mayAsk = introspections === 0 || maySeeSchema(asker);
  if (asker.actor === null && !(mayAsk && isPublic(operation, document))) throw serverError("UNAUTHENTICATED");
  if (!mayAsk) throw serverError("FORBIDDEN", { scope: SCHEMA_SCOPES.join(" or ") });
}

function isPublic({ operation, selectionSet }: OperationDefinitionNode, document: DocumentNode): boolean {
  const fragments = fragmentsOf(document);
  const hasOnlyPublicFields = (set: SelectionSetNode | undefined): boolean =>
    (set?.selections ?? []).every((selection) => {
      if (selection.kind === Kind.FIELD) {
        return PUBLIC_FIELDS.has(selection.name.value) || SCHEMA_FIELDS.has(selection.name.value);
      }
      if (selection.kind === Kind.INLINE_FRAGMENT) return hasOnlyPublicFields(selection.selectionSet);
      return hasOnlyPublicFields(fragments.get(selection.name.value)?.selectionSet);
    });
  return operation === OperationTypeNode.QUERY && hasOnlyPublicFields(selectionSet);
}
