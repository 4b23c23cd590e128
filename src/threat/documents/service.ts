import { ActType } from "../../acts/entities.js";
import { recordActs } from "../../acts/service.js";
import { checkSecondPerson } from "../../identity/four-eyes/service.js";
import type { Actor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { canonicalJson } from "../../kernel/canonical-json.js";
import { sha256 } from "../../kernel/digest.js";
import { isId, newId } from "../../kernel/ids.js";
import { type Page, type PageRequest, pageOf, pageStart } from "../../kernel/page.js";
import type { App } from "../../platform/app.js";
import type { Tx } from "../../platform/database.js";
import { once } from "../../platform/idempotency.js";
import { parseRuleset } from "../document.js";
import { threatError } from "../errors.js";
import { DEFAULT_RULES, type ThreatRuleset } from "../rules.js";
import { forgetStanding } from "../standing/service.js";
import { ThreatRules, ThreatRulesState } from "./entities.js";

/** Writes down a new version of the tenant's threat rules; nobody is judged by it before it is activated. */
export async function draftThreatRules(
  app: App,
  actor: Actor,
  document: unknown,
  idempotencyKey: string | null = null,
): Promise<ThreatRules> {
  const checked = parseRuleset(document);
  const request = { operation: "draftThreatRules", idempotencyKey, input: checked };
  return threatRulesOf(app, actor, await once(app, actor, request, (tx) => insertDraft(app, tx, actor, checked)));
}

/**
 * Puts a draft in force in place of what is: in every process within seconds. Who drafted it may not (`FORBIDDEN`); of
 * two drafts the older cannot follow the newer (`VERSION_CONFLICT`).
 */
export async function activateThreatRules(
  app: App,
  actor: Actor,
  id: string,
  idempotencyKey: string | null = null,
): Promise<ThreatRules> {
  const draft = await threatRulesOf(app, actor, id);
  const reason = "Who drafted the rules may not activate them.";
  await checkSecondPerson(app.database.manager, actor, { by: [draft.draftedBy], reason });
  const request = { operation: "activateThreatRules", idempotencyKey, input: { id } };
  await once(app, actor, request, (tx) => activate(app, tx, actor, id));
  forgetStanding(app);
  return threatRulesOf(app, actor, id);
}

/** A version of the actor's tenant; `NOT_FOUND` for anything else. */
export async function threatRulesOf(app: App, { tenantNo }: Actor, id: string): Promise<ThreatRules> {
  const found = isId(id, "thr") ? await app.database.manager.findOneBy(ThreatRules, { tenantNo, id }) : null;
  if (found === null) throw threatError("NOT_FOUND", { what: "threat rules" });
  return found;
}

/** The tenant's versions, newest first. */
export async function threatRulesPage(app: App, { tenantNo }: Actor, request: PageRequest): Promise<Page<ThreatRules>> {
  const { rows, after } = pageStart(request, "threat-rules");
  const query = app.database.manager
    .createQueryBuilder(ThreatRules, "rules")
    .where("rules.tenantNo = :tenantNo", { tenantNo });
  if (after !== null) query.andWhere("rules.version < :after", { after });
  const found = await query
    .orderBy("rules.version", "DESC")
    .limit(rows + 1)
    .getMany();
  return pageOf(found, rows, ({ version }) => String(version));
}

/** How many versions the tenant has. */
export async function countThreatRules(app: App, { tenantNo }: Actor): Promise<number> {
  return app.database.manager.countBy(ThreatRules, { tenantNo });
}

/** The rules by which the tenant's senders are judged now; the version is null for a tenant that has none. */
export async function rulesInForce(
  app: App,
  { tenantNo }: Actor,
): Promise<{ readonly threatRules: ThreatRules | null; readonly document: ThreatRuleset }> {
  const threatRules = await app.database.manager.findOneBy(ThreatRules, { tenantNo, state: ThreatRulesState.ACTIVE });
  return { threatRules, document: threatRules === null ? DEFAULT_RULES : JSON.parse(threatRules.document) };
}

/** The tenant's row is the lock that keeps two versions from taking one number. */
async function insertDraft(app: App, tx: Tx, actor: Actor, rules: ThreatRuleset): Promise<string> {
  const { tenantId, tenantNo, principalId: draftedBy } = actor;
  await lockTenant(tx, tenantId);
  const [last] = await tx.find(ThreatRules, { where: { tenantNo }, order: { version: "DESC" }, take: 1 });
  const [id, draftedAt, version] = [newId("thr", app.clock), app.clock.now(), (last?.version ?? 0) + 1];
  const document = canonicalJson(rules);
  const documentSha256 = sha256(document);
  await tx.insert(ThreatRules, { tenantNo, id, version, document, documentSha256, draftedBy, draftedAt });
  const after = { version, state: ThreatRulesState.DRAFT, documentSha256: documentSha256.toString("hex") };
  const act = { type: ActType.THREAT_RULES_DRAFTED, subjectId: id, partner: null, after };
  await recordActs(tx, actor, draftedAt, [act]);
  return id;
}

async function activate(app: App, tx: Tx, actor: Actor, id: string): Promise<string> {
  const { tenantId, tenantNo } = actor;
  await lockTenant(tx, tenantId);
  const draft = present(await tx.findOneBy(ThreatRules, { tenantNo, id }), "rules that were just read");
  const active = await tx.findOneBy(ThreatRules, { tenantNo, state: ThreatRulesState.ACTIVE });
  if (draft.state !== ThreatRulesState.DRAFT || draft.version < (active?.version ?? 0)) {
    throw threatError("VERSION_CONFLICT", { reason: "This version, or a later one, was activated already." });
  }
  const activatedAt = app.clock.now();
  const state = ThreatRulesState.ACTIVE;
  if (active !== null) {
    await tx.update(ThreatRules, { tenantNo, id: active.id }, { state: ThreatRulesState.SUPERSEDED });
  }
  await tx.update(ThreatRules, { tenantNo, id }, { state, activatedBy: actor.principalId, activatedAt });
  const before = { ...summaryOf(draft), active: active === null ? null : { id: active.id, ...summaryOf(active) } };
  const after = { ...summaryOf(draft), state };
  const act = { type: ActType.THREAT_RULES_ACTIVATED, subjectId: id, partner: null, before, after };
  await recordActs(tx, actor, activatedAt, [act]);
  return id;
}

function summaryOf({ version, state, documentSha256 }: ThreatRules) {
  return { version, state, documentSha256: documentSha256.toString("hex") };
}

async function lockTenant(tx: Tx, tenantId: string): Promise<void> {
  await tx.query("select id from tenant where id = ? for update", [tenantId]);
}
