import type { Actor } from "../kernel/actor.js";
import { BoundedMap } from "../kernel/bounded-map.js";
import { type CodedError, ErrorCode } from "../kernel/errors.js";
import type { App } from "../platform/app.js";
import { perApp } from "../platform/per-app.js";
import type { Partner } from "../tenancy/entities.js";
import { raise } from "./assessments/service.js";
import { type BatchFigures, ThreatFact, ThreatSubject, ThreatVerdict } from "./entities.js";
import type { SeenBatch } from "./profiles/rules.js";
import { learnBatch, networkNamer, profileOf } from "./profiles/service.js";
import { type Finding, judge, rulesIn } from "./rules.js";
import { countAgainst, forgetTold, isToTell, senderFacts } from "./senders/service.js";
import { type RulesInForce, standingOf } from "./standing/service.js";
import { Tally } from "./tallies/rules.js";
import { shareSoon } from "./tallies/service.js";

/** A batch whose signature holds, as threat detection looks at it. */
export interface IncomingBatch {
  readonly actor: Actor;
  readonly partner: Partner;
  /** Whether the partner itself signed it, and not its tenant. */
  readonly isOwn: boolean;
  readonly keySince: Date;
  readonly figures: BatchFigures;
}

/** What is made of a batch before it is stored. */
export interface BatchAssessment {
  /** Whether it is kept without being posted. */
  readonly isQuarantined: boolean;
  /** Whether that is because a person or a verdict holds all that the partner sends. */
  readonly isPartnerHeld: boolean;
  /** What is to be kept of it; null where it passes, or where the same was told a while ago. */
  readonly told: { readonly finding: Finding; readonly inForce: RulesInForce } | null;
}

/**
 * Assesses a batch by what is known of its sender and usual for its partner, in microseconds and nearly always without
 * asking the database. A partner that is new has nothing that is usual, and nothing of it is unusual.
 */
export async function assessBatch(app: App, incoming: IncomingBatch): Promise<BatchAssessment> {
  const { actor, partner, isOwn } = incoming;
  const standing = await standingOf(app);
  const now = app.clock.now();
  const inForce = standing.rulesOf(actor.tenantNo);
  const facts = senderFacts(app, actor);
  if (isOwn) {
    const profile = await profileOf(app, partner);
    for (const [fact, value] of profile.facts(await seenOf(app, incoming, now), inForce.rules.history))
      facts.set(fact, value);
  }
  const percent = standing.percentOf(actor.tenantNo, partner.no, ThreatSubject.BATCH);
  const finding = judge(inForce.rules, ThreatSubject.BATCH, facts, percent);
  const { verdict } = finding;
  app.metrics.count("threat_verdicts", { subject: ThreatSubject.BATCH, verdict });
  const isPartnerHeld = standing.blockOf(actor.tenantNo, partner.id, now) !== null;
  const isQuarantined = isPartnerHeld || verdict === ThreatVerdict.QUARANTINE;
  const isTold = verdict === ThreatVerdict.QUARANTINE || isToTell(app, aboutBatches(partner, finding), verdict);
  return { isQuarantined, isPartnerHeld, told: isTold ? { finding, inForce } : null };
}

/**
 * A batch that was assessed is not stored after all, and what was to be told in the same transaction is not told: the
 * next one like it is news.
 */
export function forgetAssessment(app: App, { partner }: IncomingBatch, { told }: BatchAssessment): void {
  if (told !== null) forgetTold(app, aboutBatches(partner, told.finding));
}

/** Batches of a partner that the same rules speak against are told of once. */
function aboutBatches(partner: Partner, { contributions }: Finding): string {
  return `${partner.id} ${rulesIn(contributions)}`;
}

/**
 * Takes up what became of a batch that was assessed and stored: one that passed is part of what is usual from now on,
 * one that was quarantined counts against who sent it.
 */
export async function learnFrom(app: App, incoming: IncomingBatch, assessment: BatchAssessment): Promise<void> {
  const { actor, partner, isOwn } = incoming;
  if (!assessment.isQuarantined) {
    if (isOwn) await learnBatch(app, partner, await seenOf(app, incoming, app.clock.now()));
  } else if (!assessment.isPartnerHeld) await countAgainst(app, actor, ThreatFact.QUARANTINED_BATCHES);
}

