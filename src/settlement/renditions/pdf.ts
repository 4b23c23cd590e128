import { labelOf } from "./labels.js";
import { COLOR, PAGE, Pages, type Strip, type Style } from "./pdf-page.js";
import type { Column, Row } from "./rows.js";
import type { Section, Sheet } from "./sheet.js";

const WIDTH = PAGE.width - 2 * PAGE.side;
const TITLE: Style = { weight: "bold", size: 22, color: COLOR.ink };
const HEADING: Style = { weight: "bold", size: 12, color: COLOR.ink };
const TEXT: Style = { weight: "regular", size: 9, color: COLOR.ink };
const STRONG: Style = { ...TEXT, weight: "bold" };
const FIGURE: Style = { ...STRONG, size: 15 };
const QUIET: Style = { ...TEXT, size: 7.5, color: COLOR.grey };
const HEAD: Style = { ...QUIET, weight: "bold" };
const GAP = 10;
/** Longer exact values stand below their line, over its whole width. */
const RESULT_CHARACTERS_MAX = 40;
const DECIMAL = /^(-?)(\d+)(\.\d+)?$/;

/** The columns of a table of a section, each with its share of the width; those of numbers stand at the right. */
const TABLES: Readonly<Partial<Record<Section["name"], readonly (readonly [Column, number])[]>>> = {
  TOTALS: [["label", 0.22], ["scope", 0.28], ["count", 0.12], ["units", 0.1], ["amount", 0.2], ["currency", 0.08]],
  CONVERSIONS: [["label", 0.5], ["value", 0.5]],
  STATE: [["group", 0.1], ["label", 0.28], ["scope", 0.18], ["key", 0.22], ["result", 0.22]],
}; // biome-ignore format: a table reads best by section
const AMOUNTS: ReadonlySet<Section["name"]> = new Set(["BALANCE", "FIGURES"]);
const NOTES: ReadonlySet<Section["name"]> = new Set(["CORRECTIONS", "CREDIT"]);
const RIGHT: ReadonlySet<Column> = new Set(["count", "units", "result", "amount"]);

/** A statement as PDF 1.7 on A4, tagged, with its face embedded as far as it is used. Same sheet, same bytes. */
export async function pdfOf(sheet: Sheet): Promise<Uint8Array> {
  const { title, language, document } = sheet;
  const date = new Date(document.iat * 1000);
  const pages = new Pages({ title: `${title} ${document.jti}`, lang: language, date });
  writeOpening(pages, sheet);
  for (const section of sheet.sections) writeSection(pages, sheet, section);
  return pages.finish((number, count) => [
    { left: 0, width: WIDTH / 2, text: document.jti, style: QUIET },
    { left: WIDTH / 2, width: WIDTH / 2, text: `${number} / ${count}`, style: QUIET, isRight: true },
  ]);
}

/** Title, period, and the three figures that most readers want. */
function writeOpening(pages: Pages, { title, span, document, language }: Sheet): void {
  pages.write("H1", title, TITLE);
  pages.write("P", `${span} (${document.period.timezone})`, { ...STRONG, size: 11 });
  if (!document.hasActivity) pages.write("P", labelOf("noActivity", language), { ...TEXT, size: 11 });
  pages.skip(GAP);
  const names = ["opening", "payable", "closing"] as const;
  const titles = { opening: "opening", payable: "released", closing: "closing" } as const;
  const width = (WIDTH - 2 * GAP) / 3;
  const at = (index: number) => ({ left: index * (width + GAP), width });
  const figures = names.map((name) => grouped(document[name]));
  const size = Math.min(FIGURE.size, ...figures.map((text) => (FIGURE.size * width) / pages.widthOf(text, FIGURE)));
  const head = names.map((name, index) => {
    return { ...at(index), text: `${labelOf(titles[name], language)} (${document.currency})`, style: QUIET };
  });
  const row = figures.map((text, index) => ({ ...at(index), text, style: { ...FIGURE, size: Math.max(size, 5) } }));
  pages.shade(46);
  pages.skip(5);
  pages.table([[head, row]], { isRuled: false });
  pages.skip(GAP);
}

function writeSection(pages: Pages, sheet: Sheet, section: Section): void {
  pages.skip(2 * GAP);
  pages.reserve(90); // a heading with some rows below it
  pages.write("H2", section.title, HEADING);
  pages.skip(4);
  const columns = TABLES[section.name];
  if (section.name === "LINES" || section.name === "ORIGINS") writeLines(pages, sheet, section);
  else if (AMOUNTS.has(section.name)) pages.table(section.rows.map(balanceRow));
  else if (NOTES.has(section.name)) pages.table(section.rows.map(noteRow));
  else if (columns === undefined) pages.table(section.rows.map(factRow), { isRuled: false });
  else writeTable(pages, sheet, columns, section.rows);
}

