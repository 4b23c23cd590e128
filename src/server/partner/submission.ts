import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { Session, Submitted } from "../partner-client.js";

/** A batch as the server has it; counts are null until it is posted. */
export type SubmittedBatch = Submitted["submitBatch"]["batch"];

/** What became of an item that did not simply post. */
export interface ItemRefusal {
  /** Place in the batch, from 0. */
  readonly index: number;
  /** `REFUSED` or `DUPLICATE_MISMATCH`. */
  readonly outcome: string;
  readonly code: string | null;
  readonly path: string | null;
}

/** A batch that was posted, with the platform's receipt and what of it was refused. */
export interface PostedBatch {
  readonly batch: SubmittedBatch;
  readonly receipt: string;
  readonly replayed: boolean;
  readonly refusals: readonly ItemRefusal[];
}

/** How long one request waits for the outcome, and how long it is asked for in all before giving up. */
export const OUTCOME_WAIT_MS = { request: 10_000, all: 180_000 } as const;
const POLL_MS = 500;
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
 * Submits a signed batch and answers when it is posted. Throws a sentence when it was set aside, or is still not posted
 * after three minutes: it was accepted then, so that the same items sent again count once.
 */
export async function submitUntilPosted(session: Session, jws: string): Promise<PostedBatch> {
  const { batch: accepted, receipt, replayed } = (await session.submit(jws, OUTCOME_WAIT_MS.request)).submitBatch;
  const batch = await postedBatch(session, accepted);
  const refusals = (batch.refusedCount ?? 0) > 0 ? await refusalsOf(session, batch.id) : [];
  return { batch, receipt, replayed, refusals };
}

async function postedBatch(session: Session, accepted: SubmittedBatch): Promise<SubmittedBatch> {
  const deadline = performance.now() + OUTCOME_WAIT_MS.all;
  let batch = accepted;
  while (batch.state === "ACCEPTED" && performance.now() < deadline) {
    await sleep(POLL_MS);
    ({ batch } = await session.graphql(BatchAnswer, BATCH, { id: batch.id }));
  }
  if (batch.state === "POSTED") return batch;
  throw new Error(
    `Batch ${batch.id} was accepted and is ${batch.state}, not posted. What is sent again counts once: run it again later.`,
  );
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
