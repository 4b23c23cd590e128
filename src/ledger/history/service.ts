import type { PartnerNumbers } from "../../periods/cursors/service.js";
import type { App } from "../../platform/app.js";
import { type Reader, readSnapshot } from "../../platform/database.js";
import type { AccountName } from "../entities.js";
import { ledgerError } from "../errors.js";
import type { Balance, Balances } from "../service.js";

/** Entries that one query looks at while the last one up to an instant is searched: three queries for a million. */
const PROBES = 100n;

/**
 * Balances as they were recorded at an instant, read as of one moment: what the entries up to it come to. Their times
 * never decrease, so they are the entries up to a number; of these and the later ones the fewer are added up. Accounts at
 * zero are left out. An instant to come is refused (`VALIDATION`), since nobody knows yet.
 */
export async function balancesAt(app: App, partner: PartnerNumbers, instant: Date): Promise<Balances> {
  if (instant > app.clock.now()) {
    throw ledgerError("VALIDATION", { path: "/at", reason: "The instant lies in the future." });
  }
  return readSnapshot(app, async (reader) => {
    const newest = await newestEntryNo(reader, partner);
    const version = await lastEntryNo(reader, partner, instant, newest);
    const isNear = newest - version < version;
    const accounts = isNear ? await sumsBack(reader, partner, version) : await sums(reader, partner, version);
    return { version, accounts };
  });
}

async function newestEntryNo(reader: Reader, { tenantNo, no }: PartnerNumbers): Promise<bigint> {
  const [row] = await reader.query("select entry_no from posting_cursor where tenant_no = ? and partner_no = ?", [
    tenantNo,
    no,
  ]);
  return BigInt(row?.entry_no ?? 0);
}

/** The number of the last entry recorded up to an instant, 0 before the first: a search in ever smaller steps. */
async function lastEntryNo(
  reader: Reader,
  { tenantNo, no }: PartnerNumbers,
  instant: Date,
  newest: bigint,
): Promise<bigint> {
  let [low, high] = [0n, newest]; // `low` is recorded by then, or 0; nothing behind `high` is
  while (low < high) {
    const step = (high - low + PROBES - 1n) / PROBES;
    const probes: bigint[] = [];
    for (let probe = low + step; probe < high; probe += step) probes.push(probe);
    probes.push(high);
    const rows: { no: string; isRecorded: number }[] = await reader.query(
      `select no, recorded_at <= ? as isRecorded from entry where tenant_no = ? and partner_no = ? and no in (?)`,
      [instant, tenantNo, no, probes],
    );
    const recorded = new Set(rows.flatMap((row) => (Number(row.isRecorded) === 1 ? [BigInt(row.no)] : [])));
    const firstLater = probes.findIndex((probe) => !recorded.has(probe));
    if (firstLater === -1) return high;
    [low, high] = [probes[firstLater - 1] ?? low, (probes[firstLater] ?? high) - 1n];
  }
  return low;
}

/** The sums of the entries up to one. */
async function sums(reader: Reader, { tenantNo, no }: PartnerNumbers, version: bigint): Promise<Balance[]> {
  const rows: SumRow[] = await reader.query(
    `select account, currency, sum(amount_minor) as balance from entry_line
     where tenant_no = ? and partner_no = ? and entry_no <= ?
     group by account, currency having balance <> 0 order by account, currency`,
    [tenantNo, no, version],
  );
  return rows.map(balanceOfRow);
}

/** The present balances less the entries behind one. */
async function sumsBack(reader: Reader, { tenantNo, no }: PartnerNumbers, version: bigint): Promise<Balance[]> {
  const rows: SumRow[] = await reader.query(
    `select account.account, account.currency, account.balance_minor - coalesce(later.total, 0) as balance
     from account left join (
       select account, currency, sum(amount_minor) as total from entry_line
       where tenant_no = ? and partner_no = ? and entry_no > ? group by account, currency
     ) as later on later.account = account.account and later.currency = account.currency
     where account.tenant_no = ? and account.partner_no = ? having balance <> 0
     order by account.account, account.currency`,
    [tenantNo, no, version, tenantNo, no],
  );
  return rows.map(balanceOfRow);
}

interface SumRow {
  readonly account: AccountName;
  readonly currency: string;
  readonly balance: string;
}

function balanceOfRow({ account, currency, balance }: SumRow): Balance {
  return { account, currency, balanceMinor: BigInt(balance) };
}
