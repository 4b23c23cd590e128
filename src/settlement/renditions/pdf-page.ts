import { readFileSync } from "node:fs";
import { buffer } from "node:stream/consumers";
import PDFDocument from "pdfkit";
import { present } from "../../kernel/assert.js";
import { ASCENT, drawn, FACES, type Run, runsOf, type Weight } from "./faces.js";

type Element = ReturnType<PDFKit.PDFDocument["struct"]>;

/** How a text is set. */
export interface Style {
  readonly weight: Weight;
  readonly size: number;
  readonly color: string;
}

/** A text within the width of the page; its lines stand below each other. */
export interface Cell {
  readonly left: number;
  readonly width: number;
  readonly text: string;
  readonly style: Style;
  readonly isRight?: boolean;
}

/** Cells beside each other. A row is one or several of these, and stays together where a page can hold it. */
export type Strip = readonly Cell[];

/** How a table looks. */
export interface TableForm {
  readonly head?: Strip | null;
  /** Whether a line is drawn below each row. */
  readonly isRuled?: boolean;
}

/** What is said of a document besides its content. */
export interface About {
  readonly title: string;
  readonly lang: string;
  readonly date: Date;
}

/** Width and height of A4, and what is left blank around the text, in points. */
export const PAGE = { width: 595.28, height: 841.89, side: 42, top: 42, bottom: 54 };
/** The colours of text and rules. */
export const COLOR = { ink: "#1f2a44", grey: "#5b6475", rule: "#d5dae3", shade: "#eef1f6" };

/** What a head's cell heads (ISO 32000-1, 14.8.5.7): pdfkit takes it, its types do not know it. */
const HEAD_CELL: PDFKit.Mixins.StructureElementOptions & { scope: "Column" } = { scope: "Column" };
const LEADING = 1.4;
/** Smaller than this part of its size nothing is set; it is broken instead. */
const SHRINK_MIN = 0.6;
/** The face ends with its blank glyph, of no bytes, whose outline fontkit nevertheless begins to read. */
const AFTER_LAST_GLYPH = Buffer.alloc(16);

/**
 * Pages of A4 that fill from the top: rows that break between pages with their head repeated, every text tagged for
 * those who do not see it, everything else marked as ornament. The same calls make the same bytes.
 */
export class Pages {
  readonly #document: PDFKit.PDFDocument;
  readonly #root: Element;
  readonly #widths = new Map<string, number>();
  #y = PAGE.top;
  /** Drawn again at the top of each page while a table runs. */
  #head: Strip | null = null;

