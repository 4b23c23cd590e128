import ExcelJS from "exceljs";
import { unzipSync, zipSync } from "fflate";
import { present } from "../../kernel/assert.js";
import { labelOf } from "./labels.js";
import { type Column, NUMBER_COLUMNS, type Row } from "./rows.js";
import type { Section, SectionName, Sheet } from "./sheet.js";

/** Excel keeps fifteen significant digits of a number (ECMA-376 and IEEE 754: every such decimal survives a double). */
const DIGITS_MAX = 15;
const DECIMAL = /^-?\d+(?:\.(\d+))?$/;
/** Excel refuses longer cells. */
const CELL_CHARACTERS_MAX = 32_767;

/** The sections of each page; those that share one have the same columns, or the first few of them. */
const PAGES: readonly (readonly SectionName[])[] = [
  ["STATEMENT", "BALANCE", "FIGURES", "PAYMENT"],
  ["LINES"],
  ["TOTALS"],
  ["CORRECTIONS"],
  ["CREDIT"],
  ["CONVERSIONS"],
  ["STATE"],
  ["ORIGINS"],
  ["EVIDENCE", "OTHER"],
];
const WIDTHS: Readonly<Record<Column, number>> = {
  ...{ no: 6, group: 12, code: 24, label: 44, scope: 28, count: 12, units: 12, formula: 48, inputs: 48 },
  ...{ result: 24, amount: 24, currency: 10, rounding: 34, term: 26, key: 24, value: 72 },
};
const INK = { argb: "FF1F2A44" };
const SHADE: ExcelJS.Fill = { type: "pattern", pattern: "solid", fgColor: { argb: "FFEEF1F6" } };

/**
 * A statement as an XLSX workbook, a page for each of its parts. An amount is a number where fifteen digits hold it
 * exactly, as Excel keeps no more, else text with every digit; there is no formula. Same sheet, same bytes.
 */
export async function xlsxOf(sheet: Sheet): Promise<Uint8Array> {
  const workbook = new ExcelJS.Workbook();
  const issuedAt = new Date(sheet.document.iat * 1000);
  Object.assign(workbook, { creator: "Quittance", lastModifiedBy: "Quittance", created: issuedAt, modified: issuedAt });
  workbook.title = `${sheet.title} ${sheet.document.jti}`;
  for (const names of PAGES) {
    const sections = sheet.sections.filter(({ name }) => names.includes(name));
    if (sections.length > 0) addPage(workbook, sheet, sections);
  }
  return pinned(new Uint8Array(await workbook.xlsx.writeBuffer()));
}

/** The same archive with every entry of the first day of ZIP's calendar, which is that of the machine's clocks. */
function pinned(archive: Uint8Array): Uint8Array {
  return zipSync(unzipSync(archive), { mtime: new Date(1980, 0, 1, 12) });
}

function addPage(workbook: ExcelJS.Workbook, sheet: Sheet, sections: readonly Section[]): void {
  const [first] = sections;
  const { title, columns } = present(first, "a section");
  const isWide = columns.length > 3;
  const page = workbook.addWorksheet(title, {
    views: [isWide ? { state: "frozen", ySplit: 1 } : { showGridLines: false }],
    pageSetup: { paperSize: 9, orientation: isWide ? "landscape" : "portrait", fitToPage: true, fitToHeight: 0 },
  });
  page.columns = columns.map((column) => ({ width: WIDTHS[column] }));
  for (const section of sections) {
    if (isWide)
      addHead(
        page,
        section.columns.map((column) => labelOf(column, sheet.language)),
      );
    else addHead(page, [section.title]);
    for (const row of section.rows) for (const part of partsOf(row)) addRow(page, section, part);
    if (!isWide) page.addRow([]);
  }
}

function addHead(page: ExcelJS.Worksheet, titles: readonly string[]): void {
  const head = page.addRow(titles);
  head.font = { bold: true, color: INK };
  head.eachCell((cell) => {
    cell.fill = SHADE;
  });
}

function addRow(page: ExcelJS.Worksheet, { columns }: Section, row: Row): void {
  const added = page.addRow(columns.map((column) => cellOf(column, row[column] ?? "")));
  for (const [index, column] of columns.entries()) {
    const cell = added.getCell(index + 1);
    cell.alignment = { vertical: "top", wrapText: true, horizontal: NUMBER_COLUMNS.has(column) ? "right" : "left" };
    if (typeof cell.value === "number") cell.numFmt = formatOf(row[column] ?? "");
  }
}

/** A number where a double, and Excel, hold the decimal as it is written; else the text itself. */
function cellOf(column: Column, text: string): number | string {
  const isExact = NUMBER_COLUMNS.has(column) && DECIMAL.test(text) && digitsOf(text) <= DIGITS_MAX;
  return isExact ? Number(text) : text;
}

function digitsOf(decimal: string): number {
  return decimal.replace(/[-.]/g, "").replace(/^0+/, "").length;
}

/** With as many decimals as were written. */
function formatOf(decimal: string): string {
  const [, fraction = ""] = DECIMAL.exec(decimal) ?? [];
  return fraction === "" ? "#,##0" : `#,##0.${"0".repeat(fraction.length)}`;
}

/** The row, and as many more below it as its longest text needs. */
function partsOf(row: Row): Row[] {
  const lengths = Object.values(row).map(({ length }) => length);
  const count = Math.max(1, Math.ceil(Math.max(...lengths) / CELL_CHARACTERS_MAX));
  return Array.from({ length: count }, (_, part) => {
    const cut = (text: string) => text.slice(part * CELL_CHARACTERS_MAX, (part + 1) * CELL_CHARACTERS_MAX);
    return Object.fromEntries(Object.entries(row).map(([column, text]) => [column, cut(text)]));
  });
}
