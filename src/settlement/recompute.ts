import { present } from "../kernel/assert.js";
import { canonicalJson } from "../kernel/canonical-json.js";
import { CodedError } from "../kernel/errors.js";
import { isKnownCurrency, scaleOf } from "../kernel/money.js";
import { Rational } from "../kernel/rational.js";
import { isPaymentDate } from "../periods/calendars/service.js";
import { configurationSha256, parseConfiguration } from "./document.js";
import { contractOf, conversionOf, payoutIn } from "./document-contract.js";
import { calculatedMembers } from "./statement-document.js";
import { type StatementDocument, statementSchema } from "./statement-schema.js";
import { type KindTotal, unsettledKinds } from "./terms/activity.js";
import { calculate, type TermsInput } from "./terms/calculate.js";
import type { Contract } from "./terms/contract.js";
import { isCorrection } from "./terms/dues.js";
import { parseExact } from "./terms/exact.js";
import { type CurrencyUnit, type ExchangeRate, type Foreign, faultOfRates } from "./terms/fx.js";
import { type PeriodDays, periodDays } from "./terms/period.js";
import { type State, StateName } from "./terms/state.js";

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
  const { totals, state, openingMinor, faults } = factsIn(statement);
  if (faults.length > 0) return faults;
  const period = daysIn(statement);
  if (typeof period === "string") return [period];
  const result = calculate({ contract, totals, state, openingMinor, period });
  return [
    ...differences(calculatedMembers(totals, result, statement.scale), statement, ""),
    ...paymentFaults(statement),
    ...correctionFaults(statement),
  ];
}

/** Every adjustment of a dispute says where it comes from, and no more is said than was adjusted. */
function correctionFaults({ totals, corrections = [], currency }: StatementDocument): readonly string[] {
  const posted = totals
    .filter(isCorrection)
    .map((total) => `${total.category} ${total.currency ?? currency} ${total.sum}`)
    .sort();
  const said = corrections.map((each) => `${each.dispute} ${each.currency} ${each.amount}`).sort();
  return canonicalJson(posted) === canonicalJson(said) ? [] : ["/corrections are not the adjustments of disputes"];
}

/** When it is to be paid follows from the terms, the days that are said to have been closed apart. */
function paymentFaults({ payment, configuration, currency }: StatementDocument): readonly string[] {
  const { dueAfterDays, businessDays = null } = payoutIn(parseConfiguration(configuration.document), currency);
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
    return isDigest
      ? contractOf(document, { currency, scale })
      : "/configuration/sha256 is not the digest of the document";
  } catch (error) {
    if (error instanceof CodedError) return `/configuration/document: ${error.message}`;
    throw error;
  }
}

/** What a calculation starts from, as the statement states it, and what of it cannot be read. */
function factsIn(
  statement: StatementDocument,
): Pick<TermsInput, "totals" | "state" | "openingMinor"> & { readonly faults: readonly string[] } {
  const { scale } = statement;
  const { conversions, faults: found } = conversionsIn(statement);
  const faults: string[] = [...found];
  const minorIn = (text: string, pointer: string, decimals = scale) => {
    const minor = parseExact(text, decimals);
    if (minor?.d !== 1n) faults.push(`${pointer} is not a number of whole minor units`);
    return minor?.n ?? 0n;
  };
  const totals: readonly KindTotal[] = statement.totals.map(({ kind, category, originPeriodId, ...total }, index) => {
    const foreign = total.currency === undefined ? undefined : conversions.get(total.currency);
    if (total.currency !== undefined && foreign === undefined) faults.push(`/totals/${index}/currency has no rates`);
    return {
      ...{ kind, category, originPeriodId, count: BigInt(total.count), units: BigInt(total.units) },
      sumMinor: minorIn(total.sum, `/totals/${index}/sum`, foreign?.from.scale),
      place: placeOf(total),
      foreign,
    };
  });
  for (const kind of unsettledKinds(totals)) faults.push(`/totals has ${kind}, which no term settles`);
  const state: State = statement.state.opening.map(({ value, ...item }, index) => {
    const exact = parseExact(value, scale);
    if (exact === null || !isPossible(item.name, exact)) faults.push(`/state/opening/${index}/value cannot be`);
    return { ...item, value: exact ?? Rational.ZERO };
  });
  const openingMinor = minorIn(statement.opening, "/opening");
  return { totals, state, openingMinor, faults };
}

