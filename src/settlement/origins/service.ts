import { instantText } from "../../kernel/clock.js";
import { sha256Hex } from "../../kernel/digest.js";
import { groupBy } from "../../kernel/group.js";
import { scaleOf } from "../../kernel/money.js";
import type { SettlementPeriod } from "../../periods/entities.js";
import type { FineSource } from "../../periods/fine-totals/service.js";
import { periodsByNumber } from "../../periods/service.js";
import { type Activity, activityOf, lateActivityOf } from "../../periods/totals/service.js";
import type { App } from "../../platform/app.js";
import type { Reader } from "../../platform/database.js";
import type { Partner } from "../../tenancy/entities.js";
import { type Terms, termsOf } from "../configurations/service.js";
import { configurationSha256 } from "../document.js";
import { contractOf } from "../document-contract.js";
import { Statement } from "../entities.js";
import { linkBefore } from "../links/service.js";
import { tellPlayersApart } from "../players/service.js";
import type { Quoted } from "../quotes/service.js";
import { conversionsText, documentIn, type OriginFacts, stateText, totalsText } from "../statement-document.js";
import { originIn } from "../statement-facts.js";
import type { KindTotal } from "../terms/activity.js";
import type { Foreign } from "../terms/fx.js";
import { type Origin, ownTotals } from "../terms/origin.js";
import { periodDays, spanIn } from "../terms/period.js";
import { withoutPlayers } from "../terms/players.js";
import type { State } from "../terms/state.js";
import { byDay, type Reading, readingOf } from "../totals/service.js";

/** A period that late items of another belong to, in one currency: what it is computed from again, and these items. */
export interface LateOrigin {
  readonly currency: string;
  readonly origin: Origin;
  readonly facts: OriginFacts;
  readonly late: readonly KindTotal[];
}

/** A period that was replayed, in the place of its statements: its terms, and what these would have opened with. */
export interface ReplayedPeriod {
  readonly terms: Terms;
  /** In which it would have statements. */
  readonly currencies: ReadonlySet<string>;
  /** By currency. */
  readonly opened: ReadonlyMap<string, State>;
  /** Rates that its statements were converted by, where the terms name the same; by `conversionKey`. */
  readonly known: ReadonlyMap<string, Foreign>;
}

/** Replayed periods by their numbers. */
export type Replayed = ReadonlyMap<number, ReplayedPeriod>;

/** What late items are settled from at their origin's terms. */
export interface LateRows {
  readonly partner: Partner;
  /** The period that they were posted into. */
  readonly period: SettlementPeriod;
  readonly rows: readonly Activity[];
  /** Periods before it that were replayed, which are computed again as they were replayed. */
  readonly replayed: Replayed;
}

/**
 * The periods that late items of a period belong to, in their order, each with the terms and activity that its own
 * statement was computed from and what later statements settled for it; and the rates that only these items ask for.
 */
export async function originsOf(
  app: App,
  { rows, ...where }: LateRows,
): Promise<{ readonly origins: readonly LateOrigin[]; readonly quoted: readonly Quoted[] }> {
  const byOrigin = groupBy(rows, ({ originPeriodNo }) => originPeriodNo);
  const periods = await periodsByNumber(app.database.manager, where.partner.tenantNo, [...byOrigin.keys()]);
  const inOrder = [...periods.values()].sort((a, b) => a.startsAt.getTime() - b.startsAt.getTime());
  const [origins, quoted]: [LateOrigin[], Quoted[]] = [[], []];
  for (const origin of inOrder) {
    const found = await originOf(app, { ...where, origin, rows: byOrigin.get(origin.no) ?? [] });
    origins.push(...found.origins);
    quoted.push(...found.quoted);
  }
  return { origins, quoted };
}

interface OneOrigin extends LateRows {
  readonly origin: SettlementPeriod;
}

async function originOf(app: App, one: OneOrigin) {
  const { partner, origin, rows, replayed } = one;
  const reader = app.database.manager;
  const again = replayed.get(origin.no) ?? null;
  const terms = again?.terms ?? (await termsOf(app, partner.tenantId, origin.configurationId));
  const { tenantNo, no: partnerNo } = partner;
  const where = { tenantNo, partnerNo, periodNo: origin.no };
  const earlier = await settledBefore(app, one);
  const own = again === null ? (await reader.findBy(Statement, where)).map(ownOf) : [];
  const known = again?.known ?? new Map(own.flatMap(({ conversions }) => [...conversions]));
  const reading = readingOf(reader, { partner, period: origin, document: terms.document, known });
  const totalsOf = async (each: readonly Activity[]) => {
    return reading.totalsOf(await byDay(reader, partner, terms.document, each));
  };
  const [late, before] = [await totalsOf(rows), await totalsOf(earlier)];
  const posted = again === null ? new Map() : await totalsOf(await ownActivity(reader, partner, origin, terms));
  const origins: LateOrigin[] = [];
  for (const [currency, totals] of late) {
    const statement = own.find((each) => each.currency === currency) ?? null;
    const opened = again === null ? null : (again.opened.get(currency) ?? []);
    const isSettled = statement !== null || again?.currencies.has(currency) === true;
    const fresh = { opened, isSettled, totals: posted.get(currency) ?? [] };
    const facts = { partner, terms, origin, currency, statement, reading, fresh };
    origins.push(await toldApart(app, facts, { late: totals, before: before.get(currency) ?? [], rows, earlier }));
  }
  return { origins, quoted: reading.quoted };
}

