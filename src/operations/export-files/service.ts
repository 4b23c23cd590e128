import { randomUUID } from "node:crypto";
import { link, mkdir, open, readFile, rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { assert } from "../../kernel/assert.js";
import { sha256Hex } from "../../kernel/digest.js";

const NAME_DIGITS = 16;

/** A file that was written, read back and given its name. */
export interface WrittenFile {
  /** Below the folder: the stem, the beginning of the content's hash, and `.ndjson`. */
  readonly name: string;
  readonly sha256: string;
}

/**
 * Writes lines to a file under a folder so that it survives a crash: under a name of its own, to the disk, read back
 * and checked, and only then under one that its content decides. What stands there is never replaced: a run that died
 * wrote the same.
 */
export async function writeExport(
  folder: string,
  stem: string,
  lines: readonly string[],
  check: (lines: readonly string[]) => string | null,
): Promise<WrittenFile> {
  const content = Buffer.from(lines.map((line) => `${line}\n`).join(""));
  const sha256 = sha256Hex(content);
  const name = `${stem}-${sha256.slice(0, NAME_DIGITS)}.ndjson`;
  const [root, path] = [resolve(folder), resolve(folder, name)];
  const made = await mkdir(dirname(path), { recursive: true });
  const part = `${path}.${randomUUID()}.part`;
  try {
    await writeSynced(part, content);
    const bytes = await readFile(part);
    assert(bytes.equals(content), "an export is what was written");
    const fault = check(bytes.toString("utf8").trimEnd().split("\n"));
    assert(fault === null, `an export holds when it is read back: ${fault}`);
    await publish(part, path);
  } finally {
    await rm(part, { force: true });
  }
  const isRootMade = made !== undefined && made.length <= root.length;
  await syncFolders(dirname(path), isRootMade ? dirname(made) : root);
  assert(sha256Hex(await readFile(path)) === sha256, `${name} is what was written`);
  return { name, sha256 };
}

async function writeSynced(path: string, content: Buffer): Promise<void> {
  const file = await open(path, "wx");
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function publish(part: string, path: string): Promise<void> {
  try {
    await link(part, path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error; // else it is compared
  }
}

/** A new name is on the disk once its folder is; so is the folder's own, up to the topmost. */
async function syncFolders(lowest: string, topmost: string): Promise<void> {
  for (let path = lowest; ; path = dirname(path)) {
    const folder = await open(path, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
    if (path === topmost) return;
  }
}
