import type { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import type { Actor } from "../../kernel/actor.js";
import { assert, present } from "../../kernel/assert.js";
import { later } from "../../kernel/clock.js";
import { PeriodState } from "../../periods/entities.js";
import { mayFollow, periodStateOf, placePeriod } from "../../periods/lifecycle/service.js";
import type { App } from "../../platform/app.js";
import type { Reader, Tx } from "../../platform/database.js";
import type { Partner } from "../../tenancy/entities.js";
import { Statement } from "../entities.js";
import { settlementError } from "../errors.js";

const DAY_MS = 86_400_000;

/** How statements are agreed on, as their terms say. */
export interface Review {
  readonly disputeDays: number;
  readonly isAutomatic: boolean;
}

/** Where a new statement stands, and until when it is looked at. What has nothing payable needs nobody's approval. */
export function openingOf(
  { disputeDays, isAutomatic }: Review,
  { issuedAt, payableMinor }: Pick<Statement, "issuedAt" | "payableMinor">,
): Pick<Statement, "state" | "disputableUntil" | "advancesAt" | "approvedBy" | "acknowledgedAt"> {
  const disputableUntil = later(issuedAt, disputeDays * DAY_MS);
  const advancesAt = isAutomatic || payableMinor === 0n ? disputableUntil : null;
  return { state: PeriodState.STATEMENT_ISSUED, disputableUntil, advancesAt, approvedBy: null, acknowledgedAt: null };
}

/** A statement as its lock found it, its partner and its period. */
export interface LockedStatement {
  readonly partner: Partner;
  readonly statement: Statement;
  readonly period: { readonly no: number; readonly id: string; readonly state: PeriodState };
}

/** A step of a statement, and the one act that says so. */
export interface StatementMove {
  /** Absent: it stays where it is, and the act says what happened beside. */
  readonly to?: PeriodState;
  readonly type: ActType;
  /** What the act is about; absent: the statement. */
  readonly subjectId?: string;
  /** What the act says besides where both stand. */
  readonly says?: Readonly<Record<string, unknown>>;
  /** What is written with it. */
  readonly change?: Partial<Pick<Statement, "approvedBy" | "acknowledgedAt" | "advancesAt">>;
}

/**
 * Locks a statement's period, and with it every statement of the period, and reads the statement anew. Whoever also
 * takes the partner's cursor takes it before.
 */
export async function lockStatement(tx: Tx, partner: Partner, id: string): Promise<LockedStatement> {
  const { tenantNo, tenantId } = partner;
  const [period] = await tx.query(
    `select period.no, period.id, period.state from statement
     join settlement_period as period on period.tenant_no = statement.tenant_no and period.no = statement.period_no
     where statement.tenant_id = ? and statement.id = ? and period.tenant_no = ? for update`,
    [tenantId, id, tenantNo],
  );
  const statement = await tx.findOneBy(Statement, { tenantId, id });
  return {
    partner,
    statement: present(statement, "a statement that was just read"),
    period: present(period, "the period of a statement"),
  };
}

/**
 * Moves a locked statement to its next state: a conditional update, its period with it, and exactly one act. Refused
 * (`VERSION_CONFLICT`) where the statement stands elsewhere. The only way in which a statement's state changes, and
 * its period's from `STATEMENT_ISSUED` on. Answers both as they stand then, for the next step.
 */
export async function moveStatement(
  app: App,
  tx: Tx,
  actor: Actor,
  { partner, statement, period }: LockedStatement,
  move: StatementMove,
): Promise<LockedStatement> {
  const { tenantId, id, state: from } = statement;
  const { to = from, type, subjectId = id, says = {}, change = {} } = move;
  if (move.to !== undefined && !mayFollow(to, from)) {
    throw settlementError("VERSION_CONFLICT", { reason: `The statement is ${from}, and cannot become ${to}.` });
  }
  const { affected } = await tx.update(Statement, { tenantId, id, state: from }, { ...change, state: to });
  assert(affected === 1, "a locked statement stands where it was read");
  const periodState = await stateByStatements(tx, statement);
  await placePeriod(tx, partner, { no: period.no, to: periodState });
  const before = { state: from, periodState: period.state };
  const after = { ...says, statementId: id, currency: statement.currency, state: to, periodId: period.id, periodState };
  await recordActs(tx, actor, app.clock.now(), [{ type, subjectId, partner, before, after }]);
  return {
    partner,
    statement: Object.assign(new Statement(), statement, change, { state: to }),
    period: { ...period, state: periodState },
  };
}

/** Where the period of a statement stands by its statements. */
export async function stateByStatements(
  reader: Pick<Reader, "query">,
  { tenantNo, periodNo }: Pick<Statement, "tenantNo" | "periodNo">,
): Promise<PeriodState> {
  const rows: { state: PeriodState }[] = await reader.query(
    "select state from statement where tenant_no = ? and period_no = ?",
    [tenantNo, periodNo],
  );
  return periodStateOf(rows.map(({ state }) => state));
}
