import { canonicalJson } from "../../kernel/canonical-json.js";

/** What a period commits to of a batch that was posted into it; hashes in hexadecimal. */
export interface CommittedBatch {
  readonly batchId: string;
  readonly payloadSha256: string;
  readonly outcomesSha256: string;
}

/** The leaf's bytes: canonical JSON (RFC 8785) of the batch's id, its payload's SHA-256 and that of its outcomes. */
export function commitmentLeaf({ batchId, payloadSha256, outcomesSha256 }: CommittedBatch): string {
  return canonicalJson({ batch: batchId, outcomesSha256, payloadSha256 });
}
