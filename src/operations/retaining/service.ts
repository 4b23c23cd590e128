import { ActType } from "../../acts/entities.js";
import { treeOfPeriod } from "../../exchange/commitments/service.js";
import { BatchState } from "../../exchange/entities.js";
import { extractOf, type ProvenPeriod } from "../../exchange/extracts/service.js";
import { areKept, isReversedLater, type KeptBatch, keptBatches, removeBatch } from "../../exchange/removals/service.js";
import { publicKeysForAllTenants } from "../../identity/platform-keys/service.js";
import { type Actor, shellActor } from "../../kernel/actor.js";
import { assert, present } from "../../kernel/assert.js";
import { BoundedMap } from "../../kernel/bounded-map.js";
import { later } from "../../kernel/clock.js";
import { newId } from "../../kernel/ids.js";
import { frontierRoot } from "../../kernel/merkle.js";
import { frontierOf } from "../../periods/commitments/service.js";
import { holdCursor } from "../../periods/cursors/service.js";
import { periodsByNumber } from "../../periods/service.js";
import type { App } from "../../platform/app.js";
import { transact } from "../../platform/database.js";
import { type HoldInstants, periodHold } from "../../settlement/holds/service.js";
import { statementOfPeriod } from "../../settlement/proofs/service.js";
import type { Partner, Tenant } from "../../tenancy/entities.js";
import { partnersOf } from "../../tenancy/service.js";
import { logSigner } from "../../transparency/keys/service.js";
import { readPolicy } from "../../transparency/proofs/service.js";
import { inclusionProofOf } from "../../transparency/proving/service.js";
import { writeExport } from "../export-files/service.js";
import { type ExportKeys, readExport, statementText } from "../exports/service.js";
import { eraseOrigins } from "../origins/service.js";
import { retentionOf } from "../retention/service.js";

const DAY_MS = 86_400_000;
const PARTNERS_MAX = 500;
/** Batches that are read at once. */
const PAGE_BATCHES = 10;
/** Items that one file holds and one transaction removes; a single batch is always taken. */
const SLICE_ITEMS = 10_000;
const TREES_KEPT_MAX = 8;

/** What a run of retention is to do. */
export interface RetainOrder {
  /** Folder that takes the exports. */
  readonly to: string;
  /** Only counts what would leave and what holds the rest back. */
  readonly isDry: boolean;
  readonly onProgress?: (report: RetainReport) => void;
}

/** What a run did so far. */
export interface RetainReport {
  readonly tenant: string;
  /** Days as approved; null: for ever, and nothing is done. */
  readonly itemDays: number | null;
  readonly originDays: number | null;
  batches: number;
  transactions: number;
  files: number;
  originsErased: number;
  /** How many batches were held back, by the reason. */
  readonly held: Record<string, number>;
}

/**
 * Exports what a tenant need not keep any longer, reads the export back, and removes it: whole batches, the newest
 * first, a file and a transaction for each slice, so that a run that died is simply run again. Then erases old origins
 * of acts. Nothing happens where no retention was approved.
 */
export async function retain(app: App, tenant: Tenant, order: RetainOrder): Promise<RetainReport> {
  const actor = shellActor({ tenantId: tenant.id, tenantNo: tenant.no }, newId("req", app.clock));
  const rule = await retentionOf(app, tenant.id);
  const { itemDays = null, originDays = null } = rule ?? {};
  const none = { batches: 0, transactions: 0, files: 0, originsErased: 0, held: {} };
  const report: RetainReport = { tenant: tenant.id, itemDays, originDays, ...none };
  const now = app.clock.now();
  if (itemDays !== null) {
    const instants = { now, endedBy: later(now, -itemDays * DAY_MS) };
    const { verifierKey } = await logSigner(app, actor);
    const log = readPolicy({ log: verifierKey, witnesses: [], quorum: 0 });
    // What we stored ourselves is ours, whatever became of its key since.
    const jwks = { keys: (await publicKeysForAllTenants(app)).map(({ revoked: _, ...key }) => key) };
    const keys = { jwks, log };
    for await (const partner of partnersIn(app, actor)) {
      await retainPartner({ app, actor, partner, order, report, instants, keys, ...emptyCaches() });
    }
  }
  if (originDays !== null && !order.isDry) {
    report.originsErased = await eraseOrigins(app, actor, later(now, -originDays * DAY_MS));
  }
  return report;
}

