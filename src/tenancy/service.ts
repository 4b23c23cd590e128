import { randomBytes } from "node:crypto";
import { In } from "typeorm";
import { ActType } from "../acts/entities.js";
import { recordActs } from "../acts/service.js";
import { type Actor, shellActor, type TenantRef } from "../kernel/actor.js";
import { present } from "../kernel/assert.js";
import { BoundedMap } from "../kernel/bounded-map.js";
import { isId, newId } from "../kernel/ids.js";
import { isKnownCurrency } from "../kernel/money.js";
import { type Page, type PageRequest, POSITION, pageOf, pageStart } from "../kernel/page.js";
import type { App } from "../platform/app.js";
import type { Reader, Tx } from "../platform/database.js";
import { insertedNo, isDuplicateKey, transact } from "../platform/database.js";
import { once } from "../platform/idempotency.js";
import { perApp } from "../platform/per-app.js";
import { rowOf } from "../platform/rows.js";
import { DataKey, Partner, type PartnerKind, Tenant } from "./entities.js";
import { tenancyError } from "./errors.js";
import { type NewVault, newVault, vaultOf } from "./vaults/service.js";

/** Posting queues there are; a partner is given one when it is created. */
export const POSTING_PARTITIONS = 8;

const PLAYER_KEY_BYTES = 32;
const NAME_LENGTH_MAX = 200;
const CODE_PATTERN = /^[A-Za-z0-9._:-]{1,64}$/;
const CURRENCIES_MAX = 20;

/** Id of the reserved tenant that stands for the installation itself. */
export const PLATFORM_TENANT_ID = "tnt_00000000000000000000000000";
const PLATFORM_TENANT_NAME = "Quittance";

/** What a new partner needs. */
export interface NewPartner {
  readonly code: string;
  readonly name: string;
  readonly kind: PartnerKind;
  /** IANA zone. */
  readonly timezone: string;
  /** The settlement currency first. */
  readonly currencies: readonly string[];
}

/** Creates a tenant, whose own creation is its first act; a name has 1 to 200 characters (`VALIDATION`). */
export async function createTenant(
  app: App,
  actor: Actor | null,
  name: string,
  idempotencyKey: string | null = null,
): Promise<Tenant> {
  const trimmed = checkedName(name);
  const author = actor ?? shellActor({ tenantId: PLATFORM_TENANT_ID, tenantNo: 0 }, newId("req", app.clock));
  const request = { operation: "createTenant", idempotencyKey, input: { name: trimmed } };
  const vault = await newVault(app, newId("tnt", app.clock));
  const id = await once(app, author, request, (tx) => insertTenant(app, tx, author, { name: trimmed, ...vault }));
  return tenantOf(app, id);
}

/**
 * The reserved tenant that stands for the installation: operators' clients belong to it, and its key signs access
 * tokens. Made on first use, whichever process comes first.
 */
export async function ensurePlatformTenant(app: App): Promise<Tenant> {
  const known = await app.database.manager.findOneBy(Tenant, { id: PLATFORM_TENANT_ID });
  if (known !== null) return known;
  const author = shellActor({ tenantId: PLATFORM_TENANT_ID, tenantNo: 0 }, newId("req", app.clock));
  const vault = await newVault(app, PLATFORM_TENANT_ID);
  try {
    await transact(app, (tx) => insertTenant(app, tx, author, { name: PLATFORM_TENANT_NAME, ...vault }));
  } catch (error) {
    if (!isDuplicateKey(error)) throw error; // another process was first
  }
  return tenantOf(app, PLATFORM_TENANT_ID);
}

/** Creates a partner of the actor's tenant. Refuses bad codes, zones and currencies, and a code that is taken. */
export async function createPartner(
  app: App,
  actor: Actor,
  input: NewPartner,
  idempotencyKey: string | null = null,
): Promise<Partner> {
  const partner = checkedPartner(input);
  const request = { operation: "createPartner", idempotencyKey, input };
  try {
    const id = await once(app, actor, request, (tx) => insertPartner(app, tx, actor, partner));
    return await partnerOf(app, actor, id);
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
    throw tenancyError("VALIDATION", {
      path: "/code",
      reason: "The code belongs to another partner.",
    });
  }
}

