import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import type { Actor } from "../../kernel/actor.js";
import { CodedError, ErrorCode } from "../../kernel/errors.js";
import { holdCursor } from "../../periods/cursors/service.js";
import type { SettlementPeriod } from "../../periods/entities.js";
import type { App } from "../../platform/app.js";
import { transact } from "../../platform/database.js";
import type { Partner } from "../../tenancy/entities.js";

/** Refusals that a person must do something about before the period can be settled. */
const STOPS: ReadonlySet<ErrorCode> = new Set([ErrorCode.RATE_MISSING, ErrorCode.RULE_FAILED]);

/** Whether a run stops here until somebody acts; anything else passes by itself or is a fault of ours. */
export function isIncident(error: unknown): error is CodedError {
  return error instanceof CodedError && STOPS.has(error.code);
}

/**
 * Records, once for each period and reason, that a partner's run stopped and why: an act, so audit record and live
 * event at once. The run is tried again; the statement that follows ends the incident.
 */
export async function reportIncident(
  app: App,
  actor: Actor,
  {
    partner,
    period,
    error,
  }: { readonly partner: Partner; readonly period: SettlementPeriod; readonly error: CodedError },
): Promise<void> {
  const { code, message } = error;
  await transact(app, async (tx) => {
    await holdCursor(tx, partner); // two runs report it once
    const told: { detail: string | null }[] = await tx.query(
      "select detail from act where tenant_no = ? and subject_id = ? and type = ?",
      [partner.tenantNo, period.id, ActType.SETTLEMENT_STOPPED],
    );
    if (told.some(({ detail }) => detail?.includes(JSON.stringify(message)) === true)) return;
    const act = { type: ActType.SETTLEMENT_STOPPED, subjectId: period.id, partner, after: { code, message } };
    await recordActs(tx, actor, app.clock.now(), [act]);
  });
}
