import type { Actor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { type Page, type PageRequest, pageOf, pageStart } from "../../kernel/page.js";
import type { App } from "../../platform/app.js";
import type { Partner } from "../../tenancy/entities.js";
import { partnersByNumber } from "../../tenancy/service.js";
import { readyOf } from "../payout-planning/service.js";
import { inFlightOf } from "../payouts/rules.js";
import { purseOf } from "../purses/service.js";

/** What was released to a partner in a currency and is not paid. */
export interface Payable {
  readonly partner: Partner;
  readonly currency: string;
  /** Below zero: to be collected, in no file. */
  readonly owedMinor: bigint;
  /** In files whose payouts are not marked yet. */
  readonly exportedMinor: bigint;
  /** What the next file would pay, whatever the date. */
  readonly readyMinor: bigint;
  /** Receivers that wait for an approved account; the empty one is the partner itself. */
  readonly payeesWithoutAccount: readonly string[];
}

/** What is payable and to be collected in a currency, by partner in the order of their creation. */
export async function payablesOf(
  app: App,
  actor: Actor,
  currency: string,
  request: PageRequest,
): Promise<Page<Payable>> {
  const { rows, after } = pageStart(request, "payables");
  const accounts: { no: number }[] = await app.database.query(
    `select partner_no as no from account
     where tenant_no = ? and account = 'PAYABLE' and currency = ? and balance_minor <> 0 and partner_no > ?
     order by partner_no limit ?`,
    [actor.tenantNo, currency, Number(after ?? 0), rows + 1],
  );
  const partners = await partnersByNumber(
    app,
    actor,
    accounts.map(({ no }) => no),
  );
  const { rows: shown, ...page } = pageOf(partners, rows, ({ no }) => String(no));
  const payables: Payable[] = [];
  for (const partner of shown) payables.push(await payableOf(app, partner, currency));
  return { ...page, rows: payables, positionOf: ({ partner }) => String(partner.no) };
}

/** How many partners that are. */
export async function countPayables(app: App, { tenantNo }: Actor, currency: string): Promise<number> {
  const [row]: { count: string }[] = await app.database.query(
    `select count(*) as count from account
     where tenant_no = ? and account = 'PAYABLE' and currency = ? and balance_minor <> 0`,
    [tenantNo, currency],
  );
  return Number(present(row, "a count").count);
}

async function payableOf(app: App, partner: Partner, currency: string): Promise<Payable> {
  const reader = app.database.manager;
  const purse = await purseOf(reader, partner, currency);
  const ready = await readyOf(reader, partner, currency, purse);
  const payable = ready.filter(({ account }) => account !== null);
  const waiting = ready.filter(({ account }) => account === null).map(({ payee }) => payee);
  return {
    ...{ partner, currency, owedMinor: purse.owedMinor },
    exportedMinor: inFlightOf(purse),
    readyMinor: payable.reduce((total, { amountMinor }) => total + amountMinor, 0n),
    payeesWithoutAccount: [...new Set(waiting)],
  };
}
