import { In, IsNull } from "typeorm";
import { ActType } from "../../acts/entities.js";
import { type ActOf, recordActs } from "../../acts/service.js";
import { type Actor, systemActor } from "../../kernel/actor.js";
import { present } from "../../kernel/assert.js";
import { later } from "../../kernel/clock.js";
import { isId, newId } from "../../kernel/ids.js";
import { type Page, type PageRequest, POSITION, pageOf, pageStart } from "../../kernel/page.js";
import type { App } from "../../platform/app.js";
import { isDuplicateKey, type Tx, type TxSql, transact } from "../../platform/database.js";
import { once } from "../../platform/idempotency.js";
import type { Partner } from "../../tenancy/entities.js";
import { partnerOf, partnersByNumber } from "../../tenancy/service.js";
import { insertBlock } from "../blocks/service.js";
import { ThreatSubject, ThreatVerdict } from "../entities.js";
import { threatError } from "../errors.js";
import { type Contribution, type Finding, movedPercent, rulesIn, TOLD_AGAIN_MS } from "../rules.js";
import { forgetStanding, type RulesInForce, standingOf } from "../standing/service.js";
import { ThreatAssessment, ThreatJudgement } from "./entities.js";

/** More verdicts on one subject are not made within ten minutes. */
const TOLD_LATELY_MAX = 20;

/** An assessment to be kept: of whom, what it found, and by which rules. */
export interface Assessed {
  readonly subject: ThreatSubject;
  readonly subjectId: string;
  readonly clientId: string | null;
  /** As acts name it; null for a client of the tenant's own. */
  readonly partner: { readonly id: string; readonly no: number } | null;
  readonly finding: Finding;
  readonly inForce: RulesInForce;
}

/** Writes an assessment in the caller's transaction; answers its id, and its act for the caller to record. */
export async function insertAssessment(
  app: App,
  tx: TxSql,
  actor: Actor,
  assessed: Assessed,
): Promise<{ readonly id: string; readonly act: ActOf }> {
  const { subject, subjectId, clientId, partner, finding, inForce } = assessed;
  const { tenantId, tenantNo, requestId } = actor;
  const { verdict, score, reviewAt, quarantineAt, contributions } = finding;
  const id = newId("asm", app.clock);
  await tx.query(
    `insert into threat_assessment (tenant_no, id, partner_no, subject, subject_id, client_id, verdict, score,
       review_at, quarantine_at, rules_id, contributions, assessed_at) values (?)`,
    [
      [
        ...[tenantNo, id, partner?.no ?? 0, subject, subjectId, clientId, verdict, score, reviewAt, quarantineAt],
        ...[inForce.id, JSON.stringify(contributions), app.clock.now()],
      ],
    ],
  );
  const rules = inForce.id ?? "default";
  const after = { subject, subjectId, client: clientId, verdict, score, reviewAt, quarantineAt, rules, contributions };
  const act = { type: ActType.THREAT_ASSESSED, subjectId: id, partner, after };
  return { id, act: { actor: systemActor({ tenantId, tenantNo }, requestId), act } };
}

/**
 * Keeps a verdict on a client or partner, and for QUARANTINE blocks it: for as long as the rules say, where nothing
 * blocks it yet. Trouble in that is told to the log alone, since whoever asked for something else shall have its
 * answer. Answers whether the verdict is out.
 */
export async function raise(app: App, actor: Actor, assessed: Assessed): Promise<boolean> {
  const { subject, subjectId, partner, finding, inForce } = assessed;
  const isBlock = finding.verdict === ThreatVerdict.QUARANTINE && subject !== ThreatSubject.BATCH;
  try {
    const isNews = await transact(app, async (tx) => {
      if (!isBlock && (await wasToldLately(app, tx, actor, assessed))) return false;
      const { id: assessmentId, act } = await insertAssessment(app, tx, actor, assessed);
      await recordActs(tx, act.actor, app.clock.now(), [act.act]);
      if (!isBlock) return true;
      const reason = finding.contributions.map(({ rule }) => rule).join(", ");
      const { minutes } = inForce.rules.block;
      await insertBlock(app, tx, act.actor, { of: { subject, id: subjectId, partner }, assessmentId, reason, minutes });
      return true;
    });
    if (isNews && isBlock) app.metrics.count("threat_blocks", { subject });
    forgetStanding(app);
    return true;
  } catch (error) {
    if (isDuplicateKey(error)) return true; // somebody blocked it meanwhile: the verdict is out
    app.metrics.count("threat_failures");
    app.log.error({ err: error, subject, subjectId }, "threat: a verdict was not kept");
    return false;
  }
}

