import type { Session } from "../partner-client.js";
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
}

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
  { session, parties }: Sender,
  parcels: AsyncIterable<Parcel<T>>,
): AsyncGenerator<Acceptance<T>> {
  for await (const { content, ...draft } of parcels) {
    const jws = await signBatch(session, parties, draft);
    yield { content, accepted: { jws, ...(await session.submit(jws, 0)) } };
  }
}
