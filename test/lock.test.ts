import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

interface Lock {
  readonly packages: Record<string, { readonly resolved?: string; readonly hasInstallScript?: boolean }>;
}

interface Manifest {
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
  readonly allowScripts: Record<string, boolean>;
}

const home = resolve(import.meta.dirname, "..");
const lockPath = join(home, "package-lock.json");
const lock: Lock = JSON.parse(readFileSync(lockPath, "utf8"));
const manifest: Manifest = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "quittance-lock-"));
});

afterAll(() => rmSync(folder, { recursive: true }));

test("the lock lists the binaries of every platform, so npm ci takes it everywhere", () => {
  expect(lockStubs("--check")).toEqual({ status: 0, missing: [] });
});

test("a binary that a mirror left out is named, and put back with its platform", () => {
  const name = "node_modules/@biomejs/cli-linux-arm64-musl";
  expect(lock.packages).toHaveProperty([name]);
  const { [name]: _, ...packages } = lock.packages;
  const path = join(folder, "package-lock.json");
  writeFileSync(path, JSON.stringify({ ...lock, packages }));
  expect(lockStubs("--check", path)).toEqual({ status: 1, missing: [`missing: ${name}`] });
  expect(lockStubs(path).status).toBe(0);
  const mended: Lock = JSON.parse(readFileSync(path, "utf8"));
  const version = manifest.devDependencies["@biomejs/biome"];
  expect(mended.packages[name]).toEqual({
    ...{ version, dev: true, optional: true },
    ...{ os: ["linux"], cpu: ["arm64"], libc: ["musl"] },
  });
  expect(Object.keys(mended.packages)).toEqual(Object.keys(lock.packages));
});

test("the lock names no registry", () => {
  const addresses = Object.values(lock.packages).flatMap(({ resolved }) => resolved ?? []);
  expect(addresses).toEqual([]);
});

test("every install script of a dependency is allowed or refused by name", () => {
  const scripts = Object.entries(lock.packages).filter(([, entry]) => entry.hasInstallScript);
  const names = scripts.map(([path]) => path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length));
  expect(Object.keys(manifest.allowScripts).sort()).toEqual([...new Set(names)].sort());
});

test("every dependency is pinned to one version", () => {
  for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
    expect(version, name).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
  }
});

function lockStubs(...words: string[]): { status: number | null; missing: string[] } {
  const { status, stderr } = spawnSync(process.execPath, [join(home, "scripts/lock-stubs.mjs"), ...words], {
    encoding: "utf8",
  });
  return { status, missing: stderr.split("\n").filter((line) => line !== "") };
}
