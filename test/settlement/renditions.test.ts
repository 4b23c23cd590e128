import { sign } from "node:crypto";
import ExcelJS from "exceljs";
import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { newKeyPair } from "../../src/kernel/key-pairs.js";
import { Rational, RoundingMode } from "../../src/kernel/rational.js";
import { TransactionKind } from "../../src/periods/entities.js";
import { csvOf } from "../../src/settlement/renditions/csv.js";
import { LANGUAGES } from "../../src/settlement/renditions/entities.js";
import {
  kindLabel,
  labelOf,
  lineLabel,
  lineSectionLabel,
  roundingLabel,
  stateLabel,
} from "../../src/settlement/renditions/labels.js";
import { pdfOf } from "../../src/settlement/renditions/pdf.js";
import { renderStatement } from "../../src/settlement/renditions/render.js";
import { COLUMNS } from "../../src/settlement/renditions/rows.js";
import type { Sheet } from "../../src/settlement/renditions/sheet.js";
import { xlsxOf } from "../../src/settlement/renditions/xlsx.js";
import type { StatementDocument } from "../../src/settlement/statement-schema.js";
import { RoundingStage } from "../../src/settlement/terms/contract.js";
import { LINE_CODES, LineSection } from "../../src/settlement/terms/lines.js";
import { StateName } from "../../src/settlement/terms/state.js";
import { anyOpening, anyTotals, carrying, exact, example } from "../support/contracts.js";
import { textsOf } from "../support/pdf-text.js";
import { ACTIVITY, manyBrands, parseCsv, shown, statementWith } from "./rendered.js";

const GROUPED = /^(count|units|result|amount)$/;
const HANGUL = /[\uAC00-\uD7A3]/;
const DAILY = example("config-daily-12pct");
const worked = statementWith(ACTIVITY);
/** Exact values that no decimal ends, and amounts that no double holds. */
const odd = statementWith(
  [{ kind: "BET", category: "", originPeriodId: null, count: 9n, units: 0n, sumMinor: 10n ** 34n + 1n }],
  { configuration: DAILY, state: carrying(exact(`-${"9".repeat(200)}/${"7".repeat(201)}`)) },
);
const quiet = statementWith([], { configuration: DAILY, openingMinor: 0n });

/** What a dispute put right. */
const corrected: StatementDocument = {
  ...statementWith(
    [{ kind: "ADJUSTMENT", category: "dsp_f", originPeriodId: null, count: 1n, units: 0n, sumMinor: 600n }],
    { configuration: DAILY },
  ),
  corrections: [
    {
      ...{ dispute: "dsp_f", currency: "USD", amount: "6.00", reason: "A round was missing.", lines: [0, 2] },
      ...{ statement: { id: "stm_a", sha256: "12".repeat(32) }, disputeSha256: "34".repeat(32) },
    },
  ],
};
const LOT = { cost: "0.00", settled: "0.00", expired: "0.00", isTakenBack: false };
/** Bought ahead. */
const credited: StatementDocument = {
  ...quiet,
  credit: {
    lots: [
      {
        ...{ ...LOT, no: 2, lot: "promo", priority: 1, expiresAt: "2026-03-31T15:00:00.000Z", face: "1000.00" },
        ...{ remaining: "997.00", drawn: "3.00", isBought: true, lastDrawn: 1 },
      },
      {
        ...{ ...LOT, no: 1, lot: "main", priority: null, expiresAt: null, face: "9.00" },
        ...{ remaining: "9.00", drawn: "0.00", isBought: false, lastDrawn: 0 },
      },
    ],
  },
};

