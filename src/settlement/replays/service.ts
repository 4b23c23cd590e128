import { DrawAt } from "../../exchange/credit/entities.js";
import { type LotChain, type ReplayedDraw, replayLots } from "../../exchange/lot-replays/service.js";
import { canonicalJson } from "../../kernel/canonical-json.js";
import { scaleOf } from "../../kernel/money.js";
import { type SettlementPeriod, TransactionKind } from "../../periods/entities.js";
import type { App } from "../../platform/app.js";
import type { Partner } from "../../tenancy/entities.js";
import { type CurrencyInputs, inputsOf } from "../calculating/service.js";
import { termsOf } from "../configurations/service.js";
import { creditFacts } from "../credit/service.js";
import type { ConfigurationDocument } from "../document.js";
import type { Statement } from "../entities.js";
import { documentRefusal } from "../errors.js";
import { linksOf } from "../links/service.js";
import type { ReplayedPeriod } from "../origins/service.js";
import { linesNamedNow } from "../recompute.js";
import { compareLines, type LineDifference } from "../simulations/rules.js";
import { conversionsOn } from "../statement-facts.js";
import { documentOf, statementsByPeriod } from "../statements/service.js";
import { type KindTotal, minorOf } from "../terms/activity.js";
import { calculate, type TermsResult } from "../terms/calculate.js";
import type { Foreign } from "../terms/fx.js";
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
  /** Whether its draw-downs asked for credit of which it cannot be told what they would have taken. */
  readonly isUncovered: boolean;
}

/** Periods whose statements are read at once. */
const PERIODS_AT_ONCE = 25;
const NOTHING: ReplayedSums = { earnedMinor: 0n, payableMinor: 0n, closingMinor: 0n };

/**
 * Replays a partner's settled periods, each from what the one before left under the same terms: position and state,
 * prepaid credit, and the activity that late items are added to. The first is opened by what was left then. It reads
 * and writes nothing. One answer for each period, in order.
 */
export async function* replay(
  app: App,
  partner: Partner,
  { periods, draft }: ReplayInput,
): AsyncGenerator<readonly ReplayedStatement[]> {
  const [first] = periods;
  if (first === undefined) return;
  const reader = app.database.manager;
  const isDrawn = draft === null ? null : isDrawnAtPosting(draft);
  const chain: Chain = {
    left: new Map((await linksOf(reader, partner, first.startsAt)).map((link) => [link.currency, link])),
    replayed: new Map(),
    lots: await replayLots(reader, partner, { first, isDrawnAtPosting: isDrawn }),
  };
  for (let at = 0; at < periods.length; at += PERIODS_AT_ONCE) {
    const some = periods.slice(at, at + PERIODS_AT_ONCE);
    const numbers = some.map(({ no }) => no);
    const statements = await statementsByPeriod(app, partner.tenantNo, numbers);
    for (const [index, period] of some.entries()) {
      yield await replayPeriod(app, chain, { partner, period, draft, issued: statements[index] ?? [] });
    }
  }
}

/** What the periods before left; moved on by one period. */
interface Chain {
  /** By currency, what its last statement left. */
  readonly left: Map<string, Standing>;
  readonly replayed: Map<number, ReplayedPeriod>;
  /** Null where the partner never had prepaid credit. */
  readonly lots: LotChain | null;
}

interface PeriodToReplay {
  readonly partner: Partner;
  readonly period: SettlementPeriod;
  readonly draft: ConfigurationDocument | null;
  readonly issued: readonly Statement[];
}

