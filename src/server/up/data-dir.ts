import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { sha256Hex } from "../../kernel/digest.js";
import type { Place } from "../../platform/embedded/place.js";

/** What `services.json` tells the other commands of this data directory. */
export interface Services {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly url: string;
}

/** A data directory that this process alone supervises. */
export interface Claim {
  release(): Promise<void>;
}

const MASTER_KEY_BYTES = 32;

/**
 * Claims a data directory for this process, until it ends. Throws a sentence with the process and URL when another
 * supervises it. The claim is an address that the kernel gives to one process and takes back at its death, so that
 * none is ever stale.
 */
export async function claimDataDir(place: Place): Promise<Claim> {
  const server = createServer((socket) => socket.destroy());
  const isFree = await listen(server, `\0quittance-up-${sha256Hex(place.dataDir)}`);
  if (!isFree) throw new Error(occupied(place));
  const pidFile = join(place.runDir, "up.pid");
  writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 });
  return {
    async release() {
      rmSync(pidFile, { force: true });
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

/** Tells the commands of this data directory where its servers are. */
export function writeServices(place: Place, services: Services): void {
  writeWhole(servicesFile(place), `${JSON.stringify(services)}\n`);
}

/** Takes back what `writeServices` told. */
export function removeServices(place: Place): void {
  rmSync(servicesFile(place), { force: true });
}

/**
 * Makes the key that seals private keys at rest, 32 random bytes in base64url, unless it is there; answers whether it
 * made it.
 */
export function ensureMasterKey(place: Place): boolean {
  const path = join(place.dataDir, "master.key");
  if (existsSync(path)) return false;
  writeWhole(path, `${randomBytes(MASTER_KEY_BYTES).toString("base64url")}\n`);
  return true;
}

/** Whether the demo of this data directory has played its history; the demo itself says so when it has. */
export function isDemoDone(place: Place): boolean {
  return existsSync(join(place.dataDir, "demo.done"));
}

function servicesFile(place: Place): string {
  return join(place.runDir, "services.json");
}

/** Whoever reads sees all of it or none. */
function writeWhole(path: string, text: string): void {
  const temporary = `${path}.new`;
  writeFileSync(temporary, text, { mode: 0o600 });
  renameSync(temporary, path);
}

function listen(server: Server, path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => {
      if ("code" in error && error.code === "EADDRINUSE") resolve(false);
      else reject(error);
    });
    server.listen({ path }, () => {
      server.unref();
      resolve(true);
    });
  });
}

function occupied(place: Place): string {
  const pid = existsSync(join(place.runDir, "up.pid"))
    ? readFileSync(join(place.runDir, "up.pid"), "utf8").trim()
    : "?";
  const services: unknown = existsSync(servicesFile(place))
    ? JSON.parse(readFileSync(servicesFile(place), "utf8"))
    : {};
  const url = typeof services === "object" && services !== null && "url" in services ? String(services.url) : null;
  const where = url === null ? "still starting" : `at ${url}`;
  const holder = `process ${pid}, ${where}`;
  return `Quittance already runs for ${place.dataDir}: ${holder}. Stop that one first, or give another --data-dir.`;
}
