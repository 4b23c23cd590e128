import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeExport } from "../../src/operations/export-files/service.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "quittance-export-"));
});
afterEach(() => rm(folder, { recursive: true }));

const write = (lines: readonly string[], fault: string | null = null) =>
  writeExport(join(folder, "new", "exports"), "tenant/first", lines, () => fault);
const files = async () => (await readdir(join(folder, "new", "exports", "tenant"))).toSorted();
const pathOf = (name: string) => join(folder, "new", "exports", name);

test("another content has another name, the same one is written once, and no part is left", async () => {
  const [one, other] = [await write(["a", "b"]), await write(["a"])];
  expect(await write(["a", "b"])).toEqual(one);
  expect(one.name).toBe(`tenant/first-${one.sha256.slice(0, 16)}.ndjson`);
  expect(await files()).toEqual([one, other].map(({ name }) => name.slice("tenant/".length)).toSorted());
  expect(await readFile(pathOf(one.name), "utf8")).toBe("a\nb\n");
});

test("writers of the same at once agree", async () => {
  const written = await Promise.all(Array.from({ length: 8 }, () => write(["a"])));
  expect(new Set(written.map(({ name }) => name)).size).toBe(1);
  expect(await files()).toHaveLength(1);
});

test("what stands there with another content is kept, and is an error", async () => {
  const { name } = await write(["a"]);
  await writeFile(pathOf(name), "mine");
  await expect(write(["a"])).rejects.toThrow(/is what was written/);
  expect(await readFile(pathOf(name), "utf8")).toBe("mine");
});

test("nothing has a name that does not pass its check", async () => {
  await expect(write(["a"], "SIGNATURE_INVALID")).rejects.toThrow(/SIGNATURE_INVALID/);
  expect(await files()).toEqual([]);
});
