import { Temporal } from "temporal-polyfill";
import { canonicalJson } from "../../kernel/canonical-json.js";
import type { StatementDocument, StatementOrigin } from "../statement-schema.js";
import type { Language } from "./entities.js";
import {
  kindLabel,
  type LabelName,
  labelOf,
  lineLabel,
  lineSectionLabel,
  roundingLabel,
  stateLabel,
} from "./labels.js";

/** Everything that a row of any section may say. */
export const COLUMNS = [
  ...(["no", "group", "code", "label", "scope", "count", "units", "formula", "inputs", "result", "amount"] as const),
  ...(["currency", "rounding", "term", "key", "value"] as const),
] as const;

/** One of them. */
export type Column = (typeof COLUMNS)[number];

/** Columns whose cells are numbers as the statement writes them: decimals, or exact values `n/d`. */
export const NUMBER_COLUMNS: ReadonlySet<Column> = new Set(["no", "count", "units", "result", "amount"]);

/** What a section says in one line; every cell is text, an amount exactly as it stands on the statement. */
export type Row = Readonly<Partial<Record<Column, string>>>;

/** A statement's document with what else its signed form (JWS) says. */
export interface SignedStatement {
  readonly document: StatementDocument;
  /** Of the compact JWS, in hexadecimal. */
  readonly sha256: string;
  readonly kid: string;
}

type Line = StatementDocument["lines"][number];
type Total = StatementDocument["totals"][number];
type Correction = NonNullable<StatementDocument["corrections"]>[number];

/** Whose statement it is, of which period, by which terms. */
export function identityRows(document: StatementDocument, language: Language): Row[] {
  const { period, configuration } = document;
  const { timezone: zone } = period;
  const isPart = period.cycleStart !== period.start || period.cycleEnd !== period.end;
  const { name } = configuration.document;
  return facts(language, [
    ["jti", document.jti],
    ["iss", document.iss],
    ["sub", document.sub],
    ["period.id", period.id],
    ["period.start", instantText(period.start, zone)],
    ["period.end", instantText(period.end, zone)],
    ["period.timezone", zone],
    ["period.cycle", isPart ? `${instantText(period.cycleStart, zone)} / ${instantText(period.cycleEnd, zone)}` : null],
    ["statementCurrency", document.currency],
    ["iat", instantText(new Date(document.iat * 1000).toISOString(), zone)],
    ["configuration.name", typeof name === "string" ? name : null],
    ["configuration.version", `${configuration.version} (${configuration.id})`],
    ["hasActivity", labelOf(document.hasActivity ? "yes" : "noActivity", language)],
  ]);
}

/** From the opening to the closing balance. */
export function balanceRows(document: StatementDocument, language: Language): Row[] {
  const names = ["opening", "earned", "adjustments", "reserveHeld", "reserveReleased", "payable", "closing"] as const;
  return names.map((name) => amountRow(document, name, language));
}

/** What else readers look for. */
export function figureRows(document: StatementDocument, language: Language): Row[] {
  const { lines, currency, creditMet } = document;
  const paidOut = lines.filter(({ code }) => code === "PAID_OUT");
  return [
    ...(creditMet === undefined
      ? []
      : [{ code: "creditMet", label: labelOf("creditMet", language), amount: creditMet, currency }]),
    amountRow(document, "taxWithheld", language),
    ...paidOut.map((line) => ({ code: line.code, label: lineLabel(line, language), amount: line.result, currency })),
    ...(["base", "carryIn", "carryOut"] as const).map((name) => amountRow(document, name, language)),
  ];
}

type AmountName = "opening" | "earned" | "adjustments" | "reserveHeld" | "reserveReleased" | "payable" | "closing";

function amountRow(
  document: StatementDocument,
  name: AmountName | "taxWithheld" | "base" | "carryIn" | "carryOut",
  language: Language,
): Row {
  return { code: name, label: labelOf(name, language), amount: document[name], currency: document.currency };
}

