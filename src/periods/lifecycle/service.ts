import { assert, present } from "../../kernel/assert.js";
import type { TxSql } from "../../platform/database.js";
import type { PartnerNumbers } from "../cursors/service.js";
import { PeriodState } from "../entities.js";
import { isNextState, stateOfStatements } from "./rules.js";

/** A step of a period; `closedAt` only where it is fenced. */
export interface PeriodMove {
  readonly no: number;
  readonly from: PeriodState;
  readonly to: PeriodState;
  readonly closedAt?: Date;
}

/**
 * Moves a period from one state to the next, where it still stands there; false where it does not. The only way in
 * which a period's state changes before its statements; whoever calls it records the one act of the change.
 */
export async function movePeriod(
  tx: TxSql,
  { tenantNo }: Pick<PartnerNumbers, "tenantNo">,
  { no, from, to, closedAt }: PeriodMove,
): Promise<boolean> {
  assert(isNextState(from, to), `a period may go from ${from} to ${to}`);
  const { affectedRows } = await tx.query(
    `update settlement_period set state = ?, closed_at = coalesce(?, closed_at)
     where tenant_no = ? and no = ? and state = ?`,
    [to, closedAt ?? null, tenantNo, no, from],
  );
  return affectedRows > 0;
}

/** Pins another version of the terms to a closed period without statements; false where it has moved on. */
export async function giveTerms(
  tx: TxSql,
  { tenantNo }: Pick<PartnerNumbers, "tenantNo">,
  { no, configurationId }: { readonly no: number; readonly configurationId: string },
): Promise<boolean> {
  const { affectedRows } = await tx.query(
    `update settlement_period set configuration_id = ? where tenant_no = ? and no = ? and state in (?)`,
    [configurationId, tenantNo, no, [PeriodState.CLOSED, PeriodState.CALCULATED]],
  );
  return affectedRows > 0;
}

/** Places a period whose statements have moved where these stand; whoever calls it holds the period's lock. */
export async function placePeriod(
  tx: TxSql,
  { tenantNo }: Pick<PartnerNumbers, "tenantNo">,
  { no, to }: Pick<PeriodMove, "no" | "to">,
): Promise<void> {
  await tx.query("update settlement_period set state = ? where tenant_no = ? and no = ?", [to, tenantNo, no]);
}

/** Whether a statement may go from one state to another: as its period may. */
export function mayFollow(to: PeriodState, from: PeriodState): boolean {
  return isNextState(from, to);
}

/** Where a period stands whose statements, at least one, stand there. */
export function periodStateOf(states: readonly PeriodState[]): PeriodState {
  return present(stateOfStatements(states), "the state of a period by its statements");
}
