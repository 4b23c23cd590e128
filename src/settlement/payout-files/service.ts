import { gunzipSync, gzipSync } from "node:zlib";
import { z } from "zod";
import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import type { Actor } from "../../kernel/actor.js";
import { assert, present } from "../../kernel/assert.js";
import { sha256 } from "../../kernel/digest.js";
import { CodedError } from "../../kernel/errors.js";
import { isId, newId } from "../../kernel/ids.js";
import { decimalText, isKnownCurrency, scaleOf } from "../../kernel/money.js";
import { type Page, type PageRequest, POSITION, pageOf, pageStart } from "../../kernel/page.js";
import { holdCursor } from "../../periods/cursors/service.js";
import type { App } from "../../platform/app.js";
import type { Tx } from "../../platform/database.js";
import { once } from "../../platform/idempotency.js";
import { Partner } from "../../tenancy/entities.js";
import { partnerOf } from "../../tenancy/service.js";
import { vaultOf } from "../../tenancy/vaults/service.js";
import { holderOf } from "../account-details/service.js";
import { settlementError } from "../errors.js";
import { latinOf } from "../latin/rules.js";
import type { PayoutAccount } from "../payout-accounts/entities.js";
import { accountInUse } from "../payout-accounts/service.js";
import type { PaymentOrder, Transfer } from "../payout-messages/rules.js";
import { validMessage } from "../payout-messages/service.js";
import { type Claim, claimsText, type PayoutOrder, payablePartners, planClaims } from "../payout-planning/service.js";
import { Payout, PayoutState } from "../payouts/entities.js";
import { endToEndIdOf } from "../payouts/rules.js";
import { moveSettled, settleMet } from "../purses/service.js";
import { PayoutFile, PayoutFileState } from "./entities.js";

const PLANS_MAX = 3;
const localDate = z.iso.date();

/** A file that the bank refused, or never got, and why. */
export interface VoidedFile {
  readonly payoutFileId: string;
  readonly reason: string;
}

/**
 * Makes a payment file of what is payable in a currency and claims that money in the same transaction, so that it is in
 * no other file: a file for up to 1,000 transfers, a transfer for each statement and receiver. Refused (`VALIDATION`)
 * where no account to pay from was approved, and where nothing is payable to a receiver with an approved account;
 * `VERSION_CONFLICT` where what is payable keeps changing meanwhile.
 */
export async function createPayoutFile(
  app: App,
  actor: Actor,
  order: PayoutOrder,
  idempotencyKey: string | null = null,
): Promise<PayoutFile> {
  checkOrder(order);
  for (const id of order.partnerIds ?? []) await partnerOf(app, actor, id);
  const request = { operation: "createPayoutFile", idempotencyKey, input: order };
  for (let plans = 1; ; plans++) {
    // A repetition is answered as it was, also where nothing is payable any more.
    const made = await madeFile(app, actor, order).catch(refusal);
    try {
      const id = await once(app, actor, request, async (tx) => {
        if (made instanceof CodedError) throw made;
        return store(app, tx, actor, { order, made });
      });
      return await payoutFileOf(app, actor, id);
    } catch (error) {
      if (!(error instanceof PlanChanged)) throw error;
      if (plans === PLANS_MAX) throw settlementError("VERSION_CONFLICT", { reason: "What is payable keeps changing." });
    }
  }
}

/**
 * Voids a file that the bank refused as a whole, or that never got there: its money may be exported again. Refused once
 * a payout of it was marked, since the bank then took the file (`VERSION_CONFLICT`).
 */
export async function voidPayoutFile(
  app: App,
  actor: Actor,
  { payoutFileId, reason }: VoidedFile,
  idempotencyKey: string | null = null,
): Promise<PayoutFile> {
  await payoutFileOf(app, actor, payoutFileId);
  const request = { operation: "voidPayoutFile", idempotencyKey, input: { payoutFileId, reason } };
  await once(app, actor, request, async (tx) => {
    await releaseClaims(app, tx, actor, { payoutFileId, reason });
    return payoutFileId;
  });
  return payoutFileOf(app, actor, payoutFileId);
}

/** A file of the tenant's; `NOT_FOUND` for anything else, and to partners. */
export async function payoutFileOf(app: App, actor: Actor, id: string): Promise<PayoutFile> {
  const isForm = isId(id, "pfl") && actor.partnerId === null;
  const file = isForm ? await app.database.manager.findOneBy(PayoutFile, { tenantId: actor.tenantId, id }) : null;
  if (file === null) throw settlementError("NOT_FOUND", { what: "payout file" });
  return file;
}

/** The tenant's files, oldest first. */
export async function payoutFilesOf(app: App, actor: Actor, request: PageRequest): Promise<Page<PayoutFile>> {
  const { rows, after } = pageStart(request, "payout-files", POSITION.ID);
  const query = app.database.manager
    .createQueryBuilder(PayoutFile, "file")
    .where("file.tenantId = :tenantId", { tenantId: actor.tenantId });
  if (after !== null) query.andWhere("file.id > :after", { after });
  const found = await query
    .orderBy("file.id")
    .limit(rows + 1)
    .getMany();
  return pageOf(found, rows, ({ id }) => id);
}

