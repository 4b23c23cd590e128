import { type Actor, PrincipalKind } from "../../kernel/actor.js";
import { BoundedMap } from "../../kernel/bounded-map.js";
import type { App } from "../../platform/app.js";
import { perApp } from "../../platform/per-app.js";
import { partnerOf } from "../../tenancy/service.js";
import { raise } from "../assessments/service.js";
import { type ThreatFact, ThreatSubject, ThreatVerdict } from "../entities.js";
import { judge, SENDER_FACTS } from "../rules.js";
import { standingOf } from "../standing/service.js";
import { FadingCount } from "../statistics/rules.js";

/** What a sender did counts half after so long. */
const HALF_LIFE_MS = 600_000;
const SENDERS_KEPT_MAX = 10_000;
/** A verdict is not told again within so long, unless it became worse. */
const TOLD_AGAIN_MS = 600_000;
const TOLD_KEPT_MAX = 10_000;
/** Less than this of a fact is none. */
const LEAST = 0.01;

type Sender = Map<ThreatFact, FadingCount>;

const senders = perApp(() => new BoundedMap<string, Sender>(SENDERS_KEPT_MAX));

/** What the actor did lately, as this process saw it. */
export function senderFacts(app: App, { tenantNo, principalId }: Actor): Map<ThreatFact, number> {
  const facts = new Map<ThreatFact, number>();
  const sender = senders(app).get(`${tenantNo}:${principalId}`);
  if (sender === undefined) return facts;
  const nowMs = app.clock.now().getTime();
  for (const [fact, count] of sender) {
    const value = count.at(nowMs);
    if (value >= LEAST) facts.set(fact, value);
  }
  return facts;
}

/**
 * Counts against the client that acts, and against nobody whom it only names, that it did so again; blocks it where
 * that is too often by its tenant's rules. The shell and ourselves are never judged.
 */
export async function countAgainst(app: App, actor: Actor, fact: ThreatFact, by = 1): Promise<void> {
  if (!JUDGED.includes(actor.kind) || !SENDER_FACTS.includes(fact)) return;
  const key = `${actor.tenantNo}:${actor.principalId}`;
  const all = senders(app);
  const sender: Sender = all.get(key) ?? new Map();
  const count = sender.get(fact) ?? new FadingCount(HALF_LIFE_MS);
  count.add(by, app.clock.now().getTime());
  sender.set(fact, count);
  all.set(key, sender);
  const standing = await standingOf(app);
  const inForce = standing.rulesOf(actor.tenantNo);
  const partner = actor.partnerId === null ? null : await partnerOf(app, actor, actor.partnerId);
  const percent = standing.percentOf(actor.tenantNo, partner?.no ?? 0, ThreatSubject.CLIENT);
  const finding = judge(inForce.rules, ThreatSubject.CLIENT, senderFacts(app, actor), percent);
  if (!isToTell(app, key, finding.verdict)) return;
  const subject = ThreatSubject.CLIENT;
  const { principalId: subjectId } = actor;
  if (!(await raise(app, actor, { subject, subjectId, clientId: subjectId, partner, finding, inForce }))) {
    forgetTold(app, key);
    return;
  }
  if (finding.verdict === ThreatVerdict.QUARANTINE) all.delete(key); // it begins anew once its block has ended
}

const JUDGED: readonly PrincipalKind[] = [PrincipalKind.PARTNER, PrincipalKind.TENANT];

interface Told {
  readonly verdict: ThreatVerdict;
  readonly atMs: number;
}

const told = perApp(() => new BoundedMap<string, Told>(TOLD_KEPT_MAX));

/**
 * Whether a verdict about somebody is news: one that is no pass, and was not told lately unless it became worse. What
 * it answers yes to counts as told.
 */
export function isToTell(app: App, about: string, verdict: ThreatVerdict): boolean {
  if (verdict === ThreatVerdict.PASS) return false;
  const all = told(app);
  const last = all.get(about);
  const nowMs = app.clock.now().getTime();
  const isKnown = last !== undefined && Math.abs(nowMs - last.atMs) < TOLD_AGAIN_MS;
  if (isKnown && (last.verdict === verdict || last.verdict === ThreatVerdict.QUARANTINE)) return false;
  all.set(about, { verdict, atMs: nowMs });
  return true;
}

/** A verdict about somebody could not be told: the next one is news. */
export function forgetTold(app: App, about: string): void {
  told(app).delete(about);
}
