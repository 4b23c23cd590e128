import { z } from "zod";
import { trustedText } from "../../identity/documents/service.js";
import { policyOf } from "../../identity/policies/service.js";
import { sha256 } from "../../kernel/digest.js";
import { checkDocumentText } from "../../platform/documents.js";
import { documentError, serverError } from "../errors.js";
import type { RequestContext } from "./context.js";

/** Where a request may say which document it runs. */
const Named = z.object({
  documentId: z.string().nullish(),
  extensions: z.object({ persistedQuery: z.object({ sha256Hash: z.string() }).optional() }).nullish(),
});
const HASH = /^(?:sha256:)?([0-9a-f]{64})$/;

/** A request as it says what to run. */
export interface DocumentRequest {
  readonly query?: unknown;
  readonly documentId?: unknown;
  readonly extensions?: unknown;
}

/**
 * The text of the registered document that a request names, by `documentId` or `extensions.persistedQuery.sha256Hash`;
 * null where it names none. Then what it sends itself is refused (`FORBIDDEN`) to a client that may run registered
 * documents only, unless it is one. Nothing is ever registered on the way.
 */
export async function trustedDocument(context: RequestContext, request: DocumentRequest): Promise<string | null> {
  const { app, actor } = context;
  const sent = typeof request.query === "string" && request.query !== "" ? request.query : null;
  checkDocumentText(sent);
  const hash = namedHash(request);
  if (hash === null) {
    if (
      actor !== null &&
      sent !== null &&
      (await policyOf(app, actor)).trustedDocumentsOnly &&
      (await trustedText(app, actor, sha256(sent).toString("hex"))) === null
    )
      throw documentError("FORBIDDEN");
    return null;
  }
  if (actor === null) throw serverError("UNAUTHENTICATED");
  if (sent !== null && sha256(sent).toString("hex") !== hash) throw documentError("VALIDATION");
  const text = await trustedText(app, actor, hash);
  if (text === null) throw documentError("NOT_FOUND");
  return text;
}

function namedHash({ documentId, extensions }: DocumentRequest): string | null {
  if (documentId === undefined && extensions === undefined) return null; // as nearly always
  const { success, data } = Named.safeParse({ documentId, extensions: read(extensions) });
  const name = success ? (data.documentId ?? data.extensions?.persistedQuery?.sha256Hash) : undefined;
  if (name === undefined) return null;
  const hash = HASH.exec(name)?.[1];
  if (hash === undefined) throw documentError("VALIDATION");
  return hash;
}

/** By GET extensions are JSON. */
function read(extensions: unknown): unknown {
  if (typeof extensions !== "string") return extensions;
  try {
    return JSON.parse(extensions);
  } catch {
    return null; // whoever reads the rest of the request says that it is none
  }
}
