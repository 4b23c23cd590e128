import { setTimeout as sleep } from "node:timers/promises";
import { numberActsForAllTenants } from "../events/relay/service.js";
import { sweepForAllTenants } from "../exchange/posting/jobs.js";
import { later } from "../kernel/clock.js";
import type { App } from "../platform/app.js";
import { purgeAnswersForAllTenants } from "../platform/idempotency.js";
import { type HeldLease, tryLease } from "../platform/lease.js";
import { planAheadForAllTenants } from "../settlement/configurations/service.js";
import { sweepDueForAllTenants } from "../settlement/runs/jobs.js";
import { tenantsForAllTenants } from "../tenancy/service.js";
import { signCheckpoint } from "../transparency/service.js";
import type { Loop } from "./roles/loops.js";

const LEASE_NAME = "relay";
const RENEW_MS = 3_000;
const FOLLOW_MS = 1_000;
const HOUR_MS = 3_600_000;
/** Batches that have waited for so long are queued again: their job was lost. */
const SWEEP_AGE_MS = 1_000;

const SETTLEMENT_SWEEP_MS = 5_000;

/** Every loop of the relay, one line each; only the relay that leads does their work. */
export const relayLoops: readonly Loop[] = [
  leading("number", 40, numberActsForAllTenants),
  leading("checkpoint", 1_000, signCheckpoints),
  leading("sweep-posting", 1_000, (app) => sweepForAllTenants(app, later(app.clock.now(), -SWEEP_AGE_MS))),
  leading("sweep-settlement", SETTLEMENT_SWEEP_MS, sweepDueForAllTenants),
  leading("plan-ahead", HOUR_MS, planAheadForAllTenants),
  leading("purge", HOUR_MS, purgeAnswersForAllTenants),
];

/** A loop that works at an interval while its process holds the relay's lease; work that finds more to do goes on at once. */
function leading(name: string, intervalMs: number, work: (app: App, lease: HeldLease) => Promise<number>): Loop {
  return {
    name,
    async run(app, signal) {
      let lease: HeldLease | null = null;
      let renewedAt = 0;
      while (!signal.aborted) {
        if (lease === null || performance.now() - renewedAt > RENEW_MS) {
          lease = await tryLease(app, LEASE_NAME);
          renewedAt = performance.now();
        }
        const done = lease === null ? 0 : await work(app, lease);
        const isBusy = done > 0 && name === "number";
        if (!isBusy) await sleep(lease === null ? FOLLOW_MS : intervalMs, undefined, { signal }).catch(() => undefined);
      }
    },
  };
}

async function signCheckpoints(app: App): Promise<number> {
  let signed = 0;
  for (const tenant of await tenantsForAllTenants(app)) {
    if ((await signCheckpoint(app, tenant)) !== null) signed += 1;
  }
  return signed;
}
