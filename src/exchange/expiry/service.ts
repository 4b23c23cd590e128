import { ActType } from "../../acts/entities.js";
import { type ActInput, recordActs } from "../../acts/service.js";
import { type Actor, systemActor } from "../../kernel/actor.js";
import { newId } from "../../kernel/ids.js";
import { decimalText, scaleOf } from "../../kernel/money.js";
import { AccountName, EntryKind } from "../../ledger/entities.js";
import { changeBalances, nextEntryNo, post } from "../../ledger/service.js";
import { holdCursor } from "../../periods/cursors/service.js";
import { earliestOpen } from "../../periods/service.js";
import type { App } from "../../platform/app.js";
import { type Tx, transact } from "../../platform/database.js";
import type { Partner } from "../../tenancy/entities.js";
import { partnerOf } from "../../tenancy/service.js";
import { CreditMoveKind } from "../credit/entities.js";
import { discountOf, heldIn } from "../credit/rules.js";
import { insertMoves, knownCredit, lowWaterAct } from "../credit/service.js";
import { creditTermsOf } from "../credit-terms/service.js";

const PARTNERS_MAX = 1_000;
/** Lots of one partner that one transaction expires; the next run finds the rest. */
const LOTS_MAX = 500;

/**
 * What expired, where nothing is left that it could still meet: the statement of every period that ended while it was
 * good is issued.
 */
const EXPIRED = `lot.remaining_minor > 0 and lot.expires_at <= ? and not exists (
  select 1 from settlement_period as period
  where period.tenant_no = lot.tenant_no and period.partner_no = lot.partner_no
    and period.state in ('OPEN', 'CLOSED', 'CALCULATED') and period.ends_at <= lot.expires_at)`;

/** Writes off the credit that expired, of every partner; one that fails holds up no other. Answers how many lots. */
export async function expireCreditForAllTenants(app: App): Promise<number> {
  const rows: { tenantNo: number; tenantId: string; partnerId: string }[] = await app.database.query(
    `/* all tenants */ select distinct partner.tenant_no as tenantNo, partner.tenant_id as tenantId,
       partner.id as partnerId
     from credit_lot as lot join partner on partner.tenant_no = lot.tenant_no and partner.no = lot.partner_no
     where ${EXPIRED} limit ?`,
    [app.clock.now(), PARTNERS_MAX],
  );
  let lots = 0;
  for (const { partnerId, ...tenant } of rows) {
    const actor = systemActor(tenant, newId("req", app.clock));
    try {
      lots += await expireCredit(app, actor, await partnerOf(app, actor, partnerId));
    } catch (error) {
      app.log.error({ err: error, partnerId }, "credit: what expired was not written off; the next run tries again");
    }
  }
  return lots;
}

/**
 * Writes off a partner's credit that expired (domain 12, breakage): an entry for all of it and an act for each lot.
 * Doing it again finds nothing. Answers how many lots that were.
 */
async function expireCredit(app: App, actor: Actor, partner: Partner): Promise<number> {
  return changeBalances(app, [partner], () => transact(app, (tx) => expire(app, tx, actor, partner)));
}

interface ExpiredRow {
  readonly no: number;
  readonly id: string;
  readonly code: string;
  readonly currency: string;
  readonly face_minor: string;
  readonly cost_minor: string;
  readonly remaining_minor: string;
  readonly used_minor: string;
}

interface ExpiredLot {
  readonly no: number;
  readonly id: string;
  readonly code: string;
  readonly currency: string;
  readonly amountMinor: bigint;
  readonly discountMinor: bigint;
}

async function expire(app: App, tx: Tx, actor: Actor, partner: Partner): Promise<number> {
  const cursor = await holdCursor(tx, partner);
  const { tenantNo, no: partnerNo } = partner;
  const expiredAt = app.clock.now();
  const rows: ExpiredRow[] = await tx.query(
    `select lot.no, lot.id, lot.code, lot.currency, lot.face_minor, lot.cost_minor, lot.remaining_minor,
       lot.settled_minor + lot.expired_minor as used_minor
     from credit_lot as lot where lot.tenant_no = ? and lot.partner_no = ? and ${EXPIRED} order by lot.no limit ?`,
    [tenantNo, partnerNo, expiredAt, LOTS_MAX],
  );
  if (rows.length === 0) return 0;
  const lots = rows.map(expiredLot);
  const acts = [...lots.map((lot) => actOf(partner, lot)), ...(await alertsOf(tx, partner, lots))];
  const [entryNo, lines] = [nextEntryNo(cursor), lots.flatMap(linesOf)];
  const source = { kind: EntryKind.CREDIT_EXPIRY, periodNo: 0, batchNo: null, statementId: null };
  await post(tx, partner, cursor, [{ ...source, recordedAt: expiredAt, lines }]);
  await tx.query(
    `update credit_lot set expired_minor = expired_minor + remaining_minor, remaining_minor = 0,
       is_open = drawn_minor > 0 where tenant_no = ? and partner_no = ? and no in (?)`,
    [tenantNo, partnerNo, lots.map(({ no }) => no)],
  );
  const moves = lots.map(({ no: lotNo, amountMinor }) => {
    return { entryNo, lotNo, kind: CreditMoveKind.EXPIRED, periodNo: 0, amountMinor };
  });
  await insertMoves(tx, partner, moves);
  await recordActs(tx, actor, expiredAt, acts);
  return lots.length;
}

function expiredLot({ no, id, code, currency, ...row }: ExpiredRow): ExpiredLot {
  const price = { faceMinor: BigInt(row.face_minor), costMinor: BigInt(row.cost_minor) };
  const [amountMinor, usedMinor] = [BigInt(row.remaining_minor), BigInt(row.used_minor)];
  const discountMinor = discountOf(price, usedMinor + amountMinor) - discountOf(price, usedMinor);
  return { no, id, code, currency, amountMinor, discountMinor };
}

function linesOf({ currency, amountMinor, discountMinor }: ExpiredLot) {
  return [
    { account: AccountName.BREAKAGE, currency, amountMinor: amountMinor - discountMinor },
    { account: AccountName.CREDIT_DISCOUNT, currency, amountMinor: discountMinor },
    { account: AccountName.CREDIT, currency, amountMinor: -amountMinor },
  ];
}

function actOf(partner: Partner, { id, code, currency, amountMinor, discountMinor }: ExpiredLot): ActInput {
  const text = (minor: bigint) => decimalText(minor, scaleOf(currency));
  const before = { remaining: text(amountMinor) };
  const after = { lot: code, currency, expired: text(amountMinor), cost: text(amountMinor - discountMinor) };
  return { type: ActType.CREDIT_EXPIRED, subjectId: id, partner, before, after };
}

/** Credit that expires may bring a currency down to its low-water mark, as the terms of the open period name it. */
async function alertsOf(tx: Tx, partner: Partner, lots: readonly ExpiredLot[]): Promise<ActInput[]> {
  const period = await earliestOpen(tx, partner);
  if (period === null) return [];
  const termsOf = await creditTermsOf(tx, partner.tenantNo, [period.configurationId]);
  const known = await knownCredit(tx, partner);
  return [...new Set(lots.map(({ currency }) => currency))].flatMap((currency) => {
    const lost = lots.filter((lot) => lot.currency === currency).reduce((sum, lot) => sum + lot.amountMinor, 0n);
    const [was, full] = [heldIn(known.lots, currency), known.levels.get(currency)?.fullMinor ?? 0n];
    const levels = { currency, was, wasFull: full, is: was - lost, isFull: full };
    return lowWaterAct(partner, termsOf(period.configurationId, currency), levels) ?? [];
  });
}
