import { randomBytes } from "node:crypto";
import type { Actor, TenantRef } from "../kernel/actor.js";
import { assert } from "../kernel/assert.js";
import { canonicalJson } from "../kernel/canonical-json.js";
import { instantText } from "../kernel/clock.js";
import { leafHash, sha256 } from "../kernel/digest.js";
import type { App } from "../platform/app.js";
import type { TxSql } from "../platform/database.js";
import type { ActType } from "./entities.js";
import { EVIDENCE, missingEvidence, type Said } from "./rules.js";

/** The most acts of one insert. */
const ROWS_MAX = 500;
const NONCE_BYTES = 16;
const ADDRESS_LENGTH_MAX = 64;

/**
 * What happened, to what, and how it stood before and after; hashes stand for what is long or personal. What each type
 * must say is in `rules.ts`; a reason is `after.reason`.
 */
export interface ActInput extends Said {
  readonly type: ActType;
  readonly subjectId: string;
  /** Whose stream tells it; null where it is of no one partner. */
  readonly partner: { readonly id: string; readonly no: number } | null;
}

/** An act's leaf as the tree holds it; hashes stand for the rest. */
export interface LeafContent {
  readonly tenantId: string;
  readonly partnerId: string | null;
  readonly type: string;
  readonly subjectId: string;
  readonly principalKind: string;
  readonly principalId: string;
  readonly requestId: string;
  readonly at: Date;
  readonly detailSha256: Buffer;
  readonly originSha256: Buffer;
}

/** Records acts in the caller's transaction; the relay numbers them later. Answers their leaf hashes, in order. */
export async function recordActs(tx: TxSql, actor: Actor, at: Date, inputs: readonly ActInput[]): Promise<Buffer[]> {
  return recordActsOf(
    tx,
    at,
    inputs.map((act) => ({ actor, act })),
  );
}

/** An act and who did it. */
export interface ActOf {
  readonly actor: Actor;
  readonly act: ActInput;
}

/** What a later domain does in the very transaction of an earlier one's act; what it throws undoes the act. */
export type ActListener = (tx: TxSql, act: ActOf, at: Date) => Promise<void>;

const listeners = new Map<ActType, ActListener>();

/** Has a listener hear every act of a type from now on; one a type. The server's list says who listens to what. */
export function listenToActs(type: ActType, listener: ActListener): void {
  listeners.set(type, listener);
}

/** The same for acts of several actors. */
export async function recordActsOf(tx: TxSql, at: Date, acts: readonly ActOf[]): Promise<Buffer[]> {
  const rows = acts.map(({ actor, act }) => actRow(actor, at, act));
  for (let start = 0; start < rows.length; start += ROWS_MAX) {
    await tx.query(
      `insert into act (tenant_no, partner_no, type, subject_id, principal_kind, principal_id, request_id, at, detail,
         detail_sha256, origin, address, origin_sha256, leaf_hash) values ?`,
      [rows.slice(start, start + ROWS_MAX).map((row) => row.values)],
    );
  }
  for (const each of acts) {
    const listener = listeners.get(each.act.type);
    if (listener !== undefined) await listener(tx, each, at);
  }
  return rows.map((row) => row.leafHash);
}

/** What an act of that type tells of, in a sentence. */
export function meaningOf(type: ActType): string {
  return EVIDENCE[type].says;
}

/** The bytes of an act's leaf: canonical JSON (RFC 8785) of who did what to what, when, with the detail's SHA-256. */
export function leafText(leaf: LeafContent): string {
  return canonicalJson({
    v: 1,
    tenant: leaf.tenantId,
    partner: leaf.partnerId,
    type: leaf.type,
    subject: leaf.subjectId,
    principal: { kind: leaf.principalKind, id: leaf.principalId },
    request: leaf.requestId,
    at: instantText(leaf.at),
    detailSha256: leaf.detailSha256.toString("hex"),
    originSha256: leaf.originSha256.toString("hex"),
  });
}

