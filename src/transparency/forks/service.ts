import { AssertionFailed } from "../../kernel/assert.js";
import { CodedError, ErrorCode } from "../../kernel/errors.js";
import { findConsistencyFault } from "../../kernel/merkle.js";
import type { App } from "../../platform/app.js";
import { perApp } from "../../platform/per-app.js";
import type { Tenant } from "../../tenancy/entities.js";
import { anchorState, anchorsOf, FILE_ANCHOR, lastAnchored } from "../anchors/service.js";
import { latestCheckpoint, tileReader } from "../reading/service.js";
import { consistencyProofFromTiles } from "../tiles.js";
import { isContradiction } from "../witnesses/rules.js";
import { witnessesIn } from "../witnesses/service.js";

/** Why a tree is no continuation of what was signed. */
export enum ForkReason {
  /** It has fewer leaves: rows are lost, or an old backup was restored. */
  SHRUNK = "SHRUNK",
  /** As many or more, and others among the first. */
  CHANGED = "CHANGED",
  /** Tiles are missing, so that nothing can be proven. */
  TILES_MISSING = "TILES_MISSING",
  /** The anchor file cannot be read, or holds less than it once did. */
  ANCHOR_MISSING = "ANCHOR_MISSING",
  /** A witness said that it holds a larger tree than was signed, or another. */
  WITNESSED = "WITNESSED",
}

/** What keeps a log from being signed. */
export interface Fork {
  readonly reason: ForkReason;
  /** Who holds the checkpoint that the tree does not continue: `database`, `file`, or a witness by its name. */
  readonly heldBy: string;
  /** Leaves of that checkpoint, and of the tree. */
  readonly signedSize: number;
  readonly treeSize: number;
}

/** A tree by its size and root. */
interface Tree {
  readonly size: number;
  readonly root: Buffer;
}

/**
 * Whether a tree continues the last checkpoint of this generation in the database, and the last one that was written
 * down outside, and no witness has said otherwise: signing one that does not would be signing a fork, and so might be
 * signing on without an anchor that there was. Null where it does.
 */
export async function findFork(app: App, tenant: Tenant, tree: Tree, generation: number): Promise<Fork | null> {
  const last = await latestCheckpoint(app, tenant.no);
  const known = await anchorState(app, tenant.no, FILE_ANCHOR); // before the file, which is written first
  const anchored = await anchoredOrNone(app, tenant);
  const held = [
    { heldBy: "database", checkpoint: last?.generation === generation ? last : null },
    { heldBy: FILE_ANCHOR, checkpoint: anchored },
  ];
  for (const { heldBy, checkpoint } of held) {
    const reason = checkpoint === null ? null : await forkReason(app, tenant.no, checkpoint, tree);
    if (reason !== null) return { reason, heldBy, signedSize: checkpoint?.size ?? 0, treeSize: tree.size };
  }
  if (app.config.anchorDir === null || known.size <= (anchored?.size ?? 0)) return witnessedFork(app, tenant, tree);
  const { ANCHOR_MISSING: reason } = ForkReason;
  return { reason, heldBy: FILE_ANCHOR, signedSize: known.size, treeSize: tree.size };
}

/** What a witness that is still asked has said of the log, and not taken back by cosigning. */
async function witnessedFork(app: App, tenant: Tenant, tree: Tree): Promise<Fork | null> {
  const names = witnessesIn(app.config).map(({ verifier }) => verifier.name);
  if (names.length === 0) return null;
  const anchors = await anchorsOf(app, tenant.no);
  const held = anchors.find(({ name, fault }) => names.includes(name) && isContradiction(fault));
  if (held === undefined) return null;
  const { WITNESSED: reason } = ForkReason;
  return { reason, heldBy: held.name, signedSize: Number(held.size), treeSize: tree.size };
}

/** The logs that this process refuses to sign, by tenant. */
export const refusedLogs = perApp((): Map<string, Fork> => new Map());

/** Remembers that a log is refused, or no longer, and says so once. */
export function noteFork(app: App, tenant: Tenant, fork: Fork | null): void {
  const refused = refusedLogs(app);
  const isNews = refused.get(tenant.id)?.reason !== fork?.reason;
  if (fork === null) refused.delete(tenant.id);
  else refused.set(tenant.id, fork);
  if (!isNews) return;
  if (fork === null) app.log.info({ tenant: tenant.id }, "log: signed again");
  else app.log.error({ tenant: tenant.id, ...fork }, "log: REFUSED to sign a fork; see docs/operators/log.md");
}

async function forkReason(app: App, tenantNo: number, older: Tree, tree: Tree): Promise<ForkReason | null> {
  if (tree.size < older.size) return ForkReason.SHRUNK;
  try {
    const sizes = { size1: older.size, size2: tree.size };
    const proof = await consistencyProofFromTiles(tileReader(app.database.manager, tenantNo), sizes);
    const fault = findConsistencyFault({ ...sizes, root1: older.root, root2: tree.root, proof });
    return fault === null ? null : ForkReason.CHANGED;
  } catch (error) {
    const isMissing = error instanceof CodedError && error.code === ErrorCode.INTERNAL;
    if (!isMissing && !(error instanceof AssertionFailed)) throw error;
    return ForkReason.TILES_MISSING;
  }
}

/** None where the file cannot be read: what it is known to have held then tells whether that may be. */
async function anchoredOrNone(app: App, tenant: Tenant): Promise<Tree | null> {
  try {
    return await lastAnchored(app, tenant);
  } catch (error) {
    app.log.error({ err: error, tenant: tenant.id }, "log: the anchor file cannot be read");
    return null;
  }
}
