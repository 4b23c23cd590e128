import { z } from "zod";
import { assert, present } from "../kernel/assert.js";
import { canonicalJson } from "../kernel/canonical-json.js";
import { epochSeconds, instantText } from "../kernel/clock.js";
import { decimalText } from "../kernel/money.js";
import type { PaymentDate } from "../periods/calendars/service.js";
import type { Commitment } from "../periods/commitments/service.js";
import type { Correction } from "./corrections/service.js";
import { type ConfigurationDocument, configurationSha256 } from "./document.js";
import { type StatementDocument, type StatementOrigin, statementSchema } from "./statement-schema.js";
import type { KindTotal } from "./terms/activity.js";
import type { TermsResult } from "./terms/calculate.js";
import type { CreditFacts } from "./terms/credit.js";
import { exactText, parseExact } from "./terms/exact.js";
import { conversionKey } from "./terms/fx.js";
import { type ExactLine, type Line, publishLine } from "./terms/lines.js";
import type { PeriodSpan } from "./terms/period.js";
import type { State } from "./terms/state.js";

/** Everything a statement says besides what was calculated. */
export interface StatementHeader {
  readonly tenantId: string;
  readonly partnerId: string;
  readonly statementId: string;
  readonly issuedAt: Date;
  readonly period: PeriodSpan & { readonly id: string };
  readonly currency: string;
  /** Decimals of the currency. */
  readonly scale: number;
  readonly configuration: { readonly id: string; readonly version: number; readonly document: ConfigurationDocument };
  /** The one before it in the same currency: its id and the SHA-256 of its compact JWS, in hexadecimal. */
  readonly previousStatement: { readonly id: string; readonly sha256: string } | null;
  /** When it is to be paid; null or absent where the terms do not say. */
  readonly payment?: PaymentDate | null;
  /** What the partner is to its tenant; a statement says so where a rule was told it. */
  readonly partnerKind?: string;
  /** The batches that were posted into the period. */
  readonly commitment?: Commitment;
  /** Where adjustments of disputes come from; those that are among the totals are stated. */
  readonly corrections?: readonly Correction[];
  /** Of late items that settle at their origin's terms, in the order in which they were calculated. */
  readonly origins?: readonly OriginFacts[];
  /** Prepaid credit as the statement finds it; null or absent where there is none. */
  readonly credit?: CreditFacts | null;
}

/** What a statement says of a period that late items belong to, besides what was calculated. */
export type OriginFacts = Omit<StatementOrigin, "settled" | "lines">;

/** The members of a statement that follow from the others. */
type CalculatedMembers = Pick<
  StatementDocument,
  | ("hasActivity" | "lines" | "base" | "carryIn" | "carryOut" | "earned" | "adjustments" | "reserveHeld")
  | ("reserveReleased" | "payable" | "taxWithheld" | "closing" | "creditMet")
> & {
  readonly state: Pick<StatementDocument["state"], "closing">;
  readonly origins?: readonly Pick<StatementOrigin, "settled" | "lines">[];
};

