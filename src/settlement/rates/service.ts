import { And, LessThanOrEqual, MoreThan } from "typeorm";
import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import type { Actor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { instantText } from "../../kernel/clock.js";
import { newId } from "../../kernel/ids.js";
import { isKnownCurrency, scaleOf } from "../../kernel/money.js";
import { type Page, type PageRequest, POSITION, pageOf, pageStart } from "../../kernel/page.js";
import { Rational } from "../../kernel/rational.js";
import { rateSpan } from "../../periods/calendars/service.js";
import type { App } from "../../platform/app.js";
import type { Reader, Tx } from "../../platform/database.js";
import { once } from "../../platform/idempotency.js";
import type { Partner } from "../../tenancy/entities.js";
import type { FxDocument } from "../document-contract.js";
import { settlementError } from "../errors.js";
import type { ExchangeRate, Foreign, RateType } from "../terms/fx.js";
import { StoredRate } from "./entities.js";

/** A rate as somebody enters it. */
export interface NewExchangeRate {
  readonly base: string;
  readonly quote: string;
  readonly type: RateType;
  readonly source: string;
  readonly asOf: Date;
  /** A positive decimal. */
  readonly rate: string;
}

/** Which rates; null is any currency. */
export interface RateFilter {
  readonly base: string | null;
  readonly quote: string | null;
}

/**
 * Enters a rate. One of the same currencies, type, source and instant that no statement has used yet is replaced; one
 * that was used is refused (`VERSION_CONFLICT`), as are unknown currencies and rates of the future (`VALIDATION`).
 */
export async function enterExchangeRate(
  app: App,
  actor: Actor,
  input: NewExchangeRate,
  idempotencyKey: string | null = null,
): Promise<StoredRate> {
  check(app, input);
  const asked = { ...input, asOf: instantText(input.asOf) };
  const request = { operation: "enterExchangeRate", idempotencyKey, input: asked };
  const id = await once(app, actor, request, (tx) => write(app, tx, actor, input));
  const { tenantId } = actor;
  return present(await app.database.manager.findOneBy(StoredRate, { tenantId, id }), "a rate that was just entered");
}

/** The tenant's rates in the order of entering; refused to a partner's clients (`FORBIDDEN`). */
export async function exchangeRatesOf(
  app: App,
  actor: Actor,
  filter: RateFilter,
  request: PageRequest,
): Promise<Page<StoredRate>> {
  const { rows, after } = pageStart(request, "rates", POSITION.ID);
  const query = selection(app, actor, filter);
  if (after !== null) query.andWhere("rate.id > :after", { after });
  const found = await query
    .orderBy("rate.id")
    .limit(rows + 1)
    .getMany();
  return pageOf(found, rows, ({ id }) => id);
}

/** How many rates the tenant has. */
export async function countExchangeRates(app: App, actor: Actor, filter: RateFilter): Promise<number> {
  return selection(app, actor, filter).getCount();
}

/** What is converted at the close of a period. */
export interface Closing {
  readonly partner: Partner;
  readonly period: { readonly startsAt: Date; readonly endsAt: Date };
  readonly fx: FxDocument;
  readonly from: string;
  /** The local day of the transactions that are converted, where each is at the rate of its day. */
  readonly day?: string | undefined;
}

/** How a currency becomes the statement's, and the ids of the rates that say so. */
export interface Quoted {
  readonly foreign: Foreign;
  readonly rateIds: readonly string[];
}

/**
 * The rates of a period: of the type and source that the terms name, the last one that is of an instant after its
 * start and not after its end; of a day, the last one not after its end and at most seven days old. Nothing is
 * inverted, and a third currency stands in between only where the terms declare it. Refused where one is missing
 * (`RATE_MISSING`).
 */
export async function ratesAt(reader: Reader, closing: Closing): Promise<Quoted> {
  const { fx, from, day } = closing;
  const steps = fx.triangulateBy === undefined || [from, fx.to].includes(fx.triangulateBy) ? [] : [fx.triangulateBy];
  const path = [from, ...steps, fx.to];
  const rates: StoredRate[] = [];
  for (const [index, quote] of path.slice(1).entries()) {
    rates.push(await rateAt(reader, closing, { base: path[index] ?? "", quote }));
  }
  const [first, second] = rates.map(exchangeOf);
  const one = present(first, "a rate");
  const unit = (currency: string) => ({ currency, scale: scaleOf(currency) });
  const foreign: Foreign = {
    ...{ from: unit(from), into: unit(fx.to), ...(day === undefined ? {} : { day }) },
    exchanges: second === undefined ? [one] : [one, second],
  };
  return { foreign, rateIds: rates.map(({ id }) => id) };
}

/** Makes rates unchangeable; false where one is no longer what it was when the statement was calculated. */
export async function useRates(tx: Tx, tenantId: string, quoted: readonly Quoted[], at: Date): Promise<boolean> {
  for (const { foreign, rateIds } of quoted) {
    for (const [index, id] of rateIds.entries()) {
      const rate = present(foreign.exchanges[index], "a rate").rate.toText();
      const [row]: { rate: string; used_at: Date | null }[] = await tx.query(
        "select rate, used_at from exchange_rate where tenant_id = ? and id = ?",
        [tenantId, id],
      );
      if (row?.used_at !== null && row?.rate === rate) continue;
      const { affectedRows } = await tx.query(
        "update exchange_rate set used_at = ? where tenant_id = ? and id = ? and rate = ?",
        [at, tenantId, id, rate],
      );
      if (affectedRows === 0) return false;
    }
  }
  return true;
}

function check(app: App, { base, quote, rate, asOf }: NewExchangeRate): void {
  const refuse = (path: string, reason: string) => settlementError("VALIDATION", { path, reason });
  for (const [path, currency] of [["/base", base] as const, ["/quote", quote] as const]) {
    if (!isKnownCurrency(currency)) throw refuse(path, "The currency is not known.");
  }
  if (base === quote) throw refuse("/quote", "A rate is between two currencies.");
  const value = Rational.parse(rate);
  if (value === null || value.compare(Rational.ZERO) <= 0) throw refuse("/rate", "A rate is a positive decimal.");
  if (asOf > app.clock.now()) throw refuse("/asOf", "A rate is not of the future.");
}

async function write(app: App, tx: Tx, actor: Actor, input: NewExchangeRate): Promise<string> {
  const { tenantId, principalId: enteredBy } = actor;
  const { rate: text, ...key } = input;
  const rate = present(Rational.parse(text), "a rate that was checked").toText();
  const enteredAt = app.clock.now();
  await tx.query("select id from tenant where id = ? for update", [tenantId]); // one at a time enters the same rate
  const known = await tx.findOneBy(StoredRate, { tenantId, ...key });
  const id = known?.id ?? newId("fxr", app.clock);
  if (known === null) await tx.insert(StoredRate, { tenantId, id, ...key, rate, enteredBy, enteredAt });
  else if (known.rate !== rate) {
    const { affectedRows } = await tx.query(
      `update exchange_rate set rate = ?, entered_by = ?, entered_at = ?
       where tenant_id = ? and id = ? and used_at is null`,
      [rate, enteredBy, enteredAt, tenantId, id],
    );
    if (affectedRows === 0) {
      throw settlementError("VERSION_CONFLICT", { reason: "A statement has used this rate; it never changes." });
    }
  }
  const before = known === null ? {} : { before: { rate: known.rate } };
  const after = { ...key, asOf: instantText(key.asOf), rate };
  const act = { type: ActType.EXCHANGE_RATE_ENTERED, subjectId: id, partner: null, ...before, after };
  await recordActs(tx, actor, enteredAt, [act]);
  return id;
}

function selection(app: App, actor: Actor, { base, quote }: RateFilter) {
  if (actor.partnerId !== null) {
    throw settlementError("FORBIDDEN", { reason: "A partner sees the rates it is settled by on its statements." });
  }
  const query = app.database.manager
    .createQueryBuilder(StoredRate, "rate")
    .where("rate.tenantId = :tenantId", { tenantId: actor.tenantId });
  if (base !== null) query.andWhere("rate.base = :base", { base });
  if (quote !== null) query.andWhere("rate.quote = :quote", { quote });
  return query;
}

async function rateAt(
  reader: Reader,
  { partner, period, fx, day }: Closing,
  { base, quote }: { readonly base: string; readonly quote: string },
): Promise<StoredRate> {
  const { type, source } = fx;
  const { after, through } =
    day === undefined
      ? { after: period.startsAt, through: period.endsAt }
      : present(rateSpan(day, partner.timezone), "a local day of a transaction");
  const [found] = await reader.find(StoredRate, {
    where: {
      ...{ tenantId: partner.tenantId, base, quote, source, type },
      asOf: And(MoreThan(after), LessThanOrEqual(through)),
    },
    order: { asOf: "DESC" },
    take: 1,
  });
  if (found !== undefined) return found;
  const span = { from: instantText(after), through: instantText(through) };
  throw settlementError("RATE_MISSING", { type, source, base, quote, ...span });
}

function exchangeOf({ base, quote, type, source, asOf, rate }: StoredRate): ExchangeRate {
  return { base, quote, type, source, asOf, rate: present(Rational.parse(rate), "a stored rate") };
}