describe("every word is there in Korean and English", () => {
  test("for every line that a statement may have (src/settlement/renditions/labels.ts)", () => {
    const labels = LINE_CODES.map(
      (code) => [code, lineLabel({ code, description: `described ${code}` }, "ko")] as const,
    );
    expect(labels.filter(([, label]) => !HANGUL.test(label)).map(([code]) => code)).toEqual([]);
    expect(lineLabel({ code: "SHARE", description: "Share of the base" }, "en")).toBe("Share of the base");
  });

  test.each([
    ["sections", lineSectionLabel, Object.values(LineSection)],
    ["states", stateLabel, Object.values(StateName)],
    ["kinds", kindLabel, Object.values(TransactionKind).filter((kind) => kind !== TransactionKind.ROLLBACK)],
    ["roundings", roundingLabel, [...Object.values(RoundingMode), ...Object.values(RoundingStage)]],
  ] as const)("for all %s", (_what, label, codes) => {
    expect(codes.filter((code) => !HANGUL.test(label(code, "ko")))).toEqual([]);
    expect(codes.filter((code) => label(code, "en") === String(code))).toEqual([]);
  });

  test("a line that has no Korean name is called as it was signed", () => {
    expect(lineLabel({ code: "LATER", description: "Of a later release" }, "ko")).toBe("Of a later release");
    expect(kindLabel("ROLLBACK_BET", "ko")).toBe("취소: 베팅");
    expect(kindLabel("ROLLBACK_LATER", "en")).toBe("Rolled back: LATER");
  });
});

