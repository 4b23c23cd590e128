import { leavesOf } from "../../acts/service.js";
import type { TenantRef } from "../../kernel/actor.js";
import { BoundedMap } from "../../kernel/bounded-map.js";
import type { App } from "../../platform/app.js";
import { perApp } from "../../platform/per-app.js";
import { tenantOf } from "../../tenancy/service.js";
import { transparencyError } from "../errors.js";
import { latestCheckpoint, shownCheckpoint, tileReader } from "../reading/service.js";
import { parseBundlePath, parseTilePath, TILE_WIDTH, tileWidth } from "../tiles.js";

/** A tenant's log as it stood a moment ago. */
interface PublishedLog {
  readonly tenant: TenantRef;
  /** The note to show, and the leaves that any signed checkpoint covers. */
  readonly note: string;
  readonly size: number;
}

const KEPT_MS = 1_000;
const LOGS_KEPT_MAX = 1_000;
const HASH_BYTES = 32;
const LENGTH_BYTES = 2;

interface KeptLog {
  readonly log: Promise<PublishedLog>;
  readonly readAtMs: number;
}

const keptLogs = perApp(() => new BoundedMap<string, KeptLog>(LOGS_KEPT_MAX));

/** The signed note of a tenant's log (C2SP tlog-tiles); `NOT_FOUND` where there is no such log, or nothing signed. */
export async function publishedNote(app: App, tenantId: string): Promise<string> {
  return (await publishedLog(app, tenantId)).note;
}

/** A tile that a signed checkpoint covers, by its path below the log's prefix; `NOT_FOUND` for anything else. */
export async function publishedTile(app: App, tenantId: string, path: string): Promise<Buffer> {
  const { tenant, size } = await publishedLog(app, tenantId);
  const tile = parseTilePath(path);
  if (tile === null || tile.width > tileWidth(size, tile)) throw transparencyError("NOT_FOUND", { what: "tile" });
  const hashes = await tileReader(app.database.manager, tenant.tenantNo)(tile.level, tile.index, tile.width);
  return hashes.subarray(0, tile.width * HASH_BYTES);
}

/**
 * The leaves whose hashes a tile of level 0 has, each after its length in two bytes (C2SP tlog-tiles, entry bundles);
 * `NOT_FOUND` as for tiles.
 */
export async function publishedBundle(app: App, tenantId: string, path: string): Promise<Buffer> {
  const { tenant, size } = await publishedLog(app, tenantId);
  const bundle = parseBundlePath(path);
  if (bundle === null || bundle.width > tileWidth(size, { level: 0, index: bundle.index })) {
    throw transparencyError("NOT_FOUND", { what: "bundle" });
  }
  const leaves = await leavesOf(app, tenant, { from: bundle.index * TILE_WIDTH, count: bundle.width });
  return Buffer.concat(
    leaves.flatMap((leaf) => {
      const length = Buffer.alloc(LENGTH_BYTES);
      length.writeUInt16BE(Buffer.byteLength(leaf));
      return [length, Buffer.from(leaf)];
    }),
  );
}

/** Read once a second for all who ask. */
async function publishedLog(app: App, tenantId: string): Promise<PublishedLog> {
  const kept = keptLogs(app);
  const known = kept.get(tenantId);
  if (known !== undefined && performance.now() - known.readAtMs < KEPT_MS) return known.log;
  const log = readLog(app, tenantId);
  kept.set(tenantId, { log, readAtMs: performance.now() });
  return log;
}

async function readLog(app: App, tenantId: string): Promise<PublishedLog> {
  const { id, no } = await tenantOf(app, tenantId);
  const newest = await latestCheckpoint(app, no);
  const shown = await shownCheckpoint(app, no);
  if (newest === null || shown === null) throw transparencyError("NOT_FOUND", { what: "checkpoint" });
  return { tenant: { tenantId: id, tenantNo: no }, note: shown.note, size: newest.size };
}