/** Counts a submission that was answered from what is stored. */
export function countReplay(app: App, actor: Actor): Promise<void> {
  return countAgainst(app, actor, ThreatFact.REPLAYS);
}

/**
 * Counts refusals of a client's requests that tell of an attack: signatures that do not hold, what does not open, and
 * keys that are not the sender's, whosever they are, and things named that do not exist or are not its own.
 */
export async function countRefusals(app: App, actor: Actor, refusals: readonly CodedError[]): Promise<void> {
  const fresh = refusals.filter((refusal) => !counted.has(refusal));
  for (const refusal of fresh) counted.add(refusal);
  for (const fact of [ThreatFact.SIGNATURE_FAILURES, ThreatFact.ENUMERATION]) {
    const count = fresh.filter(({ code }) => FACT_OF_CODE[code] === fact).length;
    if (count > 0) await countAgainst(app, actor, fact, count);
  }
}

/** A refusal passes several doors on its way out, each of which may count it. */
const counted = new WeakSet<CodedError>();

const FACT_OF_CODE: Partial<Readonly<Record<ErrorCode, ThreatFact>>> = {
  [ErrorCode.SIGNATURE_INVALID]: ThreatFact.SIGNATURE_FAILURES,
  [ErrorCode.ENCRYPTION_INVALID]: ThreatFact.SIGNATURE_FAILURES,
  [ErrorCode.KEY_UNKNOWN]: ThreatFact.SIGNATURE_FAILURES,
  [ErrorCode.KEY_NOT_OWNED]: ThreatFact.SIGNATURE_FAILURES,
  [ErrorCode.KEY_REVOKED]: ThreatFact.SIGNATURE_FAILURES,
  [ErrorCode.NOT_FOUND]: ThreatFact.ENUMERATION,
};

/** Items and those among them that were known already, lately. */
type Outcome = "items" | "duplicates";

const OUTCOMES_HALF_LIFE_MS = 3_600_000;
const OUTCOMES_ITEMS_MIN = 1_000;
const PARTNERS_KEPT_MAX = 10_000;

const outcomes = perApp(() => new BoundedMap<string, Tally<Outcome>>(PARTNERS_KEPT_MAX));

/** Takes up what became of a partner's items when they were posted, and judges the partner by it. */
export async function countOutcomes(
  app: App,
  actor: Actor,
  partner: Partner,
  { items, duplicates }: Readonly<Record<Outcome, number>>,
): Promise<void> {
  const all = outcomes(app);
  const tally = all.get(partner.id) ?? new Tally<Outcome>(OUTCOMES_HALF_LIFE_MS);
  all.set(partner.id, tally);
  const nowMs = app.clock.now().getTime();
  tally.add("items", items, nowMs);
  if (duplicates > 0) tally.add("duplicates", duplicates, nowMs);
  const shared = (isMore: boolean) => (isMore ? judgePartner(app, actor, partner, tally) : undefined);
  shareSoon(app, { key: `partner:${partner.tenantNo}:${partner.id}`, tally, shared });
  await judgePartner(app, actor, partner, tally);
}

async function judgePartner(app: App, actor: Actor, partner: Partner, tally: Tally<Outcome>): Promise<void> {
  const nowMs = app.clock.now().getTime();
  const [seen, again] = [tally.at("items", nowMs), tally.at("duplicates", nowMs)];
  if (again === 0 || seen < OUTCOMES_ITEMS_MIN) return;
  const standing = await standingOf(app);
  const inForce = standing.rulesOf(partner.tenantNo);
  const subject = ThreatSubject.PARTNER;
  const facts = new Map([[ThreatFact.DUPLICATE_RATIO, again / seen]]);
  const finding = judge(inForce.rules, subject, facts, standing.percentOf(partner.tenantNo, partner.no, subject));
  if (!isToTell(app, partner.id, finding.verdict)) return;
  const isTold = await raise(app, actor, { subject, subjectId: partner.id, clientId: null, partner, finding, inForce });
  if (!isTold) forgetTold(app, partner.id);
}

async function seenOf(app: App, { actor, figures, keySince }: IncomingBatch, at: Date): Promise<SeenBatch> {
  const { address, tenantId } = actor;
  const nameOf = await networkNamer(app, tenantId);
  return { at, figures, keySince, network: address === null ? null : nameOf(address) };
}
