import { emptyRoot } from "../kernel/merkle.js";
import type { App } from "../platform/app.js";
import type { Reader, Tx } from "../platform/database.js";
import { transact } from "../platform/database.js";
import { perApp } from "../platform/per-app.js";
import { rowOf } from "../platform/rows.js";
import type { Tenant } from "../tenancy/entities.js";
import { formatCheckpoint, signNote } from "./checkpoint.js";
import { LogTree } from "./entities.js";
import { findFork, noteFork, refusedLogs } from "./forks/service.js";
import { logSigner } from "./keys/service.js";
import { latestCheckpoint, type SignedTree, tileReader } from "./reading/service.js";
import { appendLeaves } from "./tiles.js";
import { cosignForAllTenants } from "./witnesses/service.js";

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

/** Trees that this process has looked at since it started. */
const lookedAt = perApp(() => new Set<number>());

/**
 * Signs a checkpoint of a tenant's tree if it has grown since the last one; null when it has not. A tree that does not
 * continue what was signed before, here, in the anchor file or by what witnesses said, is never signed (`refusedLogs`,
 * null): that would be a fork. A process looks once at each tree that has not grown, and again while it is refused, and
 * asks the witnesses before its first signature, so that a restored backup is found at its start.
 */
export async function signCheckpoint(app: App, tenant: Tenant): Promise<SignedTree | null> {
  const found = await app.database.manager.findOneBy(LogTree, { tenantNo: tenant.no });
  const last = await latestCheckpoint(app, tenant.no);
  const tree = { size: Number(found?.size ?? 0), root: found?.root ?? emptyRoot() };
  const isGrown = tree.size !== (last?.size ?? 0);
  const isSame = !isGrown && (last === null || last.root.equals(tree.root));
  if (isSame && lookedAt(app).has(tenant.no) && !refusedLogs(app).has(tenant.id)) return null;
  const signer = await logSigner(app, { tenantId: tenant.id, tenantNo: tenant.no });
  if (!lookedAt(app).has(tenant.no)) await cosignForAllTenants(app, [tenant]);
  const fork = await findFork(app, tenant, tree, signer.generation);
  lookedAt(app).add(tenant.no);
  noteFork(app, tenant, fork);
  if (fork !== null || !isGrown) return null;
  const note = signNote(formatCheckpoint({ origin: signer.name, ...tree }), signer);
  const signed = { ...tree, note, generation: signer.generation, signedAt: app.clock.now() };
  await transact(app, (tx) =>
    tx.query(
      `insert into log_checkpoint (tenant_no, size, root, generation, note, signed_at) values (?, ?, ?, ?, ?, ?)
       on duplicate key update tenant_no = tenant_no`,
      [tenant.no, tree.size, tree.root, signed.generation, note, signed.signedAt],
    ),
  );
  return signed;
}
