import { In } from "typeorm";
import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import { type CreditTerms, creditCurrencies, saveCreditTerms } from "../../exchange/credit-terms/service.js";
import { checkSecondPerson } from "../../identity/four-eyes/service.js";
import { type Actor, PrincipalKind } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { BoundedMap } from "../../kernel/bounded-map.js";
import { canonicalJson } from "../../kernel/canonical-json.js";
import { instantText } from "../../kernel/clock.js";
import { isId, newId } from "../../kernel/ids.js";
import { scaleOf } from "../../kernel/money.js";
import { type Page, type PageRequest, pageOf, pageStart } from "../../kernel/page.js";
import { checkCalendar } from "../../periods/calendars/service.js";
import { holdCursor } from "../../periods/cursors/service.js";
import { checkCycle, planFrom } from "../../periods/planning/service.js";
import type { App } from "../../platform/app.js";
import type { Tx } from "../../platform/database.js";
import { once } from "../../platform/idempotency.js";
import type { Partner } from "../../tenancy/entities.js";
import { partnerOf } from "../../tenancy/service.js";
import { type ConfigurationDocument, configurationSha256, storedConfiguration } from "../document.js";
import { warningsOf } from "../document-checks.js";
import { calendarsIn, contractOf, conversionOf, creditIn } from "../document-contract.js";
import { readConfiguration } from "../document-reading/service.js";
import { Configuration, ConfigurationState, MidPeriod } from "../entities.js";
import { documentRefusal, settlementError } from "../errors.js";
import { retryAtOnce } from "../incidents/service.js";
import { activeOf, checkWithinHorizon, cutOf, planOn } from "../planning/service.js";
import { type GivenDocument, givenDocument } from "../typed-documents/rules.js";

/** What a new version says, and whom it settles. */
export interface NewConfiguration extends GivenDocument {
  readonly partnerId: string;
}

/** A version to be put in force. At the server's shell that may be a draft; then it is said here from when on. */
export interface Activation {
  readonly configurationId: string;
  /** For a submitted version: what was submitted, or nothing. */
  readonly effectiveFrom?: Date | null;
  /** For a draft alone; absent: `NEXT_PERIOD`. */
  readonly midPeriod?: MidPeriod;
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
  { partnerId, ...given }: NewConfiguration,
  idempotencyKey: string | null = null,
): Promise<Configuration> {
  const partner = await partnerOf(app, actor, partnerId);
  const document = givenDocument(given);
  if (document === null) {
    const reason = "A document is given once, as `document` or as `terms`.";
    throw settlementError("VALIDATION", { path: "/document", reason });
  }
  const checked = await checkedDocument(document, partner);
  const request = { operation: "draftConfiguration", idempotencyKey, input: { partnerId, document: checked } };
  const id = await once(app, actor, request, (tx) => insertDraft(app, tx, actor, { partner, document: checked }));
  return configurationOf(app, actor, id);
}

/**
 * Puts a submitted version in force from the instant that was submitted, and plans its periods; the version before is
 * superseded. Who drafted or submitted it may not (`FORBIDDEN`), except at the server's own shell, where a draft need
 * not be submitted. Refused once a period after the instant is closed (`PERIOD_CLOSED`).
 */
export async function activateConfiguration(
  app: App,
  actor: Actor,
  { configurationId: id, effectiveFrom = null, midPeriod = MidPeriod.NEXT_PERIOD }: Activation,
  idempotencyKey: string | null = null,
): Promise<Configuration> {
  const draft = await configurationOf(app, actor, id);
  const partner = await partnerOf(app, actor, draft.partnerId);
  const input = { configurationId: id, effectiveFrom: effectiveFrom === null ? null : instantText(effectiveFrom) };
  const request = { operation: "activateConfiguration", idempotencyKey, input };
  await once(app, actor, request, (tx) => activate(app, tx, actor, { partner, id, effectiveFrom, midPeriod }));
  return configurationOf(app, actor, id);
}

/** A version that the actor may see: its tenant's, and of those a partner only its own that were put in force. */
export async function configurationOf(app: App, actor: Actor, id: string): Promise<Configuration> {
  const own = actor.partnerId === null ? {} : { partnerId: actor.partnerId, state: In(WAS_ACTIVATED) };
  const where = { tenantId: actor.tenantId, id, ...own };
  const configuration = isId(id, "cfg") ? await app.database.manager.findOneBy(Configuration, where) : null;
  if (configuration === null) throw settlementError("NOT_FOUND", { what: "configuration" });
  return configuration;
}

/** A partner's versions, newest first; those that were never in force only for the tenant's own people. */
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

/** What is allowed in a version's document, which was checked when it was drafted, and may surprise. */
export function warningsIn({ document }: Pick<Configuration, "document">): readonly string[] {
  // Not checked again: a whole page of versions would hold everybody up.
  return warningsOf(JSON.parse(document) as ConfigurationDocument);
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
  const terms = { id, version, document: storedConfiguration(document) };
  kept.set(`${tenantId} ${id}`, terms);
  return terms;
}

/** What partners see. */
const WAS_ACTIVATED = [ConfigurationState.ACTIVE, ConfigurationState.SUPERSEDED];

