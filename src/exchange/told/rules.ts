import { hash16Hex } from "../../kernel/digest.js";
import { BatchState } from "../entities.js";
import { hexOf, type Mismatch, mismatch } from "../evidence/rules.js";
import { QuarantineDecision } from "../quarantine/entities.js";

/** What an acceptance says. */
export interface Accepted {
  readonly jti: string;
  readonly kid: string;
  readonly itemCount: number;
  readonly payloadSha256: string;
  readonly encryption?: { readonly kid: string; readonly sha256: string } | undefined;
}

/** What a posting says. */
export interface Posted {
  readonly posted: number;
  readonly duplicate: number;
  readonly pending: number;
  readonly refused: number;
  readonly outcomesSha256: string;
  readonly ledgerVersion: string;
}

/** What a removal says; those from before say less. */
export interface Removed {
  readonly takenIds: number;
  readonly takenSha256?: string | undefined;
  readonly periods?: readonly string[] | undefined;
}

/** What the acts of a batch say of it. Null where no act says it, or what it said was erased or is not readable. */
export interface ToldBatch {
  /** Hash of the leaf of its acceptance, in hexadecimal. */
  readonly leafHash: string | null;
  readonly accepted: Accepted | null;
  readonly posted: Posted | null;
  readonly removed: Removed | null;
  /** Where the last act left it; ends with `, removed` where that was its removal. */
  readonly state: string;
  /** Of the last act, in the tree; null until it is numbered. */
  readonly index: string | null;
}

/** What of a batch's row its acts tell as well. */
export interface ToldRow {
  readonly id: string;
  readonly issuer_no: number;
  readonly state: BatchState;
  readonly jti: string | null;
  readonly jti_hash: Buffer;
  readonly kid: string;
  readonly item_count: number;
  readonly payload_sha256: Buffer;
  readonly encryption_kid: string | null;
  readonly encrypted_sha256: Buffer | null;
  readonly leaf_hash: Buffer;
  readonly posted_count: number | null;
  readonly duplicate_count: number | null;
  readonly pending_count: number | null;
  readonly refused_count: number | null;
  readonly ledger_version: string | null;
  readonly outcomes_sha256: Buffer | null;
  readonly removed_at: Date | null;
  /** Whether it was ever quarantined, and what a person decided. */
  readonly is_judged: number;
  readonly decision: QuarantineDecision | null;
}

/** The first thing that a batch's row says otherwise than the batch's acts do; null where they agree. */
export function untold(tenantNo: number, row: ToldRow, told: ToldBatch): Mismatch | null {
  const { id, removed_at, state } = row;
  const act = told.index === null ? "" : ` by act ${told.index}`;
  const stands = removed_at === null ? state : `${state}, removed`;
  return (
    mismatch(`${id} leaf`, told.leafHash ?? "none", hexOf(row.leaf_hash)) ??
    mismatch(`${id} state${act}`, told.state, stands) ??
    acceptanceFault(tenantNo, row, told) ??
    postingFault(row, told) ??
    decisionFault(row)
  );
}

/** What an acceptance said is erased once the batch is removed. */
function acceptanceFault(tenantNo: number, row: ToldRow, { accepted }: ToldBatch): Mismatch | null {
  const { id, jti, kid, item_count, removed_at, issuer_no, encryption_kid } = row;
  if (removed_at !== null) return null;
  const textOf = (...parts: readonly (string | number | null | undefined)[]) =>
    parts.map((part) => part ?? "none").join(" ");
  const { encryption } = accepted ?? {};
  const stored = textOf(jti, kid, item_count, hexOf(row.payload_sha256));
  const encrypted = textOf(encryption_kid, hexOf(row.encrypted_sha256));
  return (
    mismatch(`${id} acceptance`, toldText(accepted), stored) ??
    mismatch(`${id} encryption`, textOf(encryption?.kid, encryption?.sha256), encrypted) ??
    mismatch(`${id} jti`, hash16Hex(`${tenantNo}:${issuer_no}:${jti}`), hexOf(row.jti_hash))
  );
}

function toldText(accepted: ToldBatch["accepted"]): string {
  if (accepted === null) return "an act that says";
  return [accepted.jti, accepted.kid, accepted.itemCount, accepted.payloadSha256].join(" ");
}

function postingFault(row: ToldRow, { posted }: ToldBatch): Mismatch | null {
  const { id, posted_count, duplicate_count, pending_count, refused_count, outcomes_sha256, ledger_version } = row;
  if (row.state !== BatchState.POSTED) return null;
  const counts = [posted_count, duplicate_count, pending_count, refused_count, ledger_version];
  const expected =
    posted === null
      ? "an act that says"
      : [posted.posted, posted.duplicate, posted.pending, posted.refused, posted.ledgerVersion];
  return (
    mismatch(`${id} posting`, String(expected), String(counts)) ??
    mismatch(`${id} told outcomes`, posted?.outcomesSha256 ?? "none", hexOf(outcomes_sha256))
  );
}

/** A person decided on whatever was quarantined and is no more. */
function decisionFault({ id, state, is_judged, decision }: ToldRow): Mismatch | null {
  const { RELEASED, REJECTED } = QuarantineDecision;
  const isHeld = state === BatchState.QUARANTINED;
  const decided = state === BatchState.REJECTED ? REJECTED : RELEASED;
  if (Number(is_judged) === 0) {
    return mismatch(`${id} quarantine`, isHeld || state === BatchState.REJECTED ? "kept" : "none", "none");
  }
  return mismatch(`${id} decision`, isHeld ? "none" : decided, decision ?? "none");
}
