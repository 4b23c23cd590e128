import { z } from "zod";
import { assert, present } from "../kernel/assert.js";
import { canonicalJson } from "../kernel/canonical-json.js";
import { epochSeconds, instantText } from "../kernel/clock.js";
import { decimalText } from "../kernel/money.js";
import type { PaymentDate } from "../periods/calendars/service.js";
import type { Commitment } from "../periods/commitments/service.js";
import { type ConfigurationDocument, configurationSha256 } from "./document.js";
import { type StatementDocument, type StatementOrigin, statementSchema } from "./statement-schema.js";
import type { KindTotal } from "./terms/activity.js";
import type { TermsResult } from "./terms/calculate.js";
import { exactText, parseExact } from "./terms/exact.js";
import { conversionKey } from "./terms/fx.js";
import { type ExactLine, publishLine } from "./terms/lines.js";
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
  /** The batches that were posted into the period. */
  readonly commitment?: Commitment;
  /** Of late items that settle at their origin's terms, in the order in which they were calculated. */
  readonly origins?: readonly OriginFacts[];
}

/** What a statement says of a period that late items belong to, besides what was calculated. */
export type OriginFacts = Omit<StatementOrigin, "settled" | "lines">;

/** The members of a statement that follow from the others: what verification recomputes. */
export type CalculatedMembers = Pick<
  StatementDocument,
  | ("hasActivity" | "lines" | "base" | "carryIn" | "carryOut" | "earned" | "adjustments" | "reserveHeld")
  | ("reserveReleased" | "payable" | "taxWithheld" | "closing")
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
  const { period, configuration, scale, payment = null, commitment, origins = [] } = header;
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
    ...(payment === null ? {} : { payment: { ...payment, closedDays: [...payment.closedDays] } }),
    totals: totalsText(totals, scale),
    ...(commitment === undefined ? {} : { transactions: { batches: commitment.size, root: commitment.root } }),
    ...conversionsText(origins.length === 0 ? totals : totals.filter(({ originPeriodId }) => originPeriodId === null)),
    ...(origins.length === 0
      ? {}
      : { origins: origins.map((origin, index) => ({ ...origin, ...present(computed[index], "a computed origin") })) }),
    opening: decimalText(result.openingMinor, scale),
    ...calculated,
    state: { opening: stateText(result.stateIn, scale), ...calculated.state },
  };
}

/** What the calculation says on a statement, in text. */
export function calculatedMembers(totals: readonly KindTotal[], result: TermsResult, scale: number): CalculatedMembers {
  const linesText = (lines: readonly ExactLine[]) => lines.map((line) => publishLine(line, scale));
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
    taxWithheld: decimalText(result.taxWithheldMinor, scale),
    closing: decimalText(result.closingMinor, scale),
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

const leavesState = statementSchema.pick({ state: true });

/** What persists, in text. */
export function stateText(state: State, scale: number): StatementDocument["state"]["closing"] {
  return state.map(({ value, ...item }) => ({ ...item, value: exactText(value, scale) }));
}

/** One row for each kind, fee category and origin, and each place and player where these are told apart. */
export function totalsText(totals: readonly KindTotal[], scale: number): StatementDocument["totals"] {
  const sums = new Map<string, KindTotal>();
  for (const total of totals) {
    const { brand = "", product = "", category = "" } = total.place ?? {};
    const currency = total.foreign?.from.currency ?? "";
    const dimensions = [total.kind, total.category, total.originPeriodId ?? "", brand, product, category];
    const told = [currency, total.foreign?.day ?? "", total.player ?? ""];
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

function totalText({ count, units, sumMinor, place, foreign, player, ...total }: KindTotal, scale: number) {
  assert(count <= BigInt(Number.MAX_SAFE_INTEGER), "a count is a JSON number");
  const places =
    place === undefined ? {} : { brand: place.brand, product: place.product, productCategory: place.category };
  const sum = decimalText(sumMinor, foreign?.from.scale ?? scale);
  const currency = foreign === undefined ? {} : { currency: foreign.from.currency };
  const told = {
    ...(foreign?.day === undefined ? {} : { day: foreign.day }),
    ...(player === undefined ? {} : { player }),
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
