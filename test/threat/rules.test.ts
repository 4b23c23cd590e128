import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseRuleset, rulesetJsonSchema } from "../../src/threat/document.js";
import { ThreatFact, ThreatSubject, ThreatVerdict } from "../../src/threat/entities.js";
import {
  DEFAULT_RULES,
  isKnownOf,
  judge,
  movedPercent,
  pointsOf,
  rulesetProblem,
  type ThreatRule,
  type ThreatRuleset,
} from "../../src/threat/rules.js";

const { BATCH, CLIENT } = ThreatSubject;
const value = fc.double({ min: 0, max: 10_000, noNaN: true });
const rule: fc.Arbitrary<ThreatRule> = fc
  .record({
    id: fc.stringMatching(/^[a-z0-9-]{1,20}$/),
    subject: fc.constantFrom(...Object.values(ThreatSubject)),
    fact: fc.constantFrom(...Object.values(ThreatFact)),
    bounds: fc.tuple(value, value),
    points: fc.nat(1_000),
  })
  .map(({ bounds: [a, b], ...rest }) => ({ ...rest, from: Math.min(a, b), full: Math.max(a, b) }));
const ruleset: fc.Arbitrary<ThreatRuleset> = fc
  .array(rule, { maxLength: 30 })
  .map((rules) => ({ ...DEFAULT_RULES, rules }));
const facts = fc
  .array(fc.tuple(fc.constantFrom(...Object.values(ThreatFact)), value))
  .map((pairs) => new Map<ThreatFact, number>(pairs));

describe("a verdict", () => {
  test("a larger fact never gives a lower score or a milder verdict", () => {
    fc.assert(
      fc.property(ruleset, facts, fc.constantFrom(...Object.values(ThreatFact)), value, (rules, known, fact, more) => {
        const before = judge(rules, BATCH, known, 100);
        const worse = new Map(known).set(fact, (known.get(fact) ?? 0) + more);
        const after = judge(rules, BATCH, worse, 100);
        expect(after.score).toBeGreaterThanOrEqual(before.score);
        expect(rank(after.verdict)).toBeGreaterThanOrEqual(rank(before.verdict));
      }),
    );
  });

  test("is explained: what the rules gave sums to the score, most first, and only of its own subject", () => {
    fc.assert(
      fc.property(ruleset, facts, (rules, known) => {
        const { score, contributions } = judge(rules, CLIENT, known, 100);
        const points = contributions.map((each) => each.points);
        expect(points.reduce((sum, each) => sum + each, 0)).toBe(score);
        expect(points).toEqual(points.toSorted((a, b) => b - a));
        const own = new Set(rules.rules.filter(({ subject }) => subject === CLIENT).map(({ id }) => id));
        expect(contributions.every((each) => own.has(each.rule) && each.points > 0)).toBe(true);
      }),
    );
  });

  test("higher thresholds are never stricter", () => {
    fc.assert(
      fc.property(ruleset, facts, fc.integer({ min: 50, max: 200 }), fc.integer({ min: 50, max: 200 }), (...row) => {
        const [rules, known, a, b] = row;
        const [strict, patient] = [
          judge(rules, BATCH, known, Math.min(a, b)),
          judge(rules, BATCH, known, Math.max(a, b)),
        ];
        expect(rank(patient.verdict)).toBeLessThanOrEqual(rank(strict.verdict));
      }),
    );
  });

  test("points begin at `from`, end at `full` and are whole in between", () => {
    const ramp = { id: "r", subject: BATCH, fact: ThreatFact.VOLUME, from: 4, full: 8, points: 41 };
    expect([3.99, 4, 6, 7.99, 8, 800, Number.NaN].map((each) => pointsOf(ramp, each))).toEqual([
      0, 0, 20, 40, 41, 41, 0,
    ]);
    expect(pointsOf({ ...ramp, from: 8 }, 8)).toBe(41);
  });

  test("feedback moves thresholds by its step and never past its bounds", () => {
    const feedback = { stepPercent: 7, minPercent: 75, maxPercent: 150 };
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 60 }), (judgements) => {
        let percent = 100;
        for (const isConfirmed of judgements) {
          const moved = movedPercent(feedback, percent, isConfirmed);
          expect(isConfirmed ? moved <= percent : moved >= percent).toBe(true);
          expect(Math.abs(moved - percent)).toBeLessThanOrEqual(7);
          percent = moved;
          expect(percent >= 75 && percent <= 150).toBe(true);
        }
      }),
    );
  });
});

describe("the rules of who has none", () => {
  test("are in order by their own form", () => {
    expect(parseRuleset(JSON.parse(JSON.stringify(DEFAULT_RULES)))).toEqual(DEFAULT_RULES);
  });

  test("no single fact quarantines a batch, however large", () => {
    for (const fact of Object.values(ThreatFact)) {
      const { verdict } = judge(DEFAULT_RULES, BATCH, new Map([[fact, 1e9]]), 100);
      expect([fact, verdict]).not.toEqual([fact, ThreatVerdict.QUARANTINE]);
    }
  });

  test("a stolen key, used from elsewhere at night for much more than ever, is quarantined", () => {
    const stolen = new Map([
      [ThreatFact.NEW_ADDRESS, 1],
      [ThreatFact.HOUR, 1],
      [ThreatFact.VOLUME, 8],
      [ThreatFact.AMOUNT, 9],
    ]);
    expect(judge(DEFAULT_RULES, BATCH, stolen, 100).verdict).toBe(ThreatVerdict.QUARANTINE);
  });
});

describe("a document", () => {
  test("schema/threat-rules.schema.json is its form", async () => {
    const text = `${JSON.stringify(rulesetJsonSchema(), null, 2)}\n`;
    await expect(text).toMatchFileSnapshot("../../schema/threat-rules.schema.json");
  });

  test.each([
    ["/version", { version: 2 }],
    ["/history/days", { history: { days: -1, batches: 0 } }],
    ["/thresholds/BATCH/reviewAt", thresholds({ reviewAt: 90, quarantineAt: 80 })],
    ["/rules/1/id", { rules: [DEFAULT_RULES.rules[0], DEFAULT_RULES.rules[0]] }],
    ["/rules/0/from", { rules: [{ ...DEFAULT_RULES.rules[0], from: 2 }] }],
    ["/rules/0/fact", { rules: [{ ...DEFAULT_RULES.rules[0], subject: CLIENT }] }],
    ["/rules/0/fact", { rules: [{ ...DEFAULT_RULES.rules[0], fact: "LUCK" }] }],
    ["/feedback/maxPercent", { feedback: { ...DEFAULT_RULES.feedback, maxPercent: 1_000 } }],
    ["/", { other: 1 }],
  ])("wrong at %s is refused there", (path, change) => {
    const refused = () => parseRuleset({ ...DEFAULT_RULES, ...change });
    expect(refused).toThrow(
      expect.objectContaining({ code: "VALIDATION", details: expect.objectContaining({ path }) }),
    );
  });

  test("may look at every fact of some subject", () => {
    for (const fact of Object.values(ThreatFact)) {
      expect(Object.values(ThreatSubject).some((subject) => isKnownOf(subject, fact))).toBe(true);
    }
    expect(rulesetProblem(DEFAULT_RULES)).toBeNull();
  });
});

function thresholds(batch: { readonly reviewAt: number; readonly quarantineAt: number }) {
  return { thresholds: { ...DEFAULT_RULES.thresholds, BATCH: batch } };
}

function rank(verdict: ThreatVerdict): number {
  return Object.values(ThreatVerdict).indexOf(verdict);
}
