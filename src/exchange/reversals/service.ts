import type { PartnerNumbers } from "../../periods/cursors/service.js";
import type { Reader } from "../../platform/database.js";
import type { Mismatch } from "../evidence/rules.js";
import { ORIGINAL_KEY } from "./rules.js";

/** A rollback that is here, posted or waiting; one that was refused reverses nothing. */
const REVERSING = "t.kind = 'ROLLBACK' and t.state in ('POSTED', 'PENDING_ORIGINAL')";

/** A rollback of the partner, here or removed, without the reversal that keeps its original from a second one. */
export async function missingReversal(reader: Reader, { tenantNo, no }: PartnerNumbers): Promise<Mismatch | null> {
  const [here]: Row[] = await reader.query(
    `select t.external_id as name, hex(t.dedupe) as expected, hex(reversal.rollback) as found
     from transaction as t force index (ix_transaction_period)
     left join reversal on reversal.tenant_no = t.tenant_no and reversal.original = ${ORIGINAL_KEY}
     where t.tenant_no = ? and t.partner_no = ? and ${REVERSING}
       and (reversal.rollback is null or reversal.rollback <> t.dedupe) order by t.no limit 1`,
    [tenantNo, no],
  );
  const [removed]: Row[] = await reader.query(
    `select hex(taken_id.dedupe) as name, hex(taken_id.dedupe) as expected, hex(reversal.rollback) as found
     from taken_id left join reversal
       on reversal.tenant_no = taken_id.tenant_no and reversal.original = taken_id.reverses
     where taken_id.tenant_no = ? and taken_id.partner_no = ? and taken_id.reverses is not null
       and (reversal.rollback is null or reversal.rollback <> taken_id.dedupe) order by taken_id.dedupe limit 1`,
    [tenantNo, no],
  );
  return textOf(here ?? removed, "reversal of");
}

/** A reversal of the tenant that no rollback made: it would keep its original from being rolled back. */
export async function strayReversal(reader: Reader, tenantNo: number): Promise<Mismatch | null> {
  const [stray]: Row[] = await reader.query(
    `select hex(reversal.original) as name, 'none' as expected, hex(reversal.rollback) as found
     from reversal
     left join transaction as t on t.tenant_no = reversal.tenant_no and t.dedupe = reversal.rollback
       and t.partner_no = reversal.partner_no and ${REVERSING} and ${ORIGINAL_KEY} = reversal.original
     left join taken_id on taken_id.tenant_no = reversal.tenant_no and taken_id.partner_no = reversal.partner_no
       and taken_id.dedupe = reversal.rollback
       and (taken_id.reverses = reversal.original or taken_id.batch_no = 0)
     where reversal.tenant_no = ? and t.no is null and taken_id.dedupe is null limit 1`,
    [tenantNo],
  );
  return textOf(stray, "reversal");
}

interface Row {
  readonly name: string;
  readonly expected: string;
  readonly found: string | null;
}

function textOf(row: Row | undefined, what: string): Mismatch | null {
  if (row === undefined) return null;
  return { subject: `${what} ${row.name}`, expected: row.expected, found: row.found ?? "none" };
}
