import { setTimeout as sleep } from "node:timers/promises";
import { createClient as createSseClient } from "graphql-sse";
import { createClient } from "graphql-ws";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { numberActsForAllTenants } from "../../src/events/relay/service.js";
import { present } from "../../src/kernel/assert.js";
import { tryLease } from "../../src/platform/lease.js";
import { testApi } from "../support/api.js";
import { testApp } from "../support/app.js";
import { type Exchange, openExchange, post, submit } from "../support/batches.js";

const BATCHES = 60;
const app = await testApp();
const api = await testApi(app);

/** Every batch is told of twice: when it is accepted and when it is posted. */
const EVENTS = 2 * BATCHES;

test.each(["WebSocket", "SSE"] as const)(
  "a client over %s that is cut off again and again during an import misses nothing and sees nothing twice",
  async (transport) => {
    const place = await openExchange(app);
    const token = await place.token();
    const seen: { sequence: number; state: string; id: string }[] = [];
    const importing = importBatches(place);
    while (seen.length < EVENTS) {
      const after = seen.at(-1)?.sequence ?? 0;
      const query = `subscription { batchStatus(afterSequence: ${after}) { sequence state batch { id } } }`;
      const cutAfter = 1 + Math.floor(EVENTS / 7);
      for await (const { sequence, state, batch } of follow(transport, token, query)) {
        seen.push({ sequence, state, id: batch.id });
        if (seen.length === EVENTS || seen.length % cutAfter === 0) break; // the connection goes with it
      }
      if (seen.length > EVENTS / 2) await app.redis.flushall();
    }
    const sent = await importing;
    const sequences = seen.map(({ sequence }) => sequence);
    expect(sequences).toEqual([...new Set(sequences)].sort((a, b) => a - b));
    expect(seen.filter(({ state }) => state === "ACCEPTED").map(({ id }) => id)).toEqual(sent);
    expect(seen.filter(({ state }) => state === "POSTED").map(({ id }) => id)).toEqual(sent);
  },
);

/** Submits, posts and numbers as the roles would, in one go. */
async function importBatches(place: Exchange): Promise<string[]> {
  const lease = present(await tryLease(app, "relay"), "the relay's lease");
  const sent: string[] = [];
  for (let each = 0; each < BATCHES; each++) {
    sent.push((await submit(app, place)).batch.id);
    await numberActsForAllTenants(app, lease);
    if (each % 3 === 2) await post(app, place);
    await sleep(5);
  }
  while ((await numberActsForAllTenants(app, lease)) > 0) await sleep(5);
  return sent;
}

interface Told {
  readonly sequence: number;
  readonly state: string;
  readonly batch: { readonly id: string };
}

/** The events of a subscription on a connection of its own, which ends with the reading. */
async function* follow(transport: "WebSocket" | "SSE", token: string, query: string): AsyncGenerator<Told> {
  const authorization = `Bearer ${token}`;
  const client =
    transport === "SSE"
      ? createSseClient({ url: `${api.url}/graphql/stream`, headers: { authorization }, retryAttempts: 0 })
      : createClient({
          url: `${api.url.replace("http", "ws")}/graphql`,
          webSocketImpl: WebSocket,
          connectionParams: { authorization },
          retryAttempts: 0,
        });
  onTestFinished(() => void client.dispose());
  try {
    for await (const { data, errors } of client.iterate<{ batchStatus: Told }>({ query })) {
      if (errors !== undefined) throw new Error(JSON.stringify(errors));
      yield present(data, "an event").batchStatus;
    }
  } finally {
    await client.dispose();
  }
}
