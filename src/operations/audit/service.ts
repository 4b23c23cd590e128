import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import { type Actor, PrincipalKind } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { instantText } from "../../kernel/clock.js";
import { type Page, type PageRequest, POSITION, pageStart } from "../../kernel/page.js";
import type { App } from "../../platform/app.js";
import { transact } from "../../platform/database.js";
import { partnerOf } from "../../tenancy/service.js";
import type { ActPosition, ActQuery } from "../act-search/rules.js";
import { actsAt, readActs, type Walk, walkActs } from "../act-search/service.js";
import { operationsError } from "../errors.js";
import type { AuditAct } from "./entities.js";

const COUNTED_MAX = 10_000;
const EXPORT_ROWS = 1_000;

/** Which acts somebody asks for. */
export interface ActFilter extends Omit<ActQuery, "partnerNo"> {
  readonly partnerId: string | null;
}

/**
 * Acts of the actor's tenant, newest first, for whoever is not a partner's. A page looks at 20,000 acts at most: where
 * few of them are what was asked it has fewer rows than wanted, perhaps none, and still says that more follow.
 */
export async function actsOf(app: App, actor: Actor, filter: ActFilter, request: PageRequest): Promise<Page<AuditAct>> {
  const { rows, after } = pageStart(request, "acts", POSITION.PAIR);
  const query = await queryOf(app, actor, filter);
  const walk = { query, order: "desc", rows, after: positionIn(after), treeSize: null } as const;
  const { found, next } = await walkActs(app, actor.tenantNo, walk);
  const page = {
    rows: await actsAt(app, actor, found),
    hasNextPage: next !== null,
    positionOf: ({ at, no }: AuditAct) => positionText({ atMs: at.getTime(), no }),
  };
  return next === null ? page : { ...page, endPosition: positionText(next) };
}

/** How many acts there are, counted to 10,000 and among the newest 20,000 of those that the filter's index names. */
export async function countActs(app: App, actor: Actor, filter: ActFilter): Promise<number> {
  const query = await queryOf(app, actor, filter);
  const walk = { query, order: "desc", rows: COUNTED_MAX, after: null, treeSize: null } as const;
  return (await walkActs(app, actor.tenantNo, walk)).found.length;
}

/** An act of the actor's tenant by its index in the log; `NOT_FOUND` for anything else. */
export async function actOf(app: App, actor: Actor, index: number): Promise<AuditAct> {
  refusePartners(actor);
  const isIndex = Number.isSafeInteger(index) && index >= 0;
  const [act] = isIndex ? await readActs(app, actor, { sql: "act.tree_index = ?", values: [index] }) : [];
  if (act === undefined) throw operationsError("NOT_FOUND", { what: "act" });
  return act;
}

/**
 * Records that the acts are exported, then answers them oldest first, page by page, so that any number streams: those
 * that the log held by then. The export's own act is not among them.
 */
export async function exportActs(
  app: App,
  actor: Actor,
  filter: ActFilter,
  format: string,
): Promise<AsyncIterable<readonly AuditAct[]>> {
  const query = await queryOf(app, actor, filter);
  const treeSize = await numberedSoFar(app, actor.tenantNo);
  const after = { format, size: treeSize, filter: filterSaid(filter) };
  const act = { type: ActType.ACTS_EXPORTED, subjectId: actor.principalId, partner: null, after };
  await transact(app, (tx) => recordActs(tx, actor, app.clock.now(), [act]));
  return exported(app, actor, query, treeSize);
}

async function* exported(app: App, actor: Actor, query: ActQuery, treeSize: number): AsyncGenerator<AuditAct[]> {
  for (let after: ActPosition | null = null; ; ) {
    const walk: Walk = { query, order: "asc", rows: EXPORT_ROWS, after, treeSize };
    const { found, next } = await walkActs(app, actor.tenantNo, walk);
    if (found.length > 0) yield await actsAt(app, actor, found);
    if (next === null) return;
    after = next;
  }
}

/** A filter as it is asked of the database; a partner that the actor may not see is `NOT_FOUND`. */
async function queryOf(app: App, actor: Actor, { partnerId, ...filter }: ActFilter): Promise<ActQuery> {
  refusePartners(actor);
  return { ...filter, partnerNo: partnerId === null ? null : (await partnerOf(app, actor, partnerId)).no };
}

/** What happened to a partner its stream tells; who did it, and from where, is for the tenant to know. */
function refusePartners({ kind }: Actor): void {
  if (kind === PrincipalKind.PARTNER)
    throw operationsError("FORBIDDEN", { reason: "The audit trail is the tenant's." });
}

function filterSaid({ from, before, ...named }: ActFilter): Record<string, unknown> {
  const said = { ...named, from: from && instantText(from), before: before && instantText(before) };
  return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== null && String(value) !== ""));
}

async function numberedSoFar(app: App, tenantNo: number): Promise<number> {
  const [row] = await app.database.query("select size from log_tree where tenant_no = ?", [tenantNo]);
  return Number(row?.size ?? 0);
}

function positionIn(after: string | null): ActPosition | null {
  if (after === null) return null;
  const [atMs, no] = after.split(".");
  return { atMs: Number(atMs), no: present(no, "the number in a position") };
}

function positionText({ atMs, no }: ActPosition): string {
  return `${atMs}.${no}`;
}
