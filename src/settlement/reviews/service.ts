import { ActType } from "../../acts/entities.js";
import { checkSecondPerson } from "../../identity/four-eyes/service.js";
import { type Actor, systemActor, type TenantRef } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { newId } from "../../kernel/ids.js";
import { holdCursor } from "../../periods/cursors/service.js";
import { PeriodState } from "../../periods/entities.js";
import type { App } from "../../platform/app.js";
import { type Tx, transact } from "../../platform/database.js";
import { once } from "../../platform/idempotency.js";
import type { Partner } from "../../tenancy/entities.js";
import { partnersByNumber } from "../../tenancy/service.js";
import type { Statement } from "../entities.js";
import { type LockedStatement, lockStatement, moveStatement } from "../lifecycle/service.js";
import { setOffDebts } from "../netting/service.js";
import { moveSettled } from "../purses/service.js";
import { statementOf } from "../statements/service.js";

const ADVANCES_MAX = 500;

/**
 * Approves a statement that nobody disputes: its money waits for somebody else's release; where nothing is payable it
 * is carried forward at once. Refused elsewhere (`VERSION_CONFLICT`).
 */
export async function approveStatement(
  app: App,
  actor: Actor,
  statementId: string,
  idempotencyKey: string | null = null,
): Promise<Statement> {
  const request = { operation: "approveStatement", idempotencyKey, statementId };
  return review(app, actor, request, (tx, locked) => approve(app, tx, actor, locked));
}

/**
 * Releases the money of an approved statement: from then on it may be paid, set off against debts of linked partners,
 * or collected. Refused to who approved it (`FORBIDDEN`), except at the server's own shell, and where it is not
 * approved (`VERSION_CONFLICT`).
 */
export async function releaseStatement(
  app: App,
  actor: Actor,
  statementId: string,
  idempotencyKey: string | null = null,
): Promise<Statement> {
  const request = { operation: "releaseStatement", idempotencyKey, statementId };
  const { partnerNo } = await review(app, actor, request, async (tx, locked) => {
    const reason = "Who approved a statement may not release its money.";
    await checkSecondPerson(tx, actor, { by: [locked.statement.approvedBy], reason });
    return release(app, tx, actor, locked);
  });
  await setOffDebts(app, actor, await partnerNumbered(app, actor, partnerNo));
  return statementOf(app, actor, statementId);
}

/**
 * Moves on what nobody has to approve: undisputed until its dispute window was over, or acknowledged, and by its terms
 * approved automatically, or with nothing payable. What somebody approved ahead is released then as well. A statement
 * that fails holds up no other. Answers how many moved.
 */
export async function advanceStatementsForAllTenants(app: App): Promise<number> {
  const rows: (TenantRef & { id: string; partnerNo: number })[] = await app.database.query(
    `/* all tenants */ select tenant_id as tenantId, tenant_no as tenantNo, id, partner_no as partnerNo from statement
     where advances_at <= ? and state in ('STATEMENT_ISSUED', 'APPROVED') order by advances_at limit ?`,
    [app.clock.now(), ADVANCES_MAX],
  );
  for (const { id, partnerNo, ...tenant } of rows) {
    try {
      await advance(app, systemActor(tenant, newId("req", app.clock)), partnerNo, id);
    } catch (error) {
      app.log.error({ err: error, statement: id }, "settlement: a statement did not move on; it is tried again");
    }
  }
  return rows.length;
}

interface ReviewRequest {
  readonly operation: string;
  readonly idempotencyKey: string | null;
  readonly statementId: string;
}

type Step = (tx: Tx, locked: LockedStatement) => Promise<LockedStatement>;

async function review(
  app: App,
  actor: Actor,
  { operation, idempotencyKey, statementId: id }: ReviewRequest,
  step: Step,
): Promise<Statement> {
  const { partnerNo } = await statementOf(app, actor, id);
  const partner = await partnerNumbered(app, actor, partnerNo);
  await once(app, actor, { operation, idempotencyKey, input: { statementId: id } }, async (tx) => {
    await holdCursor(tx, partner);
    await step(tx, await lockStatement(tx, partner, id));
    return id;
  });
  return statementOf(app, actor, id);
}

async function advance(app: App, actor: Actor, partnerNo: number, id: string): Promise<void> {
  const partner = await partnerNumbered(app, actor, partnerNo);
  await transact(app, async (tx) => {
    await holdCursor(tx, partner);
    const locked = await lockStatement(tx, partner, id);
    const { state, advancesAt } = locked.statement;
    const isDue = advancesAt !== null && advancesAt <= app.clock.now();
    const isWaiting = state === PeriodState.STATEMENT_ISSUED || state === PeriodState.APPROVED;
    if (!isWaiting || !isDue) return; // somebody else was first
    const approved = state === PeriodState.APPROVED ? locked : await approve(app, tx, actor, locked);
    if (approved.statement.state === PeriodState.APPROVED) await release(app, tx, actor, approved);
  });
  await setOffDebts(app, actor, partner);
}

async function approve(app: App, tx: Tx, actor: Actor, locked: LockedStatement) {
  const change = { approvedBy: actor.principalId };
  const isEmpty = locked.statement.payableMinor === 0n;
  const move = isEmpty
    ? { to: PeriodState.CARRIED_FORWARD, type: ActType.STATEMENT_CARRIED_FORWARD, change }
    : { to: PeriodState.APPROVED, type: ActType.STATEMENT_APPROVED, change };
  return moveStatement(app, tx, actor, locked, move);
}

/** What credit or set-offs met wholly, or nothing is left of to collect, is PAID at once: no payment will say so. */
async function release(app: App, tx: Tx, actor: Actor, locked: LockedStatement) {
  const move = { to: PeriodState.PAYABLE, type: ActType.STATEMENT_RELEASED };
  const released = await moveStatement(app, tx, actor, locked, move);
  await moveSettled(app, tx, actor, locked.partner, locked.statement.currency);
  return released;
}

async function partnerNumbered(app: App, actor: Actor, no: number): Promise<Partner> {
  const [partner] = await partnersByNumber(app, actor, [no]);
  return present(partner, "the partner of a statement");
}
