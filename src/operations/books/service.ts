import { creditAgain } from "../../exchange/credit-evidence/service.js";
import { activityAgain, fineActivityAgain } from "../../exchange/recounts/service.js";
import { dayIn } from "../../kernel/clock.js";
import type { AccountName } from "../../ledger/entities.js";
import { linesOf } from "../../ledger/service.js";
import type { PartnerNumbers } from "../../periods/cursors/service.js";
import { TransactionKind } from "../../periods/entities.js";
import { type FineActivity, fineActivityOf } from "../../periods/fine-totals/service.js";
import { joinGrains } from "../../periods/grains/entities.js";
import { periodsByNumber } from "../../periods/service.js";
import { type Activity, activityOf } from "../../periods/totals/service.js";
import type { Reader } from "../../platform/database.js";
import { adjustmentsAgain, fineAdjustments, type Readjusted } from "../../settlement/corrections/service.js";
import { Check, type Findings } from "../findings/rules.js";

/** Entries whose lines are added up by one query. */
const ENTRIES_MAX = 20_000;
const KINDS: ReadonlyMap<string, TransactionKind> = new Map(Object.values(TransactionKind).map((kind) => [kind, kind]));
const ROLLBACK = /^ROLLBACK_(.+)$/;

/** Whose books are read, and how the findings call it. */
export interface Book extends PartnerNumbers {
  readonly tenantId: string;
  readonly id: string;
  readonly timezone: string;
}

/** Computes a partner's books again from its rows: entries, balances, totals and accounts. */
export async function checkBooks(reader: Reader, book: Book, findings: Findings): Promise<void> {
  const lastEntry = await checkNumbers(reader, book, findings);
  for (let after = 0n; after < lastEntry; after += BigInt(ENTRIES_MAX)) {
    await checkEntries(reader, book, findings, { after, through: after + BigInt(ENTRIES_MAX) });
  }
  await checkBalances(reader, book, findings, lastEntry);
  await checkTotals(reader, book, findings);
  await checkActivity(reader, book, findings);
}

/**
 * Entries are numbered from 1 to the cursor's, and lines belong to them. Answers the number of the last one there is.
 */
async function checkNumbers(reader: Reader, { tenantNo, no, id }: Book, findings: Findings): Promise<bigint> {
  const key = [tenantNo, no];
  const [entries] = await reader.query(
    `select count(*) as count, coalesce(min(no), 0) as first, coalesce(max(no), 0) as last from entry
     where tenant_no = ? and partner_no = ?`,
    key,
  );
  const [lines] = await reader.query(
    `select coalesce(min(entry_no), 1) as first, coalesce(max(entry_no), 0) as last from entry_line
     where tenant_no = ? and partner_no = ?`,
    key,
  );
  const [cursor] = await reader.query(
    "select entry_no from posting_cursor where tenant_no = ? and partner_no = ?",
    key,
  );
  const expected = String(cursor?.entry_no ?? 0);
  findings.count("entries", Number(entries.count));
  findings.compare(
    Check.ENTRIES,
    id,
    new Map([
      ["entries", expected],
      ["first entry", expected === "0" ? "0" : "1"],
      ["last entry", expected],
    ]),
    new Map([
      ["entries", String(entries.count)],
      ["first entry", String(entries.first)],
      ["last entry", String(entries.last)],
    ]),
  );
  const [first, last] = [BigInt(lines.first), BigInt(lines.last)];
  if (first < 1n || last > BigInt(expected)) {
    findings.add(Check.ENTRIES, { subject: `${id} lines`, expected: `1 to ${expected}`, found: `${first} to ${last}` });
  }
  return last > BigInt(entries.last) ? last : BigInt(entries.last);
}

interface EntryRange {
  readonly after: bigint;
  readonly through: bigint;
}