function factRow({ label = "", value = "" }: Row): Strip[] {
  return [
    [
      { left: 0, width: 150, text: label, style: { ...TEXT, color: COLOR.grey } },
      { left: 160, width: WIDTH - 160, text: value, style: TEXT },
    ],
  ];
}

function balanceRow({ code = "", label = "", amount = "" }: Row): Strip[] {
  const style = code === "opening" || code === "closing" ? STRONG : TEXT;
  return [
    [
      { left: 0, width: 240, text: label, style },
      { left: 250, width: WIDTH - 250, text: grouped(amount), style, isRight: true },
    ],
  ];
}

function writeTable(
  pages: Pages,
  { language }: Sheet,
  columns: readonly (readonly [Column, number])[],
  rows: readonly Row[],
): void {
  const places = columns.map(([column, share], index) => {
    const before = columns.slice(0, index).reduce((sum, [, each]) => sum + each, 0);
    return { column, left: before * WIDTH, width: share * WIDTH - 6, isRight: RIGHT.has(column) };
  });
  const head = places.map(({ column, ...place }) => ({ ...place, text: labelOf(column, language), style: HEAD }));
  const bodies = rows.map((row) => [
    places.map(({ column, ...place }) => {
      const text = row[column] ?? "";
      return { ...place, text: RIGHT.has(column) ? grouped(text) : text, style: TEXT };
    }),
  ]);
  pages.table(bodies, { head });
}

const NUMBER_WIDTH = 26;
const AMOUNT_WIDTH = 105;
const NUMBER = { left: 0, width: NUMBER_WIDTH };
const BODY = { left: NUMBER_WIDTH, width: WIDTH - NUMBER_WIDTH - 2 * AMOUNT_WIDTH - GAP };
const RESULT = { left: WIDTH - 2 * AMOUNT_WIDTH, width: AMOUNT_WIDTH - 6, isRight: true };
const AMOUNT = { left: WIDTH - AMOUNT_WIDTH, width: AMOUNT_WIDTH, isRight: true };

/** A line's name and numbers, and below these how they came about. */
function writeLines(pages: Pages, { language }: Sheet, { rows }: Section): void {
  const head: Strip = [
    { ...NUMBER, text: labelOf("no", language), style: HEAD },
    { ...BODY, text: labelOf("label", language), style: HEAD },
    { ...RESULT, text: labelOf("result", language), style: HEAD },
    { ...AMOUNT, text: labelOf("amount", language), style: HEAD },
  ];
  const name = (column: Column) => labelOf(column, language);
  pages.table(
    rows.map((row) => lineRow(row, name)),
    { head },
  );
}

function lineRow(row: Row, name: (column: Column) => string): Strip[] {
  const { no = "", group = "", label = "", scope = "", result = "", amount = "" } = row;
  const isLong = result.length > RESULT_CHARACTERS_MAX;
  const style = amount === "" ? TEXT : STRONG;
  const named = (column: Column) => (row[column] ? [`${name(column)}: ${row[column]}`] : []);
  const below = [
    ...(isLong ? named("result") : []),
    ...named("formula"),
    ...named("inputs"),
    [group, ...named("rounding"), ...named("term"), ...named("value")].join(" · "),
  ];
  return [
    [
      { ...NUMBER, text: no, style: QUIET },
      { ...BODY, text: scope === "" ? label : `${label} · ${scope}`, style },
      { ...RESULT, text: isLong ? "" : grouped(result), style: TEXT },
      { ...AMOUNT, text: grouped(amount), style },
    ],
    ...below.map((text) => [
      { ...BODY, width: WIDTH - NUMBER_WIDTH - (isLong ? 0 : AMOUNT_WIDTH), text, style: QUIET },
    ]),
  ];
}

/** What an amount is of, and below it what there is to say. */
function noteRow({ label = "", scope = "", value = "", amount = "" }: Row): Strip[] {
  const place = { left: 0, width: AMOUNT.left - GAP };
  const below = [scope, value].filter((text) => text !== "");
  return [
    [
      { ...place, text: label, style: STRONG },
      { ...AMOUNT, text: grouped(amount), style: STRONG },
    ],
    ...below.map((text) => [{ ...place, text, style: QUIET }]),
  ];
}

/** A decimal with its thousands set apart; anything else as it is. */
function grouped(text: string): string {
  return text.replace(DECIMAL, (_, sign: string, whole: string, fraction = "") => {
    return sign + whole.replace(/\B(?=(\d{3})+$)/g, ",") + fraction;
  });
}
