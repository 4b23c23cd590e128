import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply } from "fastify";
import { DOWNLOAD_COLUMNS, type DownloadRow, downloadRows } from "../../exchange/transactions/service.js";
import { present } from "../../kernel/assert.js";
import { isId } from "../../kernel/ids.js";
import type { App } from "../../platform/app.js";
import { periodSeenBy } from "../../settlement/runs/service.js";
import { partnersByNumber } from "../../tenancy/service.js";
import { serverError } from "../errors.js";
import { readerOf } from "./reader.js";

const ROUTE = "/periods/:periodId/transactions";
/** What a spreadsheet takes for the beginning of a formula. */
const FORMULA = /^[=+\-@\t\r]/;
const NEEDS_QUOTES = /[",\r\n]/;
/** Numbers of ours, which a spreadsheet may read as such: the minus of an adjustment stays. */
const NUMBERS: ReadonlySet<string> = new Set(["amount", "units", "entry"]);

interface Format {
  readonly extension: string;
  readonly type: string;
  /** What stands before the first row. */
  readonly head: string;
  readonly line: (row: DownloadRow) => string;
}

const FORMATS: readonly Format[] = [
  { extension: "csv", type: "text/csv; charset=utf-8; header=present", head: csvLine(DOWNLOAD_COLUMNS), line: csvRow },
  { extension: "ndjson", type: "application/x-ndjson", head: "", line: (row) => `${JSON.stringify(row)}\n` },
];

/**
 * Serves a period's transactions as `/periods/{periodId}/transactions.csv` (RFC 4180) and `.ndjson`, to whoever may
 * read batches and see the period. Rows are read as fast as the caller takes them.
 */
export function registerDownloads(server: FastifyInstance, app: App): void {
  for (const format of FORMATS) {
    server.get<{ Params: { periodId: string } }>(`${ROUTE}.${format.extension}`, {
      exposeHeadRoute: false, // it would read all rows to answer none
      handler: async (request, reply) => {
        const actor = await readerOf(app, request, "batches:read");
        const { periodId } = request.params;
        if (!isId(periodId, "prd")) throw serverError("NOT_FOUND", { what: "period" });
        const period = await periodSeenBy(app, actor, periodId);
        const [partner] = await partnersByNumber(app, actor, [period.partnerNo]);
        const rows = downloadRows(app, present(partner, "the partner of a period"), period);
        return send(reply, format, { name: period.id, rows });
      },
    });
  }
}

interface Download {
  readonly name: string;
  readonly rows: AsyncIterable<readonly DownloadRow[]>;
}

/** A failure after the first byte cuts the answer off, so that nobody takes a part for the whole. */
async function send(reply: FastifyReply, { extension, type, head, line }: Format, { name, rows }: Download) {
  async function* text(): AsyncGenerator<string> {
    if (head !== "") yield head;
    for await (const page of rows) yield page.map(line).join("");
  }
  void reply.type(type).header("content-disposition", `attachment; filename="transactions-${name}.${extension}"`);
  return reply.send(Readable.from(text()));
}

function csvRow(row: DownloadRow): string {
  return csvLine(DOWNLOAD_COLUMNS.map((name) => (NUMBERS.has(name) ? (row[name] ?? "") : harmless(row[name] ?? ""))));
}

/** A leading apostrophe keeps a spreadsheet from taking a partner's text for a formula. */
function harmless(text: string): string {
  return FORMULA.test(text) ? `'${text}` : text;
}

function csvLine(cells: readonly string[]): string {
  return `${cells.map((cell) => (NEEDS_QUOTES.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(",")}\r\n`;
}
