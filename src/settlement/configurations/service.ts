import { In } from "typeorm";
import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import { type Actor, PrincipalKind, systemActor } from "../../kernel/actor.js";
import { assert, present } from "../../kernel/assert.js";
import { BoundedMap } from "../../kernel/bounded-map.js";
import { canonicalJson } from "../../kernel/canonical-json.js";
import { instantText, later } from "../../kernel/clock.js";
import { isId, newId } from "../../kernel/ids.js";
import { scaleOf } from "../../kernel/money.js";
import { type Page, type PageRequest, pageOf, pageStart } from "../../kernel/page.js";
import { planEndsSoonForAllTenants } from "../../periods/closing/service.js";
import { holdCursor } from "../../periods/cursors/service.js";
import { extendPlan, HORIZON_MS, type Plan, planFrom } from "../../periods/service.js";
import type { App } from "../../platform/app.js";
import { type Tx, transact } from "../../platform/database.js";
import { once } from "../../platform/idempotency.js";
import type { Partner } from "../../tenancy/entities.js";
import { partnerOf } from "../../tenancy/service.js";
import { type ConfigurationDocument, configurationSha256, graceMsOf, parseConfiguration } from "../document.js";
import { warningsOf } from "../document-checks.js";
import { contractOf } from "../document-contract.js";
import { Configuration, ConfigurationState } from "../entities.js";
import { settlementError } from "../errors.js";

/** What a new version says, and whom it settles. */
export interface NewConfiguration {
  readonly partnerId: string;
  /** As `schema/configuration.schema.json` says. */
  readonly document: unknown;
}

/** From when on a version is in force. */
export interface Activation {
  readonly configurationId: string;
  readonly effectiveFrom: Date;
}

/** A version as the calculation needs it. */
export interface Terms {
  readonly id: string;
  readonly version: number;
  readonly document: ConfigurationDocument;
}

const TERMS_KEPT_MAX = 10_000;
const termsKept = new WeakMap<App, BoundedMap<string, Terms>>();

/** Writes a new version of a partner's configuration; nothing is in force yet. Refuses a document that is not valid. */
export async function draftConfiguration(
  app: App,
  actor: Actor,
  { partnerId, document }: NewConfiguration,
  idempotencyKey: string | null = null,
): Promise<Configuration> {
  const partner = await partnerOf(app, actor, partnerId);
  const checked = checkedDocument(document, partner);
  const request = { operation: "draftConfiguration", idempotencyKey, input: { partnerId, document: checked } };
  const id = await once(app, actor, request, (tx) => insertDraft(app, tx, actor, { partner, document: checked }));
  return configurationOf(app, actor, id);
}

/**
 * Puts a draft in force from an instant on and plans its periods; the version before is superseded. Who drafted it may
 * not activate it (`FORBIDDEN`), except at the server's own shell. Refused once a period after the instant is closed.
 */
export async function activateConfiguration(
  app: App,
  actor: Actor,
  activation: Activation,
  idempotencyKey: string | null = null,
): Promise<Configuration> {
  const { configurationId: id, effectiveFrom } = activation;
  const draft = await configurationOf(app, actor, id);
  checkFourEyes(actor, draft);
  if (effectiveFrom > later(app.clock.now(), HORIZON_MS)) {
    const reason = "A version is activated at most sixty days ahead.";
    throw settlementError("VALIDATION", { path: "/effectiveFrom", reason });
  }
  const partner = await partnerOf(app, actor, draft.partnerId);
  const input = { configurationId: id, effectiveFrom: instantText(effectiveFrom) };
  const request = { operation: "activateConfiguration", idempotencyKey, input };
  await once(app, actor, request, (tx) => activate(app, tx, actor, { partner, id, effectiveFrom }));
  return configurationOf(app, actor, id);
}

