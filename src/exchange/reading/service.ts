import type { KeyObject } from "node:crypto";
import { extname } from "node:path";
import type { EncryptedHeader } from "../../identity/encryption/entities.js";
import { isEncrypted } from "../../identity/encryption/service.js";
import { assert, present } from "../../kernel/assert.js";
import { codedError } from "../../kernel/errors.js";
import { sharedText, Threads } from "../../platform/threads.js";
import type { BatchFigures } from "../../threat/entities.js";
import {
  BATCH_LIMITS,
  type BatchClaims,
  type EnvelopeCover,
  openEnvelope,
  readEncryption,
  readEnvelope,
  timelyPayload,
  verifyEnvelope,
} from "../envelope.js";
import { exchangeError } from "../errors.js";
import { figuresOf } from "../figures/rules.js";
import type { VerificationKey } from "../jws.js";
import { packEnvelope } from "../packing.js";
import type { ReadingAnswer, ReadingTask, ThreadEnvelope } from "./thread.js";

/** How a batch came encrypted. */
export interface BatchEncryption extends EncryptedHeader {
  /** SHA-256 of what came. */
  readonly sha256: Buffer;
}

/** A batch taken apart, not verified. */
export interface ReadBatch extends EnvelopeCover {
  /** Null where it came signed alone. */
  readonly encryption: BatchEncryption | null;
  /** Verifies it and refuses as `verifyEnvelope` does. */
  verified(key: VerificationKey, now: Date): Promise<VerifiedBatch>;
}

/** A batch whose signature and payload hold. */
export interface VerifiedBatch {
  readonly claims: BatchClaims;
  readonly itemCount: number;
  /** What threat detection compares. */
  readonly figures: BatchFigures;
  /** As it is stored: the signed batch, however it came. */
  readonly packed: Buffer;
}

/** The private key that the header of an encrypted batch names, or one that opens nothing. */
export type OpeningKeyFor = (header: EncryptedHeader) => Promise<KeyObject>;

/** From so many characters on a batch would hold up everybody else's; see architecture. */
const LARGE_MIN = 512 * 1024;
/** Batches that may wait for a thread; far more than intake lets in by its bytes. */
const WAITING_MAX = 256;
const BUSY_RETRY_MS = 1_000;

/**
 * Takes a batch apart as `readEnvelope` does, with the same refusals; one that comes encrypted is opened first. A large
 * one is opened, read, verified and packed in a thread, so that it delays no other; its transactions never come here.
 */
export async function readBatch(sent: string, openingKeyFor: OpeningKeyFor): Promise<ReadBatch> {
  if (sent.length > BATCH_LIMITS.bytesMax) return readHere(sent); // not looked at
  const isLarge = sent.length >= LARGE_MIN;
  if (!isEncrypted(sent)) return isLarge ? readInThread(sent) : readHere(sent);
  const header = readEncryption(sent);
  const key = await openingKeyFor(header);
  if (isLarge) return readInThread(sent, { header, key });
  const { jws, encryptedSha256 } = await openEnvelope(sent, header, key);
  return { ...readHere(jws), encryption: { ...header, sha256: encryptedSha256 } };
}

function readHere(jws: string): ReadBatch {
  const envelope = readEnvelope(jws);
  return {
    encryption: null,
    ...envelope,
    async verified(key, now) {
      const { claims, transactions } = verifyEnvelope(envelope, key, now);
      return { claims, itemCount: transactions.length, figures: figuresOf(transactions), packed: packEnvelope(jws) };
    },
  };
}

/** Under a compiler's output the thread is compiled as well. */
const threads = new Threads<ReadingTask, ReadingAnswer>(
  new URL(`./thread${extname(import.meta.url)}`, import.meta.url),
  WAITING_MAX,
);

async function readInThread(sent: string, opening: ReadingTask["opening"] = null): Promise<ReadBatch> {
  const bytes = sharedText(sent);
  const read = await ask({ bytes, opening, signed: null });
  assert("envelope" in read, "an envelope was asked for");
  const { opened } = read;
  if (opening === null || opened === null) return inThread(bytes, read.envelope);
  const encryption = { ...opening.header, sha256: Buffer.from(opened.encryptedSha256) };
  return { ...inThread(opened.bytes, read.envelope), encryption };
}

function inThread(bytes: SharedArrayBuffer, envelope: ThreadEnvelope): ReadBatch {
  const { payloadSha256, payloadRefusal, itemCount, figures, ...cover } = envelope;
  const payload = payloadRefusal === null ? { claims: present(cover.stated, "claims") } : codedError(payloadRefusal);
  return {
    ...cover,
    payloadSha256: Buffer.from(payloadSha256),
    encryption: null,
    async verified(key, now) {
      const { kid, alg, publicJwk } = key;
      const signed = { header: cover.header, key: { kid, alg, publicJwk } };
      const answer = await ask({ bytes, opening: null, signed });
      assert("packed" in answer, "a packed batch was asked for");
      const { claims } = timelyPayload(payload, now);
      const { buffer, byteOffset, length } = answer.packed;
      return { claims, itemCount, figures, packed: Buffer.from(buffer, byteOffset, length) };
    },
  };
}

async function ask(task: ReadingTask): Promise<ReadingAnswer> {
  if (!threads.isFull) return threads.ask(task);
  throw exchangeError("RATE_LIMITED", { reason: "too much comes in at once.", retryAfterMs: BUSY_RETRY_MS });
}
