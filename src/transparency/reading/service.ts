import { present } from "../../kernel/assert.js";
import type { App } from "../../platform/app.js";
import type { Reader } from "../../platform/database.js";
import { LogCheckpoint, LogCosignature } from "../entities.js";
import { transparencyError } from "../errors.js";
import type { TileReader } from "../tiles.js";

/** A signed checkpoint of a tenant's tree. */
export interface SignedTree {
  readonly size: number;
  readonly root: Buffer;
  /** Of the key that signed it. */
  readonly generation: number;
  /** C2SP signed note over origin, size and root. */
  readonly note: string;
  readonly signedAt: Date;
}

/** How much older than the newest checkpoint one may be that is shown because witnesses have cosigned it. */
const COSIGNED_LAG_MS = 10_000;

/** The newest checkpoint of a tenant, as it was signed; null before the first. */
export async function latestCheckpoint(app: App, tenantNo: number): Promise<SignedTree | null> {
  const [found] = await app.database.manager.find(LogCheckpoint, {
    where: { tenantNo },
    order: { size: "DESC" },
    take: 1,
  });
  return found === undefined ? null : signedTree(found, found.note);
}

/**
 * The checkpoint to show to whoever asks about a tree of at least so many leaves, with the lines of the witnesses that
 * cosigned it: the newest cosigned one, or the newest of all where witnesses lag by more than ten seconds. Null where
 * none is signed.
 */
export async function shownCheckpoint(app: App, tenantNo: number, sizeMin = 0): Promise<SignedTree | null> {
  const newest = await latestCheckpoint(app, tenantNo);
  if (newest === null || newest.size < sizeMin) return null;
  const { manager } = app.database;
  const [seen] = await manager.find(LogCosignature, { where: { tenantNo }, order: { size: "DESC" }, take: 1 });
  if (seen === undefined || Number(seen.size) < sizeMin) return newest;
  const cosigned = await manager.findOneBy(LogCheckpoint, { tenantNo, size: seen.size });
  const isRecent =
    cosigned?.generation === newest.generation &&
    newest.signedAt.getTime() - cosigned.signedAt.getTime() <= COSIGNED_LAG_MS;
  if (!isRecent) return newest;
  const cosignatures = await manager.find(LogCosignature, {
    where: { tenantNo, size: seen.size },
    order: { witness: "ASC" },
  });
  const note = [cosigned.note, ...cosignatures.map(({ line }) => line)].join("");
  return signedTree(cosigned, note);
}

function signedTree({ size, root, generation, signedAt }: LogCheckpoint, note: string): SignedTree {
  return { size: Number(size), root, generation, note, signedAt };
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
