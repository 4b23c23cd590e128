import type { KeyObject } from "node:crypto";
import { emptyRoot, findConsistencyFault } from "../../kernel/merkle.js";
import {
  type Checkpoint,
  cosignatureLine,
  formatVerifierKey,
  NoteKeyType,
  type NoteVerifier,
  noteText,
  parseCheckpoint,
  parseVerifierKey,
  verifyNote,
} from "../checkpoint.js";
import { type AddCheckpoint, parseAddCheckpoint } from "../witnesses/rules.js";

/** What a witness answers to `add-checkpoint`. */
export interface WitnessReply {
  readonly status: 200 | 400 | 403 | 404 | 409 | 422;
  readonly contentType: string;
  readonly text: string;
  /** The note to keep as the log's newest before the reply is sent; null where nothing changes. */
  readonly kept: string | null;
}

/** Who witnesses, and whose logs. */
export interface WitnessSetting {
  readonly name: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** Verifier keys of the logs that it watches; a key's name is its log's origin. */
  readonly logKeys: readonly string[];
}

/** A witness: it decides, and keeps nothing. */
export interface OpenWitness {
  readonly verifierKey: string;
  /** Which log a request is about; null where that is none that it watches. */
  originOf(body: string): string | null;
  /**
   * Decides an `add-checkpoint` request as C2SP tlog-witness says, given the note that it cosigned last of that log:
   * cosigns what continues it, and nothing else. The caller asks one at a time, and keeps `kept` before it replies.
   */
  reply(body: string, held: string | null, now: Date): WitnessReply;
}

/** Opens a witness; throws a sentence for people where a key is none of a log. */
export function openWitness({ name, privateKey, publicKey, logKeys }: WitnessSetting): OpenWitness {
  const logs = logKeys.map((text) => {
    const key = parseVerifierKey(text);
    if (key?.type !== NoteKeyType.ED25519) throw new Error(`"${text}" is not the verifier key of a log.`);
    return key;
  });
  return {
    verifierKey: formatVerifierKey(name, publicKey, NoteKeyType.COSIGNATURE_V1),
    originOf(body) {
      const origin = requestIn(body)?.stated.origin;
      return origin !== undefined && logs.some((log) => log.name === origin) ? origin : null;
    },
    reply(body, held, now) {
      const request = requestIn(body);
      const known = held === null ? null : parseCheckpoint(noteText(held) ?? "");
      const refusal = refusalOf(request, logs, known);
      if (refusal !== null || request === null) return refusal ?? MALFORMED;
      const text = cosignatureLine(request.text, { name, privateKey }, now);
      return { status: 200, contentType: PLAIN, text, kept: request.checkpoint };
    },
  };
}

interface Request extends AddCheckpoint {
  /** The checkpoint's text, and what it says. */
  readonly text: string;
  readonly stated: Checkpoint;
}

function requestIn(body: string): Request | null {
  const request = parseAddCheckpoint(body);
  const text = request === null ? null : noteText(request.checkpoint);
  const stated = text === null ? null : parseCheckpoint(text);
  return request === null || text === null || stated === null ? null : { ...request, text, stated };
}

function refusalOf(
  request: Request | null,
  logs: readonly NoteVerifier[],
  known: Checkpoint | null,
): WitnessReply | null {
  if (request === null) return MALFORMED;
  const { oldSize, proof, checkpoint, stated } = request;
  const keys = logs.filter(({ name }) => name === stated.origin);
  if (keys.length === 0) return refused(404, "This log is not watched here.");
  if (!verifyNote(checkpoint, keys).valid) return refused(403, "No key of this log has signed the checkpoint.");
  if (oldSize > stated.size) return refused(400, "The old size is above the checkpoint's.");
  const older = known ?? { size: 0, root: emptyRoot() };
  const isOther = older.size === stated.size && !older.root.equals(stated.root);
  if (oldSize !== older.size || isOther) return conflict(older.size);
  const sizes = { size1: older.size, size2: stated.size };
  const fault = findConsistencyFault({ ...sizes, root1: older.root, root2: stated.root, proof });
  return fault === null ? null : refused(422, "The proof does not lead from the tree that was cosigned to this one.");
}

const PLAIN = "text/plain; charset=utf-8";
const MALFORMED = refused(400, "This is no add-checkpoint request.");

function refused(status: 400 | 403 | 404 | 422, text: string): WitnessReply {
  return { status, contentType: "text/plain; charset=utf-8", text: `${text}\n`, kept: null };
}

function conflict(size: number): WitnessReply {
  return { status: 409, contentType: "text/x.tlog.size", text: `${size}\n`, kept: null };
}
