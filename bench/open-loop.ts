import { setTimeout as sleep } from "node:timers/promises";

const TICK_MS = 1;

/** A load whose requests come when they come, whether those before are answered or not. */
export interface Arrivals {
  readonly perSecond: number;
  readonly seconds: number;
  /** Sends the request of this place. */
  send(place: number): Promise<void>;
}

/**
 * Sends at a constant rate and answers how long each took, in milliseconds from the instant it was due, not from when
 * it could be sent: what waits because the server stalls counts as waiting (no coordinated omission). Ends when the
 * last is answered. Throws for the first that fails.
 */
export async function openLoop(arrivals: Arrivals): Promise<number[]> {
  const { perSecond, seconds } = arrivals;
  const count = Math.max(Math.round(perSecond * seconds), 1);
  const took: Promise<number>[] = [];
  const began = performance.now();
  let hasFailed = false;
  while (took.length < count && !hasFailed) {
    const due = Math.min(Math.floor(((performance.now() - began) / 1_000) * perSecond) + 1, count);
    for (let place = took.length; place < due; place++) {
      const dueAt = began + (place / perSecond) * 1_000;
      const sent = arrivals.send(place).then(() => performance.now() - dueAt);
      sent.catch(() => {
        hasFailed = true;
      });
      took.push(sent);
    }
    await sleep(TICK_MS);
  }
  return Promise.all(took);
}

/** Answers a second while so many clients each send again as soon as they are answered. */
export async function closedLoop(clients: number, seconds: number, send: (place: number) => Promise<void>) {
  const began = performance.now();
  const until = began + seconds * 1_000;
  let [place, answered] = [0, 0];
  const lane = async () => {
    while (performance.now() < until) {
      await send(place++);
      answered += 1;
    }
  };
  await Promise.all(Array.from({ length: clients }, lane));
  return (answered / (performance.now() - began)) * 1_000;
}
