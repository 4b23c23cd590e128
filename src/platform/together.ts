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

/**
 * `transact` over connections that take several statements at once: plain SQL alone. A text stops at the first
 * statement that is refused, so nothing is committed that was not written.
 */
export function transactTogether<T>(app: App, work: (sql: Together) => Promise<T>): Promise<T> {
  return transactWithin(app.manyStatements, BOUNDS, work);
}

const BOUNDS: Bounds<Sending> = {
  begin: async (runner) => openSending(runner),
  commit: (_runner, sending) => sending.end(),
  async rollback(runner) {
    await runner.query("ROLLBACK"); // of nothing, where nothing had been sent
  },
};

interface Sending extends Together {
  /** Sends what was kept back, with COMMIT. */
  end(): Promise<void>;
}

/** Statements run in the order in which they were given, kept back or asked. */
function openSending(runner: QueryRunner): Sending {
  let [given, length] = [[statement("START TRANSACTION")], 0];
  let isSending = false;
  const flush = () => {
    const taken = given;
    [given, length, isSending] = [[], 0, false];
    return send(runner, taken);
  };
  const ask = (sql: string, values?: unknown[]) =>
    answerTo(sql, values, (asked) => {
      given.push(asked);
      if (isSending) return;
      isSending = true;
      queueMicrotask(() => void flush().catch(() => undefined)); // whoever asked is told
    });
  const keepBack = async (sql: string, values?: unknown[]) => {
    const kept = statement(sql, values);
    if (length + kept.text.length > TEXT_MAX) await flush();
    given.push(kept);
    length += kept.text.length;
  };
  const askLast = (sql: string, values?: unknown[]) => answerTo(sql, values, (asked) => given.push(asked));
  const end = () => {
    given.push(statement("COMMIT"));
    return flush();
  };
  return { query: ask, later: { query: keepBack }, last: { query: askLast }, end } as unknown as Sending;
}

interface Statement {
  readonly text: string;
  readonly asker: { resolve(result: unknown): void; reject(error: unknown): void } | null;
}

function answerTo(sql: string, values: unknown[] | undefined, give: (asked: Statement) => void): Promise<unknown> {
  return new Promise((resolve, reject) => {
    give({ ...statement(sql, values), asker: { resolve, reject } });
  });
}

async function send(runner: QueryRunner, statements: readonly Statement[]): Promise<void> {
  if (statements.length === 0) return;
  try {
    const answer = await runner.query(statements.map(({ text }) => text).join(";\n"));
    const results = statements.length === 1 ? [answer] : answer;
    for (const [index, { asker }] of statements.entries()) {
      asker?.resolve(present(results[index], "a result of each statement"));
    }
  } catch (error) {
    for (const { asker } of statements) asker?.reject(error);
    throw error;
  }
}

function statement(sql: string, values?: unknown[]): Statement {
  return { text: values === undefined ? sql : mysql.format(sql, values as SqlValue[], false, "Z"), asker: null };
}
