import { z } from "zod";
import { ActType } from "../../acts/entities.js";
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
import { inclusionProofOf } from "../../transparency/proving/service.js";
import type { PeriodTree } from "../commitments/rules.js";
import { outcomesOf, packOutcomes } from "../contents/service.js";
import { checkSignature, readJws } from "../jws.js";
import { unpackEnvelope } from "../packing.js";
import { ItemOutcome } from "../posting/rules.js";
import type { KeptBatch } from "../removals/service.js";
import { receiptOf } from "../submission/service.js";

const RECEIPT_TYPE = "quittance-receipt+jws";
const BATCH_TYPE = "quittance-batch+jws";
/** The acts of a batch that an export proves, in the order of its proofs. */
const LOGGED = [ActType.BATCH_ACCEPTED, ActType.BATCH_POSTED];

/** A period that a batch was posted into, and the tree of all its batches. */
export interface ProvenPeriod {
  readonly period: Pick<SettlementPeriod, "id">;
  readonly tree: PeriodTree;
}

/**
 * All there is to say of a posted batch, as one line of an export: what was signed and by which key, the receipt, the
 * outcomes, that its periods' statements settle it, and that the log holds its acceptance and its posting. Null until a
 * checkpoint covers both.
 */
export async function extractOf(
  app: App,
  partner: Partner,
  { batch, envelope }: KeptBatch,
  periods: readonly ProvenPeriod[],
): Promise<BatchExtract | null> {
  const tenant = { tenantId: partner.tenantId, tenantNo: partner.tenantNo };
  const logProofs: BatchExtract["logProofs"] = [];
  for (const type of LOGGED) {
    const proof = await inclusionProofOf(app, tenant, { type, subjectId: batch.id });
    if (proof === null) return null;
    logProofs.push(proof.file);
  }
  const outcomes = present(
    await outcomesOf(app.database.manager, batch.tenantNo, batch.no),
    "a posted batch's outcomes",
  );
  const key = present(await signingKey(app, partner.tenantId, batch.kid), "the key that signed a batch");
  const { id, jti, kid, mode, itemCount, acceptedAt, postedAt, payloadSha256 } = batch;
  return {
    v: 1,
    tenant: partner.tenantId,
    partner: partner.id,
    batch: {
      ...{ id, sequence: batch.no, jti: present(jti, "the jti of a kept batch"), kid, mode, itemCount },
      acceptedAt: instantText(acceptedAt),
      postedAt: instantText(present(postedAt, "when a posted batch was posted")),
      payloadSha256: payloadSha256.toString("hex"),
      outcomesSha256: packOutcomes(outcomes).sha256.toString("hex"),
    },
    jws: unpackEnvelope(envelope),
    key: { kid: key.kid, alg: key.alg, jwk: JSON.parse(key.publicJwk) },
    receipt: await receiptOf(app, partner, batch),
    outcomes: [...outcomes],
    periodProofs: periods.map((period) => periodProof(id, period)),
    logProofs,
  };
}

function periodProof(batchId: string, { period, tree }: ProvenPeriod) {
  const { index, leaf, hashes } = present(tree.pathOf(batchId), "a batch in the tree of its period");
  const [size, root] = [tree.leaves.length, tree.root.toString("hex")];
  return { periodId: period.id, index, size, leaf, hashes: hashes.map((hash) => hash.toString("base64")), root };
}

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const hashes = z.array(z.base64()).max(64);
const extractSchema = z.strictObject({
  v: z.literal(1),
  ...{ tenant: z.string(), partner: z.string(), jws: z.string(), receipt: z.string() },
  batch: z.strictObject({
    ...{ id: z.string(), sequence: z.string(), jti: z.string(), kid: z.string(), mode: z.string(), itemCount: z.int() },
    ...{ acceptedAt: z.iso.datetime(), postedAt: z.iso.datetime(), payloadSha256: sha256, outcomesSha256: sha256 },
  }),
  key: z.strictObject({ kid: z.string(), alg: z.string(), jwk: z.record(z.string(), z.unknown()) }),
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
  logProofs: z.array(z.string()).length(2),
});

/** A batch as an export holds it. */
export type BatchExtract = z.infer<typeof extractSchema>;