interface Run {
  readonly app: App;
  readonly actor: Actor;
  readonly partner: Partner;
  readonly order: RetainOrder;
  readonly report: RetainReport;
  readonly instants: HoldInstants;
  readonly keys: ExportKeys;
  readonly holds: BoundedMap<number, { readonly hold: string | null }>;
  readonly trees: BoundedMap<number, ProvenPeriod>;
}

function emptyCaches(): Pick<Run, "holds" | "trees"> {
  return { holds: new BoundedMap(PARTNERS_MAX), trees: new BoundedMap(TREES_KEPT_MAX) };
}

async function* partnersIn(app: App, actor: Actor): AsyncGenerator<Partner> {
  for (let after: string | null = null; ; ) {
    const page = await partnersOf(app, actor, { first: PARTNERS_MAX, after });
    yield* page.rows;
    const last = page.rows.at(-1);
    if (!page.hasNextPage || last === undefined) return;
    after = Buffer.from(`partners:${page.positionOf(last)}`).toString("base64url");
  }
}

async function retainPartner(run: Run): Promise<void> {
  const { app, partner, instants, order, report } = run;
  for (let below: string | null = null; ; ) {
    const page: KeptBatch[] = await keptBatches(app.database.manager, partner, {
      ...{ by: instants.endedBy, below, limit: PAGE_BATCHES },
    });
    const last = page.at(-1);
    if (last === undefined) return;
    for (const slice of slicesOf(await leavingOf(run, page))) {
      if (order.isDry) count(report, slice);
      else await exportAndRemove(run, slice);
    }
    below = last.batch.no;
  }
}

/** Those of a page that may leave; the others are counted by what holds them back. */
async function leavingOf(run: Run, page: readonly KeptBatch[]): Promise<KeptBatch[]> {
  const leaving: KeptBatch[] = [];
  const periods = new Set<number>();
  for (const kept of page) {
    const hold = await holdOfBatch(run, kept, periods);
    if (hold === null) {
      leaving.push(kept);
      for (const no of kept.periodNos) periods.add(no);
    } else countHeld(run.report, hold);
  }
  return leaving;
}

/**
 * A waiting rollback, an original whose rollback stays and a person who has not decided keep their batches; else its
 * periods decide, and of one that went into none, when it was left as it stands.
 */
async function holdOfBatch(run: Run, kept: KeptBatch, leaving: ReadonlySet<number>): Promise<string | null> {
  const { app, partner, instants, holds } = run;
  if (kept.isWaiting) return "WAITING_ROLLBACK";
  if (kept.batch.state === BatchState.QUARANTINED) return "QUARANTINED";
  if (kept.periodNos.length === 0 && kept.since > instants.endedBy) return "TOO_YOUNG";
  for (const no of kept.periodNos) {
    const known = holds.get(no) ?? { hold: await periodHold(app.database.manager, partner, no, instants) };
    holds.set(no, known);
    if (known.hold !== null) return known.hold;
  }
  const periods = [...leaving, ...kept.periodNos];
  return (await isReversedLater(app.database.manager, partner, kept.keys, periods)) ? "REVERSED_LATER" : null;
}

