import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import { type Actor, PrincipalKind } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { CodedError } from "../../kernel/errors.js";
import { unsettledPeriods } from "../../periods/closing/service.js";
import { holdCursor } from "../../periods/cursors/service.js";
import { PeriodState, type SettlementPeriod } from "../../periods/entities.js";
import { giveTerms } from "../../periods/lifecycle/service.js";
import { periodOfTenant, periodsByNumber } from "../../periods/service.js";
import type { App } from "../../platform/app.js";
import type { Tx } from "../../platform/database.js";
import { once } from "../../platform/idempotency.js";
import type { Partner } from "../../tenancy/entities.js";
import { partnersByNumber } from "../../tenancy/service.js";
import { configurationOf } from "../configurations/service.js";
import { type Configuration, ConfigurationState } from "../entities.js";
import { settlementError } from "../errors.js";
import { retryAtOnce } from "../incidents/service.js";
import { isSeconding } from "../proposals/service.js";
import { calculateBy } from "../rehearsals/service.js";
import { settle } from "../runs/service.js";
import { saysCannotSettle } from "./rules.js";

/** A closed period, the version that shall settle it, and why. */
export interface Reterming {
  readonly periodId: string;
  readonly configurationId: string;
  readonly reason: string;
}

/**
 * Settles a closed period by another version of the partner's terms where its own can never settle it: the first person
 * proposes it, and it is settled so once a second one asks for the same within fourteen days; at the server's own shell
 * both at once. Refused (`VERSION_CONFLICT`) where the period is not the partner's earliest closed one without a
 * statement, or its own terms do settle it; (`VALIDATION`) where the version was never in force or is of another
 * partner; and as the settlement would be where that version does not settle it either.
 */
export async function retermPeriod(
  app: App,
  actor: Actor,
  reterming: Reterming,
  idempotencyKey: string | null = null,
): Promise<SettlementPeriod> {
  const { periodId, configurationId } = reterming;
  const { no, partnerNo, endsAt: through } = await periodOfTenant(app, actor.tenantNo, periodId);
  const partner = present((await partnersByNumber(app, actor, [partnerNo]))[0], "the partner of a period");
  const configuration = await configurationOf(app, actor, configurationId);
  const request = { operation: "retermPeriod", idempotencyKey, input: reterming };
  // A repetition is answered as it was, also where the period is settled by now.
  const refusal = await refusalOf(app, partner, { no, configuration });
  await once(app, actor, request, async (tx) => {
    if (refusal !== null) throw refusal;
    await step(app, tx, actor, { partner, periodNo: no, reterming });
    return periodId;
  });
  const period = await periodOfTenant(app, actor.tenantNo, periodId);
  if (period.configurationId === configurationId && isClosed(period)) {
    await settle(app, actor, { partnerId: partner.id, through });
  }
  return periodOfTenant(app, actor.tenantNo, periodId);
}

interface Wanted {
  readonly no: number;
  readonly configuration: Configuration;
}

/** Why the period may not be given that version; null where it may. */
async function refusalOf(app: App, partner: Partner, { no, configuration }: Wanted): Promise<CodedError | null> {
  try {
    await checkWanted(app, partner, { no, configuration });
    return null;
  } catch (error) {
    if (error instanceof CodedError) return error;
    throw error;
  }
}

async function checkWanted(app: App, partner: Partner, { no, configuration }: Wanted): Promise<void> {
  const { id, partnerId, state } = configuration;
  const refuse = (reason: string) => settlementError("VALIDATION", { path: "/configurationId", reason });
  if (partnerId !== partner.id) throw refuse("The version is of another partner.");
  if (state !== ConfigurationState.ACTIVE && state !== ConfigurationState.SUPERSEDED) {
    throw refuse("Only a version that was put in force by two people settles a period.");
  }
  const reader = app.database.manager;
  const period = present((await periodsByNumber(reader, partner.tenantNo, [no])).get(no), "a period that was read");
  const [earliest] = await unsettledPeriods(reader, partner, period.endsAt);
  if (earliest?.no !== no || !isClosed(period)) {
    throw conflict("The period is not closed, is settled, or one before it is to be settled first.");
  }
  if (await canSettle(app, partner, period)) throw conflict("Its own terms settle the period.");
  await calculateBy(app, partner, period, id);
}

async function canSettle(app: App, partner: Partner, period: SettlementPeriod): Promise<boolean> {
  try {
    await calculateBy(app, partner, period, period.configurationId);
    return true;
  } catch (error) {
    if (error instanceof CodedError && saysCannotSettle(error)) return false; // the reason for all this
    throw error;
  }
}

interface Step {
  readonly partner: Partner;
  readonly periodNo: number;
  readonly reterming: Reterming;
}

async function step(app: App, tx: Tx, actor: Actor, { partner, periodNo, reterming }: Step): Promise<void> {
  const { periodId, configurationId, reason } = reterming;
  await holdCursor(tx, partner); // nothing is settled meanwhile
  const now = app.clock.now();
  const found = (await periodsByNumber(tx, partner.tenantNo, [periodNo])).get(periodNo);
  const { state, configurationId: own } = present(found, "a period that was just read");
  const about = { subjectId: periodId, partner, before: { state, configurationId: own } };
  const after = { state, configurationId, reason };
  const proposal = { type: ActType.PERIOD_TERMS_PROPOSED, periodId, configurationId, now };
  const isSeconded = await isSeconding(tx, actor, proposal);
  if (!isSeconded) await recordActs(tx, actor, now, [{ ...about, after, type: ActType.PERIOD_TERMS_PROPOSED }]);
  if (!isSeconded && actor.kind !== PrincipalKind.OPERATOR_SHELL) return;
  if (!(await giveTerms(tx, partner, { no: periodNo, configurationId }))) {
    throw conflict("The period has moved on meanwhile.");
  }
  await retryAtOnce(tx, partner.tenantNo, partner);
  await recordActs(tx, actor, now, [{ ...about, after, type: ActType.PERIOD_TERMS_REPLACED }]);
}

function isClosed({ state }: SettlementPeriod): boolean {
  return state === PeriodState.CLOSED || state === PeriodState.CALCULATED;
}

function conflict(reason: string): Error {
  return settlementError("VERSION_CONFLICT", { reason });
}