/** A partner that the actor may see; anything else is `NOT_FOUND`, whether it exists or not. */
export async function partnerOf(app: App, actor: Actor, partnerId: string): Promise<Partner> {
  // The form first: the database compares ids as ASCII, and refuses what is not.
  const isVisible = isId(partnerId, "ptn") && (actor.partnerId === null || actor.partnerId === partnerId);
  const partner = isVisible ? await storedPartner(app, actor.tenantId, partnerId) : null;
  if (partner === null) throw tenancyError("NOT_FOUND", { what: "partner" });
  return partner;
}

const PARTNERS_KEPT_MAX = 10_000;
const keptPartners = perApp(() => new BoundedMap<string, Partner>(PARTNERS_KEPT_MAX));

/** A partner's row never changes, so a process reads it once. */
async function storedPartner(app: App, tenantId: string, id: string): Promise<Partner | null> {
  const kept = keptPartners(app);
  const key = `${tenantId} ${id}`;
  const partner = kept.get(key) ?? (await app.database.manager.findOneBy(Partner, { tenantId, id }));
  if (partner !== null) kept.set(key, partner);
  return partner;
}

/** The partner named, or the actor's own where none is; a tenant's actor must name one (`VALIDATION`). */
export async function partnerNamedOrOwn(app: App, actor: Actor, partnerId: string | null): Promise<Partner> {
  const id = partnerId ?? actor.partnerId;
  if (id === null)
    throw tenancyError("VALIDATION", {
      path: "/partnerId",
      reason: "Name a partner.",
    });
  return partnerOf(app, actor, id);
}

/** The partners that the actor may see, oldest first. */
export async function partnersOf(app: App, actor: Actor, request: PageRequest): Promise<Page<Partner>> {
  const { rows, after } = pageStart(request, "partners", POSITION.ID);
  const query = app.database.manager
    .createQueryBuilder(Partner, "partner")
    .where("partner.tenantId = :tenantId", { tenantId: actor.tenantId });
  if (actor.partnerId !== null) query.andWhere("partner.id = :partnerId", { partnerId: actor.partnerId });
  if (after !== null) query.andWhere("partner.id > :after", { after });
  const partners = await query
    .orderBy("partner.id")
    .limit(rows + 1)
    .getMany();
  return pageOf(partners, rows, (partner) => partner.id);
}

/** How many partners the actor may see. */
export async function countPartners(app: App, actor: Actor): Promise<number> {
  const own = actor.partnerId === null ? {} : { id: actor.partnerId };
  return app.database.manager.countBy(Partner, {
    tenantId: actor.tenantId,
    ...own,
  });
}

/** Partners of a tenant by number, in the order asked; for loaders. */
export async function partnersByNumber(app: App, actor: TenantRef, numbers: readonly number[]): Promise<Partner[]> {
  const found = await app.database.manager.findBy(Partner, {
    tenantNo: actor.tenantNo,
    no: In([...numbers]),
  });
  const byNo = new Map(found.map((partner) => [partner.no, partner]));
  return numbers.map((no) => present(byNo.get(no), "a partner that a row names"));
}

/** A tenant; `NOT_FOUND` for anything else. */
export async function tenantOf(app: App, tenantId: string): Promise<Tenant> {
  const isForm = isId(tenantId, "tnt");
  const tenant = isForm ? await app.database.manager.findOneBy(Tenant, { id: tenantId }) : null;
  if (tenant === null) throw tenancyError("NOT_FOUND", { what: "tenant" });
  return tenant;
}

/** Every tenant, for loops that serve all of them. */
export async function tenantsForAllTenants(app: App): Promise<Tenant[]> {
  return app.database.manager.find(Tenant, { order: { no: "ASC" } });
}

/** The key under which a tenant's players are hashed. */
export async function playerKeyOf(app: App, reader: Reader, tenantId: string): Promise<Buffer> {
  const tenant = present(await rowOf(reader, Tenant, "id = ?", [tenantId]), "the tenant whose players are hashed");
  return (await vaultOf(app, tenantId, reader)).unseal(tenant.playerKeySealed, `player:${tenantId}`);
}