async function replayPeriod(app: App, chain: Chain, replaying: PeriodToReplay): Promise<readonly ReplayedStatement[]> {
  const { partner, period, draft, issued } = replaying;
  const pinned = await termsOf(app, partner.tenantId, period.configurationId);
  const terms = draft === null ? pinned : { ...pinned, document: draft };
  const { document } = terms;
  const known = isOfSameRates(document, pinned.document) ? conversionsOf(issued) : new Map<string, Foreign>();
  const before = [...chain.left.values()];
  const { inputs } = await inputsOf(app, { partner, period, document, before, replayed: chain.replayed, known });
  const opened = new Map(before.map(({ currency, state }) => [currency, state]));
  const currencies = new Set(inputs.map(({ currency }) => currency));
  chain.replayed.set(period.no, { terms, currencies, opened, known });
  const draws = isDrawnAfterwards(document, pinned.document) ? inputs.flatMap((each) => drawsOf(period, each)) : [];
  const lots = await chain.lots?.lotsOf(app.database.manager, partner, period, draws);
  const credit = creditFacts({ period, document }, lots ?? new Map());
  const results = inputs.map(({ currency, input }) => {
    if (input.totals.some(isConvertedPurchase)) {
      throw documentRefusal([{ path: "/fx", reason: "converts a currency in which the partner has prepaid credit" }]);
    }
    const result = calculate({ ...input, credit: credit.get(currency) ?? null });
    chain.left.set(currency, { currency, closingMinor: result.closingMinor, state: result.stateOut });
    chain.lots?.use(result.met?.uses ?? []);
    return { currency, result };
  });
  const isKept = isDrawnAtPosting(document) && isDrawnAtPosting(pinned.document);
  const asked = draft !== null && isKept ? inputs.flatMap((each) => drawsOf(period, each)) : [];
  const uncovered = asked.filter((draw) => chain.lots?.isUncovered(draw)).map(({ currency }) => currency);
  return beside(period, issued, results).map((each) => ({ ...each, isUncovered: uncovered.includes(each.currency) }));
}

interface ReplayedResult {
  readonly currency: string;
  readonly result: TermsResult;
}

/** The statements of a period as they were beside what they come to now. */
function beside(
  period: SettlementPeriod,
  issued: readonly Statement[],
  results: readonly ReplayedResult[],
): readonly Omit<ReplayedStatement, "isUncovered">[] {
  const currencies = new Set([...results, ...issued].map(({ currency }) => currency));
  return [...currencies].map((currency) => {
    const statement = issued.find((each) => each.currency === currency) ?? null;
    const result = results.find((each) => each.currency === currency)?.result ?? null;
    const after = (result?.lines ?? []).map((line) => publishLine(line, scaleOf(currency)));
    const lines = compareLines(statement === null ? [] : linesNamedNow(documentOf(statement)), after);
    return { period, currency, before: statement ?? NOTHING, after: result ?? NOTHING, lines };
  });
}

function isOfSameRates(one: ConfigurationDocument, other: ConfigurationDocument): boolean {
  return canonicalJson(one.fx ?? null) === canonicalJson(other.fx ?? null);
}

function conversionsOf(issued: readonly Statement[]): ReadonlyMap<string, Foreign> {
  return new Map(issued.flatMap((statement) => [...conversionsOn(documentOf(statement))]));
}

/** Whether draw-downs would have taken credit when they were posted, and did not. */
function isDrawnAfterwards(document: ConfigurationDocument, pinned: ConfigurationDocument): boolean {
  return isDrawnAtPosting(document) && !isDrawnAtPosting(pinned);
}

function isDrawnAtPosting({ credit }: ConfigurationDocument): boolean {
  return credit?.drawAt === DrawAt.POSTING;
}

/** All draw-downs of a period together. */
function drawsOf({ no: periodNo }: SettlementPeriod, { currency, input }: CurrencyInputs): readonly ReplayedDraw[] {
  const own = input.totals.filter(({ foreign }) => foreign === undefined);
  const amountMinor = minorOf(own, { kind: TransactionKind.CREDIT_DRAWDOWN, name: "drawDowns" });
  return amountMinor === 0n ? [] : [{ currency, periodNo, amountMinor }];
}

function isConvertedPurchase({ kind, foreign }: KindTotal): boolean {
  return foreign !== undefined && kind.endsWith(TransactionKind.CREDIT_PURCHASE);
}
