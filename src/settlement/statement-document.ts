import { z } from "zod";
import { assert, present } from "../kernel/assert.js";
import { canonicalJson } from "../kernel/canonical-json.js";
import { epochSeconds, instantText } from "../kernel/clock.js";
import { decimalText } from "../kernel/money.js";
import type { PaymentDate } from "../periods/calendars/service.js";
import { type ConfigurationDocument, configurationSha256 } from "./document.js";
import { type StatementDocument, statementSchema } from "./statement-schema.js";
import type { KindTotal } from "./terms/activity.js";
import type { TermsResult } from "./terms/calculate.js";
import { exactText } from "./terms/exact.js";
import { publishLine } from "./terms/lines.js";

/** Everything a statement says besides what was calculated. */
export interface StatementHeader {
  readonly tenantId: string;
  readonly partnerId: string;
  readonly statementId: string;
  readonly issuedAt: Date;
  readonly period: { readonly id: string; readonly startsAt: Date; readonly endsAt: Date; readonly timezone: string };
  readonly currency: string;
  /** Decimals of the currency. */
  readonly scale: number;
  readonly configuration: { readonly id: string; readonly version: number; readonly document: ConfigurationDocument };
  /** The one before it in the same currency: its id and the SHA-256 of its compact JWS, in hexadecimal. */
  readonly previousStatement: { readonly id: string; readonly sha256: string } | null;
  /** When it is to be paid; null or absent where the terms do not say. */
  readonly payment?: PaymentDate | null;
}

/** The members of a statement that follow from the others: what verification recomputes. */
export type CalculatedMembers = Pick<
  StatementDocument,
  "hasActivity" | "lines" | "base" | "carryOut" | "earned" | "adjustments" | "payable" | "closing"
>;

/** The JSON document of a statement (`schema/statement.schema.json`), to be signed: same facts, same document. */
export function buildStatementDocument(
  header: StatementHeader,
  totals: readonly KindTotal[],
  result: TermsResult,
): StatementDocument {
  const { period, configuration, scale, payment = null } = header;
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
      timezone: period.timezone,
    },
    currency: header.currency,
    scale,
    configuration: { ...configuration, sha256: configurationSha256(configuration.document) },
    previousStatement: header.previousStatement,
    ...(payment === null ? {} : { payment: { ...payment, closedDays: [...payment.closedDays] } }),
    totals: totalsText(totals, scale),
    opening: decimalText(result.openingMinor, scale),
    carryIn: exactText(result.carryIn, scale),
    ...calculatedMembers(totals, result, scale),
  };
}

/** What the calculation says on a statement, in text. */
export function calculatedMembers(totals: readonly KindTotal[], result: TermsResult, scale: number): CalculatedMembers {
  return {
    hasActivity: totals.some(({ count }) => count > 0n),
    lines: result.lines.map((line) => publishLine(line, scale)),
    base: exactText(result.base, scale),
    carryOut: exactText(result.carryOut, scale),
    earned: decimalText(result.earnedMinor, scale),
    adjustments: decimalText(result.adjustmentsMinor, scale),
    payable: decimalText(result.payableMinor, scale),
    closing: decimalText(result.closingMinor, scale),
  };
}

/** The statement's JSON Schema (draft 2020-12), as published in `schema/statement.schema.json`. */
export function statementJsonSchema(): object {
  return z.toJSONSchema(statementSchema, { io: "input" });
}

/** One row for each kind, fee category and origin, whatever brands and products they came from. */
function totalsText(totals: readonly KindTotal[], scale: number): StatementDocument["totals"] {
  const sums = new Map<string, KindTotal>();
  for (const total of totals) {
    const key = canonicalJson([total.kind, total.category, total.originPeriodId ?? ""]);
    sums.set(key, added(total, sums.get(key)));
  }
  return [...sums.keys()].sort().map((key) => totalText(present(sums.get(key), "a sum"), scale));
}

function added(total: KindTotal, sum: KindTotal | undefined): KindTotal {
  if (sum === undefined) return total;
  const { kind, category, originPeriodId } = total;
  const count = total.count + sum.count;
  return {
    kind,
    category,
    originPeriodId,
    count,
    units: total.units + sum.units,
    sumMinor: total.sumMinor + sum.sumMinor,
  };
}

function totalText({ kind, category, originPeriodId, count, units, sumMinor }: KindTotal, scale: number) {
  assert(count <= BigInt(Number.MAX_SAFE_INTEGER), "a count is a JSON number");
  const sum = decimalText(sumMinor, scale);
  return { kind, category, originPeriodId, count: Number(count), units: units.toString(), sum };
}
