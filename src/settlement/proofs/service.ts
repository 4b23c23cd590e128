import { z } from "zod";
import type { StatedTree } from "../../exchange/extract-reading/service.js";
import { readSigned, type SignatureFault } from "../../identity/platform-signatures/service.js";
import { leafHash, sha256Hex } from "../../kernel/digest.js";
import { findInclusionFault } from "../../kernel/merkle.js";
import type { PartnerNumbers } from "../../periods/cursors/service.js";
import type { Reader } from "../../platform/database.js";
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
  const stated = statedTree(statement, jwks, provenAt);
  if ("fault" in stated) return stated.fault;
  const { data: claim } = Proof.safeParse(proof);
  const leaf = claim === undefined ? null : leafOf(claim.leaf);
  if (claim === undefined || leaf === null) return "NOT_A_PROOF";
  if (claim.periodId !== stated.periodId) return "ANOTHER_PERIOD";
  const payload = Buffer.from(jws.split(".")[1] ?? "", "base64url");
  if (leaf.payloadSha256 !== sha256Hex(payload)) return "ANOTHER_PAYLOAD";
  const fault = findInclusionFault({
    index: claim.index,
    size: stated.size,
    leafHash: leafHash(claim.leaf),
    proof: claim.hashes.map((hash) => Buffer.from(hash, "base64")),
    root: Buffer.from(stated.root, "hex"),
  });
  return fault === null ? null : "NOT_INCLUDED";
}

/** The tree of a period's batches that a statement states. */
export interface StatedPeriod extends StatedTree {
  readonly periodId: string;
}

/** What a statement states of the batches that it settles, its signature checked; or why it states nothing. */
export function statedTree(
  jws: string,
  jwks: unknown,
  provenAt: Date | null = null,
): StatedPeriod | { fault: SignatureFault | "NOT_A_STATEMENT" } {
  const signed = readSigned(jws, { jwks, typ: STATEMENT_TYPE, provenAt });
  if ("fault" in signed) return { fault: signed.fault };
  const { data: document } = statementSchema.safeParse(signed.payload);
  if (document?.transactions === undefined) return { fault: "NOT_A_STATEMENT" };
  const { batches: size, root } = document.transactions;
  return { periodId: document.period.id, tenant: document.iss, size, root };
}

/** A statement of a period, which states the tree of its batches as any other of it does; null where it has none. */
export async function statementOfPeriod(
  reader: Pick<Reader, "query">,
  { tenantNo, no }: PartnerNumbers,
  periodNo: number,
): Promise<{ readonly id: string; readonly jws: string } | null> {
  const [statement]: { id: string; jws: string }[] = await reader.query(
    "select id, jws from statement where tenant_no = ? and partner_no = ? and period_no = ? order by currency limit 1",
    [tenantNo, no, periodNo],
  );
  return statement ?? null;
}

function leafOf(text: string): z.infer<typeof Leaf> | null {
  try {
    return Leaf.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null; // not JSON, so no leaf
  }
}
