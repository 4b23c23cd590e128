import type { TxSql } from "../../platform/database.js";
import type { QuarantineCause } from "../quarantine/entities.js";

/** A batch to be written down as quarantined. */
export interface Quarantined {
  readonly batchId: string;
  readonly partnerNo: number;
  readonly cause: QuarantineCause;
}

/** Writes down that batches are quarantined; their state is for the caller to change, in the same transaction. */
export async function insertQuarantines(
  tx: TxSql,
  tenantNo: number,
  at: Date,
  batches: readonly Quarantined[],
): Promise<void> {
  if (batches.length === 0) return;
  await tx.query("insert into batch_quarantine (tenant_no, batch_id, partner_no, cause, quarantined_at) values ?", [
    batches.map(({ batchId, partnerNo, cause }) => [tenantNo, batchId, partnerNo, cause, at]),
  ]);
}
