import { ActType } from "../../src/acts/entities.js";
import { recordActs } from "../../src/acts/service.js";
import { numberActsForAllTenants } from "../../src/events/relay/service.js";
import { present } from "../../src/kernel/assert.js";
import type { App } from "../../src/platform/app.js";
import { transact } from "../../src/platform/database.js";
import { tryLease } from "../../src/platform/lease.js";
import { logSigner } from "../../src/transparency/keys/service.js";
import type { SignedTree } from "../../src/transparency/reading/service.js";
import { signCheckpoint } from "../../src/transparency/service.js";
import type { SeededTenant } from "./seeds.js";

/** Records acts about the subjects `s-<from>` and on, and has the relay integrate all there is. */
export async function growLog(app: App, home: SeededTenant, count: number, from = 0): Promise<void> {
  const acts = Array.from({ length: count }, (_, index) => {
    return { type: ActType.BATCH_REFUSED, subjectId: `s-${from + index}`, partner: null, after: { index } };
  });
  await transact(app, (tx) => recordActs(tx, home.actor, app.clock.now(), acts));
  await numberAll(app);
}

/** Has the relay integrate all there is. */
export async function numberAll(app: App): Promise<void> {
  await numberActsForAllTenants(app, present(await tryLease(app, "relay"), "the lease"));
}

/** Grows a log that is signed already, or is to be, and signs it. */
export async function growSigned(app: App, home: SeededTenant, count: number, from = 0): Promise<SignedTree> {
  await logSigner(app, home.actor); // its first use is an act itself
  await growLog(app, home, count, from);
  return present(await signCheckpoint(app, home.tenant), "a checkpoint");
}
