import type { TenantRef } from "../../kernel/actor.js";
import type { TxSql } from "../../platform/database.js";

/** Notes of periods that one more batch of theirs was removed, so that nobody adds them up from transactions again. */
export async function countRemoved(
  tx: TxSql,
  { tenantNo }: Pick<TenantRef, "tenantNo">,
  periodNos: readonly number[],
): Promise<void> {
  if (periodNos.length === 0) return;
  await tx.query(
    "update settlement_period set removed_batches = removed_batches + 1 where tenant_no = ? and no in (?)",
    [tenantNo, periodNos],
  );
}
