import { Temporal } from "temporal-polyfill";
import { canonicalJson } from "../../kernel/canonical-json.js";
import type { StatementDocument } from "../statement-schema.js";
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

/** The parts of a statement in the order in which they are read. */
export type SectionName =
  | ("STATEMENT" | "BALANCE" | "FIGURES" | "PAYMENT" | "LINES" | "TOTALS")
  | ("CONVERSIONS" | "STATE" | "EVIDENCE" | "OTHER");

/** One part of a statement as a table. */
export interface Section {
  readonly name: SectionName;
  readonly title: string;
  /** The columns for people; a row's code besides is for programs. */
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
}

/** A statement as it is shown in one language, whatever the format: nothing on it but what was signed. */
export interface Sheet {
  readonly language: Language;
  readonly title: string;
  /** Its days in the partner's zone; instants where it begins or ends within one. */
  readonly span: string;
  readonly document: StatementDocument;
  /** Only those that have rows. */
  readonly sections: readonly Section[];
}

/** A statement's document with what else its signed form (JWS) says. */
export interface SignedStatement {
  readonly document: StatementDocument;
  /** Of the compact JWS, in hexadecimal. */
  readonly sha256: string;
  readonly kid: string;
}

/** What is to be shown of a statement, in the words of a language: the same statement, the same sheet. */
export function sheetOf(signed: SignedStatement, language: Language): Sheet {
  const { document } = signed;
  const section = (name: SectionName, columns: readonly Column[], rows: readonly Row[]): Section => {
    return { name, title: labelOf(name, language), columns, rows };
  };
  const sections = [
    section("STATEMENT", ["label", "value"], identityRows(document, language)),
    section("BALANCE", ["label", "amount", "currency"], balanceRows(document, language)),
    section("FIGURES", ["label", "amount", "currency"], figureRows(document, language)),
    section("PAYMENT", ["label", "value"], paymentRows(document, language)),
    section("LINES", LINE_COLUMNS, lineRows(document, language)),
    section(
      "TOTALS",
      ["code", "label", "scope", "count", "units", "amount", "currency"],
      totalRows(document, language),
    ),
    section("CONVERSIONS", ["label", "result", "value"], conversionRows(document)),
    section("STATE", ["group", "code", "label", "scope", "key", "result"], stateRows(document, language)),
    section("EVIDENCE", ["label", "value"], evidenceRows(signed, language)),
    section("OTHER", ["label", "value"], otherRows(document)),
  ];
  return {
    language,
    title: labelOf("title", language),
    span: spanOf(document.period),
    document,
    sections: sections.filter(({ rows }) => rows.length > 0),
  };
}

const LINE_COLUMNS: readonly Column[] = [
  ...(["no", "group", "code", "label", "scope", "formula", "inputs", "result", "amount", "rounding", "term"] as const),
  "value",
];

/** A name for a file with a statement's rendition, without its ending. */
export function fileNameOf({ period, currency, jti }: StatementDocument): string {
  const day = (instant: string) => local(instant, period.timezone).toPlainDate().toString();
  return `statement-${day(period.start)}-${currency}-${jti}`;
}

type Period = StatementDocument["period"];

