import { assert } from "../kernel/assert.js";
import type { HeldCursor, PartnerNumbers } from "../periods/cursors/service.js";
import { saveCursor } from "../periods/cursors/service.js";
import type { TransactionKind } from "../periods/entities.js";
import type { App } from "../platform/app.js";
import { CommitOutcomeUnknown, type Reader, type TxSql } from "../platform/database.js";
import type { AccountName, EntryKind } from "./entities.js";
import { ledgerError } from "./errors.js";
import {
  type Copy,
  dropCopy,
  inspectCopy,
  type Mark,
  markCopy,
  putCopy,
  readCopy,
  UNREADABLE,
} from "./hot-balances.js";
import { isBalanced, type Line, postingOf, sumLines, touchedLines } from "./rules.js";

export type { Copy, Mark } from "./hot-balances.js";

const ROWS_MAX = 5_000;

/** An entry to be made: what it came from and its lines, which sum to zero. */
export interface NewEntry {
  readonly kind: EntryKind;
  readonly periodNo: number;
  readonly batchNo: string | null;
  readonly statementId: string | null;
  readonly recordedAt: Date;
  readonly lines: readonly Line[];
}

/** A partner's balances as one version of its books shows them. */
export interface Balances {
  /** The partner's last entry that they contain. */
  readonly version: bigint;
  readonly accounts: readonly Balance[];
}

/** What an account holds; debit positive, credit negative. */
export interface Balance {
  readonly account: AccountName;
  readonly currency: string;
  readonly balanceMinor: bigint;
}

/**
 * Money that one posted transaction moves between the accounts of its kind; negative where a rollback moves it back.
 */
export interface Move {
  readonly kind: TransactionKind;
  readonly category: string | null;
  readonly currency: string;
  readonly amountMinor: bigint;
}

/** The entry lines of moves, and others besides, added up per account; kinds that move no money have none. */
export function linesOf(moves: readonly Move[], besides: readonly Line[] = []): Line[] {
  const lines = moves.flatMap(({ kind, category, currency, amountMinor }) => {
    const posting = postingOf(kind, category);
    if (posting === null) return [];
    return [
      { account: posting.debit, currency, amountMinor },
      { account: posting.credit, currency, amountMinor: -amountMinor },
    ];
  });
  return sumLines([...lines, ...besides]);
}

/** The number that the first new entry under a held cursor will have. */
export function nextEntryNo(cursor: HeldCursor): bigint {
  return cursor.entryNo + 1n;
}

/**
 * Appends entries under the held cursor, numbered on from it, and adds them to the balances. Answers the number of the
 * last one, which is also the version of the partner's balances. An entry that does not balance is a bug.
 */
export async function post(
  tx: TxSql,
  partner: PartnerNumbers,
  cursor: HeldCursor,
  entries: readonly NewEntry[],
): Promise<bigint> {
  if (entries.length === 0) {
    await saveCursor(tx, partner, cursor);
    return cursor.entryNo;
  }
  for (const entry of entries) assert(isBalanced(entry.lines), "an entry sums to zero in each currency");
  const recordedAt = await insertEntries(tx, partner, cursor, entries);
  const version = cursor.entryNo + BigInt(entries.length);
  const changes = touchedLines(entries.flatMap((entry) => sumLines(entry.lines)));
  if (changes.length > 0) {
    await tx.query(
      `insert into account (tenant_no, partner_no, account, currency, balance_minor, version) values ?
       on duplicate key update balance_minor = balance_minor + values(balance_minor), version = values(version)`,
      [changes.map((line) => [partner.tenantNo, partner.no, line.account, line.currency, line.amountMinor, version])],
    );
  }
  await saveCursor(tx, partner, { ...cursor, entryNo: version, recordedAt });
  return version;
}

/** Marks the hot copy before a transaction that will change the balances, so that no reader trusts it meanwhile. */
export async function announceChange(app: App, partner: PartnerNumbers): Promise<Mark> {
  return markCopy(app, partner);
}

/** The balances as a transaction leaves them behind: what to publish once it has committed. */
export async function balancesAfter(tx: TxSql, partner: PartnerNumbers, version: bigint): Promise<Copy> {
  const [epochs, rows]: [{ epoch: number }[], AccountRow[]] = await Promise.all([
    tx.query("select ledger_epoch as epoch from tenant where no = ?", [partner.tenantNo]),
    tx.query("select account, currency, balance_minor from account where tenant_no = ? and partner_no = ?", [
      ...[partner.tenantNo, partner.no],
    ]),
  ]);
  return { epoch: epochs[0]?.epoch ?? 0, version, accounts: rows.map(balanceOfRow) };
}

/** Puts balances, else what is stored, in the place of a mark once its transaction has ended. */
export async function publishBalances(
  app: App,
  partner: PartnerNumbers,
  mark: Mark,
  balances: Copy | null = null,
): Promise<void> {
  await putCopy(app, partner, balances ?? (await storedCopy(app.database.manager, partner)), mark);
}

/**
 * Does work that changes balances of partners: no reader trusts their hot copies meanwhile, and what is stored takes
 * their place afterwards. While a COMMIT that was not answered may still come, the marks stay.
 */
export async function changeBalances<T>(
  app: App,
  partners: readonly PartnerNumbers[],
  work: () => Promise<T>,
): Promise<T> {
  const marked = await Promise.all(
    partners.map(async (partner) => ({ partner, mark: await announceChange(app, partner) })),
  );
  let isKnown = true;
  try {
    return await work();
  } catch (error) {
    isKnown = !(error instanceof CommitOutcomeUnknown);
    throw error;
  } finally {
    if (isKnown) for (const { partner, mark } of marked) await publishBalances(app, partner, mark);
  }
}

