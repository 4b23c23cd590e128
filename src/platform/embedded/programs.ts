import { spawn, spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** The programs of the private pair. */
export interface Programs {
  readonly mariadbd: string;
  readonly redisServer: string;
}

/** Which of the two are wanted, where to look, and whom to tell what is done. */
export interface ProgramSearch {
  readonly isMariadbWanted: boolean;
  readonly isRedisWanted: boolean;
  /** As in PATH. */
  readonly searchPath: string;
  readonly say: (line: string) => void;
}

/** Where packages keep servers, which the PATH of an ordinary user often leaves out. */
export const SERVER_FOLDERS: readonly string[] = ["/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/opt/mariadb/bin"];

const OTHERWISE = [
  "or run everything with Docker Compose instead (docker compose up),",
  "or name your own servers in DATABASE_URL and REDIS_URL.",
].join(" ");

/**
 * Finds the wanted programs, and installs what is missing with apt-get where we are root or sudo asks for no password.
 * Throws one sentence that says what to install when neither works. A program that is not wanted is "" in the answer.
 */
export async function findPrograms(search: ProgramSearch): Promise<Programs> {
  if (missingOf(search).length > 0) await install(missingOf(search), search);
  const missing = missingOf(search);
  if (missing.length > 0) throw new Error(`${missing.join(" and ")} did not come with their packages; ${OTHERWISE}`);
  return {
    mariadbd: findProgram("mariadbd", search.searchPath) ?? "",
    redisServer: findProgram("redis-server", search.searchPath) ?? "",
  };
}

/** The executable file of that name in the folders of a PATH, or null. */
function findProgram(name: string, searchPath: string): string | null {
  const candidates = searchPath.split(delimiter).map((folder) => join(folder, name));
  return candidates.find(isExecutable) ?? null;
}

type Program = "mariadbd" | "redis-server";

const TITLES: Readonly<Record<Program, string>> = {
  mariadbd: "MariaDB 10.6 or later",
  "redis-server": "Redis 6 or later",
};
/** The packages that hold just the server, without the tools and services of the full ones. */
const PACKAGES: Readonly<Record<Program, string>> = {
  mariadbd: "mariadb-server-core",
  "redis-server": "redis-server",
};

function missingOf({ isMariadbWanted, isRedisWanted, searchPath }: ProgramSearch): Program[] {
  const wanted: Program[] = [
    ...(isMariadbWanted ? (["mariadbd"] as const) : []),
    ...(isRedisWanted ? (["redis-server"] as const) : []),
  ];
  return wanted.filter((name) => findProgram(name, searchPath) === null);
}

async function install(missing: readonly Program[], { searchPath, say }: ProgramSearch): Promise<void> {
  const what = missing.map((name) => TITLES[name]).join(" and ");
  const aptGet = findProgram("apt-get", searchPath);
  const prefix = aptGet === null ? null : rootPrefix(searchPath);
  if (aptGet === null || prefix === null) {
    const how = aptGet === null ? "" : `: sudo apt-get install ${missing.map((name) => PACKAGES[name]).join(" ")}`;
    throw new Error(`Install ${what} (${missing.join(" and ")})${how}; ${OTHERWISE}`);
  }
  const command = [...prefix, "env", "DEBIAN_FRONTEND=noninteractive", aptGet];
  const installing = async () => {
    const packages = await Promise.all(missing.map((name) => packageOf(name, searchPath)));
    say(`installing ${packages.join(" and ")} with apt-get`);
    return run([...command, "install", "-y", "--no-install-recommends", ...packages]);
  };
  if ((await installing()).code === 0) return;
  say("fetching the package lists first (apt-get update)");
  await run([...command, "update"]);
  const { code, output } = await installing();
  if (code !== 0) throw new Error(`apt-get could not install ${what}: ${lastLine(output)} Install it, ${OTHERWISE}`);
}

/** What makes a command run as root: nothing, or sudo without a password; null when neither is to be had. */
function rootPrefix(searchPath: string): readonly string[] | null {
  if (process.getuid?.() === 0) return [];
  const sudo = findProgram("sudo", searchPath);
  if (sudo === null || spawnSync(sudo, ["-n", "true"], { stdio: "ignore" }).status !== 0) return null;
  return [sudo, "-n"];
}

/** The package's name; older releases put a version behind it, and then the latest is taken. */
async function packageOf(program: Program, searchPath: string): Promise<string> {
  const wanted = PACKAGES[program];
  const aptCache = findProgram("apt-cache", searchPath);
  if (aptCache === null) return wanted;
  const names = (await run([aptCache, "pkgnames", wanted])).output.split("\n");
  const versioned = names.filter((name) => /^-\d+(\.\d+)*$/.test(name.slice(wanted.length)));
  return names.includes(wanted) ? wanted : (versioned.sort(byVersion).at(-1) ?? wanted);
}

function byVersion(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}

function run([command = "", ...args]: readonly string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, output }));
  });
}

function lastLine(output: string): string {
  return output.trimEnd().split("\n").at(-1) ?? "";
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
