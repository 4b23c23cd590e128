import { NUMBERED_MAX, numberActsForAllTenants } from "../events/relay/service.js";
import { expireCreditForAllTenants } from "../exchange/expiry/service.js";
import { sweepForAllTenants } from "../exchange/posting/jobs.js";
import { destroyRetiredKeysForAllTenants } from "../identity/encryption-keys/service.js";
import { expireKeysForAllTenants } from "../identity/key-states/service.js";
import { rotatePlatformKeysForAllTenants } from "../identity/platform-rotation/service.js";
import { PURGED_MAX, purgeProofsForAllTenants } from "../identity/replays/service.js";
import { purgeRevocationsForAllTenants } from "../identity/revocations/service.js";
import { later } from "../kernel/clock.js";
import type { App } from "../platform/app.js";
import { purgeAnswersForAllTenants } from "../platform/idempotency.js";
import { type HeldLease, tryLease } from "../platform/lease.js";
import { sweepDueForAllTenants, sweepRunsForAllTenants } from "../settlement/flows/jobs.js";
import { sweepSetOffsForAllTenants } from "../settlement/netting/service.js";
import { planAheadForAllTenants } from "../settlement/planning/service.js";
import { advanceStatementsForAllTenants } from "../settlement/reviews/service.js";
import { purgeSimulationsForAllTenants } from "../settlement/simulating/service.js";
import { sweepSimulationsForAllTenants } from "../settlement/simulations/jobs.js";
import { tenantsForAllTenants } from "../tenancy/service.js";
import { rewrapDataKeysForAllTenants } from "../tenancy/vaults/service.js";
import { expireBlocksForAllTenants } from "../threat/blocks/service.js";
import { endNetworkBlocks } from "../threat/networks/service.js";
import { rekeyProfilesForAllTenants } from "../threat/profiles/service.js";
import { anchorForAllTenants } from "../transparency/anchors/service.js";
import { signForAllTenants } from "../transparency/service.js";
import { cosignForAllTenants } from "../transparency/witnesses/service.js";
import { type Loop, pause } from "./roles/loops.js";

const LEASE_NAME = "relay";
const RENEW_MS = 3_000;
const FOLLOW_MS = 1_000;
const [MINUTE_MS, HOUR_MS] = [60_000, 3_600_000];
/** Batches that have waited for so long are queued again: their job was lost. */
const SWEEP_AGE_MS = 1_000;
/** As often a busy log's checkpoint is written down outside: some 3 MB a day and tenant. */
const ANCHOR_MS = 10_000;

const SETTLEMENT_SWEEP_MS = 5_000;
const EXPIRY_SWEEP_MS = 10_000;

/** Every loop of the relay, one line each; only the relay that leads does their work. */
export const relayLoops: readonly Loop[] = [
  leading("number", { idleMs: 40, busyMs: 100, doneMax: NUMBERED_MAX }, numberActsForAllTenants),
  leading("checkpoint", every(1_000), signCheckpoints),
  leading("anchor", every(ANCHOR_MS), async (app) => anchorForAllTenants(app, await tenantsForAllTenants(app))),
  leading("witness", every(1_000), async (app) => cosignForAllTenants(app, await tenantsForAllTenants(app))),
  leading("sweep-posting", every(1_000), (app) => sweepForAllTenants(app, later(app.clock.now(), -SWEEP_AGE_MS))),
  leading("sweep-settlement", every(SETTLEMENT_SWEEP_MS), sweepDueForAllTenants),
  leading("sweep-runs", every(SETTLEMENT_SWEEP_MS), sweepRunsForAllTenants),
  leading("advance-statements", every(SETTLEMENT_SWEEP_MS), advanceStatementsForAllTenants),
  leading("sweep-set-offs", every(MINUTE_MS), sweepSetOffsForAllTenants),
  leading("sweep-simulations", every(SETTLEMENT_SWEEP_MS), sweepSimulationsForAllTenants),
  leading("expire-credit", every(EXPIRY_SWEEP_MS), expireCreditForAllTenants),
  leading("expire-keys", every(EXPIRY_SWEEP_MS), expireKeysForAllTenants),
  leading("expire-blocks", every(1_000), expireBlocksForAllTenants),
  leading("end-network-blocks", every(1_000), endNetworkBlocks),
  leading("plan-ahead", every(HOUR_MS), planAheadForAllTenants),
  leading("rotate-platform-keys", every(HOUR_MS), rotatePlatformKeysForAllTenants),
  leading("rewrap-data-keys", every(HOUR_MS), rewrapDataKeysForAllTenants),
  leading("rekey-profiles", every(HOUR_MS), rekeyProfilesForAllTenants),
  leading("purge", every(HOUR_MS), purgeAnswersForAllTenants),
  leading("purge-revocations", every(HOUR_MS), purgeRevocationsForAllTenants),
  leading("purge-proofs", { idleMs: MINUTE_MS, busyMs: MINUTE_MS, doneMax: PURGED_MAX }, purgeProofsForAllTenants),
  leading("destroy-encryption-keys", every(HOUR_MS), destroyRetiredKeysForAllTenants),
  leading("purge-simulations", every(HOUR_MS), purgeSimulationsForAllTenants),
];

/**
 * How long a loop pauses: after it found nothing to do, after it did something, and not at all where it did so much.
 */
interface Pace {
  readonly idleMs: number;
  readonly busyMs: number;
  readonly doneMax: number;
}

function every(ms: number): Pace {
  return { idleMs: ms, busyMs: ms, doneMax: Number.POSITIVE_INFINITY };
}

/** A loop that works at its pace while its process holds the relay's lease. */
function leading(name: string, pace: Pace, work: (app: App, lease: HeldLease) => Promise<number>): Loop {
  return {
    name,
    async run(app, signal) {
      const leadership = new Leadership(app);
      while (!signal.aborted) {
        const lease = await leadership.lease();
        const done = lease === null ? 0 : await work(app, lease);
        if (done >= pace.doneMax) continue;
        await pause(lease === null ? FOLLOW_MS : done === 0 ? pace.idleMs : pace.busyMs, signal);
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

async function signCheckpoints(app: App, lease: HeldLease): Promise<number> {
  return signForAllTenants(app, await tenantsForAllTenants(app), lease);
}
