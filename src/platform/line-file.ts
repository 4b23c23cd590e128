import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";

/** The longest line that such a file holds. */
const LINE_BYTES_MAX = 64 * 1024;
const NEWLINE = 0x0a;

/**
 * Appends a line to a file that only grows, and answers once it is on the disk (fsync, of the folder too where the file
 * is new). What a crash left of a line without its end is ended first, and no reader takes it for one.
 */
export async function appendLine(path: string, line: string): Promise<void> {
  const file = await open(path, "a+");
  try {
    const { size } = await file.stat();
    const isTorn = size > 0 && (await readAt(file, size - 1, 1))[0] !== NEWLINE;
    await file.appendFile(`${isTorn ? "\n" : ""}${line}\n`);
    await file.sync();
    if (size === 0) await syncFolder(dirname(path));
  } finally {
    await file.close();
  }
}

/** The last whole line of such a file; null where it has none, or is not there. */
export async function lastLine(path: string): Promise<string | null> {
  const file = await openToRead(path);
  if (file === null) return null;
  try {
    const { size } = await file.stat();
    const from = Math.max(0, size - 2 * LINE_BYTES_MAX);
    const text = (await readAt(file, from, size - from)).toString("utf8");
    return (
      text
        .split("\n")
        .slice(0, -1)
        .findLast((line) => line !== "") ?? null
    );
  } finally {
    await file.close();
  }
}

/** Every whole line of such a file, oldest first; none where it is not there. */
export async function* linesIn(path: string): AsyncGenerator<string> {
  const file = await openToRead(path);
  if (file === null) return;
  let rest = "";
  try {
    for await (const part of file.createReadStream({ encoding: "utf8", autoClose: false })) {
      const lines = `${rest}${part}`.split("\n");
      rest = lines.pop() ?? "";
      yield* lines.filter((line) => line !== "");
    }
  } finally {
    await file.close();
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await file.read(bytes, 0, length, position);
  return bytes.subarray(0, bytesRead);
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function openToRead(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}
