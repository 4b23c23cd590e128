import { checkBatches } from "../../exchange/evidence/service.js";
import { missingReversal } from "../../exchange/reversals/service.js";
import type { App } from "../../platform/app.js";
import type { Reader } from "../../platform/database.js";
import type { Book } from "../books/service.js";
import { Check, type Findings } from "../findings/rules.js";

const NOUNS = { transaction: "transactions", taken_id: "taken ids" } as const;

/**
 * Checks a partner's batches against their envelopes, outcomes and acts, what removals left of them, and that each
 * rollback holds its original.
 */
export async function checkEveryBatch(app: App, reader: Reader, book: Book, findings: Findings): Promise<void> {
  const rows = { transaction: 0, taken_id: 0 };
  const removals: Removals = { byPeriod: new Map(), silent: 0 };
  for (let after = "0"; ; ) {
    const page = await checkBatches(app, reader, book, after);
    if (page === null) break;
    findings.count("batches", page.batches);
    findings.count("items", page.items);
    findings.count("removed batches", page.removed);
    rows.transaction += page.transactions;
    rows.taken_id += page.taken;
    for (const periods of page.removedFrom) addRemoval(removals, periods);
    if (page.mismatch !== null) findings.add(Check.BATCHES, page.mismatch);
    if (page.untold !== null) findings.add(Check.STATES, page.untold);
    if (page.unleft !== null) findings.add(Check.REMOVALS, page.unleft);
    after = page.last;
  }
  await checkRows(reader, book, findings, rows);
  await checkRemovals(reader, book, findings, removals);
  const reversal = await missingReversal(reader, book);
  if (reversal !== null) findings.add(Check.REVERSALS, reversal);
}

/** Of removed batches: from which periods, by the periods' ids. */
interface Removals {
  readonly byPeriod: Map<string, number>;
  /** Those whose act did not say. */
  silent: number;
}

function addRemoval(removals: Removals, periods: readonly string[] | null): void {
  if (periods === null) removals.silent += 1;
  for (const id of periods ?? []) removals.byPeriod.set(id, (removals.byPeriod.get(id) ?? 0) + 1);
}

async function checkRows(
  reader: Reader,
  { tenantNo, no, id }: Book,
  findings: Findings,
  rows: Readonly<Record<keyof typeof NOUNS, number>>,
): Promise<void> {
  for (const table of ["transaction", "taken_id"] as const) {
    const [{ count }] = await reader.query(
      `select count(*) as count from ${table} where tenant_no = ? and partner_no = ?`,
      [tenantNo, no],
    );
    findings.count(NOUNS[table], Number(count));
    if (Number(count) === rows[table]) continue;
    const [subject, expected] = [`${id} ${NOUNS[table]}`, String(rows[table])];
    findings.add(Check.BATCHES, { subject, expected, found: String(count) });
  }
}

/** A period's number of removed batches says whether it is added up again, so it must be what removals made it. */
async function checkRemovals(
  reader: Reader,
  { tenantNo, no }: Book,
  findings: Findings,
  { byPeriod, silent }: Removals,
): Promise<void> {
  const periods: { id: string; removed: number }[] = await reader.query(
    "select id, removed_batches as removed from settlement_period where tenant_no = ? and partner_no = ? order by no",
    [tenantNo, no],
  );
  for (const { id, removed } of periods) {
    const expected = byPeriod.get(id) ?? 0;
    if (removed >= expected && removed <= expected + silent) continue;
    findings.add(Check.REMOVALS, { subject: `${id} removed`, expected: String(expected), found: String(removed) });
  }
}
