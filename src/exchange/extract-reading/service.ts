import { z } from "zod";
import { ActType } from "../../acts/entities.js";
import { readKeys } from "../../identity/key-reading/service.js";
import { readSigned } from "../../identity/platform-signatures/service.js";
import { present } from "../../kernel/assert.js";
import { leafHash, sha256Hex } from "../../kernel/digest.js";
import { CodedError } from "../../kernel/errors.js";
import { findInclusionFault } from "../../kernel/merkle.js";
import { type LogPolicy, openProof } from "../../transparency/proofs/service.js";
import { commitmentLeaf } from "../commitments/rules.js";
import { BatchState } from "../entities.js";
import { readEnvelope } from "../envelope.js";
import { type BatchExtract, extractSchema, type PostedExtract } from "../extracts/service.js";
import { checkSignature, readJws } from "../jws.js";
import { ItemOutcome } from "../posting/rules.js";

const RECEIPT_TYPE = "quittance-receipt+jws";
const BATCH_TYPE = "quittance-batch+jws";
/** The acts of a batch that an export proves, in the order of its proofs, by where the batch was left. */
const LOGGED = {
  [BatchState.POSTED]: [ActType.BATCH_ACCEPTED, ActType.BATCH_POSTED],
  [BatchState.REJECTED]: [ActType.BATCH_ACCEPTED, ActType.BATCH_REJECTED],
  [BatchState.PARKED]: [ActType.BATCH_ACCEPTED, ActType.BATCH_PARKED],
} as const;
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** Which check of an exported batch failed. */
export type ExtractFault =
  | ("NOT_AN_EXTRACT" | "ANOTHER_TENANT" | "ANOTHER_PAYLOAD" | "SIGNATURE_INVALID" | "ANOTHER_KEY" | "RECEIPT_INVALID")
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
  /** The batch, where its act of acceptance is of before acts held thumbprints: of its key it vouches for the `kid`. */
  readonly unvouched: string | null;
}

/** A log proves that a batch was left so by its act of that index, not that nothing followed. */
export interface SetAside {
  readonly batch: string;
  readonly state: BatchState;
  readonly act: number;
}

/**
 * Checks an exported batch offline: the signature of whoever sent it, the outcomes, its place in its periods' trees,
 * that these are the trees that statements state, that the log holds its acceptance under that key and its posting with
 * these outcomes (or that it was set aside, or refused), the platform's receipt of that acceptance, and every label
 * beside these.
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
      : (keyFault(extract, acceptedBy.after) ??
        receiptFault(extract, acceptedBy.leaf, keys.jwks) ??
        labelFault(extract, [acceptedBy.leaf, leftBy.leaf]))) ??
    (isStated(extract, keys.trees) ? null : "ANOTHER_ROOT");
  if (fault !== null) return { fault };
  const periods = "periodProofs" in extract ? extract.periodProofs.map(({ periodId }) => periodId) : [];
  const { batch } = extract;
  const isAside = "state" in batch && leftBy !== null;
  const aside = isAside ? { batch: batch.id, state: batch.state, act: leftBy.index } : null;
  const unvouched = acceptedBy?.after.thumbprint === undefined ? batch.id : null;
  return { unstated: periods.filter((periodId) => !keys.trees.has(periodId)), aside, unvouched };
}

function signatureFault({ jws, key, batch }: BatchExtract): ExtractFault | null {
  try {
    const { header, payload } = readJws(jws, BATCH_TYPE);
    if (sha256Hex(payload) !== batch.payloadSha256) return "ANOTHER_PAYLOAD";
    if (header.kid !== key.kid) return "SIGNATURE_INVALID";
    const { jwk } = publicKeyOf(key); // refuses what is no key
    checkSignature(jws, header, { kid: key.kid, alg: key.alg, publicJwk: JSON.stringify(jwk) });
    return null;
  } catch (error) {
    if (error instanceof CodedError) return "SIGNATURE_INVALID";
    throw error;
  }
}

/** The one key that is believed to have signed: what is verified with is what is compared with the log. */
function publicKeyOf({ jwk }: BatchExtract["key"]) {
  return present(readKeys(JSON.stringify(jwk))[0], "one key at least");
}

/** Whether the log vouches for the key: by its thumbprint (RFC 7638) and, of acts of once, by its `kid` alone. */
function keyFault({ batch, key }: BatchExtract, { kid, thumbprint }: ActAfter): ExtractFault | null {
  if (kid !== batch.kid) return "ANOTHER_KEY";
  const isSame = thumbprint === undefined || thumbprint === publicKeyOf(key).thumbprint.toString("base64url");
  return isSame ? null : "ANOTHER_KEY";
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

const ActAfter = z.object({
  ...{ state: z.string().optional(), kid: z.string().optional(), thumbprint: z.string().optional() },
  ...{ payloadSha256: z.string().optional(), outcomesSha256: z.string().optional() },
});

/** What an act's detail says of the batch. */
type ActAfter = z.infer<typeof ActAfter>;

/** An act that the log holds. */
interface LoggedAct {
  readonly leaf: string;
  readonly index: number;
  readonly after: ActAfter;
}

/**
 * The act that a proof leads from; null where it does not lead to what the log signed, is of another act or payload, is
 * of a posting with other outcomes, or left the batch in another state.
 */
function actInLog({ batch }: BatchExtract, { file, type }: LogClaim, policy: LogPolicy): LoggedAct | null {
  const opened = openProof(file, policy);
  if ("fault" in opened) return null;
  const { leaf, index, detail } = opened.found;
  const act = JSON.parse(leaf);
  if (act.subject !== batch.id || act.type !== type) return null;
  const after = ActAfter.safeParse(detail === null ? null : JSON.parse(detail).after).data;
  if (after === undefined) return null;
  const isLeft = "state" in batch ? after.state === batch.state : after.outcomesSha256 === batch.outcomesSha256;
  const isSame = type === ActType.BATCH_ACCEPTED ? after.payloadSha256 === batch.payloadSha256 : isLeft;
  return isSame ? { leaf, index, after } : null;
}
