import type { PartnerNumbers } from "../../periods/cursors/service.js";
import type { PeriodState } from "../../periods/entities.js";
import type { Reader } from "../../platform/database.js";
import { documentOf } from "../statements/service.js";
import { StateName } from "../terms/state.js";
import { type Hold, holdOf } from "./rules.js";

/** By when a period must have ended, and what time it is. */
export interface HoldInstants {
  readonly now: Date;
  readonly endedBy: Date;
}

/** Why what was posted into a period of the partner may not be removed yet; null where it may. */
export async function periodHold(
  reader: Reader,
  partner: PartnerNumbers,
  periodNo: number,
  instants: HoldInstants,
): Promise<Hold | null> {
  const { tenantNo, no } = partner;
  const [period]: { state: PeriodState; endsAt: Date }[] = await reader.query(
    "select state, ends_at as endsAt from settlement_period where tenant_no = ? and partner_no = ? and no = ?",
    [tenantNo, no, periodNo],
  );
  if (period === undefined) throw new Error(`there is no period ${periodNo}`);
  const statements: StatementRow[] = await reader.query(
    `select id, currency, ends_at as endsAt, disputable_until as disputableUntil, jws from statement
     where tenant_no = ? and partner_no = ? and period_no = ?`,
    [tenantNo, no, periodNo],
  );
  const [lots] = await reader.query(
    `select count(*) as open from credit_lot
     where tenant_no = ? and partner_no = ? and is_open = 1 and period_no = ?`,
    [tenantNo, no, periodNo],
  );
  let [openDisputes, reserveLeft] = [0, 0];
  for (const statement of statements) {
    openDisputes += await countOpenDisputes(reader, tenantNo, statement.id);
    reserveLeft = Math.max(reserveLeft, await countReserveLeft(reader, partner, statement));
  }
  const until = statements.map(({ disputableUntil }) => disputableUntil.getTime());
  const disputableUntil = until.length === 0 ? null : new Date(Math.max(...until));
  return holdOf({ ...period, disputableUntil, openDisputes, reserveLeft, openLots: Number(lots.open) }, instants);
}

interface StatementRow {
  readonly id: string;
  readonly currency: string;
  readonly endsAt: Date;
  readonly disputableUntil: Date;
  readonly jws: string;
}

async function countOpenDisputes(reader: Reader, tenantNo: number, statementId: string): Promise<number> {
  const [{ open }] = await reader.query(
    `select count(*) as open from dispute
     left join settlement_period as period
       on period.tenant_no = dispute.tenant_no and period.no = dispute.adjustment_period_no
     where dispute.tenant_no = ? and dispute.statement_id = ?
       and (dispute.state in ('OPEN', 'PENDING_APPROVAL')
         or period.state not in ('PAID', 'CARRIED_FORWARD', 'ABORTED'))`,
    [tenantNo, statementId],
  );
  return Number(open);
}

/** A tranche's key says how many statements later it is released, so the greatest says when the last one is. */
async function countReserveLeft(reader: Reader, { tenantNo, no }: PartnerNumbers, row: StatementRow): Promise<number> {
  const tranches = documentOf(row).state.closing.filter(
    ({ name, value }) => name === StateName.RESERVE && value !== "0",
  );
  const statements = Math.max(0, ...tranches.map(({ key }) => Number(key)));
  if (statements === 0) return 0;
  const [{ since }] = await reader.query(
    `select count(*) as since from statement
     where tenant_no = ? and partner_no = ? and currency = ? and ends_at > ?`,
    [tenantNo, no, row.currency, row.endsAt],
  );
  return Math.max(0, statements - Number(since));
}
