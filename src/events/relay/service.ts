import { groupBy } from "../../kernel/group.js";
import type { App } from "../../platform/app.js";
import { type Tx, transact } from "../../platform/database.js";
import { type HeldLease, holdLease } from "../../platform/lease.js";
import { integrate, treeSize } from "../../transparency/service.js";
import { eventOf, type StoredAct, streamKey } from "../streams/service.js";

/** The most acts that are numbered in one transaction. */
export const NUMBERED_MAX = 2_000;
/** Acts that a look at the lag counts at most. */
const LAG_ACTS_MAX = 100_000;
/** Entries that a stream keeps; what is older is read from MySQL. */
const STREAM_LENGTH = 1_000;

interface UnnumberedAct extends Omit<StoredAct, "partnerSequence"> {
  readonly no: string;
  readonly tenantNo: number;
  readonly partnerNo: number;
  readonly leafHash: Buffer;
}

interface NumberedAct extends UnnumberedAct {
  readonly treeIndex: number;
  /** Null for an act of no one partner. */
  readonly partnerSequence: number | null;
}

/**
 * Gives every unnumbered act, in id order, its index in the tenant's tree and its sequence in the partner's stream,
 * both contiguous, and integrates the tree: one transaction under the lease. Answers how many it numbered.
 */
export async function numberActsForAllTenants(app: App, lease: HeldLease): Promise<number> {
  const [isAny] = await app.database.query("/* all tenants */ select 1 from act where tree_index is null limit 1");
  if (isAny === undefined) return 0; // without a write, which would go to the disk some twenty times a second
  const numbered = await transact(app, async (tx) => {
    await holdLease(tx, lease);
    const acts: UnnumberedAct[] = await tx.query(
      `/* all tenants */ select no, tenant_no as tenantNo, partner_no as partnerNo, leaf_hash as leafHash, type,
         subject_id as subjectId, at, detail from act where tree_index is null order by no limit ?`,
      [NUMBERED_MAX],
    );
    const byTenant = groupBy(acts, (act) => act.tenantNo);
    const results: NumberedAct[] = [];
    for (const [tenantNo, own] of byTenant) results.push(...(await numberTenant(tx, tenantNo, own)));
    return results;
  });
  if (numbered.length > 0) await announce(app, numbered);
  return numbered.length;
}

/** Acts without a number: how many, and for how long the oldest has been. */
export interface RelayLag {
  readonly acts: number;
  readonly oldestMs: number;
}

/** How far the numbering is behind; no more than `LAG_ACTS_MAX` acts are counted. */
export async function unnumberedForAllTenants(app: App): Promise<RelayLag> {
  const [count]: { acts: string }[] = await app.database.query(
    `/* all tenants */ select count(*) as acts
     from (select no from act where tree_index is null limit ?) as unnumbered`,
    [LAG_ACTS_MAX],
  );
  const [oldest]: { at: Date }[] = await app.database.query(
    "/* all tenants */ select at from act where tree_index is null order by no limit 1",
  );
  const oldestMs = oldest === undefined ? 0 : Math.max(app.clock.now().getTime() - oldest.at.getTime(), 0);
  return { acts: Number(count?.acts ?? 0), oldestMs };
}

async function numberTenant(tx: Tx, tenantNo: number, acts: readonly UnnumberedAct[]): Promise<NumberedAct[]> {
  const size = await treeSize(tx, tenantNo);
  const sequences = await lastSequences(tx, tenantNo);
  const numbered = acts.map((act, index) => {
    const partnerSequence = act.partnerNo === 0 ? null : (sequences.get(act.partnerNo) ?? 0) + 1;
    if (partnerSequence !== null) sequences.set(act.partnerNo, partnerSequence);
    return { treeIndex: size + index, partnerSequence, ...act };
  });
  await writeNumbers(tx, tenantNo, numbered);
  await saveSequences(tx, tenantNo, numbered);
  await integrate(
    tx,
    tenantNo,
    acts.map((act) => act.leafHash),
  );
  return numbered;
}

async function lastSequences(tx: Tx, tenantNo: number): Promise<Map<number, number>> {
  const rows: { partner_no: number; last_sequence: string }[] = await tx.query(
    "select partner_no, last_sequence from act_sequence where tenant_no = ?",
    [tenantNo],
  );
  return new Map(rows.map((row) => [row.partner_no, Number(row.last_sequence)]));
}

async function writeNumbers(tx: Tx, tenantNo: number, acts: readonly NumberedAct[]): Promise<void> {
  const [, ...rest] = acts;
  const rows = ["select ? as no, ? as tree_index, ? as sequence", ...rest.map(() => "union all select ?, ?, ?")];
  await tx.query(
    `update act join (${rows.join(" ")}) as given on act.no = given.no
     set act.tree_index = given.tree_index, act.partner_sequence = given.sequence
     where act.tenant_no = ? and act.tree_index is null`,
    [...acts.flatMap((act) => [act.no, act.treeIndex, act.partnerSequence]), tenantNo],
  );
}

async function saveSequences(tx: Tx, tenantNo: number, acts: readonly NumberedAct[]): Promise<void> {
  const last = new Map(
    acts.flatMap((act) => (act.partnerSequence === null ? [] : [[act.partnerNo, act.partnerSequence]])),
  );
  if (last.size === 0) return;
  await tx.query(
    `insert into act_sequence (tenant_no, partner_no, last_sequence) values ?
     on duplicate key update last_sequence = values(last_sequence)`,
    [[...last].map(([partnerNo, sequence]) => [tenantNo, partnerNo, sequence])],
  );
}

/** Rings the partners' streams. What Redis does not get, or loses, a reader finds in MySQL. */
async function announce(app: App, acts: readonly NumberedAct[]): Promise<void> {
  if (app.redis.status !== "ready") return;
  const pipeline = app.redis.pipeline();
  for (const act of acts) {
    if (act.partnerSequence === null) continue;
    const key = streamKey(app, act);
    const event = JSON.stringify(eventOf({ ...act, partnerSequence: act.partnerSequence }));
    pipeline.xadd(key, "MAXLEN", "~", STREAM_LENGTH, `${act.partnerSequence}-0`, "event", event);
  }
  try {
    await pipeline.exec(); // a sequence that is there already is refused by Redis, so a repetition is harmless
  } catch (error) {
    app.log.warn({ reason: error instanceof Error ? error.message : "unknown" }, "relay: streams not rung");
  }
}
