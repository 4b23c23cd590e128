import { chmodSync, lstatSync, mkdirSync, readFileSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256Hex } from "../../kernel/digest.js";

/** Where the private servers of one data directory keep their things; every path absolute. */
export interface Place {
  readonly dataDir: string;
  /** Pid files; only we may look inside. */
  readonly runDir: string;
  readonly logDir: string;
  /** Sockets; only we may look inside. `runDir`, or a short folder when that is too long for a socket's address. */
  readonly socketDir: string;
}

/** An address of a Unix socket has 108 bytes, one of them its end. */
const SOCKET_PATH_BYTES_MAX = 106;
const LONGEST_SOCKET = "mariadb.sock";
const LOG_TAIL_LINES = 8;

/** Makes the folders that are missing, or throws a sentence that says which cannot be used. */
export function openPlace(dataDir: string): Place {
  mkdirSync(dataDir, { recursive: true });
  const home = realpathSync(dataDir);
  const [runDir, logDir] = [join(home, "run"), join(home, "log")];
  for (const folder of [runDir, logDir]) {
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, 0o700);
  }
  return { dataDir: home, runDir, logDir, socketDir: openSocketDir(home, runDir) };
}

/** The last lines that a server or role wrote, for a message about its end. */
export function tailOf(logFile: string): string {
  const lines = readFileSync(logFile, "utf8").trimEnd().split("\n");
  return lines.slice(-LOG_TAIL_LINES).join("\n");
}

function openSocketDir(home: string, runDir: string): string {
  if (isShortEnough(runDir)) return runDir;
  const user = process.getuid?.() ?? 0;
  const folder = join(realpathSync(tmpdir()), `quittance-${user}-${sha256Hex(home).slice(0, 12)}`);
  if (!isShortEnough(folder)) throw new Error(`${home} is too long for a socket's address, and so is ${folder}.`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const found = lstatSync(folder);
  const isPrivate = found.isDirectory() && found.uid === user && (found.mode & 0o077) === 0;
  if (!isPrivate) throw new Error(`${folder} is for our sockets, but others can use it. Remove it and start again.`);
  return folder;
}

function isShortEnough(folder: string): boolean {
  return Buffer.byteLength(join(folder, LONGEST_SOCKET)) <= SOCKET_PATH_BYTES_MAX;
}
