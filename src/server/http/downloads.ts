import type { FastifyInstance } from "fastify";
import { DOWNLOAD_COLUMNS, downloadRows } from "../../exchange/transactions/service.js";
import { present } from "../../kernel/assert.js";
import { isId } from "../../kernel/ids.js";
import type { App } from "../../platform/app.js";
import { periodSeenBy } from "../../settlement/runs/service.js";
import { partnersByNumber } from "../../tenancy/service.js";
import { serverError } from "../errors.js";
import { readerOf } from "./reader.js";
import { sendTable, TABLE_FORMATS } from "./tables.js";

const ROUTE = "/periods/:periodId/transactions";
/** Numbers of ours: the minus of an adjustment stays. */
const NUMBERS: ReadonlySet<string> = new Set(["amount", "units", "entry"]);

/**
 * Serves a period's transactions as `/periods/{periodId}/transactions.csv` and `.ndjson`, to whoever may read batches
 * and see the period.
 */
export function registerDownloads(server: FastifyInstance, app: App): void {
  for (const format of TABLE_FORMATS) {
    server.get<{ Params: { periodId: string } }>(`${ROUTE}.${format}`, {
      exposeHeadRoute: false, // it would read all rows to answer none
      handler: async (request, reply) => {
        const actor = await readerOf(app, request, "batches:read");
        const { periodId } = request.params;
        if (!isId(periodId, "prd")) throw serverError("NOT_FOUND", { what: "period" });
        const period = await periodSeenBy(app, actor, periodId);
        const [partner] = await partnersByNumber(app, actor, [period.partnerNo]);
        return sendTable(reply, format, {
          name: `transactions-${period.id}`,
          columns: DOWNLOAD_COLUMNS,
          rows: downloadRows(app, present(partner, "the partner of a period"), period),
          cellsOf: (row) => DOWNLOAD_COLUMNS.map((name) => ({ text: row[name] ?? "", isNumber: NUMBERS.has(name) })),
          objectOf: (row) => row,
        });
      },
    });
  }
}
