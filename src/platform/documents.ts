import {
  type DocumentNode,
  type GraphQLError,
  type GraphQLSchema,
  type OperationDefinitionNode,
  validate,
} from "graphql";
import { CodedError } from "../kernel/errors.js";
import { limitError, measureDocument, type OperationMeasure } from "./document-limits.js";

/** The most characters that a document may have; a batch that is larger comes as a variable. */
export const DOCUMENT_CHARS_MAX = 50_000;
/** The most tokens a document may have; the parser stops there. */
export const TOKENS_MAX = 2_000;
/** The most errors that an answer shows. */
export const ERRORS_MAX = 5;

/** What is known of a document that was read once. */
export interface CheckedDocument {
  /** What validation found; none where the document is valid. */
  readonly faults: readonly GraphQLError[];
  readonly measures: ReadonlyMap<OperationDefinitionNode, OperationMeasure>;
}

const checked = new WeakMap<DocumentNode, CheckedDocument | CodedError>();

/** Refuses a text that is too long for a document (`LIMIT_EXCEEDED`); what is no text is for GraphQL to say. */
export function checkDocumentText(text: unknown): void {
  if (typeof text !== "string" || text.length <= DOCUMENT_CHARS_MAX) return;
  throw limitError("LIMIT_EXCEEDED", { reason: `a document has ${DOCUMENT_CHARS_MAX} characters at most.` });
}

/**
 * Measures and then validates a document, once in its life. Over a limit it is refused (`LIMIT_EXCEEDED`) before it is
 * validated, since validation takes time that grows faster than the text.
 */
export function checkDocument(schema: GraphQLSchema, document: DocumentNode): CheckedDocument {
  let found = checked.get(document);
  if (found === undefined) {
    found = firstCheck(schema, document);
    checked.set(document, found);
  }
  if (found instanceof CodedError) throw found;
  return found;
}

function firstCheck(schema: GraphQLSchema, document: DocumentNode): CheckedDocument | CodedError {
  try {
    const measures = measureDocument(document);
    return { measures, faults: validate(schema, document, undefined, { maxErrors: ERRORS_MAX }) };
  } catch (error) {
    if (error instanceof CodedError) return error;
    throw error;
  }
}
