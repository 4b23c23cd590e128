import { Readable } from "node:stream";
import type { FastifyReply } from "fastify";

/** What a spreadsheet takes for the beginning of a formula. */
const FORMULA = /^[=+\-@\t\r]/;
const NEEDS_QUOTES = /[",\r\n]/;

/** How a download spells its rows. */
export type TableFormat = "csv" | "ndjson";

/** The formats of every download of rows, which are its extensions too. */
export const TABLE_FORMATS: readonly TableFormat[] = ["csv", "ndjson"];

const TYPES: Readonly<Record<TableFormat, string>> = {
  csv: "text/csv; charset=utf-8; header=present",
  ndjson: "application/x-ndjson",
};

/** A cell of CSV: text of others, or a number of ours, which a spreadsheet may read as such. */
export interface Cell {
  readonly text: string;
  readonly isNumber: boolean;
}

/** Rows to be sent as they are read. */
export interface Table<Row> {
  /** Without the extension. */
  readonly name: string;
  readonly columns: readonly string[];
  readonly rows: AsyncIterable<readonly Row[]>;
  readonly cellsOf: (row: Row) => readonly Cell[];
  /** A row as one line of NDJSON says it. */
  readonly objectOf: (row: Row) => unknown;
}

/**
 * Sends rows as CSV (RFC 4180) or NDJSON, read as fast as the caller takes them. A failure after the first byte cuts
 * the answer off, so that nobody takes a part for the whole.
 */
export function sendTable<Row>(reply: FastifyReply, format: TableFormat, table: Table<Row>): FastifyReply {
  const line = (row: Row) =>
    format === "csv" ? csvLine(table.cellsOf(row).map(cellText)) : `${JSON.stringify(table.objectOf(row))}\n`;
  async function* text(): AsyncGenerator<string> {
    if (format === "csv") yield csvLine(table.columns);
    for await (const page of table.rows) yield page.map(line).join("");
  }
  void reply.type(TYPES[format]).header("content-disposition", `attachment; filename="${table.name}.${format}"`);
  return reply.send(Readable.from(text()));
}

/** A leading apostrophe keeps a spreadsheet from taking a text of others for a formula. */
function cellText({ text, isNumber }: Cell): string {
  return !isNumber && FORMULA.test(text) ? `'${text}` : text;
}

function csvLine(cells: readonly string[]): string {
  return `${cells.map((cell) => (NEEDS_QUOTES.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(",")}\r\n`;
}
