import { z } from "zod";
import { ActType } from "../../acts/entities.js";
import { readKeys } from "../../identity/key-reading/service.js";
import { signingKey } from "../../identity/keys/service.js";
import { readSigned } from "../../identity/platform-signatures/service.js";
import { present } from "../../kernel/assert.js";
import { instantText } from "../../kernel/clock.js";
import { leafHash, sha256Hex } from "../../kernel/digest.js";
import { CodedError } from "../../kernel/errors.js";
import { findInclusionFault } from "../../kernel/merkle.js";
import type { SettlementPeriod } from "../../periods/entities.js";
import type { App } from "../../platform/app.js";
import type { Partner } from "../../tenancy/entities.js";
import { type LogPolicy, openProof } from "../../transparency/proofs/service.js";
import { inclusionProofAt, inclusionProofOf } from "../../transparency/proving/service.js";
import { commitmentLeaf, type PeriodTree } from "../commitments/rules.js";
import { outcomesOf, packOutcomes } from "../contents/service.js";
import { BatchState } from "../entities.js";
import { readEnvelope } from "../envelope.js";
import { checkSignature, readJws } from "../jws.js";
import { unpackEnvelope } from "../packing.js";
import { ItemOutcome } from "../posting/rules.js";
import type { KeptBatch } from "../removals/service.js";
import { receiptOf } from "../submission/service.js";

const RECEIPT_TYPE = "quittance-receipt+jws";
const BATCH_TYPE = "quittance-batch+jws";
/** The acts of a batch that an export proves, in the order of its proofs, by where the batch was left. */
const LOGGED = {
  [BatchState.POSTED]: [ActType.BATCH_ACCEPTED, ActType.BATCH_POSTED],
  [BatchState.REJECTED]: [ActType.BATCH_ACCEPTED, ActType.BATCH_REJECTED],
  [BatchState.PARKED]: [ActType.BATCH_ACCEPTED, ActType.BATCH_PARKED],
} as const;

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
const extractSchema = z.union([postedSchema, unpostedSchema]);

/** A posted batch as an export holds it. */
export type PostedExtract = z.infer<typeof postedSchema>;

/** A batch as an export holds it. */
export type BatchExtract = z.infer<typeof extractSchema>;

/** Which check of an exported batch failed. */
export type ExtractFault =
  | ("NOT_AN_EXTRACT" | "ANOTHER_TENANT" | "ANOTHER_PAYLOAD" | "SIGNATURE_INVALID" | "RECEIPT_INVALID")
  | ("OUTCOMES_MISMATCH" | "NOT_IN_PERIOD" | "ANOTHER_ROOT" | "NOT_IN_LOG" | "ANOTHER_LABEL");

/** The tree of a period's batches, as something that the platform signed states it. */
export interface StatedTree {
  readonly tenant: string;
  readonly size: number;
  /** In hexadecimal. */
  readonly root: string;
}

/**
 * What a reader of an export believes: the platform's keys (a JWK Set, RFC 7517), the key of the tenant's log, and the
 * trees that signed statements state, by period.
 */
export interface ExtractKeys {
  readonly jwks: unknown;
  readonly log: LogPolicy;
  readonly trees: ReadonlyMap<string, StatedTree>;
}

/** What holds, and of which periods of the batch no statement was there to say the root. */
export interface ReadExtract {
  readonly unstated: readonly string[];
  /** Where an act left a batch that is said to be never posted; null for a posted one. */
  readonly aside: SetAside | null;
}

/** A log proves that a batch was left so by its act of that index, not that nothing followed. */
export interface SetAside {
  readonly batch: string;
  readonly state: BatchState;
  readonly act: number;
}

/**
 * Checks an exported batch offline: the signature of whoever sent it, the outcomes, its place in its periods' trees,
 * that these are the trees that statements state, that the log holds its acceptance and its posting with these outcomes
 * (or that it was set aside, or refused), the platform's receipt of that acceptance, and every label beside these.
 */
export function readExtract(line: unknown, keys: ExtractKeys): { readonly fault: ExtractFault } | ReadExtract {
  const { data: extract } = extractSchema.safeParse(line);
  if (extract === undefined) return { fault: "NOT_AN_EXTRACT" };
  const [accepted, left] = LOGGED["state" in extract.batch ? extract.batch.state : BatchState.POSTED];
  const [acceptance = "", end = ""] = extract.logProofs;
  const acceptedBy = actInLog(extract, { file: acceptance, type: accepted }, keys.log);
  const leftBy = actInLog(extract, { file: end, type: left }, keys.log);
  const fault =
    signatureFault(extract) ??
    postingFault(extract) ??
    (acceptedBy === null || leftBy === null
      ? "NOT_IN_LOG"
      : (receiptFault(extract, acceptedBy.leaf, keys.jwks) ?? labelFault(extract, [acceptedBy.leaf, leftBy.leaf]))) ??
    (isStated(extract, keys.trees) ? null : "ANOTHER_ROOT");
  if (fault !== null) return { fault };
  const periods = "periodProofs" in extract ? extract.periodProofs.map(({ periodId }) => periodId) : [];
  const { batch } = extract;
  const isAside = "state" in batch && leftBy !== null;
  const aside = isAside ? { batch: batch.id, state: batch.state, act: leftBy.index } : null;
  return { unstated: periods.filter((periodId) => !keys.trees.has(periodId)), aside };
}

