import { extname } from "node:path";
import { publicKeysForAllTenants } from "../../identity/platform-keys/service.js";
import type { App } from "../../platform/app.js";
import { Threads } from "../../platform/threads.js";
import { settlementError } from "../errors.js";
import { STATEMENT_TYPE } from "../issuing/service.js";
import { verifyStatement } from "../statements/service.js";
import type { Reading, Rendition } from "./entities.js";
import type { Unshown, Wanted } from "./render.js";

const WAITING_MAX = 32;
const RETRY_AFTER_MS = 2_000;

/** They write statements, so that nobody else waits meanwhile. */
const threads = new Threads<Wanted, Rendition | Unshown>(
  new URL(`./thread${extname(import.meta.url)}`, import.meta.url),
  WAITING_MAX,
);

/**
 * One of our own statements as a file, written in a thread; `UNAVAILABLE` while too many wait, `LIMIT_EXCEEDED` where
 * it is too long for a PDF.
 */
export async function renderOwn(app: App, jws: string, reading: Reading): Promise<Rendition> {
  // What we stored ourselves is ours, whatever became of its key since.
  const jwks = { keys: (await publicKeysForAllTenants(app)).map(({ revoked: _, ...key }) => key) };
  if (threads.isFull) {
    const reason = "Too many statements are being written; ask again in a moment.";
    throw settlementError("UNAVAILABLE", { reason, retryAfterMs: RETRY_AFTER_MS });
  }
  return shown(await threads.ask({ jws, jwks, typ: STATEMENT_TYPE, ...reading }));
}

/**
 * A statement that somebody presents as a file, offline, where nobody else waits; refused (`VALIDATION`) where it is
 * not signed by one of the keys (a JWK Set), or by a revoked one after the instant that is proven for it, or an amount
 * on it does not follow from its terms.
 */
export async function renderPresented(
  jws: string,
  { jwks, provenAt }: { readonly jwks: unknown; readonly provenAt: Date | null },
  reading: Reading,
): Promise<Rendition> {
  const fault = verifyStatement(jws, jwks, provenAt);
  if (fault !== null)
    throw settlementError("VALIDATION", { reason: `It is not a statement to show: ${fault.reason}.` });
  const { renderStatement } = await import("./render.js"); // slow to load, and not wanted by other commands
  return shown(await renderStatement({ jws, jwks, typ: STATEMENT_TYPE, provenAt, ...reading }));
}

/** A statement that we stored and does not verify was damaged where it lay. */
function shown(made: Rendition | Unshown): Rendition {
  if ("fault" in made && made.fault === "TOO_LONG") {
    const reason = "The statement is too long for a PDF; CSV and XLSX hold all of it.";
    throw settlementError("LIMIT_EXCEEDED", { reason });
  }
  if ("fault" in made) throw new Error(`a stored statement does not verify: ${made.fault}`);
  return made;
}
