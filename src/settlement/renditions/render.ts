import { type Expected, readSigned, type SignatureFault } from "../../identity/platform-signatures/service.js";
import { sha256Hex } from "../../kernel/digest.js";
import { statementSchema } from "../statement-schema.js";
import { csvOf } from "./csv.js";
import type { Format, Reading, Rendition } from "./entities.js";
import { pdfOf } from "./pdf.js";
import { fileNameOf, type Sheet, sheetOf } from "./sheet.js";
import { xlsxOf } from "./xlsx.js";

/** A statement as somebody presents it, who may have signed it, and how it is to be shown. */
export interface Wanted extends Expected, Reading {
  /** Compact. */
  readonly jws: string;
}

/** Why a statement is not shown: it is not what the platform signed, or too long for a PDF. */
export interface Unshown {
  readonly fault: SignatureFault | "NOT_A_STATEMENT" | "TOO_LONG";
}

/** A PDF is laid out in memory: some fifty kilobytes for each row. */
const PDF_ROWS_MAX = 10_000;

const TYPES: Readonly<Record<Format, string>> = {
  csv: "text/csv; charset=utf-8; header=present",
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  pdf: "application/pdf",
};

/** Shows a statement that one of the keys signed; one release makes the same bytes of it each time. */
export async function renderStatement({ jws, format, language, ...expected }: Wanted): Promise<Rendition | Unshown> {
  const read = readSigned(jws, expected);
  if ("fault" in read) return read;
  const { data: document } = statementSchema.safeParse(read.payload);
  if (document === undefined) return { fault: "NOT_A_STATEMENT" };
  const sheet = sheetOf({ document, sha256: sha256Hex(jws), kid: kidOf(jws) }, language);
  const rows = sheet.sections.reduce((sum, section) => sum + section.rows.length, 0);
  if (format === "pdf" && rows > PDF_ROWS_MAX) return { fault: "TOO_LONG" };
  const fileName = `${fileNameOf(document)}.${language}.${format}`;
  return { bytes: await written(sheet, format), fileName, type: TYPES[format] };
}

async function written(sheet: Sheet, format: Format): Promise<Uint8Array> {
  switch (format) {
    case "csv":
      return Buffer.from(csvOf(sheet), "utf8");
    case "xlsx":
      return xlsxOf(sheet);
    case "pdf":
      return pdfOf(sheet);
  }
}

function kidOf(jws: string): string {
  const [head = ""] = jws.split(".");
  return JSON.parse(Buffer.from(head, "base64url").toString("utf8")).kid;
}
