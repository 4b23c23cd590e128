import type { Actor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { type Page, type PageRequest, POSITION, pageOf, pageStart } from "../../kernel/page.js";
import type { App } from "../../platform/app.js";
import type { Partner } from "../../tenancy/entities.js";
import { partnersByNumber } from "../../tenancy/service.js";
import { dueOf, uncollected } from "../payouts/rules.js";
import { purseOf } from "../purses/service.js";

/** What a partner owes in a currency. */
export interface Receivable {
  readonly partner: Partner;
  readonly currency: string;
  /** By released statements, less what was collected, set off or earned since. */
  readonly dueMinor: bigint;
  /** Recorded as paid, and not approved yet. */
  readonly awaitingMinor: bigint;
  /** All of them, the oldest first. */
  readonly open: readonly OpenDebt[];
}

/** A statement of which something is to be collected. */
export interface OpenDebt {
  readonly statementId: string;
  /** When its period ended. */
  readonly endsAt: Date;
  readonly leftMinor: bigint;
  /** `YYYY-MM-DD`; null where the terms name no date. */
  readonly paymentDueOn: string | null;
}

/** Of which currency, and of one partner alone or (null) of all. */
export interface ReceivableFilter {
  readonly partner: Partner | null;
  readonly currency: string;
}

/** What is to be collected in a currency, by partner in the order of their creation. */
export async function receivablesOf(
  app: App,
  actor: Actor,
  filter: ReceivableFilter,
  request: PageRequest,
): Promise<Page<Receivable>> {
  const { rows, after } = pageStart(request, "receivables");
  const { sql, values } = debtorsIn(actor, filter);
  const debtors: { no: number }[] = await app.database.query(
    `select distinct partner_no as no ${sql} and partner_no > ? order by partner_no limit ?`,
    [...values, Number(after ?? 0), rows + 1],
  );
  const partners = await partnersByNumber(
    app,
    actor,
    debtors.map(({ no }) => no),
  );
  const { rows: shown, ...page } = pageOf(partners, rows, ({ no }) => String(no));
  const receivables: Receivable[] = [];
  for (const partner of shown) receivables.push(await receivableOf(app, partner, filter.currency));
  return { ...page, rows: receivables, positionOf: ({ partner }) => String(partner.no) };
}

/** A page of the statements of which something is to be collected, the oldest first. */
export function openDebtsOf({ open }: Pick<Receivable, "open">, request: PageRequest): Page<OpenDebt> {
  const { rows, after } = pageStart(request, "open-debts", POSITION.INSTANT_ID);
  const [endMs = "", id = ""] = after?.split(".") ?? [];
  const isBehind = ({ endsAt, statementId }: OpenDebt) => {
    const ms = endsAt.getTime() - Number(endMs);
    return ms > 0 || (ms === 0 && statementId > id);
  };
  const left = after === null ? open : open.filter(isBehind);
  return pageOf(left.slice(0, rows + 1), rows, ({ endsAt, statementId }) => `${endsAt.getTime()}.${statementId}`);
}

/** How many partners that are. */
export async function countReceivables(app: App, actor: Actor, filter: ReceivableFilter): Promise<number> {
  const { sql, values } = debtorsIn(actor, filter);
  const [row] = await app.database.query(`select count(distinct partner_no) as count ${sql}`, [...values]);
  return Number(present(row, "a count").count);
}

/** Partners with a released statement that is to be collected; those that were are PAID. */
function debtorsIn({ tenantNo }: Actor, { partner, currency }: ReceivableFilter) {
  const sql = `from statement where tenant_no = ? and state = 'PAYABLE' and currency = ? and paid_out_minor < 0
    ${partner === null ? "" : "and partner_no = ?"}`;
  return { sql, values: [tenantNo, currency, ...(partner === null ? [] : [partner.no])] };
}

async function receivableOf(app: App, partner: Partner, currency: string): Promise<Receivable> {
  const reader = app.database.manager;
  const purse = await purseOf(reader, partner, currency);
  const statements = new Map(purse.statements.map((statement) => [statement.id, statement]));
  const left = uncollected(purse).filter(({ leftMinor }) => leftMinor > 0n);
  const open = left.map(({ statement: { id: statementId }, leftMinor }): OpenDebt => {
    const { endsAt, paymentDueOn } = present(statements.get(statementId), "a statement of the purse");
    return { statementId, endsAt, leftMinor, paymentDueOn };
  });
  const [row]: { total: string }[] = await reader.query(
    `select cast(coalesce(sum(amount_minor), 0) as char) as total from collection
     where tenant_id = ? and partner_id = ? and currency = ? and state = 'PENDING_APPROVAL'`,
    [partner.tenantId, partner.id, currency],
  );
  const awaitingMinor = BigInt(present(row, "a sum").total);
  return { partner, currency, dueMinor: dueOf(purse), awaitingMinor, open };
}
