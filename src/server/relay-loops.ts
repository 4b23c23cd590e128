import { NUMBERED_MAX, numberActsForAllTenants } from "../events/relay/service.js";
import { sweepForAllTenants } from "../exchange/posting/jobs.js";
import { later } from "../kernel/clock.js";
import type { App } from "../platform/app.js";
import { purgeAnswersForAllTenants } from "../platform/idempotency.js";
import { type HeldLease, tryLease } from "../platform/lease.js";
import { planAheadForAllTenants } from "../settlement/configurations/service.js";
import { sweepDueForAllTenants } from "../settlement/runs/jobs.js";
import { tenantsForAllTenants } from "../tenancy/service.js";
import { signCheckpoint } from "../transparency/service.js";
import { type Loop, pause } from "./roles/loops.js";

const LEASE_NAME = "relay";
const RENEW_MS = 3_000;
const FOLLOW_MS = 1_000;
const HOUR_MS = 3_600_000;
/** Batches that have waited for so long are queued again: their job was lost. */
const SWEEP_AGE_MS = 1_000;

const SETTLEMENT_SWEEP_MS = 5_000;

/** Every loop of the relay, one line each; only the relay that leads does their work. */
export const relayLoops: readonly Loop[] = [
  leading("number", 40, numberActsForAllTenants, NUMBERED_MAX),
  leading("checkpoint", 1_000, signCheckpoints),
  leading("sweep-posting", 1_000, (app) => sweepForAllTenants(app, later(app.clock.now(), -SWEEP_AGE_MS))),
  leading("sweep-settlement", SETTLEMENT_SWEEP_MS, sweepDueForAllTenants),
  leading("plan-ahead", HOUR_MS, planAheadForAllTenants),
  leading("purge", HOUR_MS, purgeAnswersForAllTenants),
];

/**
 * A loop that works at an interval while its process holds the relay's lease; one that did as much as it may at a time
 * goes on at once.
 */
function leading(
  name: string,
  intervalMs: number,
  work: (app: App, lease: HeldLease) => Promise<number>,
  doneMax = Number.POSITIVE_INFINITY,
): Loop {
  return {
    name,
    async run(app, signal) {
      const leadership = new Leadership(app);
      while (!signal.aborted) {
        const lease = await leadership.lease();
        const done = lease === null ? 0 : await work(app, lease);
        if (done < doneMax) await pause(lease === null ? FOLLOW_MS : intervalMs, signal);
      }
    },
  };
}

/** The relay's lease as one loop knows it: asked for again every few seconds, whether held or not. */
class Leadership {
  #lease: HeldLease | null = null;
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(readonly app: App) {}

  async lease(): Promise<HeldLease | null> {
    if (this.#lease === null || performance.now() - this.#askedAt > RENEW_MS) {
      this.#lease = await tryLease(this.app, LEASE_NAME);
      this.#askedAt = performance.now();
    }
    return this.#lease;
  }
}

async function signCheckpoints(app: App): Promise<number> {
  let signed = 0;
  for (const tenant of await tenantsForAllTenants(app)) {
    if ((await signCheckpoint(app, tenant)) !== null) signed += 1;
  }
  return signed;
}