function selection(app: App, actor: Actor, { tenantId, id: partnerId }: Partner) {
  const query = app.database.manager
    .createQueryBuilder(Configuration, "configuration")
    .where("configuration.tenantId = :tenantId and configuration.partnerId = :partnerId", { tenantId, partnerId });
  if (actor.partnerId !== null) query.andWhere("configuration.state in (:...seen)", { seen: WAS_ACTIVATED });
  return query;
}

/** The document, checked by itself and against the decimals of every currency of the partner. */
async function checkedDocument(document: unknown, { currencies }: Partner): Promise<ConfigurationDocument> {
  const checked = await readConfiguration(document);
  checkCycle(checked.cycle);
  for (const used of calendarsIn(checked)) await checkCalendar(used);
  const into = checked.fx?.to;
  if (into !== undefined && !currencies.includes(into)) {
    throw documentRefusal([{ path: "/fx/to", reason: "is not one of the partner's currencies" }]);
  }
  for (const currency of currencies) {
    const unit = { currency, scale: scaleOf(currency) };
    contractOf(checked, unit);
    creditIn(checked, unit);
  }
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

interface Activating extends Required<Pick<Activation, "effectiveFrom" | "midPeriod">> {
  readonly partner: Partner;
  readonly id: string;
}

async function activate(app: App, tx: Tx, actor: Actor, activating: Activating): Promise<string> {
  const { partner, id } = activating;
  await holdCursor(tx, partner);
  const { tenantId } = partner;
  const draft = present(await tx.findOneBy(Configuration, { tenantId, id }), "a configuration that was just read");
  const [by, reason] = [
    [draft.draftedBy, draft.submittedBy],
    "Who drafted or submitted a configuration may not activate it.",
  ];
  await checkSecondPerson(tx, actor, { by, reason });
  const active = await activeOf(tx, partner);
  const { effectiveFrom, midPeriod } = approvedOf(actor, draft, active, activating);
  checkWithinHorizon(app, effectiveFrom);
  if (active !== null) await planOn(app, tx, partner, active, effectiveFrom);
  await planFrom(app, tx, partner, { ...cutOf(draft), effectiveFrom, isSplit: midPeriod === MidPeriod.SPLIT });
  const activatedAt = app.clock.now();
  if (active !== null) {
    await tx.update(Configuration, { tenantId, id: active.id }, { state: ConfigurationState.SUPERSEDED });
  }
  const state = ConfigurationState.ACTIVE;
  const change = { state, activatedBy: actor.principalId, activatedAt, effectiveFrom, midPeriod };
  await tx.update(Configuration, { tenantId, id }, change);
  await putCreditInForce(tx, partner, draft);
  await retryAtOnce(tx, partner.tenantNo, partner);
  const before = { ...summaryOf(draft), active: active === null ? null : { id: active.id, ...summaryOf(active) } };
  const after = { ...summaryOf(draft), state, effectiveFrom: instantText(effectiveFrom), midPeriod };
  const act = { type: ActType.CONFIGURATION_ACTIVATED, subjectId: id, partner, before, after };
  await recordActs(tx, actor, activatedAt, [act]);
  return id;
}

/** From when on a version is put in force, and how: what was submitted, or what the shell says of a draft. */
function approvedOf(
  actor: Actor,
  draft: Configuration,
  active: Configuration | null,
  { effectiveFrom, midPeriod }: Activating,
): { readonly effectiveFrom: Date; readonly midPeriod: MidPeriod } {
  if (WAS_ACTIVATED.includes(draft.state) || draft.version < (active?.version ?? 0)) {
    throw settlementError("VERSION_CONFLICT", { reason: "This version, or a later one, was activated already." });
  }
  if (draft.state === ConfigurationState.DRAFT) {
    if (actor.kind !== PrincipalKind.OPERATOR_SHELL) {
      throw settlementError("VERSION_CONFLICT", { reason: "This version was not submitted for approval." });
    }
    return { effectiveFrom: required(effectiveFrom), midPeriod };
  }
  const submitted = present(draft.effectiveFrom, "the instant of a submitted version");
  if (effectiveFrom !== null && effectiveFrom.getTime() !== submitted.getTime()) {
    throw settlementError("VALIDATION", { path: "/effectiveFrom", reason: "Another instant was submitted." });
  }
  return { effectiveFrom: submitted, midPeriod: draft.midPeriod };
}

function required(effectiveFrom: Date | null): Date {
  if (effectiveFrom !== null) return effectiveFrom;
  throw settlementError("VALIDATION", { path: "/effectiveFrom", reason: "A draft is activated from an instant on." });
}

/** Writes down what posting has to know of a version: its terms of credit. Credit stays in the currency it is in. */
async function putCreditInForce(tx: Tx, partner: Partner, { id, document }: Configuration): Promise<void> {
  const checked = storedConfiguration(document);
  const credited = await creditCurrencies(tx, partner);
  if (credited.some((currency) => conversionOf(checked, currency) !== null)) {
    throw documentRefusal([{ path: "/fx", reason: "converts a currency in which the partner has prepaid credit" }]);
  }
  const terms = partner.currencies.flatMap((currency): [string, CreditTerms][] => {
    const own = creditIn(checked, { currency, scale: scaleOf(currency) });
    return own === null ? [] : [[currency, own]];
  });
  await saveCreditTerms(tx, partner, id, new Map(terms));
}

function summaryOf({ version, state, documentSha256 }: Configuration) {
  return { version, state, documentSha256: documentSha256.toString("hex") };
}
