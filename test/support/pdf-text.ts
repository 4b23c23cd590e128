import { inflateSync } from "node:zlib";

/** What a PDF says, page by page: the texts in the order in which they are drawn. */
export function textsOf(pdf: Uint8Array): string[][] {
  const objects = objectsOf(pdf);
  const fonts = new Map<string, ReadonlyMap<string, string>>();
  const pages: string[] = [];
  for (const { text } of objects.values()) {
    for (const [, name = "", font = ""] of text.matchAll(/\/(F\d+) (\d+) 0 R/g)) {
      const [, map = ""] = /\/ToUnicode (\d+) 0 R/.exec(objects.get(font)?.text ?? "") ?? [];
      if (map !== "") fonts.set(name, charactersOf(objects.get(map)?.stream ?? ""));
    }
    const [, contents] = /\/Type \/Page\n[\s\S]*?\/Contents (\d+) 0 R/.exec(text) ?? [];
    if (contents !== undefined) pages.push(objects.get(contents)?.stream ?? "");
  }
  return pages.map((page) => drawnOn(page, fonts));
}

interface PdfObject {
  readonly text: string;
  /** Inflated, one character for each byte; empty where there is none. */
  readonly stream: string;
}

function objectsOf(pdf: Uint8Array): Map<string, PdfObject> {
  const bytes = Buffer.from(pdf);
  const objects = new Map<string, PdfObject>();
  for (const [whole, number = "", text = ""] of bytes.toString("latin1").matchAll(/(\d+) 0 obj\n([\s\S]*?)\nendobj/g)) {
    const [head = "", body] = text.split("\nstream\n");
    const inflated = body === undefined ? "" : streamOf(head, Buffer.from(body.slice(0, lengthIn(head)), "latin1"));
    objects.set(number, { text: whole.slice(0, head.length + 20), stream: inflated });
  }
  return objects;
}

function lengthIn(head: string): number {
  return Number(/\/Length (\d+)/.exec(head)?.[1] ?? 0);
}

function streamOf(head: string, body: Buffer): string {
  return (head.includes("/FlateDecode") ? inflateSync(body) : body).toString("latin1");
}

/** Which characters the codes of a font stand for, by its ToUnicode map (ISO 32000-1, 9.10.3). */
function charactersOf(map: string): Map<string, string> {
  const characters = new Map<string, string>();
  for (const [, first = "", list = ""] of map.matchAll(/<([0-9a-f]{4})> <[0-9a-f]{4}> \[([^\]]*)\]/g)) {
    for (const [index, [, hex = ""]] of [...list.matchAll(/<([0-9a-f ]*)>/g)].entries()) {
      const code = (Number.parseInt(first, 16) + index).toString(16).padStart(4, "0");
      const units = hex.replaceAll(" ", "").match(/.{4}/g) ?? [];
      characters.set(code, String.fromCharCode(...units.map((unit) => Number.parseInt(unit, 16))));
    }
  }
  return characters;
}

function drawnOn(page: string, fonts: ReadonlyMap<string, ReadonlyMap<string, string>>): string[] {
  return [...page.matchAll(/\/(F\d+) [\d.]+ Tf[\s\S]*?\[([^\]]*)\] TJ/g)].map(([, font = "", shown = ""]) => {
    const codes = [...shown.matchAll(/<([0-9a-f]*)>/g)].flatMap(([, hex = ""]) => hex.match(/.{4}/g) ?? []);
    return codes.map((code) => fonts.get(font)?.get(code) ?? "\uFFFD").join("");
  });
}
