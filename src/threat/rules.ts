import { ThreatFact, ThreatSubject, ThreatVerdict } from "./entities.js";

/** What one fact gives to the score of one kind of subject. */
export interface ThreatRule {
  readonly id: string;
  readonly subject: ThreatSubject;
  readonly fact: ThreatFact;
  /** The fact's value from which on it gives points. */
  readonly from: number;
  /** The value from which on it gives all of them; in between it gives a part. */
  readonly full: number;
  readonly points: number;
}

/** From which score on a verdict is given. */
export interface VerdictThresholds {
  readonly reviewAt: number;
  readonly quarantineAt: number;
}

/** A tenant's rules: a document's content. */
export interface ThreatRuleset {
  readonly version: 1;
  /** Before a partner has so much of a past, nothing is said to be unusual for it. */
  readonly history: { readonly days: number; readonly batches: number };
  readonly thresholds: Readonly<Record<ThreatSubject, VerdictThresholds>>;
  /** How far one judgement moves a partner's thresholds, and how far all of them may, in per cent. */
  readonly feedback: { readonly stepPercent: number; readonly minPercent: number; readonly maxPercent: number };
  /** For how long a client is blocked automatically. */
  readonly block: { readonly minutes: number };
  readonly rules: readonly ThreatRule[];
}

/** What is known of a subject; a fact that is not there is not known. */
export type Facts = ReadonlyMap<ThreatFact, number>;

/** What one rule gave. */
export interface Contribution {
  readonly rule: string;
  readonly fact: ThreatFact;
  readonly value: number;
  readonly points: number;
}

/** A verdict with its reasons. */
export interface Finding extends VerdictThresholds {
  readonly verdict: ThreatVerdict;
  /** The sum of what the rules gave. */
  readonly score: number;
  /** Rules that gave anything, the most first. */
  readonly contributions: readonly Contribution[];
}

const { BATCH, CLIENT, PARTNER } = ThreatSubject;
const { SIGNATURE_FAILURES, REPLAYS, ENUMERATION, QUARANTINED_BATCHES } = ThreatFact;
const { DUPLICATE_RATIO, AUTHENTICATION_FAILURES } = ThreatFact;

/** A verdict is not told again within so long, unless it became worse. */
export const TOLD_AGAIN_MS = 600_000;

/** Facts of a sender, whatever it sends. */
export const SENDER_FACTS: readonly ThreatFact[] = [SIGNATURE_FAILURES, REPLAYS, ENUMERATION, QUARANTINED_BATCHES];

/** Whether a fact is known when that kind of subject is assessed. */
export function isKnownOf(subject: ThreatSubject, fact: ThreatFact): boolean {
  if (subject === PARTNER) return fact === DUPLICATE_RATIO;
  if (subject === CLIENT) return SENDER_FACTS.includes(fact) || fact === AUTHENTICATION_FAILURES;
  return fact !== DUPLICATE_RATIO && fact !== AUTHENTICATION_FAILURES;
}

/**
 * The rules of a tenant that has none of its own. No fact quarantines a batch alone, and a tenfold burst is no fact at
 * all; a stolen key shows by several at once.
 */
export const DEFAULT_RULES: ThreatRuleset = {
  version: 1,
  history: { days: 7, batches: 200 },
  thresholds: {
    [BATCH]: { reviewAt: 50, quarantineAt: 85 },
    [CLIENT]: { reviewAt: 50, quarantineAt: 90 },
    [PARTNER]: { reviewAt: 50, quarantineAt: 100 },
  },
  feedback: { stepPercent: 5, minPercent: 75, maxPercent: 150 },
  block: { minutes: 15 },
  rules: [
    rule("new-key", BATCH, ThreatFact.NEW_KEY, [1, 1], 20),
    rule("new-address", BATCH, ThreatFact.NEW_ADDRESS, [0.5, 0.9], 25),
    rule("unusual-hour", BATCH, ThreatFact.HOUR, [0.95, 1], 15),
    rule("unusual-volume", BATCH, ThreatFact.VOLUME, [4, 8], 40),
    rule("unusual-amount", BATCH, ThreatFact.AMOUNT, [5, 9], 40),
    rule("players-win-too-much", BATCH, ThreatFact.RTP_HIGH, [3, 10], 60),
    rule("failing-signatures-before", BATCH, SIGNATURE_FAILURES, [5, 50], 30),
    rule("failing-signatures", CLIENT, SIGNATURE_FAILURES, [30, 150], 100),
    rule("replays", CLIENT, REPLAYS, [1_000, 5_000], 60),
    rule("guessing-ids", CLIENT, ENUMERATION, [500, 2_000], 100),
    rule("quarantined-batches", CLIENT, QUARANTINED_BATCHES, [10, 50], 100),
    rule("failing-authentications", CLIENT, AUTHENTICATION_FAILURES, [20, 50], 60),
    rule("duplicates", PARTNER, DUPLICATE_RATIO, [0.5, 0.9], 60),
  ],
};

