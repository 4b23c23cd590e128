import fastify from "fastify";
import type { App } from "../../platform/app.js";
import { registerProcessGauges } from "../gauges.js";
import { registerProbes } from "../http/health.js";

/** The little HTTP server of a process that has no other. */
export interface Probes {
  /** Where it answers; null where it does not. */
  readonly url: string | null;
  close(): Promise<void>;
}

const BODY_BYTES_MAX = 1;
const REQUEST_TIMEOUT_MS = 10_000;

/**
 * Serves `/healthz`, `/readyz` and `/metrics` on the configuration's port for metrics, for processes that serve nothing
 * else. A port that is taken is logged and passed over: posting never stops for want of figures.
 */
export async function openProbes(app: App): Promise<Probes> {
  const { metricsPort: port, metricsHost: host } = app.config;
  registerProcessGauges(app);
  if (port === null) return { url: null, close: async () => undefined };
  const server = fastify({
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
  });
  registerProbes(server, app, () => false);
  try {
    return { url: await server.listen({ host, port }), close: () => server.close() };
  } catch (error) {
    app.log.error({ err: error, host, port }, "metrics: cannot listen; this process tells none");
    await server.close();
    return { url: null, close: async () => undefined };
  }
}