function signatureFault({ jws, key, batch }: BatchExtract): ExtractFault | null {
  try {
    const { header, payload } = readJws(jws, BATCH_TYPE);
    if (sha256Hex(payload) !== batch.payloadSha256) return "ANOTHER_PAYLOAD";
    if (header.kid !== key.kid) return "SIGNATURE_INVALID";
    const publicJwk = JSON.stringify(key.jwk);
    readKeys(publicJwk); // refuses what is no key
    checkSignature(jws, header, { kid: key.kid, alg: key.alg, publicJwk });
    return null;
  } catch (error) {
    if (error instanceof CodedError) return "SIGNATURE_INVALID";
    throw error;
  }
}

function receiptFault({ receipt, batch, tenant }: BatchExtract, leaf: string, jwks: unknown): ExtractFault | null {
  const read = readSigned(receipt, { jwks, typ: RECEIPT_TYPE, provenAt: new Date(JSON.parse(leaf).at) });
  if ("fault" in read) return "RECEIPT_INVALID";
  const { data } = Receipt.safeParse(read.payload);
  if (data?.iss !== tenant) return "ANOTHER_TENANT";
  const isSame = data.batch === batch.id && data.jti === batch.jti && data.payloadSha256 === batch.payloadSha256;
  if (data.sequence !== batch.sequence || data.time !== batch.acceptedAt) return "ANOTHER_LABEL";
  return isSame && data.leafHash === leafHash(leaf).toString("hex") ? null : "RECEIPT_INVALID";
}

const Receipt = z.object({
  ...{ iss: z.string(), batch: z.string(), jti: z.string(), payloadSha256: sha256, leafHash: sha256 },
  ...{ sequence: z.string(), time: z.string() },
});

/** What else a line says of its batch, as the sender signed it and the log's leaves have it. */
function labelFault({ jws, key, partner, batch }: BatchExtract, leaves: readonly string[]): ExtractFault | null {
  const { payload } = readEnvelope(jws);
  if (payload instanceof CodedError) return "ANOTHER_PAYLOAD";
  const { claims, transactions } = payload;
  const [accepted, left] = leaves.map((leaf) => JSON.parse(leaf));
  const isSigned = batch.kid === key.kid && batch.mode === claims.mode && batch.itemCount === transactions.length;
  const isLogged = accepted.at === batch.acceptedAt && accepted.partner === partner && left.partner === partner;
  const isPosted = !("postedAt" in batch) || left.at === batch.postedAt;
  return isSigned && isLogged && isPosted ? null : "ANOTHER_LABEL";
}

/** Of a batch that was never posted there is nothing to check. */
function postingFault(extract: BatchExtract): ExtractFault | null {
  if (!("outcomes" in extract)) return null;
  const { outcomes, batch } = extract;
  const texts = outcomes.map(({ outcome, code, path }) => JSON.stringify({ code, outcome, path }));
  if (sha256Hex(`[${texts.join(",")}]`) !== batch.outcomesSha256) return "OUTCOMES_MISMATCH";
  return isInPeriods(extract) ? null : "NOT_IN_PERIOD";
}

/** Whether no statement states another tree of a period than the one that the batch is in. */
function isStated(extract: BatchExtract, trees: ExtractKeys["trees"]): boolean {
  if (!("periodProofs" in extract)) return true;
  return extract.periodProofs.every(({ periodId, size, root }) => {
    const stated = trees.get(periodId) ?? { tenant: extract.tenant, size, root };
    return stated.tenant === extract.tenant && stated.size === size && stated.root === root;
  });
}

/** Whatever was posted went into a period. */
function isInPeriods(extract: PostedExtract): boolean {
  const { outcomes, periodProofs } = extract;
  if (periodProofs.length === 0) return outcomes.every(({ outcome }) => outcome !== ItemOutcome.POSTED);
  return periodProofs.every((proof) => isInPeriod(extract, proof));
}

function isInPeriod({ batch }: PostedExtract, proof: PostedExtract["periodProofs"][number]): boolean {
  const { id: batchId, payloadSha256, outcomesSha256 } = batch;
  if (proof.leaf !== commitmentLeaf({ batchId, payloadSha256, outcomesSha256 })) return false;
  const { index, size } = proof;
  const path = proof.hashes.map((hash) => Buffer.from(hash, "base64"));
  const root = Buffer.from(proof.root, "hex");
  return findInclusionFault({ index, size, leafHash: leafHash(proof.leaf), proof: path, root }) === null;
}

interface LogClaim {
  readonly file: string;
  readonly type: ActType;
}

/**
 * The leaf that a proof leads from, and its index; null where it does not lead to what the log signed, is of another
 * act, is of a posting with other outcomes, or left the batch in another state.
 */
function actInLog(
  { batch }: BatchExtract,
  { file, type }: LogClaim,
  policy: LogPolicy,
): { readonly leaf: string; readonly index: number } | null {
  const opened = openProof(file, policy);
  if ("fault" in opened) return null;
  const { leaf, index, detail } = opened.found;
  const act = JSON.parse(leaf);
  if (act.subject !== batch.id || act.type !== type) return null;
  const after = detail === null ? null : JSON.parse(detail).after;
  if (type === ActType.BATCH_ACCEPTED) return after?.payloadSha256 === batch.payloadSha256 ? { leaf, index } : null;
  const isSame = "state" in batch ? after?.state === batch.state : after?.outcomesSha256 === batch.outcomesSha256;
  return isSame ? { leaf, index } : null;
}
