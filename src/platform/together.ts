import mysql, { type SqlValue } from "mysql2";
import type { QueryRunner } from "typeorm";
import { present } from "../kernel/assert.js";
import type { App } from "./app.js";
import { type Bounds, type TxSql, transactWithin } from "./database.js";

/**
 * A transaction whose statements share round trips. What is asked before anybody waits for an answer travels together:
 * `Promise.all([one(sql), two(sql)])` costs one, not two. START TRANSACTION goes with the first text.
 */
export interface Together extends TxSql {
  /** Writes whose answers nobody reads: kept back until something is asked, or until COMMIT, with which they travel. */
  readonly later: TxSql;
  /** Questions that are kept back too, perhaps until COMMIT: nothing inside may wait for them. They fail as it does. */
  readonly last: TxSql;
}

/** The longest text of statements that are kept back; what would pass it is sent before. */
const TEXT_MAX = 1024 * 1024;

/** How statements travel. */
export interface Travel {
  /** Tables whose new rows no other write depends on: one INSERT brings those of several who keep them back. */
  readonly joined?: ReadonlySet<string>;
}

/**
 * `transact` over connections that take several statements at once: plain SQL alone. A text stops at the first
 * statement that is refused, so nothing is committed that was not written. Several may work in one transaction: after a
 * refusal nothing more of anybody is sent, and the work is over only when all of them have ended.
 */
export function transactTogether<T>(
  app: App,
  work: (sql: Together) => Promise<T>,
  { joined = new Set() }: Travel = {},
): Promise<T> {
  const bounds: Bounds<Sending> = {
    begin: async (runner) => openSending(runner, joined),
    commit: (_runner, sending) => sending.end(),
    async rollback(runner) {
      await runner.query("ROLLBACK"); // of nothing, where nothing had been sent
    },
  };
  return transactWithin(app.manyStatements, bounds, work);
}

interface Sending extends Together {
  /** Sends what was kept back, with COMMIT. */
  end(): Promise<void>;
}

/** Statements run in the order in which they were given, kept back or asked; one text is under way at a time. */
function openSending(runner: QueryRunner, joined: ReadonlySet<string>): Sending {
  let [given, length] = [[statement("START TRANSACTION")], 0];
  let isAsked = false;
  let sent: Promise<void> = Promise.resolve();
  const flush = () => {
    sent = sent.then(() => {
      const taken = given;
      [given, length, isAsked] = [[], 0, false];
      return send(runner, taken);
    });
    sent.catch((error: unknown) => {
      isAsked = false; // who asks later is told, too
      for (const { asker } of given.splice(0)) asker?.reject(error);
    });
    return sent;
  };
  const ask = (sql: string, values?: unknown[]) =>
    answerTo(sql, values, (asked) => {
      given.push(asked);
      if (isAsked) return;
      isAsked = true;
      queueMicrotask(() => void flush().catch(() => undefined)); // whoever asked is told
    });
  const keepBack = async (sql: string, values?: unknown[]) => {
    const kept = insertOf(sql, values, joined) ?? statement(sql, values);
    const added = textOf(kept).length;
    if (length + added > TEXT_MAX) await flush();
    length += added;
    const same = kept.rows.length === 0 ? undefined : given.find(({ key }) => key === kept.key);
    if (same === undefined) given.push(kept);
    else same.rows.push(...kept.rows);
  };
  const askLast = (sql: string, values?: unknown[]) => answerTo(sql, values, (asked) => given.push(asked));
  const end = () => {
    given.push(statement("COMMIT"));
    return flush();
  };
  return { query: ask, later: { query: keepBack }, last: { query: askLast }, end } as unknown as Sending;
}

/** What is sent: `key` with `rows` in the place of its mark, if it has any. */
interface Statement {
  readonly key: string;
  readonly rows: string[];
  readonly asker: { resolve(result: unknown): void; reject(error: unknown): void } | null;
}

const ROWS_MARK = " values ?";

function answerTo(sql: string, values: unknown[] | undefined, give: (asked: Statement) => void): Promise<unknown> {
  return new Promise((resolve, reject) => {
    give(statement(sql, values, { resolve, reject }));
  });
}

async function send(runner: QueryRunner, statements: readonly Statement[]): Promise<void> {
  if (statements.length === 0) return;
  try {
    const answer = await runner.query(statements.map(textOf).join(";\n"));
    const results = statements.length === 1 ? [answer] : answer;
    for (const [index, { asker }] of statements.entries()) {
      asker?.resolve(present(results[index], "a result of each statement"));
    }
  } catch (error) {
    for (const { asker } of statements) asker?.reject(error);
    throw error;
  }
}

function statement(sql: string, values?: unknown[], asker: Statement["asker"] = null): Statement {
  return { key: values === undefined ? sql : formatted(sql, values), rows: [], asker };
}

/** An INSERT whose rows may travel with others'; null for every other statement. */
function insertOf(sql: string, values: unknown[] | undefined, joined: ReadonlySet<string>): Statement | null {
  const table = /^insert into (\w+) /.exec(sql)?.[1];
  if (table === undefined || !joined.has(table) || values?.length !== 1 || !sql.includes(ROWS_MARK)) return null;
  return { key: sql, rows: [formatted("?", values)], asker: null };
}

function textOf({ key, rows }: Statement): string {
  return rows.length === 0 ? key : key.replace(ROWS_MARK, () => ` values ${rows.join(", ")}`);
}

function formatted(sql: string, values: unknown[]): string {
  return mysql.format(sql, values as SqlValue[], false, "Z");
}
