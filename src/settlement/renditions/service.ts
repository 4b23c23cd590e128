import { Piscina } from "piscina";
import { publicKeysForAllTenants } from "../../identity/platform-keys/service.js";
import type { App } from "../../platform/app.js";
import { settlementError } from "../errors.js";
import { STATEMENT_TYPE } from "../issuing/service.js";
import { verifyStatement } from "../statements/service.js";
import type { Reading, Rendition } from "./entities.js";
import type { Unshown, Wanted } from "./render.js";

/** Threads of this process that write statements, so that nobody else waits meanwhile. */
export interface Renderer {
  /** One of our own statements as a file; `UNAVAILABLE` while too many wait, `LIMIT_EXCEEDED` as a PDF too long. */
  render(app: App, jws: string, reading: Reading): Promise<Rendition>;
  /** Ends the threads and what they are at. */
  close(): Promise<void>;
}

const THREADS_MAX = 2;
const WAITING_MAX = 32;
const IDLE_MS_MAX = 300_000;
const HEAP_MB_MAX = 1_024;
const RETRY_AFTER_MS = 2_000;

/** Starts a thread when the first statement is wanted; `tsx` compiles it where the source runs uncompiled. */
export function openRenderer(): Renderer {
  const isSource = import.meta.url.endsWith(".ts");
  const pool = new Piscina<Wanted, Rendition | Unshown>({
    filename: new URL(isSource ? "./thread.ts" : "./thread.js", import.meta.url).href,
    name: "write",
    execArgv: isSource ? ["--import", "tsx"] : [],
    minThreads: 0,
    maxThreads: THREADS_MAX,
    idleTimeout: IDLE_MS_MAX,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX },
  });
  return {
    async render(app, jws, reading) {
      const wanted = await ours(app, jws, reading);
      if (pool.queueSize >= WAITING_MAX) {
        const reason = "Too many statements are being written; ask again in a moment.";
        throw settlementError("UNAVAILABLE", { reason, retryAfterMs: RETRY_AFTER_MS });
      }
      return shown(await pool.run(wanted));
    },
    close: () => pool.destroy(),
  };
}

/** One of our own statements as a file, in this thread: for the shell. */
export async function renderOwn(app: App, jws: string, reading: Reading): Promise<Rendition> {
  return here(await ours(app, jws, reading));
}

/**
 * A statement that somebody presents as a file, offline; refused (`VALIDATION`) where it is not signed by one of the
 * keys (a JWK Set), or an amount on it does not follow from its terms.
 */
export async function renderPresented(jws: string, jwks: unknown, reading: Reading): Promise<Rendition> {
  const fault = verifyStatement(jws, jwks);
  if (fault !== null)
    throw settlementError("VALIDATION", { reason: `It is not a statement to show: ${fault.reason}.` });
  return here({ jws, jwks, typ: STATEMENT_TYPE, ...reading });
}

/** Loaded where it is needed: it takes longer to load what writes files than to write one. */
async function here(wanted: Wanted): Promise<Rendition> {
  const { renderStatement } = await import("./render.js");
  return shown(await renderStatement(wanted));
}

async function ours(app: App, jws: string, reading: Reading): Promise<Wanted> {
  return { jws, jwks: { keys: await publicKeysForAllTenants(app) }, typ: STATEMENT_TYPE, ...reading };
}

/** A statement that we stored and does not verify was damaged where it lay. */
function shown(made: Rendition | Unshown): Rendition {
  if ("fault" in made && made.fault === "TOO_LONG") {
    throw settlementError("LIMIT_EXCEEDED", {
      reason: "The statement is too long for a PDF; CSV and XLSX hold all of it.",
    });
  }
  if ("fault" in made) throw new Error(`a stored statement does not verify: ${made.fault}`);
  return made;
}