describe("a sheet", () => {
  test("has every line with its formula, inputs, exact value, amount, rounding and term, as signed", () => {
    const rows = rowsOf(shown(worked), "LINES");
    expect(rows).toHaveLength(worked.lines.length);
    for (const [index, line] of worked.lines.entries()) {
      const { code, scope, description, formula, result, amount, term } = line;
      expect(rows[index]).toMatchObject({ no: String(index + 1), code, scope, label: description, formula, result });
      expect([rows[index]?.amount ?? null, rows[index]?.term ?? null]).toEqual([amount, term]);
      for (const [name, value] of Object.entries(line.inputs)) {
        expect(rows[index]?.inputs).toContain(`${name} = ${value}`);
      }
    }
    expect(rows.find(({ code }) => code === "SHARE")?.rounding).toBe(
      "HALF_EVEN (half to even), TOTAL (of the sum, shared out)",
    );
  });

  test("names terms, chain, batches and how to verify", () => {
    const { configuration, transactions } = worked;
    const values = rowsOf(shown(worked), "EVIDENCE").map(({ code, value }) => [code, value]);
    expect(values).toEqual(
      expect.arrayContaining([
        ["configuration.sha256", configuration.sha256],
        ["previousStatement.id", "stm_b"],
        ["previousStatement.sha256", "ab".repeat(32)],
        ["transactions.batches", "12"],
        ["transactions.root", transactions?.root],
        ["verify", "quittance verify statement stm_c.jws --jwks jwks.json"],
      ]),
    );
  });

  test("tells the period by the partner's clocks, half-open", () => {
    const sheet = shown(worked, "ko");
    expect(sheet.span).toBe("2026-03-01 – 2026-03-07");
    expect(rowsOf(sheet, "STATEMENT")).toEqual(
      expect.arrayContaining([
        { code: "period.start", label: "기간 시작", value: "2026-03-01 00:00+09:00" },
        { code: "period.end", label: "기간 종료(미포함)", value: "2026-03-08 00:00+09:00" },
      ]),
    );
    const cut = { ...worked.period, end: "2026-03-04T03:00:00.000Z" };
    expect(shown({ ...worked, period: cut }).span).toBe("2026-03-01 00:00+09:00 – 2026-03-04 12:00+09:00");
  });

  test("shows the periods of late items, as settled and with them", () => {
    const { period, configuration, totals, lines, state } = worked;
    const statement = { id: "stm_o", sha256: "12".repeat(32) };
    const origin = { period, statement, configuration, totals, late: [], state, settled: lines.slice(0, 3), lines };
    const sheet = shown({ ...worked, origins: [origin] });
    expect(rowsOf(sheet, "ORIGINS").map(({ code }) => code)).toEqual(
      [...lines.slice(0, 3), ...lines].map(({ code }) => code),
    );
    expect(rowsOf(sheet, "ORIGINS")[0]?.group).toBe("2026-03-01 – 2026-03-07, as settled: Working");
    expect(rowsOf(sheet, "TOTALS")).toHaveLength(2 * totals.length);
    expect(rowsOf(sheet, "EVIDENCE").find(({ code }) => code === "origin")?.value).toMatch(
      /^prd_d, stm_o \(SHA-256 12/,
    );
    expect(rowsOf(sheet, "OTHER")).toEqual([]);
  });

  test("shows which lines an adjustment puts right, numbered as they are shown, and what proves it", () => {
    const sheet = shown(corrected);
    expect(rowsOf(sheet, "CORRECTIONS")).toEqual([
      {
        ...{ code: "dsp_f", label: "dsp_f", scope: "stm_a, No. 1, 3", value: "A round was missing." },
        ...{ amount: "6.00", currency: "USD" },
      },
    ]);
    expect(rowsOf(sheet, "EVIDENCE").find(({ code }) => code === "correction")?.value).toBe(
      `dsp_f (SHA-256 ${"34".repeat(32)}), stm_a (SHA-256 ${"12".repeat(32)})`,
    );
    expect(rowsOf(sheet, "TOTALS")).toContainEqual(expect.objectContaining({ scope: "dispute=dsp_f" }));
    expect(rowsOf(sheet, "OTHER")).toEqual([]);
  });

  test("shows each lot of credit as it was found, by words", () => {
    const [first, second] = rowsOf(shown(credited, "ko"), "CREDIT");
    expect(first).toEqual({
      ...{ code: "2", label: "promo#2", scope: "사용 우선순위 1; 유효 기한(미포함) 2026-04-01 00:00+09:00" },
      value:
        "액면가 1000.00; 구매가 0.00; 충당액 0.00; 기록 시점 사용액 3.00; 소멸액 0.00; 최근 사용 순번 1; 당기 구매",
      ...{ amount: "997.00", currency: "USD" },
    });
    expect(second?.scope).toBe("");
    expect(rowsOf(shown(credited), "OTHER")).toEqual([]);
    const [lot] = credited.credit?.lots ?? [];
    const known = ["no", "lot", "remaining", "priority", "expiresAt", "face", "cost", "settled", "drawn", "expired"];
    expect(Object.keys(lot ?? {}).sort()).toEqual([...known, "lastDrawn", "isBought", "isTakenBack"].sort());
  });

  test.each(LANGUAGES)("in %s has titles that a page of Excel may have", (language) => {
    for (const document of [worked, corrected, credited]) {
      const titles = shown(document, language).sections.map(({ title }) => title);
      expect(titles.filter((title) => title.length > 31 || /[:\\/?*[\]]/.test(title))).toEqual([]);
    }
    expect(labelOf("ORIGINS", language).length).toBeLessThan(32);
  });

  test("shows members and details of lines that it does not know", () => {
    const [first, ...rest] = worked.lines;
    const lines = [{ ...first, rule: { table: "rates", row: 3 } }, ...rest];
    const later = { ...worked, lines, dispute: { id: "dsp_a" } } as unknown as StatementDocument;
    expect(rowsOf(shown(later), "OTHER")).toEqual([{ code: "dispute", label: "dispute", value: '{"id":"dsp_a"}' }]);
    expect(rowsOf(shown(later), "LINES")[0]?.value).toBe('rule = {"row":3,"table":"rates"}');
    expect(rowsOf(shown(worked), "OTHER")).toEqual([]);
  });
});

describe("CSV", () => {
  test("holds every amount as it was signed, whatever happened", () => {
    fc.assert(
      fc.property(anyTotals, anyOpening, (totals, openingMinor) => {
        const document = statementWith(totals, { configuration: DAILY, openingMinor });
        const rows = table(csvOf(shown(document)));
        const lines = rows.filter(({ section }) => section === "LINES");
        expect(lines.map(({ result }) => result)).toEqual(document.lines.map(({ result }) => result));
        expect(lines.map(({ amount }) => amount)).toEqual(document.lines.map(({ amount }) => amount ?? ""));
        const balance = rows.filter(({ section }) => section === "BALANCE");
        expect(Object.fromEntries(balance.map(({ code, amount }) => [code, amount]))).toMatchObject({
          opening: document.opening,
          payable: document.payable,
          closing: document.closing,
        });
        const sums = rows.filter(({ section }) => section === "TOTALS").map(({ amount }) => amount);
        expect(sums).toEqual(document.totals.map(({ sum }) => sum));
      }),
      { numRuns: 25 },
    );
  });

  test("has the same columns and codes in both languages, and a byte order mark for Excel in Korean alone", () => {
    const [english, korean] = LANGUAGES.map((language) => csvOf(shown(worked, language)));
    expect(korean?.codePointAt(0)).toBe(0xfeff);
    expect(english).toMatch(/^section,no,group,code,label,/);
    const codes = (text = "") =>
      table(text.replace("\uFEFF", "")).map(({ section, code, amount }) => [section, code, amount]);
    expect(codes(korean)).toEqual(codes(english));
  });

  test("disarms text that a spreadsheet would run, and leaves negative numbers and fractions alone", () => {
    const texts = ["=1+1", "+1", "-1", "@SUM(1)", "\tx", "\rx", 'a "b", c\r\nd'];
    const [first] = worked.lines;
    const lines = texts.map((scope) => ({ ...first, scope, result: "-10/3", amount: "-5.00" }));
    const hostile = { ...worked, lines } as unknown as StatementDocument;
    const rows = table(csvOf(shown(hostile))).filter(({ section }) => section === "LINES");
    expect(rows.map(({ scope }) => scope)).toEqual([...texts.slice(0, -1).map((text) => `'${text}`), texts.at(-1)]);
    expect(new Set(rows.map(({ result, amount }) => `${result} ${amount}`))).toEqual(new Set(["-10/3 -5.00"]));
  });
});

describe("XLSX", () => {
  test.each([
    ["a statement", worked],
    ["long numbers and fractions", odd],
    ["no activity", quiet],
    ["a correction", corrected],
    ["credit", credited],
  ])("%s: has each row with the very numbers that were signed, and no formula", async (_name, document) => {
    for (const language of LANGUAGES) {
      const sheet = shown(document, language);
      const cells = await cellsOf(await xlsxOf(sheet));
      const missing = sheet.sections.flatMap(({ columns, rows }) => {
        return rows.filter(
          (row) => !cells.some((line) => columns.every((name, at) => isCell(line[at], row[name] ?? ""))),
        );
      });
      expect(missing).toEqual([]);
    }
  });

  test("keeps more than fifteen digits, and fractions, as text", async () => {
    const cells = (await cellsOf(await xlsxOf(shown(odd)))).flat();
    expect(cells).toContain(`1${"0".repeat(32)}.01`);
    expect(cells).toContain(odd.carryIn);
    expect(await cellsOf(await xlsxOf(shown(worked)))).toContainEqual(["Opening balance", -1500, "USD"]);
  });
});

describe("PDF", () => {
  test.each(LANGUAGES)("in %s says everything of the sheet, with thousands set apart", async (language) => {
    for (const document of [worked, odd, quiet, corrected, credited]) {
      const sheet = shown(document, language);
      const text = squeezed(
        textsOf(await pdfOf(sheet))
          .flat()
          .join(""),
      );
      const missing = textsIn(sheet).filter((each) => !text.includes(squeezed(each)));
      expect(missing).toEqual([]);
      expect(text).not.toMatch(/<U\+|\uFFFD/);
    }
  });

  test("is tagged, says its language and title, and embeds no more of its face than it uses", async () => {
    const pdf = await pdfOf(shown(worked, "ko"));
    const raw = Buffer.from(pdf).toString("latin1");
    const marks = ["/Marked true", "/Lang (ko)", "/DisplayDocTitle true", "/S /Table\n", "/S /TH\n", "/Scope /Column"];
    expect([...marks, "(D:20260308000001Z)"].filter((mark) => !raw.includes(mark))).toEqual([]);
    expect(pdf.length).toBeLessThan(200_000);
  });

  test("repeats the head of a table on each page, and numbers the pages", async () => {
    const pages = textsOf(await pdfOf(shown(manyBrands(20))));
    const inTable = pages.filter((texts) => texts.some((text) => text.startsWith("Formula: ")));
    expect(inTable.length).toBeGreaterThan(5);
    for (const texts of inTable) expect(texts).toContain("Exact value");
    expect(pages.map((texts) => texts.at(-1))).toEqual(pages.map((_, index) => `${index + 1} / ${pages.length}`));
  });

  test("draws the marks that people write, and a line's end as a space", async () => {
    const name = "“A” ‘B’ — C · D… • ₩ € £ ¥ © § ± × ÷ ™ 「갑」 《을》";
    const texts = textsOf(await pdfOf(shown(named(`${name}\nE`)))).flat();
    expect(texts).toContain(`${name} E`);
  });

  test("keeps a number of eighteen digits on one line", async () => {
    const amount = { count: 1n, units: 0n, sumMinor: 10n ** 18n - 100n };
    const bets = { kind: "BET", category: "", originPeriodId: null, ...amount };
    const document = statementWith([bets], {
      configuration: DAILY,
      openingMinor: 0n,
    });
    const texts = textsOf(await pdfOf(shown(document))).flat();
    const base = "9,999,999,999,999,999.00";
    expect(texts.filter((text) => text === base).length).toBeGreaterThan(4);
    expect(texts.filter((text) => base.startsWith(text) && text.length > 9)).toEqual(
      texts.filter((text) => text === base),
    );
  });

  test.each([
    ["Müller Éclat ŠKODA Łódź", ["Müller Éclat ŠKODA Łódź"]],
    ["Cafe\u0301 \u1112\u1161\u11AB", ["Café ", "한"]],
    ["가é나 Ελλάδα Москва Đồng ₽ ₫", ["가", "é", "나", " Ελλάδα Москва Đồng ₽ ₫"]],
  ])("draws the letters of Europe and Vietnam in `%s`, each word in one face", async (name, runs) => {
    const texts = textsOf(await pdfOf(shown(named(name)))).flat();
    expect(texts.join("|")).toContain(runs.join("|"));
  });

  test("names what its faces cannot draw", async () => {
    expect(textsOf(await pdfOf(shown(named("漢\u0301")))).flat()).toContain("<U+6f22><U+301>");
  });

  test("is refused where there are more rows than it may have; the other formats are not", async () => {
    const [first] = worked.lines;
    const long = { ...worked, lines: Array.from({ length: 10_001 }, () => first) };
    const { privateKey, publicKey } = newKeyPair("ed25519");
    const parts = [{ alg: "EdDSA", kid: "a", typ: "b" }, long].map((part) => Buffer.from(JSON.stringify(part)));
    const text = parts.map((part) => part.toString("base64url")).join(".");
    const jws = `${text}.${sign(null, Buffer.from(text), privateKey).toString("base64url")}`;
    const wanted = { jws, jwks: { keys: [{ ...publicKey.export({ format: "jwk" }), kid: "a" }] }, typ: "b" };
    const reading = { ...wanted, language: "en" } as const;
    expect(await renderStatement({ ...reading, format: "pdf" })).toEqual({ fault: "TOO_LONG" });
    expect(await renderStatement({ ...reading, format: "csv" })).toMatchObject({ type: expect.stringMatching("csv") });
  });

  test("breaks a row that no page can hold", async () => {
    const [first] = worked.lines;
    const inputs = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`input${index}`, "1".repeat(600)]));
    const pages = textsOf(await pdfOf(shown({ ...worked, lines: [{ ...first, inputs }] } as StatementDocument)));
    const text = pages.flat().join("");
    for (const name of Object.keys(inputs)) expect(text).toContain(`${name} =`);
    expect(text.match(/1{50}/g)?.length).toBeGreaterThan(400);
  });
});