/** Whether another process told the same of the same subject: by the same rules, or something worse. */
async function wasToldLately(
  app: App,
  tx: Tx,
  { tenantNo }: Actor,
  { subjectId, finding }: Assessed,
): Promise<boolean> {
  const since = later(app.clock.now(), -TOLD_AGAIN_MS);
  const rows: { verdict: ThreatVerdict; contributions: string }[] = await tx.query(
    `select verdict, contributions from threat_assessment
     where tenant_no = ? and subject_id = ? and assessed_at > ? order by id desc limit ?`,
    [tenantNo, subjectId, since, TOLD_LATELY_MAX],
  );
  const rules = rulesIn(finding.contributions);
  return rows.some(({ verdict, contributions }) => {
    const isSame = rulesIn(JSON.parse(contributions) as Contribution[]) === rules;
    return isSame && (verdict === finding.verdict || verdict === ThreatVerdict.QUARANTINE);
  });
}

/** What of a tenant's assessments to show. */
export interface AssessmentFilter {
  readonly partner: Partner | null;
  readonly subject: ThreatSubject | null;
  readonly verdict: ThreatVerdict | null;
  /** Only those that no person judged yet. */
  readonly isOpen: boolean;
}

/** The tenant's assessments, newest first. */
export async function threatAssessmentsOf(
  app: App,
  actor: Actor,
  filter: AssessmentFilter,
  request: PageRequest,
): Promise<Page<ThreatAssessment>> {
  const { rows, after } = pageStart(request, "threat-assessments", POSITION.ID);
  const query = app.database.manager
    .createQueryBuilder(ThreatAssessment, "assessment")
    .where(conditionOf(actor, filter));
  if (after !== null) query.andWhere("assessment.id < :after", { after });
  const found = await query
    .orderBy("assessment.id", "DESC")
    .limit(rows + 1)
    .getMany();
  return pageOf(found, rows, ({ id }) => id);
}

/** How many assessments the filter lets through. */
export async function countThreatAssessments(app: App, actor: Actor, filter: AssessmentFilter): Promise<number> {
  return app.database.manager.countBy(ThreatAssessment, conditionOf(actor, filter));
}

/** An assessment of the actor's tenant; `NOT_FOUND` for anything else. */
export async function threatAssessmentOf(app: App, { tenantNo }: Actor, id: string): Promise<ThreatAssessment> {
  const found = isId(id, "asm") ? await app.database.manager.findOneBy(ThreatAssessment, { tenantNo, id }) : null;
  if (found === null) throw threatError("NOT_FOUND", { what: "assessment" });
  return found;
}

/** The assessments of the subjects named, in the order asked, newest first; for loaders. */
export async function assessmentsBySubject(
  app: App,
  { tenantNo }: Actor,
  subjectIds: readonly string[],
): Promise<ThreatAssessment[][]> {
  const where = { tenantNo, subjectId: In([...subjectIds]) };
  const found = await app.database.manager.find(ThreatAssessment, { where, order: { id: "DESC" } });
  return subjectIds.map((id) => found.filter(({ subjectId }) => subjectId === id));
}

/** What the rules gave, the most first. */
export function contributionsOf({ contributionList }: ThreatAssessment): Contribution[] {
  return JSON.parse(contributionList);
}

/** What a person says of a verdict, and why. */
export interface Judging {
  readonly threatAssessmentId: string;
  readonly judgement: ThreatJudgement;
  readonly reason: string;
}

