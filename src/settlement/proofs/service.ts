import { z } from "zod";
import { readSigned, type SignatureFault } from "../../identity/platform-signatures/service.js";
import { leafHash, sha256Hex } from "../../kernel/digest.js";
import { findInclusionFault } from "../../kernel/merkle.js";
import { STATEMENT_TYPE } from "../issuing/service.js";
import { statementSchema } from "../statement-schema.js";

/** What a partner holds of one batch: what it sent, a `periodProofs` of the API as parsed JSON, and the statement. */
export interface SettledBatch {
  /** Compact JWS of the batch as it was sent. */
  readonly jws: string;
  readonly proof: unknown;
  /** Compact JWS. */
  readonly statement: string;
  /** When the statement is proven to have existed; null where nothing proves that. */
  readonly provenAt?: Date | null;
}

/** Which check of a batch's place in a statement failed. */
export type BatchProofFault =
  | SignatureFault
  | "NOT_A_STATEMENT"
  | "NOT_A_PROOF"
  | "ANOTHER_PERIOD"
  | "ANOTHER_PAYLOAD"
  | "NOT_INCLUDED";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const Proof = z.object({
  periodId: z.string(),
  index: z.int().min(0),
  leaf: z.string(),
  hashes: z.array(z.base64()).max(64),
});
const Leaf = z.object({ batch: z.string(), payloadSha256: sha256, outcomesSha256: sha256 });

/**
 * Checks offline that a statement settles a batch: the statement is the platform's, the proof's leaf is of this very
 * payload, and the hashes lead from it to the root that the statement states (RFC 6962, section 2.1.1). Null when it
 * does.
 */
export function verifySettledBatch(
  { jws, proof, statement, provenAt = null }: SettledBatch,
  jwks: unknown,
): BatchProofFault | null {
  const signed = readSigned(statement, { jwks, typ: STATEMENT_TYPE, provenAt });
  if ("fault" in signed) return signed.fault;
  const { data: document } = statementSchema.safeParse(signed.payload);
  if (document?.transactions === undefined) return "NOT_A_STATEMENT";
  const { data: claim } = Proof.safeParse(proof);
  const leaf = claim === undefined ? null : leafOf(claim.leaf);
  if (claim === undefined || leaf === null) return "NOT_A_PROOF";
  if (claim.periodId !== document.period.id) return "ANOTHER_PERIOD";
  const payload = Buffer.from(jws.split(".")[1] ?? "", "base64url");
  if (leaf.payloadSha256 !== sha256Hex(payload)) return "ANOTHER_PAYLOAD";
  const fault = findInclusionFault({
    index: claim.index,
    size: document.transactions.batches,
    leafHash: leafHash(claim.leaf),
    proof: claim.hashes.map((hash) => Buffer.from(hash, "base64")),
    root: Buffer.from(document.transactions.root, "hex"),
  });
  return fault === null ? null : "NOT_INCLUDED";
}

function leafOf(text: string): z.infer<typeof Leaf> | null {
  try {
    return Leaf.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null; // not JSON, so no leaf
  }
}
