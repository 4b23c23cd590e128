import { present } from "../../kernel/assert.js";
import { canonicalJson } from "../../kernel/canonical-json.js";
import { paymentDate } from "../../periods/calendars/service.js";
import type { Reader } from "../../platform/database.js";
import { Partner } from "../../tenancy/entities.js";
import type { PayoutAccount } from "../payout-accounts/entities.js";
import { accountInUse } from "../payout-accounts/service.js";
import { type Allocation, allocate } from "../payouts/rules.js";
import { type PartnerPurse, type PurseStatement, purseOf } from "../purses/service.js";

/** The most transfers of a file, and partners, whose books are held while it is stored; the rest goes into the next. */
const TRANSFERS_MAX = 1_000;
const PARTNERS_MAX = 200;
/** The most that a message's sums and amounts can say: eighteen digits (ISO 20022). The rest goes into the next. */
const TOTAL_MINOR_MAX = 10n ** 18n - 1n;

/** What a file shall pay. */
export interface PayoutOrder {
  readonly currency: string;
  /** Only statements to be paid by that date, and those without one; null: all, each on its own date. */
  readonly dueThrough: string | null;
  /** No transfer is asked for before it; null: today in each partner's zone. */
  readonly executeFrom: string | null;
  /** Only these; null: all. */
  readonly partnerIds: readonly string[] | null;
}

/** Money that a file claims: of one statement, for one receiver. */
export interface Claim {
  readonly partner: Partner;
  readonly account: PayoutAccount;
  readonly statementId: string;
  readonly payee: string;
  /** Place of the receiver among those of its statement, from 1. */
  readonly receiver: number;
  /** Counts the payouts of a statement to a receiver from 1. */
  readonly attempt: number;
  readonly amountMinor: bigint;
  readonly executeOn: string;
}

/** Money of a statement that could be paid, to a receiver who may have no account. */
export interface Ready extends Allocation {
  readonly statement: PurseStatement;
  readonly account: PayoutAccount | null;
}

/**
 * What a file would claim now: of every statement that was released for payment what is not paid and not on its way,
 * partner by partner. Receivers without an approved account are left out.
 */
export async function planClaims(
  reader: Reader,
  tenant: { readonly tenantId: string; readonly tenantNo: number },
  order: PayoutOrder,
  at: Date,
): Promise<readonly Claim[]> {
  const claims: Claim[] = [];
  const claiming = new Set<string>();
  let roomMinor = TOTAL_MINOR_MAX;
  for (const partner of await payablePartners(reader, tenant, order)) {
    const purse = await purseOf(reader, partner, order.currency);
    const today = await todayOf(partner, at);
    for (const ready of await readyOf(reader, partner, order.currency, purse)) {
      const claim = claimOf(partner, ready, order, today);
      if (claim === null || claims.length === TRANSFERS_MAX || roomMinor === 0n) continue;
      const amountMinor = claim.amountMinor < roomMinor ? claim.amountMinor : roomMinor;
      roomMinor -= amountMinor;
      claims.push({ ...claim, amountMinor });
      claiming.add(partner.id);
    }
    if (claims.length === TRANSFERS_MAX || claiming.size === PARTNERS_MAX || roomMinor === 0n) break;
  }
  return claims;
}

/** What of a partner's money could be paid now, each with its receiver's account. */
export async function readyOf(
  reader: Reader,
  { tenantId, id: partnerId }: Partner,
  currency: string,
  purse: PartnerPurse,
): Promise<readonly Ready[]> {
  const statements = new Map(purse.statements.map((statement) => [statement.id, statement]));
  const ready: Ready[] = [];
  for (const allocation of allocate(purse)) {
    const statement = present(statements.get(allocation.statementId), "the statement of an allocation");
    const account = await accountInUse(reader, tenantId, { partnerId, currency, payee: allocation.payee });
    ready.push({ ...allocation, statement, account });
  }
  return ready;
}

/** What claims come to in words, so that two plans can be told apart. */
export function claimsText(claims: readonly Claim[]): string {
  return canonicalJson(
    claims.map(({ account, statementId, payee, attempt, amountMinor, executeOn }) => {
      return [account.id, statementId, payee, attempt, amountMinor.toString(), executeOn];
    }),
  );
}

/** Partners with a statement that is payable in a currency, by their numbers. */
export async function payablePartners(
  reader: Reader,
  { tenantNo }: { readonly tenantNo: number },
  { currency, partnerIds }: Pick<PayoutOrder, "currency" | "partnerIds">,
): Promise<readonly Partner[]> {
  const rows: { no: number }[] = await reader.query(
    `select distinct partner_no as no from statement where tenant_no = ? and state = 'PAYABLE' and currency = ?
     order by partner_no`,
    [tenantNo, currency],
  );
  const partners: Partner[] = [];
  for (const { no } of rows) {
    const partner = present(await reader.findOneBy(Partner, { tenantNo, no }), "the partner of a statement");
    if (partnerIds === null || partnerIds.includes(partner.id)) partners.push(partner);
  }
  return partners;
}

function claimOf(partner: Partner, ready: Ready, order: PayoutOrder, today: string): Claim | null {
  const { statement, account, payee, amountMinor, statementId } = ready;
  const { paymentDueOn } = statement;
  const { dueThrough, executeFrom } = order;
  if (account === null || (dueThrough !== null && paymentDueOn !== null && paymentDueOn > dueThrough)) return null;
  const earliest = executeFrom ?? today;
  const executeOn = paymentDueOn === null || paymentDueOn < earliest ? earliest : paymentDueOn;
  const receiver = [...statement.attempts.keys()].indexOf(payee) + 1;
  const attempt = (statement.attempts.get(payee) ?? 0) + 1;
  return { partner, account, statementId, payee, receiver, attempt, amountMinor, executeOn };
}

async function todayOf({ timezone }: Partner, instant: Date): Promise<string> {
  return (await paymentDate({ instant, timezone, afterDays: 0, calendar: null, closedOn: [] })).on;
}