function identityRows(document: StatementDocument, language: Language): Row[] {
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

function balanceRows(document: StatementDocument, language: Language): Row[] {
  const names = ["opening", "earned", "adjustments", "reserveHeld", "reserveReleased", "payable", "closing"] as const;
  return names.map((name) => amountRow(document, name, language));
}

function figureRows(document: StatementDocument, language: Language): Row[] {
  const { lines, currency } = document;
  const paidOut = lines.filter(({ code }) => code === "PAID_OUT");
  return [
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

function paymentRows({ payment }: StatementDocument, language: Language): Row[] {
  if (payment === undefined) return [];
  return facts(language, [
    ["payment.on", payment.on],
    ["payment.from", payment.from],
    ["payment.afterDays", String(payment.afterDays)],
    ["payment.calendar", payment.calendar ?? labelOf("everyDay", language)],
    ["payment.closedDays", payment.closedDays.length === 0 ? null : payment.closedDays.join(", ")],
  ]);
}

function lineRows({ lines, currency }: StatementDocument, language: Language): Row[] {
  return lines.map((line, index) => {
    const { code, section, scope, description: _, formula, inputs, result, amount, rounding, term, ...others } = line;
    return {
      ...{ no: String(index + 1), group: lineSectionLabel(section, language), code, label: lineLabel(line, language) },
      ...{ scope, formula, result, currency },
      inputs: Object.entries(inputs)
        .map(([name, value]) => `${name} = ${value}`)
        .join("; "),
      ...(amount === null ? {} : { amount }),
      ...(rounding === null ? {} : { rounding: roundingText(rounding, language) }),
      ...(term === null ? {} : { term }),
      value: Object.entries(others)
        .map(([name, value]) => `${name} = ${plainText(value)}`)
        .join("; "),
    };
  });
}

function totalRows({ totals, currency: own }: StatementDocument, language: Language): Row[] {
  return totals.map(({ kind, category, originPeriodId, count, units, sum, currency = own, ...places }) => {
    const dimensions = Object.entries({ feeCategory: category, ...places, originPeriod: originPeriodId ?? "" });
    return {
      ...{ code: kind, label: kindLabel(kind, language), count: String(count), units, amount: sum, currency },
      scope: dimensions
        .filter(([, value]) => value !== "")
        .map(([name, value]) => `${name}=${value}`)
        .join("; "),
    };
  });
}

function conversionRows({ conversions = [] }: StatementDocument): Row[] {
  return conversions.flatMap(({ rates }) =>
    rates.map(({ rate, base, quote, source, asOf, type }) => {
      const pair = `${base}/${quote}`;
      return { code: pair, label: `1 ${base} = ${rate} ${quote}`, result: rate, value: `${source}, ${type}, ${asOf}` };
    }),
  );
}

function stateRows({ state }: StatementDocument, language: Language): Row[] {
  return (["opening", "closing"] as const).flatMap((when) =>
    state[when].map(({ name, scope, key, value }) => {
      const group = labelOf(`state.${when}`, language);
      return { group, code: name, label: stateLabel(name, language), scope, key, result: value };
    }),
  );
}

function evidenceRows({ document, sha256, kid }: SignedStatement, language: Language): Row[] {
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
    ["verify", `quittance verify statement ${document.jti}.jws --jwks jwks.json`],
  ]);
}

/** Members that a statement has besides those that a section of their own shows. */
function otherRows(document: StatementDocument): Row[] {
  return Object.entries(document)
    .filter(([name]) => !SHOWN.has(name))
    .map(([name, value]) => ({ code: name, label: name, value: plainText(value) }));
}

const SHOWN: ReadonlySet<string> = new Set([
  ...["v", "iss", "sub", "jti", "iat", "period", "currency", "scale", "configuration", "previousStatement"],
  ...["hasActivity", "totals", "transactions", "conversions", "opening", "state", "carryIn", "lines", "base"],
  ...["carryOut", "earned", "adjustments", "reserveHeld", "reserveReleased", "payable", "taxWithheld", "payment"],
  "closing",
]);

type Fact = readonly [name: LabelName, value: string | null];

function facts(language: Language, all: readonly Fact[]): Row[] {
  return all.flatMap(([code, value]) => (value === null ? [] : [{ code, label: labelOf(code, language), value }]));
}

function roundingText({ mode, stage, scale }: { mode: string; stage: string; scale?: number }, language: Language) {
  const parts = [roundingLabel(mode, language), roundingLabel(stage, language)];
  return [...parts, ...(scale === undefined ? [] : [`scale ${scale}`])].join(", ");
}

function plainText(value: unknown): string {
  return typeof value === "string" ? value : canonicalJson(value);
}

/** `2026-03-02 – 2026-03-08` where it is made of whole days, with instants where it is not. */
function spanOf({ start, end, timezone }: Period): string {
  const [from, until] = [local(start, timezone), local(end, timezone)];
  const isWhole = [from, until].every((instant) => instant.equals(instant.startOfDay()));
  if (!isWhole) return `${instantText(start, timezone)} – ${instantText(end, timezone)}`;
  const [first, last] = [from.toPlainDate(), until.toPlainDate().subtract({ days: 1 })];
  return first.equals(last) ? first.toString() : `${first.toString()} – ${last.toString()}`;
}

/** `2026-03-02 00:00+09:00`, with as much of a second as there is. */
function instantText(instant: string, zone: string): string {
  const at = local(instant, zone);
  const precision = at.millisecond !== 0 ? "millisecond" : at.second !== 0 ? "second" : "minute";
  return at.toString({ smallestUnit: precision, timeZoneName: "never" }).replace("T", " ");
}

function local(instant: string, zone: string): Temporal.ZonedDateTime {
  return Temporal.Instant.from(instant).toZonedDateTimeISO(zone);
}
