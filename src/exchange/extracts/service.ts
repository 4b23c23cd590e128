import { z } from "zod";
import { ActType } from "../../acts/entities.js";
import { signingKey } from "../../identity/keys/service.js";
import { present } from "../../kernel/assert.js";
import { instantText } from "../../kernel/clock.js";
import type { SettlementPeriod } from "../../periods/entities.js";
import type { App } from "../../platform/app.js";
import type { Partner } from "../../tenancy/entities.js";
import { inclusionProofAt, inclusionProofOf } from "../../transparency/proving/service.js";
import type { PeriodTree } from "../commitments/rules.js";
import { outcomesOf, packOutcomes } from "../contents/service.js";
import { BatchState } from "../entities.js";
import { unpackEnvelope } from "../packing.js";
import { ItemOutcome } from "../posting/rules.js";
import type { KeptBatch } from "../removals/service.js";
import { receiptOf } from "../submission/service.js";

/** A period that a batch was posted into, and the tree of all its batches. */
export interface ProvenPeriod {
  readonly period: Pick<SettlementPeriod, "id">;
  readonly tree: PeriodTree;
}

/**
 * All there is to say of a batch, as one line of an export: what was signed and by which key, the receipt, and that the
 * log holds its acceptance. Of a posted one, the outcomes, its place in its periods' trees, and its posting in the log;
 * of one that never was, the act that set it aside or refused it. Null until a checkpoint covers both acts.
 */
export async function extractOf(
  app: App,
  partner: Partner,
  kept: KeptBatch,
  periods: readonly ProvenPeriod[],
): Promise<BatchExtract | null> {
  const { batch, envelope } = kept;
  const logProofs = await logProofsOf(app, partner, kept);
  if (logProofs === null) return null;
  const key = present(await signingKey(app, partner.tenantId, batch.kid), "the key that signed a batch");
  const said = {
    ...{ v: 1 as const, tenant: partner.tenantId, partner: partner.id },
    jws: unpackEnvelope(envelope),
    key: { kid: key.kid, alg: key.alg, jwk: JSON.parse(key.publicJwk) },
    receipt: await receiptOf(app, partner, batch),
    logProofs,
  };
  const { id, jti, kid, mode, itemCount, acceptedAt, postedAt, payloadSha256, state } = batch;
  const named = {
    ...{ id, sequence: batch.no, jti: present(jti, "the jti of a kept batch"), kid, mode, itemCount },
    ...{ acceptedAt: instantText(acceptedAt), payloadSha256: payloadSha256.toString("hex") },
  };
  if (state === BatchState.PARKED || state === BatchState.REJECTED) return { ...said, batch: { ...named, state } };
  const outcomes = present(await outcomesOf(app.database.manager, batch.tenantNo, batch.no), "a batch's outcomes");
  return {
    ...said,
    batch: {
      ...named,
      postedAt: instantText(present(postedAt, "when a posted batch was posted")),
      outcomesSha256: packOutcomes(outcomes).sha256.toString("hex"),
    },
    outcomes: [...outcomes],
    periodProofs: periods.map((period) => periodProof(id, period)),
  };
}

/** Of the acceptance, and of the act that the batch was left by. */
async function logProofsOf(app: App, partner: Partner, { batch, lastActIndex }: KeptBatch): Promise<string[] | null> {
  const tenant = { tenantId: partner.tenantId, tenantNo: partner.tenantNo };
  const accepted = await inclusionProofOf(app, tenant, { type: ActType.BATCH_ACCEPTED, subjectId: batch.id });
  const left = lastActIndex === null ? null : await inclusionProofAt(app, tenant, lastActIndex);
  return accepted === null || left === null ? null : [accepted.file, left.file];
}

function periodProof(batchId: string, { period, tree }: ProvenPeriod) {
  const { index, leaf, hashes } = present(tree.pathOf(batchId), "a batch in the tree of its period");
  const [size, root] = [tree.leaves.length, tree.root.toString("hex")];
  return { periodId: period.id, index, size, leaf, hashes: hashes.map((hash) => hash.toString("base64")), root };
}

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const hashes = z.array(z.base64()).max(64);
const common = {
  v: z.literal(1),
  ...{ tenant: z.string(), partner: z.string(), jws: z.string(), receipt: z.string() },
  key: z.strictObject({ kid: z.string(), alg: z.string(), jwk: z.record(z.string(), z.unknown()) }),
  logProofs: z.array(z.string()).length(2),
};
const named = {
  ...{ id: z.string(), sequence: z.string(), jti: z.string(), kid: z.string(), mode: z.string(), itemCount: z.int() },
  ...{ acceptedAt: z.iso.datetime(), payloadSha256: sha256 },
};
const postedSchema = z.strictObject({
  ...common,
  batch: z.strictObject({ ...named, postedAt: z.iso.datetime(), outcomesSha256: sha256 }),
  outcomes: z.array(
    z.strictObject({
      outcome: z.enum(ItemOutcome),
      ...{ code: z.string().exactOptional(), path: z.string().exactOptional() },
    }),
  ),
  periodProofs: z.array(
    z.strictObject({
      ...{ periodId: z.string(), index: z.int().min(0), size: z.int().min(1), leaf: z.string(), hashes, root: sha256 },
    }),
  ),
});
const unpostedSchema = z.strictObject({
  ...common,
  batch: z.strictObject({ ...named, state: z.enum([BatchState.PARKED, BatchState.REJECTED]) }),
});
/** Every form that a batch may have in an export. */
export const extractSchema = z.union([postedSchema, unpostedSchema]);

/** A posted batch as an export holds it. */
export type PostedExtract = z.infer<typeof postedSchema>;

/** A batch as an export holds it. */
export type BatchExtract = z.infer<typeof extractSchema>;
