import type { StatementDocument } from "../statement-schema.js";
import type { Language } from "./entities.js";
import { labelOf } from "./labels.js";
import {
  balanceRows,
  type Column,
  conversionRows,
  correctionRows,
  evidenceRows,
  figureRows,
  identityRows,
  instantText,
  lineRows,
  local,
  lotRows,
  otherRows,
  paymentRows,
  type Row,
  type SignedStatement,
  stateRows,
  totalRows,
} from "./rows.js";

/** The parts of a statement in the order in which they are read. */
export type SectionName =
  | ("STATEMENT" | "BALANCE" | "FIGURES" | "PAYMENT" | "LINES" | "TOTALS")
  | ("CORRECTIONS" | "CREDIT" | "CONVERSIONS" | "STATE" | "ORIGINS" | "EVIDENCE" | "OTHER");

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
    section("LINES", LINE_COLUMNS, lineRows(document.lines, document.currency, language)),
    section(
      "TOTALS",
      ["code", "label", "scope", "count", "units", "amount", "currency"],
      activityRows(document, language),
    ),
    section("CORRECTIONS", ["label", "scope", "value", "amount", "currency"], correctionRows(document, language)),
    section("CREDIT", ["label", "scope", "value", "amount", "currency"], lotRows(document, language)),
    section("CONVERSIONS", ["label", "result", "value"], ratesIn(document)),
    section("STATE", ["group", "code", "label", "scope", "key", "result"], carriedRows(document, language)),
    section("ORIGINS", LINE_COLUMNS, originRows(document, language)),
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

/** What was posted into the period, and into those that its late items belong to. */
function activityRows({ totals, currency, origins = [] }: StatementDocument, language: Language): Row[] {
  const ofOrigins = origins.flatMap(({ period, totals: posted, late }) => [
    ...totalRows(posted, currency, language, { settledBy: period.id }),
    ...totalRows(late, currency, language, { settledLateFor: period.id }),
  ]);
  return [...totalRows(totals, currency, language), ...ofOrigins];
}

function ratesIn({ conversions, origins = [] }: StatementDocument): Row[] {
  return [...conversionRows(conversions), ...origins.flatMap((origin) => conversionRows(origin.conversions))];
}

function carriedRows({ state, origins = [] }: StatementDocument, language: Language): Row[] {
  const opening = labelOf("state.opening", language);
  return [
    ...stateRows(state.opening, opening, language),
    ...stateRows(state.closing, labelOf("state.closing", language), language),
    ...origins.flatMap((origin) => stateRows(origin.state.opening, `${opening}, ${spanOf(origin.period)}`, language)),
  ];
}

/** Each period that late items belong to, computed without them and with them. */
function originRows({ origins = [], currency }: StatementDocument, language: Language): Row[] {
  return origins.flatMap(({ period, settled, lines }) =>
    (
      [
        ["origin.settled", settled],
        ["origin.lines", lines],
      ] as const
    ).flatMap(([name, each]) => lineRows(each, currency, language, `${spanOf(period)}, ${labelOf(name, language)}: `)),
  );
}

/** `2026-03-02 – 2026-03-08` where it is made of whole days, with instants where it is not. */
function spanOf({ start, end, timezone }: Period): string {
  const [from, until] = [local(start, timezone), local(end, timezone)];
  const isWhole = [from, until].every((instant) => instant.equals(instant.startOfDay()));
  if (!isWhole) return `${instantText(start, timezone)} – ${instantText(end, timezone)}`;
  const [first, last] = [from.toPlainDate(), until.toPlainDate().subtract({ days: 1 })];
  return first.equals(last) ? first.toString() : `${first.toString()} – ${last.toString()}`;
}