/** A version that the actor may see: its tenant's, and of those a partner only its own that left the draft. */
export async function configurationOf(app: App, actor: Actor, id: string): Promise<Configuration> {
  const own = actor.partnerId === null ? {} : { partnerId: actor.partnerId, state: LEFT_DRAFT };
  const where = { tenantId: actor.tenantId, id, ...own };
  const configuration = isId(id, "cfg") ? await app.database.manager.findOneBy(Configuration, where) : null;
  if (configuration === null) throw settlementError("NOT_FOUND", { what: "configuration" });
  return configuration;
}

/** A partner's versions, newest first; drafts only for the tenant's own people. */
export async function configurationsOf(
  app: App,
  actor: Actor,
  partner: Partner,
  request: PageRequest,
): Promise<Page<Configuration>> {
  const { rows, after } = pageStart(request, "configurations");
  const query = selection(app, actor, partner);
  if (after !== null) query.andWhere("configuration.version < :after", { after });
  const found = await query
    .orderBy("configuration.version", "DESC")
    .limit(rows + 1)
    .getMany();
  return pageOf(found, rows, (configuration) => String(configuration.version));
}

/** How many versions of a partner the actor may see. */
export async function countConfigurations(app: App, actor: Actor, partner: Partner): Promise<number> {
  return selection(app, actor, partner).getCount();
}

/** What is allowed in a version's document and may surprise. */
export function warningsIn({ document }: Pick<Configuration, "document">): readonly string[] {
  return warningsOf(parseConfiguration(JSON.parse(document)));
}

/** Versions of a tenant by id, in the order asked; for loaders. */
export async function configurationsById(app: App, tenantId: string, ids: readonly string[]): Promise<Configuration[]> {
  const found = await app.database.manager.findBy(Configuration, { tenantId, id: In([...ids]) });
  const byId = new Map(found.map((configuration) => [configuration.id, configuration]));
  return ids.map((id) => present(byId.get(id), "a configuration that a row names"));
}

/** A version as the calculation needs it; kept in memory, since a version never changes. */
export async function termsOf(app: App, tenantId: string, id: string): Promise<Terms> {
  const kept = termsKept.get(app) ?? new BoundedMap<string, Terms>(TERMS_KEPT_MAX);
  termsKept.set(app, kept);
  const known = kept.get(`${tenantId} ${id}`);
  if (known !== undefined) return known;
  const [configuration] = await configurationsById(app, tenantId, [id]);
  const { version, document } = present(configuration, "a pinned configuration");
  const terms = { id, version, document: parseConfiguration(JSON.parse(document)) };
  kept.set(`${tenantId} ${id}`, terms);
  return terms;
}

/** Plans on, sixty days ahead, for every partner whose plan ends soon. Answers how many partners that were. */
export async function planAheadForAllTenants(app: App): Promise<number> {
  const keys = await planEndsSoonForAllTenants(app);
  for (const { partnerId, ...tenant } of keys) {
    const partner = await partnerOf(app, systemActor(tenant, "planner"), partnerId);
    await transact(app, async (tx) => {
      await holdCursor(tx, partner);
      const active = await activeOf(tx, partner);
      if (active !== null) await extendPlan(app, tx, partner, planOf(active));
    });
  }
  return keys.length;
}

const LEFT_DRAFT = In([ConfigurationState.ACTIVE, ConfigurationState.SUPERSEDED]);

function selection(app: App, actor: Actor, { tenantId, id: partnerId }: Partner) {
  const query = app.database.manager
    .createQueryBuilder(Configuration, "configuration")
    .where("configuration.tenantId = :tenantId and configuration.partnerId = :partnerId", { tenantId, partnerId });
  if (actor.partnerId !== null) query.andWhere("configuration.state <> :draft", { draft: ConfigurationState.DRAFT });
  return query;
}

/** The document, checked by itself and against the decimals of every currency of the partner. */
function checkedDocument(document: unknown, { currencies }: Partner): ConfigurationDocument {
  const checked = parseConfiguration(document);
  for (const currency of currencies) contractOf(checked, { currency, scale: scaleOf(currency) });
  return checked;
}

interface Draft {
  readonly partner: Partner;
  readonly document: ConfigurationDocument;
}

