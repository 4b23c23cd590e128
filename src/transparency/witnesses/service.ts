import type { App } from "../../platform/app.js";
import type { Config } from "../../platform/config.js";
import { transact } from "../../platform/database.js";
import { fetchOutside } from "../../platform/outgoing.js";
import { perApp } from "../../platform/per-app.js";
import type { Tenant } from "../../tenancy/entities.js";
import { type AnchorState, anchorState, noteAnchor } from "../anchors/service.js";
import {
  type Cosignature,
  cosignaturesIn,
  NoteKeyType,
  type NoteVerifier,
  noteText,
  parseVerifierKey,
} from "../checkpoint.js";
import { logSigner } from "../keys/service.js";
import { latestCheckpoint, type SignedTree, tileReader } from "../reading/service.js";
import { consistencyProofFromTiles } from "../tiles.js";
import {
  formatAddCheckpoint,
  isContradiction,
  readWitnessAnswer,
  type WitnessAnswer,
  type WitnessFault,
} from "./rules.js";

/** A witness that is asked to cosign. */
export interface Witness {
  readonly verifier: NoteVerifier;
  readonly url: string;
}

/** When a witness that was away, or refused a log, is asked again. */
interface Absence {
  readonly failures: number;
  readonly untilMs: number;
}

const TIMEOUT_MS = 5_000;
const NAME_CHARS_MAX = 128;
const PAUSE_MS = { first: 1_000, max: 60_000 };

/** The witnesses of the configuration; throws a sentence for people where a key is none of a witness. */
export function witnessesIn({ witnesses }: Pick<Config, "witnesses">): Witness[] {
  return witnesses.map(({ verifierKey, url }) => {
    const verifier = parseVerifierKey(verifierKey);
    const isName = verifier !== null && /^[\x21-\x7e]+$/.test(verifier.name) && verifier.name.length <= NAME_CHARS_MAX;
    if (verifier?.type !== NoteKeyType.COSIGNATURE_V1 || !isName) {
      throw new Error(`QUITTANCE_WITNESSES: "${verifierKey}" is not the verifier key of a witness (cosignature/v1).`);
    }
    return { verifier, url };
  });
}

/** By a witness' address, and by it and a log where only that log was refused. */
const absences = perApp(() => new Map<string, Absence>());

/** Who has answered about which log since this process started. */
const answered = perApp(() => new Set<string>());

/**
 * Asks every witness to cosign every tenant's newest checkpoint; a process asks each once of all, since a restored
 * backup does not know what it has lost. Witnesses are asked side by side, and one that is away is left alone for up to
 * a minute and stops nothing. What contradicts the log is kept until it is cosigned again. Answers how many cosigned.
 */
export async function cosignForAllTenants(app: App, tenants: readonly Tenant[]): Promise<number> {
  const cosigned = await Promise.all(witnessesIn(app.config).map((witness) => askFor(app, tenants, witness)));
  return cosigned.reduce((sum, each) => sum + each, 0);
}

async function askFor(app: App, tenants: readonly Tenant[], witness: Witness): Promise<number> {
  let cosigned = 0;
  for (const tenant of tenants) {
    const ofLog = `${witness.url} ${tenant.no}`;
    if (isAbsent(app, witness.url)) return cosigned;
    if (isAbsent(app, ofLog)) continue;
    const fault = await cosignOne(app, tenant, witness).catch((error: unknown) => {
      const { name } = witness.verifier;
      app.log.error({ err: error, tenant: tenant.id, witness: name }, "log: a witness could not be asked to cosign");
      noteAbsence(app, ofLog, true); // the other logs are none the worse for it
    });
    if (fault === undefined) continue;
    if (fault !== "AWAY") answered(app).add(ofLog);
    noteAbsence(app, witness.url, fault === "AWAY");
    noteAbsence(app, ofLog, fault !== null && fault !== "AWAY");
    if (fault === null) cosigned += 1;
  }
  return cosigned;
}

function isAbsent(app: App, name: string): boolean {
  const absence = absences(app).get(name);
  return absence !== undefined && performance.now() < absence.untilMs;
}

/** Asks again after twice as long each time. */
function noteAbsence(app: App, name: string, isAbsent: boolean): void {
  const all = absences(app);
  if (!isAbsent) return void all.delete(name);
  const failures = (all.get(name)?.failures ?? 0) + 1;
  const pauseMs = Math.min(PAUSE_MS.first * 2 ** (failures - 1), PAUSE_MS.max);
  all.set(name, { failures, untilMs: performance.now() + pauseMs });
}

