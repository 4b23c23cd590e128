import { parseAmount, scaleOf } from "../../kernel/money.js";
import type { Reader } from "../../platform/database.js";
import type { Book } from "../books/service.js";
import { Check, type Findings } from "../findings/rules.js";

/**
 * Checks what a partner is owed from rows: what its statements released, less what payouts paid and set-offs met, plus
 * what came back and was collected, is PAYABLE; the money of payouts and collections is in the books as it is on their
 * rows; and what set-offs took of each statement is what their acts say.
 */
export async function checkPayouts(reader: Reader, book: Book, findings: Findings): Promise<void> {
  await checkReleased(reader, book, findings);
  await checkPaid(reader, book, findings);
  await checkCollected(reader, book, findings);
  await checkSetOff(reader, book, findings);
  await checkPayable(reader, book, findings);
}

/** A sum by whatever names it. */
interface Sum {
  readonly name: string;
  readonly total: string;
}

function byName(sums: readonly Sum[]): ReadonlyMap<string, string> {
  return new Map(sums.filter(({ total }) => total !== "0").map(({ name, total }) => [name, total]));
}

async function checkPayable(reader: Reader, { tenantId, tenantNo, no, id }: Book, findings: Findings): Promise<void> {
  const expected: Sum[] = await reader.query(
    `select currency as name, cast(sum(minor) as char) as total from (
       select currency, paid_out_minor as minor from statement where tenant_no = ? and partner_no = ?
       union all select currency, returned_minor - paid_minor from payout where tenant_id = ? and partner_id = ?
       union all select currency, amount_minor - returned_minor from collection
         where tenant_id = ? and partner_id = ? and state in ('COLLECTED', 'RETURNED')
       union all select currency, -amount_minor from set_off where tenant_id = ? and creditor_id = ?
       union all select currency, amount_minor from set_off where tenant_id = ? and debtor_id = ?
     ) as moved group by currency`,
    [tenantNo, no, tenantId, id, tenantId, id, tenantId, id, tenantId, id],
  );
  const found: Sum[] = await reader.query(
    `select currency as name, cast(-balance_minor as char) as total from account
     where tenant_no = ? and partner_no = ? and account = 'PAYABLE'`,
    [tenantNo, no],
  );
  findings.compare(Check.PAYOUTS, `${id} PAYABLE`, byName(expected), byName(found));
}

/** What a statement says that it moved onto PAYABLE is what its entry moved there. */
async function checkReleased(reader: Reader, { tenantNo, no, id }: Book, findings: Findings): Promise<void> {
  const expected = await entriesOf(reader, { tenantNo, no }, ["STATEMENT"], -1);
  const found: Sum[] = await reader.query(
    `select id as name, cast(paid_out_minor as char) as total from statement where tenant_no = ? and partner_no = ?`,
    [tenantNo, no],
  );
  findings.compare(Check.PAYOUTS, `${id} released`, byName(expected), byName(found));
}

/** What payouts say of a statement was paid and is not back is what entries took from PAYABLE. */
async function checkPaid(reader: Reader, { tenantId, tenantNo, no, id }: Book, findings: Findings): Promise<void> {
  const found: (Sum & { payouts: string })[] = await reader.query(
    `select statement_id as name, count(*) as payouts, cast(sum(paid_minor - returned_minor) as char) as total
     from payout where tenant_id = ? and partner_id = ? group by statement_id`,
    [tenantId, id],
  );
  for (const { payouts } of found) findings.count("payouts", Number(payouts));
  const expected = await entriesOf(reader, { tenantNo, no }, ["PAYMENT", "PAYMENT_RETURN"], 1);
  findings.compare(Check.PAYOUTS, `${id} paid`, byName(expected), byName(found));
}

/** What collections say came and is not back is what entries added to PAYABLE, currency by currency. */
async function checkCollected(reader: Reader, { tenantId, tenantNo, no, id }: Book, findings: Findings): Promise<void> {
  const found: (Sum & { collections: string })[] = await reader.query(
    `select currency as name, count(*) as collections, cast(sum(amount_minor - returned_minor) as char) as total
     from collection where tenant_id = ? and partner_id = ? and state in ('COLLECTED', 'RETURNED') group by currency`,
    [tenantId, id],
  );
  for (const { collections } of found) findings.count("collections", Number(collections));
  const expected: Sum[] = await reader.query(
    `select line.currency as name, cast(-sum(line.amount_minor) as char) as total
     from entry join entry_line as line on line.tenant_no = entry.tenant_no and line.partner_no = entry.partner_no
       and line.entry_no = entry.no and line.account = 'PAYABLE'
     where entry.tenant_no = ? and entry.partner_no = ? and entry.kind in ('COLLECTION', 'COLLECTION_RETURN')
     group by line.currency`,
    [tenantNo, no],
  );
  findings.compare(Check.PAYOUTS, `${id} collected`, byName(expected), byName(found));
}

/**
 * What set-offs took of each statement is what their acts say. Of a currency in which an act of an older release does
 * not say which statements it took from, nothing can be said.
 */
async function checkSetOff(reader: Reader, { tenantNo, no, id }: Book, findings: Findings): Promise<void> {
  const acts: { detail: string }[] = await reader.query(
    `select detail from act where tenant_no = ? and partner_no = ? and type = 'DEBTS_SET_OFF' and json_valid(detail)`,
    [tenantNo, no],
  );
  const setOffs = acts
    .map(({ detail }) => (JSON.parse(detail) as { after: SetOffTold }).after)
    .filter(({ creditorId }) => creditorId === id);
  const untold = new Set(setOffs.filter(({ statements }) => statements === undefined).map(({ currency }) => currency));
  const expected = new Map<string, bigint>();
  for (const { currency, statements = [] } of setOffs.filter((each) => !untold.has(each.currency))) {
    for (const { statementId, amount } of statements) {
      const minor = parseAmount(amount, scaleOf(currency));
      expected.set(statementId, (expected.get(statementId) ?? 0n) + (typeof minor === "bigint" ? minor : 0n));
    }
  }
  const found: (Sum & { currency: string })[] = await reader.query(
    `select id as name, currency, cast(set_off_minor as char) as total from statement
     where tenant_no = ? and partner_no = ? and set_off_minor <> 0`,
    [tenantNo, no],
  );
  const told = new Map([...expected].map(([name, minor]) => [name, String(minor)]));
  const stated = byName(found.filter(({ currency }) => !untold.has(currency)));
  findings.compare(Check.PAYOUTS, `${id} set off`, told, stated);
}

/** What the act of a set-off says of it. */
interface SetOffTold {
  readonly creditorId: string;
  readonly currency: string;
  /** Only in the creditor's own act, of what it was taken from. */
  readonly statements?: readonly { readonly statementId: string; readonly amount: string }[];
}

/** What entries of some kinds moved on PAYABLE, by the statement that they are of. */
async function entriesOf(
  reader: Reader,
  { tenantNo, no }: Pick<Book, "tenantNo" | "no">,
  kinds: readonly string[],
  sign: 1 | -1,
): Promise<readonly Sum[]> {
  return reader.query(
    `select entry.statement_id as name, cast(sum(? * line.amount_minor) as char) as total
     from entry join entry_line as line on line.tenant_no = entry.tenant_no and line.partner_no = entry.partner_no
       and line.entry_no = entry.no and line.account = 'PAYABLE'
     where entry.tenant_no = ? and entry.partner_no = ? and entry.kind in (?) group by entry.statement_id`,
    [sign, tenantNo, no, kinds],
  );
}
