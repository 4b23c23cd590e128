import { canonicalJson } from "../kernel/canonical-json.js";
import { CodedError } from "../kernel/errors.js";
import { isKnownCurrency, scaleOf } from "../kernel/money.js";
import { Rational } from "../kernel/rational.js";
import { isPaymentDate } from "../periods/calendars/service.js";
import { configurationSha256, contractOf, parseConfiguration } from "./document.js";
import { calculatedMembers } from "./statement-document.js";
import { type StatementDocument, statementSchema } from "./statement-schema.js";
import { type KindTotal, unsettledKinds } from "./terms/activity.js";
import { calculate, type TermsInput } from "./terms/calculate.js";
import type { Contract } from "./terms/contract.js";
import { parseExact } from "./terms/exact.js";

const DIFFERENCES_MAX = 100;

/**
 * Computes a statement again from its own totals, configuration, opening and carry, and lists what differs from what
 * it states: `<JSON pointer> …`, at most 100 sentences. None means that every amount on it follows from its terms. The
 * signature, and that the opening is the closing before, are for others to check.
 */
export function recomputeStatement(document: unknown): readonly string[] {
  const parsed = statementSchema.safeParse(document);
  const found = parsed.success
    ? statementDifferences(parsed.data)
    : parsed.error.issues.map(({ path, message }) => `${pointerOf(path)} is refused (${message})`);
  return found.slice(0, DIFFERENCES_MAX);
}

function statementDifferences(statement: StatementDocument): readonly string[] {
  const contract = contractIn(statement);
  if (typeof contract === "string") return [contract];
  const { totals, carryIn, openingMinor, faults } = factsIn(statement);
  if (faults.length > 0) return faults;
  const result = calculate({ contract, totals, carryIn, openingMinor });
  return [
    ...differences(calculatedMembers(totals, result, statement.scale), statement, ""),
    ...paymentFaults(statement),
  ];
}

/** When it is to be paid follows from the terms, the days that are said to have been closed apart. */
function paymentFaults({ payment, configuration }: StatementDocument): readonly string[] {
  const { dueAfterDays, businessDays = null } = parseConfiguration(configuration.document).payout;
  if (payment === undefined) return dueAfterDays === undefined ? [] : ["/payment states nothing, the terms name days"];
  if (payment.afterDays !== dueAfterDays) return ["/payment/afterDays is not that of the terms"];
  if (payment.calendar !== businessDays) return ["/payment/calendar is not that of the terms"];
  if (businessDays === null && payment.closedDays.length > 0) return ["/payment/closedDays are not of the terms"];
  return isPaymentDate(payment) ? [] : ["/payment/on is not so many days later"];
}

/** The contract that the statement embeds, or why it cannot be computed with. */
function contractIn({ configuration, currency, scale }: StatementDocument): Contract | string {
  if (isKnownCurrency(currency) && scaleOf(currency) !== scale) return `/scale is not that of ${currency}`;
  try {
    const document = parseConfiguration(configuration.document);
    const isDigest = configurationSha256(document) === configuration.sha256;
    return isDigest ? contractOf(document, scale) : "/configuration/sha256 is not the digest of the document";
  } catch (error) {
    if (error instanceof CodedError) return `/configuration/document: ${error.message}`;
    throw error;
  }
}

/** What a calculation starts from, as the statement states it, and what of it cannot be read. */
function factsIn(statement: StatementDocument): Omit<TermsInput, "contract"> & { readonly faults: readonly string[] } {
  const { scale } = statement;
  const faults: string[] = [];
  const minorIn = (text: string, pointer: string) => {
    const minor = parseExact(text, scale);
    if (minor?.d !== 1n) faults.push(`${pointer} is not a number of whole minor units`);
    return minor?.n ?? 0n;
  };
  const totals: readonly KindTotal[] = statement.totals.map((total, index) => ({
    ...total,
    count: BigInt(total.count),
    units: BigInt(total.units),
    sumMinor: minorIn(total.sum, `/totals/${index}/sum`),
  }));
  for (const kind of unsettledKinds(totals)) faults.push(`/totals has ${kind}, which no term settles`);
  const carryIn = parseExact(statement.carryIn, scale);
  if (carryIn === null || carryIn.compare(Rational.ZERO) > 0) faults.push("/carryIn is not a number of at most 0");
  const openingMinor = minorIn(statement.opening, "/opening");
  return { totals, carryIn: carryIn ?? Rational.ZERO, openingMinor, faults };
}

/** Where the stated value differs from the computed one; members that only the stated one has are not looked at. */
function differences(computed: unknown, stated: unknown, pointer: string): readonly string[] {
  if (Array.isArray(computed) && Array.isArray(stated) && computed.length !== stated.length) {
    return [`${pointer} has ${stated.length} items, computed are ${computed.length}`];
  }
  if (isObject(computed) && isObject(stated)) {
    return Object.keys(computed).flatMap((name) => differences(computed[name], stated[name], `${pointer}/${name}`));
  }
  return computed === stated ? [] : [`${pointer} states ${textOf(stated)}, computed is ${textOf(computed)}`];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function textOf(value: unknown): string {
  return value === undefined ? "nothing" : canonicalJson(value);
}

function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((name) => `/${String(name)}`).join("") || "/";
}
