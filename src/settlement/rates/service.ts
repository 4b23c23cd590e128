import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import { checkSecondPerson } from "../../identity/four-eyes/service.js";
import type { Actor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { instantText } from "../../kernel/clock.js";
import { isId, newId } from "../../kernel/ids.js";
import { isKnownCurrency } from "../../kernel/money.js";
import { type Page, type PageRequest, POSITION, pageOf, pageStart } from "../../kernel/page.js";
import { Rational } from "../../kernel/rational.js";
import type { App } from "../../platform/app.js";
import type { Tx } from "../../platform/database.js";
import { once } from "../../platform/idempotency.js";
import { settlementError } from "../errors.js";
import { retryAtOnce } from "../incidents/service.js";
import type { RateType } from "../terms/fx.js";
import { ExchangeRateState, StoredRate } from "./entities.js";

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
  readonly state: ExchangeRateState | null;
}

/** An entered rate that shall not stand, and why. */
export interface RefusedExchangeRate {
  readonly exchangeRateId: string;
  readonly reason: string;
}

/**
 * Enters a rate; it stands once a second person approves it. Refused where a statement has used one of the same
 * currencies, type, source and instant (`VERSION_CONFLICT`), as are unknown currencies and rates of the future
 * (`VALIDATION`).
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
  return rateOf(app, actor, await once(app, actor, request, (tx) => propose(app, tx, actor, input)));
}

/**
 * Lets an entered rate stand from now on, in the place of one of the same currencies, type, source and instant. Refused
 * to who entered it (`FORBIDDEN`), except at the server's own shell; where it does not wait, and where the other was
 * used by a statement or entered later (`VERSION_CONFLICT`).
 */
export async function approveExchangeRate(
  app: App,
  actor: Actor,
  exchangeRateId: string,
  idempotencyKey: string | null = null,
): Promise<StoredRate> {
  await rateOf(app, actor, exchangeRateId);
  const request = { operation: "approveExchangeRate", idempotencyKey, input: { exchangeRateId } };
  await once(app, actor, request, async (tx) => {
    const pending = await lockPending(tx, actor, exchangeRateId);
    const reason = "Who entered a rate may not approve it.";
    await checkSecondPerson(tx, actor, { by: [pending.enteredBy], reason });
    const standing = await standingLike(tx, pending);
    if (standing !== null) await supersede(tx, standing, pending);
    await decide(app, tx, actor, { pending, state: ExchangeRateState.ACTIVE, before: standing });
    await retryAtOnce(tx, actor.tenantNo, null);
    return exchangeRateId;
  });
  return rateOf(app, actor, exchangeRateId);
}

