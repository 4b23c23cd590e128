import { scaleOf } from "../../kernel/money.js";
import { type SettlementPeriod, TransactionKind } from "../../periods/entities.js";
import type { App } from "../../platform/app.js";
import type { Partner } from "../../tenancy/entities.js";
import { inputsOf } from "../calculating/service.js";
import { termsOf } from "../configurations/service.js";
import type { ConfigurationDocument } from "../document.js";
import type { Statement } from "../entities.js";
import { documentRefusal } from "../errors.js";
import { linksOf } from "../links/service.js";
import { compareLines, type LineDifference } from "../simulations/rules.js";
import { creditOn } from "../statement-credit.js";
import { documentOf, statementsByPeriod } from "../statements/service.js";
import type { KindTotal } from "../terms/activity.js";
import { calculate } from "../terms/calculate.js";
import { publishLine } from "../terms/lines.js";
import type { Standing } from "../totals/service.js";

/** What to replay: settled periods that follow on each other, and by which terms. */
export interface ReplayInput {
  readonly periods: readonly SettlementPeriod[];
  /** Null: by the version that each period is pinned to, which comes to the same. */
  readonly draft: ConfigurationDocument | null;
}

/** The sums of a statement, in minor units. */
export interface ReplayedSums {
  readonly earnedMinor: bigint;
  readonly payableMinor: bigint;
  readonly closingMinor: bigint;
}

/** What a statement came to, and what it comes to now; zeros and no lines on the side that has no such statement. */
export interface ReplayedStatement {
  readonly period: SettlementPeriod;
  readonly currency: string;
  readonly before: ReplayedSums;
  readonly after: ReplayedSums;
  readonly lines: readonly LineDifference[];
}

/** Periods whose statements are read at once. */
const PERIODS_AT_ONCE = 25;
const NOTHING: ReplayedSums = { earnedMinor: 0n, payableMinor: 0n, closingMinor: 0n };

/**
 * Replays a partner's settled periods, each opened by what the one before left under the same terms; the first by what
 * was left then. It reads and writes nothing. One answer for each period, in order.
 */
export async function* replay(
  app: App,
  partner: Partner,
  { periods, draft }: ReplayInput,
): AsyncGenerator<readonly ReplayedStatement[]> {
  const [first] = periods;
  if (first === undefined) return;
  const chain = new Map<string, Standing>();
  for (const link of await linksOf(app.database.manager, partner, first.startsAt)) chain.set(link.currency, link);
  for (let at = 0; at < periods.length; at += PERIODS_AT_ONCE) {
    const some = periods.slice(at, at + PERIODS_AT_ONCE);
    const numbers = some.map(({ no }) => no);
    const statements = await statementsByPeriod(app, partner.tenantNo, numbers);
    for (const [index, period] of some.entries()) {
      yield await replayPeriod(app, { partner, period, draft, chain, issued: statements[index] ?? [] });
    }
  }
}

interface PeriodToReplay {
  readonly partner: Partner;
  readonly period: SettlementPeriod;
  readonly draft: ConfigurationDocument | null;
  /** What each currency's last statement left; moved on by one period. */
  readonly chain: Map<string, Standing>;
  readonly issued: readonly Statement[];
}

async function replayPeriod(app: App, replaying: PeriodToReplay): Promise<readonly ReplayedStatement[]> {
  const { partner, period, draft, chain, issued } = replaying;
  const document = draft ?? (await termsOf(app, partner.tenantId, period.configurationId)).document;
  const { inputs } = await inputsOf(app, { partner, period, document, before: [...chain.values()] });
  const currencies = inputs.map(({ currency }) => currency);
  const replayed = inputs.map(({ currency, input }) => {
    const statement = issued.find((each) => each.currency === currency);
    if (input.totals.some(isConvertedPurchase)) {
      throw documentRefusal([{ path: "/fx", reason: "converts a currency in which the partner has prepaid credit" }]);
    }
    // Lots as the statement found them; those that a draft would have left are not known.
    const found = statement === undefined ? null : creditOn(documentOf(statement));
    const credit = found === null ? null : { ...found, isDrawn: document.credit !== undefined };
    const result = calculate({ ...input, credit });
    chain.set(currency, { currency, closingMinor: result.closingMinor, state: result.stateOut });
    return { currency, result };
  });
  const others = issued.map(({ currency }) => currency).filter((currency) => !currencies.includes(currency));
  return [...currencies, ...others].map((currency) => {
    const statement = issued.find((each) => each.currency === currency) ?? null;
    const result = replayed.find((each) => each.currency === currency)?.result ?? null;
    const after = (result?.lines ?? []).map((line) => publishLine(line, scaleOf(currency)));
    const lines = compareLines(statement === null ? [] : documentOf(statement).lines, after);
    return { period, currency, before: statement ?? NOTHING, after: result ?? NOTHING, lines };
  });
}

function isConvertedPurchase({ kind, foreign }: KindTotal): boolean {
  return foreign !== undefined && kind.endsWith(TransactionKind.CREDIT_PURCHASE);
}