/**
 * Erases the key under which a tenant's players are hashed, and puts a new one in its place: what was stored under the
 * old one can be linked to no player any more, by nobody. Processes that know the old one forget it within a minute.
 */
export async function renewPlayerKey(app: App, tx: Tx, tenantId: string): Promise<void> {
  const vault = await vaultOf(app, tenantId, tx);
  const sealed = vault.seal(randomBytes(PLAYER_KEY_BYTES), `player:${tenantId}`);
  await tx.query("update tenant set player_key_sealed = ?, player_key_since = ? where id = ?", [
    ...[sealed, app.clock.now(), tenantId],
  ]);
}

async function insertTenant(
  app: App,
  tx: Tx,
  author: Actor,
  { name, vault, row }: NewVault & { readonly name: string },
): Promise<string> {
  const createdAt = app.clock.now();
  const { tenantId: id } = row;
  const playerKeySealed = vault.seal(randomBytes(PLAYER_KEY_BYTES), `player:${id}`);
  const inserted = await tx.insert(Tenant, { id, name, playerKeySealed, createdAt });
  await tx.insert(DataKey, row);
  const inNewTenant = { ...author, tenantId: id, tenantNo: Number(insertedNo(inserted)) };
  const act = { type: ActType.TENANT_CREATED, subjectId: id, partner: null, after: { name } };
  await recordActs(tx, inNewTenant, createdAt, [act]);
  return id;
}

async function insertPartner(app: App, tx: Tx, actor: Actor, partner: NewPartner): Promise<string> {
  const createdAt = app.clock.now();
  const id = newId("ptn", app.clock);
  const { code, name, kind, timezone } = partner;
  const inserted = await tx.insert(Partner, {
    ...{
      tenantId: actor.tenantId,
      tenantNo: actor.tenantNo,
      id,
      code,
      name,
      kind,
      timezone,
      createdAt,
    },
    currencyList: partner.currencies.join(" "),
    postingPartition: 0,
  });
  const no = Number(insertedNo(inserted));
  await tx.update(Partner, { tenantId: actor.tenantId, id }, { postingPartition: no % POSTING_PARTITIONS });
  // Made here, although it is `periods` that uses it: so posting never meets a partner without one, nor waits for it.
  await tx.query("insert into posting_cursor (tenant_no, partner_no) values (?, ?)", [actor.tenantNo, no]);
  const after = { code, name, kind, timezone, currencies: partner.currencies };
  await recordActs(tx, actor, createdAt, [
    {
      type: ActType.PARTNER_CREATED,
      subjectId: id,
      partner: { id, no },
      after,
    },
  ]);
  return id;
}

function checkedPartner(input: NewPartner): NewPartner {
  if (!CODE_PATTERN.test(input.code)) {
    throw tenancyError("VALIDATION", {
      path: "/code",
      reason: "A code is 1–64 of A–Z, a–z, 0–9 and . _ : -",
    });
  }
  if (!isKnownTimezone(input.timezone)) {
    throw tenancyError("VALIDATION", {
      path: "/timezone",
      reason: "The time zone is not an IANA name.",
    });
  }
  if (input.currencies.length < 1 || input.currencies.length > CURRENCIES_MAX) {
    throw tenancyError("VALIDATION", {
      path: "/currencies",
      reason: `List 1 to ${CURRENCIES_MAX} currencies.`,
    });
  }
  if (!input.currencies.every(isKnownCurrency)) throw tenancyError("CURRENCY_UNKNOWN", { path: "/currencies" });
  return {
    ...input,
    name: checkedName(input.name),
    currencies: [...new Set(input.currencies)],
  };
}

function checkedName(name: string): string {
  const trimmed = name.trim();
  if (trimmed.length >= 1 && trimmed.length <= NAME_LENGTH_MAX) return trimmed;
  throw tenancyError("VALIDATION", {
    path: "/name",
    reason: `A name has 1 to ${NAME_LENGTH_MAX} characters.`,
  });
}

function isKnownTimezone(name: string): boolean {
  try {
    return (
      /^[A-Za-z]/.test(name) && new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== ""
    );
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
