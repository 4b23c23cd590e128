import { type Actor, PrincipalKind } from "../../kernel/actor.js";
import { BoundedMap } from "../../kernel/bounded-map.js";
import type { App } from "../../platform/app.js";
import { perApp } from "../../platform/per-app.js";
import { partnerOf } from "../../tenancy/service.js";
import { raise } from "../assessments/service.js";
import { type ThreatFact, ThreatSubject, ThreatVerdict } from "../entities.js";
import { judge, SENDER_FACTS, TOLD_AGAIN_MS } from "../rules.js";
import { standingOf } from "../standing/service.js";
import { Tally } from "../tallies/rules.js";
import { clearTally, shareSoon } from "../tallies/service.js";

/** What a sender did counts half after so long. */
const HALF_LIFE_MS = 600_000;
const SENDERS_KEPT_MAX = 10_000;
/** Other processes are asked no more often what they know of somebody who does nothing wrong here. */
const ASKED_AGAIN_MS = 2_000;
const TOLD_KEPT_MAX = 10_000;
/** Less than this of a fact is none. */
const LEAST = 0.01;

/** What a client did as this process knows it. */
interface Sender {
  readonly key: string;
  readonly tally: Tally<ThreatFact>;
  /** When it was last asked what other processes know of it. */
  askedAtMs: number;
}

const senders = perApp(() => new BoundedMap<string, Sender>(SENDERS_KEPT_MAX));

/** What the actor did lately: as this process saw it, and others a moment ago. */
export function senderFacts(app: App, actor: Actor): Map<ThreatFact, number> {
  const facts = new Map<ThreatFact, number>();
  if (!JUDGED.includes(actor.kind)) return facts;
  const sender = senderOf(app, actor);
  if (performance.now() - sender.askedAtMs > ASKED_AGAIN_MS) share(app, actor, sender);
  const nowMs = app.clock.now().getTime();
  for (const fact of SENDER_FACTS) {
    const value = sender.tally.at(fact, nowMs);
    if (value >= LEAST) facts.set(fact, value);
  }
  return facts;
}

/**
 * Counts against the client that acts, and against nobody whom it only names, that it did so again; blocks it where
 * that is too often by its tenant's rules, whichever processes it went to. The shell and ourselves are never judged.
 */
export async function countAgainst(app: App, actor: Actor, fact: ThreatFact, by = 1): Promise<void> {
  if (!JUDGED.includes(actor.kind) || !SENDER_FACTS.includes(fact)) return;
  const sender = senderOf(app, actor);
  sender.tally.add(fact, by, app.clock.now().getTime());
  share(app, actor, sender);
  await judgeSender(app, actor, sender);
}

function senderOf(app: App, { tenantNo, principalId }: Actor): Sender {
  const key = `client:${tenantNo}:${principalId}`;
  const known = senders(app).get(key);
  if (known !== undefined) return known;
  const sender = { key, tally: new Tally<ThreatFact>(HALF_LIFE_MS), askedAtMs: Number.NEGATIVE_INFINITY };
  senders(app).set(key, sender);
  return sender;
}

/** What others counted may be what is too much. */
function share(app: App, actor: Actor, sender: Sender): void {
  sender.askedAtMs = performance.now();
  const { key, tally } = sender;
  const shared = (isMore: boolean) => (isMore ? judgeSender(app, actor, sender) : undefined);
  shareSoon(app, { key, tally, shared });
}

async function judgeSender(app: App, actor: Actor, { key, tally }: Sender): Promise<void> {
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
  // It begins anew once its block has ended.
  if (finding.verdict === ThreatVerdict.QUARANTINE) await clearTally(app, key, tally);
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
