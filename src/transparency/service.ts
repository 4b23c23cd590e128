import type { ActType } from "../acts/entities.js";
import { actAt, type NumberedAct, numberedAct } from "../acts/service.js";
import { checkpointKey } from "../identity/platform-keys/service.js";
import type { TenantRef } from "../kernel/actor.js";
import { present } from "../kernel/assert.js";
import type { App } from "../platform/app.js";
import type { Reader, Tx } from "../platform/database.js";
import { transact } from "../platform/database.js";
import { rowOf } from "../platform/rows.js";
import type { Tenant } from "../tenancy/entities.js";
import { formatCheckpoint, signNote } from "./checkpoint.js";
import { type InclusionProof, LogCheckpoint, LogTree } from "./entities.js";
import { transparencyError } from "./errors.js";
import { appendLeaves, inclusionProofFromTiles, type TileReader } from "./tiles.js";

/** The signed state of a tenant's tree. */
export interface SignedTree {
  readonly size: number;
  readonly root: Buffer;
  /** C2SP signed note over origin, size and root. */
  readonly note: string;
}

/** Leaves integrated into a tenant's tree so far: the index that its next act gets. */
export async function treeSize(tx: Tx, tenantNo: number): Promise<number> {
  const tree = await rowOf(tx, LogTree, "tenant_no = ?", [tenantNo]);
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

/** Signs a checkpoint of a tenant's tree if it has grown since the last one; null when it has not. */
export async function signCheckpoint(app: App, tenant: Tenant): Promise<SignedTree | null> {
  const reader = app.database.manager;
  const tree = await reader.findOneBy(LogTree, { tenantNo: tenant.no });
  const last = await latestCheckpoint(app, tenant.no);
  if (tree === null || Number(tree.size) === (last?.size ?? 0)) return null;
  const signer = await checkpointKey(app, tenant.id);
  const [size, { root }] = [Number(tree.size), tree];
  const note = signNote(formatCheckpoint({ origin: signer.name, size, root }), signer);
  await transact(app, (tx) =>
    tx.query(
      `insert into log_checkpoint (tenant_no, size, root, note, signed_at) values (?, ?, ?, ?, ?)
       on duplicate key update tenant_no = tenant_no`,
      [tenant.no, size, root, note, app.clock.now()],
    ),
  );
  return { size, root, note };
}

/** The newest checkpoint of a tenant; null before the first. */
export async function latestCheckpoint(app: App, tenantNo: number): Promise<SignedTree | null> {
  const [found] = await app.database.manager.find(LogCheckpoint, {
    where: { tenantNo },
    order: { size: "DESC" },
    take: 1,
  });
  return found === undefined ? null : { size: Number(found.size), root: found.root, note: found.note };
}

/**
 * The proof that an act is in the tree of the newest checkpoint; null until it is numbered and a checkpoint covers it.
 */
export async function inclusionProofOf(
  app: App,
  tenant: TenantRef,
  act: { readonly type: ActType; readonly subjectId: string },
): Promise<InclusionProof | null> {
  return provenAct(app, tenant, await numberedAct(app, tenant, act));
}

/** The same for the act of an index in the tree. */
export async function inclusionProofAt(app: App, tenant: TenantRef, index: number): Promise<InclusionProof | null> {
  return provenAct(app, tenant, await actAt(app, tenant, index));
}

async function provenAct(app: App, tenant: TenantRef, stored: NumberedAct | null): Promise<InclusionProof | null> {
  const checkpoint = await latestCheckpoint(app, tenant.tenantNo);
  if (stored === null || checkpoint === null || stored.treeIndex >= checkpoint.size) return null;
  const { treeIndex: index, leaf, detail, leafHash } = stored;
  const readTile = tileReader(app.database.manager, tenant.tenantNo);
  const hashes = await inclusionProofFromTiles(readTile, { index, size: checkpoint.size });
  return {
    ...{ index, leaf, detail, checkpoint: checkpoint.note },
    leafHash: leafHash.toString("hex"),
    hashes: hashes.map((hash) => hash.toString("base64")),
  };
}

/** Reads a tenant's stored tiles; one that should be there and is not is evidence lost (`INTERNAL`). */
export function tileReader(reader: Reader, tenantNo: number): TileReader {
  return async (level, index, width) => {
    const [row] = await reader.query(
      "select hashes from log_tile where tenant_no = ? and level = ? and tile_index = ?",
      [tenantNo, level, index],
    );
    const hashes: Buffer = present(row, `tile ${level}/${index}`).hashes;
    if (hashes.length < width * 32) throw transparencyError("INTERNAL");
    return hashes;
  };
}