function rule(
  id: string,
  subject: ThreatSubject,
  fact: ThreatFact,
  [from, full]: readonly [number, number],
  points: number,
): ThreatRule {
  return { id, subject, fact, from, full, points };
}

/**
 * What the facts of a subject come to by a tenant's rules: each rule gives up to its points, thresholds decide by their
 * sum. `percent` is how far people moved the thresholds: 100 as the rules say, more is more patient. A larger fact
 * never gives less.
 */
export function judge(rules: ThreatRuleset, subject: ThreatSubject, facts: Facts, percent: number): Finding {
  const contributions: Contribution[] = [];
  let score = 0;
  for (const each of rules.rules) {
    if (each.subject !== subject) continue;
    const value = facts.get(each.fact);
    const points = value === undefined ? 0 : pointsOf(each, value);
    if (value === undefined || points === 0) continue;
    score += points;
    contributions.push({ rule: each.id, fact: each.fact, value: rounded(value), points });
  }
  const base = rules.thresholds[subject];
  const reviewAt = Math.round((base.reviewAt * percent) / 100);
  const quarantineAt = Math.round((base.quarantineAt * percent) / 100);
  const verdict = verdictOf(score, { reviewAt, quarantineAt });
  contributions.sort((a, b) => b.points - a.points);
  return { verdict, score, reviewAt, quarantineAt, contributions };
}

/** Points of a rule for a value of its fact: whole, and none below `from`. */
export function pointsOf({ from, full, points }: ThreatRule, value: number): number {
  if (!(value >= from)) return 0;
  if (value >= full) return points;
  return Math.floor((points * (value - from)) / (full - from));
}

/** The rules that gave anything, in one text whatever their order: what makes two verdicts the same. */
export function rulesIn(contributions: readonly Pick<Contribution, "rule">[]): string {
  return contributions
    .map(({ rule: id }) => id)
    .toSorted()
    .join(" ");
}

/** Where thresholds stand after a judgement: dismissed verdicts make them more patient, confirmed ones less. */
export function movedPercent(
  { stepPercent, minPercent, maxPercent }: ThreatRuleset["feedback"],
  percent: number,
  isConfirmed: boolean,
): number {
  const moved = isConfirmed ? percent - stepPercent : percent + stepPercent;
  return Math.min(Math.max(moved, minPercent), maxPercent);
}

/** What is wrong with rules whose shape is right: a JSON pointer, and how the sentence goes on. */
export function rulesetProblem({ thresholds, rules }: ThreatRuleset): readonly [string, string] | null {
  for (const subject of Object.values(ThreatSubject)) {
    const { reviewAt, quarantineAt } = thresholds[subject];
    if (reviewAt > quarantineAt) return [`/thresholds/${subject}/reviewAt`, "is above quarantineAt"];
  }
  const ids = new Set<string>();
  for (const [index, { id, subject, fact, from, full }] of rules.entries()) {
    if (ids.has(id)) return [`/rules/${index}/id`, "is taken by another rule"];
    ids.add(id);
    if (from > full) return [`/rules/${index}/from`, "is above full"];
    if (!isKnownOf(subject, fact)) return [`/rules/${index}/fact`, `is not known of a ${subject}`];
  }
  return null;
}

function verdictOf(score: number, { reviewAt, quarantineAt }: VerdictThresholds): ThreatVerdict {
  if (score >= quarantineAt) return ThreatVerdict.QUARANTINE;
  return score >= reviewAt ? ThreatVerdict.REVIEW : ThreatVerdict.PASS;
}

/** To four digits, so that what is kept reads well. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
