import type { RowFile } from "./csv-file.js";
import { deliver, type Parcel, type Sender } from "./delivery.js";
import { batchNamer } from "./payload.js";
import type { Row } from "./rows.js";
import type { PostedBatch } from "./submission.js";
import { type ControlTally, type ControlTotals, newTally } from "./totals.js";

/** What to import, in batches of how many rows (1 to 10,000). */
export interface ImportInput {
  readonly file: RowFile;
  readonly batchSize: number;
}

/** What an import has come to so far. */
export interface ImportCounts {
  readonly batches: number;
  readonly posted: number;
  /** Rows that the server had before, with the same content. */
  readonly duplicates: number;
  /** Rollbacks that came before their original. */
  readonly pending: number;
  /** Rows that the server refused, or whose id it has with another content. */
  readonly refused: number;
}

/** What an import came to. */
export interface ImportReport extends ImportCounts {
  /** Of the rows that the server now has, whether posted by this run or before: the same on every import of a file. */
  readonly totals: ControlTotals;
  /** The first rows that were refused, at most 20, and why. */
  readonly refusedRows: readonly RefusedRow[];
}

/** A row that was refused: the line of the file and the code. */
export interface RefusedRow {
  readonly line: number;
  readonly code: string;
}

const BATCH_CHARS_MAX = 4_000_000;
const REFUSED_ROWS_MAX = 20;

/**
 * Signs and submits the rows of a file in their order, a few batches on the way at a time, and answers when every
 * outcome is known. A row that cannot be one throws `CsvFault` before anything of its batch is sent. What was sent
 * before a failure stays; importing the file again finds it as duplicates.
 */
export async function importRows(
  sender: Sender,
  { file, batchSize }: ImportInput,
  onProgress: (counts: ImportCounts) => void = () => undefined,
): Promise<ImportReport> {
  const tally = newTally();
  const refusedRows: RefusedRow[] = [];
  let counts: ImportCounts = { batches: 0, posted: 0, duplicates: 0, pending: 0, refused: 0 };
  await deliver(sender, parcelsOf(file, batchSize), (rows, posted) => {
    refusedRows.push(...tallyRows(tally, rows, posted));
    counts = added(counts, posted);
    onProgress(counts);
  });
  const firstRefused = refusedRows.toSorted((left, right) => left.line - right.line).slice(0, REFUSED_ROWS_MAX);
  return { ...counts, totals: tally.totals(), refusedRows: firstRefused };
}

async function* parcelsOf({ rows: all }: RowFile, batchSize: number): AsyncGenerator<Parcel<readonly Row[]>> {
  const nameBatch = batchNamer();
  let place = 0;
  for await (const rows of batchesOf(all, batchSize)) {
    const items = rows.map(({ json }) => json);
    place += 1;
    yield { jti: nameBatch(items, place), items, content: rows };
  }
}

async function* batchesOf(rows: AsyncIterable<Row>, batchSize: number): AsyncGenerator<readonly Row[]> {
  let batch: Row[] = [];
  let characters = 0;
  for await (const row of rows) {
    if (batch.length === batchSize || characters + row.json.length > BATCH_CHARS_MAX) {
      yield batch;
      [batch, characters] = [[], 0];
    }
    batch.push(row);
    characters += row.json.length;
  }
  if (batch.length > 0) yield batch;
}

/** Counts the rows that the server has now; answers the others. */
function tallyRows(tally: ControlTally, rows: readonly Row[], { refusals }: PostedBatch): RefusedRow[] {
  const codes = new Map(refusals.map(({ index, outcome, code }) => [index, code ?? outcome]));
  return rows.flatMap((row, index) => {
    const code = codes.get(index);
    if (code !== undefined) return [{ line: row.line, code }];
    tally.add(row);
    return [];
  });
}

function added(counts: ImportCounts, { batch, refusals }: PostedBatch): ImportCounts {
  const [refused, known] = [refusals.length, (batch.duplicateCount ?? 0) + (batch.refusedCount ?? 0)];
  return {
    batches: counts.batches + 1,
    posted: counts.posted + (batch.postedCount ?? 0),
    duplicates: counts.duplicates + known - refused,
    pending: counts.pending + (batch.pendingCount ?? 0),
    refused: counts.refused + refused,
  };
}
