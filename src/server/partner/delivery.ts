import type { RecipientKey } from "../../identity/encryption/entities.js";
import { ErrorCode } from "../../kernel/errors.js";
import { RemoteRefusal, type Session } from "../partner-client.js";
import { encryptBatch } from "./encryption.js";
import { inParallel } from "./parallel.js";
import { type BatchDraft, type Parties, signBatch } from "./payload.js";
import { type Accepted, type PostedBatch, postedBatch } from "./submission.js";

/** A batch to be delivered, with what its sender wants to know again once it is posted. */
export interface Parcel<T> extends BatchDraft {
  readonly content: T;
}

/** Who delivers, and whether it may read what became of it. */
export interface Sender {
  readonly session: Session;
  readonly parties: Parties;
  readonly mayReadBatches: boolean;
  /** For whom batches are encrypted; they are signed alone where there is nobody. */
  readonly recipient?: RecipientKey | undefined;
}

const CLOCK_SKEW: string = ErrorCode.CLOCK_SKEW;
/** A signature that is refused as too old after less was made by a clock that is wrong. */
const SIGNED_MS_MIN = 60_000;
/** Batches whose outcome is awaited at a time. */
const IN_FLIGHT_MAX = 6;

/**
 * Signs and submits batches one after the other, so that a rollback never overtakes its original, and awaits their
 * outcomes a few at a time; tells each as it comes. After a failure nothing more is sent; then it is thrown.
 */
export async function deliver<T>(
  sender: Sender,
  parcels: AsyncIterable<Parcel<T>>,
  onPosted: (content: T, posted: PostedBatch) => void,
): Promise<void> {
  await inParallel(acceptances(sender, parcels), IN_FLIGHT_MAX, async ({ content, accepted }) => {
    onPosted(content, await postedBatch(sender.session, accepted, sender.mayReadBatches));
  });
}

interface Acceptance<T> {
  readonly content: T;
  readonly accepted: Accepted;
}

async function* acceptances<T>(
  { session, parties, recipient }: Sender,
  parcels: AsyncIterable<Parcel<T>>,
): AsyncGenerator<Acceptance<T>> {
  for await (const { content, ...draft } of parcels) {
    const sign = async () => {
      const jws = await signBatch(session, parties, draft);
      return recipient === undefined ? jws : encryptBatch(jws, recipient);
    };
    yield { content, accepted: await accepted(session, sign) };
  }
}

/**
 * Submits what is signed now. A server that takes no more for minutes lets the signature grow too old, and then says
 * so; it says it only of what it does not have, and so the batch is signed again under its own id.
 */
async function accepted(session: Session, sign: () => Promise<string>): Promise<Accepted> {
  for (;;) {
    const [jws, signedAtMs] = [await sign(), performance.now()];
    try {
      return { jws, ...(await session.submit(jws, 0)) };
    } catch (error) {
      const isTooOld = error instanceof RemoteRefusal && error.code === CLOCK_SKEW;
      if (!isTooOld || performance.now() - signedAtMs < SIGNED_MS_MIN) throw error;
    }
  }
}