describe("the same statement and language", () => {
  const zone = process.env["TZ"];
  afterEach(() => {
    vi.useRealTimers();
    if (zone === undefined) delete process.env["TZ"];
    else process.env["TZ"] = zone;
  });

  test.each([
    ["CSV", async (sheet: Sheet) => csvOf(sheet)],
    ["XLSX", async (sheet: Sheet) => Buffer.from(await xlsxOf(sheet)).toString("base64")],
    ["PDF", async (sheet: Sheet) => Buffer.from(await pdfOf(sheet)).toString("base64")],
  ])("make the same bytes as %s, whenever and wherever", async (_format, write) => {
    for (const language of LANGUAGES) {
      const files = new Set<string>();
      for (const [date, place] of [
        ["2026-03-08T00:00:02.000Z", "Asia/Seoul"],
        ["2031-11-02T17:45:59.000Z", "America/New_York"],
      ] as const) {
        process.env["TZ"] = place;
        vi.useFakeTimers({ toFake: ["Date"], now: new Date(date) });
        files.add(await write(shown(worked, language)));
      }
      expect(files.size).toBe(1);
    }
  });
});

/** The worked statement, its contract called so. */
function named(name: string): typeof worked {
  const { configuration } = worked;
  return { ...worked, configuration: { ...configuration, document: { ...configuration.document, name } } };
}

