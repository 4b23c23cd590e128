import { createReadStream, type ReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { createGunzip } from "node:zlib";
import { CsvFault, csvRecords } from "./csv.js";
import { type Row, type RowReader, rowReader } from "./rows.js";

/** A CSV file that is being read. */
export interface RowFile {
  /** Its rows, in order; to be taken once. Throws `CsvFault`, or what the disk says. */
  readonly rows: AsyncIterable<Row>;
  /** Size of the file on the disk, and how much of it was read. */
  readonly bytes: number;
  bytesRead(): number;
}

const GZIP_MAGIC = 0x1f8b;

/** Looks at a CSV file with a header, in UTF-8, gzipped or not; which it is, its first bytes say. */
export async function openRowFile(path: string): Promise<RowFile> {
  const [{ size: bytes }, isZipped] = [await stat(path), await isGzip(path)];
  let source: ReadStream | null = null;
  return { rows: rowsIn(read()), bytes, bytesRead: () => source?.bytesRead ?? 0 };

  // Opened when the first row is wanted: a stream that fails while nobody reads it would end the process.
  async function* read(): AsyncGenerator<Buffer> {
    source = createReadStream(path);
    yield* isZipped ? source.pipe(gunzipOf(source)) : source;
  }
}

async function* rowsIn(bytes: AsyncIterable<Buffer>): AsyncGenerator<Row> {
  let read: RowReader | null = null;
  for await (const record of csvRecords(textOf(bytes))) {
    if (read === null) read = rowReader(record);
    else yield read(record);
  }
  if (read === null) throw new CsvFault(1, "the header is missing.");
}

async function* textOf(bytes: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  try {
    for await (const chunk of bytes) yield decoder.decode(chunk, { stream: true });
    yield decoder.decode();
  } catch (error) {
    throw error instanceof TypeError ? new Error("The file is not text in UTF-8.") : error;
  }
}

/** `pipe` does not hand on what goes wrong with its source. */
function gunzipOf(source: NodeJS.ReadableStream): ReturnType<typeof createGunzip> {
  const gunzip = createGunzip();
  source.once("error", (error: Error) => gunzip.destroy(error));
  return gunzip;
}

async function isGzip(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer.readUInt16BE(0) === GZIP_MAGIC;
  } finally {
    await file.close();
  }
}
