import type { FastifyInstance } from "fastify";
import { closeFeeds } from "../../events/feeds/service.js";
import type { App } from "../../platform/app.js";
import { type LiveEndpoints, openSessions } from "./sessions.js";
import { startSse } from "./sse.js";
import { startWebSocket } from "./websocket.js";

/** Serves graphql-transport-ws on `/graphql` and graphql-sse (distinct connections) on `/graphql/stream`. */
export function startLive(server: FastifyInstance, app: App): LiveEndpoints {
  const sessions = openSessions(app);
  const webSocket = startWebSocket(server, app, sessions);
  const sse = startSse(server, app, sessions);
  return {
    async close() {
      sessions.close();
      await Promise.all([webSocket.close(), sse.close()]);
      closeFeeds(app); // last: a feed that ends completes its subscriptions, and their clients would not come again
    },
  };
}