/** The conversions that a statement states, by currency, and what of them is not as its terms say. */
function conversionsIn({ conversions = [], configuration, currency, scale, period }: StatementDocument) {
  const document = parseConfiguration(configuration.document);
  const faults: string[] = [];
  const found = conversions.map(({ from, scale: decimals, rates }, index): readonly [string, Foreign] => {
    const fx = conversionOf(document, from);
    const foreign = foreignOf(rates, { currency: from, scale: decimals }, { currency, scale });
    const isStated = fx?.to === currency && rates.every(({ type, source }) => type === fx.type && source === fx.source);
    const isWithin = rates.every(({ asOf }) => asOf > period.start && asOf <= period.end);
    const through = fx?.triangulateBy ?? null;
    const isDeclared = rates.length === 1 || rates[0]?.quote === through;
    const isKnown = !isKnownCurrency(from) || scaleOf(from) === decimals;
    const isRight = isStated && isWithin && isDeclared && isKnown && faultOfRates(foreign) === null;
    if (!isRight) faults.push(`/conversions/${index} is not by the rates that the terms name`);
    return [from, foreign];
  });
  return { conversions: new Map(found), faults };
}

type Rates = NonNullable<StatementDocument["conversions"]>[number]["rates"];

function foreignOf(rates: Rates, from: CurrencyUnit, into: CurrencyUnit): Foreign {
  const [first, second] = rates.map(({ rate, asOf, ...exchange }): ExchangeRate => {
    return { ...exchange, asOf: new Date(asOf), rate: Rational.parse(rate) ?? Rational.ZERO };
  });
  const one = present(first, "at least one rate");
  return { from, into, exchanges: second === undefined ? [one] : [one, second] };
}

type Total = StatementDocument["totals"][number];

const NEGATIVE: ReadonlySet<StateName> = new Set([StateName.CARRY, StateName.WINDOW_CARRY]);
const WHOLE: ReadonlySet<StateName> = new Set([
  ...[StateName.RESERVE, StateName.ADVANCE_EARNED, StateName.ADVANCE_INSTALMENTS],
]);

/** Carries are at most zero; reserves and advances are whole minor units. */
function isPossible(name: StateName, value: Rational): boolean {
  return NEGATIVE.has(name) ? value.compare(Rational.ZERO) <= 0 : !WHOLE.has(name) || value.d === 1n;
}

function placeOf({ brand, product, productCategory }: Pick<Total, "brand" | "product" | "productCategory">) {
  if ((brand ?? product ?? productCategory) === undefined) return undefined;
  return { brand: brand ?? "", product: product ?? "", category: productCategory ?? "" };
}

/** The local dates of the period and of its cycle's stretch, or why there are none. */
function daysIn({ period }: StatementDocument): PeriodDays | string {
  const { timezone, ...instants } = period;
  const [startsAt, endsAt] = [new Date(instants.start), new Date(instants.end)];
  const [cycleStartsAt, cycleEndsAt] = [new Date(instants.cycleStart), new Date(instants.cycleEnd)];
  const isPart = cycleStartsAt <= startsAt && startsAt < endsAt && endsAt <= cycleEndsAt;
  if (!isPart) return "/period is not a part of its cycle's stretch";
  try {
    return periodDays({ startsAt, endsAt, cycleStartsAt, cycleEndsAt, timezone });
  } catch (error) {
    if (error instanceof RangeError) return "/period is not a stretch of time in a zone";
    throw error;
  }
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
