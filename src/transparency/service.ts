import { emptyRoot } from "../kernel/merkle.js";
import type { App } from "../platform/app.js";
import type { Reader, Tx } from "../platform/database.js";
import { transact } from "../platform/database.js";
import { type HeldLease, holdLease } from "../platform/lease.js";
import { perApp } from "../platform/per-app.js";
import { rowOf } from "../platform/rows.js";
import type { Tenant } from "../tenancy/entities.js";
import { formatCheckpoint, signNote } from "./checkpoint.js";
import { LogTree } from "./entities.js";
import { findFork, noteFork, refusedLogs } from "./forks/service.js";
import { logSigner } from "./keys/service.js";
import { latestCheckpoint, type SignedTree, tileReader } from "./reading/service.js";
import { appendLeaves } from "./tiles.js";
import { awaitedAnchors, noteWaiting, waitingLogs } from "./waiting/service.js";
import { cosignForAllTenants, forgetHeard } from "./witnesses/service.js";

/** How long witnesses are asked about one log after the other, before what is known already is signed. */
const ASKING_MS = 2_000;

/** One pass over the logs, as each of them is signed. */
interface Pass {
  /** Signed is only while it is held (`Fenced`); null for whoever is alone. */
  readonly lease: HeldLease | null;
  /** From when on nobody is asked, by `performance.now()`: one slow witness holds up the other logs no longer. */
  readonly askUntilMs: number;
}

const ALONE: Pass = { lease: null, askUntilMs: Number.POSITIVE_INFINITY };

/** Leaves integrated into a tenant's tree so far: the index that its next act gets. */
export async function treeSize(reader: Reader, tenantNo: number): Promise<number> {
  const tree = await rowOf(reader, LogTree, "tenant_no = ?", [tenantNo]);
  return tree === null ? 0 : Number(tree.size);
}

/** Appends leaf hashes to a tenant's tree; only the relay calls it, under its lease. Answers the new size. */
export async function integrate(tx: Tx, tenantNo: number, leafHashes: readonly Buffer[]): Promise<number> {
  const { tiles, size, root } = await appendLeaves(tileReader(tx, tenantNo), await treeSize(tx, tenantNo), leafHashes);
  await tx.query(
    `insert into log_tile (tenant_no, level, tile_index, hashes) values ?
     on duplicate key update hashes = values(hashes)`,
    [tiles.map((tile) => [tenantNo, tile.level, tile.index, tile.hashes])],
  );
  await tx.query(
    `insert into log_tree (tenant_no, size, root) values (?, ?, ?)
     on duplicate key update size = values(size), root = values(root)`,
    [tenantNo, size, root],
  );
  return size;
}

/** How large the newest checkpoint was of each tree that this process has looked at. */
const lookedAt = perApp(() => new Map<number, number>());

/** Under which leadership it did; null before the first. */
const ledBy = perApp((): { token: bigint | null } => ({ token: null }));

/** How the logs stand that this process signs; null where it signs none. */
export function logStanding(app: App): "ok" | "refused" | "waiting" | null {
  if (refusedLogs(app).size > 0) return "refused";
  if (waitingLogs(app).size > 0) return "waiting";
  return lookedAt(app).size > 0 ? "ok" : null;
}

/**
 * Signs every tenant's tree that has grown, while the lease is held (`Fenced`); answers how many. Whoever leads anew
 * knows nothing of the logs: another process led meanwhile, and rows may have been restored beneath both.
 */
export async function signForAllTenants(app: App, tenants: readonly Tenant[], lease: HeldLease): Promise<number> {
  if (ledBy(app).token !== lease.token) {
    forgetLogs(app);
    ledBy(app).token = lease.token;
  }
  const pass = { lease, askUntilMs: performance.now() + ASKING_MS };
  let signed = 0;
  for (const tenant of tenants) {
    if ((await signCheckpoint(app, tenant, pass)) !== null) signed += 1;
  }
  return signed;
}

/**
 * Signs a checkpoint of a tenant's tree if it has grown since the last one; null when it has not. A tree that does not
 * continue what was signed before, here, in the anchor file or by what witnesses said, is never signed (`refusedLogs`,
 * null): that would be a fork. Nor is any before the file and the witnesses have been heard once by this process
 * (`waitingLogs`, null), so that a restored backup is found before anything is signed. A tree that has not grown is
 * looked at once, and again while it is refused or waits.
 */
export async function signCheckpoint(app: App, tenant: Tenant, pass: Pass = ALONE): Promise<SignedTree | null> {
  const found = await app.database.manager.findOneBy(LogTree, { tenantNo: tenant.no });
  const last = await latestCheckpoint(app, tenant.no);
  const tree = { size: Number(found?.size ?? 0), root: found?.root ?? emptyRoot() };
  const isGrown = tree.size !== (last?.size ?? 0);
  const isSame = !isGrown && (last === null || last.root.equals(tree.root));
  const isKnown = isLookedAt(app, tenant.no, last);
  if (isSame && isKnown && !refusedLogs(app).has(tenant.id)) return null;
  const signer = await logSigner(app, { tenantId: tenant.id, tenantNo: tenant.no });
  const isHeard = isKnown || (await areAnchorsHeard(app, tenant, pass));
  const fork = await findFork(app, tenant, tree, signer.generation);
  noteFork(app, tenant, fork);
  if (!isHeard) return null;
  lookedAt(app).set(tenant.no, last?.size ?? 0);
  if (fork !== null || !isGrown) return null;
  const note = signNote(formatCheckpoint({ origin: signer.name, ...tree }), signer);
  const signed = { ...tree, note, generation: signer.generation, signedAt: app.clock.now() };
  await transact(app, async (tx) => {
    if (pass.lease !== null) await holdLease(tx, pass.lease);
    await tx.query(
      `insert into log_checkpoint (tenant_no, size, root, generation, note, signed_at) values (?, ?, ?, ?, ?, ?)
       on duplicate key update tenant_no = tenant_no`,
      [tenant.no, tree.size, tree.root, signed.generation, note, signed.signedAt],
    );
  });
  lookedAt(app).set(tenant.no, tree.size);
  return signed;
}

/** Whether this process knows the tree; rows that are older than it saw them were restored beneath it. */
function isLookedAt(app: App, tenantNo: number, last: SignedTree | null): boolean {
  const seen = lookedAt(app).get(tenantNo);
  if (seen === undefined || seen <= (last?.size ?? 0)) return seen !== undefined;
  lookedAt(app).delete(tenantNo);
  forgetHeard(app);
  return false;
}

function forgetLogs(app: App): void {
  for (const known of [lookedAt(app), waitingLogs(app), refusedLogs(app)]) known.clear();
  forgetHeard(app);
}

/** Asks the anchors; what they say is kept before this answers, so that `findFork` finds it. */
async function areAnchorsHeard(app: App, tenant: Tenant, { askUntilMs }: Pass): Promise<boolean> {
  if (performance.now() < askUntilMs) await cosignForAllTenants(app, [tenant]);
  const awaited = await awaitedAnchors(app, tenant);
  await noteWaiting(app, tenant, awaited);
  return awaited.length === 0;
}
