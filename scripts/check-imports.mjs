/**
 * Checks every import of src/ and migrations/ against .dependency-cruiser.cjs, and that it could read them: without its
 * parser dependency-cruiser reads nothing and passes, so the files it read are counted against those on disk.
 *
 * `node scripts/check-imports.mjs [folder]`: prints each violation and fails; the folder is this repository by default.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const OUTPUT_BYTES_MAX = 256 * 1024 * 1024;
const home = fileURLToPath(new URL("..", import.meta.url));
const root = process.argv[2] ?? home;
const folders = ["src", "migrations"].filter((folder) => existsSync(join(root, folder)));

const { modules, summary } = cruise();
const problems = [...unread(), ...summary.violations.map(describe)];
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
else console.log(`imports: ${ours().length} files, ${importCount()} imports, no violation`);

function cruise() {
  const command = join(home, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs");
  const words = [command, ...folders, "--config", join(home, ".dependency-cruiser.cjs"), "--output-type", "json"];
  const options = { cwd: root, encoding: "utf8", maxBuffer: OUTPUT_BYTES_MAX };
  const { status, stdout, stderr } = spawnSync(process.execPath, words, options);
  if (status === 0) return JSON.parse(stdout);
  console.error(stderr.split("Stack backtrace")[0]?.trim());
  process.exit(1);
}

/** What was not read; reading nothing must never look like finding nothing. */
function unread() {
  const read = new Set(ours().map((module) => module.source));
  const missed = filesOnDisk().filter((path) => !read.has(path));
  const problems = missed.map((path) => `not read: ${path}`);
  if (read.size === 0 || importCount() === 0) problems.push(`read ${read.size} files and ${importCount()} imports`);
  return problems;
}

function ours() {
  return modules.filter(({ source, couldNotResolve }) => !couldNotResolve && folders.includes(source.split("/")[0]));
}

function importCount() {
  return ours().reduce((count, module) => count + module.dependencies.length, 0);
}

function filesOnDisk() {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true })
      .filter((path) => /\.tsx?$/.test(path))
      .map((path) => `${folder}/${path}`),
  );
}

function describe({ rule, from, to, cycle }) {
  const way = cycle === undefined ? to : cycle.map(({ name }) => name).join(" → ");
  return `${rule.name}: ${from} → ${way}`;
}