/**
 * Says of a verdict whether it was right, once (`VERSION_CONFLICT` after that), and moves the partner's thresholds for
 * such subjects by a step, within the bounds of the rules in force. What was quarantined or blocked stays so.
 */
export async function judgeThreatAssessment(
  app: App,
  actor: Actor,
  input: Judging,
  idempotencyKey: string | null = null,
): Promise<ThreatAssessment> {
  const assessment = await threatAssessmentOf(app, actor, input.threatAssessmentId);
  const { feedback } = (await standingOf(app)).rulesOf(actor.tenantNo).rules;
  const { partnerNo } = assessment;
  const [partner = null] = partnerNo === 0 ? [] : await partnersByNumber(app, actor, [partnerNo]);
  const request = { operation: "judgeThreatAssessment", idempotencyKey, input: { ...input } };
  await once(app, actor, request, async (tx) => {
    const { judgement, reason } = input;
    const judgedAt = app.clock.now();
    const { affectedRows } = await tx.query(
      `update threat_assessment set judgement = ?, judged_by = ?, judged_at = ?, judgement_reason = ?
       where tenant_no = ? and id = ? and judgement is null`,
      [judgement, actor.principalId, judgedAt, reason, actor.tenantNo, assessment.id],
    );
    if (affectedRows === 0) throw threatError("VERSION_CONFLICT", { reason: "The assessment was judged already." });
    const known = await lockedPercent(tx, assessment);
    const percent = movedPercent(feedback, known, judgement === ThreatJudgement.CONFIRMED);
    await savePercent(tx, assessment, percent);
    const before = { thresholdPercent: known };
    const after = { judgement, reason, subject: assessment.subject, thresholdPercent: percent };
    const act = { type: ActType.THREAT_JUDGED, subjectId: assessment.id, partner, before, after };
    await recordActs(tx, actor, judgedAt, [act]);
    return assessment.id;
  });
  forgetStanding(app);
  return threatAssessmentOf(app, actor, assessment.id);
}

/** How far the thresholds of a partner are from what the rules say, in per cent, by now. */
export async function thresholdPercentOf(
  app: App,
  { tenantNo, partnerNo, subject }: ThreatAssessment,
): Promise<number> {
  const rows: { percent: number }[] = await app.database.query(
    "select percent from threat_threshold where tenant_no = ? and partner_no = ? and subject = ?",
    [tenantNo, partnerNo, subject],
  );
  return rows[0]?.percent ?? PERCENT_DEFAULT;
}

/** The partner that a filter names; null where it names none. */
export async function partnerToFilter(app: App, actor: Actor, partnerId: string | null): Promise<Partner | null> {
  return partnerId === null ? null : partnerOf(app, actor, partnerId);
}

const PERCENT_DEFAULT = 100;

function conditionOf({ tenantNo }: Actor, { partner, subject, verdict, isOpen }: AssessmentFilter) {
  return {
    tenantNo,
    ...(partner === null ? {} : { partnerNo: partner.no }),
    ...(subject === null ? {} : { subject }),
    ...(verdict === null ? {} : { verdict }),
    ...(isOpen ? { judgement: IsNull() } : {}),
  };
}

async function lockedPercent(tx: Tx, { tenantNo, partnerNo, subject }: ThreatAssessment): Promise<number> {
  const key = [tenantNo, partnerNo, subject];
  await tx.query(
    `insert into threat_threshold (tenant_no, partner_no, subject, percent) values (?)
     on duplicate key update percent = percent`,
    [[...key, PERCENT_DEFAULT]],
  );
  const rows: { percent: number }[] = await tx.query(
    "select percent from threat_threshold where tenant_no = ? and partner_no = ? and subject = ? for update",
    key,
  );
  return present(rows[0], "a threshold that was just written").percent;
}

async function savePercent(tx: Tx, { tenantNo, partnerNo, subject }: ThreatAssessment, percent: number): Promise<void> {
  await tx.query("update threat_threshold set percent = ? where tenant_no = ? and partner_no = ? and subject = ?", [
    ...[percent, tenantNo, partnerNo, subject],
  ]);
}
