import { leafText } from "../../acts/service.js";
import type { TenantRef } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import type { App } from "../../platform/app.js";
import type { AuditAct } from "../audit/entities.js";
import { type ActPosition, type ActQuery, allOf, type Condition, planOf, stretchOf } from "./rules.js";

/** Acts of an index that one walk looks at, whatever they are asked besides. */
const EXAMINED_MAX = 20_000;
/** Acts of an index that one query looks at. */
const STRIDE_MAX = 5_000;

/** Which acts to look for, in which order of instants, and how many. */
export interface Walk {
  readonly query: ActQuery;
  readonly order: "asc" | "desc";
  readonly rows: number;
  /** Where to go on; null at the beginning. */
  readonly after: ActPosition | null;
  /** Only acts below that index of the log; null: all that have one. */
  readonly treeSize: number | null;
}

/** What a walk came to. */
export interface Walked {
  readonly found: readonly ActPosition[];
  /** Where to go on; null at the end. */
  readonly next: ActPosition | null;
}

/** Goes along one index, in longer and longer strides, until enough is found or 20,000 acts were looked at. */
export async function walkActs(app: App, tenantNo: number, walk: Walk): Promise<Walked> {
  const found: ActPosition[] = [];
  let { after } = walk;
  let stride = Math.min(walk.rows + 1, STRIDE_MAX);
  for (let examined = 0; examined < EXAMINED_MAX; ) {
    const looked = await lookAt(app, tenantNo, { ...walk, after }, stride);
    for (const { atMs, no, isWanted } of looked) if (isWanted) found.push({ atMs, no });
    if (found.length > walk.rows) {
      const taken = found.slice(0, walk.rows);
      return { found: taken, next: present(taken.at(-1), "the last of a full page") };
    }
    if (looked.length < stride) return { found, next: null };
    after = looked.at(-1) ?? null;
    examined += looked.length;
    stride = Math.min(stride * 4, STRIDE_MAX, EXAMINED_MAX - examined);
  }
  return { found, next: after };
}

interface Looked extends ActPosition {
  readonly isWanted: boolean;
}

async function lookAt(app: App, tenantNo: number, walk: Walk, rows: number): Promise<Looked[]> {
  const { sql, values } = stride(tenantNo, walk, rows);
  const looked: { no: string; at: Date; wanted: number | string }[] = await app.database.query(sql, [...values]);
  return looked.map(({ no, at, wanted }) => ({ atMs: at.getTime(), no: String(no), isWanted: Number(wanted) === 1 }));
}

/** The query of one stride: it reads so many rows in the order of its index, and sorts none. */
export function stride(
  tenantNo: number,
  { query, order, after, treeSize }: Omit<Walk, "rows">,
  rows: number,
): Condition {
  const { index, along, besides } = planOf(query);
  const numbered = treeSize === null ? "tree_index is not null" : "tree_index is not null and tree_index < ?";
  const wanted = allOf([...besides, { sql: numbered, values: treeSize === null ? [] : [treeSize] }]);
  const stretch = allOf([along, stretchOf(query, order, after)]);
  return {
    sql: `select no, at, ${wanted.sql} as wanted from act force index (${index})
      where tenant_no = ? and ${stretch.sql} order by at ${order}, no ${order} limit ?`,
    values: [...wanted.values, tenantNo, ...stretch.values, rows],
  };
}

/** The acts at those positions, in that order. */
export async function actsAt(app: App, tenant: TenantRef, positions: readonly ActPosition[]): Promise<AuditAct[]> {
  if (positions.length === 0) return [];
  const acts = await readActs(app, tenant, { sql: "act.no in (?)", values: [positions.map(({ no }) => no)] });
  const byNo = new Map(acts.map((act) => [act.no, act]));
  return positions.map(({ no }) => present(byNo.get(no), "an act that was just found"));
}

/** The numbered acts of a tenant of which a condition holds, in no order. */
export async function readActs(app: App, { tenantId, tenantNo }: TenantRef, which: Condition): Promise<AuditAct[]> {
  const rows: ActRow[] = await app.database.query(
    `select act.no, act.partner_no as partnerNo, act.tree_index as treeIndex, act.type, act.subject_id as subjectId,
       act.principal_kind as principalKind, act.principal_id as principalId, act.request_id as requestId, act.at,
       act.detail, act.detail_sha256 as detailSha256, act.origin, act.origin_sha256 as originSha256,
       act.leaf_hash as leafHash, partner.id as partnerId
     from act left join partner on partner.tenant_no = act.tenant_no and partner.no = act.partner_no
     where act.tenant_no = ? and act.tree_index is not null and ${which.sql}`,
    [tenantNo, ...which.values],
  );
  return rows.map((row) => auditAct(tenantId, row));
}

type ActRow = Pick<AuditAct, "no" | "partnerNo" | "type" | "principalKind" | "requestId" | "at"> & {
  readonly treeIndex: string;
  readonly subjectId: string;
  readonly principalId: string;
  readonly detail: string | null;
  readonly detailSha256: Buffer;
  readonly origin: string | null;
  readonly originSha256: Buffer;
  readonly leafHash: Buffer;
  readonly partnerId: string | null;
};

interface Detail {
  readonly before: Record<string, unknown> | null;
  readonly after: (Record<string, unknown> & { readonly reason?: unknown; readonly note?: unknown }) | null;
}

interface Origin {
  readonly address: string | null;
  readonly traceparent: string | null;
}

function auditAct(tenantId: string, row: ActRow): AuditAct {
  const { no, partnerNo, partnerId, type, subjectId, principalKind, principalId, requestId, at } = row;
  const { before, after }: Detail = row.detail === null ? { before: null, after: null } : JSON.parse(row.detail);
  const origin: Origin = row.origin === null ? { address: null, traceparent: null } : JSON.parse(row.origin);
  const why = after?.reason ?? after?.note; // a bank's word for a payout is a note
  return {
    ...{ no: String(no), partnerNo, partnerId, index: Number(row.treeIndex), type, subject: subjectId, principalKind },
    ...{ principal: principalId, requestId, at, address: origin.address, traceparent: origin.traceparent },
    ...{ before, after, reason: typeof why === "string" ? why : null },
    ...{ isDetailErased: row.detail === null, isOriginErased: row.origin === null },
    leaf: leafText({ ...row, tenantId }),
    leafHash: row.leafHash.toString("hex"),
  };
}