/** How many files the tenant has. */
export async function countPayoutFiles(app: App, actor: Actor): Promise<number> {
  return app.database.manager.countBy(PayoutFile, { tenantId: actor.tenantId });
}

/** The message of a file, byte for byte as it was made. */
export async function messageOf(app: App, file: PayoutFile): Promise<string> {
  const { sha256: expected } = file;
  const message = await openedMessage(app, file);
  assert(sha256(message).equals(expected), "a payout file is as it was made");
  return message.toString("utf8");
}

/** SHA-256 of what is sealed of a file; throws where it does not open. */
export async function messageSha256(app: App, file: PayoutFile): Promise<Buffer> {
  return sha256(await openedMessage(app, file));
}

async function openedMessage(app: App, { tenantId, id, contentSealed }: PayoutFile): Promise<Buffer> {
  return gunzipSync((await vaultOf(app, tenantId)).unseal(contentSealed, sealPurpose(id)));
}

function refusal(error: unknown): CodedError {
  if (error instanceof CodedError) return error;
  throw error;
}

function checkOrder({ currency, dueThrough, executeFrom }: PayoutOrder): void {
  if (!isKnownCurrency(currency)) throw settlementError("CURRENCY_UNKNOWN", { path: "/currency" });
  for (const [path, date] of [["/dueThrough", dueThrough] as const, ["/executeFrom", executeFrom] as const]) {
    if (date === null || localDate.safeParse(date).success) continue;
    throw settlementError("VALIDATION", { path, reason: "A date is YYYY-MM-DD, a day of the calendar." });
  }
}

/** What was payable has changed since it was planned; a sign for `createPayoutFile` alone. */
class PlanChanged extends Error {
  override readonly name = "PlanChanged";
}

interface MadeFile {
  readonly file: PayoutFile;
  readonly payouts: readonly Payout[];
  readonly claims: readonly Claim[];
  readonly at: Date;
}

/** Plans, writes and checks a file; nothing is stored but that statements met without a payment are PAID. */
async function madeFile(app: App, actor: Actor, order: PayoutOrder): Promise<MadeFile> {
  const reader = app.database.manager;
  const { tenantId } = actor;
  const { currency } = order;
  const debtor = await accountInUse(reader, tenantId, { partnerId: null, currency, payee: "" });
  if (debtor === null) {
    const reason = "No account to pay from was approved in that currency.";
    throw settlementError("VALIDATION", { path: "/currency", reason });
  }
  for (const partner of await payablePartners(reader, actor, order)) {
    await settleMet(app, actor, partner, currency);
  }
  const at = app.clock.now();
  const claims = await planClaims(reader, actor, order, at);
  if (claims.length === 0) {
    throw settlementError("VALIDATION", { reason: "Nothing is payable to a receiver with an approved account." });
  }
  const fileId = newId("pfl", app.clock);
  const payouts = claims.map((claim, index) => payoutOf(app, { claim, fileId, place: index + 1, at, currency }));
  const vault = await vaultOf(app, tenantId);
  const message = await validMessage(await orderOf(app, { debtor, fileId, at, claims, payouts }));
  const file = Object.assign(new PayoutFile(), {
    ...{ tenantId, id: fileId, state: PayoutFileState.MADE, currency, debtorAccountId: debtor.id },
    ...{ transfers: payouts.length, totalMinor: payouts.reduce((sum, { amountMinor }) => sum + amountMinor, 0n) },
    contentSealed: vault.seal(gzipSync(message), sealPurpose(fileId)),
    ...{ sha256: sha256(message), madeBy: actor.principalId, madeAt: at, voidedBy: null, voidedAt: null },
  });
  return { file, payouts, claims, at };
}

interface NewPayout {
  readonly claim: Claim;
  readonly fileId: string;
  readonly place: number;
  readonly at: Date;
  readonly currency: string;
}

function payoutOf(app: App, { claim, fileId, place, at, currency }: NewPayout): Payout {
  const { partner, account, statementId, payee, receiver, attempt, amountMinor, executeOn } = claim;
  return Object.assign(new Payout(), {
    ...{ tenantId: partner.tenantId, id: newId("pay", app.clock), partnerId: partner.id, statementId, payee, attempt },
    ...{ fileId, place, accountId: account.id, endToEndId: endToEndIdOf(statementId, receiver, attempt) },
    ...{ currency, amountMinor, executeOn, state: PayoutState.EXPORTED, paidMinor: 0n, returnedMinor: 0n },
    changedAt: at,
  });
}

interface Ordered extends Pick<MadeFile, "claims" | "payouts" | "at"> {
  readonly debtor: PayoutAccount;
  readonly fileId: string;
}

