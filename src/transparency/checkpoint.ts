import { createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { assert, present } from "../kernel/assert.js";
import { sha256 } from "../kernel/digest.js";
import { HASH_BYTES } from "../kernel/merkle.js";

/** What a log says of itself at one size (C2SP tlog-checkpoint); `root` has 32 bytes. */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
}

/** Who signs a note: a key name (no white space, no plus) and an Ed25519 private key. */
export interface NoteSigner {
  readonly name: string;
  readonly privateKey: KeyObject;
}

/** How a key signs a note: the byte that stands for it in key ids and verifier keys (C2SP signed-note). */
export enum NoteKeyType {
  /** The text itself: a log's own signature. */
  ED25519 = 1,
  /** The text with the time at which it was seen: a witness' (C2SP tlog-cosignature, `cosignature/v1`). */
  COSIGNATURE_V1 = 4,
}

/** A key that a reader of notes trusts; made by `parseVerifierKey`. */
export interface NoteVerifier {
  readonly name: string;
  readonly type: NoteKeyType;
  readonly keyId: Buffer;
  readonly publicKey: KeyObject;
}

/** Why a note is not to be believed. */
export enum NoteFault {
  /** Not a signed note at all. */
  MALFORMED = "MALFORMED",
  /** No signature is of a key that we trust. */
  UNKNOWN_KEY = "UNKNOWN_KEY",
  /** A signature names a trusted key and is not that key's. */
  SIGNATURE_INVALID = "SIGNATURE_INVALID",
}

/** A note's text with the names of the trusted keys that signed it, or why it must not be read. */
export type NoteVerdict =
  | {
      readonly valid: true;
      readonly text: string;
      readonly names: readonly string[];
    }
  | { readonly valid: false; readonly reason: NoteFault };

/** The note text of a checkpoint: origin, size and root in base64, a line each (C2SP tlog-checkpoint). */
export function formatCheckpoint({ origin, size, root }: Checkpoint): string {
  assert(origin !== "" && !origin.includes("\n") && isNoteText(`${origin}\n`), "an origin is one line");
  assert(Number.isSafeInteger(size) && size >= 0, "a size is a whole number");
  assert(root.length === HASH_BYTES, "a root has 32 bytes");
  return `${origin}\n${size}\n${root.toString("base64")}\n`;
}

/**
 * Reads the note text of a checkpoint, extension lines ignored; null for anything else. Says nothing about who signed
 * it.
 */
export function parseCheckpoint(text: string): Checkpoint | null {
  const match = CHECKPOINT.exec(text);
  if (match === null) return null;
  const [, origin = "", digits = "", root = ""] = match;
  const size = Number(digits);
  const hash = strictBase64(root);
  return Number.isSafeInteger(size) && hash?.length === HASH_BYTES ? { origin, size, root: hash } : null;
}

/**
 * The signed note (C2SP signed-note, Ed25519) of a text that ends in a newline. The same text and key make the same
 * note.
 */
export function signNote(text: string, { name, privateKey }: NoteSigner): string {
  assert(isNoteText(text), "a note's text is well-formed and ends in a newline");
  const keyId = noteKeyId(name, createPublicKey(privateKey));
  const signature = sign(null, Buffer.from(text, "utf8"), privateKey);
  return `${text}\n— ${name} ${Buffer.concat([keyId, signature]).toString("base64")}\n`;
}

/**
 * The line by which a witness cosigns a checkpoint's text at an instant, to the second (C2SP tlog-cosignature,
 * `cosignature/v1`); it ends in a newline.
 */
export function cosignatureLine(text: string, { name, privateKey }: NoteSigner, at: Date): string {
  assert(isNoteText(text), "a note's text is well-formed and ends in a newline");
  const time = Buffer.alloc(TIME_BYTES);
  time.writeBigUInt64BE(BigInt(Math.floor(at.getTime() / MS_PER_SECOND)));
  const keyId = noteKeyId(name, createPublicKey(privateKey), NoteKeyType.COSIGNATURE_V1);
  const signature = sign(null, cosignedMessage(text, time), privateKey);
  return `— ${name} ${Buffer.concat([keyId, time, signature]).toString("base64")}\n`;
}

