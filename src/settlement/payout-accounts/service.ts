import { IsNull } from "typeorm";
import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import { checkSecondPerson } from "../../identity/four-eyes/service.js";
import type { Actor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { isId, newId } from "../../kernel/ids.js";
import { scaleOf } from "../../kernel/money.js";
import { type Page, type PageRequest, POSITION, pageOf, pageStart } from "../../kernel/page.js";
import type { App } from "../../platform/app.js";
import type { Reader, Tx } from "../../platform/database.js";
import { once } from "../../platform/idempotency.js";
import type { Partner } from "../../tenancy/entities.js";
import { partnerOf } from "../../tenancy/service.js";
import { checkedDetails, type NewPayoutAccount, numberOf } from "../account-details/service.js";
import { isBankCurrency } from "../bank-accounts/rules.js";
import { settlementError } from "../errors.js";
import { PayoutAccount, PayoutAccountState } from "./entities.js";

/** A registered account that is decided on, and why where it is refused. */
export interface Refusal {
  readonly payoutAccountId: string;
  readonly reason: string;
}

/**
 * Registers an account; nothing is paid to it before a second person approves it. Refused (`VALIDATION`): an IBAN or a
 * BIC that is none, a number without a bank, and a name that has no form in the letters of banks where none is given.
 * `CURRENCY_UNKNOWN` where banks do not transfer the currency or the partner does not list it.
 */
export async function registerPayoutAccount(
  app: App,
  actor: Actor,
  input: NewPayoutAccount,
  idempotencyKey: string | null = null,
): Promise<PayoutAccount> {
  checkIsTenants(actor);
  const partner = input.partnerId === null ? null : await partnerOf(app, actor, input.partnerId);
  checkUse(input, partner);
  const checked = await checkedDetails(app, actor.tenantId, input);
  // The key stands for what is asked by a hash: of the account's number a keyed one.
  const { numberSealed: _, fingerprint, ...asked } = checked;
  const request = {
    ...{ operation: "registerPayoutAccount", idempotencyKey },
    input: { ...asked, fingerprint: fingerprint.toString("hex") },
  };
  const id = await once(app, actor, request, async (tx) => {
    const [id, registeredAt] = [newId("pac", app.clock), app.clock.now()];
    const account = Object.assign(new PayoutAccount(), checked, {
      ...{ tenantId: actor.tenantId, id, state: PayoutAccountState.PENDING_APPROVAL },
      ...{ registeredBy: actor.principalId, registeredAt },
    });
    await tx.insert(PayoutAccount, account);
    const act = { type: ActType.PAYOUT_ACCOUNT_REGISTERED, subjectId: id, partner, after: summaryOf(account) };
    await recordActs(tx, actor, registeredAt, [act]);
    return id;
  });
  return payoutAccountOf(app, actor, id);
}

/**
 * Puts a registered account to use; the one before of the same partner, currency and payee is superseded. Who
 * registered it may not (`FORBIDDEN`), except at the server's own shell; only what waits for approval, and was
 * registered after what is in use, can be approved (`VERSION_CONFLICT`).
 */
export async function approvePayoutAccount(
  app: App,
  actor: Actor,
  payoutAccountId: string,
  idempotencyKey: string | null = null,
): Promise<PayoutAccount> {
  checkIsTenants(actor);
  const account = await payoutAccountOf(app, actor, payoutAccountId);
  const reason = "Who registered a payout account may not approve it.";
  await checkSecondPerson(app.database.manager, actor, { by: [account.registeredBy], reason });
  const request = { operation: "approvePayoutAccount", idempotencyKey, input: { payoutAccountId } };
  await once(app, actor, request, async (tx) => {
    const pending = await lockPending(tx, actor, payoutAccountId);
    const active = await accountInUse(tx, actor.tenantId, pending);
    if (active !== null && active.id > pending.id) {
      throw settlementError("VERSION_CONFLICT", { reason: "An account that was registered later is in use." });
    }
    const at = app.clock.now();
    const { tenantId } = actor;
    if (active !== null) {
      const superseded = { state: PayoutAccountState.SUPERSEDED, supersededAt: at };
      await tx.update(PayoutAccount, { tenantId, id: active.id }, superseded);
    }
    const replaced = active === null ? null : { id: active.id, ...summaryOf(active) };
    await decide(app, tx, actor, { pending, state: PayoutAccountState.ACTIVE, says: { replaced } });
    return payoutAccountId;
  });
  return payoutAccountOf(app, actor, payoutAccountId);
}

/** Refuses a registered account for good: by whoever should approve it, or who registered it (`VERSION_CONFLICT`). */
export async function refusePayoutAccount(
  app: App,
  actor: Actor,
  { payoutAccountId, reason }: Refusal,
  idempotencyKey: string | null = null,
): Promise<PayoutAccount> {
  checkIsTenants(actor);
  await payoutAccountOf(app, actor, payoutAccountId);
  const request = { operation: "refusePayoutAccount", idempotencyKey, input: { payoutAccountId, reason } };
  await once(app, actor, request, async (tx) => {
    const pending = await lockPending(tx, actor, payoutAccountId);
    await decide(app, tx, actor, { pending, state: PayoutAccountState.REFUSED, says: { reason } });
    return payoutAccountId;
  });
  return payoutAccountOf(app, actor, payoutAccountId);
}

/** An account that the actor may see: a partner its own, the tenant's people all; `NOT_FOUND` for anything else. */
export async function payoutAccountOf(app: App, actor: Actor, id: string): Promise<PayoutAccount> {
  const own = actor.partnerId === null ? {} : { partnerId: actor.partnerId };
  const where = { tenantId: actor.tenantId, id, ...own };
  const account = isId(id, "pac") ? await app.database.manager.findOneBy(PayoutAccount, where) : null;
  if (account === null) throw settlementError("NOT_FOUND", { what: "payout account" });
  return account;
}

/** The accounts of a partner, or with null those that the tenant pays from, oldest first: all that there ever were. */
export async function payoutAccountsOf(
  app: App,
  actor: Actor,
  partner: Partner | null,
  request: PageRequest,
): Promise<Page<PayoutAccount>> {
  const { rows, after } = pageStart(request, "payout-accounts", POSITION.ID);
  const query = selection(app, actor, partner);
  if (after !== null) query.andWhere("account.id > :after", { after });
  const found = await query
    .orderBy("account.id")
    .limit(rows + 1)
    .getMany();
  return pageOf(found, rows, ({ id }) => id);
}

/** How many accounts those are. */
export async function countPayoutAccounts(app: App, actor: Actor, partner: Partner | null): Promise<number> {
  return selection(app, actor, partner).getCount();
}

/** An account's number as the actor may read it: whole for the tenant's people with `payouts:manage`, else masked. */
export async function numberSeenBy(app: App, actor: Actor, account: PayoutAccount): Promise<string> {
  const maySee = actor.partnerId === null && actor.scopes.has("payouts:manage");
  return maySee ? numberOf(app, account) : account.numberMasked;
}

/** What an account is used for. */
export type AccountUse = Pick<PayoutAccount, "partnerId" | "currency" | "payee">;

/** The account that is in use for a partner, currency and payee; null where none was approved. */
export async function accountInUse(
  reader: Reader,
  tenantId: string,
  { partnerId, currency, payee }: AccountUse,
): Promise<PayoutAccount | null> {
  const state = PayoutAccountState.ACTIVE;
  return reader.findOneBy(PayoutAccount, { tenantId, partnerId: partnerId ?? IsNull(), currency, payee, state });
}

function selection(app: App, { tenantId }: Actor, partner: Partner | null) {
  const query = app.database.manager
    .createQueryBuilder(PayoutAccount, "account")
    .where("account.tenantId = :tenantId", { tenantId });
  if (partner === null) return query.andWhere("account.partnerId is null");
  return query.andWhere("account.partnerId = :partnerId", { partnerId: partner.id });
}

function checkIsTenants({ partnerId }: Actor): void {
  if (partnerId === null) return;
  throw settlementError("FORBIDDEN", { reason: "Payout accounts are registered by the tenant's people." });
}

function checkUse({ currency, payee }: NewPayoutAccount, partner: Partner | null): void {
  if (partner === null && payee !== "") {
    throw settlementError("VALIDATION", { path: "/payee", reason: "Only a partner's payouts have other receivers." });
  }
  const isListed = partner === null || partner.currencies.includes(currency);
  if (isListed && isBankCurrency(currency, scaleOf(currency))) return;
  throw settlementError("CURRENCY_UNKNOWN", { path: "/currency" });
}

/** The tenant's row is the lock under which its accounts change. */
async function lockPending(tx: Tx, { tenantId }: Actor, id: string): Promise<PayoutAccount> {
  await tx.query("select id from tenant where id = ? for update", [tenantId]);
  const account = present(await tx.findOneBy(PayoutAccount, { tenantId, id }), "an account that was just read");
  if (account.state === PayoutAccountState.PENDING_APPROVAL) return account;
  throw settlementError("VERSION_CONFLICT", { reason: `The account is ${account.state}.` });
}

interface Decision {
  readonly pending: PayoutAccount;
  readonly state: PayoutAccountState;
  readonly says: Readonly<Record<string, unknown>>;
}

async function decide(app: App, tx: Tx, actor: Actor, { pending, state, says }: Decision): Promise<void> {
  const { tenantId, id, partnerId } = pending;
  const at = app.clock.now();
  await tx.update(PayoutAccount, { tenantId, id }, { state, decidedBy: actor.principalId, decidedAt: at });
  const partner = partnerId === null ? null : await partnerOf(app, actor, partnerId);
  const isApproved = state === PayoutAccountState.ACTIVE;
  const type = isApproved ? ActType.PAYOUT_ACCOUNT_APPROVED : ActType.PAYOUT_ACCOUNT_REFUSED;
  const [before, after] = [summaryOf(pending), { ...summaryOf(pending), state, ...says }];
  await recordActs(tx, actor, at, [{ type, subjectId: id, partner, before, after }]);
}

/** An account as acts tell of it: its number masked, and a keyed hash of it. */
function summaryOf(account: PayoutAccount): Readonly<Record<string, unknown>> {
  const { state, payee, currency, holderName, latinName, country, town, bic, numberMasked, fingerprint } = account;
  const { clearingSystem, clearingMember } = account;
  return {
    ...{ state, payee, currency, holderName, latinName, country, town, bic, clearingSystem, clearingMember },
    ...{ number: numberMasked, fingerprint: fingerprint.toString("hex") },
  };
}