/** Refuses an entered rate for good, by whoever should approve it or who entered it (`VERSION_CONFLICT`). */
export async function refuseExchangeRate(
  app: App,
  actor: Actor,
  { exchangeRateId, reason }: RefusedExchangeRate,
  idempotencyKey: string | null = null,
): Promise<StoredRate> {
  await rateOf(app, actor, exchangeRateId);
  const request = { operation: "refuseExchangeRate", idempotencyKey, input: { exchangeRateId, reason } };
  await once(app, actor, request, async (tx) => {
    const pending = await lockPending(tx, actor, exchangeRateId);
    await decide(app, tx, actor, { pending, state: ExchangeRateState.REFUSED, reason });
    return exchangeRateId;
  });
  return rateOf(app, actor, exchangeRateId);
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

/** A rate of the tenant's, by its id; `NOT_FOUND` for anything else, and to partners. */
async function rateOf(app: App, { tenantId, partnerId }: Actor, id: string): Promise<StoredRate> {
  const isForm = isId(id, "fxr") && partnerId === null;
  const rate = isForm ? await app.database.manager.findOneBy(StoredRate, { tenantId, id }) : null;
  if (rate === null) throw settlementError("NOT_FOUND", { what: "exchange rate" });
  return rate;
}

async function propose(app: App, tx: Tx, actor: Actor, input: NewExchangeRate): Promise<string> {
  const { tenantId, principalId: enteredBy } = actor;
  const { rate: text, ...key } = input;
  const rate = present(Rational.parse(text), "a rate that was checked").toText();
  const [id, enteredAt] = [newId("fxr", app.clock), app.clock.now()];
  const standing = await standingLike(tx, { tenantId, ...key });
  checkUnused((standing?.usedAt ?? null) !== null);
  await tx.insert(StoredRate, { tenantId, id, ...key, rate, enteredBy, enteredAt });
  const before = standing === null ? {} : { before: { rate: standing.rate } };
  const after = { ...key, asOf: instantText(key.asOf), rate };
  const act = { type: ActType.EXCHANGE_RATE_ENTERED, subjectId: id, partner: null, ...before, after };
  await recordActs(tx, actor, enteredAt, [act]);
  return id;
}

/** The tenant's row is the lock under which rates come to stand. */
async function lockPending(tx: Tx, { tenantId }: Actor, id: string): Promise<StoredRate> {
  await tx.query("select id from tenant where id = ? for update", [tenantId]);
  const found = present(await tx.findOneBy(StoredRate, { tenantId, id }), "a rate that was just read");
  if (found.state === ExchangeRateState.PENDING_APPROVAL) return found;
  throw settlementError("VERSION_CONFLICT", { reason: `The rate is ${found.state}.` });
}

/** The rate that stands for the same currencies, type, source and instant; null where none does. */
async function standingLike(tx: Tx, like: Omit<NewExchangeRate, "rate"> & Pick<StoredRate, "tenantId">) {
  const { tenantId, base, quote, type, source, asOf } = like;
  return tx.findOneBy(StoredRate, { tenantId, base, quote, type, source, asOf, state: ExchangeRateState.ACTIVE });
}

function checkUnused(isUsed: boolean): void {
  if (!isUsed) return;
  throw settlementError("VERSION_CONFLICT", { reason: "A statement has used this rate; it never changes." });
}

/** A statement that is being stored may use it at this moment: whoever writes its row first wins. */
async function supersede(tx: Tx, standing: StoredRate, pending: StoredRate): Promise<void> {
  if (standing.id > pending.id) {
    throw settlementError("VERSION_CONFLICT", { reason: "A rate that was entered later stands." });
  }
  const { affectedRows } = await tx.query(
    "update exchange_rate set state = 'SUPERSEDED' where tenant_id = ? and id = ? and used_at is null",
    [standing.tenantId, standing.id],
  );
  checkUnused(affectedRows === 0);
}

interface Decided {
  readonly pending: StoredRate;
  readonly state: ExchangeRateState.ACTIVE | ExchangeRateState.REFUSED;
  readonly before?: StoredRate | null;
  readonly reason?: string;
}

async function decide(app: App, tx: Tx, actor: Actor, { pending, state, before = null, reason }: Decided) {
  const { tenantId, id, base, quote, type, source, asOf, rate } = pending;
  const decidedAt = app.clock.now();
  await tx.update(StoredRate, { tenantId, id }, { state, decidedBy: actor.principalId, decidedAt });
  const about = { base, quote, type, source, asOf: instantText(asOf) };
  const act = {
    type: state === ExchangeRateState.ACTIVE ? ActType.EXCHANGE_RATE_APPROVED : ActType.EXCHANGE_RATE_REFUSED,
    ...{ subjectId: id, partner: null },
    before: { ...about, state: pending.state, ...(before === null ? {} : { rate: before.rate }) },
    after: { ...about, state, rate, ...(reason === undefined ? {} : { reason }) },
  };
  await recordActs(tx, actor, decidedAt, [act]);
}

function selection(app: App, actor: Actor, { base, quote, state }: RateFilter) {
  if (actor.partnerId !== null) {
    throw settlementError("FORBIDDEN", { reason: "A partner sees the rates it is settled by on its statements." });
  }
  const query = app.database.manager
    .createQueryBuilder(StoredRate, "rate")
    .where("rate.tenantId = :tenantId", { tenantId: actor.tenantId });
  if (base !== null) query.andWhere("rate.base = :base", { base });
  if (quote !== null) query.andWhere("rate.quote = :quote", { quote });
  if (state !== null) query.andWhere("rate.state = :state", { state });
  return query;
}
