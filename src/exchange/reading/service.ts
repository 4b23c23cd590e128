import { extname } from "node:path";
import { assert, present } from "../../kernel/assert.js";
import { codedError } from "../../kernel/errors.js";
import { Threads } from "../../platform/threads.js";
import type { BatchFigures } from "../../threat/entities.js";
import {
  BATCH_LIMITS,
  type BatchClaims,
  type EnvelopeCover,
  readEnvelope,
  timelyPayload,
  verifyEnvelope,
} from "../envelope.js";
import { exchangeError } from "../errors.js";
import { figuresOf } from "../figures/rules.js";
import type { VerificationKey } from "../jws.js";
import { packEnvelope } from "../packing.js";
import type { ReadingAnswer, ReadingTask } from "./thread.js";

/** A batch taken apart, not verified. */
export interface ReadBatch extends EnvelopeCover {
  /** Verifies it and refuses as `verifyEnvelope` does. */
  verified(key: VerificationKey, now: Date): Promise<VerifiedBatch>;
}

/** A batch whose signature and payload hold. */
export interface VerifiedBatch {
  readonly claims: BatchClaims;
  readonly itemCount: number;
  /** What threat detection compares. */
  readonly figures: BatchFigures;
  /** As it is stored. */
  readonly packed: Buffer;
}

/** From so many characters on a batch would hold up everybody else's; see architecture. */
const LARGE_MIN = 512 * 1024;
/** Batches that may wait for a thread; far more than intake lets in by its bytes. */
const WAITING_MAX = 256;
const BUSY_RETRY_MS = 1_000;

/**
 * Takes a batch apart as `readEnvelope` does, with the same refusals. A large one is read, verified and packed in a
 * thread, so that it delays no other; its transactions never come here.
 */
export async function readBatch(jws: string): Promise<ReadBatch> {
  const isLarge = jws.length >= LARGE_MIN && jws.length <= BATCH_LIMITS.bytesMax; // longer ones are not looked at
  return isLarge ? readInThread(jws) : readHere(jws);
}

function readHere(jws: string): ReadBatch {
  const envelope = readEnvelope(jws);
  return {
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

async function readInThread(jws: string): Promise<ReadBatch> {
  const bytes = sharedBytes(jws);
  const read = await ask({ bytes, signed: null });
  assert("envelope" in read, "an envelope was asked for");
  const { payloadSha256, payloadRefusal, itemCount, figures, ...cover } = read.envelope;
  const payload = payloadRefusal === null ? { claims: present(cover.stated, "claims") } : codedError(payloadRefusal);
  return {
    ...cover,
    payloadSha256: Buffer.from(payloadSha256),
    async verified(key, now) {
      const { kid, alg, publicJwk } = key;
      const answer = await ask({ bytes, signed: { header: cover.header, key: { kid, alg, publicJwk } } });
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

/** In memory that both sides see, so that it is copied once. */
function sharedBytes(jws: string): SharedArrayBuffer {
  const shared = new SharedArrayBuffer(Buffer.byteLength(jws));
  Buffer.from(shared).write(jws);
  return shared;
}