  constructor({ title, lang, date }: About) {
    this.#document = new PDFDocument({
      ...{ size: "A4", margin: 0, bufferPages: true, pdfVersion: "1.7", tagged: true, displayTitle: true, lang },
      info: { Title: title, Producer: "Quittance", Creator: "Quittance", CreationDate: date, ModDate: date },
    });
    for (const [face, files] of Object.entries(FACES)) {
      for (const [weight, file] of Object.entries(files)) {
        const source = face === "page" ? Buffer.concat([readFileSync(file), AFTER_LAST_GLYPH]) : file;
        this.#document.registerFont(`${face} ${weight}`, source);
      }
    }
    this.#root = this.#document.struct("Document");
    this.#document.addStructure(this.#root);
  }

  /** Blank space; none at the top of a page. */
  skip(height: number): void {
    if (this.#y > PAGE.top) this.#y += height;
  }

  /** Starts a new page where so much does not fit on this one. */
  reserve(height: number): void {
    if (this.#y + height > PAGE.height - PAGE.bottom) this.#turn();
  }

  /** A text over the whole width, as the structure element of that type (ISO 32000-1, 14.8.4); a heading is listed. */
  write(type: "H1" | "H2" | "P", text: string, style: Style): void {
    const cell = { left: 0, width: PAGE.width - 2 * PAGE.side, text, style };
    if (type !== "P") this.#document.outline.addItem(text);
    const element = this.#document.struct(type);
    this.#root.add(element);
    for (const strip of this.#wrapped([cell])) this.#drawStrip(strip, () => element);
    element.end();
  }

  /** A table; its head, where there is one, stands again on each page that it reaches. */
  table(rows: Iterable<readonly Strip[]>, { head = null, isRuled = true }: TableForm = {}): void {
    const table = this.#document.struct("Table");
    this.#root.add(table);
    if (head !== null) this.#drawRow(table, [head], "TH");
    if (head !== null) this.#rule(COLOR.ink);
    this.#head = head;
    for (const row of rows) {
      this.#drawRow(table, row, "TD");
      if (isRuled) this.#rule(COLOR.rule);
    }
    this.#head = null;
    table.end();
  }

  /** Colours so much of the page, from here down, behind what is drawn next. */
  shade(height: number): void {
    this.reserve(height);
    this.#ornament("Layout", () => {
      this.#document.rect(PAGE.side - 10, this.#y, PAGE.width - 2 * PAGE.side + 20, height).fill(COLOR.shade);
    });
  }

  /** The finished file; every page but for its number is as it was drawn. */
  async finish(footer: (page: number, pages: number) => Strip): Promise<Uint8Array> {
    this.#root.end();
    const { count } = this.#document.bufferedPageRange();
    for (let page = 0; page < count; page++) {
      this.#document.switchToPage(page);
      this.#ornament("Pagination", () => {
        for (const cell of footer(page + 1, count)) this.#drawText(cell, PAGE.height - PAGE.bottom + 18);
      });
    }
    const bytes = buffer(this.#document);
    this.#document.end();
    return bytes;
  }

  /** The width of a text on one line. */
  widthOf(text: string, { weight, size }: Style): number {
    return runsOf(drawn(text)).reduce((sum, run) => sum + this.#runWidth(run, weight), 0) * (size / 1000);
  }

  #drawRow(table: Element, row: readonly Strip[], type: "TH" | "TD"): void {
    const lines = row.flatMap((strip) => this.#wrapped(strip));
    const height = lines.reduce((sum, line) => sum + heightOf(line), 0);
    if (height < PAGE.height - PAGE.top - PAGE.bottom - 40) this.reserve(height + 6);
    const element = this.#document.struct("TR");
    table.add(element);
    const cells = new Map<number, Element>();
    const cellAt = (left: number) => {
      const known = cells.get(left);
      if (known !== undefined) return known;
      const cell = this.#document.struct(type, type === "TH" ? HEAD_CELL : {});
      element.add(cell);
      cells.set(left, cell);
      return cell;
    };
    this.#y += 3;
    for (const line of lines) this.#drawStrip(line, (left) => cellAt(left));
    this.#y += 3;
    element.end();
  }

  #drawStrip(strip: Strip, elementAt: (left: number) => Element): void {
    this.reserve(heightOf(strip));
    for (const cell of strip) elementAt(cell.left).add(() => this.#drawText(cell, this.#y));
    this.#y += heightOf(strip);
  }

  #turn(): void {
    this.#document.addPage();
    this.#y = PAGE.top;
    const head = this.#head;
    if (head === null) return;
    this.#ornament("Layout", () => {
      for (const line of this.#wrapped(head)) {
        for (const cell of line) this.#drawText(cell, this.#y);
        this.#y += heightOf(line);
      }
    });
    this.#y += 3;
    this.#rule(COLOR.ink);
    this.#y += 3;
  }

  #rule(color: string): void {
    this.#ornament("Layout", () => {
      const right = PAGE.width - PAGE.side;
      this.#document.lineWidth(0.5).strokeColor(color).moveTo(PAGE.side, this.#y).lineTo(right, this.#y).stroke();
    });
  }

  #ornament(type: "Layout" | "Pagination", draw: () => void): void {
    this.#document.markContent("Artifact", { type });
    draw();
    this.#document.endMarkedContent();
  }

  #drawText({ left, width, text, style, isRight = false }: Cell, y: number): void {
    let x = PAGE.side + left + (isRight ? width - this.widthOf(text, style) : 0);
    this.#document.fillColor(style.color);
    for (const run of runsOf(drawn(text))) {
      this.#document.font(`${run.face} ${style.weight}`).fontSize(style.size); // measuring sets both
      this.#document.text(run.text, x, y, { lineBreak: false, baseline: -ASCENT * style.size });
      x += (this.#runWidth(run, style.weight) * style.size) / 1000;
    }
  }

  /** The cells cut into lines: strips of one line each, the first lines beside each other, then the second ones. */
  #wrapped(strip: Strip): Strip[] {
    const cut = strip.map((each) => {
      const cell = this.#fitted(each);
      return this.#lines(cell).map((text) => ({ ...cell, text }));
    });
    const depth = Math.max(...cut.map((lines) => lines.length));
    return Array.from({ length: depth }, (_, index) => cut.flatMap((lines) => lines[index] ?? []));
  }

  /** A number that is a little too wide is set smaller: broken in two it could be read as two. */
  #fitted(cell: Cell): Cell {
    const { isRight = false, text, width, style } = cell;
    const share = (0.999 * width) / Math.max(this.widthOf(drawn(text), style), 1);
    if (!isRight || share >= 1 || share < SHRINK_MIN) return cell;
    return { ...cell, style: { ...style, size: style.size * share } };
  }

  /** Broken at spaces, and within a word that is wider than its cell. */
  #lines({ text, width, style }: Cell): string[] {
    const lines = [""];
    for (const word of drawn(text).split(/(?<= )/)) {
      const line = present(lines.at(-1), "a line");
      if (this.widthOf((line + word).trimEnd(), style) <= width) lines[lines.length - 1] = line + word;
      else if (this.widthOf(word.trimEnd(), style) <= width) lines.push(word);
      else this.#breakWord(word, lines, { width, style });
    }
    return lines.map((line) => line.trimEnd()).filter((line, index) => line !== "" || index > 0);
  }

  #breakWord(word: string, lines: string[], { width, style }: Pick<Cell, "width" | "style">): void {
    for (const character of word) {
      const line = present(lines.at(-1), "a line");
      if (this.widthOf(line + character, style) <= width) lines[lines.length - 1] = line + character;
      else lines.push(character);
    }
  }

  /** In thousandths of the size. */
  #runWidth({ face, text }: Run, weight: Weight): number {
    return Array.from(text).reduce((sum, character) => sum + this.#advance(character, `${face} ${weight}`), 0);
  }

  /** In thousandths of the size. */
  #advance(character: string, font: string): number {
    const key = font + character;
    const known = this.#widths.get(key);
    if (known !== undefined) return known;
    const width = this.#document.font(font).fontSize(1000).widthOfString(character);
    this.#widths.set(key, width);
    return width;
  }
}

function heightOf(strip: Strip): number {
  return Math.max(0, ...strip.map(({ style }) => style.size * LEADING));
}