/** The JSON document of a statement (`schema/statement.schema.json`), to be signed: same facts, same document. */
export function buildStatementDocument(
  header: StatementHeader,
  totals: readonly KindTotal[],
  result: TermsResult,
): StatementDocument {
  const { period, configuration, scale, payment = null, commitment, origins = [], credit = null, partnerKind } = header;
  const terms = [configuration, ...origins.map((origin) => origin.configuration)];
  const isTold = partnerKind !== undefined && terms.some(({ document }) => document["rules"] !== undefined);
  const { origins: computed = [], ...calculated } = calculatedMembers(totals, result, scale);
  return {
    v: 1,
    iss: header.tenantId,
    sub: header.partnerId,
    jti: header.statementId,
    iat: epochSeconds(header.issuedAt),
    period: {
      id: period.id,
      start: instantText(period.startsAt),
      end: instantText(period.endsAt),
      cycleStart: instantText(period.cycleStartsAt),
      cycleEnd: instantText(period.cycleEndsAt),
      timezone: period.timezone,
    },
    currency: header.currency,
    scale,
    configuration: { ...configuration, sha256: configurationSha256(configuration.document) },
    previousStatement: header.previousStatement,
    ...(isTold ? { partnerKind } : {}),
    ...(payment === null ? {} : { payment: { ...payment, closedDays: [...payment.closedDays] } }),
    totals: totalsText(totals, scale),
    ...(commitment === undefined ? {} : { transactions: { batches: commitment.size, root: commitment.root } }),
    ...conversionsText(origins.length === 0 ? totals : totals.filter(({ originPeriodId }) => originPeriodId === null)),
    ...(origins.length === 0
      ? {}
      : { origins: origins.map((origin, index) => ({ ...origin, ...present(computed[index], "a computed origin") })) }),
    ...(credit === null ? {} : { credit: creditText(credit, scale) }),
    ...correctionsAmong(totals, header.corrections ?? []),
    opening: decimalText(result.openingMinor, scale),
    ...calculated,
    state: { opening: stateText(result.stateIn, scale), ...calculated.state },
  };
}

/** What the calculation says on a statement, in text. */
function calculatedMembers(totals: readonly KindTotal[], result: TermsResult, scale: number): CalculatedMembers {
  const linesText = (lines: readonly ExactLine[]) => lines.map((line) => lineText(publishLine(line, scale)));
  return {
    hasActivity: totals.some(({ count }) => count > 0n),
    lines: linesText(result.lines),
    ...(result.origins.length === 0
      ? {}
      : {
          origins: result.origins.map(({ settled, again }) => {
            return { settled: linesText(settled.lines), lines: linesText(again.lines) };
          }),
        }),
    state: { closing: stateText(result.stateOut, scale) },
    base: exactText(result.base, scale),
    carryIn: exactText(result.carryIn, scale),
    carryOut: exactText(result.carryOut, scale),
    earned: decimalText(result.earnedMinor, scale),
    adjustments: decimalText(result.adjustmentsMinor, scale),
    reserveHeld: decimalText(result.reserveHeldMinor, scale),
    reserveReleased: decimalText(result.reserveReleasedMinor, scale),
    payable: decimalText(result.payableMinor, scale),
    ...(result.met === null ? {} : { creditMet: decimalText(result.met.drawnMinor + result.met.creditMinor, scale) }),
    taxWithheld: decimalText(result.taxWithheldMinor, scale),
    closing: decimalText(result.closingMinor, scale),
  };
}

/** Prepaid credit as a statement finds it. */
export function creditText({ lots }: CreditFacts, scale: number): NonNullable<StatementDocument["credit"]> {
  const text = (minor: bigint) => decimalText(minor, scale);
  return {
    lots: lots.map(({ no, lot, priority, expiresAt, lastDrawn, isBought, isTakenBack, ...minor }) => ({
      ...{ no, lot, priority, expiresAt: expiresAt === null ? null : instantText(expiresAt) },
      ...{ face: text(minor.faceMinor), cost: text(minor.costMinor), remaining: text(minor.remainingMinor) },
      ...{ drawn: text(minor.drawnMinor), settled: text(minor.settledMinor), expired: text(minor.expiredMinor) },
      ...{ isBought, isTakenBack, lastDrawn },
    })),
  };
}

/** The statement's JSON Schema (draft 2020-12), as published in `schema/statement.schema.json`. */
export function statementJsonSchema(): object {
  return z.toJSONSchema(statementSchema, { io: "input" });
}

/** The document that a statement of ours signs, from its compact JWS. */
export function documentIn(jws: string): StatementDocument {
  const [, payload = ""] = jws.split(".");
  return statementSchema.parse(JSON.parse(Buffer.from(payload, "base64url").toString("utf8")));
}

/** The state that a statement of ours leaves to the next one, from its compact JWS. */
export function closingStateOf(jws: string, scale: number): State {
  const [, payload = ""] = jws.split(".");
  const { state } = leavesState.parse(JSON.parse(Buffer.from(payload, "base64url").toString("utf8")));
  return state.closing.map(({ value, ...item }) => ({
    ...item,
    value: present(parseExact(value, scale), "an exact number that a statement left"),
  }));
}

