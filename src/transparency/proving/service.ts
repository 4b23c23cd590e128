import type { ActType } from "../../acts/entities.js";
import { actAt, type NumberedAct, numberedAct } from "../../acts/service.js";
import type { TenantRef } from "../../kernel/actor.js";
import type { App } from "../../platform/app.js";
import type { ConsistencyProof, InclusionProof } from "../entities.js";
import { transparencyError } from "../errors.js";
import { formatProofFile } from "../proofs/rules.js";
import { latestCheckpoint, shownCheckpoint, tileReader } from "../reading/service.js";
import { consistencyProofFromTiles, inclusionProofFromTiles } from "../tiles.js";

/** The proof that an act is in the tree of a checkpoint; null until it is numbered and a checkpoint covers it. */
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
  if (stored === null) return null;
  const { treeIndex: index, leaf, detail, leafHash } = stored;
  const shown = await shownCheckpoint(app, tenant.tenantNo, index + 1);
  if (shown === null) return null;
  const { size, note: checkpoint } = shown;
  const hashes = await inclusionProofFromTiles(tileReader(app.database.manager, tenant.tenantNo), { index, size });
  return {
    ...{ index, leaf, detail, checkpoint, leafHash: leafHash.toString("hex") },
    hashes: hashes.map((hash) => hash.toString("base64")),
    file: formatProofFile({ index, hashes, checkpoint, extra: { leaf, detail } }),
  };
}

/**
 * The proof that the tree of one size is the beginning of that of another, by default of the newest checkpoint. Sizes
 * that no checkpoint covers are refused (`VALIDATION`).
 */
export async function consistencyProofOf(
  app: App,
  { tenantNo }: TenantRef,
  sizes: { readonly from: number; readonly to: number | null },
): Promise<ConsistencyProof> {
  const signed = (await latestCheckpoint(app, tenantNo))?.size ?? 0;
  const { from, to } = { from: sizes.from, to: sizes.to ?? signed };
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from < 0 || from > to || to > signed) {
    throw transparencyError("VALIDATION", { path: "from", signed });
  }
  const readTile = tileReader(app.database.manager, tenantNo);
  const hashes = await consistencyProofFromTiles(readTile, { size1: from, size2: to });
  return { from, to, hashes: hashes.map((hash) => hash.toString("base64")) };
}
