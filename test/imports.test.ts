import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterEach, expect, test } from "vitest";

const home = resolve(import.meta.dirname, "..");
const load = createRequire(import.meta.url);
const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** Every rule once: the file that breaks it, what it imports, and the rule's name. */
const planted: readonly (readonly [rule: string, path: string, imports: string])[] = [
  ["no-cycles", "src/acts/service.ts", "../acts/entities.js"],
  ["no-cycles", "src/acts/entities.ts", "../acts/service.js"],
  ["resolves", "src/acts/jobs.ts", "./nowhere.js"],
  ["declared", "src/acts/resolver.ts", "vitest"],
  ["unknown-folder", "src/server/strange.ts", "../helpers/service.js"],
  ["ledger-looks-down-only", "src/ledger/service.ts", "../settlement/service.js"],
  ["kernel-is-pure", "src/kernel/ids.ts", "typeorm"],
  ["enter-by-the-door", "src/settlement/service.ts", "../ledger/rules.js"],
  ["server-enters-by-the-door", "src/server/schema.ts", "../ledger/rules.js"],
  ["rules-are-pure", "src/ledger/rules.ts", "node:fs"],
  ["rules-are-pure", "src/settlement/terms/shares.ts", "../service.js"],
  ["calendar-is-pure", "src/periods/rules.ts", "luxon"],
  ["one-door-to-services", "src/periods/service.ts", "mysql2"],
  ["errors-are-tables", "src/periods/errors.ts", "./service.js"],
  ["entities-are-vocabulary", "src/periods/entities.ts", "./errors.js"],
  ["resolvers-are-roofs", "src/identity/service.ts", "./resolver.js"],
  ["migrations-stand-alone", "migrations/0001-planted.ts", "../src/ledger/entities.js"],
];

/** What looks similar and is allowed. */
const allowed: readonly (readonly [path: string, imports: string])[] = [
  ["src/exchange/service.ts", "../ledger/service.js"],
  ["src/exchange/resolver.ts", "../ledger/entities.js"],
  ["src/exchange/rules.ts", "../ledger/entities.js"],
  ["src/platform/queues.ts", "bullmq"],
  ["src/insights/rules.ts", "./entities.js"],
  ["src/server/console.ts", "../exchange/resolver.js"],
  ["src/reconciliation/service.ts", "./jobs.js"],
];

const targets = ["helpers/service", "ledger/entities", "identity/resolver", "insights/entities", "reconciliation/jobs"];

test("every forbidden import is named, and nothing else is", () => {
  const folder = plant([
    ...planted.map(([, path, imports]) => ({ path, text: `import "${imports}";\n` })),
    ...allowed.map(([path, imports]) => ({ path, text: `import "${imports}";\n` })),
    { path: "src/reconciliation/rules.ts", text: 'import type { Total } from "./service.js";\n' },
    ...targets.map((name) => ({ path: `src/${name}.ts`, text: "export {};\n" })),
  ]);
  const { status, problems } = checkImports(folder);
  const broken = problems.map((problem) => problem.split(" →")[0]);
  for (const [rule, path] of planted.filter(([rule]) => rule !== "no-cycles"))
    expect(broken).toContain(`${rule}: ${path}`);
  expect(problems.some((problem) => problem.startsWith("no-cycles: src/acts/"))).toBe(true);
  const blamed = broken.map((problem) => problem?.split(": ")[1]);
  for (const [path] of allowed) expect(blamed).not.toContain(path);
  expect(broken).toContain("rules-are-pure: src/reconciliation/rules.ts"); // a type is an import as well
  expect(status).toBe(1);
}, 30_000);

test("a tree whose imports were not read does not pass", () => {
  const { status, problems } = checkImports(plant([{ path: "src/kernel/clock.ts", text: "export {};\n" }]));
  expect(problems).toEqual(["read 1 files and 0 imports"]);
  expect(status).toBe(1);
}, 30_000);

test("no rule goes without a planted violation", () => {
  const config: { readonly forbidden: readonly { readonly name: string }[] } = load("../.dependency-cruiser.cjs");
  const kinds = config.forbidden.map(({ name }) => kindOf(name));
  expect(new Set(planted.map(([rule]) => kindOf(rule)))).toEqual(new Set(kinds));
});

/** The rules that look down are one rule, made for each folder. */
function kindOf(rule: string): string {
  return rule.replace(/^\w+(?=-looks-down-only$)/, "folder");
}

function plant(files: readonly { readonly path: string; readonly text: string }[]): string {
  const folder = mkdtempSync(join(tmpdir(), "quittance-imports-"));
  folders.push(folder);
  symlinkSync(join(home, "node_modules"), join(folder, "node_modules"));
  for (const name of ["package.json", "tsconfig.json"]) symlinkSync(join(home, name), join(folder, name));
  for (const { path, text } of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

function checkImports(folder: string): { status: number | null; problems: string[] } {
  const { status, stderr } = spawnSync(process.execPath, [join(home, "scripts/check-imports.mjs"), folder], {
    encoding: "utf8",
  });
  return { status, problems: stderr.split("\n").filter((line) => line !== "") };
}