function* slicesOf(leaving: readonly KeptBatch[]): Generator<KeptBatch[]> {
  let [slice, items]: [KeptBatch[], number] = [[], 0];
  for (const kept of leaving) {
    if (slice.length > 0 && items + kept.batch.itemCount > SLICE_ITEMS) {
      yield slice;
      [slice, items] = [[], 0];
    }
    slice.push(kept);
    items += kept.batch.itemCount;
  }
  if (slice.length > 0) yield slice;
}

async function exportAndRemove(run: Run, slice: readonly KeptBatch[]): Promise<void> {
  const { app, actor, partner, order, report, keys } = run;
  const lines: string[] = [];
  const proven: KeptBatch[] = [];
  for (const kept of slice) {
    const periods = await Promise.all(kept.periodNos.map((no) => provenPeriod(run, no)));
    const mine = periods.filter(({ tree }) => tree.pathOf(kept.batch.id) !== null);
    const extract = await extractOf(app, partner, kept, mine);
    if (extract === null) countHeld(report, "NOT_IN_LOG");
    else {
      lines.push(JSON.stringify(extract));
      proven.push(kept);
    }
  }
  const [first] = proven;
  if (first === undefined) return;
  const stem = `${partner.tenantId}/${partner.id}/${first.batch.id}`;
  const periods = [...new Set(proven.flatMap(({ periodNos }) => periodNos))];
  const unsigned = await addStatements(run, periods, lines);
  const { name, sha256 } = await writeExport(order.to, stem, lines, (read) => {
    const { faults, unstated } = readExport(read, keys);
    return faults[0]?.reason ?? unstated.find((id) => !unsigned.has(id)) ?? null;
  });
  const isRemoved = await transact(app, async (tx) => {
    await holdCursor(tx, partner); // nothing of it is posted, reversed, settled or removed meanwhile
    const keys = proven.flatMap((kept) => kept.keys);
    if (!(await areKept(tx, partner, proven)) || (await isReversedLater(tx, partner, keys, periods))) return false;
    for (const [line, kept] of proven.entries()) {
      await removeBatch(app, tx, actor, { partner, kept, exported: { file: name, sha256, line } });
    }
    return true;
  });
  if (isRemoved) {
    report.files += 1;
    count(report, proven);
  } else for (const _ of proven) countHeld(report, "CHANGED"); // since it was looked at; a file has all of it or none
  order.onProgress?.(report);
}

/** Adds a statement of each period, which states its tree; answers the ids of those that were aborted without one. */
async function addStatements(run: Run, periods: readonly number[], lines: string[]): Promise<ReadonlySet<string>> {
  const unsigned = new Set<string>();
  for (const no of periods) {
    const statement = await statementOfPeriod(run.app.database.manager, run.partner, no);
    if (statement === null) unsigned.add((await provenPeriod(run, no)).period.id);
    else {
      const issued = { type: ActType.STATEMENT_ISSUED, subjectId: statement.id };
      const proof = await inclusionProofOf(run.app, run.actor, issued);
      lines.push(statementText(statement.jws, proof?.file ?? null));
    }
  }
  return unsigned;
}

function countHeld({ held }: RetainReport, reason: string): void {
  held[reason] = (held[reason] ?? 0) + 1;
}

function count(report: RetainReport, batches: readonly KeptBatch[]): void {
  report.batches += batches.length;
  report.transactions += batches.reduce((sum, { keys }) => sum + keys.length, 0);
}

/** The tree of a period, which must be the one that its statements state. */
async function provenPeriod({ app, partner, trees }: Run, no: number): Promise<ProvenPeriod> {
  const known = trees.get(no);
  if (known !== undefined) return known;
  const reader = app.database.manager;
  const period = present((await periodsByNumber(reader, partner.tenantNo, [no])).get(no), "a period of a batch");
  const tree = await treeOfPeriod(reader, partner, no);
  const root = frontierRoot(frontierOf(period));
  assert(tree.root.equals(root), `the batches of ${period.id} come to the root that its statements state`);
  const proven = { period, tree };
  trees.set(no, proven);
  return proven;
}
