import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import { type Actor, PrincipalKind } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { isSettled } from "../../periods/closing/service.js";
import { holdCursor } from "../../periods/cursors/service.js";
import { PeriodState, type SettlementPeriod } from "../../periods/entities.js";
import { movePeriod } from "../../periods/lifecycle/service.js";
import { periodOfTenant, periodsByNumber } from "../../periods/service.js";
import { activityOf } from "../../periods/totals/service.js";
import type { App } from "../../platform/app.js";
import type { Tx } from "../../platform/database.js";
import { once } from "../../platform/idempotency.js";
import type { Partner } from "../../tenancy/entities.js";
import { partnersByNumber } from "../../tenancy/service.js";
import { settlementError } from "../errors.js";
import { isSeconding } from "../proposals/service.js";

/** A period to give up, and why. */
export interface Abort {
  readonly periodId: string;
  readonly reason: string;
}

/**
 * Gives up an empty period that has no statement, since what it would come to without any activity may be money: the
 * first person proposes it, and it is aborted once a second one asks for the same within fourteen days; at the server's
 * own shell both at once. Later periods go on as if it had not been, and what still comes for it is late. Refused where
 * anything was posted into it (`VALIDATION`), and where it is settled or aborted (`VERSION_CONFLICT`).
 */
export async function abortPeriod(
  app: App,
  actor: Actor,
  { periodId, reason }: Abort,
  idempotencyKey: string | null = null,
): Promise<SettlementPeriod> {
  const { no, partnerNo } = await periodOfTenant(app, actor.tenantNo, periodId);
  const partner = present((await partnersByNumber(app, actor, [partnerNo]))[0], "the partner of a period");
  const request = { operation: "abortPeriod", idempotencyKey, input: { periodId, reason } };
  await once(app, actor, request, async (tx) => {
    await holdCursor(tx, partner); // nothing is posted meanwhile, and nothing settled
    const period = present((await periodsByNumber(tx, actor.tenantNo, [no])).get(no), "a period that was just read");
    await checkEmpty(tx, partner, period);
    const proposal = { type: ActType.PERIOD_ABORT_PROPOSED, periodId, now: app.clock.now() };
    const isSeconded = await isSeconding(tx, actor, proposal);
    if (!isSeconded) await record(app, tx, actor, { partner, period, reason, type: ActType.PERIOD_ABORT_PROPOSED });
    if (isSeconded || actor.kind === PrincipalKind.OPERATOR_SHELL) {
      const move = { no, from: period.state, to: PeriodState.ABORTED };
      if (!(await movePeriod(tx, partner, move))) throw conflict("The period has moved on meanwhile.");
      await record(app, tx, actor, { partner, period, reason, type: ActType.PERIOD_ABORTED });
    }
    return periodId;
  });
  return periodOfTenant(app, actor.tenantNo, periodId);
}

async function checkEmpty(tx: Tx, partner: Partner, period: SettlementPeriod): Promise<void> {
  if (isSettled(period) || period.state === PeriodState.ABORTED) throw conflict(`The period is ${period.state}.`);
  if ((await activityOf(tx, partner, period.no)).length === 0) return;
  throw settlementError("VALIDATION", {
    path: "/periodId",
    reason: "What was posted into the period must be settled.",
  });
}

interface Step {
  readonly partner: Partner;
  readonly period: SettlementPeriod;
  readonly reason: string;
  readonly type: ActType;
}

async function record(app: App, tx: Tx, actor: Actor, { partner, period, reason, type }: Step): Promise<void> {
  const { id, state } = period;
  const after = { state: type === ActType.PERIOD_ABORTED ? PeriodState.ABORTED : state, reason };
  await recordActs(tx, actor, app.clock.now(), [{ type, subjectId: id, partner, before: { state }, after }]);
}

function conflict(reason: string): Error {
  return settlementError("VERSION_CONFLICT", { reason });
}
