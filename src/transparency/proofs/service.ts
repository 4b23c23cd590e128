import { leafHash, sha256Hex } from "../../kernel/digest.js";
import { findConsistencyFault, findInclusionFault } from "../../kernel/merkle.js";
import { parseStrictJson } from "../../kernel/strict-json.js";
import {
  type Checkpoint,
  NoteFault,
  NoteKeyType,
  type NoteVerifier,
  parseCheckpoint,
  parseVerifierKey,
  verifyNote,
} from "../checkpoint.js";
import { type ProvenText, parseProofFile } from "./rules.js";

/** Which check of a proof or checkpoint failed. */
export type ProofFault =
  /** Not such a file at all. */
  | "MALFORMED"
  /** No signature is of the log's key. */
  | "CHECKPOINT_NOT_SIGNED"
  /** A signature names the log's key, or a witness', and is not that key's over this text. */
  | "SIGNATURE_INVALID"
  /** Signed by the log's key, and it says that it is of another log. */
  | "CHECKPOINT_OF_ANOTHER_LOG"
  /** Too few of the witnesses that were named have cosigned. */
  | "NOT_WITNESSED"
  /** The proof carries no leaf. */
  | "LEAF_MISSING"
  /** The hashes do not lead from this leaf, at this index, to the checkpoint's root. */
  | "NOT_INCLUDED"
  /** The detail is not the one whose SHA-256 the leaf states. */
  | "DETAIL_MISMATCH"
  /** The smaller tree is not the beginning of the larger one. */
  | "NOT_CONSISTENT";

/** Whom a reader believes: the key of one log, and of witnesses so many as must have cosigned. */
export interface LogPolicy {
  readonly log: NoteVerifier;
  readonly witnesses: readonly NoteVerifier[];
  readonly quorum: number;
}

/** An answer, or which check failed, and for which leaf where that can be told. */
export type Verified<T> = { readonly found: T } | { readonly fault: ProofFault; readonly index?: number };

/** What a proof proves: that this leaf, with this detail, stands at an index of the checkpoint's tree. */
export interface OpenedProof extends ProvenText {
  readonly index: number;
  readonly checkpoint: Checkpoint;
}

/** A policy from verifier keys as they are written; throws a sentence for people where one is none. */
export function readPolicy(keys: {
  readonly log: string;
  readonly witnesses: readonly string[];
  readonly quorum: number | null;
}): LogPolicy {
  const quorum = keys.quorum ?? keys.witnesses.length;
  if (!Number.isInteger(quorum) || quorum < 0 || quorum > keys.witnesses.length) {
    throw new Error("There are not so many witnesses to ask for.");
  }
  const witnesses = keys.witnesses.map((key) => readKey(key, NoteKeyType.COSIGNATURE_V1, "witness"));
  return { log: readKey(keys.log, NoteKeyType.ED25519, "log"), witnesses, quorum };
}

/** Opens a checkpoint by the keys that a reader believes. */
export function openCheckpoint(note: string, { log, witnesses, quorum }: LogPolicy): Verified<Checkpoint> {
  const verdict = verifyNote(note, [log]);
  if (!verdict.valid) return { fault: NOTE_FAULTS[verdict.reason] };
  const checkpoint = parseCheckpoint(verdict.text);
  if (checkpoint === null) return { fault: "MALFORMED" };
  if (checkpoint.origin !== log.name) return { fault: "CHECKPOINT_OF_ANOTHER_LOG" };
  const seen = verifyNote(note, witnesses);
  if (!seen.valid && seen.reason === NoteFault.SIGNATURE_INVALID) return { fault: "SIGNATURE_INVALID" };
  const isWitnessed = (seen.valid ? seen.names.length : 0) >= quorum;
  return isWitnessed ? { found: checkpoint } : { fault: "NOT_WITNESSED" };
}

/**
 * Opens a proof file (`c2sp.org/tlog-proof@v1`) as an outsider does, with the keys alone: its checkpoint holds, its
 * hashes lead from the leaf that it carries to the root (RFC 6962, section 2.1.1), and the leaf states the detail.
 */
export function openProof(file: string, policy: LogPolicy): Verified<OpenedProof> {
  const proof = parseProofFile(file);
  if (proof === null) return { fault: "MALFORMED" };
  const opened = openCheckpoint(proof.checkpoint, policy);
  if ("fault" in opened) return opened;
  const { found: checkpoint } = opened;
  if (proof.extra === null) return { fault: "LEAF_MISSING" };
  const { leaf, detail } = proof.extra;
  const { size, root } = checkpoint;
  const claim = { index: proof.index, size, root, leafHash: leafHash(leaf), proof: proof.hashes };
  if (findInclusionFault(claim) !== null) return { fault: "NOT_INCLUDED", index: proof.index };
  return detail === null || statedDetail(leaf) === sha256Hex(detail)
    ? { found: { index: proof.index, leaf, detail, checkpoint } }
    : { fault: "DETAIL_MISMATCH", index: proof.index };
}

/** Whether one checkpoint's tree is the beginning of another's, by hashes in base64 (RFC 6962, section 2.1.2). */
export function findGrowthFault(older: Checkpoint, newer: Checkpoint, hashes: readonly string[]): ProofFault | null {
  const proof = hashes.map((text) => Buffer.from(text, "base64"));
  const sizes = { size1: older.size, size2: newer.size };
  const fault = findConsistencyFault({ ...sizes, root1: older.root, root2: newer.root, proof });
  return fault === null ? null : "NOT_CONSISTENT";
}

const NOTE_FAULTS: Readonly<Record<NoteFault, ProofFault>> = {
  [NoteFault.MALFORMED]: "MALFORMED",
  [NoteFault.UNKNOWN_KEY]: "CHECKPOINT_NOT_SIGNED",
  [NoteFault.SIGNATURE_INVALID]: "SIGNATURE_INVALID",
};

function readKey(text: string, type: NoteKeyType, whose: string): NoteVerifier {
  const key = parseVerifierKey(text.trim());
  if (key?.type !== type) throw new Error(`"${text}" is not the verifier key of a ${whose}.`);
  return key;
}

/** Of a leaf that the log holds, so that it is one of ours, or of a log of somebody else's. */
function statedDetail(leaf: string): unknown {
  try {
    const read = parseStrictJson(leaf);
    return typeof read === "object" && read !== null && "detailSha256" in read ? read.detailSha256 : null;
  } catch {
    return null; // it states no detail, which is what the caller is told
  }
}
