import { GraphQLError, type GraphQLSchema, parse } from "graphql";
import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import type { Actor } from "../../kernel/actor.js";
import { sha256 } from "../../kernel/digest.js";
import { type Page, type PageRequest, pageOf, pageStart } from "../../kernel/page.js";
import type { App } from "../../platform/app.js";
import type { Tx } from "../../platform/database.js";
import { checkDocument, checkDocumentText, TOKENS_MAX } from "../../platform/documents.js";
import { once } from "../../platform/idempotency.js";
import { recent } from "../../platform/recent.js";
import { rowOf } from "../../platform/rows.js";
import { identityError } from "../errors.js";
import { TrustedDocument } from "./entities.js";

/** Documents that a tenant may have, withdrawn ones too. */
const DOCUMENTS_MAX = 1_000;
const POSITION = /^[0-9a-f]{64}$/;

/** A document to be registered. */
export interface NewDocument {
  readonly name: string;
  readonly text: string;
}

/**
 * Registers a document of the tenant's, to be run by its hash. One that is over a limit or not valid by this schema is
 * refused; one that is there already stays as it is, and one that was withdrawn may be run again.
 */
export async function registerTrustedDocument(
  app: App,
  actor: Actor,
  { schema, ...input }: NewDocument & { readonly schema: GraphQLSchema },
  idempotencyKey: string | null = null,
): Promise<TrustedDocument> {
  const { name, text } = input;
  checkText(schema, text);
  const hash = sha256(text);
  const request = { operation: "registerTrustedDocument", idempotencyKey, input };
  await once(app, actor, request, async (tx) => {
    const { tenantId, principalId: registeredBy } = actor;
    const before = await lockedDocument(tx, tenantId, hash);
    if (before !== null && before.withdrawnAt === null) return hash.toString("hex");
    const registeredAt = app.clock.now();
    const row = { name, registeredBy, registeredAt, withdrawnAt: null };
    if (before === null) await insertDocument(tx, { tenantId, hash, text, ...row });
    else await tx.update(TrustedDocument, { tenantId, hash }, row);
    const act = { type: ActType.TRUSTED_DOCUMENT_REGISTERED, subjectId: hash.toString("hex"), partner: null };
    await recordActs(tx, actor, registeredAt, [{ ...act, after: { name } }]);
    return hash.toString("hex");
  });
  return trustedDocumentOf(app, actor, hash.toString("hex"));
}

/** Withdraws a document: within seconds no process runs it by its hash. Withdrawing twice answers it as it stands. */
export async function withdrawTrustedDocument(
  app: App,
  actor: Actor,
  input: { readonly sha256: string; readonly reason: string },
  idempotencyKey: string | null = null,
): Promise<TrustedDocument> {
  const { sha256: hex, reason } = input;
  await trustedDocumentOf(app, actor, hex);
  const request = { operation: "withdrawTrustedDocument", idempotencyKey, input };
  await once(app, actor, request, async (tx) => {
    const { tenantId } = actor;
    const hash = Buffer.from(hex, "hex");
    const document = await lockedDocument(tx, tenantId, hash);
    if (document === null || document.withdrawnAt !== null) return hex;
    const withdrawnAt = app.clock.now();
    await tx.update(TrustedDocument, { tenantId, hash }, { withdrawnAt });
    const act = { type: ActType.TRUSTED_DOCUMENT_WITHDRAWN, subjectId: hex, partner: null };
    const before = { withdrawn: false };
    await recordActs(tx, actor, withdrawnAt, [{ ...act, before, after: { withdrawn: true, reason } }]);
    return hex;
  });
  knownTexts(app).forget(keyOf(actor.tenantId, hex));
  return trustedDocumentOf(app, actor, hex);
}

/** A page of the tenant's documents, withdrawn ones too, by their hashes. */
export async function trustedDocumentsOf(
  app: App,
  { tenantId }: Actor,
  request: PageRequest,
): Promise<Page<TrustedDocument>> {
  const { rows, after } = pageStart(request, "trustedDocuments", POSITION);
  const query = app.database.manager
    .createQueryBuilder(TrustedDocument, "document")
    .where("document.tenantId = :tenantId", { tenantId });
  if (after !== null) query.andWhere("document.hash > :after", { after: Buffer.from(after, "hex") });
  const documents = await query
    .orderBy("document.hash")
    .limit(rows + 1)
    .getMany();
  return pageOf(documents, rows, (document) => document.sha256);
}

/** How many documents the tenant has. */
export async function countTrustedDocuments(app: App, { tenantId }: Actor): Promise<number> {
  return app.database.manager.countBy(TrustedDocument, { tenantId });
}

/**
 * The text of the tenant's document of that hash (64 hexadecimal digits), as it stood at most two seconds ago; null
 * where there is none that may be run.
 */
export async function trustedText(app: App, { tenantId }: Actor, hex: string): Promise<string | null> {
  return knownTexts(app).of(keyOf(tenantId, hex), async () => {
    const condition = "tenant_id = ? and hash = ?";
    const row = await rowOf(app.database.manager, TrustedDocument, condition, [tenantId, Buffer.from(hex, "hex")]);
    return row === null || row.withdrawnAt !== null ? null : row.text;
  });
}

const knownTexts = recent<string | null>({ keptMax: 1_000 });

function keyOf(tenantId: string, hex: string): string {
  return `${tenantId} ${hex}`;
}

async function trustedDocumentOf(app: App, { tenantId }: Actor, hex: string): Promise<TrustedDocument> {
  const hash = Buffer.from(hex, "hex");
  const document = await app.database.manager.findOneBy(TrustedDocument, { tenantId, hash });
  if (document === null) throw identityError("NOT_FOUND", { what: "document" });
  return document;
}

function checkText(schema: GraphQLSchema, text: string): void {
  checkDocumentText(text);
  const fault = faultIn(schema, text);
  if (fault === null) return;
  const [place] = fault.locations ?? [];
  const where = place === undefined ? "" : ` at line ${place.line}, column ${place.column}`;
  throw identityError("VALIDATION", { path: "/text", reason: `The document is not valid${where}; run it to see why.` });
}

/** The first thing that is wrong with a document. */
function faultIn(schema: GraphQLSchema, text: string): GraphQLError | null {
  try {
    return checkDocument(schema, parse(text, { maxTokens: TOKENS_MAX })).faults[0] ?? null;
  } catch (error) {
    if (error instanceof GraphQLError) return error;
    throw error;
  }
}

/** Under the tenant's row lock, since there may be no document to lock. */
async function lockedDocument(tx: Tx, tenantId: string, hash: Buffer): Promise<TrustedDocument | null> {
  await tx.query("select id from tenant where id = ? for update", [tenantId]);
  return tx.findOneBy(TrustedDocument, { tenantId, hash });
}

async function insertDocument(tx: Tx, row: Omit<TrustedDocument, "sha256">): Promise<void> {
  const documents = await tx.countBy(TrustedDocument, { tenantId: row.tenantId });
  if (documents >= DOCUMENTS_MAX) throw tooMany();
  await tx.insert(TrustedDocument, row);
}

function tooMany(): Error {
  return identityError("VALIDATION", { path: "/text", reason: `A tenant has ${DOCUMENTS_MAX} documents at most.` });
}