/** A cosignature that holds: whose, its line as it stands on a note, and when the witness had seen the tree. */
export interface Cosignature {
  readonly name: string;
  readonly line: string;
  readonly at: Date;
}

/** The cosignatures of one witness among signature lines that hold for a checkpoint's text; all others are ignored. */
export function cosignaturesIn(lines: string, text: string, verifier: NoteVerifier): Cosignature[] {
  const parts = splitNote(`${text}\n${lines}`);
  if (parts?.text !== text || verifier.type !== NoteKeyType.COSIGNATURE_V1) return [];
  return parts.signatures.flatMap((signature) => {
    if (!isOf(signature, verifier) || !isSigned(text, signature.bytes, verifier)) return [];
    const at = new Date(Number(signature.bytes.readBigUInt64BE()) * MS_PER_SECOND);
    return [{ name: verifier.name, line: signature.line, at }];
  });
}

/** A note's text, without its signatures; null when it is no signed note. Says nothing about who signed it. */
export function noteText(note: string): string | null {
  return splitNote(note)?.text ?? null;
}

/**
 * Judges a signed note by the keys a reader trusts (C2SP signed-note): signatures of other keys are ignored, a wrong
 * signature of a trusted key refuses the whole note. At most 100 signatures and 1,000,000 characters.
 */
export function verifyNote(note: string, verifiers: readonly NoteVerifier[]): NoteVerdict {
  const parts = splitNote(note);
  if (parts === null) return { valid: false, reason: NoteFault.MALFORMED };
  const names = new Set<string>();
  for (const signature of parts.signatures) {
    const verifier = verifiers.find((each) => isOf(signature, each));
    if (verifier === undefined) continue;
    if (!isSigned(parts.text, signature.bytes, verifier)) return { valid: false, reason: NoteFault.SIGNATURE_INVALID };
    names.add(signature.name);
  }
  if (names.size === 0) return { valid: false, reason: NoteFault.UNKNOWN_KEY };
  return { valid: true, text: parts.text, names: [...names] };
}

/**
 * The four bytes that tell keys of one name apart: SHA-256(name ‖ 0x0A ‖ type ‖ public key), cut (C2SP signed-note).
 */
export function noteKeyId(name: string, publicKey: KeyObject, type = NoteKeyType.ED25519): Buffer {
  assert(KEY_NAME.test(name), "a key name has no white space and no plus");
  const content = Buffer.concat([Buffer.from(`${name}\n`, "utf8"), Buffer.of(type), rawPublicKey(publicKey)]);
  return sha256(content).subarray(0, KEY_ID_BYTES);
}

/**
 * The verifier key ("vkey") that readers configure: name, key id in hexadecimal, type and public key in base64, joined
 * by plus.
 */
export function formatVerifierKey(name: string, publicKey: KeyObject, type = NoteKeyType.ED25519): string {
  const key = Buffer.concat([Buffer.of(type), rawPublicKey(publicKey)]).toString("base64");
  return `${name}+${noteKeyId(name, publicKey, type).toString("hex")}+${key}`;
}

/** Reads a log's or a witness' verifier key; null when it is malformed, not Ed25519, or its key id is not its own. */
export function parseVerifierKey(text: string): NoteVerifier | null {
  const [, name = "", id = "", encoded = ""] = VERIFIER_KEY.exec(text) ?? [];
  const key = strictBase64(encoded);
  const type = NOTE_KEY_TYPES.find((each) => Number(each) === key?.[0]);
  if (key?.length !== TYPE_BYTES + PUBLIC_KEY_BYTES || type === undefined) return null;
  const x = key.subarray(TYPE_BYTES).toString("base64url");
  const publicKey = createPublicKey({
    key: { kty: "OKP", crv: "Ed25519", x },
    format: "jwk",
  });
  const keyId = noteKeyId(name, publicKey, type);
  return keyId.toString("hex") === id ? { name, type, keyId, publicKey } : null;
}