function lineText({ rule, ...line }: Line): StatementDocument["lines"][number] {
  return rule === undefined ? line : { ...line, rule: { ...rule, fired: [...rule.fired] } };
}

const leavesState = statementSchema.pick({ state: true });

/** What persists, in text. */
export function stateText(state: State, scale: number): StatementDocument["state"]["closing"] {
  return state.map(({ value, ...item }) => ({ ...item, value: exactText(value, scale) }));
}

/** One row for each kind, fee category and origin, and each place and player where these are told apart. */
export function totalsText(totals: readonly KindTotal[], scale: number): StatementDocument["totals"] {
  const sums = new Map<string, KindTotal>();
  for (const total of totals) {
    const { brand = "", product = "", category = "", group = "" } = total.place ?? {};
    const currency = total.foreign?.from.currency ?? "";
    const dimensions = [total.kind, total.category, total.originPeriodId ?? "", brand, product, category];
    const settings = [group, total.isBonusFree === true ? "bonus free" : ""];
    const told = [currency, total.foreign?.day ?? "", total.player ?? "", ...settings];
    while (told.at(-1) === "") told.pop();
    const key = canonicalJson([...dimensions, ...told]);
    sums.set(key, added(total, sums.get(key)));
  }
  return [...sums.keys()].sort().map((key) => totalText(present(sums.get(key), "a sum"), scale));
}

function added(total: KindTotal, sum: KindTotal | undefined): KindTotal {
  if (sum === undefined) return total;
  const sums = { count: total.count + sum.count, units: total.units + sum.units };
  return { ...total, ...sums, sumMinor: total.sumMinor + sum.sumMinor };
}

function totalText(
  { count, units, sumMinor, place, foreign, player, isBonusFree, ruled: _, ...total }: KindTotal,
  scale: number,
): StatementDocument["totals"][number] {
  assert(count <= BigInt(Number.MAX_SAFE_INTEGER), "a count is a JSON number");
  const places =
    place === undefined ? {} : { brand: place.brand, product: place.product, productCategory: place.category };
  const sum = decimalText(sumMinor, foreign?.from.scale ?? scale);
  const currency = foreign === undefined ? {} : { currency: foreign.from.currency };
  const told = {
    ...(foreign?.day === undefined ? {} : { day: foreign.day }),
    ...(player === undefined ? {} : { player }),
    ...(place?.group === undefined ? {} : { productGroup: place.group }),
    ...(isBonusFree === true ? { isBonusFree } : {}),
  };
  return { ...total, count: Number(count), units: units.toString(), sum, ...currency, ...told, ...places };
}

/** The rates of each currency that was converted, by currency and day; nothing where none was. */
export function conversionsText(totals: readonly KindTotal[]): Pick<StatementDocument, "conversions"> {
  const foreigns = new Map(
    totals.flatMap(({ foreign }) => (foreign === undefined ? [] : [[conversionKey(foreign), foreign] as const])),
  );
  const conversions = [...foreigns.keys()].sort().map((key) => {
    const { from, day, exchanges } = present(foreigns.get(key), "a conversion");
    const rates = exchanges.map(({ rate, asOf, ...exchange }) => {
      return { ...exchange, rate: rate.toText(), asOf: instantText(asOf) };
    });
    return { from: from.currency, scale: from.scale, ...(day === undefined ? {} : { day }), rates };
  });
  return conversions.length === 0 ? {} : { conversions };
}

/** Those of the totals' disputes, which may be fewer than the period's: it has other currencies. */
function correctionsAmong(
  totals: readonly KindTotal[],
  corrections: readonly Correction[],
): Pick<StatementDocument, "corrections"> {
  const among = corrections.filter(({ dispute }) => totals.some(({ category }) => category === dispute));
  return among.length === 0 ? {} : { corrections: among };
}