/** The cursor is the lock that keeps two versions from taking one number. */
async function insertDraft(app: App, tx: Tx, actor: Actor, { partner, document }: Draft): Promise<string> {
  await holdCursor(tx, partner);
  const { tenantId, id: partnerId } = partner;
  const [last] = await tx.find(Configuration, { where: { tenantId, partnerId }, order: { version: "DESC" }, take: 1 });
  const [id, version, draftedAt] = [newId("cfg", app.clock), (last?.version ?? 0) + 1, app.clock.now()];
  const documentSha256 = configurationSha256(document);
  const { principalId: draftedBy } = actor;
  await tx.insert(Configuration, {
    ...{ tenantId, id, partnerId, version, draftedBy, draftedAt },
    document: canonicalJson(document),
    documentSha256: Buffer.from(documentSha256, "hex"),
  });
  const before = last === undefined ? {} : { before: summaryOf(last) };
  const after = { version, state: ConfigurationState.DRAFT, documentSha256 };
  const act = { type: ActType.CONFIGURATION_DRAFTED, subjectId: id, partner, ...before, after };
  await recordActs(tx, actor, draftedAt, [act]);
  return id;
}

function checkFourEyes({ kind, principalId }: Actor, { draftedBy }: Configuration): void {
  if (kind === PrincipalKind.OPERATOR_SHELL || draftedBy !== principalId) return;
  throw settlementError("FORBIDDEN", { reason: "Who drafted a configuration may not activate it." });
}

interface Activating {
  readonly partner: Partner;
  readonly id: string;
  readonly effectiveFrom: Date;
}

async function activate(app: App, tx: Tx, actor: Actor, { partner, id, effectiveFrom }: Activating): Promise<string> {
  await holdCursor(tx, partner);
  const { tenantId } = partner;
  const draft = present(await tx.findOneBy(Configuration, { tenantId, id }), "a configuration that was just read");
  const active = await activeOf(tx, partner);
  if (draft.state !== ConfigurationState.DRAFT || draft.version < (active?.version ?? 0)) {
    throw settlementError("VERSION_CONFLICT", { reason: "This version, or a later one, was activated already." });
  }
  if (active !== null) await extendPlan(app, tx, partner, { ...planOf(active), through: effectiveFrom });
  await planFrom(app, tx, partner, { ...planOf(draft), effectiveFrom });
  const activatedAt = app.clock.now();
  if (active !== null) {
    await tx.update(Configuration, { tenantId, id: active.id }, { state: ConfigurationState.SUPERSEDED });
  }
  const change = { state: ConfigurationState.ACTIVE, activatedBy: actor.principalId, activatedAt, effectiveFrom };
  await tx.update(Configuration, { tenantId, id }, change);
  const before = { ...summaryOf(draft), active: active === null ? null : { id: active.id, ...summaryOf(active) } };
  const after = { ...summaryOf(draft), state: ConfigurationState.ACTIVE, effectiveFrom: instantText(effectiveFrom) };
  const act = { type: ActType.CONFIGURATION_ACTIVATED, subjectId: id, partner, before, after };
  await recordActs(tx, actor, activatedAt, [act]);
  return id;
}

async function activeOf(tx: Tx, { tenantId, id: partnerId }: Partner): Promise<Configuration | null> {
  return tx.findOneBy(Configuration, { tenantId, partnerId, state: ConfigurationState.ACTIVE });
}

function summaryOf({ version, state, documentSha256 }: Configuration) {
  return { version, state, documentSha256: documentSha256.toString("hex") };
}

/** How a version cuts time into periods. */
function planOf({ id, document: text }: Configuration): Omit<Plan, "effectiveFrom"> {
  const document = parseConfiguration(JSON.parse(text));
  return { configurationId: id, cycle: cycleOf(document), graceMs: graceMsOf(document) };
}

function cycleOf({ cycle }: ConfigurationDocument): Plan["cycle"] {
  assert(cycle.kind !== "CUSTOM", "a custom cycle is refused when it is drafted");
  return cycle;
}
