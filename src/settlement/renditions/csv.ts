import type { Language } from "./entities.js";
import { COLUMNS, type Column, NUMBER_COLUMNS, type Row, type Sheet } from "./sheet.js";

const HEAD = ["section", ...COLUMNS];
/** What a spreadsheet takes for the beginning of a formula. */
const FORMULA = /^[=+\-@\t\r]/;
/** A decimal or an exact value of ours: a minus before it is a sign, and nothing in it can be run. */
const NUMBER = /^-?\d+(?:\.\d+|\/\d+)?$/;
const NEEDS_QUOTES = /[",\r\n]/;
/** Excel reads a file without it as CP949 on Korean Windows; programs that read the English one need not skip it. */
const BYTE_ORDER_MARK: Readonly<Record<Language, string>> = { en: "", ko: "\uFEFF" };

/**
 * A statement as one CSV table (RFC 4180, UTF-8). Names of columns and codes are the same in every language, so that a
 * program reads them all; amounts stand as they were signed. Text that a spreadsheet would run gets an apostrophe.
 */
export function csvOf({ language, sections }: Sheet): string {
  const lines = sections.flatMap(({ name, rows }) => rows.map((row) => [name, ...cellsOf(row)]));
  return BYTE_ORDER_MARK[language] + [HEAD, ...lines].map(lineOf).join("");
}

function cellsOf(row: Row): string[] {
  return COLUMNS.map((column) => harmless(column, row[column] ?? ""));
}

function harmless(column: Column, text: string): string {
  const isNumber = NUMBER_COLUMNS.has(column) && NUMBER.test(text);
  return !isNumber && FORMULA.test(text) ? `'${text}` : text;
}

function lineOf(cells: readonly string[]): string {
  return `${cells.map((cell) => (NEEDS_QUOTES.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(",")}\r\n`;
}
