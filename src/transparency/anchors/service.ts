import { stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { instantText } from "../../kernel/clock.js";
import type { App } from "../../platform/app.js";
import { transact } from "../../platform/database.js";
import { appendLine, lastLine, linesIn } from "../../platform/line-file.js";
import type { Tenant } from "../../tenancy/entities.js";
import { type Checkpoint, parseCheckpoint, verifyNote } from "../checkpoint.js";
import { LogAnchor } from "../entities.js";
import { logSigner, logVerifiers } from "../keys/service.js";
import { latestCheckpoint } from "../reading/service.js";
import { isUnheard } from "../witnesses/rules.js";

/** How the operator's file is called among the anchors of a log. */
export const FILE_ANCHOR = "file";

/** What an anchor is known to hold, or what was wrong with it. */
export interface AnchorState {
  readonly name: string;
  readonly size: number;
  readonly heldAt: Date | null;
  readonly fault: string | null;
}

const Line = z.object({ at: z.iso.datetime(), note: z.string() });

/**
 * Writes every tenant's newest checkpoint down outside the database, a line each that is on the disk before this
 * answers. A disk that is away, or a file that lost what it held, is told (`AWAY`); the file is not begun anew, since a
 * log is not signed without the anchor that it had. Answers how many lines it wrote.
 */
export async function anchorForAllTenants(app: App, tenants: readonly Tenant[]): Promise<number> {
  const { anchorDir } = app.config;
  if (anchorDir === null) return 0;
  let written = 0;
  for (const tenant of tenants) {
    try {
      if (await anchorOne(app, tenant, anchorDir)) written += 1;
    } catch (error) {
      app.log.error({ err: error, tenant: tenant.id, anchorDir }, "log: the anchor file cannot be written");
      await noteAway(app, tenant.no, FILE_ANCHOR);
    }
  }
  return written;
}

/** The last checkpoint of the log that was written down outside, by its newest key; null where there is none. */
export async function lastAnchored(app: App, tenant: Tenant): Promise<Checkpoint | null> {
  const { anchorDir } = app.config;
  const line = anchorDir === null ? null : await lastLine(fileOf(anchorDir, tenant.id));
  return line === null ? null : ((await lineReader(app, tenant))(line)?.own ?? null);
}

/** Whether the file can be asked at all: its folder is there, and what is in it can be read. */
export async function isFileAsked(app: App, tenant: Tenant): Promise<boolean> {
  const { anchorDir } = app.config;
  if (anchorDir === null) return true;
  try {
    await Promise.all([stat(anchorDir), lastLine(fileOf(anchorDir, tenant.id))]);
    return true;
  } catch (error) {
    app.log.warn({ err: error, tenant: tenant.id, anchorDir }, "log: the anchor file cannot be asked");
    return false;
  }
}

/** What is held of a log outside; or why that cannot be told. */
export type HeldOutside =
  | { readonly checkpoint: Checkpoint | null; readonly fault: null }
  | { readonly checkpoint: null; readonly fault: "UNREADABLE" };

/** The last checkpoint of the log's newest key in the file, past lines that are torn or none that it signed. */
export async function heldOutside(app: App, tenant: Tenant): Promise<HeldOutside> {
  try {
    let checkpoint: Checkpoint | null = null;
    for await (const found of anchoredCheckpoints(app, tenant)) checkpoint = found ?? checkpoint;
    return { checkpoint, fault: null };
  } catch (error) {
    if (!(error instanceof Error && "syscall" in error)) throw error;
    app.log.error({ err: error, tenant: tenant.id }, "log: the anchor file cannot be read");
    return { checkpoint: null, fault: "UNREADABLE" };
  }
}

/** Every checkpoint that was written down outside by the log's newest key, oldest first; null for what is none. */
export async function* anchoredCheckpoints(app: App, tenant: Tenant): AsyncGenerator<Checkpoint | null> {
  const { anchorDir } = app.config;
  if (anchorDir === null) return;
  const read = await lineReader(app, tenant);
  for await (const line of linesIn(fileOf(anchorDir, tenant.id))) {
    const found = read(line);
    if (found?.own !== null) yield found?.own ?? null;
  }
}

/** What a tenant's anchors hold, by name. */
export async function anchorsOf(app: App, tenantNo: number): Promise<LogAnchor[]> {
  return app.database.manager.find(LogAnchor, { where: { tenantNo }, order: { name: "ASC" } });
}

/** What one anchor is known to hold; nothing before it was first asked. */
export async function anchorState(app: App, tenantNo: number, name: string): Promise<AnchorState> {
  const found = await app.database.manager.findOneBy(LogAnchor, { tenantNo, name });
  return { name, size: Number(found?.size ?? 0), heldAt: found?.heldAt ?? null, fault: found?.fault ?? null };
}

/** A contradiction, as `isContradiction` has it, is taken back by nothing but that the anchor has what there is. */
const STANDS = "(fault in ('AHEAD', 'NOT_CONSISTENT') and values(fault) not in ('AHEAD', 'NOT_CONSISTENT'))";

/**
 * Keeps what an anchor holds, or what is wrong with it; one that was heard is waited for again at the next start. One
 * that contradicted the log stays so whatever else is wrong with it later, or was found wrong before and is noted late.
 */
export async function noteAnchor(app: App, tenantNo: number, state: AnchorState): Promise<void> {
  const { name, size, heldAt, fault } = state;
  await transact(app, (tx) =>
    tx.query(
      `insert into log_anchor (tenant_no, name, size, held_at, fault) values (?, ?, ?, ?, ?)
       on duplicate key update size = if(${STANDS}, size, values(size)),
         held_at = if(${STANDS}, held_at, values(held_at)), waived_until = if(?, waived_until, null),
         fault = if(${STANDS}, fault, values(fault))`, // last: what comes after it reads what it was set to
      [tenantNo, name, size, heldAt, fault, isUnheard(fault, size)],
    ),
  );
}

/** Keeps that an anchor cannot be asked, where nothing else is wrong with it. */
export async function noteAway(app: App, tenantNo: number, name: string): Promise<void> {
  await transact(app, (tx) =>
    tx.query(
      `insert into log_anchor (tenant_no, name, size, held_at, fault) values (?, ?, 0, null, 'AWAY')
       on duplicate key update fault = coalesce(fault, 'AWAY')`,
      [tenantNo, name],
    ),
  );
}

async function anchorOne(app: App, tenant: Tenant, anchorDir: string): Promise<boolean> {
  const newest = await latestCheckpoint(app, tenant.no);
  if (newest === null) return false;
  const known = await anchorState(app, tenant.no, FILE_ANCHOR);
  const held = await lastAnchored(app, tenant);
  if ((held?.size ?? 0) < known.size) throw new Error(`The anchor file no longer holds the tree of ${known.size}.`);
  const state = { name: FILE_ANCHOR, size: held?.size ?? 0, heldAt: app.clock.now(), fault: null };
  if (held !== null && held.size >= newest.size) {
    const isFork = held.size > newest.size || !held.root.equals(newest.root);
    const fault = isFork ? "AHEAD" : null;
    if (fault !== known.fault) await noteAnchor(app, tenant.no, { ...state, heldAt: known.heldAt, fault });
    return false;
  }
  const line = { at: instantText(app.clock.now()), note: newest.note };
  await appendLine(fileOf(anchorDir, tenant.id), JSON.stringify(line));
  await noteAnchor(app, tenant.no, { ...state, size: newest.size });
  return true;
}

/** Reads lines: null for one that our keys did not sign; `own` is null where an earlier generation of them did. */
async function lineReader(app: App, tenant: Tenant): Promise<(line: string) => { own: Checkpoint | null } | null> {
  const { name } = await logSigner(app, { tenantId: tenant.id, tenantNo: tenant.no });
  const verifiers = await logVerifiers(app.database.manager, tenant.no);
  return (line) => {
    const verdict = verifyNote(noteOf(line), verifiers);
    const checkpoint = verdict.valid ? parseCheckpoint(verdict.text) : null;
    return checkpoint === null ? null : { own: checkpoint.origin === name ? checkpoint : null };
  };
}

/** The note of a line; of one that is no such line a text that nobody signed. */
function noteOf(line: string): string {
  try {
    return Line.parse(JSON.parse(line)).note;
  } catch {
    return ""; // whoever reads is told that nobody signed it
  }
}

function fileOf(anchorDir: string, tenantId: string): string {
  return join(anchorDir, `${tenantId}.ndjson`);
}
