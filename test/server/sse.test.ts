import fastify from "fastify";
import { expect, onTestFinished, test, vi } from "vitest";
import { feedsOf } from "../../src/events/feeds/service.js";
import { startSse } from "../../src/server/http/sse.js";
import { testApp } from "../support/app.js";
import { seedPartner, seedTenant } from "../support/seeds.js";

const app = await testApp();

test("a source that fails ends its stream without `complete`, its pings and its session", async () => {
  const follower = await seedPartner(app, await seedTenant(app));
  const { tenantNo, no: partnerNo } = follower.partner;
  const feed = await feedsOf(app).join({ tenantNo, partnerNo });
  const stopWatching = vi.fn<() => void>();
  const server = fastify();
  server.decorateRequest("traceparent", "");
  server.decorateRequest("graphqlContext", null);
  startSse(server, app, { watch: () => stopWatching, close: () => undefined });
  const url = await server.listen({ host: "127.0.0.1", port: 0 });
  onTestFinished(() => server.close());
  const headers = { accept: "text/event-stream", authorization: `Bearer ${await follower.token()}` };
  const pings = vi.spyOn(globalThis, "setInterval");
  const stopped = vi.spyOn(globalThis, "clearInterval");
  onTestFinished(() => void vi.restoreAllMocks());
  const query = new URLSearchParams({ query: "subscription { batchStatus { sequence } }" });
  const response = await fetch(`${url}/graphql/stream?${query.toString()}`, { headers });
  const text = response.text();
  const ping = pings.mock.results.find((_, call) => pings.mock.calls[call]?.[1] === 12_000)?.value;
  expect(ping).toBeDefined();
  feed.after = () => {
    throw new Error("the source failed");
  };
  feed.ring();
  await expect(text).rejects.toThrow("terminated");
  await vi.waitFor(() => expect(stopWatching).toHaveBeenCalledOnce());
  expect(stopped).toHaveBeenCalledWith(ping);
});
