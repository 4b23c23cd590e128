import { emptyRoot } from "../../kernel/merkle.js";
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
  formatCheckpoint,
  NoteKeyType,
  type NoteVerifier,
  noteText,
  parseVerifierKey,
  signNote,
} from "../checkpoint.js";
import { LogCheckpoint } from "../entities.js";
import { logSigner } from "../keys/service.js";
import { latestCheckpoint, type SignedTree, tileReader } from "../reading/service.js";
import { consistencyProofFromTiles } from "../tiles.js";
import {
  formatAddCheckpoint,
  isContradiction,
  isUnheard,
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

/** Which witness has told this process about which log what it holds of it. */
const heard = perApp(() => ({ about: new Set<string>() }));

/** The questions under way, by witness and log. */
const underWay = perApp(() => new Map<string, Promise<boolean>>());

/** Whether a witness has told this process what it holds of a tenant's log. */
export function isHeard(app: App, tenantNo: number, { url }: Witness): boolean {
  return heard(app).about.has(`${url} ${tenantNo}`);
}

/**
 * Asks everybody anew: rows may be older than this process saw them. Another set instead of an empty one, so that an
 * answer to what was asked before is not taken for one.
 */
export function forgetHeard(app: App): void {
  heard(app).about = new Set();
}

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
    if (isAbsent(app, witness.url)) return cosigned;
    if (await askOnce(app, tenant, witness)) cosigned += 1;
  }
  return cosigned;
}

/** Whether a witness cosigned a log; who wants to know it meanwhile waits for the same answer. */
function askOnce(app: App, tenant: Tenant, witness: Witness): Promise<boolean> {
  const ofLog = `${witness.url} ${tenant.no}`;
  const all = underWay(app);
  const asked = all.get(ofLog) ?? askAbout(app, tenant, witness).finally(() => all.delete(ofLog));
  all.set(ofLog, asked);
  return asked;
}

async function askAbout(app: App, tenant: Tenant, witness: Witness): Promise<boolean> {
  const ofLog = `${witness.url} ${tenant.no}`;
  if (isAbsent(app, ofLog)) return false;
  const { about } = heard(app);
  const told = await cosignOne(app, tenant, witness).catch((error: unknown) => {
    const { name } = witness.verifier;
    app.log.error({ err: error, tenant: tenant.id, witness: name }, "log: a witness could not be asked to cosign");
    noteAbsence(app, ofLog, true); // the other logs are none the worse for it
  });
  if (told === undefined) return false;
  const { fault, isHeard } = told;
  if (isHeard) about.add(ofLog); // only now that what it said is kept
  noteAbsence(app, witness.url, fault === "AWAY");
  noteAbsence(app, ofLog, fault !== null && fault !== "AWAY");
  return fault === null;
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

/** What came of asking. */
interface Told {
  /** Null where it cosigned. */
  readonly fault: WitnessFault | null;
  /** Whether it thereby said what it holds. */
  readonly isHeard: boolean;
}

/** Undefined where there was nothing to ask. */
async function cosignOne(app: App, tenant: Tenant, witness: Witness): Promise<Told | undefined> {
  const latest = await latestCheckpoint(app, tenant.no);
  const state = await anchorState(app, tenant.no, witness.verifier.name);
  const isNews = latest !== null && (state.size !== latest.size || state.fault !== null);
  const isFirst = !isHeard(app, tenant.no, witness);
  const newest = isNews || isFirst ? await shownTo(app, tenant, latest, isFirst) : null;
  if (newest === null) return undefined;
  const { answer, heldSize } = await ask(app, { tenant, witness, newest, state });
  if (await isPast(app, tenant, newest)) return undefined;
  const [cosignature] = answer.kind === "COSIGNED" ? cosignaturesOf(answer.lines, newest, witness) : [];
  if (cosignature !== undefined) {
    await keep(app, tenant, newest, cosignature);
    return { fault: null, isHeard: true };
  }
  const fault = faultOf(answer, newest);
  const told = { fault, isHeard: !isUnheard(fault, heldSize) };
  if (fault === "AHEAD" && (await isOvertaken(app, tenant, heldSize))) return undefined;
  if (isContradiction(state.fault) && !isContradiction(fault)) return told;
  if (fault !== state.fault || heldSize !== state.size) {
    const { name } = witness.verifier;
    app.log.error({ tenant: tenant.id, witness: name, fault, heldSize }, "log: a witness did not cosign");
    await noteAnchor(app, tenant.no, { ...state, size: heldSize, fault });
  }
  return told;
}

/**
 * What a witness is asked to cosign: the newest checkpoint under the log's present name. Where there is none it is
 * asked once with that of the empty tree, which every log continues: to it it says what a restored backup forgot.
 */
async function shownTo(
  app: App,
  tenant: Tenant,
  latest: SignedTree | null,
  isFirst: boolean,
): Promise<SignedTree | null> {
  const signer = await logSigner(app, { tenantId: tenant.id, tenantNo: tenant.no });
  const { generation, name: origin } = signer;
  if (latest?.generation === generation) return latest;
  if (!isFirst) return null;
  const empty = { size: 0, root: emptyRoot() };
  const note = signNote(formatCheckpoint({ origin, ...empty }), signer);
  return { ...empty, note, generation, signedAt: app.clock.now() };
}

/** Whether a log was restarted since a checkpoint, or a backup restored without it: what is said of it says no more. */
async function isPast(app: App, tenant: Tenant, { generation, size, root }: SignedTree): Promise<boolean> {
  const signer = await logSigner(app, { tenantId: tenant.id, tenantNo: tenant.no });
  if (signer.generation !== generation) return true;
  if (size === 0) return false;
  const kept = await app.database.manager.findOneBy(LogCheckpoint, { tenantNo: tenant.no, size: BigInt(size) });
  return kept === null || !kept.root.equals(root);
}

/** Whether a log has by now itself signed as much as a witness holds. */
async function isOvertaken(app: App, tenant: Tenant, heldSize: number): Promise<boolean> {
  const latest = await latestCheckpoint(app, tenant.no);
  return latest !== null && latest.size >= heldSize;
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
  if (size > 0) {
    await transact(app, (tx) =>
      tx.query(
        `insert into log_cosignature (tenant_no, size, witness, line, cosigned_at) values (?, ?, ?, ?, ?)
         on duplicate key update line = values(line), cosigned_at = values(cosigned_at)`,
        [tenant.no, size, name, line, at],
      ),
    );
  }
  await noteAnchor(app, tenant.no, { name, size, heldAt: size > 0 ? at : null, fault: null });
}
