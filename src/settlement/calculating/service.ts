import { scaleOf } from "../../kernel/money.js";
import type { SettlementPeriod } from "../../periods/entities.js";
import type { FineActivity } from "../../periods/fine-totals/service.js";
import { Grain } from "../../periods/grains/entities.js";
import { activityOf } from "../../periods/totals/service.js";
import type { App } from "../../platform/app.js";
import type { Partner } from "../../tenancy/entities.js";
import type { ConfigurationDocument } from "../document.js";
import { contractOf } from "../document-contract.js";
import { grainsOf } from "../document-grains.js";
import { settlementError } from "../errors.js";
import { type LateOrigin, originsOf, type Replayed } from "../origins/service.js";
import { tellPlayersApart } from "../players/service.js";
import type { Quoted } from "../quotes/service.js";
import { askAhead } from "../rulings/service.js";
import type { OriginFacts } from "../statement-document.js";
import type { KindTotal } from "../terms/activity.js";
import { openedState, type TermsInput } from "../terms/calculate.js";
import type { Foreign } from "../terms/fx.js";
import { periodDays, spanIn } from "../terms/period.js";
import { byDay, currenciesOf, type PeriodTotals, type Reading, readingOf, type Standing } from "../totals/service.js";

/** What decides the statements of a period. */
export interface PeriodFacts {
  readonly partner: Partner;
  readonly period: SettlementPeriod;
  readonly document: ConfigurationDocument;
  /** What the statements before left, by currency. */
  readonly before: readonly Standing[];
  /** In a replay: the periods before it that were replayed; else none. */
  readonly replayed?: Replayed;
  /** Rates that are known already, by `conversionKey`. */
  readonly known?: ReadonlyMap<string, Foreign>;
}

/** What one statement is computed from. */
export interface CurrencyInputs {
  readonly currency: string;
  readonly input: TermsInput;
  readonly origins: readonly OriginFacts[];
}

/**
 * What the statements of a period are computed from, whether they are issued or replayed for comparison, and the rates
 * that this looked up. Refused where a rate is missing (`RATE_MISSING`), where a rule gives no answer (`RULE_FAILED`),
 * and where terms look at what the period's totals do not tell apart (`VALIDATION`).
 */
export async function inputsOf(
  app: App,
  facts: PeriodFacts,
): Promise<{ readonly inputs: readonly CurrencyInputs[]; readonly quoted: readonly Quoted[] }> {
  const { partner, period, document, before, replayed = new Map(), known = new Map() } = facts;
  const missing = grainsOf(document).find((grain) => !period.grain.includes(grain));
  if (missing !== undefined) {
    const reason = "The period's totals were not told apart by player or day, as these terms need them.";
    throw settlementError("VALIDATION", { path: missing === Grain.DAY ? "/fx/type" : "/carryOver/ringFence", reason });
  }
  const reader = app.database.manager;
  const activity = await activityOf(reader, partner, period.no);
  const isApart = document.lateItems === "ORIGIN_TERMS";
  const late = isApart ? activity.filter(({ originPeriodNo }) => originPeriodNo !== period.no) : [];
  const reading = readingOf(reader, { partner, period, document, known });
  const own = isApart ? activity.filter((row) => !late.includes(row)) : activity;
  const totals = await reading.totalsOf(await byDay(reader, partner, document, own));
  const { origins, quoted } = await originsOf(app, { partner, period, rows: late, replayed });
  const inputs: CurrencyInputs[] = [];
  for (const currency of currenciesOf(partner, withLate(totals, origins), before)) {
    const here = { currency, own: totals.get(currency) ?? [], origins, reading };
    inputs.push(await inputOf(app, facts, here));
  }
  return { inputs, quoted: [...reading.quoted, ...quoted] };
}

interface CurrencyFacts {
  readonly currency: string;
  readonly own: readonly KindTotal[];
  readonly origins: readonly LateOrigin[];
  readonly reading: Reading;
}

async function inputOf(
  app: App,
  { partner, period, document, before }: PeriodFacts,
  { currency, own, origins, reading }: CurrencyFacts,
): Promise<CurrencyInputs> {
  const contract = contractOf(document, { currency, scale: scaleOf(currency), partnerKind: partner.kind });
  const { state = [], closingMinor = 0n } = before.find((each) => each.currency === currency) ?? {};
  const here = origins.filter((origin) => origin.currency === currency);
  const late = here.flatMap((origin) => origin.late);
  const input = {
    ...{ contract, state, openingMinor: closingMinor, totals: [...own, ...late] },
    period: periodDays(spanIn(partner.timezone, period)),
    origins: here.map(({ origin }) => origin),
  };
  const totalsOf = async (rows: readonly FineActivity[]) => (await reading.totalsOf(rows)).get(currency) ?? [];
  const source = { periodNo: period.no, originPeriodNo: contract.settlesLateAtOrigin ? period.no : null };
  await askAhead({ contract, totals: own, period: input.period });
  const telling = { partner, contract, state: openedState(input), period: input.period, totalsOf };
  const [told = []] = await tellPlayersApart(app.database.manager, telling, [{ totals: own, sources: [source] }]);
  return { currency, input: { ...input, totals: [...told, ...late] }, origins: here.map(({ facts }) => facts) };
}

/** The currencies of late items count as well, by the terms of their origin. */
function withLate(totals: PeriodTotals, origins: readonly LateOrigin[]): PeriodTotals {
  return new Map([...totals, ...origins.map(({ currency, late }) => [currency, late] as const)]);
}
