import { setTimeout as sleep } from "node:timers/promises";
import type { RawAnswer, RawClient } from "./raw-client.js";

const RETRY_MS = 200;
const ACCEPTED = /"state":"(ACCEPTED|POSTED)"/;
const REFUSED = /"code":"RATE_LIMITED"/;
const RETRY_AFTER = /"retryAfterMs":(\d+)/;

/** How long to wait when an answer refuses because there is too much; null for any other answer. */
export function retryAfterMs(body: string): number | null {
  return REFUSED.test(body) ? Number(RETRY_AFTER.exec(body)?.[1] ?? RETRY_MS) : null;
}

/**
 * Sends a batch once: null when it was accepted, else how long to wait, because there is too much. Throws for any
 * other answer.
 */
export async function trySend(client: RawClient, request: Buffer): Promise<number | null> {
  const { status, body }: RawAnswer = await client.send(request);
  if (status === 200 && ACCEPTED.test(body)) return null;
  const waitMs = retryAfterMs(body);
  if (waitMs !== null) return waitMs;
  throw new Error(`A batch was neither accepted nor refused: ${status} ${body.slice(0, 500)}`);
}

/**
 * Sends a batch until it is accepted, as late as the server asks, each time with a token that is good then; answers how
 * often it was refused.
 */
export async function sendUntilAccepted(client: RawClient, request: () => Promise<Buffer>): Promise<number> {
  for (let refused = 0; ; refused++) {
    const waitMs = await trySend(client, await request());
    if (waitMs === null) return refused;
    await sleep(waitMs);
  }
}
