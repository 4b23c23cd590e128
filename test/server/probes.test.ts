import { once } from "node:events";
import { createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { closeApp } from "../../src/platform/open-app.js";
import { registerInstallationGauges } from "../../src/server/gauges.js";
import { openProbes } from "../../src/server/roles/probes.js";
import { openTestApp, type TestApp, testApp, testConfig } from "../support/app.js";
import { openExchange, post, submit } from "../support/batches.js";
import { startRole } from "../support/roles.js";

const app = await testApp();

test("a worker and a relay tell health and metrics on a port of their own", async () => {
  const config = { ...(await testConfig()), metricsPort: 0 };
  await Promise.all(
    ["worker", "relay"].map(async (role) => {
      const { probesUrl } = await startRole(config, role);
      expect((await fetch(`${probesUrl}/readyz`)).status).toBe(200);
      expect(await (await fetch(`${probesUrl}/healthz`)).json()).toEqual({ status: "ok" });
      const metrics = await (await fetch(`${probesUrl}/metrics`)).text();
      expect(metrics).toMatch(/^quittance_database_connections\{state="in_use"\} \d+$/m);
      expect(metrics.includes("quittance_backlog_batches")).toBe(role === "relay");
    }),
  );
});

test("without a port nothing listens; a port that is taken stops nothing", async () => {
  const silent = await openOwn(null);
  expect(await openProbes(silent)).toMatchObject({ url: null });
  const stranger = createServer();
  await once(stranger.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void stranger.close());
  const address = stranger.address();
  const other = await openOwn(typeof address === "object" && address !== null ? address.port : 0);
  expect(await openProbes(other)).toMatchObject({ url: null });
});

test("the gauges tell what waits, what is unnumbered, how full queues are, and the server's own counters", async () => {
  const own = await openOwn(0);
  registerInstallationGauges(own);
  const probes = await openProbes(own);
  onTestFinished(() => probes.close());
  const place = await openExchange(own);
  await submit(own, place);
  own.clock.advance(5_000);
  const metrics = await (await fetch(`${probes.url}/metrics`)).text();
  const gauge = (name: string) => Number(new RegExp(`^quittance_${name} ([\\d.]+)$`, "m").exec(metrics)?.[1]);
  expect(gauge('backlog_batches{state="ACCEPTED"}')).toBe(1);
  expect(gauge('backlog_bytes{state="ACCEPTED"}')).toBeGreaterThan(100);
  expect(gauge('backlog_age_seconds{state="ACCEPTED"}')).toBeGreaterThanOrEqual(5);
  expect(gauge('backlog_batches{state="PARKED"}')).toBe(0);
  expect(gauge("relay_lag_acts")).toBeGreaterThan(0);
  expect(gauge("relay_lag_seconds")).toBeGreaterThanOrEqual(5);
  expect(gauge(`queue_jobs{queue="posting-${place.partner.postingPartition}",state="wait"}`)).toBe(1);
  expect(gauge('database_status{variable="innodb_buffer_pool_reads"}')).toBeGreaterThan(0);
  expect(gauge('database_status{variable="handler_write"}')).toBeGreaterThan(0);
  await post(own, place);
});

test("a gauge that cannot be read is left out and counted; the rest is told", async () => {
  const own = await openOwn(null);
  own.metrics.gauge({ name: "broken", help: "a gauge that fails" }, () => Promise.reject(new Error("away")));
  own.metrics.gauge({ name: "well", help: "a gauge that does not" }, () => [{ labels: {}, value: 7 }]);
  await own.metrics.registry.metrics();
  const metrics = await own.metrics.registry.metrics();
  expect(metrics).toContain("quittance_well 7");
  expect(metrics).not.toMatch(/^quittance_broken /m);
  expect(metrics).toMatch(/^quittance_gauge_failures_total\{gauge="broken"\} \d+$/m);
});

async function openOwn(metricsPort: number | null): Promise<TestApp> {
  const own = await openTestApp({ clock: app.clock, config: { metricsPort } });
  onTestFinished(() => closeApp(own));
  return own;
}