const NOTE_KEY_TYPES = [NoteKeyType.ED25519, NoteKeyType.COSIGNATURE_V1];
const TYPE_BYTES = 1;
const KEY_ID_BYTES = 4;
const TIME_BYTES = 8;
const MS_PER_SECOND = 1_000;
const PUBLIC_KEY_BYTES = 32;
const SIGNATURES_MAX = 100;
const NOTE_LENGTH_MAX = 1_000_000;
const NEWLINE = 0x0a;
const SPACE = 0x20;
/** The last second that a `Date` can tell. */
const TIME_MAX = 8_640_000_000_000n;
const LONE_SURROGATE = /\p{Surrogate}/u;
const KEY_NAME = /^[^\p{White_Space}+]+$/u;
const VERIFIER_KEY = /^([^\p{White_Space}+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/u;
const SIGNATURE_LINE = /^— ([^\p{White_Space}+]+) ([A-Za-z0-9+/]+={0,2})$/u;
const CHECKPOINT = /^([^\n]+)\n(0|[1-9]\d{0,15})\n([A-Za-z0-9+/]+={0,2})\n(?:[^\n]+\n)*$/;

interface NoteSignature {
  readonly name: string;
  readonly keyId: Buffer;
  /** What the key signed with; a cosignature's begins with its time. */
  readonly bytes: Buffer;
  readonly line: string;
}

function isOf({ name, keyId }: NoteSignature, verifier: NoteVerifier): boolean {
  return verifier.name === name && verifier.keyId.equals(keyId);
}

function isSigned(text: string, bytes: Buffer, { type, publicKey }: NoteVerifier): boolean {
  if (type === NoteKeyType.ED25519) return verify(null, Buffer.from(text, "utf8"), publicKey, bytes);
  const [time, signature] = [bytes.subarray(0, TIME_BYTES), bytes.subarray(TIME_BYTES)];
  const isTime = time.length === TIME_BYTES && time.readBigUInt64BE() <= TIME_MAX;
  return isTime && verify(null, cosignedMessage(text, time), publicKey, signature);
}

function cosignedMessage(text: string, time: Buffer): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${time.readBigUInt64BE()}\n${text}`, "utf8");
}

function splitNote(note: string): { text: string; signatures: NoteSignature[] } | null {
  if (note.length > NOTE_LENGTH_MAX || !isNoteText(note)) return null;
  const split = note.lastIndexOf("\n\n");
  if (split < 0) return null;
  const lines = note.slice(split + 2, -1).split("\n");
  if (lines.length > SIGNATURES_MAX) return null;
  const signatures = lines.map(readSignature).filter((signature) => signature !== null);
  return signatures.length === lines.length ? { text: note.slice(0, split + 1), signatures } : null;
}

function readSignature(line: string): NoteSignature | null {
  const [, name = "", encoded = ""] = SIGNATURE_LINE.exec(line) ?? [];
  const bytes = strictBase64(encoded);
  if (bytes === null || bytes.length <= KEY_ID_BYTES) return null;
  return {
    name,
    keyId: bytes.subarray(0, KEY_ID_BYTES),
    bytes: bytes.subarray(KEY_ID_BYTES),
    line: `${line}\n`,
  };
}

function isNoteText(text: string): boolean {
  if (!text.endsWith("\n") || LONE_SURROGATE.test(text)) return false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < SPACE && code !== NEWLINE) return false; // newline is the only control character of a note
  }
  return true;
}

function rawPublicKey(publicKey: KeyObject): Buffer {
  assert(publicKey.asymmetricKeyType === "ed25519", "notes are signed with Ed25519");
  return Buffer.from(present(publicKey.export({ format: "jwk" }).x, "the public key"), "base64url");
}

// Node's decoder skips what it does not understand; one value must have one spelling.
function strictBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : null;
}