function rowsOf({ sections }: Sheet, name: string) {
  return sections.find((section) => section.name === name)?.rows ?? [];
}

/** The rows of a CSV text by the names of their columns. */
function table(text: string): Readonly<Record<string, string>>[] {
  const [head = [], ...rows] = parseCsv(text);
  expect(head).toEqual(["section", ...COLUMNS]);
  return rows.map((row) => {
    expect(row).toHaveLength(head.length);
    return Object.fromEntries(head.map((name, index) => [name, row[index] ?? ""]));
  });
}

async function cellsOf(file: Uint8Array): Promise<unknown[][]> {
  const workbook = new ExcelJS.Workbook();
  await workbook.xlsx.load(new Uint8Array(file).buffer);
  return workbook.worksheets.flatMap((page) => {
    const rows: unknown[][] = [];
    page.eachRow((row) => {
      row.eachCell((cell) => expect([ExcelJS.ValueType.Number, ExcelJS.ValueType.String]).toContain(cell.type));
      rows.push((row.values as unknown[]).slice(1));
    });
    return rows;
  });
}

/** Whether a cell holds that text, or the number of exactly that decimal. */
function isCell(cell: unknown, text: string): boolean {
  if (typeof cell !== "number") return (cell ?? "") === text;
  return Rational.parse(text)?.equals(exact(plain(cell))) === true;
}

/** A double as a decimal without an exponent. */
function plain(value: number): string {
  return /e/.test(String(value)) ? value.toFixed(20).replace(/0+$/, "") : String(value);
}

/** What a PDF of it has to say; codes are for programs, and a currency stands once above its amounts. */
function textsIn({ sections }: Sheet): string[] {
  return sections.flatMap(({ rows }) =>
    rows.flatMap(({ code: _code, currency: _currency, no: _no, ...said }) =>
      Object.entries(said).map(([column, text]) => (GROUPED.test(column) ? grouped(text) : text)),
    ),
  );
}

/** A fraction, or a value too long for its column, stands as it was signed. */
function grouped(text: string): string {
  if (text.length > 40) return text;
  return text.replace(/^-?\d+(?=\.\d+$|$)/, (whole) => whole.replaceAll(/\B(?=(\d{3})+$)/g, ","));
}

/** Lines break where they must. */
function squeezed(text: string): string {
  return text.replaceAll(/\s/g, "");
}
