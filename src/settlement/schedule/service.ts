import { type Actor, systemActor } from "../../kernel/actor.js";
import { newId } from "../../kernel/ids.js";
import { nextUnsettled, type PartnerKey } from "../../periods/closing/service.js";
import { PeriodState, type SettlementPeriod } from "../../periods/entities.js";
import { periodOfPartner } from "../../periods/service.js";
import type { App } from "../../platform/app.js";
import { Stopped } from "../../platform/flows.js";
import { partnerOf } from "../../tenancy/service.js";
import { isIncident, isRefusal, putOff, reportIncident } from "../incidents/service.js";
import type { Step } from "../steps/rules.js";
import { takeStep } from "../steps/service.js";

/**
 * The partner's next period to settle by itself: the earliest that fell due, or was closed and has no statement yet.
 * Null where that is not due, or waits for a person because it was backfilled: later ones follow on it.
 */
export async function nextDuePeriod(app: App, key: PartnerKey): Promise<SettlementPeriod | null> {
  const partner = await partnerOf(app, actorOf(app, key), key.partnerId);
  const now = app.clock.now();
  const period = await nextUnsettled(app.database.manager, partner, now);
  if (period?.state === PeriodState.OPEN && (period.isBackfill || period.dueAt > now)) return null;
  return period;
}

/**
 * Takes one step of a period that fell due. What would be refused again stops the partner there, and the sweeper tries
 * later each time; what a person must mend first, such as a missing exchange rate, is reported as an incident too.
 */
export async function takeDueStep(
  app: App,
  key: PartnerKey,
  { periodId, step }: { readonly periodId: string; readonly step: Step },
): Promise<void> {
  const actor = actorOf(app, key);
  const partner = await partnerOf(app, actor, key.partnerId);
  const period = await periodOfPartner(app, partner, periodId);
  try {
    const at = { partner, period, step, startedAt: async () => app.clock.now() };
    await takeStep(app, actor, at, async () => undefined);
  } catch (error) {
    const refused = { partner, period, error };
    if (!(await isRefusal(app, refused))) throw error;
    if (isIncident(error)) await reportIncident(app, actor, { partner, period, error });
    else app.log.error({ err: error, partner: partner.id, period: periodId }, "settlement: a period was not settled");
    await putOff(app, refused);
    throw new Stopped("The period was refused.");
  }
}

function actorOf(app: App, tenant: PartnerKey): Actor {
  return systemActor(tenant, newId("req", app.clock));
}
