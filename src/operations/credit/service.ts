import { type CreditAgain, creditAgain } from "../../exchange/credit-evidence/service.js";
import type { Reader } from "../../platform/database.js";
import type { Book } from "../books/service.js";
import { Check, type Findings } from "../findings/rules.js";

/**
 * Checks a partner's prepaid credit: a lot is as its purchase was signed and the sum of its moves, CREDIT, DRAWN and
 * CREDIT_DISCOUNT are the sums of the lots, and what was bought is what the totals hold of purchases.
 */
export async function checkCredit(reader: Reader, book: Book, findings: Findings): Promise<void> {
  const again = await creditAgain(reader, book);
  findings.count("credit lots", again.lots.length);
  for (const { no, expected, found } of again.lots) {
    if (expected !== found) findings.add(Check.CREDIT, { subject: `${book.id} lot ${no}`, expected, found });
  }
  await checkBalances(reader, book, findings, again);
  await checkPurchases(reader, book, findings, again);
}

async function checkBalances(
  reader: Reader,
  { tenantNo, no, id }: Book,
  findings: Findings,
  { balances }: CreditAgain,
): Promise<void> {
  const rows: { account: string; currency: string; balance: string }[] = await reader.query(
    `select account, currency, balance_minor as balance from account
     where tenant_no = ? and partner_no = ? and account in ('CREDIT', 'DRAWN', 'CREDIT_DISCOUNT')`,
    [tenantNo, no],
  );
  const held = rows.map(({ account, currency, balance }): Sum => [`${account} ${currency}`, BigInt(balance)]);
  const lots = balances.map(({ account, currency, amountMinor }): Sum => [`${account} ${currency}`, amountMinor]);
  findings.compare(Check.CREDIT, id, added(lots), added(held));
}

/** Kind by kind: purchases less those rolled back. */
async function checkPurchases(
  reader: Reader,
  { tenantNo, no, id }: Book,
  findings: Findings,
  { bought }: CreditAgain,
): Promise<void> {
  const rows: { currency: string; total: string }[] = await reader.query(
    `select currency, sum(if(kind = 'CREDIT_PURCHASE', sum_minor, -sum_minor)) as total from activity_total
     where tenant_no = ? and partner_no = ? and kind in ('CREDIT_PURCHASE', 'ROLLBACK_CREDIT_PURCHASE')
     group by currency`,
    [tenantNo, no],
  );
  const posted = rows.map(({ currency, total }): Sum => [`CREDIT_PURCHASE ${currency}`, BigInt(total)]);
  const lots = [...bought].map(([currency, minor]): Sum => [`CREDIT_PURCHASE ${currency}`, minor]);
  findings.compare(Check.CREDIT, id, added(posted), added(lots));
}

type Sum = readonly [name: string, minor: bigint];

/** Sums by name; zero is nothing. */
function added(sums: readonly Sum[]): Map<string, string> {
  const totals = new Map<string, bigint>();
  for (const [name, minor] of sums) totals.set(name, (totals.get(name) ?? 0n) + minor);
  return new Map([...totals].filter(([, minor]) => minor !== 0n).map(([name, minor]) => [name, String(minor)]));
}
