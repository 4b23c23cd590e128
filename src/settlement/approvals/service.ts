import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import type { Actor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { instantText } from "../../kernel/clock.js";
import { holdCursor } from "../../periods/cursors/service.js";
import type { App } from "../../platform/app.js";
import type { Tx } from "../../platform/database.js";
import { once } from "../../platform/idempotency.js";
import type { Partner } from "../../tenancy/entities.js";
import { partnerOf } from "../../tenancy/service.js";
import { configurationOf } from "../configurations/service.js";
import { Configuration, ConfigurationState, type MidPeriod } from "../entities.js";
import { settlementError } from "../errors.js";
import { checkWithinHorizon } from "../planning/service.js";

/** A draft, and from when on it shall be in force. */
export interface Submission {
  readonly configurationId: string;
  readonly effectiveFrom: Date;
  readonly midPeriod: MidPeriod;
}

/** A version that shall not be put in force as it was submitted, and why. */
export interface Return {
  readonly configurationId: string;
  readonly reason: string;
}

/**
 * Submits a draft for approval, with its first instant: what the second person approves is both. Only a draft can be
 * submitted (`VERSION_CONFLICT`), at most sixty days ahead (`VALIDATION`).
 */
export async function submitConfiguration(
  app: App,
  actor: Actor,
  { configurationId, effectiveFrom, midPeriod }: Submission,
  idempotencyKey: string | null = null,
): Promise<Configuration> {
  checkWithinHorizon(app, effectiveFrom);
  const move: Move = {
    ...{ operation: "submitConfiguration", configurationId, idempotencyKey },
    input: { configurationId, effectiveFrom: instantText(effectiveFrom), midPeriod },
    from: ConfigurationState.DRAFT,
    to: ConfigurationState.PENDING_APPROVAL,
    type: ActType.CONFIGURATION_SUBMITTED,
    says: { effectiveFrom: instantText(effectiveFrom), midPeriod },
    change: { effectiveFrom, midPeriod, submittedBy: actor.principalId, submittedAt: app.clock.now() },
  };
  return moveVersion(app, actor, move);
}

/** Returns a submitted version to its draft, by who submitted it or who should approve it (`VERSION_CONFLICT`). */
export async function returnConfiguration(
  app: App,
  actor: Actor,
  { configurationId, reason }: Return,
  idempotencyKey: string | null = null,
): Promise<Configuration> {
  const move: Move = {
    ...{ operation: "returnConfiguration", configurationId, idempotencyKey, input: { configurationId, reason } },
    from: ConfigurationState.PENDING_APPROVAL,
    to: ConfigurationState.DRAFT,
    type: ActType.CONFIGURATION_RETURNED,
    says: { reason },
    change: { effectiveFrom: null, submittedBy: null, submittedAt: null },
  };
  return moveVersion(app, actor, move);
}

/** One step of a version from state to state, what its act says, and what it writes besides. */
interface Move {
  readonly operation: string;
  readonly configurationId: string;
  readonly idempotencyKey: string | null;
  readonly input: Readonly<Record<string, string>>;
  readonly from: ConfigurationState;
  readonly to: ConfigurationState;
  readonly type: ActType;
  readonly says: Readonly<Record<string, string>>;
  readonly change: Partial<Configuration>;
}

async function moveVersion(app: App, actor: Actor, move: Move): Promise<Configuration> {
  const { operation, configurationId: id, idempotencyKey, input } = move;
  const partner = await partnerOf(app, actor, (await configurationOf(app, actor, id)).partnerId);
  await once(app, actor, { operation, idempotencyKey, input }, (tx) => moveLocked(app, tx, actor, partner, move));
  return configurationOf(app, actor, id);
}

/** The cursor is the lock under which versions of a partner change. */
async function moveLocked(app: App, tx: Tx, actor: Actor, partner: Partner, move: Move): Promise<string> {
  await holdCursor(tx, partner);
  const { tenantId } = partner;
  const { configurationId: id, from, to, type, says, change } = move;
  const version = present(await tx.findOneBy(Configuration, { tenantId, id }), "a configuration that was just read");
  if (version.state !== from) {
    throw settlementError("VERSION_CONFLICT", { reason: `This version is ${version.state}, not ${from}.` });
  }
  await tx.update(Configuration, { tenantId, id }, { ...change, state: to });
  const summary = { version: version.version, documentSha256: version.documentSha256.toString("hex") };
  const [before, after] = [
    { ...summary, state: from },
    { ...summary, state: to, ...says },
  ];
  await recordActs(tx, actor, app.clock.now(), [{ type, subjectId: id, partner, before, after }]);
  return id;
}
