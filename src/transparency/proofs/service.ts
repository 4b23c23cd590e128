import { createPublicKey } from "node:crypto";
import { z } from "zod";
import { leafHash } from "../../kernel/digest.js";
import { findInclusionFault } from "../../kernel/merkle.js";
import { type NoteVerifier, noteKeyId, parseCheckpoint, verifyNote } from "../checkpoint.js";
import type { InclusionProof } from "../entities.js";

/** Which check of a proof failed. */
export type ProofFault =
  | "JWKS_INVALID"
  | "LEAF_MISMATCH"
  | "CHECKPOINT_NOT_SIGNED"
  | "CHECKPOINT_OF_ANOTHER_LOG"
  | "NOT_INCLUDED";

/** Whose log it must be, and the platform's public keys (a JWK Set, RFC 7517), as parsed JSON. */
export interface LogIdentity {
  readonly tenantId: string;
  readonly jwks: unknown;
}

const Jwks = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(10_000) });

/** The name of a tenant's log: the origin of its checkpoints and the name of their key (C2SP tlog-checkpoint). */
export function logName(tenantId: string): string {
  return `quittance/${tenantId}`;
}

/**
 * Checks a proof as an outsider does, with public keys alone: the leaf has the hash that is stated, the checkpoint is
 * that log's and signed by one of the keys, and the hashes lead from the leaf to its root (RFC 6962, section 2.1.1).
 * Null when all holds.
 */
export function verifyInclusionProof(
  { index, leaf, leafHash: stated, hashes, checkpoint: note }: Omit<InclusionProof, "detail">,
  { tenantId, jwks }: LogIdentity,
): ProofFault | null {
  const name = logName(tenantId);
  const verifiers = verifiersIn(jwks, name);
  if (verifiers === null) return "JWKS_INVALID";
  const hash = leafHash(leaf);
  if (hash.toString("hex") !== stated) return "LEAF_MISMATCH";
  const verdict = verifyNote(note, verifiers);
  const checkpoint = verdict.valid ? parseCheckpoint(verdict.text) : null;
  if (checkpoint === null) return "CHECKPOINT_NOT_SIGNED";
  if (checkpoint.origin !== name) return "CHECKPOINT_OF_ANOTHER_LOG";
  const proof = hashes.map((text) => Buffer.from(text, "base64"));
  const { size, root } = checkpoint;
  return findInclusionFault({ index, size, leafHash: hash, proof, root }) === null ? null : "NOT_INCLUDED";
}

/** The Ed25519 keys of a set, each as a key of that name; others may stand in it too. */
function verifiersIn(jwks: unknown, name: string): NoteVerifier[] | null {
  const parsed = Jwks.safeParse(jwks);
  if (!parsed.success) return null;
  const ours = parsed.data.keys.filter(({ kty, crv }) => kty === "OKP" && crv === "Ed25519");
  return ours.map((jwk) => {
    const publicKey = createPublicKey({ key: jwk, format: "jwk" });
    return { name, keyId: noteKeyId(name, publicKey), publicKey };
  });
}