/** Undefined where there was nothing to ask, null where it cosigned. */
async function cosignOne(app: App, tenant: Tenant, witness: Witness): Promise<WitnessFault | null | undefined> {
  const newest = await latestCheckpoint(app, tenant.no);
  const state = await anchorState(app, tenant.no, witness.verifier.name);
  const isHeld = newest !== null && state.size === newest.size && state.fault === null;
  if (newest === null || (isHeld && answered(app).has(`${witness.url} ${tenant.no}`))) return undefined;
  if (await isOvertaken(app, tenant, newest)) return undefined;
  const { answer, heldSize } = await ask(app, { tenant, witness, newest, state });
  const [cosignature] = answer.kind === "COSIGNED" ? cosignaturesOf(answer.lines, newest, witness) : [];
  if (cosignature !== undefined) {
    await keep(app, tenant, newest, cosignature);
    return null;
  }
  const fault = faultOf(answer, newest);
  const aheadSize = fault === "AHEAD" ? heldSize : null;
  if (isContradiction(fault) && (await isOvertaken(app, tenant, newest, aheadSize))) return undefined;
  if (isContradiction(state.fault) && !isContradiction(fault)) return fault;
  if (fault !== state.fault || heldSize !== state.size) {
    app.log.error(
      { tenant: tenant.id, witness: witness.verifier.name, fault, heldSize },
      "log: a witness did not cosign",
    );
    await noteAnchor(app, tenant.no, { ...state, size: heldSize, fault });
  }
  return fault;
}

/** Whether a log was restarted since a checkpoint, or has by now itself signed as much as a witness holds. */
async function isOvertaken(
  app: App,
  tenant: Tenant,
  { generation }: SignedTree,
  heldSize: number | null = null,
): Promise<boolean> {
  const signer = await logSigner(app, { tenantId: tenant.id, tenantNo: tenant.no });
  if (signer.generation !== generation) return true;
  const latest = heldSize === null ? null : await latestCheckpoint(app, tenant.no);
  return heldSize !== null && latest !== null && latest.size >= heldSize;
}

/** One question: whose log, to whom, which checkpoint, and what the witness is known to hold. */
interface Question {
  readonly tenant: Tenant;
  readonly witness: Witness;
  readonly newest: SignedTree;
  readonly state: AnchorState;
}

/** Asks with the size that the witness is known to hold, and once more with the one that it says it holds. */
async function ask(app: App, question: Question): Promise<{ answer: WitnessAnswer; heldSize: number }> {
  const { newest, state } = question;
  const known = Math.min(state.size, newest.size);
  const answer = await post(app, question, known);
  if (answer.kind !== "CONFLICT") return { answer, heldSize: state.size };
  if (answer.size === known || answer.size > newest.size) return { answer, heldSize: answer.size };
  return { answer: await post(app, question, answer.size), heldSize: answer.size };
}

async function post(app: App, { tenant, witness, newest }: Question, oldSize: number): Promise<WitnessAnswer> {
  const readTile = tileReader(app.database.manager, tenant.no);
  const proof = await consistencyProofFromTiles(readTile, { size1: oldSize, size2: newest.size });
  try {
    const answer = await fetchOutside(app.config, `${witness.url}/add-checkpoint`, {
      method: "POST",
      headers: { "content-type": "text/plain; charset=utf-8" },
      body: formatAddCheckpoint({ oldSize, proof, checkpoint: newest.note }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const contentType = answer.headers.get("content-type") ?? "";
    return readWitnessAnswer({ status: answer.status, contentType, text: await answer.text() });
  } catch (error) {
    app.log.warn({ err: error, witness: witness.verifier.name }, "log: a witness is away");
    return { kind: "FAULT", fault: "AWAY" };
  }
}

function cosignaturesOf(lines: string, { note }: SignedTree, { verifier }: Witness): Cosignature[] {
  return cosignaturesIn(lines, noteText(note) ?? "", verifier);
}

function faultOf(answer: WitnessAnswer, newest: SignedTree): WitnessFault {
  if (answer.kind === "FAULT") return answer.fault;
  if (answer.kind === "COSIGNED") return "REFUSED"; // by a line that is not this witness', or not of this checkpoint
  return answer.size > newest.size ? "AHEAD" : "NOT_CONSISTENT";
}

async function keep(app: App, tenant: Tenant, { size }: SignedTree, cosignature: Cosignature): Promise<void> {
  const { name, line, at } = cosignature;
  await transact(app, (tx) =>
    tx.query(
      `insert into log_cosignature (tenant_no, size, witness, line, cosigned_at) values (?, ?, ?, ?, ?)
       on duplicate key update line = values(line), cosigned_at = values(cosigned_at)`,
      [tenant.no, size, name, line, at],
    ),
  );
  await noteAnchor(app, tenant.no, { name, size, heldAt: at, fault: null });
}
