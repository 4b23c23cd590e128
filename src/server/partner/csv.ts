/** One record of a CSV file: the number of the line on which it begins (from 1), and its fields. */
export interface CsvRecord {
  readonly line: number;
  readonly fields: readonly string[];
}

/** What is wrong with a CSV file, and on which line (from 1) it begins. */
export class CsvFault extends Error {
  override readonly name = "CsvFault";

  constructor(
    readonly line: number,
    reason: string,
  ) {
    super(`line ${line}: ${reason}`);
  }
}

/** The longest record that is read, in characters, line breaks within quotes included. */
export const RECORD_CHARS_MAX = 65_536;

/** A field with the comma before it, so that no match is empty. */
const QUOTED_FIELDS = /,(?:"((?:[^"]|"")*)"|([^",]*))/gy;

/**
 * The records of a CSV text (RFC 4180; LF and CRLF; a byte order mark at the start), as it comes in. Empty lines are
 * skipped. Throws `CsvFault` for quotes that do not match and for a record over 65,536 characters.
 */
export async function* csvRecords(chunks: AsyncIterable<string>): AsyncGenerator<CsvRecord> {
  let rest = "";
  let line = 1;
  for await (const chunk of chunks) {
    rest += chunk;
    if (line === 1 && rest.startsWith("\uFEFF")) rest = rest.slice(1);
    let start = 0;
    for (let end = recordEnd(rest, start); end >= 0; end = recordEnd(rest, start)) {
      const text = rest.slice(start, end);
      if (text !== "" && text !== "\r") yield { line, fields: fieldsOf(text, line) };
      line += lineBreaks(text) + 1;
      start = end + 1;
    }
    rest = rest.slice(start);
    checkLength(rest, line);
  }
  if (rest !== "" && rest !== "\r") yield { line, fields: fieldsOf(rest, line) };
}

/** Where the line break is that ends the record; -1 while it has not come. One within quotes ends nothing. */
function recordEnd(text: string, start: number): number {
  let isQuoted = false;
  let from = start;
  for (let end = text.indexOf("\n", start); end >= 0; end = text.indexOf("\n", from)) {
    const quotes = text.slice(from, end).split('"').length - 1;
    if (quotes % 2 === 1) isQuoted = !isQuoted;
    if (!isQuoted) return end;
    from = end + 1;
  }
  return -1;
}

function fieldsOf(record: string, line: number): readonly string[] {
  checkLength(record, line);
  const text = record.endsWith("\r") ? record.slice(0, -1) : record;
  if (!text.includes('"')) return text.split(",");
  const fields: string[] = [];
  let read = 0;
  for (const [whole, quoted, plain = ""] of `,${text}`.matchAll(QUOTED_FIELDS)) {
    fields.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    read += whole.length;
  }
  if (read !== text.length + 1) throw new CsvFault(line, "its quotes do not match.");
  return fields;
}

function checkLength(text: string, line: number): void {
  if (text.length > RECORD_CHARS_MAX) throw new CsvFault(line, `it is longer than ${RECORD_CHARS_MAX} characters.`);
}

function lineBreaks(text: string): number {
  return text.includes("\n") ? text.split("\n").length - 1 : 0;
}
