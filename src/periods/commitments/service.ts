import {
  decodeFrontier,
  EMPTY_FRONTIER,
  encodeFrontier,
  extendFrontier,
  type Frontier,
  frontierRoot,
} from "../../kernel/merkle.js";
import type { TxSql } from "../../platform/database.js";
import type { PartnerNumbers } from "../cursors/service.js";
import type { SettlementPeriod } from "../entities.js";

/** What a period's statements say of the batches posted into it: how many, and the root of their tree (RFC 6962). */
export interface Commitment {
  readonly size: number;
  /** In hexadecimal; that of the tree without leaves is SHA-256 of nothing. */
  readonly root: string;
}

/** The tree of the batches posted into a period so far. */
export function frontierOf({ commitment }: Pick<SettlementPeriod, "commitment">): Frontier {
  return commitment === null ? EMPTY_FRONTIER : decodeFrontier(commitment);
}

/** A tree as statements name it. */
export function commitmentOf(frontier: Frontier): Commitment {
  return { size: frontier.size, root: frontierRoot(frontier).toString("hex") };
}

/** Appends leaves to a period's tree, as it was read under the held cursor. */
export async function commitTo(
  tx: TxSql,
  { tenantNo }: PartnerNumbers,
  period: Pick<SettlementPeriod, "no" | "commitment">,
  leafHashes: readonly Buffer[],
): Promise<void> {
  const frontier = encodeFrontier(extendFrontier(frontierOf(period), leafHashes));
  await tx.query("update settlement_period set commitment = ? where tenant_no = ? and no = ?", [
    ...[frontier, tenantNo, period.no],
  ]);
}
