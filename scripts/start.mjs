/**
 * `npm start`: installs the packages where they are missing or older than the lock file, compiles, and runs `quittance
 * up --demo`.
 *
 * `node scripts/start.mjs [option of up…]`: passes its options and signals on, and ends with the same exit code.
 */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, rmSync, statSync, utimesSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const NODE_MIN = [20, 19];
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];
const COMPILED = ["src", "migrations"];
const home = fileURLToPath(new URL("..", import.meta.url));
const buildInfo = join(home, "dist", ".tsbuildinfo");
/** npm itself, by its script where we run under it, so that it is the same one. */
const npm = process.env.npm_execpath === undefined ? ["npm"] : [process.execPath, process.env.npm_execpath];

process.exitCode = await start(process.argv.slice(2));

async function start(options) {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < NODE_MIN[0] || (major === NODE_MIN[0] && minor < NODE_MIN[1])) {
    console.error(`error: Node ${NODE_MIN.join(".")} or later is needed; this is ${process.versions.node}.`);
    return 1;
  }
  const compiler = [
    process.execPath,
    join(home, "node_modules", "typescript", "bin", "tsc"),
    "-p",
    "tsconfig.build.json",
  ];
  const steps = [
    ...(arePackagesFresh() ? [] : [["installing packages (npm ci)", [...npm, "ci", "--no-audit", "--no-fund"]]]),
    ...(isBuildFresh() ? [] : [["compiling", compiler]]),
    [null, [process.execPath, join(home, "bin", "quittance"), "up", "--demo", ...options]],
  ];
  const startedAt = new Date();
  for (const [title, command] of steps) {
    if (title !== null) console.error(title);
    const code = await run(command, title === null ? "inherit" : 2);
    if (code !== 0) return code;
    if (title === "compiling") utimesSync(buildInfo, startedAt, startedAt); // it is not written where nothing changed
  }
  return 0;
}

/**
 * Whether nothing that is compiled changed since the compiler last ran; a folder changes when a file comes or goes.
 * Where its output is gone the compiler must not know of that run, since it writes only what changed.
 */
function isBuildFresh() {
  if (!existsSync(join(home, "dist", "src", "server", "main.js"))) rmSync(buildInfo, { force: true });
  if (!existsSync(buildInfo)) return false;
  const builtMs = statSync(buildInfo).mtimeMs;
  const isOlder = (path) => statSync(join(home, path)).mtimeMs < builtMs;
  const compiled = COMPILED.flatMap((folder) => [
    folder,
    ...readdirSync(join(home, folder), { recursive: true }).map((path) => join(folder, path)),
  ]);
  return [...compiled, "tsconfig.json", "tsconfig.build.json", "package-lock.json"].every(isOlder);
}

/** npm writes the inner lock last, so that an installation that was cut off counts as none. */
function arePackagesFresh() {
  const [wanted, installed] = [join(home, "package-lock.json"), join(home, "node_modules", ".package-lock.json")];
  return existsSync(installed) && statSync(wanted).mtimeMs <= statSync(installed).mtimeMs;
}

/** The exit code, or what shells say of a signal: 128 and its number. */
function run([command, ...args], stdout) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: home, stdio: ["inherit", stdout, "inherit"] });
    const pass = (signal) => child.kill(signal);
    for (const signal of SIGNALS) process.on(signal, pass);
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      for (const name of SIGNALS) process.off(name, pass);
      resolve(code ?? 128 + constants.signals[signal]);
    });
  });
}
