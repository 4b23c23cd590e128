import { systemActor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { later } from "../../kernel/clock.js";
import { type PartnerKey, planEndsSoonForAllTenants } from "../../periods/closing/service.js";
import { holdCursor } from "../../periods/cursors/service.js";
import { type Cut, extendPlan, HORIZON_MS } from "../../periods/planning/service.js";
import type { App } from "../../platform/app.js";
import { type Tx, transact } from "../../platform/database.js";
import type { Partner } from "../../tenancy/entities.js";
import { partnerOf } from "../../tenancy/service.js";
import { graceMsOf, storedConfiguration } from "../document.js";
import { grainsOf } from "../document-grains.js";
import { Configuration, ConfigurationState } from "../entities.js";
import { settlementError } from "../errors.js";

/**
 * Plans on, sixty days ahead, for every partner whose plan ends soon; a partner for whom that fails holds up no other.
 * Answers how many partners that were.
 */
export async function planAheadForAllTenants(app: App): Promise<number> {
  const keys = await planEndsSoonForAllTenants(app);
  for (const key of keys) {
    try {
      await planAhead(app, key);
    } catch (error) {
      // The next run tries again.
      app.log.error({ err: error, partnerId: key.partnerId }, "periods could not be planned");
    }
  }
  return keys.length;
}

/** The version that periods of a partner are planned by from its instant on. */
export async function activeOf(tx: Tx, { tenantId, id: partnerId }: Partner): Promise<Configuration | null> {
  return tx.findOneBy(Configuration, { tenantId, partnerId, state: ConfigurationState.ACTIVE });
}

/** Plans a version's periods on, sixty days ahead or to an instant; call it under the partner's cursor. */
export async function planOn(app: App, tx: Tx, partner: Partner, active: Configuration, through?: Date): Promise<void> {
  const activatedAt = present(active.activatedAt, "the activation of a version in force");
  const until = through === undefined ? {} : { through };
  await extendPlan(app, tx, partner, { ...cutOf(active), activatedAt, ...until });
}

/** How a version cuts time into periods. */
export function cutOf({ id, document: text }: Pick<Configuration, "id" | "document">): Cut {
  const document = storedConfiguration(text);
  return { configurationId: id, cycle: document.cycle, graceMs: graceMsOf(document), grain: grainsOf(document) };
}

/** Refuses a first instant beyond the horizon: periods of the versions between would be forgotten. */
export function checkWithinHorizon(app: App, effectiveFrom: Date): void {
  if (effectiveFrom <= later(app.clock.now(), HORIZON_MS)) return;
  const reason = "A version is activated at most sixty days ahead.";
  throw settlementError("VALIDATION", { path: "/effectiveFrom", reason });
}

async function planAhead(app: App, { partnerId, ...tenant }: PartnerKey): Promise<void> {
  const partner = await partnerOf(app, systemActor(tenant, "planner"), partnerId);
  await transact(app, async (tx) => {
    await holdCursor(tx, partner);
    const active = await activeOf(tx, partner);
    if (active !== null) await planOn(app, tx, partner, active);
  });
}