async function checkEntries(
  reader: Reader,
  { tenantNo, no, id }: Book,
  findings: Findings,
  { after, through }: EntryRange,
): Promise<void> {
  const range = [tenantNo, no, after, through];
  const [unbalanced] = await reader.query(
    `select entry_no, currency, sum(amount_minor) as total from entry_line
     where tenant_no = ? and partner_no = ? and entry_no > ? and entry_no <= ?
     group by entry_no, currency having total <> 0 order by entry_no limit 1`,
    range,
  );
  if (unbalanced !== undefined) {
    const subject = `${id} entry ${unbalanced.entry_no} ${unbalanced.currency}`;
    findings.add(Check.ENTRIES, { subject, expected: "0", found: String(unbalanced.total) });
  }
  const [unfounded] = await reader.query(
    `select entry.no from entry left join batch
       on batch.tenant_no = entry.tenant_no and batch.no = entry.batch_no and batch.partner_no = entry.partner_no
     where entry.tenant_no = ? and entry.partner_no = ? and entry.no > ? and entry.no <= ? and entry.kind = 'POSTING'
       and (batch.no is null or batch.state <> 'POSTED') order by entry.no limit 1`,
    range,
  );
  if (unfounded !== undefined) {
    findings.add(Check.ENTRIES, { subject: `${id} entry ${unfounded.no}`, expected: "a posted batch", found: "none" });
  }
}

async function checkBalances(
  reader: Reader,
  { tenantNo, no, id }: Book,
  findings: Findings,
  lastEntry: bigint,
): Promise<void> {
  const sums: Sum[] = await reader.query(
    `select account, currency, sum(amount_minor) as total from entry_line where tenant_no = ? and partner_no = ?
     group by account, currency`,
    [tenantNo, no],
  );
  const accounts: (Sum & { version: string })[] = await reader.query(
    "select account, currency, balance_minor as total, version from account where tenant_no = ? and partner_no = ?",
    [tenantNo, no],
  );
  findings.count("accounts", accounts.length);
  const isMoney = ({ total }: Sum) => String(total) !== "0";
  findings.compare(Check.BALANCES, id, byAccount(sums.filter(isMoney)), byAccount(accounts.filter(isMoney)));
  const ahead = accounts.find((account) => BigInt(account.version) > lastEntry);
  if (ahead !== undefined) {
    const subject = `${id} ${ahead.account} ${ahead.currency} version`;
    findings.add(Check.BALANCES, { subject, expected: `at most ${lastEntry}`, found: ahead.version });
  }
}

async function checkTotals(reader: Reader, book: Book, findings: Findings): Promise<void> {
  const key = [book.tenantNo, book.no];
  const periods: { period_no: number }[] = await reader.query(
    `select distinct period_no from activity_total where tenant_no = ? and partner_no = ?
     union select distinct period_no from transaction where tenant_no = ? and partner_no = ? and period_no > 0`,
    [...key, ...key],
  );
  const removed = await periodsWithRemoved(reader, book);
  findings.count("periods with removed batches", removed.size);
  for (const { period_no } of periods) {
    if (removed.has(period_no)) continue; // its totals are held by the entries, which `checkActivity` adds up
    const posted = await activityAgain(reader, book, period_no);
    const adjusted = await adjustmentsAgain(reader, book, period_no);
    const expected = [...posted, ...adjusted.map(({ activity }) => activity)];
    const found = await activityOf(reader, book, period_no);
    findings.count("totals", found.length);
    findings.compare(Check.TOTALS, `${book.id} period ${period_no}`, byDimension(expected), byDimension(found));
    await checkFineTotals(reader, book, findings, { periodNo: period_no, activity: expected, adjusted });
  }
}

async function periodsWithRemoved(reader: Reader, { tenantNo, no }: Book): Promise<ReadonlySet<number>> {
  const periods: { no: number }[] = await reader.query(
    "select no from settlement_period where tenant_no = ? and partner_no = ? and removed_batches > 0",
    [tenantNo, no],
  );
  return new Set(periods.map((period) => period.no));
}

interface Counted {
  readonly periodNo: number;
  readonly activity: readonly Activity[];
  readonly adjusted: readonly Readjusted[];
}