/** Which check of an exported batch failed. */
export type ExtractFault =
  | ("NOT_AN_EXTRACT" | "ANOTHER_TENANT" | "ANOTHER_PAYLOAD" | "SIGNATURE_INVALID" | "RECEIPT_INVALID")
  | ("OUTCOMES_MISMATCH" | "NOT_IN_PERIOD" | "NOT_IN_LOG");

/** What a reader of an export believes: the platform's keys (a JWK Set, RFC 7517) and the key of the tenant's log. */
export interface ExtractKeys {
  readonly jwks: unknown;
  readonly log: LogPolicy;
}

/**
 * Checks an exported batch offline: the signature of whoever sent it, the outcomes, its place in its periods' trees,
 * that the log holds its acceptance and its posting with these outcomes, and the platform's receipt of that acceptance.
 * Null when all holds.
 */
export function extractFault(line: unknown, keys: ExtractKeys): ExtractFault | null {
  const { data: extract } = extractSchema.safeParse(line);
  if (extract === undefined) return "NOT_AN_EXTRACT";
  const leaves = extract.logProofs.map((file, at) => leafInLog(extract, { file, type: LOGGED[at] }, keys.log));
  return (
    signatureFault(extract) ??
    outcomesFault(extract) ??
    (isInPeriods(extract) ? null : "NOT_IN_PERIOD") ??
    (leaves.includes(null) ? "NOT_IN_LOG" : null) ??
    receiptFault(extract, leaves[0] ?? "", keys.jwks)
  );
}

function signatureFault({ jws, key, batch }: BatchExtract): ExtractFault | null {
  try {
    const { header, payload } = readJws(jws, BATCH_TYPE);
    if (sha256Hex(payload) !== batch.payloadSha256) return "ANOTHER_PAYLOAD";
    if (header.kid !== key.kid) return "SIGNATURE_INVALID";
    checkSignature(jws, header, { kid: key.kid, alg: key.alg, publicJwk: JSON.stringify(key.jwk) });
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
  return isSame && data.leafHash === leafHash(leaf).toString("hex") ? null : "RECEIPT_INVALID";
}

const Receipt = z.object({
  ...{ iss: z.string(), batch: z.string(), jti: z.string(), payloadSha256: sha256, leafHash: sha256 },
});

function outcomesFault({ outcomes, batch }: BatchExtract): ExtractFault | null {
  const texts = outcomes.map(({ outcome, code, path }) => JSON.stringify({ code, outcome, path }));
  return sha256Hex(`[${texts.join(",")}]`) === batch.outcomesSha256 ? null : "OUTCOMES_MISMATCH";
}

/** Whatever was posted went into a period. */
function isInPeriods(extract: BatchExtract): boolean {
  const { outcomes, periodProofs } = extract;
  if (periodProofs.length === 0) return outcomes.every(({ outcome }) => outcome !== ItemOutcome.POSTED);
  return periodProofs.every((proof) => isInPeriod(extract, proof));
}

function isInPeriod({ batch }: BatchExtract, proof: BatchExtract["periodProofs"][number]): boolean {
  const leaf = JSON.parse(proof.leaf);
  const isOfBatch = leaf.batch === batch.id && leaf.payloadSha256 === batch.payloadSha256;
  if (!isOfBatch || leaf.outcomesSha256 !== batch.outcomesSha256) return false;
  const { index, size } = proof;
  const path = proof.hashes.map((hash) => Buffer.from(hash, "base64"));
  const root = Buffer.from(proof.root, "hex");
  return findInclusionFault({ index, size, leafHash: leafHash(proof.leaf), proof: path, root }) === null;
}

interface LogClaim {
  readonly file: string;
  readonly type: ActType | undefined;
}

/**
 * The leaf that a proof leads from; null where it does not lead to what the log signed, is of another act, or is of a
 * posting with other outcomes.
 */
function leafInLog({ batch }: BatchExtract, { file, type }: LogClaim, policy: LogPolicy): string | null {
  const opened = openProof(file, policy);
  if ("fault" in opened) return null;
  const { leaf, detail } = opened.found;
  const act = JSON.parse(leaf);
  if (act.subject !== batch.id || act.type !== type) return null;
  const after = detail === null ? null : JSON.parse(detail).after;
  if (type !== ActType.BATCH_POSTED) return after?.payloadSha256 === batch.payloadSha256 ? leaf : null;
  return after?.outcomesSha256 === batch.outcomesSha256 ? leaf : null;
}
