import type { TenantRef } from "../../kernel/actor.js";
import type { TxSql } from "../../platform/database.js";

/**
 * Notes of periods that one more batch of theirs was removed, so that nobody adds them up from transactions again.
 * Answers their ids.
 */
export async function countRemoved(
  tx: TxSql,
  { tenantNo }: Pick<TenantRef, "tenantNo">,
  periodNos: readonly number[],
): Promise<string[]> {
  if (periodNos.length === 0) return [];
  await tx.query(
    "update settlement_period set removed_batches = removed_batches + 1 where tenant_no = ? and no in (?)",
    [tenantNo, periodNos],
  );
  const periods: { id: string }[] = await tx.query(
    "select id from settlement_period where tenant_no = ? and no in (?) order by id",
    [tenantNo, periodNos],
  );
  return periods.map(({ id }) => id);
}