/** What is told apart by player or day, where the period or the origin asks for it, and nothing elsewhere. */
async function checkFineTotals(reader: Reader, book: Book, findings: Findings, counted: Counted) {
  const { periodNo, activity, adjusted } = counted;
  const origins = [...new Set(activity.map(({ originPeriodNo }) => originPeriodNo))];
  const periods = await periodsByNumber(reader, book.tenantNo, [periodNo, ...origins]);
  const grainIn = (no: number) => periods.get(no)?.grain ?? [];
  const expected: FineActivity[] = [];
  for (const originPeriodNo of origins) {
    const grains = joinGrains(grainIn(periodNo), grainIn(originPeriodNo));
    if (grains.length === 0) continue;
    expected.push(...(await fineActivityAgain(reader, book, { periodNo, originPeriodNo, grains })));
  }
  const dayOf = dayIn(book.timezone);
  expected.push(
    ...adjusted.flatMap((each) => fineAdjustments([each.activity], grainIn(periodNo), dayOf(each.decidedAt))),
  );
  const found = await fineActivityOf(reader, book, { periodNo, originPeriodNo: null }, null);
  findings.count("fine totals", found.length);
  findings.compare(Check.TOTALS, `${book.id} period ${periodNo} fine`, byGrain(expected), byGrain(found));
}

function byGrain(totals: readonly FineActivity[]): Map<string, string> {
  const each = totals.map((total) => [...byDimension([total])].map(([name, text]) => [name, text, total] as const));
  return new Map(each.flat().map(([name, text, { player, day }]) => [`player ${player} day ${day} ${name}`, text]));
}

/**
 * Statements move what postings left, so entries of postings, and of disputes, are what the totals come to; what
 * purchases and draw-downs of credit moved is for the lots to say.
 */
async function checkActivity(reader: Reader, { tenantNo, no, id }: Book, findings: Findings): Promise<void> {
  const totals: { kind: string; category: string; currency: string; total: string }[] = await reader.query(
    `select kind, category, currency, sum(sum_minor) as total from activity_total
     where tenant_no = ? and partner_no = ? group by kind, category, currency`,
    [tenantNo, no],
  );
  const posted: Sum[] = await reader.query(
    `select line.account, line.currency, sum(line.amount_minor) as total
     from entry join entry_line as line
       on line.tenant_no = entry.tenant_no and line.partner_no = entry.partner_no and line.entry_no = entry.no
     where entry.tenant_no = ? and entry.partner_no = ? and entry.kind in ('POSTING', 'DISPUTE')
     group by line.account, line.currency having total <> 0`,
    [tenantNo, no],
  );
  const moves = totals.map(({ kind, category, currency, total }) => {
    const [, reversed] = ROLLBACK.exec(kind) ?? [];
    const amountMinor = reversed === undefined ? BigInt(total) : -BigInt(total);
    return { kind: kindOf(reversed ?? kind), category: category === "" ? null : category, currency, amountMinor };
  });
  const { posted: credit } = await creditAgain(reader, { tenantNo, no });
  const lines = linesOf(moves, credit).map(({ amountMinor, ...line }) => ({ ...line, total: amountMinor.toString() }));
  findings.compare(Check.ACTIVITY, id, byAccount(lines), byAccount(posted));
}

interface Sum {
  readonly account: AccountName;
  readonly currency: string;
  readonly total: string;
}

function byAccount(sums: readonly Sum[]): Map<string, string> {
  return new Map(sums.map(({ account, currency, total }) => [`${account} ${currency}`, String(total)]));
}

function byDimension(totals: readonly Activity[]): Map<string, string> {
  return new Map(
    totals.map(({ originPeriodNo, brandNo, productNo, kind, category, currency, count, units, sumMinor }) => [
      `origin ${originPeriodNo} brand ${brandNo} product ${productNo} ${kind} ${category} ${currency}`,
      `${count} × ${sumMinor}, ${units} units`,
    ]),
  );
}

/** A kind by its name; a name that is none has no posting, and so differs from whatever was posted. */
function kindOf(name: string): TransactionKind {
  return KINDS.get(name) ?? TransactionKind.ROLLBACK;
}
