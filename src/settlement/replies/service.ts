import { In } from "typeorm";
import type { z } from "zod";
import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import { type DocumentName, receiveDocument, type SignedDocument } from "../../exchange/documents/service.js";
import { noteKeyUse } from "../../identity/key-use/service.js";
import { lockActiveKeys } from "../../identity/keys/service.js";
import type { Actor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { sha256Hex } from "../../kernel/digest.js";
import { CodedError } from "../../kernel/errors.js";
import { newId } from "../../kernel/ids.js";
import type { App } from "../../platform/app.js";
import { CommitOutcomeUnknown, type Tx, transact } from "../../platform/database.js";
import { lookedUp } from "../../platform/idempotency.js";
import { partnerOf } from "../../tenancy/service.js";
import { settlementError } from "../errors.js";
import { type LockedStatement, lockStatement } from "../lifecycle/service.js";
import { REPLY_BYTES_MAX } from "../reply-schema.js";
import { statementOf } from "../statements/service.js";
import { ReplyKind, StatementReply } from "./entities.js";

/** What a reply came to: the statement, and the dispute that it opened or withdrew. */
export interface Replied {
  readonly reply: StatementReply;
  /** Whether this document was taken before. */
  readonly replayed: boolean;
}

/** The form of what is said about a statement. */
export type AboutStatement = z.ZodType<{ readonly statement: { readonly id: string; readonly sha256: string } }>;

/** A reply's kind and form, and what it does, in the transaction that stores it. */
export interface ReplyForm<S extends AboutStatement> {
  readonly kind: ReplyKind;
  readonly typ: string;
  readonly schema: S;
  /** Answers the dispute that it opened or withdrew; null for an acknowledgement. */
  readonly act: (tx: Tx, reply: ReplyTo<z.infer<S>>) => Promise<string | null>;
}

/** What a reply says about a locked statement. */
export interface ReplyTo<C> {
  readonly locked: LockedStatement;
  readonly content: C;
  readonly replyId: string;
  readonly receivedAt: Date;
  /** What the act says of the document. */
  readonly says: { readonly jti: string; readonly kid: string; readonly payloadSha256: string };
}

/**
 * Takes what a partner signed about one of its statements, once for each `jti`: the same document again answers the
 * same. A refusal is a coded error; it leaves an act and nothing else.
 */
export async function takeReply<S extends AboutStatement>(
  app: App,
  actor: Actor,
  jws: string,
  form: ReplyForm<S>,
): Promise<Replied> {
  try {
    const received = { jws, typ: form.typ, bytesMax: REPLY_BYTES_MAX };
    const known = (name: DocumentName) => knownReply(app, actor, form.kind, name);
    const reception = await receiveDocument(app, actor, received, known);
    if (reception.known !== null) return { reply: reception.known, replayed: true };
    return await store(app, actor, { ...form, jws, document: reception.document });
  } catch (error) {
    if (error instanceof CodedError && !error.retryable) await recordRefusal(app, actor, form.kind, jws, error);
    throw error;
  }
}

/** Replies of a tenant by id, in the order asked; for loaders. */
export async function repliesById(app: App, tenantId: string, ids: readonly string[]): Promise<StatementReply[]> {
  const found = await app.database.manager.findBy(StatementReply, { tenantId, id: In([...ids]) });
  const byId = new Map(found.map((reply) => [reply.id, reply]));
  return ids.map((id) => present(byId.get(id), "a reply that a row names"));
}

/** The acknowledgement of each statement, in the order asked; null where there is none; for loaders. */
export async function acknowledgementsOf(
  app: App,
  tenantId: string,
  statementIds: readonly string[],
): Promise<(StatementReply | null)[]> {
  const where = { tenantId, statementId: In([...statementIds]), kind: ReplyKind.ACKNOWLEDGEMENT };
  const found = await app.database.manager.findBy(StatementReply, where);
  const byStatement = new Map(found.map((reply) => [reply.statementId, reply]));
  return statementIds.map((id) => byStatement.get(id) ?? null);
}

interface ToStore<S extends AboutStatement> extends ReplyForm<S> {
  readonly jws: string;
  readonly document: SignedDocument;
}

async function store<S extends AboutStatement>(
  app: App,
  actor: Actor,
  { kind, schema, act, jws, document }: ToStore<S>,
): Promise<Replied> {
  const content = checkedContent(schema, document.content);
  const statement = await statementOf(app, actor, content.statement.id);
  if (sha256Hex(statement.jws) !== content.statement.sha256) {
    throw settlementError("VALIDATION", { path: "/statement/sha256", reason: "It is not that of the statement." });
  }
  const partner = await partnerOf(app, actor, present(actor.partnerId, "the partner of a signed document"));
  const { jti, kid, keyId, payloadSha256 } = document;
  const row = {
    ...{ tenantId: actor.tenantId, id: newId("rpl", app.clock), partnerId: partner.id, statementId: statement.id },
    ...{ kind, jti, kid, payloadSha256, jws, receivedAt: app.clock.now() },
  };
  try {
    const disputeId = await transact(app, async (tx) => {
      const locked = await lockStatement(tx, partner, statement.id);
      const active = await lockActiveKeys(tx, actor.tenantId, new Set([keyId]));
      if (!active.has(keyId)) throw settlementError("KEY_REVOKED", { kid });
      const says = { jti, kid, payloadSha256: payloadSha256.toString("hex") };
      const { id: replyId, receivedAt } = row;
      const opened = await act(tx, { locked, content, replyId, receivedAt, says });
      await tx.insert(StatementReply, { ...row, disputeId: opened });
      return opened;
    });
    noteKeyUse(app, actor.tenantId, keyId);
    return { reply: Object.assign(new StatementReply(), row, { disputeId }), replayed: false };
  } catch (error) {
    // Whatever it met, perhaps the same document was first. A locking read waits for a COMMIT that was not answered.
    const isUnknown = error instanceof CommitOutcomeUnknown;
    const lookUp = () => knownReply(app, actor, kind, document, isUnknown ? "lock in share mode" : "");
    const known = await (isUnknown ? lookedUp(error, lookUp) : lookUp());
    if (known === null) throw error;
    return { reply: known, replayed: !isUnknown };
  }
}

/** The reply that holds a `jti` of the partner, if it is this document; another one is refused. */
async function knownReply(
  app: App,
  { tenantId, partnerId }: Actor,
  kind: ReplyKind,
  { jti, payloadSha256 }: DocumentName,
  lock = "",
): Promise<StatementReply | null> {
  const [row] = await app.database.query(
    `select id, kind, payload_sha256 as sha256 from statement_reply
     where tenant_id = ? and partner_id = ? and jti = ? ${lock}`,
    [tenantId, partnerId, jti],
  );
  if (row === undefined) return null;
  if (row.kind !== kind || !payloadSha256.equals(row.sha256)) {
    throw settlementError("IDEMPOTENCY_CONFLICT", { path: "/jti" });
  }
  return present((await repliesById(app, tenantId, [row.id]))[0], "a reply that was just read");
}

/** The content in its form; refused by the first thing that is wrong, without repeating the signer's own names. */
function checkedContent<S extends AboutStatement>(schema: S, content: unknown): z.infer<S> {
  const parsed = schema.safeParse(content);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const path = `/${(issue?.path ?? []).map(String).join("/")}`;
  const reason = issue?.code === "unrecognized_keys" ? "has a member that is not one of the format" : issue?.message;
  throw settlementError("VALIDATION", { path, reason: `The document is refused: ${path} ${reason}.` });
}

/** A refused document leaves an act: which check failed and the hash of what came; never the content. */
async function recordRefusal(app: App, actor: Actor, kind: ReplyKind, jws: string, error: CodedError): Promise<void> {
  const { check = null, kid = null, path = null } = error.details;
  const partner = actor.partnerId === null ? null : await partnerOf(app, actor, actor.partnerId);
  const after = { kind, code: error.code, check, kid, path, sha256: sha256Hex(jws) };
  const act = { type: ActType.STATEMENT_REPLY_REFUSED, subjectId: actor.principalId, partner, after };
  await transact(app, (tx) => recordActs(tx, actor, app.clock.now(), [act]));
}