/** The order that a file's rows say: same rows, same message. */
async function orderOf(app: App, { debtor, fileId, at, claims, payouts }: Ordered): Promise<PaymentOrder> {
  const creditors = await Promise.all(claims.map(({ account }) => holderOf(app, account)));
  const transfers = payouts.map(({ id, endToEndId, amountMinor, executeOn, statementId }, index): Transfer => {
    const { partner } = present(claims[index], "the claim of a payout");
    return {
      ...{ instructionId: id.slice("pay_".length), endToEndId, amountMinor, executeOn },
      creditor: present(creditors[index], "whom a payout goes to"),
      remittance: `Statement ${statementId.slice("stm_".length)} ${latinOf(partner.code) ?? ""}`.trim(),
    };
  });
  const { currency } = debtor;
  const [id, scale] = [fileId.slice("pfl_".length), scaleOf(currency)];
  return { id, createdAt: at, debtor: await holderOf(app, debtor), currency, scale, transfers };
}

interface ToStore {
  readonly order: PayoutOrder;
  readonly made: MadeFile;
}

/** The tenant's row lets one file be made at a time; the cursors hold what the partners are owed. */
async function store(app: App, tx: Tx, actor: Actor, { order, made }: ToStore): Promise<string> {
  const { file, payouts, claims, at } = made;
  await tx.query("select id from tenant where id = ? for update", [actor.tenantId]);
  for (const partner of partnersOf(claims)) await holdCursor(tx, partner);
  const use = { partnerId: null, currency: order.currency, payee: "" };
  const debtor = await accountInUse(tx, actor.tenantId, use);
  const partnerIds = partnersOf(claims).map(({ id }) => id);
  const again = await planClaims(tx, actor, { ...order, partnerIds }, at);
  if (debtor?.id !== file.debtorAccountId || claimsText(again) !== claimsText(claims)) throw new PlanChanged();
  await tx.insert(PayoutFile, file);
  await tx.insert(Payout, [...payouts]);
  const after = { ...summaryOf(file), payouts: payouts.map(({ id }) => id) };
  const act = { type: ActType.PAYOUT_FILE_MADE, subjectId: file.id, partner: null, after };
  await recordActs(tx, actor, app.clock.now(), [act]);
  return file.id;
}

/** Each partner once, by number: the order in which everybody takes cursors. */
function partnersOf(claims: readonly Claim[]): readonly Partner[] {
  const partners = new Map(claims.map(({ partner }) => [partner.no, partner]));
  return [...partners.values()].sort((a, b) => a.no - b.no);
}

async function releaseClaims(app: App, tx: Tx, actor: Actor, { payoutFileId, reason }: VoidedFile): Promise<void> {
  const { tenantId } = actor;
  const key = { tenantId, id: payoutFileId };
  await tx.query("select id from tenant where id = ? for update", [tenantId]);
  const ids: { id: string }[] = await tx.query(
    "select distinct partner_id as id from payout where tenant_id = ? and file_id = ?",
    [tenantId, payoutFileId],
  );
  const partners = await Promise.all(ids.map(({ id }) => tx.findOneBy(Partner, { tenantId, id })));
  const inOrder = partners.map((partner) => present(partner, "a partner of a payout")).sort((a, b) => a.no - b.no);
  for (const partner of inOrder) await holdCursor(tx, partner);
  const file = present(await tx.findOneBy(PayoutFile, key), "a file that was just read");
  const payouts = await tx.findBy(Payout, { tenantId, fileId: payoutFileId });
  const isUntouched = payouts.every(({ state }) => state === PayoutState.EXPORTED);
  if (file.state !== PayoutFileState.MADE || !isUntouched) {
    const reason = "The file is voided, or a payout of it was marked; mark the others one by one.";
    throw settlementError("VERSION_CONFLICT", { reason });
  }
  const at = app.clock.now();
  const change = { state: PayoutFileState.VOIDED, voidedBy: actor.principalId, voidedAt: at };
  await tx.update(PayoutFile, key, change);
  await tx.update(Payout, { tenantId, fileId: payoutFileId }, { state: PayoutState.VOIDED, changedAt: at });
  for (const partner of inOrder) await moveSettled(app, tx, actor, partner, file.currency);
  const [before, after] = [summaryOf(file), { ...summaryOf(file), state: PayoutFileState.VOIDED, reason }];
  const act = { type: ActType.PAYOUT_FILE_VOIDED, subjectId: payoutFileId, partner: null, before, after };
  await recordActs(tx, actor, at, [act]);
}

function summaryOf({ state, currency, transfers, totalMinor, debtorAccountId, sha256: hash }: PayoutFile) {
  const total = decimalText(totalMinor, scaleOf(currency));
  return { state, currency, transfers, total, debtorAccountId, sha256: hash.toString("hex") };
}

function sealPurpose(fileId: string): string {
  return `payout-file:${fileId}`;
}
