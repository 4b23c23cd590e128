import { ActType } from "../../acts/entities.js";
import type { Actor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { groupBy } from "../../kernel/group.js";
import { scaleOf } from "../../kernel/money.js";
import { Rational } from "../../kernel/rational.js";
import { AccountName } from "../../ledger/entities.js";
import { balanceOf } from "../../ledger/service.js";
import { holdCursor } from "../../periods/cursors/service.js";
import { PeriodState } from "../../periods/entities.js";
import type { App } from "../../platform/app.js";
import { type Reader, type Tx, transact } from "../../platform/database.js";
import type { Partner } from "../../tenancy/entities.js";
import { lockStatement, moveStatement } from "../lifecycle/service.js";
import { PayoutState } from "../payouts/entities.js";
import {
  dueOf,
  type OpenShare,
  type OpenStatement,
  type Purse,
  settledStatements,
  uncollected,
} from "../payouts/rules.js";
import { documentOf } from "../statements/service.js";
import { shareOut } from "../terms/rounding.js";

/** A statement that is not settled, and by when it is to be paid. */
export interface PurseStatement extends OpenStatement {
  /** When its period ended: purses are in this order, then in that of ids. */
  readonly endsAt: Date;
  /** `YYYY-MM-DD`; null where the terms name no date. */
  readonly paymentDueOn: string | null;
  /** Its receivers in the order of its terms, only the empty one without splits, and how many payouts each had. */
  readonly attempts: ReadonlyMap<string, number>;
}

/** A partner's money in one currency, with what is known of its statements. */
export interface PartnerPurse extends Purse {
  readonly statements: readonly PurseStatement[];
}

/** A partner's money in one currency: what is owed, and every statement that releases or collects and is not PAID. */
export async function purseOf(reader: Reader, partner: Partner, currency: string): Promise<PartnerPurse> {
  const { tenantNo, no } = partner;
  const owedMinor = -(await balanceOf(reader, partner, AccountName.PAYABLE, currency));
  const rows: StatementRow[] = await reader.query(
    `select id, state, ends_at as endsAt, cast(paid_out_minor as char) as paidOut,
       cast(set_off_minor as char) as setOff, date_format(payment_due_on, '%Y-%m-%d') as dueOn,
       if(state = 'PAYABLE' and paid_out_minor > 0, jws, null) as jws
     from statement where tenant_no = ? and partner_no = ? and currency = ? and state <> 'PAID'
       and (paid_out_minor <> 0 or state = 'PAYABLE')
     order by ends_at, id`,
    [tenantNo, no, currency],
  );
  const moved = await movedOf(reader, partner, rows);
  return { owedMinor, statements: rows.map((row) => statementOf(row, currency, moved.get(row.id) ?? [])) };
}

/**
 * Moves every payable statement of which nothing is left to PAID: paid, met by set-offs or credit, or collected. Call
 * it under the partner's cursor, after whatever changed what is owed.
 */
export async function moveSettled(app: App, tx: Tx, actor: Actor, partner: Partner, currency: string): Promise<void> {
  for (const id of settledStatements(await purseOf(tx, partner, currency))) {
    const locked = await lockStatement(tx, partner, id);
    await moveStatement(app, tx, actor, locked, { to: PeriodState.PAID, type: ActType.STATEMENT_PAID });
  }
}

/**
 * Moves statements that were collected back to PAYABLE, the newest first, until they hold what is to be collected
 * again. Call it under the partner's cursor, after collected money went back.
 */
export async function reopenUncollected(
  app: App,
  tx: Tx,
  actor: Actor,
  partner: Partner,
  currency: string,
): Promise<void> {
  const purse = await purseOf(tx, partner, currency);
  let missing = dueOf(purse) - uncollected(purse).reduce((total, { leftMinor }) => total + leftMinor, 0n);
  while (missing > 0n) {
    const [newest]: { id: string; paidOut: string }[] = await tx.query(
      `select id, cast(paid_out_minor as char) as paidOut from statement
       where tenant_no = ? and state = 'PAID' and currency = ? and partner_no = ? and paid_out_minor < 0
       order by ends_at desc, id desc limit 1`,
      [partner.tenantNo, currency, partner.no],
    );
    if (newest === undefined) return; // set off against what was not released, as older releases did
    const locked = await lockStatement(tx, partner, newest.id);
    const move = { to: PeriodState.PAYABLE, type: ActType.STATEMENT_PAYABLE_AGAIN };
    await moveStatement(app, tx, actor, locked, move);
    missing += BigInt(newest.paidOut);
  }
}

/** Moves settled statements in a transaction of its own, where there are any. */
export async function settleMet(app: App, actor: Actor, partner: Partner, currency: string): Promise<void> {
  if (settledStatements(await purseOf(app.database.manager, partner, currency)).length === 0) return;
  await transact(app, async (tx) => {
    await holdCursor(tx, partner);
    await moveSettled(app, tx, actor, partner, currency);
  });
}

interface StatementRow {
  readonly id: string;
  readonly state: PeriodState;
  readonly endsAt: Date;
  readonly paidOut: string;
  readonly setOff: string;
  readonly dueOn: string | null;
  /** Only where its receivers matter. */
  readonly jws: string | null;
}

/** What payouts took of a statement for one receiver. */
interface Moved {
  readonly statementId: string;
  readonly payee: string;
  readonly inFlightMinor: bigint;
  readonly paidMinor: bigint;
  readonly payouts: number;
}

async function movedOf(
  reader: Reader,
  { tenantId }: Partner,
  rows: readonly StatementRow[],
): Promise<ReadonlyMap<string, readonly Moved[]>> {
  if (rows.length === 0) return new Map();
  const sums: { statementId: string; payee: string; inFlight: string; paid: string; payouts: string }[] =
    await reader.query(
      `select statement_id as statementId, payee, count(*) as payouts,
       cast(sum(if(state = ?, amount_minor, 0)) as char) as inFlight,
       cast(sum(paid_minor - returned_minor) as char) as paid
     from payout where tenant_id = ? and statement_id in (?) group by statement_id, payee`,
      [PayoutState.EXPORTED, tenantId, rows.map(({ id }) => id)],
    );
  const moved = sums.map(({ inFlight, paid, payouts, ...key }): Moved => {
    return { ...key, inFlightMinor: BigInt(inFlight), paidMinor: BigInt(paid), payouts: Number(payouts) };
  });
  return groupBy(moved, ({ statementId }) => statementId);
}

function statementOf(row: StatementRow, currency: string, moved: readonly Moved[]): PurseStatement {
  const { id, state, endsAt, paidOut, dueOn: paymentDueOn } = row;
  const paidOutMinor = BigInt(paidOut);
  const shares = sharesOf(row, currency);
  const open = shares.map(({ payee, openMinor }): OpenShare => {
    const taken = moved.find((each) => each.payee === payee);
    return { payee, openMinor: openMinor - (taken?.inFlightMinor ?? 0n) - (taken?.paidMinor ?? 0n) };
  });
  const inFlightMinor = moved.reduce((total, each) => total + each.inFlightMinor, 0n);
  const attempts = new Map(
    shares.map(({ payee }) => [payee, moved.find((each) => each.payee === payee)?.payouts ?? 0]),
  );
  const isReleased = state === PeriodState.PAYABLE;
  return {
    ...{ id, endsAt, paymentDueOn, paidOutMinor, isReleased, inFlightMinor, attempts },
    ...{ shares: paidOutMinor > 0n ? open : [], setOffMinor: BigInt(row.setOff) },
  };
}

/** What each receiver gets of a statement in all, as its lines say; where credit met a part, of the rest. */
function sharesOf({ jws, paidOut }: StatementRow, currency: string): readonly OpenShare[] {
  const paidOutMinor = BigInt(paidOut);
  const lines = jws === null ? [] : documentOf({ jws }).lines.filter(({ code }) => code === "SPLIT");
  if (lines.length === 0) return [{ payee: "", openMinor: paidOutMinor }];
  const scale = 10n ** BigInt(scaleOf(currency));
  const parts = lines.map(({ scope, amount }) => {
    const share = present(Rational.parse(present(amount, "the amount of a split")), "an amount of a statement");
    return { payee: scope, share: share.times(Rational.of(scale)) };
  });
  const total = parts.reduce((sum, { share }) => sum.plus(share), Rational.ZERO);
  const shares = parts.map(({ share }) => share.times(Rational.of(paidOutMinor)).over(total));
  return shareOut(paidOutMinor, shares).map((openMinor, index) => {
    return { payee: present(parts[index], "a split").payee, openMinor };
  });
}