/** A numbered act with its leaf spelled out again. */
export interface NumberedAct {
  readonly treeIndex: number;
  readonly leaf: string;
  readonly leafHash: Buffer;
  /** Null once it was erased. */
  readonly detail: string | null;
}

/** The first act of a type about a subject, once it has its number; null before, and where there is none. */
export async function numberedAct(
  app: App,
  tenant: TenantRef,
  { type, subjectId }: { readonly type: ActType; readonly subjectId: string },
): Promise<NumberedAct | null> {
  const which = "act.subject_id = ? and act.type = ? and act.tree_index is not null";
  return findNumbered(app, tenant, which, [subjectId, type]);
}

/** The act of an index in the tenant's tree; null where there is none. */
export async function actAt(app: App, tenant: TenantRef, index: number): Promise<NumberedAct | null> {
  return findNumbered(app, tenant, "act.tree_index = ?", [index]);
}

async function findNumbered(
  app: App,
  { tenantId, tenantNo }: TenantRef,
  which: string,
  values: readonly unknown[],
): Promise<NumberedAct | null> {
  const [row] = await app.database.query(
    `select act.type, act.subject_id as subjectId, act.principal_kind as principalKind,
       act.principal_id as principalId, act.request_id as requestId, act.at,
       act.detail, act.detail_sha256 as detailSha256, act.origin_sha256 as originSha256, act.leaf_hash as leafHash,
       act.tree_index as treeIndex,
       partner.id as partnerId
     from act left join partner on partner.tenant_no = act.tenant_no and partner.no = act.partner_no
     where act.tenant_no = ? and ${which} order by act.tree_index limit 1`,
    [tenantNo, ...values],
  );
  if (row === undefined) return null;
  const { treeIndex, detail, leafHash, ...rest } = row;
  return { treeIndex: Number(treeIndex), leaf: leafText({ ...rest, tenantId }), leafHash, detail };
}

/** The leaves of so many numbered acts from an index on, in the order of the tree. */
export async function leavesOf(
  app: App,
  { tenantId, tenantNo }: TenantRef,
  { from, count }: { readonly from: number; readonly count: number },
): Promise<string[]> {
  const rows: Omit<LeafContent, "tenantId">[] = await app.database.query(
    `select act.type, act.subject_id as subjectId, act.principal_kind as principalKind,
       act.principal_id as principalId, act.request_id as requestId, act.at, act.detail_sha256 as detailSha256,
       act.origin_sha256 as originSha256, partner.id as partnerId
     from act left join partner on partner.tenant_no = act.tenant_no and partner.no = act.partner_no
     where act.tenant_no = ? and act.tree_index >= ? and act.tree_index < ? order by act.tree_index`,
    [tenantNo, from, from + count],
  );
  return rows.map((row) => leafText({ ...row, tenantId }));
}

function actRow(actor: Actor, at: Date, input: ActInput): { values: unknown[]; leafHash: Buffer } {
  const { type, subjectId, partner, before = null, after = null } = input;
  const missing = missingEvidence(type, input);
  assert(missing === null, `an act ${type} says what it must: ${missing}`);
  const { kind: principalKind, principalId, requestId, tenantId, traceparent, address } = actor;
  const detail = canonicalJson({ before, after });
  // The nonce keeps an erased origin from being guessed: there are few addresses.
  const origin = canonicalJson({ address, traceparent, nonce: randomBytes(NONCE_BYTES).toString("hex") });
  const [detailSha256, originSha256] = [sha256(detail), sha256(origin)];
  const subject = { tenantId, partnerId: partner?.id ?? null, type, subjectId };
  const hash = leafHash(
    leafText({ principalKind, principalId, requestId, at, detailSha256, originSha256, ...subject }),
  );
  const named = [actor.tenantNo, partner?.no ?? 0, type, subjectId, principalKind, principalId, requestId, at];
  const from = address?.slice(0, ADDRESS_LENGTH_MAX) ?? null;
  return { values: [...named, detail, detailSha256, origin, from, originSha256, hash], leafHash: hash };
}
