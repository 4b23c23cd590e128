/**
 * Completes package-lock.json. A registry mirror that lacks a foreign platform's binary leaves it out of the lock, and
 * `npm ci` then refuses the lock ("Missing … from lock file"). For every optional dependency without an entry this adds
 * one with its version and the platform that its name says, which is all that `npm ci` asks of a package it skips.
 *
 * `node scripts/lock-stubs.mjs [--check] [lock file]` writes the lock; with --check it names what is missing and fails.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

const SYSTEMS = [
  "aix",
  "android",
  "darwin",
  "freebsd",
  "linux",
  "netbsd",
  "openbsd",
  "openharmony",
  "sunos",
  "wasi",
  "win32",
];
const PROCESSORS = ["arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "wasm32", "x64"];
const LIBRARIES = { gnu: "glibc", gnueabihf: "glibc", musl: "musl", musleabihf: "musl" };

const { values, positionals } = parseArgs({ options: { check: { type: "boolean" } }, allowPositionals: true });
const path = positionals[0] ?? new URL("../package-lock.json", import.meta.url);
const lock = JSON.parse(readFileSync(path, "utf8"));
const stubs = missingStubs(lock.packages);
const names = Object.keys(stubs);
if (values.check) {
  for (const name of names) console.error(`missing: ${name}`);
  process.exitCode = names.length === 0 ? 0 : 1;
} else {
  lock.packages = sorted({ ...lock.packages, ...stubs });
  writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
  console.log(`${names.length} entries added`);
}

/** The entries that the lock lacks, by their place in the tree. */
function missingStubs(packages) {
  const stubs = {};
  for (const [parent, entry] of Object.entries(packages)) {
    for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
      const version = range.replace(/^[~^]/, "");
      const held = resolve({ ...packages, ...stubs }, parent, name);
      if (held !== undefined && (held.version === version || range !== version)) continue;
      const place = held === undefined ? `node_modules/${name}` : `${parent}/node_modules/${name}`;
      stubs[place] = { version, ...(entry.dev ? { dev: true } : {}), optional: true, ...platformOf(name) };
    }
  }
  return stubs;
}

/** What Node would load for `name` from inside `parent`; undefined when nothing. */
function resolve(packages, parent, name) {
  for (let from = parent; ; from = from.slice(0, Math.max(0, from.lastIndexOf("/node_modules/")))) {
    const entry = packages[`${from === "" ? "" : `${from}/`}node_modules/${name}`];
    if (entry !== undefined || from === "") return entry;
  }
}

/** The platform that a binary's name says: `@x/binding-linux-arm64-musl` is linux, arm64, musl. */
function platformOf(name) {
  const words = name.slice(name.indexOf("/") + 1).split("-");
  const os = words.filter((word) => SYSTEMS.includes(word));
  const cpu = words.filter((word) => PROCESSORS.includes(word));
  const libc = words.flatMap((word) => LIBRARIES[word] ?? []);
  if (os.length !== 1 || cpu.length !== 1)
    throw new Error(`${name}: its name does not say one system and one processor`);
  return { os, cpu, ...(libc.length === 0 ? {} : { libc }) };
}

/** npm's own order, so that its next run changes no more than it must. */
function sorted(packages) {
  return Object.fromEntries(Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, "en")));
}
