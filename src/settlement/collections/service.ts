import { Not } from "typeorm";
import { z } from "zod";
import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import { checkSecondPerson } from "../../identity/four-eyes/service.js";
import type { Actor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { dayIn, later } from "../../kernel/clock.js";
import { isId, newId } from "../../kernel/ids.js";
import { decimalText, parseAmount, scaleOf } from "../../kernel/money.js";
import { type Page, type PageRequest, POSITION, pageOf, pageStart } from "../../kernel/page.js";
import { AccountName, EntryKind } from "../../ledger/entities.js";
import { changeBalances, type NewEntry, post } from "../../ledger/service.js";
import { type HeldCursor, holdCursor } from "../../periods/cursors/service.js";
import type { App } from "../../platform/app.js";
import type { Tx } from "../../platform/database.js";
import { once, type RepeatableRequest } from "../../platform/idempotency.js";
import type { Partner } from "../../tenancy/entities.js";
import { partnerOf } from "../../tenancy/service.js";
import { settlementError } from "../errors.js";
import { moveSettled, reopenUncollected } from "../purses/service.js";
import { Collection, CollectionState } from "./entities.js";

/** A bank's value date follows its booking by days; what is later is a slip. */
const VALUE_DAYS_AHEAD_MAX = 7;
const DAY_MS = 86_400_000;
const localDate = z.iso.date();

/** Money that came from a partner. */
export interface NewCollection {
  readonly partnerId: string;
  readonly currency: string;
  /** A decimal above zero. */
  readonly amount: string;
  readonly bankReference: string;
  /** `YYYY-MM-DD`. */
  readonly valueOn: string;
}

/** A record that is wrong, and why. */
export interface RefusedCollection {
  readonly collectionId: string;
  readonly reason: string;
}

/** Collected money that went back, and why. */
export interface ReturnedCollection extends RefusedCollection {
  /** A decimal; null for all that is not back yet. */
  readonly amount: string | null;
}

/** Which collections; null is any. */
export interface CollectionFilter {
  readonly partner: Partner | null;
  readonly currency: string | null;
  readonly state: CollectionState | null;
  readonly bankReference: string | null;
}

/**
 * Records that a partner paid. Nothing moves before a second person says so too. Refused (`VALIDATION`): an amount that
 * is none, a value date more than a week ahead, and a bank reference that was recorded for the partner before and not
 * refused. `CURRENCY_UNKNOWN` where the partner does not list the currency.
 */
export async function recordCollection(
  app: App,
  actor: Actor,
  input: NewCollection,
  idempotencyKey: string | null = null,
): Promise<Collection> {
  const { partnerId, currency, bankReference, valueOn } = input;
  const partner = await partnerOf(app, actor, partnerId);
  if (!partner.currencies.includes(currency)) throw settlementError("CURRENCY_UNKNOWN", { path: "/currency" });
  const amountMinor = amountIn(currency, input.amount);
  const request = { operation: "recordCollection", idempotencyKey, input };
  const collectionId = await once(app, actor, request, async (tx) => {
    const recordedAt = app.clock.now();
    checkValueDate(partner, valueOn, recordedAt);
    await holdCursor(tx, partner);
    await checkIsNew(tx, partner, { currency, bankReference });
    const collection = Object.assign(new Collection(), {
      ...{ tenantId: actor.tenantId, id: newId("col", app.clock), partnerId, state: CollectionState.PENDING_APPROVAL },
      ...{ currency, amountMinor, returnedMinor: 0n, bankReference, valueOn },
      ...{ recordedBy: actor.principalId, recordedAt, decidedBy: null, decidedAt: null },
    });
    await tx.insert(Collection, collection);
    const act = { type: ActType.COLLECTION_RECORDED, subjectId: collection.id, partner, after: summaryOf(collection) };
    await recordActs(tx, actor, recordedAt, [act]);
    return collection.id;
  });
  return collectionOf(app, actor, collectionId);
}

/**
 * Puts recorded money into the books: cash and PAYABLE move, the position does not (domain 12). Released debts are met
 * oldest first, and those of which nothing is left become PAID; what is over stays on PAYABLE to the partner's credit
 * and meets its next debt. Refused to who recorded it (`FORBIDDEN`), except at the server's own shell.
 */
export async function approveCollection(
  app: App,
  actor: Actor,
  collectionId: string,
  idempotencyKey: string | null = null,
): Promise<Collection> {
  const request = { operation: "approveCollection", idempotencyKey, input: { collectionId } };
  return change(app, actor, request, async (tx, { partner, cursor, collection }) => {
    checkStands(collection, [CollectionState.PENDING_APPROVAL]);
    const reason = "Who recorded a collection may not approve it.";
    await checkSecondPerson(tx, actor, { by: [collection.recordedBy], reason });
    const at = app.clock.now();
    const decided = { state: CollectionState.COLLECTED, decidedBy: actor.principalId, decidedAt: at };
    const { currency, amountMinor } = collection;
    await post(tx, partner, cursor, [entryOf(currency, amountMinor, at)]);
    await write(tx, actor, { partner, collection, at, type: ActType.COLLECTION_APPROVED, changes: decided });
    await moveSettled(app, tx, actor, partner, currency);
  });
}

/** Refuses a record that is wrong, by whoever should approve it or who made it; nothing moved (`VERSION_CONFLICT`). */
export async function refuseCollection(
  app: App,
  actor: Actor,
  { collectionId, reason }: RefusedCollection,
  idempotencyKey: string | null = null,
): Promise<Collection> {
  const request = { operation: "refuseCollection", idempotencyKey, input: { collectionId, reason } };
  return change(app, actor, request, async (tx, { partner, collection }) => {
    checkStands(collection, [CollectionState.PENDING_APPROVAL]);
    const at = app.clock.now();
    const decided = { state: CollectionState.REFUSED, decidedBy: actor.principalId, decidedAt: at };
    const said = { type: ActType.COLLECTION_REFUSED, changes: decided, says: { reason } };
    await write(tx, actor, { partner, collection, at, ...said });
  });
}

/**
 * Marks collected money, all of it or a part, as gone back: the bank took it back, or the tenant refunded what was
 * over. Cash and PAYABLE move back, and debts that it had met are to be collected again. Only what was collected can go
 * back, and no more (`VALIDATION`).
 */
export async function markCollectionReturned(
  app: App,
  actor: Actor,
  { collectionId, amount, reason }: ReturnedCollection,
  idempotencyKey: string | null = null,
): Promise<Collection> {
  const input = { collectionId, amount, reason };
  const request = { operation: "markCollectionReturned", idempotencyKey, input };
  return change(app, actor, request, async (tx, { partner, cursor, collection }) => {
    checkStands(collection, [CollectionState.COLLECTED, CollectionState.RETURNED]);
    const { currency, amountMinor, returnedMinor } = collection;
    const leftMinor = amountMinor - returnedMinor;
    if (leftMinor === 0n) throw settlementError("VERSION_CONFLICT", { reason: "All of it went back before." });
    const minor = amount === null ? leftMinor : amountIn(currency, amount, leftMinor);
    const at = app.clock.now();
    await post(tx, partner, cursor, [entryOf(currency, -minor, at)]);
    const changes = { state: CollectionState.RETURNED, returnedMinor: returnedMinor + minor };
    const said = { says: { amount: decimalText(minor, scaleOf(currency)), reason } };
    await write(tx, actor, { partner, collection, at, type: ActType.COLLECTION_RETURNED, changes, ...said });
    await reopenUncollected(app, tx, actor, partner, currency);
  });
}

/** A collection that the actor may see: a partner its own, the tenant's people all; else `NOT_FOUND`. */
export async function collectionOf(app: App, actor: Actor, id: string): Promise<Collection> {
  const own = actor.partnerId === null ? {} : { partnerId: actor.partnerId };
  const where = { tenantId: actor.tenantId, id, ...own };
  const collection = isId(id, "col") ? await app.database.manager.findOneBy(Collection, where) : null;
  if (collection === null) throw settlementError("NOT_FOUND", { what: "collection" });
  return collection;
}

/** The tenant's collections in the order of recording, those that a filter leaves. */
export async function collectionsOf(
  app: App,
  actor: Actor,
  filter: CollectionFilter,
  request: PageRequest,
): Promise<Page<Collection>> {
  const { rows, after } = pageStart(request, "collections", POSITION.ID);
  const query = selection(app, actor, filter);
  if (after !== null) query.andWhere("collection.id > :after", { after });
  const found = await query
    .orderBy("collection.id")
    .limit(rows + 1)
    .getMany();
  return pageOf(found, rows, ({ id }) => id);
}

/** How many collections those are. */
export async function countCollections(app: App, actor: Actor, filter: CollectionFilter): Promise<number> {
  return selection(app, actor, filter).getCount();
}

function selection(app: App, { tenantId }: Actor, { partner, currency, state, bankReference }: CollectionFilter) {
  const query = app.database.manager
    .createQueryBuilder(Collection, "collection")
    .where("collection.tenantId = :tenantId", { tenantId });
  const wanted = { partnerId: partner?.id ?? null, currency, state, bankReference };
  for (const [column, value] of Object.entries(wanted)) {
    if (value !== null) query.andWhere(`collection.${column} = :${column}`, { [column]: value });
  }
  return query;
}

/** A collection under its partner's cursor, the lock under which it changes. */
interface Locked {
  readonly partner: Partner;
  readonly cursor: HeldCursor;
  readonly collection: Collection;
}

async function change(
  app: App,
  actor: Actor,
  request: RepeatableRequest & { readonly input: Pick<RefusedCollection, "collectionId"> },
  step: (tx: Tx, locked: Locked) => Promise<void>,
): Promise<Collection> {
  const { collectionId: id } = request.input;
  const partner = await partnerOf(app, actor, (await collectionOf(app, actor, id)).partnerId);
  const work = async (tx: Tx) => {
    const cursor = await holdCursor(tx, partner);
    const collection = await tx.findOneBy(Collection, { tenantId: actor.tenantId, id });
    await step(tx, { partner, cursor, collection: present(collection, "a collection that was just read") });
    return id;
  };
  await changeBalances(app, [partner], () => once(app, actor, request, work));
  return collectionOf(app, actor, id);
}

interface Written {
  readonly partner: Partner;
  readonly collection: Collection;
  readonly at: Date;
  readonly type: ActType;
  readonly changes: Partial<Pick<Collection, "state" | "returnedMinor" | "decidedBy" | "decidedAt">>;
  readonly says?: Readonly<Record<string, string>>;
}

async function write(tx: Tx, actor: Actor, { partner, collection, at, type, changes, says }: Written): Promise<void> {
  const { tenantId, id } = collection;
  await tx.update(Collection, { tenantId, id }, changes);
  const after = { ...summaryOf(Object.assign(new Collection(), collection, changes)), ...says };
  await recordActs(tx, actor, at, [{ type, subjectId: id, partner, before: summaryOf(collection), after }]);
}

/** One entry of cash against PAYABLE: minor units that came in, or below zero went back. */
function entryOf(currency: string, inMinor: bigint, recordedAt: Date): NewEntry {
  const kind = inMinor > 0n ? EntryKind.COLLECTION : EntryKind.COLLECTION_RETURN;
  const lines = [
    { account: AccountName.CLEARING, currency, amountMinor: inMinor },
    { account: AccountName.PAYABLE, currency, amountMinor: -inMinor },
  ];
  return { kind, periodNo: 0, batchNo: null, statementId: null, recordedAt, lines };
}

function summaryOf({ state, currency, amountMinor, returnedMinor, bankReference, valueOn }: Collection) {
  const text = (minor: bigint) => decimalText(minor, scaleOf(currency));
  return { state, currency, collected: text(amountMinor), returned: text(returnedMinor), bankReference, valueOn };
}

async function checkIsNew(
  tx: Tx,
  { tenantId, id: partnerId }: Partner,
  about: Pick<Collection, "currency" | "bankReference">,
): Promise<void> {
  const where = { tenantId, partnerId, ...about, state: Not(CollectionState.REFUSED) };
  if (!(await tx.existsBy(Collection, where))) return;
  throw settlementError("VALIDATION", { path: "/bankReference", reason: "This credit was recorded before." });
}

function checkValueDate({ timezone }: Partner, valueOn: string, at: Date): void {
  const latest = dayIn(timezone)(later(at, VALUE_DAYS_AHEAD_MAX * DAY_MS));
  if (localDate.safeParse(valueOn).success && valueOn <= latest) return;
  const reason = `A value date is a day of the calendar, YYYY-MM-DD, at most ${VALUE_DAYS_AHEAD_MAX} days ahead.`;
  throw settlementError("VALIDATION", { path: "/valueOn", reason });
}

function checkStands({ state }: Collection, states: readonly CollectionState[]): void {
  if (states.includes(state)) return;
  throw settlementError("VERSION_CONFLICT", { reason: `The collection is ${state}.` });
}

function amountIn(currency: string, text: string, mostMinor: bigint | null = null): bigint {
  const minor = parseAmount(text, scaleOf(currency));
  if (typeof minor === "bigint" && minor > 0n && (mostMinor === null || minor <= mostMinor)) return minor;
  const most = mostMinor === null ? "" : `, and at most ${decimalText(mostMinor, scaleOf(currency))}`;
  const reason = `An amount is above zero, in the currency's decimals${most}.`;
  throw settlementError("VALIDATION", { path: "/amount", reason });
}
