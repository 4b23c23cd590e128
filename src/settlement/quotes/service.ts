import { And, LessThanOrEqual, MoreThan } from "typeorm";
import { present } from "../../kernel/assert.js";
import { instantText } from "../../kernel/clock.js";
import { scaleOf } from "../../kernel/money.js";
import { Rational } from "../../kernel/rational.js";
import { rateSpan } from "../../periods/calendars/service.js";
import type { Reader, Tx } from "../../platform/database.js";
import type { Partner } from "../../tenancy/entities.js";
import type { FxDocument } from "../document-contract.js";
import { settlementError } from "../errors.js";
import { ExchangeRateState, StoredRate } from "../rates/entities.js";
import type { ExchangeRate, Foreign } from "../terms/fx.js";

/** What is converted at the close of a period. */
export interface Closing {
  readonly partner: Partner;
  readonly period: { readonly startsAt: Date; readonly endsAt: Date };
  readonly fx: FxDocument;
  readonly from: string;
  /** The local day of the transactions that are converted, where each is at the rate of its day. */
  readonly day?: string | undefined;
}

/** How a currency becomes the statement's, the ids of the rates that say so, and what they were looked up for. */
export interface Quoted {
  readonly foreign: Foreign;
  readonly rateIds: readonly string[];
  /** Those of them that no statement stands on yet. */
  readonly unusedIds: readonly string[];
  readonly closing: Closing;
}

/**
 * The rates of a period: of those that stand, of the type and source that the terms name, the last one that is of an
 * instant after its start and not after its end; of a day, the last one not after its end and at most seven days old.
 * Nothing is inverted, and a third currency stands in between only where the terms declare it. Refused where one is
 * missing (`RATE_MISSING`).
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
  const unused = rates.filter(({ usedAt }) => usedAt === null);
  return { foreign, rateIds: rates.map(({ id }) => id), unusedIds: unused.map(({ id }) => id), closing };
}

/**
 * Makes rates unchangeable; false where others are those of the period by now, entered since the statement was
 * calculated. Those that are so already are not written again: partners share rates, and no lock.
 */
export async function useRates(tx: Tx, tenantId: string, quoted: readonly Quoted[], at: Date): Promise<boolean> {
  for (const { rateIds, closing } of quoted) {
    const now = await ratesAt(tx, closing);
    if (now.rateIds.join() !== rateIds.join()) return false;
    for (const id of now.unusedIds) {
      const { affectedRows } = await tx.query(
        "update exchange_rate set used_at = coalesce(used_at, ?) where tenant_id = ? and id = ? and state = 'ACTIVE'",
        [at, tenantId, id],
      );
      if (affectedRows === 0) return false; // superseded this moment
    }
  }
  return true;
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
      ...{ tenantId: partner.tenantId, base, quote, source, type, state: ExchangeRateState.ACTIVE },
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
