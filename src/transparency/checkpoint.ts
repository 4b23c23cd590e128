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

/** A key that a reader of notes trusts; made by `parseVerifierKey`. */
export interface NoteVerifier {
  readonly name: string;
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
 * Judges a signed note by the keys a reader trusts (C2SP signed-note): signatures of other keys are ignored, a wrong
 * signature of a trusted key refuses the whole note. At most 100 signatures and 1,000,000 characters.
 */
export function verifyNote(note: string, verifiers: readonly NoteVerifier[]): NoteVerdict {
  const parts = splitNote(note);
  if (parts === null) return { valid: false, reason: NoteFault.MALFORMED };
  const names = new Set<string>();
  for (const { name, keyId, signature } of parts.signatures) {
    const verifier = verifiers.find((each) => each.name === name && each.keyId.equals(keyId));
    if (verifier === undefined) continue;
    const isValid = verify(null, Buffer.from(parts.text, "utf8"), verifier.publicKey, signature);
    if (!isValid) return { valid: false, reason: NoteFault.SIGNATURE_INVALID };
    names.add(name);
  }
  if (names.size === 0) return { valid: false, reason: NoteFault.UNKNOWN_KEY };
  return { valid: true, text: parts.text, names: [...names] };
}

/**
 * The four bytes that tell keys of one name apart: SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key), cut (C2SP signed-note).
 */
export function noteKeyId(name: string, publicKey: KeyObject): Buffer {
  assert(KEY_NAME.test(name), "a key name has no white space and no plus");
  const content = Buffer.concat([Buffer.from(`${name}\n`, "utf8"), ED25519_TYPE, rawPublicKey(publicKey)]);
  return sha256(content).subarray(0, KEY_ID_BYTES);
}

/**
 * The verifier key ("vkey") that readers configure: name, key id in hexadecimal, type and public key in base64, joined
 * by plus.
 */
export function formatVerifierKey(name: string, publicKey: KeyObject): string {
  const key = Buffer.concat([ED25519_TYPE, rawPublicKey(publicKey)]).toString("base64");
  return `${name}+${noteKeyId(name, publicKey).toString("hex")}+${key}`;
}

/** Reads a verifier key; null when it is malformed, not Ed25519, or its key id is not its own. */
export function parseVerifierKey(text: string): NoteVerifier | null {
  const [, name = "", id = "", encoded = ""] = VERIFIER_KEY.exec(text) ?? [];
  const key = strictBase64(encoded);
  if (key?.length !== ED25519_TYPE.length + PUBLIC_KEY_BYTES || key[0] !== ED25519_TYPE[0]) return null;
  const x = key.subarray(ED25519_TYPE.length).toString("base64url");
  const publicKey = createPublicKey({
    key: { kty: "OKP", crv: "Ed25519", x },
    format: "jwk",
  });
  const keyId = noteKeyId(name, publicKey);
  return keyId.toString("hex") === id ? { name, keyId, publicKey } : null;
}

const ED25519_TYPE = Buffer.of(1);
const KEY_ID_BYTES = 4;
const PUBLIC_KEY_BYTES = 32;
const SIGNATURES_MAX = 100;
const NOTE_LENGTH_MAX = 1_000_000;
const NEWLINE = 0x0a;
const SPACE = 0x20;
const LONE_SURROGATE = /\p{Surrogate}/u;
const KEY_NAME = /^[^\p{White_Space}+]+$/u;
const VERIFIER_KEY = /^([^\p{White_Space}+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/u;
const SIGNATURE_LINE = /^— ([^\p{White_Space}+]+) ([A-Za-z0-9+/]+={0,2})$/u;
const CHECKPOINT = /^([^\n]+)\n(0|[1-9]\d{0,15})\n([A-Za-z0-9+/]+={0,2})\n(?:[^\n]+\n)*$/;

interface NoteSignature {
  readonly name: string;
  readonly keyId: Buffer;
  readonly signature: Buffer;
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
    signature: bytes.subarray(KEY_ID_BYTES),
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
