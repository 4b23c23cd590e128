import { createHash } from "node:crypto";
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { assert } from "../../kernel/assert.js";

/** A file that was written, read back and given its name. */
export interface WrittenFile {
  readonly path: string;
  readonly sha256: string;
}

/**
 * Writes lines to a file under a folder so that it survives a crash: under another name, to the disk, read back and
 * checked, and only then under its own. What stood there under that name is replaced: a run that died wrote the same.
 */
export async function writeExport(
  folder: string,
  name: string,
  lines: readonly string[],
  check: (line: string, index: number) => string | null,
): Promise<WrittenFile> {
  const path = join(folder, name);
  await mkdir(dirname(path), { recursive: true });
  const part = `${path}.part`;
  const file = await open(part, "w");
  try {
    await file.writeFile(lines.map((line) => `${line}\n`).join(""));
    await file.sync();
  } finally {
    await file.close();
  }
  const bytes = await readFile(part);
  for (const [index, line] of bytes.toString("utf8").trimEnd().split("\n").entries()) {
    const fault = check(line, index);
    assert(fault === null, `line ${index} of an export is what was written: ${fault}`);
  }
  await rename(part, path);
  await syncFolder(dirname(path));
  return { path, sha256: createHash("sha256").update(bytes).digest("hex") };
}

/** A new name is on the disk once its folder is. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
