import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import type { Actor } from "../../kernel/actor.js";
import { instantText, later } from "../../kernel/clock.js";
import type { App } from "../../platform/app.js";
import { transact } from "../../platform/database.js";
import { perApp } from "../../platform/per-app.js";
import type { Tenant } from "../../tenancy/entities.js";
import { anchorsOf, FILE_ANCHOR, isFileAsked, noteAway } from "../anchors/service.js";
import { transparencyError } from "../errors.js";
import { isUnheard } from "../witnesses/rules.js";
import { isHeard, witnessesIn } from "../witnesses/service.js";
import { awaitedWitnesses } from "./rules.js";

/** For how long a log is signed without hearing a witness; by then it is back, or off the list. */
const WAIVED_MS = 7 * 86_400_000;

/** The logs that this process signs only once somebody was heard, by tenant: the names of those. */
export const waitingLogs = perApp((): Map<string, readonly string[]> => new Map());

/**
 * Who must be heard before this process signs a log: the anchor file, and witnesses until as many were heard as the
 * configuration wants. A restored backup does not know what it has lost; they do.
 */
export async function awaitedAnchors(app: App, tenant: Tenant): Promise<readonly string[]> {
  const file = (await isFileAsked(app, tenant)) ? [] : [FILE_ANCHOR];
  const witnesses = witnessesIn(app.config);
  if (witnesses.every((witness) => isHeard(app, tenant.no, witness))) return file;
  const now = app.clock.now();
  const anchors = await anchorsOf(app, tenant.no);
  const waived = anchors.filter(({ waivedUntil }) => waivedUntil !== null && waivedUntil > now).map(({ name }) => name);
  const asked = witnesses.map((witness) => {
    const { name } = witness.verifier;
    return { name, isHeard: isHeard(app, tenant.no, witness), isWaived: waived.includes(name) };
  });
  return [...file, ...awaitedWitnesses(asked, app.config.witnessQuorum)];
}

/** Remembers whom a log waits for, or that it waits no more, and says so once, also to whoever reads the anchors. */
export async function noteWaiting(app: App, tenant: Tenant, awaited: readonly string[]): Promise<void> {
  const waiting = waitingLogs(app);
  const isNews = (waiting.get(tenant.id)?.join() ?? "") !== awaited.join();
  if (awaited.length === 0) waiting.delete(tenant.id);
  else waiting.set(tenant.id, awaited);
  if (!isNews) return;
  if (awaited.length === 0) return app.log.info({ tenant: tenant.id }, "log: everybody was heard; it is signed");
  app.log.error({ tenant: tenant.id, awaited }, "log: NOT SIGNED before these are heard; see docs/operators/log.md");
  for (const name of awaited) await noteAway(app, tenant.no, name);
}

/**
 * Lets a log be signed, for a week at most, although a witness that is away was not heard, and says why in an act. Once
 * it was heard it is waited for again. Refused for a name that no witness of the log has (`NOT_FOUND`), and for one
 * that is there, or contradicts the log (`VERSION_CONFLICT`). For the operator's shell.
 */
export async function waiveWitness(
  app: App,
  actor: Actor,
  { witness, reason }: { readonly witness: string; readonly reason: string },
): Promise<Date> {
  const now = app.clock.now();
  const until = later(now, WAIVED_MS);
  await transact(app, async (tx) => {
    const [anchor] = await tx.query(
      "select size, fault, waived_until from log_anchor where tenant_no = ? and name = ? and name <> ? for update",
      [actor.tenantNo, witness, FILE_ANCHOR],
    );
    if (anchor === undefined) throw transparencyError("NOT_FOUND", { what: "witness of this log" });
    const { size, fault, waived_until: waivedUntil } = anchor;
    if (!isUnheard(fault, Number(size))) throw transparencyError("VERSION_CONFLICT");
    await tx.query("update log_anchor set waived_until = ? where tenant_no = ? and name = ?", [
      until,
      actor.tenantNo,
      witness,
    ]);
    const before = { fault, size: Number(size), waivedUntil: waivedUntil === null ? null : instantText(waivedUntil) };
    const after = { witness, waivedUntil: instantText(until), reason };
    const act = { type: ActType.LOG_WITNESS_WAIVED, subjectId: actor.tenantId, partner: null };
    await recordActs(tx, actor, now, [{ ...act, before, after }]);
  });
  return until;
}
