import mysql, { type SqlValue } from "mysql2";
import { present } from "../kernel/assert.js";
import type { App } from "./app.js";
import { type Tx, type TxSql, transact } from "./database.js";

/**
 * A transaction whose statements share round trips. What is asked before anybody waits for an answer travels together:
 * `Promise.all([one(sql), two(sql)])` costs one, not two.
 */
export interface Together extends TxSql {
  /** Writes whose answers nobody reads: kept back until something is asked, or until `flush`. */
  readonly later: TxSql;
  /** Sends what was kept back. Throws the first refusal, after which nothing more of it was run. */
  flush(): Promise<void>;
}

/** The longest text of writes that are kept back; what would pass it is sent before. */
const TEXT_MAX = 1024 * 1024;

/**
 * `transact` over connections that take several statements at once. Its manager knows no entities: what runs here is
 * plain SQL.
 */
export function transactTogether<T>(app: App, work: (tx: Tx) => Promise<T>): Promise<T> {
  return transact({ database: app.manyStatements }, work);
}

/** Statements run in the order in which they were given, kept back or asked. */
export function together(tx: Tx): Together {
  let [given, length] = [[] as Statement[], 0];
  let isSending = false;
  const take = () => {
    const taken = given;
    [given, length, isSending] = [[], 0, false];
    return taken;
  };
  const flush = () => send(tx, take());
  const ask = (sql: string, values?: unknown[]) =>
    new Promise((resolve, reject) => {
      given.push({ text: textOf(sql, values), asker: { resolve, reject } });
      if (isSending) return;
      isSending = true;
      queueMicrotask(() => void flush().catch(() => undefined)); // whoever asked is told
    });
  const keepBack = async (sql: string, values?: unknown[]) => {
    const text = textOf(sql, values);
    if (length + text.length > TEXT_MAX) await flush();
    given.push({ text, asker: null });
    length += text.length;
  };
  return { query: ask, later: { query: keepBack }, flush } as unknown as Together;
}

interface Statement {
  readonly text: string;
  readonly asker: { resolve(result: unknown): void; reject(error: unknown): void } | null;
}

async function send(tx: Tx, statements: readonly Statement[]): Promise<void> {
  if (statements.length === 0) return;
  try {
    const answer = await tx.query(statements.map(({ text }) => text).join(";\n"));
    const results = statements.length === 1 ? [answer] : answer;
    for (const [index, { asker }] of statements.entries()) {
      asker?.resolve(present(results[index], "a result of each statement"));
    }
  } catch (error) {
    for (const { asker } of statements) asker?.reject(error);
    throw error;
  }
}

function textOf(sql: string, values: unknown[] | undefined): string {
  return values === undefined ? sql : mysql.format(sql, values as SqlValue[], false, "Z");
}
