import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { Session, Submitted } from "../partner-client.js";

/** A batch as the server has it; counts are null until it is posted. */
export type SubmittedBatch = Submitted["batch"];

/** What became of an item that did not simply post. */
export interface ItemRefusal {
  /** Place in the batch, from 0. */
  readonly index: number;
  /** `REFUSED` or `DUPLICATE_MISMATCH`. */
  readonly outcome: string;
  readonly code: string | null;
  readonly path: string | null;
}

/** A batch that was posted: what was sent, the platform's receipt, and what of it was refused. */
export interface PostedBatch {
  readonly jws: string;
  readonly batch: SubmittedBatch;
  readonly receipt: string;
  readonly replayed: boolean;
  readonly refusals: readonly ItemRefusal[];
}

/** A batch as the server took it in, and the payload that it was. */
export interface Accepted {
  readonly jws: string;
  readonly batch: SubmittedBatch;
  readonly receipt: string;
  readonly replayed: boolean;
}

const OUTCOME_MS_MAX = 180_000;
const REPLAY_WAIT_MS = 10_000;
const POLL_MS = { first: 40, max: 1_000 } as const;
const OUTCOMES_PAGE = 500;
const PAGES_MAX = 20; // of 500 items: the 10,000 of the largest batch
const BAD_OUTCOMES = ["REFUSED", "DUPLICATE_MISMATCH"];

const BatchCounts = z.object({
  ...{ id: z.string(), state: z.string(), itemCount: z.number() },
  ...{ postedCount: z.number().nullable(), duplicateCount: z.number().nullable() },
  ...{ pendingCount: z.number().nullable(), refusedCount: z.number().nullable() },
});
const BatchAnswer = z.object({ batch: BatchCounts });
const OutcomesAnswer = z.object({
  batch: z.object({
    outcomes: z.object({
      edges: z.array(
        z.object({
          node: z.object({
            ...{ index: z.number(), outcome: z.string() },
            ...{ code: z.string().nullable(), path: z.string().nullable() },
          }),
        }),
      ),
      pageInfo: z.object({ hasNextPage: z.boolean(), endCursor: z.string().nullable() }),
    }),
  }),
});

const BATCH = `query Batch($id: ID!) {
  batch(id: $id) { id state itemCount postedCount duplicateCount pendingCount refusedCount }
}`;
const OUTCOMES = `query Outcomes($id: ID!, $first: Int!, $after: String) {
  batch(id: $id) {
    outcomes(first: $first, after: $after) {
      edges { node { index outcome code path } }
      pageInfo { hasNextPage endCursor }
    }
  }
}`;

/**
 * Waits for the outcome of a batch that was accepted: by reading it, or, where the caller may not, by sending the same
 * payload again. Throws a sentence when it was set aside, or is still not posted after three minutes; what is sent
 * again counts once.
 */
export async function postedBatch(session: Session, accepted: Accepted, mayRead: boolean): Promise<PostedBatch> {
  const { jws, receipt, replayed } = accepted;
  const deadline = performance.now() + OUTCOME_MS_MAX;
  let { batch } = accepted;
  for (let pause = POLL_MS.first; batch.state === "ACCEPTED" && performance.now() < deadline; pause *= 2) {
    if (mayRead) await sleep(Math.min(pause, POLL_MS.max));
    batch = mayRead ? await readBatch(session, batch.id) : await replayedBatch(session, jws);
  }
  if (batch.state !== "POSTED") {
    throw new Error(`Batch ${batch.id} was accepted and is ${batch.state}, not posted. Sending it again does no harm.`);
  }
  return { jws, batch, receipt, replayed, refusals: await refusalsIn(session, batch, mayRead) };
}

async function readBatch(session: Session, id: string): Promise<SubmittedBatch> {
  return (await session.graphql(BatchAnswer, BATCH, { id })).batch;
}

async function replayedBatch(session: Session, jws: string): Promise<SubmittedBatch> {
  return (await session.submit(jws, REPLAY_WAIT_MS)).batch;
}

/**
 * What of a posted batch was refused, or is known with another content: the count of duplicates holds those too, so
 * only the outcomes tell. Without leave to read, every duplicate counts as equal.
 */
export async function refusalsIn(
  session: Session,
  batch: SubmittedBatch,
  mayRead: boolean,
): Promise<readonly ItemRefusal[]> {
  const [refused, duplicates] = [batch.refusedCount ?? 0, batch.duplicateCount ?? 0];
  if (mayRead) return refused + duplicates === 0 ? [] : refusalsOf(session, batch.id);
  if (refused === 0) return [];
  throw new Error(`${refused} items of batch ${batch.id} were refused; to say which, the client needs batches:read.`);
}

async function refusalsOf(session: Session, id: string): Promise<ItemRefusal[]> {
  const refusals: ItemRefusal[] = [];
  let after: string | null = null;
  for (let page = 0; page < PAGES_MAX; page++) {
    const variables: Record<string, unknown> = { id, first: OUTCOMES_PAGE, after };
    const { outcomes } = (await session.graphql(OutcomesAnswer, OUTCOMES, variables)).batch;
    refusals.push(...outcomes.edges.map(({ node }) => node).filter(({ outcome }) => BAD_OUTCOMES.includes(outcome)));
    if (!outcomes.pageInfo.hasNextPage) break;
    after = outcomes.pageInfo.endCursor;
  }
  return refusals;
}
