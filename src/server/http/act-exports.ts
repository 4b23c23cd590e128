import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { ActType } from "../../acts/entities.js";
import { canonicalJson } from "../../kernel/canonical-json.js";
import { instantText } from "../../kernel/clock.js";
import type { AuditAct } from "../../operations/audit/entities.js";
import { type ActFilter, exportActs } from "../../operations/audit/service.js";
import type { App } from "../../platform/app.js";
import { serverError } from "../errors.js";
import { readerOf } from "./reader.js";
import { sendTable, TABLE_FORMATS } from "./tables.js";

const COLUMNS = [
  ...["index", "at", "type", "subject", "partner", "principalKind", "principal", "requestId", "address", "traceparent"],
  ...["reason", "before", "after", "leafHash"],
] as const;

const word = z.string().min(1).max(64).nullable().default(null);
const instant = z.iso
  .datetime()
  .transform((text) => new Date(text))
  .nullable()
  .default(null);
const types = z.enum(ActType);
/** The members of `ActFilterInput`, as the query of an address spells them; `types` may come several times. */
const Asked = z.strictObject({
  types: z.union([types.transform((type) => [type]), z.array(types).max(20)]).default([]),
  ...{
    subject: word,
    partnerId: word,
    principal: word,
    requestId: word,
    address: word,
    from: instant,
    before: instant,
  },
});

/**
 * Serves the audit trail as `/acts.csv` and `/acts.ndjson`, oldest first, filtered as `acts` is, to whoever may read
 * it. Each export is an act.
 */
export function registerActExports(server: FastifyInstance, app: App): void {
  for (const format of TABLE_FORMATS) {
    server.get(`/acts.${format}`, {
      exposeHeadRoute: false, // it would be an export of nothing
      handler: async (request, reply) => {
        const actor = await readerOf(app, request, "audit:read");
        const rows = await exportActs(app, actor, filterIn(request.query), format);
        return sendTable(reply, format, { name: "acts", columns: COLUMNS, rows, cellsOf, objectOf });
      },
    });
  }
}

function filterIn(query: unknown): ActFilter {
  const asked = Asked.safeParse(query);
  if (asked.success) return asked.data;
  const [issue] = asked.error.issues;
  throw serverError("VALIDATION", { path: `/${issue?.path.join("/") ?? ""}`, reason: "It is no filter of acts." });
}

function cellsOf(act: AuditAct) {
  const said = objectOf(act);
  return COLUMNS.map((name) => {
    const value = said[name];
    const text = typeof value === "object" && value !== null ? canonicalJson(value) : String(value ?? "");
    return { text, isNumber: name === "index" };
  });
}

/** An act with its leaf: whoever puts `before` and `after` in canonical form finds the hash that the leaf states. */
function objectOf({ no: _no, partnerNo: _partnerNo, partnerId, at, ...act }: AuditAct) {
  return { ...act, at: instantText(at), partner: partnerId };
}