/** When it is to be paid; nothing where the terms do not say. */
export function paymentRows({ payment }: StatementDocument, language: Language): Row[] {
  if (payment === undefined) return [];
  return facts(language, [
    ["payment.on", payment.on],
    ["payment.from", payment.from],
    ["payment.afterDays", String(payment.afterDays)],
    ["payment.calendar", payment.calendar ?? labelOf("everyDay", language)],
    ["payment.closedDays", payment.closedDays.length === 0 ? null : payment.closedDays.join(", ")],
  ]);
}

/** Lines in their order, numbered from 1; the part they belong to is told, after what they are a part of themselves. */
export function lineRows(lines: readonly Line[], currency: string, language: Language, within = ""): Row[] {
  return lines.map((line, index) => {
    const { code, section, scope, description: _, formula, inputs, result, amount, rounding, term, ...others } = line;
    return {
      ...{ no: String(index + 1), group: within + lineSectionLabel(section, language), code },
      ...{ label: lineLabel(line, language), scope, formula, inputs: pairsText(inputs, " = "), result, currency },
      ...(amount === null ? {} : { amount }),
      ...(rounding === null ? {} : { rounding: roundingText(rounding, language) }),
      ...(term === null ? {} : { term }),
      value: pairsText(others, " = "),
    };
  });
}

/** Totals with the dimensions by which they are told apart. */
export function totalRows(totals: readonly Total[], own: string, language: Language, within = {}): Row[] {
  return totals.map(({ kind, category, originPeriodId, count, units, sum, currency = own, ...places }) => {
    const categories = kind === "ADJUSTMENT" ? { dispute: category } : { feeCategory: category };
    const dimensions = { ...within, ...categories, ...places, originPeriod: originPeriodId ?? "" };
    const told = Object.fromEntries(Object.entries(dimensions).filter(([, value]) => value !== ""));
    return {
      ...{ code: kind, label: kindLabel(kind, language), count: String(count), units, amount: sum, currency },
      scope: pairsText(told, "="),
    };
  });
}

/** Disputes that adjustments put right: of which statement, which lines (numbered as they are shown), and why. */
export function correctionRows({ corrections = [] }: StatementDocument, language: Language): Row[] {
  return corrections.map(({ dispute, statement, lines, reason, amount, currency }) => {
    const numbers = lines.map((line) => line + 1).join(", ");
    return {
      ...{ code: dispute, label: dispute, scope: `${statement.id}, ${labelOf("no", language)} ${numbers}` },
      ...{ value: reason, amount, currency },
    };
  });
}

/** The lots of prepaid credit as the statement found them, in the order of drawing: what was left, and its story. */
export function lotRows({ credit, currency, period }: StatementDocument, language: Language): Row[] {
  return (credit?.lots ?? []).map((lot) => {
    const until = lot.expiresAt === null ? null : instantText(lot.expiresAt, period.timezone);
    const place: readonly Told[] = [
      ["priority", lot.priority],
      ["expiresAt", until],
    ];
    const story = LOT_STORY.map((name): Told => [name, lot[name]]);
    return {
      ...{ code: String(lot.no), label: `${lot.lot}#${lot.no}`, scope: toldText(place, language) },
      ...{ value: toldText(story, language), amount: lot.remaining, currency },
    };
  });
}

const LOT_STORY = ["face", "cost", "settled", "drawn", "expired", "lastDrawn", "isBought", "isTakenBack"] as const;

type Told = readonly [name: LabelName, fact: string | number | boolean | null];

/** Facts by name; what is so is told by its name alone, and what is not, or not known, is not told. */
function toldText(facts: readonly Told[], language: Language): string {
  return facts
    .filter(([, fact]) => fact !== null && fact !== false)
    .map(([name, fact]) => labelOf(name, language) + (fact === true ? "" : ` ${fact}`))
    .join("; ");
}

/** Rates, each of one currency into another. */
export function conversionRows(conversions: StatementDocument["conversions"] = []): Row[] {
  return conversions.flatMap(({ rates, from: _from, scale: _scale, ...others }) =>
    rates.map(({ rate, base, quote, source, asOf, type }) => {
      const value = [source, type, asOf, ...Object.values(others).map(plainText)].join(", ");
      return { code: `${base}/${quote}`, label: `1 ${base} = ${rate} ${quote}`, result: rate, value };
    }),
  );
}