/** Late items of the origin that periods before the present one settled at its terms. */
async function settledBefore(app: App, { partner, period, origin, replayed }: OneOrigin): Promise<readonly Activity[]> {
  const reader = app.database.manager;
  const between = { after: origin.startsAt, before: period.startsAt };
  const rows = await lateActivityOf(reader, partner, origin.no, between);
  const periods = await periodsByNumber(reader, partner.tenantNo, [...new Set(rows.map(({ periodNo }) => periodNo))]);
  const isApart = new Map<number, boolean>();
  for (const { no, configurationId } of periods.values()) {
    const { document } = replayed.get(no)?.terms ?? (await termsOf(app, partner.tenantId, configurationId));
    isApart.set(no, document.lateItems === "ORIGIN_TERMS");
  }
  return rows.filter(({ periodNo }) => isApart.get(periodNo));
}

/** What was posted into a replayed period: without late items, where these settle at the terms of their origin. */
async function ownActivity(reader: Reader, partner: Partner, { no }: SettlementPeriod, { document }: Terms) {
  const activity = await activityOf(reader, partner, no);
  return document.lateItems === "ORIGIN_TERMS" ? activity.filter((row) => row.originPeriodNo === no) : activity;
}

/** What a period's own statement was computed from, as it states it. */
function ownOf({ id, currency, jws }: Statement) {
  const document = documentIn(jws);
  const { period, configuration, totals, conversions, state } = document;
  const link = { id, sha256: sha256Hex(jws) };
  const stated = { period, configuration, totals, conversions, state, late: [], settled: [], lines: [] };
  const isApart = configuration.document["lateItems"] === "ORIGIN_TERMS";
  const own = isApart ? totals.filter(({ originPeriodId }) => originPeriodId === null) : totals;
  const read = originIn(document, { ...stated, totals: own, statement: link }, "");
  if (!("facts" in read)) throw new Error(`a statement of ours cannot be read: ${read.faults.join("; ")}`);
  return { currency, link, period, configuration, ...read };
}

interface OriginTerms {
  readonly partner: Partner;
  readonly terms: Terms;
  readonly origin: SettlementPeriod;
  readonly currency: string;
  readonly statement: ReturnType<typeof ownOf> | null;
  readonly reading: Reading;
  /** What it opened with (null: what the statement before it left) and had posted, where it has no statement. */
  readonly fresh: { readonly opened: State | null; readonly isSettled: boolean; readonly totals: readonly KindTotal[] };
}

interface LateTotals {
  readonly late: readonly KindTotal[];
  readonly before: readonly KindTotal[];
  /** The rows that these are, and those before. */
  readonly rows: readonly Activity[];
  readonly earlier: readonly Activity[];
}

async function toldApart(
  app: App,
  { reading, statement, ...one }: OriginTerms,
  { late, before, rows, earlier }: LateTotals,
): Promise<LateOrigin> {
  const { partner, terms, origin, currency } = one;
  const scale = scaleOf(currency);
  const { contract, state, period, totals } = statement?.facts ?? (await freshOf(app, one));
  const totalsOf = async (fine: readonly Activity[]) => (await reading.totalsOf(fine)).get(currency) ?? [];
  const from = (periodNo: number): FineSource => ({ periodNo, originPeriodNo: origin.no });
  const ownSource = { periodNo: origin.no, originPeriodNo: contract.settlesLateAtOrigin ? origin.no : null };
  const sourcesOf = (each: readonly Activity[]) => [...new Set(each.map(({ periodNo }) => periodNo))].map(from);
  const [own = [], then = [], now = []] = await tellPlayersApart(
    app.database.manager,
    { partner, contract, state, period, totalsOf },
    [
      { totals: withoutPlayers(ownTotals(contract, totals)), sources: [ownSource] },
      { totals: before, sources: sourcesOf(earlier) },
      { totals: late, sources: sourcesOf(rows) },
    ],
  );
  const configuration = { id: terms.id, version: terms.version, sha256: configurationSha256(terms.document) };
  const facts: OriginFacts = {
    period: statement?.period ?? periodText(partner, origin),
    statement: statement?.link ?? null,
    configuration: statement?.configuration ?? { ...configuration, document: terms.document },
    totals: totalsText(own, scale),
    late: totalsText(then, scale),
    ...conversionsText([...own, ...then, ...now]),
    state: { opening: stateText(state, scale) },
  };
  const isUnsettled = !one.fresh.isSettled && then.length === 0;
  const computed = { contract, state, period, totals: own, before: then, isUnsettled, periodId: origin.id };
  return { currency, origin: computed, facts, late: now };
}

/** What a period without a statement in the currency is computed from: what was left to it stands. */
async function freshOf(
  app: App,
  { partner, terms, origin, currency, fresh: { opened, totals } }: Omit<OriginTerms, "statement" | "reading">,
) {
  const before = { currency, endsBy: origin.startsAt };
  return {
    contract: contractOf(terms.document, { currency, scale: scaleOf(currency), partnerKind: partner.kind }),
    state: opened ?? (await linkBefore(app.database.manager, partner, before))?.state ?? [],
    period: periodDays(spanIn(partner.timezone, origin)),
    totals,
  };
}

function periodText({ timezone }: Partner, origin: SettlementPeriod): OriginFacts["period"] {
  return {
    id: origin.id,
    start: instantText(origin.startsAt),
    end: instantText(origin.endsAt),
    cycleStart: instantText(origin.cycleStartsAt),
    cycleEnd: instantText(origin.cycleEndsAt),
    timezone,
  };
}
