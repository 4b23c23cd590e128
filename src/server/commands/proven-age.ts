import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { z } from "zod";
import { ActType } from "../../acts/entities.js";
import { leafHash, sha256Hex } from "../../kernel/digest.js";
import { type OpenedProof, openProof } from "../../transparency/proofs/service.js";
import { policyOf } from "./verify-log.js";

/** How somebody shows that a document is older than the theft of the key that signed it. */
export interface AgeOptions {
  readonly logProof?: string;
  readonly logKey?: string;
}

const Leaf = z.object({ type: z.enum(ActType), subject: z.string(), at: z.iso.datetime() });
const Accepted = z.object({ after: z.object({ jti: z.string(), payloadSha256: z.string() }) });
const Issued = z.object({ after: z.object({ sha256: z.string() }) });
const Receipt = z.object({
  ...{ batch: z.string(), jti: z.string(), payloadSha256: z.string(), leafHash: z.string(), time: z.string() },
});

/** Adds the options that show the age of a receipt or statement. */
export function addAgeOptions(command: Command): Command {
  return command
    .option(
      "--log-proof <file>",
      "where its key is revoked: the log's proof that it is older (`inclusionProof { file }`)",
    )
    .option("--log-key <key|file>", "the log's verifier key that you pinned, for --log-proof");
}

/**
 * When a statement or receipt is proven to have existed: the instant of the act that tells of it, in a checkpoint that
 * the log's own key signed. What the document says itself is no proof, since whoever has the key may write anything.
 * Null where nothing is shown; a fault where what is shown proves nothing.
 */
export async function provenAge(
  jws: string,
  { logProof, logKey }: AgeOptions,
): Promise<{ readonly at: Date | null } | { readonly fault: string }> {
  if (logProof === undefined) return { at: null };
  if (logKey === undefined) throw new Error("--log-proof needs --log-key, the key of the log that you pinned.");
  const opened = openProof(await readFile(logProof, "utf8"), await policyOf({ logKey, witness: [] }));
  if ("fault" in opened) return opened;
  const { data: leaf } = Leaf.safeParse(parsed(opened.found.leaf));
  if (leaf === undefined) return { fault: "LEAF_MISSING" };
  if (leaf.type === ActType.STATEMENT_ISSUED) {
    const stated = Issued.safeParse(parsed(opened.found.detail)).data?.after.sha256;
    return stated === sha256Hex(jws) ? { at: new Date(leaf.at) } : { fault: "STATEMENT_OF_ANOTHER_LEAF" };
  }
  return tellsOf(jws, opened.found, leaf) ? { at: new Date(leaf.at) } : { fault: "RECEIPT_OF_ANOTHER_LEAF" };
}

/** Whether it is the acceptance that a receipt tells of, in each thing that the log knows of it. */
function tellsOf(jws: string, proof: OpenedProof, { type, subject, at }: z.infer<typeof Leaf>): boolean {
  const [, payload = ""] = jws.split(".");
  const { data: receipt } = Receipt.safeParse(parsed(Buffer.from(payload, "base64url").toString("utf8")));
  const { data: detail } = Accepted.safeParse(parsed(proof.detail));
  if (receipt === undefined || detail === undefined || type !== ActType.BATCH_ACCEPTED) return false;
  const { jti, payloadSha256 } = detail.after;
  const isSameLeaf = receipt.leafHash === leafHash(proof.leaf).toString("hex") && receipt.time === at;
  return isSameLeaf && receipt.batch === subject && receipt.jti === jti && receipt.payloadSha256 === payloadSha256;
}

function parsed(text: string | null): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return null; // of no shape that is looked for, so it proves nothing
  }
}