/**
 * A partner's present balances: from the hot copy when there is one that nobody is changing and that is not older than
 * `atLeast`, else from the database.
 */
export async function balancesOf(app: App, partner: PartnerNumbers, atLeast: bigint | null): Promise<Balances> {
  const hot = await readCopy(app, partner);
  if (hot !== null && (atLeast === null || hot.version >= atLeast)) return hot;
  const copy = await storedCopy(app.database.manager, partner);
  if (atLeast !== null && copy.version < atLeast) {
    throw ledgerError("VALIDATION", { path: "/atLeast", reason: "The partner's books have not reached that version." });
  }
  await putCopy(app, partner, copy, null);
  return copy;
}

/** One account's balance as the transaction sees it; 0 where nothing was ever posted. */
export async function balanceOf(
  reader: Reader,
  partner: PartnerNumbers,
  account: AccountName,
  currency: string,
): Promise<bigint> {
  const [row] = await reader.query(
    "select balance_minor from account where tenant_no = ? and partner_no = ? and account = ? and currency = ?",
    [partner.tenantNo, partner.no, account, currency],
  );
  return row === undefined ? 0n : BigInt(row.balance_minor);
}

/** What a hot copy should say and what it says. */
export interface WrongCopy {
  readonly expected: string;
  readonly found: string;
}

/**
 * Deletes a partner's hot copy if it says something else than the database at the same version, knows a later one, or
 * is none at all.
 */
export async function dropWrongCopy(app: App, partner: PartnerNumbers): Promise<WrongCopy | null> {
  const hot = await inspectCopy(app, partner);
  if (hot === null) return null;
  const stored = await storedCopy(app.database.manager, partner);
  if (hot === UNREADABLE) {
    await dropCopy(app, partner);
    return { expected: copyText(stored), found: UNREADABLE };
  }
  const isOlder = hot.epoch < stored.epoch || (hot.epoch === stored.epoch && hot.version < stored.version);
  const [expected, found] = [copyText(stored), copyText(hot)];
  if (isOlder || expected === found) return null;
  await dropCopy(app, partner);
  return { expected, found };
}

interface AccountRow {
  readonly account: AccountName;
  readonly currency: string;
  readonly balance_minor: string;
}

function balanceOfRow({ account, currency, balance_minor }: AccountRow): Balance {
  return { account, currency, balanceMinor: BigInt(balance_minor) };
}

/** One statement, so that balances, version and epoch are of one instant. */
async function storedCopy(reader: Reader, partner: PartnerNumbers): Promise<Copy> {
  const rows: {
    epoch: number;
    entry_no: string;
    account: AccountName | null;
    currency: string;
    balance_minor: string;
  }[] = await reader.query(
    `select tenant.ledger_epoch as epoch, coalesce(held.entry_no, 0) as entry_no, account.account, account.currency,
         account.balance_minor
       from tenant
       left join posting_cursor as held on held.tenant_no = tenant.no and held.partner_no = ?
       left join account on account.tenant_no = tenant.no and account.partner_no = ?
       where tenant.no = ? order by account.account, account.currency`,
    [partner.no, partner.no, partner.tenantNo],
  );
  const accounts = rows.flatMap(({ account, currency, balance_minor }) =>
    account === null ? [] : [balanceOfRow({ account, currency, balance_minor })],
  );
  return { epoch: rows[0]?.epoch ?? 0, version: BigInt(rows[0]?.entry_no ?? 0), accounts };
}

function copyText({ epoch, version, accounts }: Copy): string {
  const balances = accounts.map(({ account, currency, balanceMinor }) => `${account} ${currency} ${balanceMinor}`);
  return [`${epoch}.${version}`, ...balances.sort()].join(", ");
}

/**
 * Clocks differ and are set back, entries have one order: none is recorded before the one ahead of it. Answers when the
 * last one was.
 */
async function insertEntries(
  tx: TxSql,
  partner: PartnerNumbers,
  cursor: HeldCursor,
  entries: readonly NewEntry[],
): Promise<Date | null> {
  const { tenantNo, no } = partner;
  let last = cursor.recordedAt;
  const numbered = entries.map((entry, index) => {
    last = last !== null && last > entry.recordedAt ? last : entry.recordedAt;
    return { no: nextEntryNo(cursor) + BigInt(index), ...entry, recordedAt: last };
  });
  const rows = numbered.map((entry) => [
    ...[tenantNo, no, entry.no, entry.kind, entry.periodNo, entry.batchNo, entry.statementId, entry.recordedAt],
  ]);
  const lines = numbered.flatMap((entry) =>
    sumLines(entry.lines).map((line) => [tenantNo, no, entry.no, line.account, line.currency, line.amountMinor]),
  );
  await insertRows(tx, "entry (tenant_no, partner_no, no, kind, period_no, batch_no, statement_id, recorded_at)", rows);
  await insertRows(tx, "entry_line (tenant_no, partner_no, entry_no, account, currency, amount_minor)", lines);
  return last;
}

async function insertRows(tx: TxSql, into: string, rows: readonly unknown[][]): Promise<void> {
  for (let start = 0; start < rows.length; start += ROWS_MAX) {
    await tx.query(`insert into ${into} values ?`, [rows.slice(start, start + ROWS_MAX)]);
  }
}