/** What is carried, as it stood at some time. */
export function stateRows(state: StatementDocument["state"]["opening"], group: string, language: Language): Row[] {
  return state.map(({ name, scope, key, value }) => {
    return { group, code: name, label: stateLabel(name, language), scope, key, result: value };
  });
}

/** What the statement rests on, and how it is verified. */
export function evidenceRows({ document, sha256, kid }: SignedStatement, language: Language): Row[] {
  const { configuration, previousStatement: previous, transactions } = document;
  return facts(language, [
    ["original", labelOf("originalText", language)],
    ["sha256", sha256],
    ["kid", kid],
    ["configuration.sha256", configuration.sha256],
    ["previousStatement.id", previous?.id ?? labelOf("first", language)],
    ["previousStatement.sha256", previous?.sha256 ?? null],
    ["transactions.batches", transactions === undefined ? null : String(transactions.batches)],
    ["transactions.root", transactions?.root ?? null],
    ...(document.origins ?? []).map((origin): Fact => ["origin", originText(origin)]),
    ...(document.corrections ?? []).map((correction): Fact => ["correction", correctionText(correction)]),
    ["verify", `quittance verify statement ${document.jti}.jws --jwks jwks.json`],
  ]);
}

function originText({ period, statement, configuration: { id, version, sha256 } }: StatementOrigin): string {
  const settled = statement === null ? "" : `, ${statement.id} (SHA-256 ${statement.sha256})`;
  return `${period.id}${settled}, ${id} (${version}, SHA-256 ${sha256})`;
}

function correctionText({ dispute, disputeSha256, statement: { id, sha256 } }: Correction): string {
  return `${dispute} (SHA-256 ${disputeSha256}), ${id} (SHA-256 ${sha256})`;
}

/** Members that a statement has besides those that a section of their own shows. */
export function otherRows(document: StatementDocument): Row[] {
  return Object.entries(document)
    .filter(([name]) => !SHOWN.has(name))
    .map(([name, value]) => ({ code: name, label: name, value: plainText(value) }));
}

const SHOWN: ReadonlySet<string> = new Set([
  ...["v", "iss", "sub", "jti", "iat", "period", "currency", "scale", "configuration", "previousStatement"],
  ...["hasActivity", "totals", "transactions", "conversions", "opening", "state", "carryIn", "lines", "base"],
  ...["carryOut", "earned", "adjustments", "reserveHeld", "reserveReleased", "payable", "taxWithheld", "payment"],
  ...["closing", "origins", "creditMet", "corrections", "credit"],
]);

type Fact = readonly [name: LabelName, value: string | null];

function facts(language: Language, all: readonly Fact[]): Row[] {
  return all.flatMap(([code, value]) => (value === null ? [] : [{ code, label: labelOf(code, language), value }]));
}

function roundingText({ mode, stage, scale }: { mode: string; stage: string; scale?: number }, language: Language) {
  const parts = [roundingLabel(mode, language), roundingLabel(stage, language)];
  return [...parts, ...(scale === undefined ? [] : [`scale ${scale}`])].join(", ");
}

function pairsText(values: object, mark: string): string {
  return Object.entries(values)
    .map(([name, value]) => name + mark + plainText(value))
    .join("; ");
}

function plainText(value: unknown): string {
  return typeof value === "string" ? value : canonicalJson(value);
}

/** `2026-03-02 00:00+09:00`, with as much of a second as there is. */
export function instantText(instant: string, zone: string): string {
  const at = local(instant, zone);
  const precision = at.millisecond !== 0 ? "millisecond" : at.second !== 0 ? "second" : "minute";
  return at.toString({ smallestUnit: precision, timeZoneName: "never" }).replace("T", " ");
}

/** An instant by the clocks of a zone. */
export function local(instant: string, zone: string): Temporal.ZonedDateTime {
  return Temporal.Instant.from(instant).toZonedDateTimeISO(zone);
}
